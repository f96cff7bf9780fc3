"""Exercise 06.5: transpose any shape."""

import math

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.teach.shares import assert_loads_spread, assert_spread
from labkit.units import counted
from lessons.lesson_06_memory.checks.sector_budget import assert_sectors

_transpose = solution("06.5")


@cuda.jit
def _transpose_naive(a, out):
    col, row = cuda.grid(2)
    if row < a.shape[0] and col < a.shape[1]:
        out[col, row] = a[row, col]


_LOAD = "tile[y, x] = a[top + y, left + x]"
_STORE = "out[left + y, top + x] = tile[x, y]"
_IN_A = "top + y < a.shape[0] and left + x < a.shape[1]"
_IN_OUT = "left + y < out.shape[0] and top + x < out.shape[1]"
_GUARDED_LOAD = f"if {_IN_A}:\n        {_LOAD}"
_LOAD_BY_ONE_WARP = """\
if y == 0 and left + x < a.shape[1]:
        for row in range(top, min(top + 32, a.shape[0])):
            tile[row - top, x] = a[row, left + x]"""
_CLAMPED_LOAD = "tile[y, x] = a[min(top + y, a.shape[0] - 1), min(left + x, a.shape[1] - 1)]"
_GUARDED_STORE = f"if {_IN_OUT}:\n        {_STORE}"
_TURNED_OUTSIDE = """\
if left + x < out.shape[0] and top + y < out.shape[1]:
        out[left + x, top + y] = tile[y, x]"""


@exercise(
    "06.5",
    title="transpose any shape",
    in_place=True,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (_transpose_naive, "right, but its stores"),
        (changed(_transpose, _GUARDED_STORE, _TURNED_OUTSIDE), "right, but its stores"),
        (changed(_transpose, "(32, 33)", "(32, 32)"), "bank conflicts"),
        (changed(_transpose, "    cuda.syncthreads()\n", ""), "syncthreads()"),
        (changed(changed(_transpose, _IN_A, "True"), _IN_OUT, "True"), "out-of-bounds"),
        (changed(_transpose, _IN_OUT, _IN_A), "uninitialised"),
        (changed(_transpose, _GUARDED_LOAD, _CLAMPED_LOAD), "load each number once"),
        (changed(_transpose, "tile[x, y]", "tile[y, x]"), "uninitialised"),
        (changed(_transpose_naive, "a[row, col]", "2.0"), "is 2, expected"),
        (changed(_transpose_naive, "a[row, col]", "0\n        a[row, col] = 0"), "changes a"),
        (
            changed(_transpose, _GUARDED_LOAD, _LOAD_BY_ONE_WARP),
            "one thread loads 32 numbers from global memory",
        ),
    ],
)
def transpose(answer, rng):
    for shape in ((rng.randint(70, 90), rng.randint(33, 60)), (33, 32), (64, 96), (1, 40)):
        a = kernels.numbers(rng, *shape).astype(np.float32)
        out = np.full(shape[::-1], np.nan, np.float32)
        grid, block = (math.ceil(shape[1] / 32), math.ceil(shape[0] / 32)), (32, 32)
        case = f"{counted(shape[0], 'row')} and {counted(shape[1], 'column')}"
        kernels.run(answer, grid, block, a, out, case=case)
        kernels.assert_equal(out, a.T, case)
        assert_sectors(answer, _transpose, grid, block, (a, out), case)
        counts = kernels.counts(answer, grid, block, a, out, case=case)
        conflicts = counts.shared_loads.bank_conflicts + counts.shared_stores.bank_conflicts
        assert conflicts == 0, (
            f"{case}: right and coalesced, but with {conflicts} bank conflicts. How far is it in "
            f"the tile from one lane's word to the next?"
        )
        assert_spread(answer, grid, block, a, out, case=case, most=1, what="an element")
        assert_loads_spread(answer, _transpose, grid, block, a, out, case=case)
