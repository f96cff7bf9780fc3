# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07 · Barriers and races
# *A kernel gives the right answer in every test. Is it right?*
#
# **You will be able to** say what makes a race, mend one with the cheapest tool that orders it, and
# count what a reduction pays for its barriers · **Needs** 05, 06 · **Takes** {time} · **Runs on** a
# CPU; a CUDA GPU runs the kernels too

# %%
import itertools

import numpy as np

import labkit as lk
from labkit import cuda

rng = np.random.default_rng(7)

# %% [markdown]
# ## Lost counts
# A histogram: each thread takes one value and counts it in its bin.
#
# **Guess first.** 10,000 values go in. When everything goes as badly as it can, how many counts are
# left in the ten bins afterwards?

# %%
N_VALUES, N_BINS, THREADS = 10_000, 10, 128
BLOCKS = -(-N_VALUES // THREADS)  # rounded up


@cuda.jit
def histogram(values, bins):
    i = cuda.grid(1)
    if i < values.size:
        bins[values[i]] += 1


values = rng.integers(0, N_BINS, N_VALUES).astype(np.int32)

# %%
my_guess = ...
count_guess = lk.predict("07.a", my_guess)

# %%
bins = np.zeros(N_BINS, np.int32)
counters = lk.profile(histogram[BLOCKS, THREADS], values, bins)  # on the executor, everywhere
count_guess.against(lk.Reading("counts left, at worst", int(bins.sum()), "1", "simulated"))
assert bins.sum() == N_BINS

# %% [markdown]
# Nearly all are gone. The executor runs all threads in step, and that happens to be the worst case:
# every thread loads a bin before any other has stored to it, so each bin is counted up once. A GPU
# doesn't run all of these threads at the same time, so more counts survive there, perhaps some
# thousands of the 10,000. Which ones they are, and how many, changes from run to run.
#
# ## Two threads, one address
# `bins[b] += 1` is three steps: load, add, store. Two threads take six, which the hardware may mix
# in 20 orders.
#
# **Guess first.** The bin holds 5. After how many of the 20 orders does it hold 7?

# %%
my_guess = ...
order_guess = lk.predict("07.b", my_guess)


# %% tags=["collapsed"]
def add_one(memory):
    """The three steps of one thread."""
    mine = memory[0]
    yield "load", f"loads {mine}"
    mine += 1
    yield "compute", f"adds 1: {mine}"
    memory[0] = mine
    yield "store", f"stores {mine}"


def steps_of(order):
    """The steps in an order such as "AABABB", as (thread, kind, words, the bin after it)."""
    memory = [5]
    threads = {"A": add_one(memory), "B": add_one(memory)}
    for name in order:
        kind, words = next(threads[name])
        yield "AB".index(name), kind, words, memory[0]


def microscope(order):
    steps = list(steps_of(order))
    title = f"Order {order}: 5 + 1 + 1 = {steps[-1][-1]}"
    return lk.draw.interleaving(steps, title=title, memory="bin")


ORDERS = sorted({"".join(order) for order in itertools.permutations("AAABBB")})
assert len(ORDERS) == 20
ends = [list(steps_of(order))[-1][-1] for order in ORDERS]
order_guess.against(lk.Reading("orders that end at 7", ends.count(7), "1", "simulated"))
lk.Explorer(microscope, order=sorted(ORDERS, key=lambda order: order != "ABABAB"))

# %% [markdown]
# **Play.** Choose an order; time runs down. Look for the moment at which a thread works with a
# value that is no longer true.
#
# ## The words
# - **Race**: two threads touch one address, at least one of them stores, and *nothing orders them*.
# - **Epoch**: the time between two barriers. Accesses in one epoch have no order, whatever order
#   happened to run.
#
# | two threads of | are ordered by |
# | --- | --- |
# | one warp | `cuda.syncwarp()` |
# | one block | `cuda.syncthreads()`, the **barrier** |
# | two blocks | the end of the launch, or a barrier of the whole grid |
#
# An **atomic** orders nothing. It makes load, add and store *one* step, so that all orders give the
# same sum.
#
# `lk.sanitize` looks at epochs, never at results. Step its picture; then see one atomic mend it.

# %%
findings = lk.sanitize(histogram[BLOCKS, THREADS], values, np.zeros(N_BINS, np.int32))
print(*findings, sep="\n")
lk.Player(lk.draw.race_frames(findings[0], counters), ms=1500)


# %%
@cuda.jit
def histogram_atomic(values, bins):
    i = cuda.grid(1)
    if i < values.size:
        cuda.atomic.add(bins, values[i], 1)


bins = np.zeros(N_BINS, np.int32)
histogram_atomic[BLOCKS, THREADS](values, bins)
assert (bins == np.bincount(values)).all()
assert lk.sanitize(histogram_atomic[BLOCKS, THREADS], values, bins) == []

# %% [markdown]
# ## A race that no test sees
# The rank of a number is how many numbers are smaller. Each block brings the array through shared
# memory, a tile at a time: store the tile, wait, compare, next tile. Every rank comes out right.
#
# **Before you run it**: is the kernel right?


# %%
@cuda.jit
def ranks(x, out):
    tile = cuda.shared.array(THREADS, cuda.float32)
    i, t = cuda.grid(1), cuda.threadIdx.x
    mine, smaller = x[i], 0
    for first in range(0, x.size, THREADS):
        tile[t] = x[first + t]
        cuda.syncthreads()
        for j in range(THREADS):
            if tile[j] < mine:
                smaller += 1
    out[i] = smaller


x = rng.random(3 * THREADS, dtype=np.float32)
out = np.zeros(x.size, np.int64)
counters = lk.profile(ranks[3, THREADS], x, out)
assert (out == np.argsort(np.argsort(x))).all()

findings = lk.sanitize(ranks[3, THREADS], x, out)
print(*findings, sep="\n")
lk.draw.epoch_timeline(counters, findings)

# %% [markdown]
# Read it: a row is a source line, a column an epoch, a pill an access with the number of threads.
# Look at epoch 1: a fast warp stores the next tile over what a slow one has not yet read.
#
# The executor has no slow warp, so the values are right. On a GPU they may be right for years. The
# slip is famous: the check of a well-loved course passes with this barrier and without it
# (srush/GPU-Puzzles, issue 14).
#
# **Before you go on**: where does the second barrier belong?


# %%
@cuda.jit
def ranks_mended(x, out):
    tile = cuda.shared.array(THREADS, cuda.float32)
    i, t = cuda.grid(1), cuda.threadIdx.x
    mine, smaller = x[i], 0
    for first in range(0, x.size, THREADS):
        tile[t] = x[first + t]
        cuda.syncthreads()
        for j in range(THREADS):
            if tile[j] < mine:
                smaller += 1
        cuda.syncthreads()
    out[i] = smaller


mended = lk.sanitize(ranks_mended[3, THREADS], x, out)
assert mended == []
lk.draw.epoch_timeline(lk.profile(ranks_mended[3, THREADS], x, out), mended)

# %% [markdown]
# Now storing and reading take turns.
#
# ## Two more exhibits
# `scan`: an in-place prefix sum, such as an official solution had (modular/mojo-gpu-puzzles, issue
# 26). `last_warp`: the end of a block's sum without barriers, as was taught before 2017.
#
# **Guess first.** With `histogram` and `ranks` these are four wrong kernels. How many does one
# comparison with NumPy catch?


# %% tags=["read"]
@cuda.jit
def scan(x, out):
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    cuda.syncthreads()
    step = 1
    while step < THREADS:
        if t >= step:
            s[t] += s[t - step]
        cuda.syncthreads()
        step *= 2
    out[t] = s[t]


@cuda.jit
def last_warp(x, out):
    s = cuda.shared.array(64, cuda.float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    s[t + 32] = x[t + 32]
    k = 32
    while k > 0:
        if t < k:
            s[t] += s[t + k]
        k //= 2
    out[t] = s[0]


# %%
my_guess = ...
caught_guess = lk.predict("07.c", my_guess)

# %%
whole = rng.integers(0, 9, THREADS).astype(np.float32)  # whole numbers: sums are exact
exhibits = {
    "histogram": (histogram[BLOCKS, THREADS], values, np.zeros(N_BINS), np.bincount(values)),
    "ranks": (ranks[3, THREADS], x, np.zeros(x.size), np.argsort(np.argsort(x))),
    "scan": (scan[1, THREADS], whole, np.zeros(THREADS), np.cumsum(whole)),
    "last_warp": (last_warp[1, 32], whole[:64], np.zeros(32), whole[:64].sum()),
}

caught = 0
for name, (launch, source, result, expected) in exhibits.items():
    n_findings = len(lk.sanitize(launch, source, result))
    right = (result == expected).all()
    caught += not right
    said = "right" if right else "WRONG"
    print(f"[simulated] {name:14} values {said}, sanitize: {n_findings} finding(s)")
    assert n_findings > 0
caught_guess.against(lk.Reading("caught by values", caught, "1", "simulated"))

# %% [markdown]
# A value test sees what *happened*. A race is about what *may* happen.
#
# Before the Volta GPUs of 2017 the threads of a warp ran in step, and sums like `last_warp` were
# taught and used. `strict=False` judges by that older rule. Even then they were right only if the
# shared array was declared `volatile`: without it the compiler was free to keep a sum in a register
# and to store it later, where no other thread could see it in time. Since Volta the threads of a
# warp may drift apart, and the only sound way is to say where they have to meet.
#
# **Mend both.** In `scan`: write, barrier, read, barrier. In `last_warp` the cheap barrier of one
# warp is enough.


# %% tags=["read"]
@cuda.jit
def scan_mended(x, out):
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    mine = x[t]
    step = 1
    while step < THREADS:
        s[t] = mine
        cuda.syncthreads()
        if t >= step:
            mine += s[t - step]
        cuda.syncthreads()
        step *= 2
    out[t] = mine


@cuda.jit
def last_warp_mended(x, out):
    s = cuda.shared.array(64, cuda.float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    s[t + 32] = x[t + 32]
    cuda.syncwarp()
    k = 32
    while k > 0:
        if t < k:
            s[t] += s[t + k]
        cuda.syncwarp()
        k //= 2
    out[t] = s[0]


for name, mended in (("scan", scan_mended[1, THREADS]), ("last_warp", last_warp_mended[1, 32])):
    _, source, result, expected = exhibits[name]
    result[:] = 0
    assert lk.sanitize(mended, source, result) == []
    assert (result == expected).all()

launch, source, result, _ = exhibits["last_warp"]
assert lk.sanitize(launch, source, result, strict=False) == []  # unmended, by the old rule

# %% [markdown]
# ## A barrier that not all can reach
# The guard of lesson 05, put around too much:


# %%
@cuda.jit
def differences(x, out):
    s = cuda.shared.array(THREADS, cuda.float32)
    i, t = cuda.grid(1), cuda.threadIdx.x
    if i < x.size:
        s[t] = x[i]
        cuda.syncthreads()
        out[i] = s[t] - s[max(t - 1, 0)]


lk.sanitize(differences[2, THREADS], x[:200], np.zeros(200, np.float32))

# %% [markdown]
# What the hardware does then is *undefined*: it may hang, or go on with half a tile. Guard the
# accesses, never the barrier.
#
# ## Seven reductions
# A **reduction** makes one number of many. In 2007 Mark Harris of NVIDIA summed four million
# numbers in seven ways, each faster than the one before. Version 1 diverges: in each step half of a
# warp's working threads stop. Version 2 cures that, but its indices `2 * k * t` collide in the
# banks, 2-way and then 4-way. Version 3 reads neighbours.


# %% tags=["read"]
@cuda.jit
def version_1(x, sums):
    """Interleaved: every second thread works, then every fourth, ..."""
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    k = 1
    while k < THREADS:
        if t % (2 * k) == 0:
            s[t] += s[t + k]
        cuda.syncthreads()
        k *= 2
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


@cuda.jit
def version_2(x, sums):
    """The same additions, by the first threads: whole warps work or rest."""
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    k = 1
    while k < THREADS:
        j = 2 * k * t
        if j < THREADS:
            s[j] += s[j + k]
        cuda.syncthreads()
        k *= 2
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


@cuda.jit(device=True)
def fold(s, t):
    """Sequential: the first half adds the second half. Returns the sum to thread 0."""
    cuda.syncthreads()
    k = THREADS // 2
    while k > 0:
        if t < k:
            s[t] += s[t + k]
        cuda.syncthreads()
        k //= 2


@cuda.jit
def version_3(x, sums):
    """Sequential: neighbours read neighbours."""
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    fold(s, t)
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


# %% [markdown]
# **Guess first.** A **wavefront** is one pass over the banks. The cell prints how many a block of
# version 1 needs. How many does one of version 2 need?

# %%
N_NUMBERS = 2**14


def count(kernel, blocks):
    """Count a reduction, after checking its sum and its accesses."""
    numbers = rng.integers(0, 100, N_NUMBERS).astype(np.float32)  # their sum is exact in float32
    sums = np.zeros(blocks, np.float32)
    counts = lk.profile(kernel[blocks, THREADS], numbers, sums)
    assert sums.sum() == numbers.sum()
    assert lk.sanitize(kernel[blocks, THREADS], numbers, sums) == []
    return counts


def wavefronts(counts):
    return counts.shared_loads.wavefronts + counts.shared_stores.wavefronts


one = count(version_1, 128)
lk.show(lk.Reading("wavefronts of version 1, a block", wavefronts(one) / 128, "1", of="simulated"))

my_guess = ...
wavefront_guess = lk.predict("07.d", my_guess)

# %%
two, three = count(version_2, 128), count(version_3, 128)
wavefront_guess.against(
    lk.Reading("wavefronts of version 2, a block", wavefronts(two) / 128, "1", of="simulated")
)
for name, counts in (("version 1", one), ("version 2", two), ("version 3", three)):
    conflicts = counts.shared_loads.bank_conflicts + counts.shared_stores.bank_conflicts
    found = wavefronts(counts), conflicts, counts.divergent_branches
    figures = "{} wavefronts, {} of them conflicts; {} divergent branches"
    print(
        f"[modelled] {name}, a block, from simulated: {figures.format(*(n // 128 for n in found))}"
    )

# By hand: 4 warps store; three accesses in each step, warps × ways of them; one load at the end.
steps_one = 5 * 4 + 2 + 1
steps_two = 2 * 2 + 4 * (1 * 4) + 1 * 2 + 1
assert wavefronts(one) == 128 * (4 + 3 * steps_one + 1)
assert wavefronts(two) == 128 * (4 + 3 * steps_two + 1)

# %% [markdown]
# The same! Version 2 trades divergence for conflicts. Version 3 has no conflicts.
#
# Version 4 lets each thread add two numbers when it loads, so half of the blocks do. Version 5
# drops the barriers where one warp is left. Version 6 passes values from register to register.
# (Harris's sixth unrolled all loops; shuffles came later.) Version 7 gives each thread many
# numbers.


# %% tags=["read"]
@cuda.jit
def version_4(x, sums):
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    i = cuda.blockIdx.x * 2 * THREADS + t
    s[t] = x[i] + x[i + THREADS]
    fold(s, t)
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


@cuda.jit
def version_5(x, sums):
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    i = cuda.blockIdx.x * 2 * THREADS + t
    s[t] = x[i] + x[i + THREADS]
    cuda.syncthreads()
    if t < 64:
        s[t] += s[t + 64]
    cuda.syncthreads()
    if t < 32:
        mine = s[t] + s[t + 32]
        k = 16
        while k > 0:
            s[t] = mine
            cuda.syncwarp()
            if t < k:
                mine += s[t + k]
            cuda.syncwarp()
            k //= 2
        if t == 0:
            sums[cuda.blockIdx.x] = mine


@cuda.jit
def version_6(x, sums):
    s = cuda.shared.array(4, cuda.float32)
    t = cuda.threadIdx.x
    i = cuda.blockIdx.x * 2 * THREADS + t
    mine = x[i] + x[i + THREADS]
    for k in (16, 8, 4, 2, 1):
        mine += cuda.shfl_down_sync(0xFFFFFFFF, mine, k)
    if t % 32 == 0:
        s[t // 32] = mine
    cuda.syncthreads()
    if t < 32:
        mine = cuda.float32(0)
        if t < 4:
            mine = s[t]
        for k in (2, 1):
            mine += cuda.shfl_down_sync(0xFFFFFFFF, mine, k)
        if t == 0:
            sums[cuda.blockIdx.x] = mine


@cuda.jit
def version_7(x, sums):
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    mine = cuda.float32(0)
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        mine += x[i]
    s[t] = mine
    fold(s, t)
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


# %% tags=["collapsed"]
ladder = [one, two, three]
ladder += [count(kernel, 64) for kernel in (version_4, version_5, version_6)]
ladder.append(count(version_7, 4))
harris = lk.published("harris-reductions")
n_published = harris.rows[0]["n_elements"]

print(f"counters (simulated) for {N_NUMBERS:,}; time (published) for {n_published:,}")
print("version     divergent  wavefronts  barriers  instructions  time (ms)")
for counts, row in zip(ladder, harris.rows, strict=True):
    print(f"{row['version']}, {counts.grid[0]:3} blocks {counts.divergent_branches:8,} "
          f"{wavefronts(counts):11,} {counts.barriers:9,} {counts.instructions:13,} "
          f"{row['time_s'] * 1e3:10.3f}")  # fmt: skip

times_s = [row["time_s"] for row in harris.rows]
assert times_s[0] > 2 * times_s[1]
assert two.instructions < one.instructions
lines = {
    "divergent branches": ([counts.divergent_branches for counts in ladder], False),
    "time, G80": (times_s, True),
    "wavefronts": ([wavefronts(counts) for counts in ladder], False),
    "barriers": ([counts.barriers for counts in ladder], False),
}
chart = lk.draw.Chart(
    lk.draw.Axis("version", names=[*"1234567"], ordered=True),
    lk.draw.Axis("left of version 1", "%", lo=0.003, hi=1.5, log=True),
    title="What each version removes",
)
for name, (ys, is_published) in lines.items():  # a share of what was counted or quoted: modelled
    chart.line(range(7), [y / ys[0] for y in ys], name, origin="modelled", dash=is_published)
chart.picture("Counters of seven reductions, and their published times, fall in turn")

# %% [markdown]
# Read it: x is the version, y what is left of version 1. The causes go *in turn*: divergence at 2,
# wavefronts at 3, idle threads (half of everything) at 4, barriers at 5.
#
# **Why the gap.** With equal wavefronts, version 2 was more than twice as fast as version 1. It
# executes fewer instructions, and version 1 pays for `%`, a slow one. And that GPU of 2006 had 16
# banks, not 32. Counters name causes. They are not times.
#
# ## A histogram of one's own
# Atomics on the same ten addresses of global memory stand in a queue. Count in shared memory first,
# and add each block's bins to the total once.


# %%
@cuda.jit
def histogram_private(values, bins):
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


bins = np.zeros(N_BINS, np.int32)
private = lk.profile(histogram_private[8, THREADS], values, bins)
direct = lk.profile(histogram_atomic[BLOCKS, THREADS], values, np.zeros(N_BINS, np.int32))
assert (bins == np.bincount(values)).all()
assert lk.sanitize(histogram_private[8, THREADS], values, bins) == []
lk.show(
    lk.Reading("global atomics, direct", direct.atomics, "1", "simulated"),
    lk.Reading("global atomics, private", private.line("(bins").atomics, "1", "simulated"),
)

# %% [markdown]
# (The counter takes the atomic of a warp as one. Lanes that meet in one bin queue as well, which it
# does not see.)
#
# ## What you now know
# - A **race** needs two threads, one address, one store and no order: the microscope.
# - The **cheapest tool**: `syncwarp` in a warp, a barrier in a block, an atomic across blocks: four
#   exhibits mended, and `lk.sanitize` silent.
# - What a **reduction pays**: divergence, conflicts, idle threads, barriers: the ladder.

# %%
print(f"[simulated] of {len(ORDERS)} orders of two threads, {ends.count(7)} are right")
print(f"[simulated] of {len(exhibits)} wrong kernels, a test of values caught {caught}")
per_block = [wavefronts(counts) // 128 for counts in (one, two, three)]
print(f"[modelled] wavefronts of a block in versions 1, 2, 3: {per_block}")

# %% [markdown]
# **Next**: the exercises; then `08_matmul_ladder`, where barriers pay off. Sources: Harris,
# *Optimizing Parallel Reduction in CUDA* (NVIDIA 2007; its figures as other texts retell them); Lin
# and Grover, *Using CUDA Warp-Level Primitives* (NVIDIA 2018).
