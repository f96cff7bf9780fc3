# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07 · Barriers and races: exercises
# You'll choose tools, mend a kernel, and write three. A check runs your kernel on several sizes,
# most of which no block divides. It asks about the order of all accesses, and it counts what your
# kernel costs. You can look for yourself first, with `lk.sanitize(kernel[blocks, THREADS], ...)` in
# a cell of its own.

# %%

import numpy as np

import labkit as lk
from labkit import cuda

THREADS = 128  # of each block, in all exercises

# %% [markdown]
# ## 07.1 Which tool?
# For each sentence, name the cheapest tool that makes it right: `nothing`, `syncwarp`,
# `syncthreads`, `atomic`, or another `launch`.

# %%
tools = {
    "Lane 3 reads what lane 7 of its warp has stored to shared memory.": ...,
    "Warp 1 reads the tile that all warps of its block have stored.": ...,
    "All threads of all blocks add to one counter.": ...,
    "Every block reads the partial sums that all other blocks have stored.": ...,
    "Each thread reads and writes elements that nobody else touches.": ...,
}

# %% tags=["solution"]
tools = {
    "Lane 3 reads what lane 7 of its warp has stored to shared memory.": "syncwarp",
    "Warp 1 reads the tile that all warps of its block have stored.": "syncthreads",
    "All threads of all blocks add to one counter.": "atomic",
    "Every block reads the partial sums that all other blocks have stored.": "launch",
    "Each thread reads and writes elements that nobody else touches.": "nothing",
}

# %%
lk.check("07.1", tools)

# %% [markdown] tags=["solution"]
# Most people stumble over the fourth. There's no barrier in a kernel's usual tool box that other
# blocks would wait at, and there couldn't be one that always works: a block that hasn't started yet
# may be waiting for room on the chip, which it gets only when another block ends.

# %% [markdown]
# ## 07.2 Mend it
# `out[i]` becomes the rank of `x[i]` among the numbers of its own block: how many of them are
# smaller. The last block may have fewer numbers than threads. Here this kernel gets every value
# right:


# %%
@cuda.jit
def ranks_with_a_fault(x, out):
    tile = cuda.shared.array(THREADS, cuda.float32)
    t, first = cuda.threadIdx.x, cuda.blockIdx.x * THREADS
    n = min(THREADS, x.size - first)
    if t < n:
        tile[t] = x[first + t]
        smaller = 0
        for j in range(n):
            if tile[j] < tile[t]:
                smaller += 1
        out[first + t] = smaller


x = np.random.default_rng(1).random(300, dtype=np.float32)
for finding in lk.sanitize(ranks_with_a_fault[3, THREADS], x, np.zeros(300, np.int64)):
    lk.show(f"[simulated] {finding}")

# %% [markdown]
# Write it without the fault. A thread may load two numbers from global memory, and not more. (two
# lines more than above)


# %%
@cuda.jit
def ranks(x, out):
    """`out[i]`: how many numbers of the block of `x[i]` are smaller."""
    ### BEGIN SOLUTION
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
    ### END SOLUTION


# %%
lk.check("07.2", ranks)

# %% [markdown] tags=["solution"]
# The barrier stands *between* two guards. It's tempting to put it inside the one guard that is
# there already, but then the threads beyond the end never arrive. `syncwarp` orders one warp, and
# here there are four.

# %% [markdown]
# ## 07.3 Bins of one's own
# When many threads add to the same few addresses of global memory, they stand in a queue. So let
# each block count in shared memory first, and add its bins to the total at the end. (This is called
# *privatisation*.)
#
# Count `values`, whole numbers from 0 to 15, into `bins`, which come filled with zeros. There may
# be more values than threads. Each block may add each bin to global memory once. (about 10 lines)

# %%
N_BINS = 16


@cuda.jit
def histogram(values, bins):
    """Add to `bins[b]` how many of the values are `b`."""
    ### BEGIN SOLUTION
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
    ### END SOLUTION


# %%
lk.check("07.3", histogram)

