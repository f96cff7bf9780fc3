# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 09 · Tensor cores and tiles: exercises
# From the size of a tile to FlashAttention on tensor cores. You'll write kernels for
# [numba](https://nvidia.github.io/numba-cuda/), because these run everywhere; the solutions show
# softmax and attention as Triton programs, too. The numbers in a check are fresh at each run.
#
# A warp's matrices are those of `m16n8k16`, and these two functions gather their fragments.

# %%
import math

import numpy as np

import labkit as lk
from labkit import cuda, mma_sync


@cuda.jit(device=True)
def held_of_a(a, top, left):
    """The fragment of A, the 16 × 16 elements of a from row `top` and column `left` on."""
    row, column = top + cuda.laneid // 4, left + cuda.laneid % 4 * 2
    return (
        a[row, column], a[row, column + 1], a[row + 8, column], a[row + 8, column + 1],
        a[row, column + 8], a[row, column + 9], a[row + 8, column + 8], a[row + 8, column + 9],
    )  # fmt: skip


@cuda.jit(device=True)
def held_of_b(b, top, left):
    """The fragment of B, the 16 × 8 elements of b from row `top` and column `left` on."""
    row, column = top + cuda.laneid % 4 * 2, left + cuda.laneid // 4
    return b[row, column], b[row + 1, column], b[row + 8, column], b[row + 9, column]


# %% [markdown]
# ## 09.1 The tile that feeds
# A multiprocessor's tensor cores do `flop_per_cycle` operations in a cycle, and its shared memory
# gives `bytes_per_cycle`. A number has `itemsize` bytes. A warp keeps a square tile of `side` ×
# `side` sums in fp32 and fetches each tile of A and B once from shared memory. Which is the
# smallest side, a power of two, that keeps the tensor cores busy, and how many registers of each
# lane do its sums take? (about 4 lines)


# %%
def feeding_tile(flop_per_cycle, bytes_per_cycle, itemsize):
    """(side, registers of a lane for the sums) of the smallest square tile that feeds them."""
    ### BEGIN SOLUTION
    side = 1
    while side / itemsize < flop_per_cycle / bytes_per_cycle:
        side *= 2
    return side, math.ceil(side * side / 32)
    ### END SOLUTION


# %%
lk.check("09.1", feeding_tile)

# %% [markdown]
# ## 09.2 A warp with four sums
# Each block is one warp and makes a tile of 32 × 16 of `c`: two A fragments, one below the other,
# times two B fragments, side by side. Go through all of k in steps of 16. All sizes are multiples
# of the tile's. Block (x, y) starts at row 32 y and column 16 x.
#
# Budget: in each step four matrix instructions, and each fragment is loaded once, so 24 requests to
# load; and each sum is stored once, at the end, in `float32`. (about 20 lines; a variable for each
# of the four fragments of C)


# %%
@cuda.jit(device=True)
def store(c, top, left, sums):
    """Put a fragment of C where it belongs."""
    row, column = top + cuda.laneid // 4, left + cuda.laneid % 4 * 2
    c[row, column] = sums[0]
    c[row, column + 1] = sums[1]
    c[row + 8, column] = sums[2]
    c[row + 8, column + 1] = sums[3]


@cuda.jit
def four_sums(a, b, c):
    """c = a b in tiles of 32 × 16, one warp each; a and b float16, c float32."""
    ### BEGIN SOLUTION
    top, left = 32 * cuda.blockIdx.y, 16 * cuda.blockIdx.x
    zero = cuda.float32(0)
    c_00 = c_01 = c_10 = c_11 = (zero, zero, zero, zero)
    for first in range(0, a.shape[1], 16):
        a_0, a_1 = held_of_a(a, top, first), held_of_a(a, top + 16, first)
        b_0, b_1 = held_of_b(b, first, left), held_of_b(b, first, left + 8)
        c_00 = mma_sync(a_0, b_0, c_00)
        c_01 = mma_sync(a_0, b_1, c_01)
        c_10 = mma_sync(a_1, b_0, c_10)
        c_11 = mma_sync(a_1, b_1, c_11)
    store(c, top, left, c_00)
    store(c, top, left + 8, c_01)
    store(c, top + 16, left, c_10)
    store(c, top + 16, left + 8, c_11)
    ### END SOLUTION


