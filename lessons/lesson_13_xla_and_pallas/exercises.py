# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 13 · XLA and Pallas: exercises
# Two for the first part, on what the compiler says, and two for the second, on kernels of your own.
# Each check tries your function on new numbers.

# %%
from labkit import tpu

tpu.cpu_devices(1)  # before JAX does anything else: without a TPU it needn't look for one

import math

import jax.numpy as jnp
from jax.experimental import pallas as pl

import labkit as lk

# %% [markdown]
# ## 13.1 Tiles
# A TPU keeps a matrix, row after row, in whole tiles of 8 × 128 numbers. How many bytes does a
# matrix of `rows × columns` take, with `itemsize` bytes a number and 8 rows or more? (1 to 3 lines)


# %%
def padded_bytes(rows, columns, itemsize):
    """Bytes of a matrix in whole tiles of 8 × 128."""
    ### BEGIN SOLUTION
    return math.ceil(rows / 8) * 8 * math.ceil(columns / 128) * 128 * itemsize
    ### END SOLUTION


# %%
lk.check("13.1", padded_bytes)

# %% [markdown] tags=["solution"]
# Most people round up the *number of elements* to whole tiles. But a tile holds 8 rows and 128
# columns of one place in the matrix, so each side is rounded up by itself. One column too many
# costs a whole column of tiles. (A matrix of fewer than 8 rows gets flatter tiles, so the exercise
# leaves it out.)

# %% [markdown]
# ## 13.2 Read a type
# Types in HLO look like `bf16[4096,512]{1,0}`: a kind of number, the sides, and the layout in
# braces, which may also say `{1,0:T(8,128)(2,1)}` or be missing. The digits in the kind are bits.
# `f32[]`, without a side, is a single number. How many bytes does an array of such a type take,
# without any padding? Kinds are `f64`, `f32`, `f16`, `bf16`, `s32`, `s8` and `u8`. (about 4 lines;
# `text.split("[")` cuts a text at a bracket)


# %%
def type_bytes(text):
    """Bytes of an array of this type, such as "bf16[4096,512]{1,0}"."""
    ### BEGIN SOLUTION
    kind, rest = text.split("[")
    sides = [int(side) for side in rest.split("]")[0].split(",") if side]
    return math.prod(sides) * int(kind.strip("bfsu")) // 8
    ### END SOLUTION


# %%
lk.check("13.2", type_bytes)

# %% [markdown] tags=["solution"]
# The slip to look out for is the layout. It holds numbers, too, and they say in which order the
# axes lie in memory, not how long they are. And the product of no sides at all is 1, which is
# right for `f32[]`: a single number still takes four bytes.

# %% [markdown]
# # Part two: kernels
# These need the second part of the lesson.
#
# ## 13.3 A kernel
# The grid has one axis. At each step `x_ref` is the next block of a tall array, and `y_ref` is the
# same block of the result every time. Leave in it the sum of all blocks. Nothing says what is in
# `y_ref` at the beginning. (about 4 lines; `pl.program_id(0)` is the step, `pl.when` runs a
# function under a condition)


# %%
def sum_blocks(x_ref, y_ref):
    """Leave the sum of all blocks of x in y."""

    ### BEGIN SOLUTION
    @pl.when(pl.program_id(0) == 0)
    def _():
        y_ref[...] = jnp.zeros_like(y_ref)

    y_ref[...] += x_ref[...]
    ### END SOLUTION


# %%
lk.check("13.3", sum_blocks)

# %% [markdown] tags=["solution"]
# Two wrong turns are common. A Python `if` on the step decides once, when the kernel is compiled,
# and the step isn't known then; that's what `pl.when` is for. And if you only clear the NaN out of
# `y_ref`, instead of overwriting all of it, the sum may still begin with somebody else's numbers.

# %% [markdown]
# ## 13.4 Choose a block (a stretch)
# The tiled product of the lesson: n × n × n in bf16, square blocks, `k` fastest. Each step fetches
# a block of `x` and one of `w`; `y` is written once. VMEM holds two copies of each of the three
# blocks and one block of 32-bit sums.
#
# Return the smallest block that is a multiple of 128, divides `n`, fits into `vmem_bytes` (to the
# last byte, if need be), and makes the product compute-bound (FLOP per byte at least the ridge). If
# there isn't one, return 0. (about 8 lines)


# %%
def smallest_block(n, ridge_flop_per_byte, vmem_bytes):
    """The side of the smallest block that is fast enough and fits, or 0."""
    ### BEGIN SOLUTION
    for block in range(128, n + 1, 128):
        moved_bytes = 2 * (n // block) ** 3 * block**2 * 2 + n**2 * 2
        is_fast = 2 * n**3 / moved_bytes >= ridge_flop_per_byte
        fits = 2 * 3 * block**2 * 2 + block**2 * 4 <= vmem_bytes
        if n % block == 0 and is_fast and fits:
            return block
    return 0
    ### END SOLUTION


# %%
lk.check("13.4", smallest_block)

# %% [markdown] tags=["solution"]
# It's tempting to take half of the block's side for the intensity. That's a good estimate, but the
# result is written as well, so the true intensity is a little lower, and near the ridge the
# estimate picks a block that's too small.

# %% [markdown]
# ## To think about
# 1. For a matrix of 100 × 129 the TPU compiler keeps the *transpose*. Why? And why not for
#    129 × 129?
# 2. What would letting `i` run fastest save in the lesson's product, and what would it cost?
# 3. Two programs have the same FLOP and the same bytes by XLA's count. Name three reasons why one
#    may still be faster.

# %% [markdown] tags=["solution"]
# 1. As it stands, 100 × 129 takes 13 × 2 tiles. Its transpose, 129 × 100, takes 17 × 1, which is
#    fewer. A square matrix has the same sides after it's transposed, so nothing would be gained.
# 2. `w` would stay in VMEM for a whole run of `i`, so it would be fetched *n*/block times less
#    often. But each block of `y` would be visited once for every `k`, with other blocks in between.
#    Its sums would have to be written to HBM and read again each time, in 32 bits, or all of them
#    kept in VMEM.
# 3. Tiles that are only partly filled; collectives, which aren't in those bytes; fewer and larger
#    steps, so that less waits for the start of each; or copies that run beside the arithmetic.
