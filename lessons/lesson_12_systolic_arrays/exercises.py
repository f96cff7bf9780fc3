# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 12 · Systolic arrays: exercises
# From counting cycles to the clock of an array. The numbers in a check are fresh at each run.

# %%
import math

import numpy as np

import labkit as lk

# %% [markdown]
# ## 12.1 One tile
# A batch of `m` rows meets `rows × columns` weights on an array of just that size. The weights
# still have to move in. How many cycles until the last result is out? (1 line)


# %%
def one_tile_cycles(m, rows, columns):
    """Cycles of one tile: load, stream, drain."""
    ### BEGIN SOLUTION
    return 2 * rows + columns + m - 2
    ### END SOLUTION


# %%
lk.check("12.1", one_tile_cycles)

# %% [markdown]
# ## 12.2 The cost of padding
# `k × n` weights are cut into whole tiles of `rows × columns`; what is missing is filled with
# zeros. Which share of all these multiplications is real? (about 3 lines)


# %%
def real_share(k, n, rows, columns):
    """Real weights over weights in whole tiles, from 0 to 1."""
    ### BEGIN SOLUTION
    k_padded = math.ceil(k / rows) * rows
    n_padded = math.ceil(n / columns) * columns
    return k * n / (k_padded * n_padded)
    ### END SOLUTION


# %%
lk.check("12.2", real_share)

# %% [markdown]
# Try it: what does a model pay for a layer of 129 × 129 in place of 128 × 128, on an array of
# 128 × 128, as several later TPUs have it?

# %% tags=["solution"]
share = real_share(129, 129, 128, 128)
lk.show(lk.Reading("real share, 129 on 128", share, "%", "modelled"))

# %% [markdown]
# ## 12.3 A layer
# The whole layer, `m × k` times `k × n`, double-buffered: the next tile's weights come in while the
# array still works. A tile's load takes `load_cycles`. The check holds your formula against the
# simulated array. (about 3 lines)


# %%
def layer_cycles(m, k, n, rows, columns, load_cycles):
    """Cycles of a layer on a double-buffered, weight-stationary array."""
    ### BEGIN SOLUTION
    n_tiles = math.ceil(k / rows) * math.ceil(n / columns)
    period = max(m, load_cycles)
    return load_cycles + (n_tiles - 1) * period + m + rows + columns - 2
    ### END SOLUTION


# %%
lk.check("12.3", layer_cycles)

# %% [markdown]
# ## 12.4 The clock
# Write the array itself. In one cycle all inputs move right by one, and `entering` (one number for
# each row) becomes the first column. All sums move down by one; into the first row comes 0. Then
# each cell adds its input, the one it holds now, times its weight. Leave the arrays that you get
# as they are and return two new ones. The check runs a whole product on your clock.
# (about 3 lines; `np.column_stack` and `np.vstack` help)


# %%
def tick(inputs, weights, sums, entering):
    """The inputs and the sums after one cycle, as two arrays of rows × columns."""
    ### BEGIN SOLUTION
    inputs = np.column_stack([entering, inputs[:, :-1]])
    above = np.vstack([np.zeros_like(sums[:1]), sums[:-1]])
    return inputs, above + inputs * weights
    ### END SOLUTION


# %%
lk.check("12.4", tick)

# %% [markdown]
# ## 12.5 A batch under a limit (a stretch)
# Requests arrive at a steady `arrivals_per_s`. The first request of a batch waits until the batch
# is full, `batch / arrivals_per_s` seconds, and then for the batch to go through all `layers`, a
# list of `(k, n)`, one after the other, on an array of `size × size` cells.
# Return the largest batch whose first request is answered within `limit_s`, or 0 if there is none.
# (about 6 lines; use 12.3)


# %%
def largest_batch(limit_s, arrivals_per_s, layers, size, load_cycles, clock_hz):
    """The largest batch that keeps the limit, or 0."""
    ### BEGIN SOLUTION
    batch = 0
    while True:
        m = batch + 1
        cycles = sum(layer_cycles(m, k, n, size, size, load_cycles) for k, n in layers)
        if m / arrivals_per_s + cycles / clock_hz > limit_s:
            return batch
        batch = m
    ### END SOLUTION


# %%
lk.check("12.5", largest_batch)

# %% tags=["solution"]
# MLP0's stand-in on the TPU v1: how fast must requests come for a batch of 200 within 7 ms?
for arrivals_per_s in (10_000, 30_000, 100_000):
    batch = largest_batch(7e-3, arrivals_per_s, [(2000, 2000)] * 5, 256, 1350, 700e6)
    lk.show(lk.Reading(f"largest batch at {arrivals_per_s} requests/s", batch, "1", "modelled"))

# %% [markdown]
# ## To think about
# Several later TPUs have a few arrays of 128 × 128 in place of one of 256 × 256. What does that do
# to padding, to the load of a tile, and to the number of inputs that are read at the edges?