# %%
lk.check("09.2", four_sums)

# %% [markdown]
# ## 09.3 A fused softmax
# `x` has rows of 8 scores, and each warp takes 16 rows. The scores of a product lie in fragments of
# C, so we take them as such: a lane's `x_0` and `x_1` are of row `row`, columns `column` and
# `column + 1`; `x_2` and `x_3` are of row `row + 8`.
#
# So the eight scores of a row lie in the four lanes of one group. Write each row's softmax to
# `out`, with one load of each score and one store of each result, and no shared memory.
# `cuda.shfl_xor_sync(0xFFFFFFFF, value, 1)` gives the value of the neighbour in a pair of lanes,
# and 2 in place of 1 that of the lane two further. Scores lie between -200 and 200. (about 12
# lines)


# %%
@cuda.jit(device=True)
def largest_of_four(value):
    """The largest of the values that the four lanes of a group hold."""
    ### BEGIN SOLUTION
    value = max(value, cuda.shfl_xor_sync(0xFFFFFFFF, value, 1))
    return max(value, cuda.shfl_xor_sync(0xFFFFFFFF, value, 2))
    ### END SOLUTION


@cuda.jit(device=True)
def sum_of_four(value):
    """The sum of the values that the four lanes of a group hold."""
    ### BEGIN SOLUTION
    value += cuda.shfl_xor_sync(0xFFFFFFFF, value, 1)
    return value + cuda.shfl_xor_sync(0xFFFFFFFF, value, 2)
    ### END SOLUTION


@cuda.jit
def softmax_of_rows(x, out):
    """The softmax of each row of 8, sixteen rows a warp, a warp a block; float32."""
    row, column = 16 * cuda.blockIdx.x + cuda.laneid // 4, cuda.laneid % 4 * 2
    x_0, x_1 = x[row, column], x[row, column + 1]
    x_2, x_3 = x[row + 8, column], x[row + 8, column + 1]
    ### BEGIN SOLUTION
    upper, lower = largest_of_four(max(x_0, x_1)), largest_of_four(max(x_2, x_3))
    w_0, w_1 = math.exp(x_0 - upper), math.exp(x_1 - upper)
    w_2, w_3 = math.exp(x_2 - lower), math.exp(x_3 - lower)
    total_upper, total_lower = sum_of_four(w_0 + w_1), sum_of_four(w_2 + w_3)
    out[row, column] = w_0 / total_upper
    out[row, column + 1] = w_1 / total_upper
    out[row + 8, column] = w_2 / total_lower
    out[row + 8, column + 1] = w_3 / total_lower
    ### END SOLUTION


# %%
lk.check("09.3", softmax_of_rows)

# %% [markdown]
# ## 09.4 FlashAttention on tensor cores (a stretch)
# One warp a block, 16 queries a warp, heads of 16 numbers, so that the queries are a single
# fragment of A. The keys and their values pass by in tiles of 16. For each tile the warp makes its
# 16 × 16 scores, which are two fragments of C; turns them into weights; and adds weights × values
# to the result, which is also two fragments of C.
#
# Now look at the layout: the two fragments of C that hold the scores of 16 keys have, lane by lane,
# just the elements that *one* fragment of A would have. So the weights are ready to be multiplied
# without moving at all. (The authors of FlashAttention use the same trick.)
#
# The loads, the scores and the last lines are there. `q` comes divided by the root of the head
# size, and `k_turned` is K turned: a key is a column. Write the middle: each row's largest score so
# far, by how much the old sums shrink, the weights, the totals, and the two products with the
# values; and after the loop, the totals of all four lanes of a group.
#
# What was summed with an older, smaller largest score is too large. Multiply it by exp(old - new),
# and it fits the new one. (About 20 lines. This is the **online softmax**; lesson 10 comes back to
# it.)


