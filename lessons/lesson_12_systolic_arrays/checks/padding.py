"""Exercise 12.2: the share of the weights in whole tiles that is real."""

import math

from labkit.teach.registry import always, exercise, solution

_real_share = solution("12.2")


@exercise(
    "12.2",
    title="the cost of padding",
    wrong=[
        (always(0.25390625), "expected 1"),
        (lambda k, n, r, c: 1 - _real_share(k, n, r, c), "the share that is real"),
        (lambda k, n, r, c: 1 / _real_share(k, n, r, c), "at most 1"),
        (lambda k, n, r, c: n / (math.ceil(n / c) * c), "both sides"),
        (lambda k, n, r, c: k / (math.ceil(k / r) * r), "both sides"),
        (lambda k, n, r, c: min(1.0, k * n / (r * c)), "whole tiles"),
        (
            lambda k, n, r, c: k * n / ((k // r + 1) * r * (n // c + 1) * c),
            "fits exactly",
        ),
    ],
)
def real_share(answer, rng):
    got = answer(128, 128, 128, 128)
    assert math.isclose(got, 1) or not math.isclose(got, 0.25), (
        "128 × 128 weights on 128 × 128 cells: got 0.25, but that fits exactly, into one tile"
    )
    assert not math.isclose(got, 0), (
        "got 0 where nothing is padding: return the share that is real, not the rest"
    )
    assert math.isclose(got, 1), f"128 × 128 weights fill 128 × 128 cells: got {got:g}, expected 1"
    got = answer(129, 129, 128, 128)
    assert got <= 1, f"129 on 128: got {got:g}, but a share is at most 1: real weights ÷ all slots"
    assert not math.isclose(got, 129 / 256), "both sides are padded, rows and columns"
    assert not math.isclose(got, 1), (
        "129 on 128: got 1, but weights come in whole tiles, here four, and most of it is padding"
    )
    cases = [(129, 129, 128, 128)]
    cases += [tuple(rng.randint(1, 600) for _ in range(4)) for _ in range(20)]
    for k, n, rows, columns in cases:
        got, right = answer(k, n, rows, columns), _real_share(k, n, rows, columns)
        assert math.isclose(got, right), (
            f"fresh sizes: {k} × {n} weights on {rows} × {columns} cells: got {got:.4g}, expected "
            f"{right:.4g}: real weights ÷ weights in whole tiles"
        )
