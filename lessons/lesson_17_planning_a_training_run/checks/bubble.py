"""Exercise 17.2: the fewest micro-batches for a bubble of a given share."""

import math

from labkit.teach.registry import always, exercise, solution

_fewest = solution("17.2")


def _rounded_up(least):
    return max(1, math.ceil(round(least, 9)))


# What people arrive at, and what to say to them.
_SUSPECTS = (
    (lambda x, p, v: _rounded_up((p - 1) / v / x),
     "the share is of the whole step, with the bubble in it: b / (m + b)"),
    (lambda x, p, v: _rounded_up((p - 1) * (1 - x) / x),
     "each stage has vp pieces: b is (pp - 1) / vp"),
    (lambda x, p, v: _rounded_up(p / v * (1 - x) / x),
     "one of the stages is always at work first: b is (pp - 1) / vp"),
    (lambda x, p, v: _rounded_up((p - 1) * v * (1 - x) / x),
     "pieces make the bubble smaller, not larger: b is (pp - 1) / vp"),
)  # fmt: skip


@exercise(
    "17.2",
    title="a budget for the bubble",
    wrong=[
        (always(64), "fresh numbers"),
        (_SUSPECTS[0][0], "of the whole step"),
        (_SUSPECTS[1][0], "vp pieces"),
        (_SUSPECTS[2][0], "always at work first"),
        (_SUSPECTS[3][0], "smaller, not larger"),
        (lambda x, p, v: max(1, math.floor((p - 1) / v * (1 - x) / x)), "too few"),
        (lambda x, p, v: (p - 1) / v * (1 - x) / x, "whole number"),
        (lambda x, p, v: math.ceil(round((p - 1) / v * (1 - x) / x, 9)), "at least 1"),
        (lambda x, p, v: _fewest(x, p, v) + 1, "one fewer"),
        (lambda x, p, v: math.ceil((p - 1) / v * (1 - x) / x) or 1, "rounding"),
        (lambda x, p, v: max(1, round(round((p - 1) / v * (1 - x) / x, 9) + 0.5)), "one fewer"),
        (lambda x, p, v: max(1, int((p - 1) / v * (1 - x) / x) + 1), "one fewer"),
    ],
)
def micro_batches_for(answer, rng):
    cases = [
        (rng.uniform(0.02, 0.4), rng.randint(2, 64), rng.choice((1, 2, 3, 5, 8))) for _ in range(12)
    ]
    cases += [(0.25, 4, 1), (0.25, 11, 2)]  # an odd whole number, from powers of two
    cases += [(0.2, 4, 2), (0.2, 7, 1), (0.25, 9, 2), (0.2, 17, 4), (0.3, 1, 1), (0.05, 12, 5)]
    got = [answer(*case) for case in cases]
    for suspect, hint in _SUSPECTS:
        guessed = [suspect(*case) for case in cases]
        assert got != guessed or guessed == [_fewest(*case) for case in cases], hint
    for micro_batches, case in zip(got, cases, strict=True):
        _one_budget(micro_batches, *case)


def _one_budget(got, share, pp, vp):
    right, bubble = _fewest(share, pp, vp), (pp - 1) / vp
    case = f"share {share:.3g}, pp {pp}, vp {vp}: got {got:g}, expected {right}"
    if got == right:
        return
    assert got == int(got), f"{case}: give a whole number of micro-batches"
    assert got >= 1, f"{case}: a step has at least 1 micro-batch"
    if got < right:
        takes = bubble / (got + bubble)
        raise AssertionError(f"{case}: too few, because the bubble then takes {takes:.4g}")
    exact = math.isclose(right, bubble * (1 - share) / share)
    why = ": that's rounding, so round before you take the ceiling" if exact else ""
    raise AssertionError(f"{case}: wrong on fresh numbers, one fewer would do as well{why}")
