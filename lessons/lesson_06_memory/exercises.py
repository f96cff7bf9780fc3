# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 · Memory: exercises
# You'll go from counting to a transpose that wastes nothing. A check of a kernel runs it on shapes
# that no block divides, looks for races, and counts. So an answer may be *right, but* wasteful.

# %%
import numpy as np

import labkit as lk
from labkit import cuda

# %% [markdown]
# ## 06.1 Records
# Many programs keep what belongs together side by side, as a **record**: position, velocity and
# mass of a particle, for example. Record *i* begins at byte *i* × `record_bytes`. Each of a warp's
# 32 lanes reads some 4-byte fields of its own record, one request for each field. `offsets` says
# where in a record the fields begin (all multiples of 4).
#
# Return two numbers: the sectors that all these requests move together if nothing is kept, and the
# sectors that move if a cache keeps each one until it's no longer needed. (about 3 lines)


# %%
def record_sectors(record_bytes, offsets):
    """(sectors of all requests, distinct sectors) of a warp that reads fields of its records."""
    ### BEGIN SOLUTION
    requests = [{(lane * record_bytes + offset) // 32 for lane in range(32)} for offset in offsets]
    return sum(len(request) for request in requests), len(set().union(*requests))
    ### END SOLUTION


# %%
lk.check("06.1", record_sectors)

# %% [markdown] tags=["solution"]
# People often count the second number only, and then wonder why the records are slow. It's what a
# perfect cache would leave. The other slip is to give each field the same sectors: an offset may
# push a field across the border of a sector.

# %% [markdown]
# ## 06.2 Count wavefronts
# Now shared memory. `words[lane]` is the number of the 4-byte word that a lane wants, and word *w*
# is in bank *w* % 32. How many wavefronts does the request take? (1 to 3 lines; who is served
# together, and which bank takes longest?)


# %%
def wavefronts(words):
    """The passes over the 32 banks that it takes to serve all lanes."""
    ### BEGIN SOLUTION
    return max(len({word for word in words if word % 32 == bank}) for bank in range(32))
    ### END SOLUTION


# %%
lk.check("06.2", wavefronts)

# %% [markdown] tags=["solution"]
# A conflict is between *different* words of one bank. Whoever counts lanes instead of words takes a
# broadcast for the worst conflict of all. The formula `gcd(stride, 32)`, which you'll find in many
# texts, goes wrong in the same place, at stride 0.

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
# Keep its results and spare the memory: it may touch at most a tenth more sectors than necessary.
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

# %% [markdown] tags=["solution"]
# The tempting change is to swap `%` and `//` and to leave `shape[0]` as it is. The number that you
# divide by is the length of a row, and that's `shape[1]`.

# %% [markdown]
# ## 06.4 Smooth through a tile
# `out[i]` becomes the mean of `x[i - 1]`, `x[i]` and `x[i + 1]`. Beyond an end of `x`, the last
# element there counts once more. Blocks have `THREADS` threads.
#
# Each block may load its own elements from global memory and *one* more on either side, and no
# number twice. So keep them in a shared tile of `TILE` doubles. (about 11 lines; where does the
# barrier have to be, so that all threads reach it?)

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

# %% [markdown] tags=["solution"]
# Most people begin with `if i < x.size:` and put everything inside, the barrier too. In the last
# block some threads have no element. They never arrive, and on a GPU the others may wait forever.
# So those threads load the last element once more, wait with the rest, and only then have nothing
# to do.

# %% [markdown]
# ## 06.5 Transpose any shape (a stretch)
# The transpose of the lesson needs multiples of 32. Write it for `float32` and any shape, with
# loads and stores coalesced, without bank conflicts, and so that no number is loaded twice. Blocks
# are (32, 32), and the grid covers `a`. (about 9 lines; the two guards are not the same)


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

# %% [markdown] tags=["solution"]
# One guard for both halves looks right and isn't. The thread that stores `out[left + y, top + x]`
# is not the one that loaded that number, so where *its* load was out of bounds, its store may be
# inside.

# %% [markdown]
# ## To think about
# 1. A warp that reads one 4-byte field of records of 32 bytes needs 32 sectors. You may rearrange
#    the data. Which layout needs 4, and when would the records be better after all?
# 2. In the lesson the padded tile was 33 wide. Which other widths have no conflict for doubles, and
#    why would nobody take them?

# %% [markdown] tags=["solution"]
# 1. One array for each field: then 32 lanes read 128 bytes in a row. The records are better when a
#    thread needs all fields of few records, for example of those on a random list. Then each sector
#    is used to the last byte, and separate arrays would need a sector for each field.
# 2. Every odd width: from one row to the next, the words of a column move on by twice an odd number
#    of banks, and 16 lanes reach 16 different pairs. A wider tile only takes up more shared memory,
#    so that fewer blocks find room in an SM.
