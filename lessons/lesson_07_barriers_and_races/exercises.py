# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07 · Barriers and races: exercises
# Kernels to mend and to write. Each check runs your kernel on several sizes that do not divide
# evenly, with `lk.sanitize` watching, and counts what it costs. Look for yourself first:
# `lk.sanitize(kernel[blocks, THREADS], ...)` in a cell of its own.

# %%
import numpy as np

import labkit as lk
from labkit import cuda

THREADS = 128  # of each block, in all exercises

# %% [markdown]
# ## 07.1 Which tool?
# For each sentence the cheapest that makes it right: `nothing`, `syncwarp`, `syncthreads`,
# `atomic`, or another `launch`.

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

# %% [markdown]
# ## 07.2 Mend it
# `out[i]` shall be the rank of `x[i]` among the numbers of its own block: how many of them are
# smaller. The last block may be shorter. This kernel gets every value right, here:


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
lk.sanitize(ranks_with_a_fault[3, THREADS], x, np.zeros(300, np.int64))

# %% [markdown]
# Write it without the fault. Budget: two loads from global memory for each thread. (Two more lines
# than above)


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
# The barrier stands *between* two guards. Inside the first one it is missed by the threads beyond
# the end, which is undefined; `syncwarp` would order one warp, and there are four.

# %% [markdown]
# ## 07.3 Private bins
# Count `values`, whole numbers from 0 to 15, into `bins`, which come filled with zeros.
# There may be more values than threads. Budget: each block adds each bin to global memory once.
# (about 10 lines)

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

# %% [markdown]
# ## 07.4 A sum
# Add all of `x` to `out[0]`, which comes as zero; there may be more numbers than threads.
# Budget: one atomic a block, no bank conflict, coalesced loads. (about 14 lines)


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

# %% [markdown]
# ## 07.5 A scan (a stretch)
# `out[i]` shall be the sum of the numbers of its block up to and with `x[i]`.
# The lesson's scan has two barriers in each of its seven steps. Budget: nine barriers in all.
# (about 16 lines; with *two* arrays, whom does a store disturb?)


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

# %% [markdown]
# ## To think about
# Your kernel passed a million runs on a GPU, and the sanitizer reports a race. A colleague says: it
# has never failed. What would have to change, in the chip, the compiler or the input, for it to
# fail tomorrow?
