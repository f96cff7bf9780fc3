"""Exercise 08.3: a tiled product."""

from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from lessons.lesson_08_matmul_ladder.checks.coalesced_product import coalesced
from lessons.lesson_08_matmul_ladder.checks.products import (
    DOUBLE,
    assert_fair_loads,
    most_sectors,
    sevens,
    shapes,
    try_product,
)

TILE = 16
_TILED = (TILE, TILE)


_tiled = solution("08.3")
_LOOP = "    for first in range(0, a.shape[1], TILE):\n"
_INSIDE = "row < c.shape[0] and column < c.shape[1]"
_EACH_LOADS = """\
        tile_a[y, x] = 0
        if row < a.shape[0] and first + x < a.shape[1]:
            tile_a[y, x] = a[row, first + x]
        tile_b[y, x] = 0
        if first + y < b.shape[0] and column < b.shape[1]:
            tile_b[y, x] = b[first + y, column]
"""
_ONE_ROW_LOADS = """\
        for i in range(TILE if y == 0 else 0):
            tile_a[i, x] = tile_b[i, x] = 0
            if row + i < a.shape[0] and first + x < a.shape[1]:
                tile_a[i, x] = a[row + i, first + x]
            if first + i < b.shape[0] and column < b.shape[1]:
                tile_b[i, x] = b[first + i, column]
"""
_BARRIER = "        cuda.syncthreads()\n"


@exercise(
    "08.3",
    title="a tiled product",
    in_place=True,
    wrong=[
        (always(0), "@cuda.jit"),
        (kernels.empty, "kernel is empty", "todo"),
        (sevens, "expected"),
        (coalesced, "sectors"),
        (changed(_tiled, _BARRIER, ""), "race"),
        (changed(_tiled, f"{_BARRIER}    if", "    if"), "race"),
        (changed(_tiled, _LOOP, f"    if not ({_INSIDE}):\n        return\n{_LOOP}"), "rubbish"),
        (changed(_tiled, _BARRIER, f"        if {_INSIDE}:\n            cuda.syncthreads()\n"),
         "divergent-barrier"),
        (changed(_tiled, "        tile_a[y, x] = 0\n", ""), "rubbish"),
        (changed(_tiled, " and first + x < a.shape[1]", ""), "out-of-bounds"),
        (changed(_tiled, "column, row = cuda.grid(2)", "row, column = cuda.grid(2)"), "expected"),
        (changed(_tiled, "cuda.float32(0)", DOUBLE), "double precision"),
        (changed(_tiled, "total += tile_a[y, k] * tile_b[k, x]\n        cuda.syncthreads()",
                 f"total += tile_a[y, k] * tile_b[k, x]\n        cuda.syncthreads()\n        "
                 f"if {_INSIDE}:\n            c[row, column] = total"), "in a register"),
        (changed(_tiled, _EACH_LOADS, _ONE_ROW_LOADS), "one thread loads"),
    ],
)  # fmt: skip
def tiled_product(answer, rng):
    for shape in shapes(rng):
        counts, matrices, case = try_product(answer, shape, _TILED, _TILED, rng)
        most = most_sectors(_tiled, _TILED, _TILED, *matrices)
        sectors = counts.global_loads.sectors
        assert sectors <= most, (
            f"{case}: the loads touch {sectors} sectors, and {most:.0f} are enough: bring each "
            f"tile to shared memory once, row by row"
        )
        conflicts = counts.shared_loads.bank_conflicts + counts.shared_stores.bank_conflicts
        assert not conflicts, f"{case}: {conflicts} bank conflicts: let x run along the rows"
        assert_fair_loads(answer, _tiled, _TILED, _TILED, *matrices, case)
