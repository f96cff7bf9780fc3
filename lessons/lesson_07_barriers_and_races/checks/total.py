"""Exercise 07.4: a sum."""

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.teach.shares import assert_loads_spread, shares
from lessons.lesson_07_barriers_and_races.checks.sizes import THREADS, blocks

_total = solution("07.4")


@cuda.jit
def _total_of_atomics(x, out):
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        cuda.atomic.add(out, 0, x[i])


@cuda.jit
def _total_by_one_cell(x, out):
    s = cuda.shared.array(1, cuda.float32)
    t = cuda.threadIdx.x
    if t == 0:
        s[0] = 0
    cuda.syncthreads()
    mine = cuda.float32(0)
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        mine += x[i]
    cuda.atomic.add(s, 0, mine)
    cuda.syncthreads()
    if t == 0:
        cuda.atomic.add(out, 0, s[0])


_FOLD = """    k = THREADS // 2
    while k > 0:
        if t < k:
            s[t] += s[t + k]
        cuda.syncthreads()
        k //= 2
"""
_PAIRS = """    k = 1
    while k < THREADS:
        if 2 * k * t < THREADS:
            s[2 * k * t] += s[2 * k * t + k]
        cuda.syncthreads()
        k *= 2
"""
_ALONE = """    if t == 0:
        for j in range(1, THREADS):
            s[0] += s[j]
"""
_FOUR_LANES = """    if t < 4:
        for j in range(1, 32):
            s[32 * t] += s[32 * t + j]
    cuda.syncthreads()
    if t == 0:
        s[0] += s[32] + s[64] + s[96]
"""
_EVERY = "for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):"
_ONE_WARP = (
    "for i in range(cuda.blockIdx.x * 32 + t if t < 32 else x.size, x.size, 32 * cuda.gridDim.x):"
)
_CHUNKS = (
    "n = (x.size + cuda.gridsize(1) - 1) // cuda.gridsize(1)\n"
    "    for i in range(cuda.grid(1) * n, min(x.size, (cuda.grid(1) + 1) * n)):"
)


@exercise(
    "07.4",
    title="a sum",
    in_place=True,
    wrong=[
        (always(0), "@cuda.jit"),
        (kernels.empty, "kernel is empty", "todo"),
        (_total_of_atomics, "one atomic a block"),
        (changed(_total, _FOLD, _PAIRS), "bank conflicts"),
        (changed(_total, "    cuda.syncthreads()\n", ""), "race"),
        (changed(_total, "        cuda.syncthreads()\n", ""), "race"),
        (changed(_total, "        cuda.syncthreads()\n", "            cuda.syncthreads()\n"),
         "divergent-barrier"),
        (changed(_total, "cuda.atomic.add(out, 0, s[0])", "out[0] += s[0]"), "race"),
        (changed(_total, _EVERY, "for i in (cuda.grid(1),):"), "out-of-bounds"),
        (changed(_total, _EVERY, "i = cuda.grid(1)\n    if i < x.size:"), "out[0] is"),
        (changed(_total, _EVERY, _CHUNKS), "sectors"),
        (changed(_total, "    s[t] = mine\n",
                 "    if cuda.grid(1) >= x.size:\n        return\n    s[t] = mine\n"), "rubbish"),
        (changed(_total, "while k > 0", "while k > 1"), "out[0] is"),
        (changed(_total, _FOLD, _ALONE), "one thread adds"),
        (_total_by_one_cell, "one atomic a block"),
        (changed(changed(_total, "while k > 0", "while k > 16"),
                 "    if t == 0:\n        cuda.atomic.add(out, 0, s[0])",
                 "    if t < 32:\n        cuda.atomic.add(out, 0, s[t])"), "one atomic a block"),
        (changed(_total, _EVERY,
                 "for i in range(t if cuda.blockIdx.x == 0 else x.size, x.size, 128):"),
         "adds nearly all"),
        (changed(_total, _EVERY, _ONE_WARP), "one thread loads"),
        (changed(_total, _FOLD, _FOUR_LANES), "one thread adds"),
        (changed(_total, "atomic.add(out, 0, s[0])", "atomic.max(out, 0, s[0])"), "out[0] is"),
        (changed(_total, "if t == 0:\n        cuda.atomic.add(out, 0, s[0])",
                 "if cuda.grid(1) == 0:\n        out[0] = s[0]"), "out[0] is"),
        (changed(_total, "mine += x[i]", "x[i] = 0"), "your kernel changes x"),
    ],
)  # fmt: skip
def total(answer, rng):
    for n, n_blocks in ((4 * THREADS, 4), (rng.randint(129, 250), 2), (rng.randint(3000, 4000), 5)):
        draw = np.random.default_rng(rng.getrandbits(64))
        x, out = draw.integers(1, 100, n).astype(np.float32), np.zeros(1, np.float32)
        case = f"{n} numbers, {n_blocks} blocks"
        counts = kernels.clean_counts(answer, n_blocks, THREADS, x, out, case=case, adds=True)
        kernels.assert_equal(out, np.array([x.sum()]), case)
    work = shares(answer, n_blocks, THREADS, x, np.zeros_like(out), case=case)
    atomics = (work.of("atomic", "global") + work.of("atomic", "shared")).sum(axis=1).max()
    assert atomics <= 1, (
        f"{case}: a block makes {atomics} atomics, and those at one address wait for each other; "
        f"one atomic a block is enough"
    )
    reads = work.of("load", "global").sum(axis=1)
    assert reads.max() <= 1.5 * n / n_blocks, (
        f"{case}: right, but block {reads.argmax()} adds nearly all the numbers: "
        f"{n / n_blocks:.0f} is its share"
    )
    longest = work.of("load", "shared").max()
    assert longest <= THREADS // 4, (
        f"{case}: one thread adds what the others have left in shared memory, {longest} loads one "
        f"after the other. Let half of the threads add the other half, then a quarter, and so on"
    )
    assert_loads_spread(answer, _total, n_blocks, THREADS, x, np.zeros_like(out), case=case)
    sectors, ideal = counts.global_loads.sectors, blocks(n, 8)
    assert sectors <= 1.5 * ideal, (  # a warp's 32 floats may begin in the middle of a sector
        f"{case}: {sectors} sectors are loaded for {ideal} sectors of data: let neighbouring "
        f"threads load neighbouring numbers"
    )
    conflicts = counts.shared_loads.bank_conflicts + counts.shared_stores.bank_conflicts
    assert not conflicts, f"{case}: {conflicts} bank conflicts. Version 3 of the lesson has none"
