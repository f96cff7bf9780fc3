"""Exercise 08.2: the best register tile."""

import numpy as np

from labkit.teach.registry import always, exercise, solution

_best = solution("08.2")
_SIDES = [2**n for n in range(9)]


def _among(n_registers, taken, cost):
    fits = [(r, s) for r in _SIDES for s in _SIDES if s <= r and taken(r, s) <= n_registers]
    return min(fits, key=lambda tile: cost(*tile))


def _taken(r, s):
    return r * s + r + s


def _loads(r, s):
    return (r + s) / (r * s)


@exercise(
    "08.2",
    title="the best register tile",
    wrong=[
        (always((8, 8)), "fewer"),
        (always((1, 1)), "fewer"),
        (always(64), "(r, s)"),
        (lambda n: _among(n, lambda r, s: r * s, _loads), "and the r + s numbers"),
        (lambda n: _among(n, lambda r, s: r * s + r, _loads), "and the r + s numbers"),
        (lambda n: _among(n, _taken, lambda r, s: r + s), "fewer"),
        (lambda n: _among(n, _taken, lambda r, s: -r), "fewer"),
        (lambda n: _among(n, lambda r, s: _taken(r, s) if r == s else 10**9, _loads), "fewer"),
        (lambda n: _among(max(3, n - 1), _taken, _loads), "fewer"),
        (lambda n: _best(n)[::-1], "the larger side first"),
        (lambda n: (_best(n)[0], _best(n)[1] + 1), "a power of two"),
        (lambda n: _best(min(n, 255)), "fewer"),
    ],
)
def best_register_tile(answer, rng):
    exact = [_taken(r, s) for r, s in ((8, 4), (8, 8), (4, 4), (16, 8), (16, 16), (2, 1), (1, 1))]
    for n_registers in (
        80,
        255,
        *exact,
        *(n - 1 for n in exact[:-1]),
        *rng.sample(range(3, 300), 9),
    ):
        got = answer(n_registers)
        case = f"{n_registers} registers: got {got}"
        assert np.shape(got) == (2,), f"{case}: give a pair, (r, s)"
        r, s = got
        assert {r, s} <= set(_SIDES), f"{case}: each side is a power of two"
        assert r >= s, f"{case}: give the larger side first"
        assert _taken(r, s) <= n_registers, (
            f"{case}: {_taken(r, s)} registers are too many. Count the r × s sums and the r + s "
            f"numbers that it keeps for each k"
        )
        right = _best(n_registers)
        assert got == right, (
            f"{case}, which needs {_loads(r, s):.3f} loads for each multiply-add. "
            f"Another tile that fits needs fewer: {_loads(*right):.3f}"
        )
