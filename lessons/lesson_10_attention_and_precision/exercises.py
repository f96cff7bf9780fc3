# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 10 · Attention and precision: exercises
# Two exercises for each part of the lesson. The numbers in a check are fresh at each run.

# %%
import math

import numpy as np

import labkit as lk

# %% [markdown]
# # Part one: attention
# ## 10.1 Merge two softmaxes
# The scores of one query were split between two workers. From its scores, each worker has kept a
# pair: the `largest` one, and the `total`, the sum of exp(score − largest). Return the pair that
# belongs to all scores together. A worker that saw no score has the pair (−inf, 0), which can
# happen to one of them, but not to both. (about 3 lines)


# %%
def merge(largest_a, total_a, largest_b, total_b):
    """The pair (largest, total) of two parts together."""
    ### BEGIN SOLUTION
    largest = max(largest_a, largest_b)
    total = total_a * math.exp(largest_a - largest) + total_b * math.exp(largest_b - largest)
    return largest, total
    ### END SOLUTION


# %%
lk.check("10.1", merge)

# %% [markdown] tags=["solution"]
# Most people begin with `total_a + total_b`. That's wrong because the two totals are measured in
# different units, so to speak: each is relative to its own largest score. Convert both to the
# larger one, and then add. Converting back to plain sums of exp(score) works on paper, and
# overflows for scores above 709.
#
# The merge doesn't care in which order the parts come. So the keys of one query can be shared out
# to many blocks, or to many chips, and that's how a long text is served.

# %% [markdown]
# ## 10.2 Attention while the keys pass by
# `q` holds queries, one a row, already divided by the root of the head size. `tiles` yields pairs
# `(k, v)`: some keys and their values, one a row. You can go through `tiles` *once*, and the memory
# of a pair is used again for the next, as on a chip. There's no room to keep what has gone by,
# neither tiles nor scores. Return softmax(q kᵀ) v over all keys. Scores may lie several thousand
# above 0, or below. (about 10 lines; what do you have to keep for each query?)


# %%
def attend(q, tiles):
    """Attention of all queries over keys and values that come in tiles."""
    ### BEGIN SOLUTION
    largest, total, sums = np.full((len(q), 1), -np.inf), 0.0, 0.0
    for k, v in tiles:
        scores = q @ k.T
        higher = np.maximum(largest, scores.max(1, keepdims=True))
        shrink, weights = np.exp(largest - higher), np.exp(scores - higher)
        total = total * shrink + weights.sum(1, keepdims=True)
        sums = sums * shrink + weights @ v
        largest = higher
    return sums / total
    ### END SOLUTION


# %%
lk.check("10.2", attend)

# %% [markdown] tags=["solution"]
# The wrong turn that gives nearly right results is to take one largest score for all queries. Then
# queries whose scores are all lower lose their weights to underflow. Each row needs its own. The
# other one is to shrink the totals and to forget the weighted sums, or the other way round: both
# were added up with the old largest score, so both have to shrink. And the largest score begins at
# −inf. With 0, all weights of a query vanish when its scores lie far below.

# %% [markdown]
# ## To think about, part one
# 1. Training needs the weights again on the way back, and tiles never kept them. FlashAttention
#    makes them a second time from the queries and keys. Which numbers of the lesson say that this
#    is a good bargain on an A100, and on what kind of chip would it be a bad one?
# 2. One query meets a million keys, as in a chat about a long book. A block for each tile of
#    queries would leave the chip nearly empty. What would you do?

# %% [markdown] tags=["solution"]
# 1. The two modelled lines: the usual code needs several times as long for its bytes as for its
#    products. One product more costs a sixth of the smaller number, and saves bytes from the
#    larger. On a chip with so much bandwidth that its ridge point lies below the intensity of
#    attention, the second computation would be the more expensive of the two.
# 2. Share out the *keys*: each block makes the pair and the weighted sum of its own part, and a
#    last step merges them, as in 10.1.