# %%
@cuda.jit
def attention(q, k_turned, v, out):
    """softmax(q k) v for 16 queries a block; q, k_turned, v float16, out float32; heads of 16."""
    top, zero = 16 * cuda.blockIdx.x, cuda.float32(0)
    held_q = held_of_a(q, top, 0)
    left_sums = right_sums = (zero, zero, zero, zero)
    upper = lower = cuda.float32(-math.inf)  # the largest score so far, of the lane's two rows
    total_upper = total_lower = zero  # of the weights, in this lane alone
    for first in range(0, v.shape[0], 16):
        s = mma_sync(held_q, held_of_b(k_turned, 0, first), (zero, zero, zero, zero))
        t = mma_sync(held_q, held_of_b(k_turned, 0, first + 8), (zero, zero, zero, zero))
        left_v, right_v = held_of_b(v, first, 0), held_of_b(v, first, 8)
        ### BEGIN SOLUTION
        higher = max(upper, largest_of_four(max(max(s[0], s[1]), max(t[0], t[1]))))
        shrink_upper, upper = math.exp(upper - higher), higher
        higher = max(lower, largest_of_four(max(max(s[2], s[3]), max(t[2], t[3]))))
        shrink_lower, lower = math.exp(lower - higher), higher
        s_0, s_1, s_2, s_3 = (
            math.exp(s[0] - upper), math.exp(s[1] - upper),
            math.exp(s[2] - lower), math.exp(s[3] - lower),
        )  # fmt: skip
        t_0, t_1, t_2, t_3 = (
            math.exp(t[0] - upper), math.exp(t[1] - upper),
            math.exp(t[2] - lower), math.exp(t[3] - lower),
        )  # fmt: skip
        total_upper = total_upper * shrink_upper + s_0 + s_1 + t_0 + t_1
        total_lower = total_lower * shrink_lower + s_2 + s_3 + t_2 + t_3
        weights = (
            np.float16(s_0), np.float16(s_1), np.float16(s_2), np.float16(s_3),
            np.float16(t_0), np.float16(t_1), np.float16(t_2), np.float16(t_3),
        )  # fmt: skip
        left_sums = mma_sync(weights, left_v, (
            left_sums[0] * shrink_upper, left_sums[1] * shrink_upper,
            left_sums[2] * shrink_lower, left_sums[3] * shrink_lower,
        ))  # fmt: skip
        right_sums = mma_sync(weights, right_v, (
            right_sums[0] * shrink_upper, right_sums[1] * shrink_upper,
            right_sums[2] * shrink_lower, right_sums[3] * shrink_lower,
        ))  # fmt: skip
        ### END SOLUTION
    ### BEGIN SOLUTION
    total_upper, total_lower = sum_of_four(total_upper), sum_of_four(total_lower)
    ### END SOLUTION
    store(out, top, 0, (
        left_sums[0] / total_upper, left_sums[1] / total_upper,
        left_sums[2] / total_lower, left_sums[3] / total_lower,
    ))  # fmt: skip
    store(out, top, 8, (
        right_sums[0] / total_upper, right_sums[1] / total_upper,
        right_sums[2] / total_lower, right_sums[3] / total_lower,
    ))  # fmt: skip


# %%
lk.check("09.4", attention)

# %% [markdown]
# ## To think about
# 1. In 09.2 the A fragments are loaded element by element, and two neighbours are a register. How
#    many of the 24 requests of a step could be saved by loading pairs? (Real kernels load whole
#    fragments from shared memory, with an instruction made for it, `ldmatrix`.)
# 2. In 09.4 the weights are rounded to fp16 before they're multiplied, but the totals are added up
#    from the weights in fp32. Does it matter? What would you change for a long context?
# 3. For each tile, a warp of 09.4 makes four matrix instructions and 256 exponentials. A
#    multiprocessor of an H100 works out 16 exponentials a cycle. Which of the two takes longer?

