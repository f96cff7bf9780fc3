"""Exercise 07.3: private bins."""

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.teach.shares import shares
from lessons.lesson_07_barriers_and_races.checks.sizes import THREADS

N_BINS = 16
N_COPIED = 64  # a shared shape must be a constant


_private_bins = solution("07.3")


@cuda.jit
def _flushed_each_pass(values, bins):
    mine = cuda.shared.array(N_BINS, cuda.int32)
    t = cuda.threadIdx.x
    for first in range(cuda.blockIdx.x * cuda.blockDim.x, values.size, cuda.gridsize(1)):
        if t < N_BINS:
            mine[t] = 0
        cuda.syncthreads()
        if first + t < values.size:
            cuda.atomic.add(mine, values[first + t], 1)
        cuda.syncthreads()
        if t < N_BINS:
            cuda.atomic.add(bins, t, mine[t])
        cuda.syncthreads()


@cuda.jit
def _four_copies(values, bins):
    mine = cuda.shared.array(N_COPIED, cuda.int32)
    t = cuda.threadIdx.x
    if t < N_COPIED:
        mine[t] = 0
    cuda.syncthreads()
    for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        cuda.atomic.add(mine, t // 32 * N_BINS + values[i], 1)
    cuda.syncthreads()
    if t < N_COPIED:
        cuda.atomic.add(bins, t % N_BINS, mine[t])


@cuda.jit
def _a_thread_for_each_bin(values, bins):
    tile = cuda.shared.array(THREADS, cuda.int32)
    t, n = cuda.threadIdx.x, 0
    for first in range(cuda.blockIdx.x * THREADS, values.size, cuda.gridsize(1)):
        tile[t] = -1
        if first + t < values.size:
            tile[t] = values[first + t]
        cuda.syncthreads()
        if t < N_BINS:
            for j in range(THREADS):
                if tile[j] == t:
                    n += 1
        cuda.syncthreads()
    if t < N_BINS:
        cuda.atomic.add(bins, t, n)


_STRIDE_LOOP = "for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):"

_WHOLE_SHARES = (
    "n = values.size // cuda.gridsize(1)\n"
    "    for i in range(cuda.grid(1) * n, (cuda.grid(1) + 1) * n):"
)
_ONE_WARP = (
    "for i in range(cuda.blockIdx.x * 32 + t if t < 32 else values.size, values.size, "
    "32 * cuda.gridDim.x):"
)


@exercise(
    "07.3",
    title="private bins",
    in_place=True,
    wrong=[
        (always(0), "@cuda.jit"),
        (kernels.empty, "kernel is empty", "todo"),
        (changed(_private_bins, "(mine, values[i], 1)", "(bins, values[i], 1)"), "once a block"),
        (changed(_private_bins, "cuda.atomic.add(mine, values[i], 1)", "mine[values[i]] += 1"),
         "race"),
        (changed(_private_bins, "cuda.atomic.add(bins, t, mine[t])", "bins[t] += mine[t]"),
         "nothing orders the two blocks"),
        (changed(_private_bins, "mine[t] = 0", "pass"), "block"),
        (changed(_private_bins, "    cuda.syncthreads()\n", ""), "race"),
        (changed(_private_bins, "    cuda.syncthreads()\n    if t < N_BINS:\n        cuda.atomic",
                 "    if t < N_BINS:\n        cuda.atomic"), "race"),
        (changed(_private_bins, _STRIDE_LOOP, "i = cuda.grid(1)\n    if i < values.size:"),
         "more values than threads"),
        (changed(_private_bins, _STRIDE_LOOP, "for i in (cuda.grid(1),):"), "out-of-bounds"),
        (changed(_private_bins, "    if t < N_BINS:\n        mine",
                 "    if cuda.grid(1) >= values.size:\n        return\n"
                 "    if t < N_BINS:\n        mine"), "no thread of the block has stored to it"),
        (changed(_private_bins, "    if t < N_BINS:\n        cuda.atomic",
                 "    if t == 0:\n        cuda.atomic"), "expected"),
        (_flushed_each_pass, "once a block"),
        (_four_copies, "once a block"),
        (_a_thread_for_each_bin, "let every thread count its own"),
        (changed(_private_bins, _STRIDE_LOOP,
                 "for i in range(t if cuda.blockIdx.x == 0 else values.size, values.size, 128):"),
         "counts all the values"),
        (changed(_private_bins, _STRIDE_LOOP,
                 "for i in range(cuda.blockIdx.x if t == 0 else values.size, values.size, "
                 "cuda.gridDim.x):"), "one thread reads"),
        (changed(_private_bins, "cuda.atomic.add(bins, t, mine[t])", "bins[t] = mine[t]"), "race"),
        (changed(_private_bins, "atomic.add(bins, t", "atomic.max(bins, t"), "expected"),
        (changed(_private_bins, _STRIDE_LOOP, _WHOLE_SHARES), "expected"),
        (changed(_private_bins, _STRIDE_LOOP, _ONE_WARP), "one thread reads"),
        (changed(_private_bins, "cuda.atomic.add(mine, values[i], 1)", "values[i] = 0"),
         "your kernel changes values"),
    ],
)  # fmt: skip
def private_bins(answer, rng):
    for n, n_blocks in (
        (2 * THREADS, 2),
        (THREADS + rng.randint(1, N_BINS - 1), 2),  # fewer values in a block than it has bins
        (rng.randint(150, 250), 2),
        (rng.randint(3000, 4000), 5),
    ):
        draw = np.random.default_rng(rng.getrandbits(64))
        values = draw.integers(0, N_BINS, n).astype(np.int32)
        values[-1] = N_BINS - 1  # a bin whose own thread may have no value
        bins = np.zeros(N_BINS, np.int32)
        case = f"{n} values, {n_blocks} blocks"
        kernels.run(answer, n_blocks, THREADS, values, bins, case=case, adds=True)
        assert bins.sum() >= n or bins.sum() != n_blocks * THREADS, (
            f"{case}: only {bins.sum()} were counted. There are more values than threads: each "
            f"thread takes several, cuda.gridsize(1) apart"
        )
        kernels.assert_equal(bins, np.bincount(values, minlength=N_BINS), case, "bins")
    work = shares(answer, n_blocks, THREADS, values, np.zeros_like(bins), case=case)
    adds = work.of("atomic", "global").sum(axis=1).max()
    assert adds <= N_BINS, (
        f"{case}: a block adds {adds} times to global memory, and {N_BINS} are enough: count in "
        f"shared memory, and add each bin to the total once a block"
    )
    reads, fair = work.of("load", "global"), n / n_blocks
    assert reads.sum(axis=1).max() <= 1.5 * fair, (
        f"{case}: right, but block {reads.sum(axis=1).argmax()} counts all the values or nearly "
        f"all, while the others wait: {fair:.0f} is its share"
    )
    assert reads.max() <= 2 * fair / THREADS + 2, (
        f"{case}: right, but one thread reads {reads.max()} values; its share of a block's is "
        f"{fair / THREADS:.0f}"
    )
    looks = work.of("load", "shared").max()
    assert looks <= 4 * N_BINS, (
        f"{case}: right, but one thread loads {looks} numbers from shared memory while others "
        f"wait: let every thread count its own values"
    )