# %% [markdown]
# # Part two: precision
# ## 10.3 An int8 product and its bound
# Quantise each row of `a` and each column of `w` to whole numbers from −127 to 127, with a scale of
# its own, multiply, and scale back. Return the product and, for each of its numbers, a bound of its
# error. The bound has to hold, and it mustn't be larger than the lesson's. A row of `a` may be all
# zeros. (about 7 lines; sums of int8 products need int32)


# %%
def int8_product(a, w):
    """a @ w by int8, and a bound of the error of each result."""
    ### BEGIN SOLUTION
    a_scale = np.abs(a).max(1, keepdims=True) / 127
    w_scale = np.abs(w).max(0, keepdims=True) / 127
    a_scale[a_scale == 0] = w_scale[w_scale == 0] = 1
    a_int8, w_int8 = (np.rint(x / s).astype(np.int8) for x, s in ((a, a_scale), (w, w_scale)))
    product = a_scale * w_scale * (a_int8.astype(np.int32) @ w_int8.astype(np.int32))
    bound = a_scale * np.abs(w).sum(0) / 2 + w_scale * np.abs(a).sum(1, keepdims=True) / 2
    return product, bound + a.shape[1] * a_scale * w_scale / 4
    ### END SOLUTION


# %%
lk.check("10.3", int8_product)

# %% [markdown] tags=["solution"]
# The term that people forget is the last one, for both numbers being off at once. It's small, but a
# bound that nearly always holds isn't a bound. And it's tempting to return the error itself,
# which nobody knows before the exact product has been computed.

# %% [markdown]
# ## 10.4 A format of four bits (a stretch)
# Write MXFP4 yourself, for a single block. The 32 numbers of `x` share a scale, a power of two. An
# element has 4 bits: a sign, and one of the eight magnitudes in `FP4`.
#
# The scale is chosen so that the largest magnitude of the block, divided by it, is at least 4 and
# below 8, because 4 is the highest power of two that `FP4` has. What then lies above 6 becomes 6,
# and everything else goes to the nearest magnitude. Return what becomes of `x`: the elements times
# the scale. A block may be all zeros. (about 6 lines)

# %%
FP4 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])


# %%
def mxfp4(x):
    """What becomes of a block of 32 numbers in MXFP4."""
    ### BEGIN SOLUTION
    largest = np.abs(x).max()
    if largest == 0:
        return np.zeros(x.shape)
    scale = 2.0 ** (math.floor(math.log2(largest)) - 2)
    nearest = np.abs(np.abs(x)[:, None] / scale - FP4).argmin(axis=1)
    return np.sign(x) * FP4[nearest] * scale
    ### END SOLUTION


# %%
lk.check("10.4", mxfp4)

# %% [markdown] tags=["solution"]
# Whoever writes largest / 6 for the scale loses nothing at the top, and has invented half of NVFP4,
# whose scale isn't a power of two. MX can't store such a scale: its 8 bits hold an exponent only.
# The price is that up to a quarter of the largest number's magnitude is cut off, when it lies just
# below 8 scales.

# %% [markdown]
# ## To think about, part two
# 1. In `mxfp4`, make one number of the block a hundred times larger than the others. What becomes
#    of these? Why does the same outlier do so much less harm in MXFP8?
# 2. The outliers of a real model sit in the same columns for every token. So you may divide such a
#    column of `a` by 10, if you multiply the row of `w` that it meets by 10. What does that gain,
#    and when could you do it ahead of time?

# %% [markdown] tags=["solution"]
# 1. Nearly all of them become 0: the smallest magnitude above 0 is an eighth to a sixteenth of the
#    largest number. An element of MXFP8 (e4m3) has an exponent of 4 bits of its own, so it still
#    reaches numbers thousands of times smaller than the largest.
# 2. The product stays the same, and both matrices are now a little uneven instead of one very much
#    so, which int8 stands far better. The factor for `w` can be put into the weights once, and that
#    for `a` into the layer before. This is called
#    [SmoothQuant](https://github.com/mit-han-lab/smoothquant).
