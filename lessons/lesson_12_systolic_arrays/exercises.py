# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 12 · Systolic arrays: exercises
# From what crosses an array's edges to the clock that moves it. All arrays here keep the weights
# still, as in the lesson. The numbers in a check are fresh at each run.

# %%
import math

import numpy as np

import labkit as lk

# %% [markdown]
# ## 12.1 What crosses the edges
# An array of `rows × columns` cells multiplies an `m × k` matrix by `k × n` weights. How many
# numbers cross its edges in all? Count the inputs and the weights that come in and the sums that go
# out at the bottom of each tile. Padding isn't counted.
#
# Tiles that lie beside each other need the same inputs, and these have to enter again for each of
# them. Tiles that lie one below the other make parts of the same sums, and each of them sends its
# part out. (about 4 lines)


# %%
def edge_words(m, k, n, rows, columns):
    """Inputs, weights and sums that cross the edges of a weight-stationary array."""
    ### BEGIN SOLUTION
    inputs = m * k * math.ceil(n / columns)
    weights = k * n
    sums = m * n * math.ceil(k / rows)
    return inputs + weights + sums
    ### END SOLUTION


# %%
lk.check("12.1", edge_words)

# %% [markdown] tags=["solution"]
# Most people swap the two, because `k` belongs to the inputs as well as to the rows. Think of one
# row of inputs: it's as long as the array is high, so what makes it come again is the *width* of
# the weights. Without an array each multiplication would take two numbers and a sum. The solution
# counts both ways for a large layer:

# %% tags=["solution"]
layer = 200, 2048, 2048
saved = 3 * math.prod(layer) / edge_words(*layer, 256, 256)
lk.show(lk.Reading("numbers without an array over numbers at its edges", saved, "1", "modelled"))

# %% [markdown]
# ## 12.2 The cost of padding
# `k × n` weights are cut into whole tiles of `rows × columns`, and what's missing is filled with
# zeros. What share of all the weights in the tiles is real? (about 3 lines)


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

# %% [markdown] tags=["solution"]
# `k // rows + 1` is the usual slip. It's right for nearly all sizes, and gives a tile too many for
# just those that fit exactly, which are the sizes that you should choose. For the layer that's one
# column too wide:

# %% tags=["solution"]
share = real_share(129, 129, 128, 128)
lk.show(lk.Reading("real share, 129 on 128", share, "%", "modelled"))

# %% [markdown]
# ## 12.3 A layer
# How many cycles does the whole layer take, `m × k` times `k × n`? The array is double-buffered, so
# the next tile's weights come in while it still works. A tile's load takes `load_cycles`. The check
# holds your formula against the simulated array. (about 3 lines)


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

# %% [markdown] tags=["solution"]
# It's tempting to multiply the time of one tile by the number of tiles. But only the first load and
# the last drain can be seen from outside; all others happen while another tile is at work.

# %% [markdown]
# ## 12.4 The clock
# Write the array itself. In one cycle all inputs move right by one, and `entering` (one number for
# each row) becomes the first column. All sums move down by one, and 0 comes into the first row.
# Then each cell adds to its sum the input that it holds now, times its weight. Leave the arrays
# that you're given as they are, and return two new ones. The check runs a whole product on your
# clock. (about 3 lines; `np.column_stack` and `np.vstack` help)


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

# %% [markdown] tags=["solution"]
# The order matters. If you multiply before the inputs have moved, each product meets the sum of the
# row of inputs before it. `np.roll` looks handy for the sums, but it brings the finished sums from
# the bottom back in at the top.

# %% [markdown]
# ## 12.5 A batch under a limit (a stretch)
# Requests arrive at a steady `arrivals_per_s`. The first request of a batch waits until the batch
# is full, `batch / arrivals_per_s` seconds. Then the batch goes through all `layers`, a list of
# `(k, n)`, one after the other, on an array of `size × size` cells.
#
# Return the largest batch whose first request is answered within `limit_s`, or 0 if there isn't
# one. (about 6 lines; use 12.3)


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

# %% [markdown] tags=["solution"]
# Many hold only the array's time against the limit. But the first request has waited for all the
# others before the array even begins. For five layers of 2,000 × 2,000, the lesson's stand-in for
# MLP0, on the first TPU: how fast must requests come for a batch of 200 within 7 ms?

# %% tags=["solution"]
for arrivals_per_s in (10_000, 30_000, 100_000):
    batch = largest_batch(7e-3, arrivals_per_s, [(2000, 2000)] * 5, 256, 1350, 700e6)
    lk.show(lk.Reading(f"largest batch at {arrivals_per_s:,} requests/s", batch, "1", "modelled"))

# %% [markdown]
# ## To think about
# 1. A chip has either one array of 256 × 256 or four of 128 × 128. What does that change about
#    padding, about the load of a tile, and about how many numbers cross the edges in each cycle?
# 2. A language model writes for one user, one token at a time, on a v5e. What share of the cycles
#    of its arrays is useful, at best? What could you do about it?

# %% [markdown] tags=["solution"]
# 1. There's less padding with the small ones, because a tile that's half empty is smaller. A tile
#    has a quarter of the weights, and four arrays share the memory, so each waits as long for its
#    tile as the large one does. The price is the edges: four small arrays have twice the edge of
#    the large one, so twice as many inputs enter and twice as many sums leave in each cycle, for
#    the same number of multiplications.
# 2. A tile is used for one row, and the next one takes some 240 cycles to come: less than half a
#    percent. Collect the tokens of many users (lesson 19), let several tokens of one user be
#    guessed ahead and checked together, or store weights in fewer bits, so that they come sooner.
