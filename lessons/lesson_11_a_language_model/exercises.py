# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 11 · A language model: exercises
# You'll count the bytes of a token for any model, write the kernels that read 8-bit and 4-bit
# weights, and find out how many users one chip can serve. The checks try your answers on tiny
# models, so they are quick.

# %%
import labkit as lk
from labkit import cuda

lm = lk.language_model


@cuda.jit(device=True)
def warp_sum(value):
    """The sum of `value` over the 32 lanes of a warp, in each of them."""
    for step in (16, 8, 4, 2, 1):
        value += cuda.shfl_xor_sync(0xFFFFFFFF, value, step)
    return value


# %% [markdown]
# ## 11.1 The bytes of a token
# Before you buy a chip for a model, count. To write one token, a model reads each of its matrices
# once, and the keys and values of all `n_tokens` so far, in every layer. How many bytes are that? A
# layer has these matrices, with rows × columns:
#
# | matrix | rows | columns |
# | --- | --- | --- |
# | queries, keys, values | `q_width + 2 * kv_width` | `d_model` |
# | what attention found | `d_model` | `q_width` |
# | gate and up | `2 * d_ff` | `d_model` |
# | down | `d_model` | `d_ff` |
#
# There is one more at the end, with `n_vocabulary` rows and `d_model` columns. A token has
# `kv_width` numbers in its keys and as many in its values, in each of `n_layers` layers. All these
# are attributes of `sizes`, such as `sizes.d_model`. A weight takes `weight_bytes` and a number in
# the cache `cache_bytes`. Leave out the small vectors. (4 to 6 lines)


# %%
def token_bytes(sizes, n_tokens, weight_bytes, cache_bytes):
    """Bytes of weights and cache that one new token reads."""
    ### BEGIN SOLUTION
    attention = (2 * sizes.q_width + 2 * sizes.kv_width) * sizes.d_model
    mlp = 3 * sizes.d_ff * sizes.d_model
    weights = sizes.n_layers * (attention + mlp) + sizes.n_vocabulary * sizes.d_model
    cached = 2 * sizes.n_layers * sizes.kv_width * n_tokens
    return weights * weight_bytes + cached * cache_bytes
    ### END SOLUTION


# %%
lk.check("11.1", token_bytes)

# %% [markdown]
# ## 11.2 Eight bits a weight
# A matrix in 8 bits is whole numbers `w` from -127 to 127 and one float32 scale for each row: the
# weight is `scales[row] * w[row, column]`. Write the product with a vector, a warp for each row, as
# in the lesson. Where is the best place for the scale? A warp can get along with reading it once.
# (about 8 lines; the number of columns is a multiple of 32)


# %%
@cuda.jit
def int8_matvec(w, scales, x, out):
    """out = (scales[:, None] * w) @ x, for w in int8."""
    ### BEGIN SOLUTION
    thread = cuda.grid(1)
    row, lane = thread // 32, thread % 32
    if row < out.size:
        total = cuda.float32(0)
        for first in range(0, x.size, 32):
            total += w[row, first + lane] * x[first + lane]
        total = warp_sum(total)
        if lane == 0:
            out[row] = total * scales[row]
    ### END SOLUTION


# %%
lk.check("11.2", int8_matvec)

# %% [markdown]
# ## 11.3 Four bits a weight (a stretch)
# Memory has no 4-bit numbers, so two weights share a byte. In byte `packed[row, j]` the lower four
# bits (`byte & 15`) hold the weight of column `2 * j`, the upper four (`byte >> 4`) that of column
# `2 * j + 1`. Four bits count from 0 to 15, and 8 stands for zero, so subtract 8. Each 32 columns
# have a scale of their own, `scales[row, column // 32]`.
#
# Let the lanes of a warp read neighbouring *bytes*. Which columns does a lane then have? (about 11
# lines; `packed.shape[1]` is a multiple of 32)