# %% [markdown] tags=["solution"]
# The block's bins need two barriers: nobody may count before they are zero, and nobody may add them
# up before all have counted. The most common slip is to forget that shared memory doesn't begin at
# zero. The next one is `bins[t] += mine[t]` at the end: within the block each thread has a bin of
# its own, but every other block has one for the same bin.
#
# What does it save? Here it is beside a kernel with one atomic for each value. (The counter takes
# the atomic of a warp as one. Lanes of a warp that meet in one bin wait for each other as well, and
# it doesn't see that.)


# %% tags=["solution"]
@cuda.jit
def histogram_atomic(values, bins):
    i = cuda.grid(1)
    if i < values.size:
        cuda.atomic.add(bins, values[i], 1)


values = np.random.default_rng(7).integers(0, N_BINS, 10_000).astype(np.int32)
bins = np.zeros(N_BINS, np.int32)
private = lk.profile(histogram[8, THREADS], values, bins)
direct = lk.profile(histogram_atomic[79, THREADS], values, np.zeros(N_BINS, np.int32))
assert (bins == np.bincount(values)).all()
assert lk.sanitize(histogram[8, THREADS], values, bins) == []
lk.show(
    lk.Reading("global atomics, one for each value", direct.atomics, "1", "simulated"),
    lk.Reading(
        "global atomics, from private bins", private.line("(bins").atomics, "1", "simulated"
    ),
)

# %% [markdown]
# ## 07.4 A sum of any length
# Add the sum of `x` to `out[0]`, which comes as zero. There may be more numbers than threads. Each
# block may make one atomic operation. Loads should be coalesced, and without bank conflicts. (about
# 14 lines)


# %%
@cuda.jit
def total(x, out):
    """Add the sum of `x` to `out[0]`."""
    ### BEGIN SOLUTION
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
    ### END SOLUTION


# %%
lk.check("07.4", total)

# %% [markdown] tags=["solution"]
# A grid-stride loop (lesson 05), then version 3, then one atomic. It's tempting to give each thread
# a run of neighbouring numbers, because that's how you'd share out work among people. But then the
# lanes of a warp load numbers that are far apart, and each pays for a sector of its own.

# %% [markdown]
# ## 07.5 A scan (a stretch)
# `out[i]` becomes the sum of the numbers of its block up to and including `x[i]`. The last block
# may have fewer numbers than threads. The lesson's mended scan has two barriers in each of its
# seven steps. You get nine barriers in all. (about 16 lines; if there are *two* arrays, whom does a
# store disturb?)


# %%
@cuda.jit
def scan(x, out):
    """`out[i]`: the sum of the numbers of the block of `x[i]`, up to `x[i]`."""
    ### BEGIN SOLUTION
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
    ### END SOLUTION


# %%
lk.check("07.5", scan)

# %% [markdown] tags=["solution"]
# The two sides take turns: what is read in one step is overwritten in the next, and there's a
# barrier in between. That's called double buffering, and matrix products use it as well. The wrong
# turn is to leave out one of the two barriers without a second array.
#
# There are shorter ways. Lanes can pass their sums by shuffles, without shared memory, so that one
# barrier is enough, for the sums of the four warps.

# %% [markdown]
# ## To think about
# 1. Your kernel passed a million runs on a GPU, and the sanitizer reports a race. A colleague says
#    that it has never failed. What would have to change for it to fail tomorrow: in the chip, the
#    compiler, the input?
# 2. A sum by atomics of `float32` is free of races. Run it twice, and the last digits may differ.
#    Why, and when would that matter?

# %% [markdown] tags=["solution"]
# 1. Anything that makes one warp slower than another, or moves a load or a store. A chip with other
#    schedulers, or more blocks at a time on each multiprocessor. A compiler that keeps a number in
#    a register longer, or unrolls a loop. An input for which one warp takes a branch that the
#    others don't, or misses a cache. Even a profiler, or a printed message, as in Paddle's case.
# 2. An atomic doesn't put the additions in order, and sums of floats depend on the order, because
#    each is rounded. It matters where you want to repeat a training run bit by bit, or compare the
#    results of two versions. Sums of whole numbers, as in the lesson's tests, are the same in each
#    order as long as they're exact.
