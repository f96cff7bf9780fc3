"""Exercise 07.4: a sum."""

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise
from lessons.lesson_07_barriers_and_races.checks.sizes import THREADS, blocks


@cuda.jit
def _total(x, out):
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    mine = cuda.float32(0)
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        mine += x[i]
    s[t] = mine
    cuda.syncthreads()
    k = THREADS // 2
    while k > 0:
        if t < k:
            s[t] += s[t + k]
        cuda.syncthreads()
        k //= 2
    if t == 0:
        cuda.atomic.add(out, 0, s[0])


@cuda.jit
def _total_strided(x, out):
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    mine = cuda.float32(0)
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        mine += x[i]
    s[t] = mine
    cuda.syncthreads()
    k = 1
    while k < THREADS:
        if 2 * k * t < THREADS:
            s[2 * k * t] += s[2 * k * t + k]
        cuda.syncthreads()
        k *= 2
    if t == 0:
        cuda.atomic.add(out, 0, s[0])


@cuda.jit
def _total_of_atomics(x, out):
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        cuda.atomic.add(out, 0, x[i])


_EVERY = "for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):"
_CHUNKS = (
    "n = (x.size + cuda.gridsize(1) - 1) // cuda.gridsize(1)\n"
    "    for i in range(cuda.grid(1) * n, min(x.size, (cuda.grid(1) + 1) * n)):"
)


@exercise(
    "07.4",
    title="a sum",
    solution=_total,
    in_place=True,
    wrong=[
        (always(0), "@cuda.jit"),
        (kernels.empty, "kernel is empty", "todo"),
        (_total_of_atomics, "one atomic a block"),
        (_total_strided, "bank conflicts"),
        (changed(_total, "    cuda.syncthreads()\n", ""), "race"),
        (changed(_total, "        cuda.syncthreads()\n", ""), "race"),
        (changed(_total, "        cuda.syncthreads()\n", "            cuda.syncthreads()\n"),
         "divergent-barrier"),
        (changed(_total, "cuda.atomic.add(out, 0, s[0])", "out[0] += s[0]"), "race"),
        (changed(_total, _EVERY, "for i in (cuda.grid(1),):"), "out-of-bounds"),
        (changed(_total, _EVERY, "i = cuda.grid(1)\n    if i < x.size:"), "out[0] is"),
        (changed(_total, _EVERY, _CHUNKS), "sectors"),
        (changed(_total, "while k > 0", "while k > 1"), "out[0] is"),
    ],
)  # fmt: skip
def total(answer, rng):
    for n, n_blocks in ((4 * THREADS, 4), (rng.randint(129, 250), 2), (rng.randint(3000, 4000), 5)):
        draw = np.random.default_rng(rng.getrandbits(64))
        x, out = draw.integers(1, 100, n).astype(np.float32), np.zeros(1, np.float32)
        case = f"{n} numbers, {n_blocks} blocks"
        counts = kernels.clean_counts(answer, n_blocks, THREADS, x, out, case=case)
        kernels.assert_equal(out, np.array([x.sum()]), case)
    atomics = counts.atomics - counts.shared_atomics
    assert atomics <= n_blocks, (
        f"{case}: {atomics} atomics queue at out[0]; one atomic a block is enough"
    )
    sectors, ideal = counts.global_loads.sectors, blocks(n, 8)
    assert sectors <= 1.1 * ideal, (
        f"{case}: {sectors} sectors are loaded for {ideal} sectors of data: let neighbouring "
        f"threads load neighbouring numbers"
    )
    conflicts = counts.shared_loads.bank_conflicts + counts.shared_stores.bank_conflicts
    assert not conflicts, f"{case}: {conflicts} bank conflicts. Version 3 of the lesson has none"
