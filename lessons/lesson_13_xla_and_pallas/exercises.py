# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 13 · XLA and Pallas: exercises
# From tiles to a kernel of your own. The numbers in a check are fresh at each run.

# %%
from labkit import tpu

cpus = tpu.cpu_devices(8)  # before JAX does anything else

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import pallas as pl
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

import labkit as lk

# %% [markdown]
# ## 13.1 Tiles
# A TPU keeps a matrix, row after row, in whole tiles of 8 × 128 numbers. How many bytes does a
# matrix of `rows × columns` take, `itemsize` bytes a number? (1 to 3 lines)


# %%
def padded_bytes(rows, columns, itemsize):
    """Bytes of a matrix in whole tiles of 8 × 128."""
    ### BEGIN SOLUTION
    return math.ceil(rows / 8) * 8 * math.ceil(columns / 128) * 128 * itemsize
    ### END SOLUTION


# %%
lk.check("13.1", padded_bytes)

# %% [markdown]
# ## 13.2 Fetches
# A grid runs with its last axis fastest; `index_map(*place)` gives the block that a step needs. A
# block is fetched when it is another one than in the step before, and in the first step. Count the
# fetches. (about 5 lines; `itertools.product` runs through a grid in the right order)


# %%
def fetches(grid, index_map):
    """How often a block is fetched while the grid runs."""
    ### BEGIN SOLUTION
    count, before = 0, None
    for place in itertools.product(*map(range, grid)):
        block = index_map(*place)
        count += block != before
        before = block
    return count
    ### END SOLUTION


# %%
lk.check("13.2", fetches)

# %% [markdown]
# Try it on the product of the lesson. What does it save to let `i` run fastest? And what would it
# cost, since the sums of a block of `y` are then no longer made in one go?

# %% tags=["solution"]
grid = (8, 8, 8)
print("[simulated] k fastest, fetches of x:", fetches(grid, lambda i, j, k: (i, k)))
print("[simulated] i fastest, fetches of w:", fetches(grid, lambda k, j, i: (k, j)))

# %% [markdown]
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

# %% [markdown]
# ## 13.4 One all-reduce
# An MLP on several devices: each holds all of `x`, some columns of `a` and the rows of `b` that go
# with them. Write what one device does, so that each ends with the whole `relu(x @ a) @ b`. Use one
# collective, `jax.lax.psum(value, "model")`, and send no weights. (1 or 2 lines)


# %%
def mlp_block(x, a_block, b_block):
    """The program of one device: its share of the MLP, added up over the axis `model`."""
    ### BEGIN SOLUTION
    return jax.lax.psum(jax.nn.relu(x @ a_block) @ b_block, "model")
    ### END SOLUTION


# %%
lk.check("13.4", mlp_block)

# %% [markdown]
# The check runs it on simulated devices. On your eight virtual ones:

# %% tags=["solution"]
mesh = jax.make_mesh((8,), ("model",), devices=cpus, axis_types=(AxisType.Auto,))
on_mesh = jax.shard_map(
    mlp_block, mesh=mesh, in_specs=(P(), P(None, "model"), P("model", None)), out_specs=P()
)
rng = np.random.default_rng(11)
x, a, b = (rng.random(shape, dtype=np.float32) - 0.5 for shape in ((4, 16), (16, 64), (64, 16)))
assert np.allclose(jax.jit(on_mesh)(x, a, b), np.maximum(x @ a, 0) @ b, rtol=1e-4, atol=1e-5)
print(tpu.collectives(jax.jit(on_mesh).lower(x, a, b).compile()))

# %% [markdown]
# ## 13.5 Choose a block (a stretch)
# The tiled product of the lesson: n × n × n in bf16, square blocks, `k` fastest. Each step fetches
# a block of `x` and one of `w`; `y` is written once. VMEM holds two copies of each of the three
# blocks and one block of 32-bit sums.
#
# Return the smallest block that is a multiple of 128, divides `n`, fits into `vmem_bytes`, and
# makes the product compute-bound (FLOP per byte at least the ridge). If there is none, return 0.
# (about 8 lines)


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
lk.check("13.5", smallest_block)

# %% [markdown]
# ## To think about
# For a matrix of 100 × 129 the TPU compiler keeps the *transpose*. Why? And why does it not for
# 129 × 129?
