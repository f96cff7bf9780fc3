"""Exercise 12.3: the cycles of a layer, held against the simulated array."""

import math

import numpy as np

from labkit.systolic import MatrixUnit
from labkit.teach.registry import always, exercise, solution

_layer = solution("12.3")


def _layer_with(period=max, first=1, tiles=math.ceil, drain=1):
    """A wrong answer to 12.3: the formula with one part of it changed."""

    def wrong(m, k, n, rows, columns, load):
        n_tiles = tiles(k / rows) * tiles(n / columns)
        way = drain * (rows + columns - 2)
        return first * load + (n_tiles - 1) * period(m, load) + m + way

    return wrong


@exercise(
    "12.3",
    title="the cycles of a layer",
    wrong=[
        (always(20), "counts as a whole one"),
        (_layer_with(period=lambda m, load: m + load), "while the array still works"),
        (_layer_with(period=lambda m, load: m), "cannot start before"),
        (_layer_with(period=lambda m, load: load), "a long stream"),
        (_layer_with(first=0), "the first tile"),
        (_layer_with(drain=0), "the last tile"),
        (_layer_with(tiles=lambda x: max(1, math.floor(x))), "counts as a whole one"),
        (
            lambda m, k, n, r, c, load: math.ceil(k / r) * math.ceil(n / c)
            * (load + m + r + c - 2),
            "while the array still works",
        ),
    ],
)  # fmt: skip
def layer_cycles(answer, rng):
    one = answer(10, 4, 4, 4, 4, 4)
    assert one != 10 + 6, "a single tile: the first tile has nothing to hide its load behind"
    assert one != 10 + 4, "a single tile: the last tile has to cross the array before all is done"
    assert one == 20, f"a batch of 10 and a single tile on 4 × 4 cells: got {one}, expected 20"
    assert answer(10, 5, 4, 4, 4, 4) != one, (
        "5 rows of weights on 4 × 4 cells: a tile of which one row is real counts as a whole one"
    )
    slow = answer(3, 8, 4, 4, 4, 9) - answer(3, 4, 4, 4, 4, 9)
    long = answer(30, 8, 4, 4, 4, 9) - answer(30, 4, 4, 4, 4, 9)
    assert slow != 12 and slow != 18 and long not in (39, 45), (  # noqa: PT018
        "a second tile costs too much: its weights come in while the array still works on the first"
    )
    assert slow != 3, "a load of 9 and a batch of 3: a tile cannot start before its weights are in"
    assert long != 9, "a load of 9 and a batch of 30: behind a long stream the load is hidden"
    for _ in range(8):
        m, k, n, rows, columns = (rng.randint(1, top) for top in (20, 30, 30, 8, 8))
        load = rows + rng.choice((0, 0, 5, 20))
        a, w = np.ones((m, k), np.int8), np.ones((k, n), np.int8)
        cycles = MatrixUnit(rows, columns, load_cycles=load).run(a, w).count.cycles
        got = answer(m, k, n, rows, columns, load)
        assert got == cycles, (
            f"m, k, n = {m}, {k}, {n} on {rows} × {columns} cells with a load of {load}: got "
            f"{got}, but the simulated array took {cycles} cycles"
        )
