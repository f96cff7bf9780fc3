"""Exercise 17.2: the fewest micro-batches for a bubble of a given share."""

import math

from labkit.teach.registry import always, exercise, solution

_fewest = solution("17.2")


def _rounded_up(least):
    return max(1, math.ceil(round(least, 9)))


@exercise(
    "17.2",
    title="a budget for the bubble",
    wrong=[
        (always(64), "fresh numbers"),
        (lambda x, p, v: _rounded_up((p - 1) / v / x), "of the whole step"),
        (lambda x, p, v: _rounded_up((p - 1) * (1 - x) / x), "pieces"),
        (lambda x, p, v: _rounded_up(p / v * (1 - x) / x), "pp - 1"),
        (lambda x, p, v: max(1, math.floor((p - 1) / v * (1 - x) / x)), "at most"),
        (lambda x, p, v: (p - 1) / v * (1 - x) / x, "whole number"),
        (lambda x, p, v: math.ceil(round((p - 1) / v * (1 - x) / x, 9)), "at least 1"),
        (lambda x, p, v: _rounded_up((p - 1) * v * (1 - x) / x), "smaller"),
        (lambda x, p, v: _fewest(x, p, v) + 1, "one fewer"),
        (lambda x, p, v: _rounded_up(math.ceil((p - 1) / v) * (1 - x) / x), "one fewer"),
    ],
)
def micro_batches_for(answer, rng):
    cases = [
        (rng.uniform(0.02, 0.4), rng.randint(2, 64), rng.choice((1, 2, 3, 5, 8))) for _ in range(12)
    ]
    cases += [(0.1, 4, 1), (0.25, 9, 2), (0.2, 17, 4), (0.3, 1, 1), (0.05, 12, 5)]
    for share, pp, vp in cases:
        _one_budget(answer(share, pp, vp), share, pp, vp)


def _one_budget(got, share, pp, vp):
    right, bubble = _fewest(share, pp, vp), (pp - 1) / vp
    case = f"share {share:.3g}, pp {pp}, vp {vp}: got {got:g}, expected {right}"
    if got == right:
        return
    assert got == int(got), f"{case}: give a whole number of micro-batches"
    assert got >= 1, f"{case}: a step has at least 1 micro-batch"
    for wrong, hint in (
        (bubble / share, "the share is of the whole step, with the bubble in it: b / (m + b)"),
        ((pp - 1) * (1 - share) / share, "each stage has vp pieces: b is (pp - 1) / vp"),
        (pp / vp * (1 - share) / share, "one stage is at work at once: b is (pp - 1) / vp"),
        ((pp - 1) * vp * (1 - share) / share, "pieces make the bubble smaller, not larger"),
    ):
        assert got != _rounded_up(wrong), f"{case}: {hint}"
    if got < right:
        takes = bubble / (got + bubble)
        raise AssertionError(f"{case}: the bubble then takes {takes:.4g}: at most {share:.4g}")
    raise AssertionError(f"{case}: wrong on fresh numbers, one fewer would do as well")
