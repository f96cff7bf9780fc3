"""Exercise 06.4: smooth through a tile."""

import math

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.teach.shares import assert_loads_spread, assert_spread
from labkit.units import counted

SMOOTH_THREADS = 64  # of a block, as the exercise says
SMOOTH_TILE = SMOOTH_THREADS + 2  # a shared shape must be a constant


_smooth = solution("06.4")


@cuda.jit
def _smooth_barrier_in_branch(x, out):
    tile = cuda.shared.array(SMOOTH_TILE, cuda.float64)
    i, t = cuda.grid(1), cuda.threadIdx.x
    last = x.size - 1
    if i < x.size:
        tile[t + 1] = x[i]
        if t == 0:
            tile[0] = x[max(i - 1, 0)]
        if t == SMOOTH_THREADS - 1 or i == last:
            tile[t + 2] = x[min(i + 1, last)]
        cuda.syncthreads()
        out[i] = (tile[t] + tile[t + 1] + tile[t + 2]) / 3


@cuda.jit
def _smooth_without_tile(x, out):
    i = cuda.grid(1)
    last = x.size - 1
    if i < x.size:
        out[i] = (x[max(i - 1, 0)] + x[i] + x[min(i + 1, last)]) / 3


_OWN = "    tile[t + 1] = x[min(i, last)]\n"
_EDGES = """\
    if t == 0:
        tile[0] = x[max(i - 1, 0)]
    if t == THREADS - 1:
        tile[t + 2] = x[min(i + 1, last)]
"""
_ALL_BY_ONE = """\
    if t == 0:
        for j in range(TILE):
            tile[j] = x[min(max(i - 1 + j, 0), last)]
"""


@exercise(
    "06.4",
    title="smooth through a tile",
    in_place=True,
    wrong=[
        (kernels.not_written, "NotImplementedError", "todo"),
        (always(0), "@cuda.jit"),
        (changed(_smooth, "    cuda.syncthreads()\n", ""), "syncthreads()"),
        (_smooth_barrier_in_branch, "divergent-barrier"),
        (_smooth_without_tile, "right, but"),
        (changed(_smooth, _EDGES, ""), "uninitialised"),
        (changed(_smooth, "if i < x.size", "if True"), "out-of-bounds"),
        (changed(_smooth, "x[min(i + 1, last)]", "x[i + 1]"), "out-of-bounds"),
        (changed(_smooth, "(tile[t] + tile[t + 1] + tile[t + 2]) / 3", "0.5"), "is 0.5, expected"),
        (
            changed(_smooth, "(tile[t] + tile[t + 1] + tile[t + 2]) / 3", "0\n        x[i] = 0"),
            "your kernel changes x",
        ),
        (
            changed(_smooth, _OWN + _EDGES, _ALL_BY_ONE),
            "one thread loads 66 numbers from global memory",
        ),
    ],
)
def smooth(answer, rng):
    threads = SMOOTH_THREADS
    for n in (rng.randint(3, 6) * threads - rng.randint(5, 40), 4 * threads, 2 * threads + 1, 1):
        blocks, x, out = math.ceil(n / threads), kernels.numbers(rng, n), np.full(n, np.nan)
        case = f"{counted(n, 'element')} in blocks of {threads}"
        kernels.run(answer, blocks, threads, x, out, case=case)
        edged = np.pad(x, 1, mode="edge")
        kernels.assert_equal(out, (edged[:-2] + x + edged[2:]) / 3, case)
        loads = kernels.counts(answer, blocks, threads, x, out, case=case).global_loads
        budget = blocks * (threads + 2)
        got = loads.bytes_requested // x.itemsize
        assert got <= budget, (
            f"{case}: right, but {got} numbers are loaded from global memory, and each block needs "
            f"its own {threads} and one on either side: {budget} in all"
        )
        assert_spread(answer, blocks, threads, x, out, case=case, most=1, what="an element")
        assert_loads_spread(answer, _smooth, blocks, threads, x, out, case=case)
