"""Turn 13.t2: from how many rows on a product waits for arithmetic."""

import math

from labkit.teach.registry import always, exercise


def _rows(side, ridge, *, weights_bytes=2.0, rows_bytes=4.0, flop=2.0):
    """Least b with flop b side² / (rows_bytes b side + weights_bytes side²) = ridge, a fraction."""
    return ridge * weights_bytes * side / (flop * side - ridge * rows_bytes)


def _series(side, ridge, n_terms):
    """The first terms of _rows as a power series of 2 ridge / side: close where side is large."""
    return ridge * sum((2 * ridge / side) ** n for n in range(n_terms))


def _with(**changes):
    return lambda side, ridge: math.ceil(_rows(side, ridge, **changes))


@exercise(
    "13.t2",
    title="rows until compute-bound",
    wrong=[
        (always(256), "expected"),
        (lambda side, ridge: math.ceil(ridge), "the rows move as well"),
        (_with(rows_bytes=2.0), "results are written"),
        (_with(weights_bytes=1.0, rows_bytes=2.0), "two bytes"),
        (_with(flop=1.0), "a multiplication and an addition"),
        (lambda side, ridge: math.floor(_rows(side, ridge)), "still below the ridge"),
        (lambda side, ridge: round(_rows(side, ridge)), "still below the ridge"),
        (lambda side, ridge: _rows(side, ridge), "a whole number of rows"),
        (lambda side, ridge: math.ceil(_rows(8192, ridge)), "expected"),
        (lambda side, ridge: math.floor(_rows(side, ridge)) + 1, "reach the ridge already"),
        (lambda side, ridge: round(_rows(side, ridge) + 0.5), "reach the ridge already"),
        (lambda side, ridge: math.ceil(_series(side, ridge, 5)), "expected"),
    ],
)
def compute_bound_rows(answer, rng):
    cases = [
        (side, _ridge(rng, side, above))
        for side, above in ((4096, 0.55), (2048, 0.05), (8192, 0.05), (2048, 0.55))
    ]
    # In the last, an odd number of rows reaches it exactly, and no way of solving it rounds up.
    for side, ridge in (*cases, (1040, 200.0)):
        got, right = answer(side, ridge), math.ceil(_rows(side, ridge))
        case = f"weights of {side} × {side}, ridge {ridge:.2f} FLOP/B: got {got}, expected {right}"
        assert got % 1 == 0, f"{case}. Return a whole number of rows, rounded up"
        for mistake, hint in (
            (math.ceil(ridge), "with the weights alone it would be that: the rows move as well"),
            (_with(rows_bytes=2.0)(side, ridge), "the rows are read, and the results are written"),
            (_with(weights_bytes=1.0, rows_bytes=2.0)(side, ridge), "a number has two bytes"),
            (_with(flop=1.0)(side, ridge), "each weight and row give a multiplication and an "
             "addition"),
            (right - 1, "that many rows are still below the ridge"),
            (right + 1, f"{right} rows reach the ridge already"),
        ):  # fmt: skip
            assert got != mistake, f"{case}. {hint[0].upper()}{hint[1:]}"
        assert got == right, case


def _ridge(rng, side, above):
    """A ridge at which the rows are `above` to 0.4 more than a whole number: up isn't `round`."""
    while True:
        ridge = rng.uniform(200, 300)
        if above < _rows(side, ridge) % 1 < above + 0.4:
            return ridge
