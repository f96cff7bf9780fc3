# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 · The matmul ladder: exercises
# You climb it yourself. Matrices are float32: A is m × k, B is k × n, C is m × n, and the checks
# choose sizes that divide evenly nowhere. They watch with `lk.sanitize` and set budgets on
# counters.

# %%
import labkit as lk
from labkit import cuda

# %% [markdown]
# ## 08.1 The sectors of a tile
# An n × n product in tiles of `tile` × `tile` floats. Each block brings a tile of A and a tile of B
# in each of its n / tile steps. How many 32-byte sectors do all blocks load together?
# (`tile` is a multiple of 8 and divides n; 1 line)


# %%
def tile_sectors(n, tile):
    """Sectors that the loads of a tiled n × n product touch."""
    ### BEGIN SOLUTION
    return 2 * (n // tile) ** 3 * tile * tile * 4 // 32
    ### END SOLUTION


# %%
lk.check("08.1", tile_sectors)

# %% [markdown]
# ## 08.2 Coalesce
# One element of C for each thread. Blocks are 32 × 8 threads, and the grid has its columns along x:
# `product[(n / 32, m / 8), (32, 8)]`, rounded up. Budget: the sectors of the lesson's second rung.
# (about 6 lines)


# %%
@cuda.jit
def product(a, b, c):
    """C = A B, an element a thread."""
    ### BEGIN SOLUTION
    column, row = cuda.grid(2)
    if row < c.shape[0] and column < c.shape[1]:
        total = cuda.float32(0)
        for k in range(a.shape[1]):
            total += a[row, k] * b[k, column]
        c[row, column] = total
    ### END SOLUTION


# %%
lk.check("08.2", product)

# %% [markdown]
# ## 08.3 Tile, with edges
# Blocks are 16 × 16 threads, columns along x. Budget: each tile comes from global memory once, and
# no bank conflict. (about 16 lines; think of the threads beyond the edge *before* you write
# `return`)

# %%
TILE = 16


@cuda.jit
def tiled_product(a, b, c):
    """C = A B, by tiles in shared memory."""
    ### BEGIN SOLUTION
    tile_a = cuda.shared.array((TILE, TILE), cuda.float32)
    tile_b = cuda.shared.array((TILE, TILE), cuda.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    column, row = cuda.grid(2)
    total = cuda.float32(0)
    for first in range(0, a.shape[1], TILE):
        tile_a[y, x] = 0
        if row < a.shape[0] and first + x < a.shape[1]:
            tile_a[y, x] = a[row, first + x]
        tile_b[y, x] = 0
        if first + y < b.shape[0] and column < b.shape[1]:
            tile_b[y, x] = b[first + y, column]
        cuda.syncthreads()
        for k in range(TILE):
            total += tile_a[y, k] * tile_b[k, x]
        cuda.syncthreads()
    if row < c.shape[0] and column < c.shape[1]:
        c[row, column] = total
    ### END SOLUTION


# %%
lk.check("08.3", tiled_product)

# %% [markdown] tags=["solution"]
# A thread beyond the edge has nothing to write, yet it brings numbers for others and is awaited at
# the barrier: it returns last, not first. Without the zeros its cells would hold rubbish.

# %% [markdown]
# ## 08.4 The largest tile
# A block keeps two tiles of `tile` × `tile` numbers in shared memory, and each of its threads makes
# `elements_a_thread` elements of a tile of C. A block has at most 1024 threads, and you want
# `n_blocks` of them resident at once in `shared_bytes`. Which is the largest tile that is a power
# of two? (about 5 lines)


# %%
def largest_tile(itemsize, elements_a_thread, shared_bytes, n_blocks):
    """The side of the largest power-of-two tile."""
    ### BEGIN SOLUTION
    tile = 1
    while (2 * tile) ** 2 <= 1024 * elements_a_thread and (
        n_blocks * 2 * (2 * tile) ** 2 * itemsize <= shared_bytes
    ):
        tile *= 2
    return tile
    ### END SOLUTION


# %%
lk.check("08.4", largest_tile)

# %% [markdown]
# ## 08.5 A square of elements (a stretch)
# Tiles of 32 × 32, blocks of 16 × 16: so each thread makes 2 × 2 elements of C. Budget: one load
# from shared memory for each multiply-add, half of what 08.3 needs.
# (about 25 lines; let the rows and columns of a thread lie 16 apart, so that neighbours stay
# neighbours)

# %%
SIDE, HALF = 32, 16


@cuda.jit
def square_product(a, b, c):
    """C = A B, 2 × 2 elements a thread."""
    ### BEGIN SOLUTION
    tile_a = cuda.shared.array((SIDE, SIDE), cuda.float32)
    tile_b = cuda.shared.array((SIDE, SIDE), cuda.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * SIDE, cuda.blockIdx.y * SIDE
    sum_00 = sum_01 = sum_10 = sum_11 = cuda.float32(0)
    for first in range(0, a.shape[1], SIDE):
        for i in range(y, SIDE, HALF):
            for j in range(x, SIDE, HALF):
                tile_a[i, j] = 0
                if top + i < a.shape[0] and first + j < a.shape[1]:
                    tile_a[i, j] = a[top + i, first + j]
                tile_b[i, j] = 0
                if first + i < b.shape[0] and left + j < b.shape[1]:
                    tile_b[i, j] = b[first + i, left + j]
        cuda.syncthreads()
        for k in range(SIDE):
            a_0, a_1 = tile_a[y, k], tile_a[y + HALF, k]
            b_0, b_1 = tile_b[k, x], tile_b[k, x + HALF]
            sum_00 += a_0 * b_0
            sum_01 += a_0 * b_1
            sum_10 += a_1 * b_0
            sum_11 += a_1 * b_1
        cuda.syncthreads()
    sums = (sum_00, sum_01, sum_10, sum_11)
    for i in range(2):
        for j in range(2):
            row, column = top + y + i * HALF, left + x + j * HALF
            if row < c.shape[0] and column < c.shape[1]:
                c[row, column] = sums[2 * i + j]
    ### END SOLUTION


# %%
lk.check("08.5", square_product)

# %% [markdown]
# ## To think about
# Your 2 × 2 kernel needs more registers than the tiled one, so fewer warps are resident. At which
# number of elements a thread would you stop, and which counter would tell you that you went too
# far?