# %%
@cuda.jit
def int4_matvec(packed, scales, x, out):
    """The product of a matrix in 4 bits a weight, in groups of 32, with x."""
    ### BEGIN SOLUTION
    thread = cuda.grid(1)
    row, lane = thread // 32, thread % 32
    if row < out.size:
        total = cuda.float32(0)
        for first in range(0, packed.shape[1], 32):
            byte = packed[row, first + lane]
            column = 2 * (first + lane)
            two = ((byte & 15) - 8) * x[column] + ((byte >> 4) - 8) * x[column + 1]
            total += scales[row, column // 32] * two
        total = warp_sum(total)
        if lane == 0:
            out[row] = total
    ### END SOLUTION


# %%
lk.check("11.3", int4_matvec)

# %% [markdown]
# ## 11.4 How many users fit?
# A chip with `memory_bytes` holds the weights once and a cache of `user_bytes` for each user. How
# many users fit, at most? And how many tokens a second do they get *together*, at most? A step
# gives each of them one token. It reads the weights and all caches, with `bytes_per_s`, and
# computes `flop_per_token` for each user, with `flop_per_s`; both go on at the same time, so the
# slower one decides. Where not even the weights and one user fit, answer `(0, 0)`. (4 or 5 lines)


# %%
def full_house(memory_bytes, weight_bytes, user_bytes, bytes_per_s, flop_per_token, flop_per_s):
    """(users, tokens a second of all of them together)."""
    ### BEGIN SOLUTION
    users = int((memory_bytes - weight_bytes) // user_bytes)
    if users < 1:
        return 0, 0
    read_s = (weight_bytes + users * user_bytes) / bytes_per_s
    return users, users / max(read_s, users * flop_per_token / flop_per_s)
    ### END SOLUTION


# %%
lk.check("11.4", full_house)

# %% [markdown]
# ## To think about
# 1. In the lesson, the prompt's tokens go through the model one after the other. All of them are
#    known from the start. What could one do instead, and what would it save?
# 2. The KV cache of Llama-3.1-8B takes a quarter of what Llama-2-7B's takes for as many tokens.
#    Which number in `lm.LLAMA_2_7B` and `lm.LLAMA_3_1_8B` makes the difference, and when does it
#    matter?
# 3. Our model's output matrix is more than a fifth of its weights. Why so much, and why isn't it so
#    in a large model?

# %% [markdown] tags=["solution"]
# ## The wrong turns
# **11.1** The most common slip is to count the cache once, for keys *or* for values, or for one
# layer only. The second is to take `n_heads` for the cache where `kv_width`, with fewer heads, is
# what's stored.
#
# **11.2** If each lane multiplies by the scale in the loop, the result is right, but every lane
# loads the scale again and again. The sum doesn't care where a common factor is applied, so it can
# wait until the end. The other wrong turn is to make whole numbers of `x`, because those of `w` are
# whole: that cuts off its fractions. A whole number times a float32 is fine as it is.
#
# **11.3** Most people first give lane ℓ column ℓ, and then two lanes read the same byte and throw
# half of it away. If each lane takes a whole byte, it has two neighbouring columns, and the warp
# covers 64 columns in one step. The 16 lanes of a group share a scale.
#
# **11.4** It's tempting to forget that the caches are read, too: with a full house they often take
# more bytes than the weights do, and then more users bring hardly more tokens.
#
# ## The questions
# 1. All tokens of the prompt can go through a layer together: a matrix times a *matrix*. Each
#    weight is then fetched once for the whole prompt. Lesson 19 calls this prefill, and measures
#    it. `lm.logits` does it, too.
# 2. `n_kv_heads`, 32 against 8, and nothing else: layers and head size are the same. It matters
#    when texts are long or batches are large, because then the cache is most of what is read.
# 3. It has a row for each of 49,152 tokens, however small the model is. In the layers, the number
#    of weights grows with the square of the width, here only with the width itself.

# %% tags=["solution"]
for model in (lm.SMOLLM2_135M, lm.LLAMA_2_7B, lm.LLAMA_3_1_8B):
    output = model.n_vocabulary * model.d_model / model.n_multiplied
    lk.show(lk.Reading(f"{model.name}, output matrix of all", output, "%", "modelled"))
    cache = model.kv_bytes(1, itemsize=2)
    lk.show(lk.Reading(f"{model.name}, cache of a token", cache, "B", "modelled"))
