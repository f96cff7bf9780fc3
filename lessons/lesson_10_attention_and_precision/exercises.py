# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 10 · Attention and precision: exercises
# From counting bytes to attention over tiles that pass by once. The numbers in a check are fresh at
# each run.

# %%
import math

import numpy as np

import labkit as lk
from labkit import cuda

# %% [markdown]
# ## 10.1 The bytes of attention
# One head: queries, keys, values and results are `length` × `head_size` each. Step by step, every
# kernel reads its inputs from memory once and writes its result there: scores, softmax, weighted
# sum. A number has `itemsize` bytes. How many bytes move, reads and writes together? (1 line)


# %%
def stepwise_bytes(length, head_size, itemsize):
    """Bytes that attention moves when scores and weights go through memory."""
    ### BEGIN SOLUTION
    return (4 * length**2 + 4 * length * head_size) * itemsize
    ### END SOLUTION


# %%
lk.check("10.1", stepwise_bytes)

# %% [markdown]
# ## 10.2 Merge two softmaxes
# Two workers saw a part of the scores each. Of its part a worker keeps a pair: the `largest` score
# and the `total`, the sum of exp(score − largest). Return the pair of all scores together. A worker
# that saw nothing has the pair (−inf, 0); not both of them saw nothing. (about 3 lines)


# %%
def merge(largest_a, total_a, largest_b, total_b):
    """The pair (largest, total) of two parts together."""
    ### BEGIN SOLUTION
    largest = max(largest_a, largest_b)
    total = total_a * math.exp(largest_a - largest) + total_b * math.exp(largest_b - largest)
    return largest, total
    ### END SOLUTION


# %%
lk.check("10.2", merge)

# %% [markdown] tags=["solution"]
# The merge does not care in which order parts come. So the keys of one query may be shared among
# many blocks, or chips, and that is how a long context is served.

# %% [markdown]
# ## 10.3 Two reads, not three
# The softmax of each column of `x`, one thread a column, blocks of 32 threads:
# `column_softmax[columns / 32, 32](x, out)`, rounded up. Scores reach 200. Budget: two reads of `x`
# and one write of `out`, for any number of rows. (about 10 lines)


# %%
@cuda.jit
def column_softmax(x, out):
    """The softmax of each column, online."""
    ### BEGIN SOLUTION
    i = cuda.grid(1)
    if i < x.shape[1]:
        largest, total = cuda.float32(-math.inf), cuda.float32(0)
        for j in range(x.shape[0]):
            score = x[j, i]
            higher = max(largest, score)
            total = total * math.exp(largest - higher) + math.exp(score - higher)
            largest = higher
        for j in range(x.shape[0]):
            out[j, i] = math.exp(x[j, i] - largest) / total
    ### END SOLUTION


# %%
lk.check("10.3", column_softmax)

# %% [markdown]
# ## 10.4 An int8 product and its bound
# Round each row of `a` and each column of `w` to whole numbers from −127 to 127, with a scale of
# its own, multiply, and scale back. Return the product and, for each of its numbers, a bound of its
# error. Budget: the bound holds, and is no larger than the lesson's. A row may be all zeros.
# (about 7 lines; sums of int8 products need int32)


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
lk.check("10.4", int8_product)

# %% [markdown]
# ## 10.5 Attention while the keys pass by (a stretch)
# `q` holds queries, one a row, already divided by the root of the head size. `tiles` gives pairs
# `(k, v)`: some keys and their values, one a row. You can go through `tiles` *once*, and the memory
# of a pair is used again for the next, as on a chip. Return softmax(q kᵀ) v over all keys.
# (about 10 lines; keep for each query the largest score, the total, and the weighted sum)


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
lk.check("10.5", attend)

# %% [markdown]
# ## To think about
# Training needs the weights again on the way back, and tiles never kept them. FlashAttention makes
# them a second time from Q and K. Which number of this lesson says that this is a good bargain, and
# on which chip would it not be one?
#
# In large models a few columns of the activations are far larger than the rest. Make one column of
# `a` a hundred times larger and call your `int8_product` again. What becomes of the other numbers
# of a row, and why would fp8 not mind?
