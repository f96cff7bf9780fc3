# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 · The matmul ladder: exercises
# You'll predict a counter, plan the two kinds of tile, and write two more kernels of the ladder.
# All matrices hold float32. The checks of the kernels choose sizes that divide evenly nowhere, look
# at every access, and set limits to what is counted.

# %%
import labkit as lk
from labkit import cuda

# %% [markdown]
# ## 08.1 What a tile costs
# Two n × n matrices are multiplied in tiles of `tile` × `tile` floats, and each block makes one
# tile of the product. For each of its n / tile steps, a block fetches a tile of A and a tile of B.
# How many 32-byte sectors do all the blocks fetch together? (`tile` is a multiple of 8 and divides
# n. 1 line)


# %%
def tile_sectors(n, tile):
    """Sectors that the loads of a tiled n × n product touch."""
    ### BEGIN SOLUTION
    return 2 * (n // tile) ** 3 * tile * tile * 4 // 32
    ### END SOLUTION


# %%
lk.check("08.1", tile_sectors)

# %% [markdown]
# ## 08.2 The best register tile
# A thread makes r × s elements. It keeps their r × s sums in registers, and for each k the r + s
# numbers that it has loaded. It has `n_registers` registers for these. Of the shapes that fit,
# which needs the fewest loads for each multiply-add? Both sides are powers of two, and r is at
# least s. (about 4 lines; you can simply try them all)


# %%
def best_register_tile(n_registers):
    """(r, s) of the tile with the fewest loads for each multiply-add."""
    ### BEGIN SOLUTION
    sides = [2**n for n in range(9)]
    tiles = [(r, s) for r in sides for s in sides if s <= r]
    fitting = [(r, s) for r, s in tiles if r * s + r + s <= n_registers]
    return min(fitting, key=lambda tile: sum(tile) / (tile[0] * tile[1]))
    ### END SOLUTION


# %%
lk.check("08.2", best_register_tile)

# %% [markdown]
# ## 08.3 Transposed weights
# PyTorch's linear layer keeps its weights as rows of B and [multiplies by the
# transpose](https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html): C = A Bᵀ, where A
# is m × k, B is n × k and C is m × n. So each element of C is a row of A times a *row* of B.
#
# Write it with tiles of 32 × 32 in shared memory, for any sizes, in blocks of 32 × 32 threads with
# columns of C along *x*. Each number should come from global memory once for each block that needs
# it, in coalesced loads, and without a bank conflict. (about 17 lines; think about which number of
# B a thread loads, and which ones it needs. numba takes each size of a shared array as a number or
# as a constant's name)

# %%
TILE = 32


@cuda.jit
def turned_product(a, b, c):
    """C = A Bᵀ, by tiles in shared memory."""
    ### BEGIN SOLUTION
    tile_a = cuda.shared.array((TILE, TILE), cuda.float32)
    tile_b = cuda.shared.array((TILE, 33), cuda.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    column, row = cuda.grid(2)
    left = cuda.blockIdx.x * TILE
    total = cuda.float32(0)
    for first in range(0, a.shape[1], TILE):
        tile_a[y, x] = 0
        if row < a.shape[0] and first + x < a.shape[1]:
            tile_a[y, x] = a[row, first + x]
        tile_b[y, x] = 0
        if left + y < b.shape[0] and first + x < b.shape[1]:
            tile_b[y, x] = b[left + y, first + x]
        cuda.syncthreads()
        for k in range(TILE):
            total += tile_a[y, k] * tile_b[x, k]
        cuda.syncthreads()
    if row < c.shape[0] and column < c.shape[1]:
        c[row, column] = total
    ### END SOLUTION


# %%
lk.check("08.3", turned_product)

# %% [markdown]
# ## 08.4 The largest tile
# A block keeps two tiles of `tile` × `tile` numbers in shared memory, each number taking `itemsize`
# bytes. Each of its threads makes `elements_a_thread` elements of a tile of C, and a block has at
# most 1,024 threads. You want `n_blocks` such blocks at once in the `shared_bytes` of a
# multiprocessor. How large can the tile be, if its side is a power of two? (about 5 lines)


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
# Now a register tile with everything around it. Tiles are 32 × 32 and blocks 16 × 16, so each
# thread makes 2 × 2 elements of C = A B, for any sizes. As in the lesson, let the rows and columns
# of a thread lie 16 apart. At most one load from shared memory is allowed for each multiply-add,
# and an access to shared memory may take two wavefronts, but not more. (about 27 lines)

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
# 1. Your 2 × 2 kernel of 08.5 could grow to 4 × 4, 8 × 8 or 16 × 16 elements a thread. Where would
#    you stop, and what would tell you that you had gone too far?
# 2. In 08.3 you pad `tile_b`. Could you do without, by storing the tile transposed instead?
# 3. The tile of `square_tile` in the lesson is 128 × 128. What would you lose if you multiplied
#    matrices of 130 × 130 with it, padded with zeros?
# 4. A warp of 08.5 is two rows of 16 threads. In which of your accesses to shared memory do the two
#    get in each other's way? (`lk.profile` counts it.)

# %% [markdown] tags=["solution"]
# ## About the solutions
# **08.1** There are (n / tile)² blocks with n / tile steps each, and a step fetches two tiles of 4
# tile² bytes. It's tempting to forget the steps, or to count a tile for each *thread*. Doubling the
# tile halves the sectors.
#
# **08.2** Counting only the sums is the usual slip: with 64 registers you'd choose 8 × 8, and then
# there's no room for the 16 numbers that it needs for each k. A rectangle such as 8 × 4 can be best
# where the next square doesn't fit.
#
# **08.3** Loading `b[column, first + y]` gives the right answer and takes a sector for each lane.
# So thread (*x*, *y*) loads number *x* of row *y*, as it does with A, though it's another thread
# that needs it. Then a warp reads down a column of `tile_b`, and without padding all its lanes hit
# one bank. The other usual slip is to return early beyond the edge: such a thread makes no element,
# but it brings numbers for others and is awaited at the barriers. (Each size of a shared array has
# to be a constant, and `TILE + 1` isn't one for numba, so we wrote 33.)
#
# **08.4** Each of the limits binds in some case, so all of them have to be asked. It's easy to
# forget that there are two tiles, or that the shared memory is divided by the number of blocks.
#
# **08.5** If the four elements lie side by side, the values are right. But lanes of a warp then
# store to every second element, so each store touches twice the sectors. (On a GPU the compiler may
# load such neighbours together, as in the lesson's rung 6. That helps the loads, and not the
# stores.)
#
# ## The questions
# 1. With 16 × 16 the sums alone take 256 registers, and a thread has at most 255. The compiler
#    would *spill*: keep some in memory, and store and load them in each round. It reports how many
#    bytes, and [lesson 09](../notebooks/09_tensor_cores_and_tiles.ipynb) shows them. 8 × 8 fits,
#    with an occupancy that still hides the waiting. Between them, 16 × 8 takes 128 registers for
#    its sums, and makes 0.19 loads instead of 0.25.
# 2. Yes, `tile_b[x, y] = b[left + y, first + x]` stores it transposed and reads it along rows. Then
#    the *stores* go down a column, with the same conflicts, and the same padding cures them. There
#    are 32 times fewer stores than reads, so this is the better choice if you can't pad.
# 3. You'd need two tiles each way, so four blocks, of which three compute almost nothing but zeros:
#    256 × 256 elements, where 130 × 130 are asked for. Three quarters of the arithmetic is wasted.
#    Libraries have kernels with tiles of several sizes, and choose.
# 4. `tile_a[y, k]`: its two numbers lie 32 apart, so they share a bank, and the load takes two
#    wavefronts. So do the stores to both tiles. Rows of 48 would put the second row of threads on
#    the other 16 banks. (In `tile_b[k, x]` both rows want the same 16 numbers, so one wavefront
#    serves both.)
