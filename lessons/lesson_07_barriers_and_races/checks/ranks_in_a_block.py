"""Exercise 07.2: ranks in a block."""

import numpy as np

from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.teach.shares import assert_loads_spread, assert_spread
from lessons.lesson_07_barriers_and_races.checks.sizes import THREADS, blocks, sizes

_ranks = solution("07.2")
_EACH_ITS_OWN = """\
    if t < n:
        smaller = 0
        for j in range(n):
            if tile[j] < tile[t]:
                smaller += 1
        out[first + t] = smaller
"""
_ONE_WARP_FOR_ALL = """\
    if t < 32:
        for i in range(t, n, 32):
            smaller = 0
            for j in range(n):
                if tile[j] < tile[i]:
                    smaller += 1
            out[first + i] = smaller
"""


def _ranks_of(x):
    parts = [x[first : first + THREADS] for first in range(0, x.size, THREADS)]
    return np.concatenate([np.searchsorted(np.sort(part), part) for part in parts])


@exercise(
    "07.2",
    title="ranks in a block",
    in_place=True,
    wrong=[
        (always(0), "@cuda.jit"),
        (kernels.empty, "kernel is empty", "todo"),
        (changed(_ranks, "= smaller\n", "= t\n"), "expected"),
        (changed(_ranks, "cuda.syncthreads()", "pass"), "race"),
        (changed(_ranks, "cuda.syncthreads()", "cuda.syncwarp()"), "no syncthreads()"),
        (
            changed(
                _ranks,
                "    cuda.syncthreads()\n    if t < n:\n",
                "        cuda.syncthreads()\n",
            ),
            "divergent-barrier",
        ),
        (changed(_ranks, "min(THREADS, x.size - first)", "THREADS"), "out-of-bounds"),
        (changed(_ranks, "tile[j] < tile[t]", "x[first + j] < x[first + t]"), "the tile"),
        (changed(_ranks, "tile[j] < tile[t]", "tile[j] > tile[t]"), "expected"),
        (changed(_ranks, "range(n)", "range(t)"), "expected"),
        (changed(_ranks, "range(n)", "range(THREADS)"), "uninitialised"),
        (changed(_ranks, "tile[j] < tile[t]", "tile[j] <= tile[t]"), "expected"),
        (
            changed(
                _ranks, "tile[j] < tile[t]", "tile[j] < tile[t] or tile[j] == tile[t] and j < t"
            ),
            "expected",
        ),
        (changed(_ranks, "= smaller\n", "= 0\n        x[first + t] = 0\n"), "changes x"),
        (changed(_ranks, _EACH_ITS_OWN, _ONE_WARP_FOR_ALL), "one thread writes"),
    ],
)
def ranks_in_a_block(answer, rng):
    for n in sizes(rng):
        draw = np.random.default_rng(rng.getrandbits(64))
        x, out = draw.integers(0, 999, n).astype(np.float32), np.full(n, np.nan)  # some are equal
        counts = kernels.clean_counts(answer, blocks(n), THREADS, x, out, case=f"n = {n}")
        kernels.assert_equal(out, _ranks_of(x), f"n = {n}")
        most = 2 * blocks(n, 32)
        assert counts.global_loads.requests <= most, (
            f"n = {n}: {counts.global_loads.requests} requests load from global memory, and {most} "
            f"are enough: compare with what is in the tile"
        )
        told = {"case": f"n = {n}"}
        assert_spread(answer, blocks(n), THREADS, x, out, **told, most=1, what="an element")
        assert_loads_spread(answer, _ranks, blocks(n), THREADS, x, out, **told)
