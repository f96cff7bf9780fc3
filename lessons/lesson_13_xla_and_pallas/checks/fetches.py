"""Turn 13.t5: fetches of a block."""

import itertools
import math

from labkit.teach.registry import always, exercise
from labkit.tpu import n_fetches


def _places(grid):
    return list(itertools.product(*map(range, grid)))


def _first_fastest(grid, index_map):
    return n_fetches(grid[::-1], lambda *place: index_map(*place[::-1]))


def _by_the_axes(grid, index_map):
    """Product of the grid up to the last axis along which the second block is another one."""
    start = [0] * len(grid)
    moves = [
        n > 1 and index_map(*start[:axis], 1, *start[axis + 1 :]) != index_map(*start)
        for axis, n in enumerate(grid)
    ]
    return math.prod(grid[: 1 + max((axis for axis, does in enumerate(moves) if does), default=-1)])


def _of_two_or_three_axes(grid, index_map):
    return n_fetches(grid, index_map) if len(grid) in (2, 3) else 0


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
        (_by_the_axes, "expected"),
        (_of_two_or_three_axes, "expected"),
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
    for words, by_halves_or_corner in (
        ("(j // 2, 0)", lambda i, j: (j // 2, 0)),
        ("(min(i, j), 0)", lambda i, j: (min(i, j), 0)),
        ("(0, 0)", lambda i, j: (0, 0)),
    ):
        got = answer((a, b), by_halves_or_corner)
        right = n_fetches((a, b), by_halves_or_corner)
        assert got == right, f"grid ({a}, {b}), index map {words}: got {got}, expected {right}"
    for n_axes in (3, 3, 3, 1, 2, 3, 4, 3):
        grid = tuple(rng.randint(1, 4) for _ in range(n_axes))
        order = rng.sample(range(n_axes), min(n_axes, 2))

        def index_map(*place, order=order):
            return tuple(place[axis] for axis in order)

        got, right = answer(grid, index_map), n_fetches(grid, index_map)
        names = ", ".join("ijkl"[axis] for axis in order)
        assert got == right, f"grid {grid}, index map ({names}): got {got}, expected {right}"