# %% [markdown] tags=["solution"]
# ## The wrong turns
# **09.1** A smaller number makes the same tile *more* intense: with one byte a number a square of
# 64 already gives 64 operations for each byte. Most people forget that, or forget that the tensor
# cores do twice as many operations in fp8 as well, so that the side stays what it was.
#
# **09.2** It's tempting to write `held_of_a(...)` inside of each `mma_sync`. The result is right,
# and each fragment is loaded twice. (A compiler may notice and save the loads, but don't rely on
# it.) The other wrong turn is to begin each product with zeros, so that only the last step counts.
#
# **09.3** Each lane sees only two elements of a row. With one shuffle it knows four, and only with
# two all eight. Forgetting the second one is the classic: the result is nearly right wherever the
# largest score happens to be near.
#
# **09.4** The two rows of a lane are different queries, so everything exists twice: largest, shrink
# and total. Mixing them up gives results that look plausible. The other wrong turn is to shrink the
# totals and forget the sums.
#
# ## The questions
# 1. Half of A's 16, because its elements come in pairs of a row. The pairs of B lie in a column,
#    and aren't neighbours in memory unless B is stored turned. (In 09.4 K itself would do: it was
#    turned only so that `held_of_b` fits.)
# 2. Each weight from 2⁻¹⁴ up is off by at most 2⁻¹¹ of itself, and the errors go either way, so
#    they mostly cancel. Smaller ones lose more, and those below 2⁻²⁵ become 0, which only matters
#    where very many of them add up. For a long context it's the totals that need fp32, and they
#    have it.
# 3. Four m16n8k16 are 16,384 operations: 4 cycles at 4,096 a cycle. The 256 exponentials of a tile
#    take 16 cycles. So in attention with small heads the exponentials win, and FlashAttention-3
#    therefore runs them *during* the products of another tile.
#
# ## The same as tile programs
# In Triton there are no fragments to think about, and both programs are short. They run here where
# Triton is installed.

# %% tags=["solution"]
from labkit.compilers import tl, triton


@triton.jit
def softmax_program(x, out, n, WIDTH: tl.constexpr):
    columns = tl.arange(0, WIDTH)
    at = tl.program_id(0) * n + columns
    row = tl.load(x + at, mask=columns < n, other=-float("inf"))
    weights = tl.exp(row - tl.max(row))
    tl.store(out + at, weights / tl.sum(weights), mask=columns < n)


@triton.jit
def attention_program(q, k, v, out, n, SIZE: tl.constexpr, ROWS: tl.constexpr):
    rows, size = tl.arange(0, ROWS), tl.arange(0, SIZE)
    mine = (tl.program_id(0) * ROWS + rows)[:, None] * SIZE + size[None, :]
    queries = tl.load(q + mine)
    largest = tl.full((ROWS,), -float("inf"), tl.float32)
    total = tl.zeros((ROWS,), tl.float32)
    sums = tl.zeros((ROWS, SIZE), tl.float32)
    for first in range(0, n, ROWS):
        at = (first + rows)[:, None] * SIZE + size[None, :]
        scores = tl.dot(queries, tl.trans(tl.load(k + at)))
        higher = tl.maximum(largest, tl.max(scores, 1))
        shrink, weights = tl.exp(largest - higher), tl.exp(scores - higher[:, None])
        total = total * shrink + tl.sum(weights, 1)
        sums = tl.dot(weights.to(tl.float16), tl.load(v + at), sums * shrink[:, None])
        largest = higher
    tl.store(out + mine, sums / total[:, None])


def run_programs():
    """How far both are from torch's own results."""
    import torch

    where = "cuda" if torch.cuda.is_available() else "cpu"
    x = torch.randn(4, 50, device=where)
    out = torch.empty_like(x)
    softmax_program[(4,)](x, out, 50, WIDTH=64)
    off = [(out - torch.softmax(x, 1)).abs().max()]
    q, k, v = (torch.randn(64, 32, device=where, dtype=torch.float16) for _ in range(3))
    out = torch.empty(64, 32, device=where)
    attention_program[(2,)](q, k, v, out, 64, SIZE=32, ROWS=32)
    right = torch.softmax(q.float() @ k.float().T, 1) @ v.float()
    return max(*off, (out - right).abs().max()).item()


try:
    print(f"[here] Both ran, and are at most {run_programs():.1g} off.")
except ModuleNotFoundError as missing:
    print(f"[here] {missing}")

# %% tags=["solution"]
ATTENTION = "*fp16", "*fp16", "*fp16", "*fp32", "i32:16"
lk.compile_for(attention_program, *ATTENTION, SIZE=64, ROWS=64, num_warps=4, num_stages=2)
