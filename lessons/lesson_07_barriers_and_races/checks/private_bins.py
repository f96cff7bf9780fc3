"""Exercise 07.3: private bins."""

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise
from lessons.lesson_07_barriers_and_races.checks.sizes import THREADS

N_BINS = 16


@cuda.jit
def _private_bins(values, bins):
    mine = cuda.shared.array(N_BINS, cuda.int32)
    t = cuda.threadIdx.x
    if t < N_BINS:
        mine[t] = 0
    cuda.syncthreads()
    for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        cuda.atomic.add(mine, values[i], 1)
    cuda.syncthreads()
    if t < N_BINS:
        cuda.atomic.add(bins, t, mine[t])


_STRIDE_LOOP = "for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):"


@exercise(
    "07.3",
    title="private bins",
    solution=_private_bins,
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
        (changed(_private_bins, "    if t < N_BINS:\n        cuda.atomic",
                 "    if t == 0:\n        cuda.atomic"), "expected"),
    ],
)  # fmt: skip
def private_bins(answer, rng):
    for n, n_blocks in ((2 * THREADS, 2), (rng.randint(129, 250), 2), (rng.randint(3000, 4000), 5)):
        draw = np.random.default_rng(rng.getrandbits(64))
        values = draw.integers(0, N_BINS, n).astype(np.int32)
        bins = np.zeros(N_BINS, np.int32)
        case = f"{n} values, {n_blocks} blocks"
        counts = kernels.clean_counts(answer, n_blocks, THREADS, values, bins, case=case)
        assert bins.sum() >= n or bins.sum() != n_blocks * THREADS, (
            f"{case}: only {bins.sum()} were counted. There are more values than threads: each "
            f"thread takes several, cuda.gridsize(1) apart"
        )
        kernels.assert_equal(bins, np.bincount(values, minlength=N_BINS), case, "bins")
    most = n_blocks * N_BINS
    atomics = counts.atomics - counts.shared_atomics
    assert atomics <= most, (
        f"{case}: {atomics} atomics reach global memory, and {most} are enough: "
        f"count in shared memory, and add each bin to the total once a block"
    )
