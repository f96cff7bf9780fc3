"""Exercise 07.5: a scan."""

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise
from lessons.lesson_07_barriers_and_races.checks.sizes import THREADS, blocks, sizes


@cuda.jit
def _scan(x, out):
    s = cuda.shared.array((2, THREADS), cuda.float32)
    i, t = cuda.grid(1), cuda.threadIdx.x
    mine = cuda.float32(0)
    if i < x.size:
        mine = x[i]
    side, step = 0, 1
    s[side, t] = mine
    cuda.syncthreads()
    while step < THREADS:
        if t >= step:
            mine += s[side, t - step]
        side = 1 - side
        s[side, t] = mine
        cuda.syncthreads()
        step *= 2
    if i < x.size:
        out[i] = mine


@cuda.jit
def _scan_alone(x, out):
    s = cuda.shared.array(THREADS, cuda.float32)
    i, t = cuda.grid(1), cuda.threadIdx.x
    s[t] = 0
    if i < x.size:
        s[t] = x[i]
    cuda.syncthreads()
    if t == 0:
        for j in range(1, THREADS):
            s[j] += s[j - 1]
    cuda.syncthreads()
    if i < x.size:
        out[i] = s[t]


_TAKE_TURNS = "        side = 1 - side\n"


@exercise(
    "07.5",
    title="a scan",
    solution=_scan,
    in_place=True,
    wrong=[
        (always(0), "@cuda.jit"),
        (kernels.empty, "kernel is empty", "todo"),
        (_scan_alone, "one thread"),
        (changed(_scan, _TAKE_TURNS, ""), "race"),
        (changed(_scan, _TAKE_TURNS, "        cuda.syncthreads()\n"), "barriers"),
        (changed(_scan, "        cuda.syncthreads()\n", ""), "race"),
        (changed(_scan, "        cuda.syncthreads()\n",
                 "        if t >= step:\n            cuda.syncthreads()\n"), "divergent-barrier"),
        (changed(_scan, "    if i < x.size:\n        mine = x[i]", "    mine = x[i]"),
         "out-of-bounds"),
        (changed(_scan, "out[i] = mine", "out[i] = mine - x[i]"), "counts itself"),
        (changed(_scan, "step *= 2", "step += 1"), "expected"),
    ],
)  # fmt: skip
def scan(answer, rng):
    for n in sizes(rng):
        draw = np.random.default_rng(rng.getrandbits(64))
        x, out = draw.integers(1, 9, n).astype(np.float32), np.full(n, np.nan)
        parts = [np.cumsum(x[first : first + THREADS]) for first in range(0, n, THREADS)]
        right = np.concatenate(parts)
        counts = kernels.clean_counts(answer, blocks(n), THREADS, x, out, case=f"n = {n}")
        assert (out != right - x).any(), f"n = {n}: each number counts itself: out[0] is x[0]"
        kernels.assert_equal(out, right, f"n = {n}")
        loads, most = counts.shared_loads.requests / blocks(n), 64
        assert loads <= most, (
            f"n = {n}: {loads:.0f} loads from shared memory a block, and {most} are enough: does "
            f"one thread do all the work?"
        )
        barriers = counts.barriers / (4 * blocks(n))
        assert barriers <= 9, (
            f"n = {n}: {barriers:.0f} barriers a block, and 9 are enough: with two arrays that "
            f"take turns nobody overwrites what is still read"
        )
