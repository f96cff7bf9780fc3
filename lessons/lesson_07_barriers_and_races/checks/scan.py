"""Exercise 07.5: a scan."""

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.teach.shares import assert_loads_spread, assert_spread, shares
from lessons.lesson_07_barriers_and_races.checks.sizes import THREADS, blocks, sizes

_scan = solution("07.5")


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


@cuda.jit
def _scan_each_from_the_start(x, out):
    s = cuda.shared.array(THREADS, cuda.float32)
    i, t = cuda.grid(1), cuda.threadIdx.x
    s[t] = 0
    if i < x.size:
        s[t] = x[i]
    cuda.syncthreads()
    if i < x.size:
        mine = cuda.float32(0)
        for j in range(t + 1):
            mine += s[j]
        out[i] = mine


@cuda.jit
def _scan_that_reloads(x, out):
    """Right, with the most loads that are fair: three in each step."""
    a, b = cuda.shared.array(THREADS, cuda.float32), cuda.shared.array(THREADS, cuda.float32)
    i, t = cuda.grid(1), cuda.threadIdx.x
    a[t] = 0
    if i < x.size:
        a[t] = x[i]
    cuda.syncthreads()
    for k in range(7):
        b[t] = a[t]
        if t >= 2**k:
            b[t] = a[t] + a[t - 2**k]
        cuda.syncthreads()
        a, b = b, a
    if i < x.size:
        out[i] = a[t]


_MOST_LOADS = 24
_OWN_SUM = "    if i < x.size:\n        out[i] = mine"
_SUMS_BY_A_WARP = """\
    if t < 32:
        for j in range(t, min(THREADS, x.size - i + t), 32):
            out[i - t + j] = s[side, j]"""
_TAKE_TURNS = "        side = 1 - side\n"


@exercise(
    "07.5",
    title="a scan",
    in_place=True,
    wrong=[
        (always(0), "@cuda.jit"),
        (kernels.empty, "kernel is empty", "todo"),
        (_scan_alone, "one thread"),
        (_scan_each_from_the_start, "sums that its neighbours"),
        (changed(_scan, _TAKE_TURNS, ""), "race"),
        (changed(_scan, _TAKE_TURNS, "        cuda.syncthreads()\n"), "barriers"),
        (changed(_scan, "        cuda.syncthreads()\n", ""), "race"),
        (changed(_scan, "        cuda.syncthreads()\n",
                 "        if t >= step:\n            cuda.syncthreads()\n"), "divergent-barrier"),
        (changed(_scan, "    if i < x.size:\n        mine = x[i]", "    mine = x[i]"),
         "out-of-bounds"),
        (changed(_scan, "out[i] = mine", "out[i] = mine - x[i]"), "counts itself"),
        (changed(_scan, "step *= 2", "step += 1"), "expected"),
        (changed(_scan, "step < THREADS", "step < 32"), "expected"),
        (changed(_scan, "t >= step", "t > step"), "expected"),
        (changed(_scan, "s[side, t - step]", "s[1 - side, t - step]"), "uninitialised"),
        (changed(_scan, "    s[side, t] = mine\n    cuda.syncthreads()", "    s[side, t] = mine"),
         "race"),
        (changed(_scan, "out[i] = mine", "x[i] = out[i] = 0"), "your kernel changes x"),
        (changed(_scan, _OWN_SUM, _SUMS_BY_A_WARP), "one thread writes 4 elements"),
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
        work = shares(answer, blocks(n), THREADS, x, np.zeros_like(out), case=f"n = {n}")
        loads = work.of("load", "shared")
        told = f"n = {n}: right, but a thread loads {loads.max()} times from shared memory"
        assert loads.max() <= _MOST_LOADS or loads.sum() > loads.max() * blocks(n) * 8, (
            f"{told}, while the others wait: does one thread do all the work?"
        )
        assert loads.max() <= _MOST_LOADS, (
            f"{told}, and 7 are enough: let it use sums that its neighbours have made already"
        )
        barriers = counts.barriers / (4 * blocks(n))
        assert barriers <= 9, (
            f"n = {n}: {barriers:.0f} barriers a block, and 9 are enough: with two arrays that "
            f"take turns nobody overwrites what is still read"
        )
        told = {"case": f"n = {n}"}
        assert_spread(answer, blocks(n), THREADS, x, out, **told, most=1, what="an element")
        assert_loads_spread(answer, _scan_that_reloads, blocks(n), THREADS, x, out, **told)
