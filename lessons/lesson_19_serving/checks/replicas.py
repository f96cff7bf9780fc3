"""Exercise 19.3: replicas, by Little's law."""

import math

from labkit.teach.registry import always, exercise, solution

_replicas = solution("19.3")


@exercise(
    "19.3",
    title="how many replicas",
    wrong=[
        (always(3), "got 3"),
        (lambda rate, stay, slots, busy: math.ceil(rate * stay / (slots * busy)), "spare"),
        (lambda rate, stay, slots, busy: math.ceil(rate / (slots * busy)) + 1, "how long each"),
        (lambda rate, stay, slots, busy: math.ceil(rate * stay / slots) + 1, "the share busy"),
        (lambda rate, stay, slots, busy: math.ceil(rate * stay / busy) + 1, "a replica has slots"),
        (lambda rate, stay, slots, busy: int(rate * stay / (slots * busy)) + 1, "round up"),
        (lambda rate, stay, slots, busy: math.ceil(rate / stay / (slots * busy)) + 1, "times"),
        (lambda rate, stay, slots, busy: math.ceil(rate * stay / slots * busy) + 1, "brackets"),
        (lambda rate, stay, slots, busy: math.ceil(rate * stay / (slots * (1 - busy))) + 1, "free"),
        (lambda rate, stay, slots, busy: 2 * math.ceil(rate * stay / (slots * busy)), "one spare"),
        (lambda rate, stay, slots, busy: math.ceil(rate * stay / (slots * busy)) + 2, "too many"),
        (lambda rate, stay, slots, busy: math.ceil((rate * stay + 1) / (slots * busy)), "spare"),
        (lambda *args: max(3, _replicas(*args)), "one and its spare"),
        (lambda rate, stay, slots, busy: rate * stay / (slots * busy) + 1, "whole number"),
        (lambda rate, stay, slots, busy: round(rate * stay / (slots * busy) + 0.5) + 1, "no round"),
        (lambda rate, stay, slots, busy: math.ceil(rate * stay / (slots * busy) + 1.5), "too many"),
        (
            lambda rate, stay, slots, busy: math.ceil(math.ceil(rate * stay) / (slots * busy)) + 1,
            "don't round",
        ),
        (
            lambda rate, stay, slots, busy: math.ceil(math.ceil(rate) * stay / (slots * busy)) + 1,
            "too many",
        ),
    ],
)
def how_many(answer, rng):
    _one_case(answer, 41.0, 3.0, 8, 0.6)  # each known wrong turn gives another number here
    _one_case(answer, 9.28, 0.5, 4, 0.4, "4.64 inside, on average")
    for _ in range(12):
        slots, busy = rng.choice((4, 8, 16, 32)), rng.choice((0.4, 0.5, 0.6))
        wanted = rng.randint(3, 20) + rng.uniform(0.15, 0.85)
        stay_s = rng.choice((0.2, 0.3, 4.0, 7.0))
        _one_case(answer, wanted * slots * busy / stay_s, stay_s, slots, busy)
    _one_case(answer, rng.uniform(0.1, 0.4), 0.5, 8, 0.5, "one and its spare are enough")
    # Powers of two have no rounding: what is needed is a whole number already, 8 and 9.
    for rate in (16.0, 18.0):
        _one_case(answer, rate, 2.0, 8, 0.5, "no rounding is needed")


def _one_case(answer, rate, stay_s, slots, busy, what=""):
    got, right = answer(rate, stay_s, slots, busy), _replicas(rate, stay_s, slots, busy)
    case = f"{rate:.4g} a second for {stay_s:g} s, {slots} slots, at most {busy:.0%} busy"
    if got == right:
        return
    inside, n_needed = rate * stay_s, rate * stay_s / (slots * busy)
    if got != int(got):
        raise AssertionError(f"{case}: got {got:.4g}: answer with a whole number of replicas")
    suspects = {
        math.ceil(math.ceil(inside) / (slots * busy))
        + 1: "too many: those inside are a mean, so don't round them",
        math.ceil(n_needed): "one spare comes on top",
        int(n_needed) + 1: "round up before you add the spare",
        math.ceil(rate / (slots * busy)) + 1: "it matters how long each request stays",
        math.ceil(inside / slots) + 1: "only the share busy of the slots may be used",
        math.ceil(inside / busy) + 1: "a replica has slots for several requests",
        math.ceil(rate / stay_s / (slots * busy)) + 1: "inside are rate *times* latency",
        math.ceil(inside / (slots * (1 - busy))) + 1: "busy is the share in use, not the free one",
        2 * math.ceil(n_needed): "one spare for all, not one for each",
        math.ceil(inside / slots * busy) + 1: "you multiply by busy: put brackets around the slots "
        "that may be used",
    }
    hint = suspects.get(got) or ("that's too many" if got > right else "that's too few")
    raise AssertionError(f"{case}: got {got}, expected {right}: {hint}" + f" ({what})" * bool(what))
