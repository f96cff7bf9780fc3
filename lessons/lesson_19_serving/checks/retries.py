"""Exercise 19.4: retries that outlast an outage."""

import math

from labkit.teach.registry import always, exercise, solution

_needed = solution("19.4")


def _counting(wait_of, least=0):
    """A wrong answer that adds up other waits."""

    def retries_needed(outage_s, initial_s, longest_s):
        waited_s, n = 0.0, 0
        while waited_s < outage_s and n < 10_000:
            waited_s += wait_of(n, initial_s, longest_s)
            n += 1
        return max(n, least)

    return retries_needed


def _stays_below(outage_s, initial_s, longest_s):
    """A wrong answer: the wait grows only as long as the next one would be short enough."""
    waited_s, wait_s, n = 0.0, initial_s, 0
    while waited_s < outage_s:
        waited_s += wait_s
        wait_s = 2 * wait_s if 2 * wait_s <= longest_s else wait_s
        n += 1
    return n


_capped = _counting(lambda n, first, most: min(first * 2**n, most))


@exercise(
    "19.4",
    title="retries that outlast an outage",
    wrong=[
        (always(8), "got 8"),
        (_counting(lambda n, first, most: first * 2**n), "never longer than"),
        (_counting(lambda n, first, most: first), "twice as long"),
        (_counting(lambda n, first, most: most), "begin with"),
        (_counting(lambda n, first, most: min(first * 2 ** (n + 1), most)), "the first wait"),
        (_counting(lambda n, first, most: min(first * (n + 1), most)), "twice as long"),
        (lambda out, first, most: _capped(out, first, most) - 1, "one more"),
        (lambda out, first, most: _capped(out, first, most) + 1, "the first try isn't a retry"),
        (lambda out, first, most: math.ceil(out / most), "begin with"),
        (_stays_below, "reach longest_s"),
        (lambda out, first, most: _capped(out + 1e-9, first, most), "just the outage are enough"),
        (_counting(lambda n, first, most: min(first * 1.5**n, most)), "add up"),
        (_counting(lambda n, first, most: min(first * 2**n, most / 2)), "add up"),
        (lambda out, first, most: math.ceil(math.log2(out / first + 1)), "never longer than"),
        (_counting(lambda n, first, most: min(first * 2**n, most), least=1), "nothing was gone"),
        (
            lambda out, first, most: next(n for n in range(10**4) if first * 2**n >= out),
            "never longer than",
        ),
    ],
)
def retries(answer, rng):
    for _ in range(10):
        _one_case(answer, rng.uniform(5, 60), rng.choice((0.03, 0.05, 0.1)), rng.choice((0.7, 1.3)))
    for exactly in ((0.7, 0.1, 64.0), (3.75, 0.25, 64.0)):  # 0.1 + 0.2 + 0.4, far below the cap
        _one_case(answer, *exactly, "waits that add up to just the outage are enough")
    _one_case(answer, 0.0, 0.05, 1.0)


def _one_case(answer, outage_s, first_s, longest_s, hint=""):
    got, right = answer(outage_s, first_s, longest_s), _needed(outage_s, first_s, longest_s)
    case = f"{outage_s:.4g} s, first wait {first_s:g} s, longest {longest_s:g} s"
    if got == right:
        return
    assert got == int(got), f"{case}: got {got}: answer with a whole number"
    if outage_s == 0:
        raise AssertionError(f"{case}: got {got}, expected 0: nothing was gone")
    assert not hint or got != right + 1, f"{case}: got {got}, expected {right}: {hint}"
    others = (
        (_counting(lambda n, a, b: a * 2**n), "a wait is never longer than longest_s"),
        (_counting(lambda n, a, b: a), "each wait is twice as long as the one before"),
        (_counting(lambda n, a, b: min(a * (n + 1), b)), "twice as long, not one more"),
        (_counting(lambda n, a, b: b), "the waits begin with initial_s"),
        (lambda out, a, b: math.ceil(out / b), "the waits begin with initial_s"),
        (_stays_below, "the waits grow until they reach longest_s, and stay there"),
    )
    for other, hint in others:
        if got == other(outage_s, first_s, longest_s):
            raise AssertionError(f"{case}: got {got}, expected {right}: {hint}")
    off = {
        right - 1: "it takes one more: the first wait is initial_s",
        right + 1: "one too many: the first try isn't a retry",
    }
    hint = off.get(got, "add up the waits until they reach the outage")
    raise AssertionError(f"{case}: got {got}, expected {right}: {hint}")
