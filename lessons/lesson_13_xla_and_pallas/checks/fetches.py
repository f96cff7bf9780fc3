"""Turn 13.t5: fetches of a block."""

import itertools
import math

from labkit.teach.registry import always, exercise
from labkit.tpu import n_fetches


def _places(grid):
    return list(itertools.product(*map(range, grid)))


def _first_fastest(grid, index_map):
    return n_fetches(grid[::-1], lambda *place: index_map(*place[::-1]))


@exercise(
    "13.t5",
    title="fetches of a block",
    wrong=[
        (always(8), "got 8"),
        (lambda grid, index_map: math.prod(grid), "still there"),
        (lambda grid, index_map: len({index_map(*p) for p in _places(grid)}), "fetched again"),
        (lambda grid, index_map: n_fetches(grid, index_map) - 1, "the first step"),
        (_first_fastest, "last axis fastest"),
        (lambda grid, index_map: math.prod(grid) - n_fetches(grid, index_map), "not the others"),
    ],
)
def fetches(answer, rng):
    a, b = rng.randint(2, 5), rng.randint(6, 9)
    got = answer((a, b), lambda i, j: (i, 0))
    case = f"grid ({a}, {b}), index map (i, 0): got {got}"
    across = answer((a, b), lambda i, j: (j, 0))
    assert got != a * b or across != b, f"{case}. A grid runs with its last axis fastest"
    assert got != a * b, f"{case}. In {a * b - a} of the steps the block is still there"
    assert got != a - 1, f"{case}. In the first step nothing is there yet: that is a fetch too"
    assert got != a * b - a, f"{case}. Count the steps with a new block, not the others"
    assert got == a, f"{case}, expected {a}"
    assert across != b, (
        f"grid ({a}, {b}), index map (j, 0): got {across}. Only the last block is kept: one "
        f"that was there before that is fetched again"
    )
    for _ in range(10):
        grid = tuple(rng.randint(1, 4) for _ in range(3))
        order = rng.sample(range(3), 2)

        def index_map(*place, order=order):
            return tuple(place[axis] for axis in order)

        got, right = answer(grid, index_map), n_fetches(grid, index_map)
        names = ", ".join("ijk"[axis] for axis in order)
        assert got == right, f"grid {grid}, index map ({names}): got {got}, expected {right}"
