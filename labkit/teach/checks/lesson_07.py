"""Checks of lesson 07: which tool orders, ranks in a block, private bins, a sum, a scan."""

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise

THREADS, N_BINS = 128, 16


def _clean_counts(answer, grid, *args, case):
    """The Profile of a student's kernel that the sanitizer let pass; the arrays are written."""
    copies = [arg.copy() for arg in args]
    kernels.run(answer, grid, THREADS, *copies, case=case)
    return kernels.counts(answer, grid, THREADS, *args, case=case)


@cuda.jit
def _empty(x, out):
    pass


def _blocks(n, threads=THREADS):
    return -(-n // threads)


def _numpy(rng):
    return np.random.default_rng(rng.getrandbits(64))


def _sizes(rng):
    """Whole blocks, nearly one, and sizes that do not divide evenly."""
    return 2 * THREADS, THREADS - 1, rng.randint(130, 250), rng.randint(300, 400)


# 07.1

_COUNTER = "All threads of all blocks add to one counter."
_PARTIAL = "Every block reads the partial sums that all other blocks have stored."
_ALONE = "Each thread reads and writes elements that nobody else touches."
_TOOLS = {
    "Lane 3 reads what lane 7 of its warp has stored to shared memory.": "syncwarp",
    "Warp 1 reads the tile that all warps of its block have stored.": "syncthreads",
    _COUNTER: "atomic",
    _PARTIAL: "launch",
    _ALONE: "nothing",
}
_WHY = {
    "syncwarp": "an atomic orders nothing, and a barrier of one warp is cheaper than the block's",
    "syncthreads": "the warps of a block meet at its barrier only",
    "atomic": "load, add and store must be one step, whoever comes first",
    "launch": "a barrier orders its own block only, and blocks meet at the end of a launch",
    "nothing": "a race needs two threads at one address",
}


@exercise(
    "07.1",
    title="which tool",
    solution=_TOOLS,
    wrong=[
        (dict.fromkeys(_TOOLS, ...), "in place of", "todo"),
        (dict.fromkeys(_TOOLS, "atomic"), "orders nothing"),
        (dict.fromkeys(_TOOLS, "syncthreads"), "cheaper"),
        (_TOOLS | {_COUNTER: "syncthreads"}, "one step"),
        (_TOOLS | {_PARTIAL: "syncthreads"}, "its own block"),
        (_TOOLS | {_ALONE: "syncwarp"}, "two threads"),
        (dict.fromkeys(_TOOLS, "barrier"), "use one of"),
    ],
)
def which_tool(answer, rng):
    for sentence, right in _TOOLS.items():
        assert sentence in answer, f"keep this sentence as it is: {sentence}"
        got = answer[sentence]
        assert got in list(_WHY), f"use one of {', '.join(_WHY)}; got {got!r}"
        assert got == right, f"{sentence} Not {got}: {_WHY[right]}"


# 07.2


@cuda.jit
def _ranks(x, out):
    tile = cuda.shared.array(THREADS, cuda.float32)
    t, first = cuda.threadIdx.x, cuda.blockIdx.x * THREADS
    n = min(THREADS, x.size - first)
    if t < n:
        tile[t] = x[first + t]
    cuda.syncthreads()
    if t < n:
        smaller = 0
        for j in range(n):
            if tile[j] < tile[t]:
                smaller += 1
        out[first + t] = smaller


def _ranks_of(x):
    parts = [x[first : first + THREADS] for first in range(0, x.size, THREADS)]
    return np.concatenate([np.argsort(np.argsort(part)) for part in parts])


@exercise(
    "07.2",
    title="ranks in a block",
    solution=_ranks,
    in_place=True,
    wrong=[
        (..., "write your answer", "todo"),
        (always(0), "@cuda.jit"),
        (_empty, "kernel is empty", "todo"),
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
    ],
)
def ranks_in_a_block(answer, rng):
    for n in _sizes(rng):
        x, out = _numpy(rng).random(n, dtype=np.float32), np.full(n, np.nan)
        counts = _clean_counts(answer, _blocks(n), x, out, case=f"n = {n}")
        kernels.assert_equal(out, _ranks_of(x), f"n = {n}")
        most = 2 * _blocks(n, 32)
        assert counts.global_loads.requests <= most, (
            f"n = {n}: {counts.global_loads.requests} requests load from global memory, and {most} "
            f"are enough: compare with what is in the tile"
        )


# 07.3


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


def global_atomics(counts):
    """Atomic requests to global memory; a profile's own count holds those to shared memory too."""
    where = {
        (s.function, s.line) for s in counts.samples if (s.kind, s.space) == ("atomic", "global")
    }
    return sum(
        line_counts.atomics
        for line, line_counts in counts.lines.items()
        if (line.function, line.number) in where
    )


@exercise(
    "07.3",
    title="private bins",
    solution=_private_bins,
    in_place=True,
    wrong=[
        (..., "write your answer", "todo"),
        (always(0), "@cuda.jit"),
        (_empty, "kernel is empty", "todo"),
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
        values = _numpy(rng).integers(0, N_BINS, n).astype(np.int32)
        bins = np.zeros(N_BINS, np.int32)
        case = f"{n} values, {n_blocks} blocks"
        counts = _clean_counts(answer, n_blocks, values, bins, case=case)
        assert bins.sum() >= n or bins.sum() != n_blocks * THREADS, (
            f"{case}: only {bins.sum()} were counted. There are more values than threads: each "
            f"thread takes several, cuda.gridsize(1) apart"
        )
        kernels.assert_equal(bins, np.bincount(values, minlength=N_BINS), case, "bins")
    most = n_blocks * N_BINS
    assert global_atomics(counts) <= most, (
        f"{case}: {global_atomics(counts)} atomics reach global memory, and {most} are enough: "
        f"count in shared memory, and add each bin to the total once a block"
    )


# 07.4


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
        (..., "write your answer", "todo"),
        (always(0), "@cuda.jit"),
        (_empty, "kernel is empty", "todo"),
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
        x, out = _numpy(rng).integers(1, 100, n).astype(np.float32), np.zeros(1, np.float32)
        case = f"{n} numbers, {n_blocks} blocks"
        counts = _clean_counts(answer, n_blocks, x, out, case=case)
        kernels.assert_equal(out, np.array([x.sum()]), case)
    assert global_atomics(counts) <= n_blocks, (
        f"{case}: {global_atomics(counts)} atomics queue at out[0]; one atomic a block is enough"
    )
    sectors, ideal = counts.global_loads.sectors, _blocks(n, 8)
    assert sectors <= 1.1 * ideal, (
        f"{case}: {sectors} sectors are loaded for {ideal} sectors of data: let neighbouring "
        f"threads load neighbouring numbers"
    )
    conflicts = counts.shared_loads.bank_conflicts + counts.shared_stores.bank_conflicts
    assert not conflicts, f"{case}: {conflicts} bank conflicts. Version 3 of the lesson has none"


# 07.5


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
        (..., "write your answer", "todo"),
        (always(0), "@cuda.jit"),
        (_empty, "kernel is empty", "todo"),
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
    for n in _sizes(rng):
        x, out = _numpy(rng).integers(1, 9, n).astype(np.float32), np.full(n, np.nan)
        parts = [np.cumsum(x[first : first + THREADS]) for first in range(0, n, THREADS)]
        right = np.concatenate(parts)
        counts = _clean_counts(answer, _blocks(n), x, out, case=f"n = {n}")
        assert (out != right - x).any(), f"n = {n}: each number counts itself: out[0] is x[0]"
        kernels.assert_equal(out, right, f"n = {n}")
        loads, most = counts.shared_loads.requests / _blocks(n), 64
        assert loads <= most, (
            f"n = {n}: {loads:.0f} loads from shared memory a block, and {most} are enough: does "
            f"one thread do all the work?"
        )
        barriers = counts.barriers / (4 * _blocks(n))
        assert barriers <= 9, (
            f"n = {n}: {barriers:.0f} barriers a block, and 9 are enough: with two arrays that "
            f"take turns nobody overwrites what is still read"
        )
