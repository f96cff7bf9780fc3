"""Exercise 03.2: the smallest number of threads for a speed-up."""

import math

from labkit.teach.registry import always, exercise, solution

_amdahl = solution("03.1")
_threads_for = solution("03.2")


def _searched(largest):
    def search(wanted, s):
        if wanted > 1 and wanted * s >= 1:
            return math.inf
        return min(_threads_for(wanted, s), largest)

    return search


def _by_division(wanted, s):
    """Raises ZeroDivisionError where wanted is exactly 1 / s."""
    if wanted <= 1:
        return 1
    return math.inf if 1 / wanted < s else math.ceil((1 - s) / (1 / wanted - s))


def _never_before_one(wanted, s):
    """Asks for the ceiling first, and so sends away who wants no more than one thread."""
    return math.inf if wanted * s >= 1 else _threads_for(wanted, s)


def _floor_and_one(wanted, s):
    if wanted <= 1 or wanted * s >= 1:
        return _threads_for(wanted, s)
    return math.floor(wanted * (1 - s) / (1 - wanted * s)) + 1


@exercise(
    "03.2",
    title="how many threads",
    wrong=[
        (always(64), "got 64"),
        (lambda w, s: math.ceil(w), "serial part takes its time"),
        (lambda w, s: math.ceil(w / (1 - s)), "times faster"),
        (lambda w, s: _threads_for(w, s) - 1, "times faster"),
        (lambda w, s: _threads_for(w, s) + 1, "fewer are enough"),
        (lambda w, s: _threads_for(w, s) + 0.5, "whole number"),
        (lambda w, s: 10**9 if w * s >= 1 else _threads_for(w, s), "no number of threads"),
        (_searched(2000), "the closer wanted comes to 1 / s"),
        (_searched(10**6), "the closer wanted comes to 1 / s"),
        (lambda w, s: math.inf if w * s > 0.96 else _threads_for(w, s), "some number of threads"),
        (_by_division, "wanted is exactly 1 / s"),
        (
            lambda w, s: 10**9 if w * s == 1 else _threads_for(w, s),
            "wanted is exactly 1 / s",
        ),
        (_floor_and_one, "a whole number already"),
        (_never_before_one, "one thread is enough"),
        (lambda w, s: -5 if w <= 1 else _threads_for(w, s), "one thread is enough"),
        (lambda w, s: max(2, _threads_for(w, s)), "one thread is enough"),
        (lambda w, s: math.inf if w >= 1 / s else _threads_for(w, s), "nothing is serial"),
    ],
)
def threads_for(answer, rng):
    for _ in range(20):
        s = rng.uniform(0.01, 0.2)
        _one_number(answer, rng.uniform(2, 0.95 / s), s)
    for s in (rng.uniform(0.01, 0.2), 1.0):
        _never(answer, rng.uniform(1.05, 3) / s, s, f"1 / s is {1 / s:.1f}")
    for wanted in (1, 1.0, rng.uniform(0.1, 0.9)):
        _one_number(answer, wanted, s=rng.uniform(0.01, 0.5), hint="one thread is enough")
    # Near the ceiling, and far from it: a program that searches still ends in time.
    for share in (0.97, 0.999, 0.99999):
        s = rng.uniform(0.04, 0.06)
        _one_number(answer, share / s, s, "the closer wanted comes to 1 / s, the more it takes")
    # Powers of two have no rounding, whichever way they are computed.
    power = rng.randint(2, 6)
    s = 0.5**power
    _one_number(answer, 1 / s / 2, s, "what you round up is a whole number already")
    try:
        _never(answer, 1 / s, s, "wanted is exactly 1 / s, and the rest takes time as well")
    except ZeroDivisionError:
        raise AssertionError(
            f"{1 / s:g} times faster with s = {s:g}: you divide by 0, as wanted is exactly 1 / s "
            f"here: no number of threads reaches that, so return math.inf"
        ) from None
    try:
        for wanted in (2**power, rng.randint(2, 30) + rng.uniform(0.2, 0.8)):
            _one_number(answer, wanted, 0.0, "nothing is serial")
    except ZeroDivisionError:
        raise AssertionError(
            "your code divides by s, which is 0 where nothing is serial: compare wanted * s with 1"
        ) from None
    for wanted in (1, rng.uniform(0.1, 0.9)):
        _one_number(answer, wanted, s=1.0, hint="one thread is enough, though all is serial")


def _never(answer, wanted, s, why):
    got = answer(wanted, s)
    assert got == math.inf, (
        f"{wanted:.4g} times faster with s = {s:.4g}: got {got}, and no number of threads reaches "
        f"that, because {why}: return math.inf"
    )


def _one_number(answer, wanted, s, hint=""):
    got, right = answer(wanted, s), _threads_for(wanted, s)
    case, hint = f"{wanted:.7g} times faster with s = {s:.4g}: got {got}", hint and f" ({hint})"
    assert got != math.inf, f"{case}, but some number of threads reaches that: {right}{hint}"
    assert got == int(got), f"{case}: answer with a whole number"
    assert got > 0, f"{case}, but a program runs on one thread at least: {right}{hint}"
    assert got != math.ceil(wanted) or got == right, (
        f"{case}. That forgets that the serial part takes its time on any number of threads"
    )
    assert got >= right, f"{case}, and they are only {_amdahl(got, s):.7g} times faster{hint}"
    assert got == right, f"{case}, but fewer are enough: {right}{hint}"
