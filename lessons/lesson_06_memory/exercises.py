# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 · Memory: exercises
# From counting to a transpose that wastes nothing. A check runs your kernel on shapes that no block
# divides, looks for races, and counts: some answers here are *right, but*.

# %%
import numpy as np

import labkit as lk
from labkit import cuda

# %% [markdown]
# ## 06.1 Count sectors
# A warp loads 4-byte numbers from these byte addresses, one for each lane. How many 32-byte sectors
# move? (1 line)


# %%
def sectors(addresses):
    """The distinct 32-byte sectors among byte addresses."""
    ### BEGIN SOLUTION
    return len({address // 32 for address in addresses})
    ### END SOLUTION


# %%
lk.check("06.1", sectors)

# %% [markdown]
# ## 06.2 Count wavefronts
# Now shared memory. `words[lane]` is the number of the 4-byte word that a lane wants; word `w` lies
# in bank `w % 32`. How many wavefronts does the request take? (1 to 3 lines; what is served
# together?)


# %%
def wavefronts(words):
    """The passes over the 32 banks that it takes to serve all lanes."""
    ### BEGIN SOLUTION
    return max(len({word for word in words if word % 32 == bank}) for bank in range(32))
    ### END SOLUTION


# %%
lk.check("06.2", wavefronts)

# %% [markdown]
# ## 06.3 Mend a stride
# The grid has one axis here, with a thread for each element. This kernel is right:


# %%
@cuda.jit
def scale_rows_slowly(a, factor, out):
    t = cuda.grid(1)
    if t < out.size:
        row, col = t % out.shape[0], t // out.shape[0]
        out[row, col] = factor[row] * a[row, col]


a, factor = np.ones((40, 150), np.float32), np.ones(40, np.float32)
counts = lk.profile(scale_rows_slowly[47, 128], a, factor, np.zeros_like(a))
lk.draw.accesses(counts, "a")

# %% [markdown]
# Keep its results and spare the memory: no more than a tenth above the sectors that are needed.
# (4 lines)


# %%
@cuda.jit
def scale_rows(a, factor, out):
    """out[row, col] = factor[row] * a[row, col], in one-dimensional blocks."""
    ### BEGIN SOLUTION
    t = cuda.grid(1)
    if t < out.size:
        row, col = t // out.shape[1], t % out.shape[1]
        out[row, col] = factor[row] * a[row, col]
    ### END SOLUTION


# %%
lk.check("06.3", scale_rows)

# %% [markdown]
# ## 06.4 Smooth through a tile
# `out[i]` becomes the mean of `x[i - 1]`, `x[i]` and `x[i + 1]`; beyond an end of `x` the last
# element there counts once more. Blocks have `THREADS` threads.
#
# Each block may load its own elements from global memory and *one* more on either side: no number
# twice. So keep them in a shared tile of `TILE` doubles. (about 11 lines; where does the barrier
# stand, so that all threads reach it?)

# %%
THREADS = 64
TILE = THREADS + 2  # the shape of a shared array must be a constant


# %%
@cuda.jit
def smooth(x, out):
    """The mean of each element and its two neighbours."""
    ### BEGIN SOLUTION
    tile = cuda.shared.array(TILE, cuda.float64)
    i, t = cuda.grid(1), cuda.threadIdx.x
    last = x.size - 1
    tile[t + 1] = x[min(i, last)]
    if t == 0:
        tile[0] = x[max(i - 1, 0)]
    if t == THREADS - 1:
        tile[t + 2] = x[min(i + 1, last)]
    cuda.syncthreads()
    if i < x.size:
        out[i] = (tile[t] + tile[t + 1] + tile[t + 2]) / 3
    ### END SOLUTION


# %%
lk.check("06.4", smooth)

# %% [markdown]
# ## 06.5 Transpose any shape (a stretch)
# The transpose of the lesson works on multiples of 32 only. Write it for `float32` and any shape:
# loads and stores coalesced, no bank conflict. Blocks are (32, 32), and the grid covers `a`.
# (about 9 lines; the two guards are not the same)


# %%
@cuda.jit
def transpose(a, out):
    """out = a.T through a shared tile."""
    ### BEGIN SOLUTION
    tile = cuda.shared.array((32, 33), cuda.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * 32, cuda.blockIdx.y * 32
    if top + y < a.shape[0] and left + x < a.shape[1]:
        tile[y, x] = a[top + y, left + x]
    cuda.syncthreads()
    if left + y < out.shape[0] and top + x < out.shape[1]:
        out[left + y, top + x] = tile[x, y]
    ### END SOLUTION


# %%
lk.check("06.5", transpose)

# %% [markdown]
# ## To think about
# A warp that reads one `float32` field out of records of 32 bytes needs 32 sectors. You may
# rearrange the data: which layout needs 4, and when would the first one be better after all?

# %% [markdown] tags=["solution"]
# Four sectors: one array for each field. The records are better when a thread needs all their
# fields, since each sector is then used to the last byte.
#
# Wrong turns. In 06.2 a conflict is counted in *different* words of a bank, so `gcd(stride, 32)`
# fails at stride 0. In 06.4 a barrier inside `if i < x.size` is never reached by the threads beyond
# the end, which are of the same block. In 06.5 one guard for both halves is wrong: the thread that
# stores `out[left + y, top + x]` is not the one that loaded it.
