# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 11 · A language model
# In July 2023 Andrej Karpathy spent a weekend on a program that runs a language model: one file of
# plain C, without a library ([llama2.c](https://github.com/karpathy/llama2.c)). With seven billion
# weights, on a server's CPU, it wrote 4.6 tokens a second. Then he stored each weight in 8 bits
# instead of 32. The program now had *more* to do, because numbers had to be converted back and
# forth. It wrote 14.
#
# **The question of this lesson**: what sets the speed at which a language model writes?
#
# You'll write the kernels of such a program yourself: four of them are enough. With your kernels a
# real model will finish the sentence *"The capital of France is"*. You don't need a GPU.
#
# *{time} Needs lessons [07](07_barriers_and_races.ipynb) and
# [10](10_attention_and_precision.ipynb).*

# %% tags=["collapsed"]
import math
import time

import numpy as np

import labkit as lk
from labkit import cuda
from labkit.units import si

lm = lk.language_model
try:
    model = lm.smollm2(move=cuda.to_device)  # each layer moves as soon as it is unpacked
except lm.ModelError as reason:
    print(reason, "We go on with a tiny model of random numbers, which knows nothing.")
    model = lm.random_model(move=cuda.to_device)
sizes = model.sizes
tokens = model.tokenizer.encode("The capital of France is")
print(f"[measured] {sizes.name}: {sizes.n_params:,} weights in {sizes.n_layers} layers")
print(f"[measured] the sentence: {[model.tokenizer.decode([token]) for token in tokens]}")

# %% [markdown]
# This is [SmolLM2-135M](https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct). A language
# model reads **tokens**, pieces of words, and gives every token of its vocabulary a score for being
# the next. We take the best, append it, and start again.
#
# Inside, a token is a vector *x* of 576 numbers, at first its row in a large table (the
# *embedding*). It passes through 30 layers of the same kind, each with weights of its own. A layer
# first *looks back* at the earlier tokens and then *thinks*, and both times it adds what it found
# to *x*. At the end, the same table times *x* gives the scores.
#
# ## A matrix times a vector
# Nearly all the work is of one kind: a matrix of weights times a vector. We give each row a warp.
# Its lanes walk along the row together, 32 columns at a time, so that they read neighbouring
# weights ([lesson 06](06_memory.ipynb)). In the end, `warp_sum` adds up what the 32 lanes have
# (shuffles, as in [lesson 07](07_barriers_and_races.ipynb)), and every lane gets the sum.
#
# ### Your turn
# `out[row]` becomes the sum of `w[row, column] * x[column]` over all columns. The number of columns
# is always a multiple of 32. One lane stores the sum. (5 or 6 lines; begin with
# `total = cuda.float32(0)`, because `0.0` would be a double)


# %%
@cuda.jit(device=True)
def warp_sum(value):
    """The sum of `value` over the 32 lanes of a warp, in each of them."""
    for step in (16, 8, 4, 2, 1):
        value += cuda.shfl_xor_sync(0xFFFFFFFF, value, step)
    return value


@cuda.jit
def matvec(w, x, out):
    thread = cuda.grid(1)
    row, lane = thread // 32, thread % 32
    if row < out.size:
        ### BEGIN SOLUTION
        total = cuda.float32(0)
        for first in range(0, x.size, 32):
            total += w[row, first + lane] * x[first + lane]
        total = warp_sum(total)
        if lane == 0:
            out[row] = total
        ### END SOLUTION


matvec = lk.your_turn("11.t1", matvec)

# %% [markdown]
# > **Takeaway.** A matrix times a vector uses each weight once. Give each row a warp, let
# > neighbouring lanes read neighbouring weights, and add up at the end.
#
# ## Keep the numbers in range
# Each layer adds to *x*, so its numbers would grow and grow. Before a layer uses it, a copy of *x*
# is scaled: divided by the root of the mean of its squares, so that a typical number is about 1 in
# size, and multiplied by weights that were learnt. That's
# [**RMSNorm**](https://arxiv.org/abs/1910.07467). The small `epsilon` keeps us from dividing by
# zero.
#
# ### Your turn
# `out[i]` becomes `x[i]` divided by `math.sqrt(mean + epsilon)`, times `weight[i]`, where `mean` is
# the mean of the squares of all `x`. A single warp does it all. (6 or 7 lines)


# %%
@cuda.jit
def rms_norm(x, weight, epsilon, out):
    lane = cuda.threadIdx.x
    ### BEGIN SOLUTION
    squares = cuda.float32(0)
    for first in range(0, x.size, 32):
        squares += x[first + lane] ** 2
    root = math.sqrt(warp_sum(squares) / x.size + epsilon)
    for first in range(0, x.size, 32):
        out[first + lane] = x[first + lane] / root * weight[first + lane]
    ### END SOLUTION


rms_norm = lk.your_turn("11.t2", rms_norm)

# %% [markdown]
# > **Takeaway.** Between the matrices stand small kernels. They're hardly any work, but each is a
# > launch of its own.
#
# ## Look back
# A first matrix turns *x* into a *query* for each of 9 **heads**, and into *keys* and *values*.
# Each head compares its query with the keys of all tokens so far, its own included, which gives
# every token a score. The result is the sum of the values, weighted by the softmax of the scores.
# (Three heads share one set of keys and values, which makes those three times smaller.)
#
# You know **online softmax** from [lesson 10](10_attention_and_precision.ipynb): when a larger
# score comes, what you've added up so far shrinks by $e^{\text{old} - \text{new}}$. Here a warp
# does one head. The result has 64 numbers, so each lane keeps the sums of two of them, `sums[n]`.
#
# ### Your turn
# `score` is there. Update `largest`, `total` and each `sums[n]` for this token; the value that
# belongs to `sums[n]` is `values[token, group, lane + 32 * n]`. (5 or 6 lines)


# %%
@cuda.jit
def attention(q, keys, values, out):
    head, lane = cuda.blockIdx.x, cuda.threadIdx.x
    group = head // (q.shape[0] // keys.shape[1])  # of heads that share keys and values
    n_each = q.shape[1] // 32  # numbers of the result in each lane
    sums = cuda.local.array(4, cuda.float32)
    for n in range(n_each):
        sums[n] = 0
    largest, total = cuda.float32(-math.inf), cuda.float32(0)
    for token in range(keys.shape[0]):
        part = cuda.float32(0)
        for n in range(n_each):
            part += q[head, lane + 32 * n] * keys[token, group, lane + 32 * n]
        score = warp_sum(part) / cuda.float32(math.sqrt(q.shape[1]))
        ### BEGIN SOLUTION
        higher = max(largest, score)
        shrink, weight = math.exp(largest - higher), math.exp(score - higher)
        largest = higher
        total = total * shrink + weight
        for n in range(n_each):
            sums[n] = sums[n] * shrink + weight * values[token, group, lane + 32 * n]
        ### END SOLUTION
    for n in range(n_each):
        out[head, lane + 32 * n] = sums[n] / total


attention = lk.your_turn("11.t3", attention)

# %% [markdown]
# The keys and values of earlier tokens never change, so it would be a waste to work them out again.
# We keep them: that's the [**KV cache**](19_serving.ipynb).
#
# ### Your turn
# `keys` and `values` have room for many tokens. Store `k` and `v` of the token at `position`, and
# return the keys and the values of all tokens so far, this one included. (2 lines)


# %%
def remember(keys, values, position, k, v):
    """The keys and the values of the tokens from 0 to `position`, of which the last is new."""
    ### BEGIN SOLUTION
    keys[position], values[position] = k, v
    return keys[: position + 1], values[: position + 1]
    ### END SOLUTION


remember = lk.your_turn("11.t4", remember)

# %% [markdown]
# > **Takeaway.** Attention is a softmax over the tokens so far. Keep their keys and values, and a
# > new token has to work out only its own.
#
# ## Think
# The second half of a layer, the **MLP**, makes *x* wider, lets one half of the numbers decide how
# much of the other half passes, and makes it narrow again. This gate is called
# [**SwiGLU**](https://arxiv.org/abs/2002.05202).
#
# ### Your turn
# `out[i]` becomes $\text{gate}_i \cdot \text{up}_i / (1 + e^{-\text{gate}_i})$. (2 lines)


# %%
@cuda.jit
def swiglu(gate, up, out):
    i = cuda.grid(1)
    ### BEGIN SOLUTION
    if i < out.size:
        out[i] = gate[i] * up[i] / (1 + math.exp(-gate[i]))
    ### END SOLUTION


swiglu = lk.your_turn("11.t5", swiglu)

# %% tags=["collapsed"]
# How each kernel is launched. While `counts` is a list, the executor counts what they do.
counts = None


def run(launch, *args):
    if counts is None:
        launch(*args)
    else:
        on_host = (arg.copy_to_host() if hasattr(arg, "copy_to_host") else arg for arg in args)
        counts.append(lk.profile(launch, *on_host))


def product(w, x):
    out = np.zeros(len(w), np.float32)
    run(matvec[math.ceil(out.size / 4), 128], w, x, out)
    return out


def normed(x, weight):
    out = np.zeros_like(x)
    run(rms_norm[1, 32], x, weight, np.float32(sizes.epsilon), out)
    return out


def attended(q, keys, values):
    out = np.zeros_like(q)
    run(attention[len(q), 32], q, keys, values, out)
    return out.ravel()


def gated(gate, up):
    out = np.zeros_like(gate)
    run(swiglu[math.ceil(out.size / 128), 128], gate, up, out)
    return out


# %% [markdown]
# ## Put it together
# Here is a whole language model. `product`, `normed`, `attended` and `gated` launch your kernels
# (folded, above). `lm.rotate` is the one step that we give you: it turns queries and keys by an
# angle that depends on the position, so that the model can tell an earlier token from a later one
# ([RoPE](https://arxiv.org/abs/2104.09864)).

# %%
ENDS = np.cumsum([sizes.q_width, sizes.kv_width])  # of queries and of keys in their product
ROOM = 64  # tokens
cache = (sizes.n_layers, ROOM, sizes.n_kv_heads, sizes.head_size)
all_keys, all_values = (cuda.to_device(np.zeros(cache, np.float32)) for _ in range(2))


def layer(w, x, keys, values, position):
    q, k, v = np.split(product(w.qkv, normed(x, w.attention_norm)), ENDS)
    q, k, v = (part.reshape(-1, sizes.head_size) for part in (q, k, v))
    q, k = (lm.rotate(part, position, sizes.rope_base) for part in (q, k))
    seen = attended(q, *remember(keys, values, position, k, v))
    x = x + product(w.attention_out, seen)
    gate, up = np.split(product(w.gate_up, normed(x, w.mlp_norm)), 2)
    return x + product(w.down, gated(gate, up))


def scores(token, position):
    x = np.asarray(model.embedding[token])
    for n, w in enumerate(model.layers):
        x = layer(w, x, all_keys[n], all_values[n], position)
    return product(model.embedding, normed(x, model.final_norm))


# %% [markdown]
# Now let it write. The dashed tokens are the prompt; they have to be read, too, one after the
# other. Below, you see the bytes that each layer moves for a token, by a formula that we'll check.
#
# **Play** with the steps when it's done. Which of the numbers grows with each token?

# %%
N_NEW = 8
n_prompt, logits, times_s = len(tokens), [], []


def frame():
    n_done = max(1, len(logits))
    moved = {part: work.bytes for part, work in sizes.layer_work(n_done).items()}
    output = {"output matrix": sizes.output_work().bytes}
    pieces = [model.tokenizer.decode([token]) for token in tokens]
    pace = f"{np.median(times_s):.2f} s a token" if times_s else ""
    layers = [moved] * sizes.n_layers + [output]
    return lk.draw.answer(pieces[: n_done + 1], n_prompt, n_prompt + N_NEW, layers, pace, True)


with lk.draw.live(lk.Player([frame()])) as player:
    for position in range(n_prompt + N_NEW - 1):
        began_s = time.process_time()
        logits.append(scores(tokens[position], position))
        times_s.append(time.process_time() - began_s)
        if len(tokens) == position + 1:
            tokens.append(int(logits[-1].argmax()))
        player.add(frame())

# %% tags=["collapsed"]
print(f"[measured] the model says: {model.tokenizer.decode(tokens)!r}")
lk.show(lk.Reading("a token, in CPU time", float(np.median(times_s)), "s", "measured"))
# Is it right? NumPy works out the scores of all those tokens again, its own way.
expected = lm.logits(model, tokens[: len(logits)])
assert (np.argmax(logits, axis=1) == expected.argmax(axis=1)).all()
most, largest = np.abs(np.array(logits) - expected).max(), np.abs(expected).max()
off = lk.Reading("largest difference from NumPy's scores", most, "1", "measured")
off = off / lk.Reading("the largest score", largest, "1", "measured")
assert off.value < 1e-4
lk.show(off)

# %% [markdown]
# So these kernels, yours as far as they've passed, run a language model, and it answers. The
# difference from NumPy's scores is what float32 leaves when you add in another order. And what
# grew? Only the KV cache, by one token each time. The matrices are read again, all of them.
#
# > **Takeaway.** A language model is a few small kernels, launched a few hundred times for each
# > token. What it knows is in the weights.
#
# ## What a token moves
# On a GPU, how long would such a token take? By [lesson 02](02_roofline.ipynb) we need its bytes
# and its operations. `lk.profile` counts both for each launch.
#
# **Guess first.** How many operations does a token bring for each byte that it moves? An H100 can
# do about 300 for each byte that its memory delivers (in 16 bits). A product of two large matrices
# brings hundreds.

# %%
intensity_guess = lk.predict("11.a", ...)

# %% tags=["collapsed"]
PARTS = (
    "norms and gate", "attention matrices", "KV cache", "attention matrices", "norms and gate",
    "MLP matrices", "norms and gate", "MLP matrices",
)  # fmt: skip
n_seen = len(logits)
counts = []
scores(tokens[n_seen - 1], n_seen - 1)
counted, counts = counts, None
in_layers, in_output = np.reshape(counted[:-2], (sizes.n_layers, len(PARTS))), counted[-2:]

formula = sizes.layer_work(n_seen)
for launches in in_layers:  # counted in each layer, and by the closed formula: the same bytes
    found = dict.fromkeys(formula, 0)
    for part, one in zip(PARTS, launches, strict=True):
        found[part] += one.dram_bytes_lower
    assert found == {part: work.bytes for part, work in formula.items()}
assert sum(one.dram_bytes_lower for one in in_output) == sizes.output_work().bytes


def of_part(part):
    """The counts of all launches of a part, in all layers."""
    return [one for row in in_layers for one, of in zip(row, PARTS, strict=True) if of == part]


def totals(launches):
    moved = sum(one.dram_bytes_lower for one in launches)
    return moved, sum(sum(one.flop.values()) for one in launches)


print(f"[simulated] token {n_seen}, all layers together:")
print(f"{'':20} {'bytes':>15} {'flop':>13} {'flop/byte':>10}")
for part in (*formula, "output matrix"):
    n_bytes, n_flop = totals(of_part(part) if part in formula else in_output)
    print(f"{part:20} {n_bytes:15,} {n_flop:13,} {n_flop / n_bytes:10.2f}")
n_bytes, n_flop = totals(counted)
intensity = lk.Reading("operations a byte, whole token", n_flop / n_bytes, "FLOP/B", "simulated")
intensity_guess.against(intensity)

# %% [markdown]
# Each weight is fetched, 4 bytes, and used for one multiplication and one addition. That's half an
# operation a byte. (The count has a little more, for the shuffles' sums. In the KV cache each
# number serves three heads, and the softmax comes on top.) The counted bytes are exactly those of a
# closed formula, `sizes.layer_work`, so from here on we can trust it for larger models, too. We
# leave out what NumPy does between the kernels, which is less than half a percent.
#
# > **Takeaway.** To write one token, a model like ours reads *all* of its weights, and uses each of
# > them once. So decoding waits for memory.
#
# ## What the best chip could do
# Then the speed limit is simple: bandwidth over bytes.
#
# **Guess first.** With 16-bit weights, how many tokens a second does an H100's memory allow, for
# Llama-2-7B? The memory delivers 3,350 GB/s, and the model has 7 billion weights.

# %%
bound_guess = lk.predict("11.b", ...)


# %% tags=["collapsed"]
def bound(of, chip, weight_bytes, share=1.0):
    """The most tokens a second that the memory of `share` of a chip allows, nothing looked back."""
    return share * lk.chip(chip).bandwidth.value / of.token_work(1, weight_bytes).bytes


h100 = bound(lm.LLAMA_2_7B, "h100-sxm", 2)
words = "Llama-2-7B on an H100, tokens a second, at most"
bound_guess.against(lk.Reading(words, h100, "1", "modelled"))
small = bound(sizes, "h100-sxm", 2)
lk.show(lk.Reading(f"{sizes.name} there, at most", small, "1", "modelled"))

gpt_fast = lk.published("gpt-fast-decoding")
lk.show(f"[published] one user alone: {gpt_fast.source}")
shapes = {one.name: one for one in (lm.LLAMA_2_7B, lm.LLAMA_3_1_8B)}
for row in gpt_fast.rows:
    most = bound(shapes[row["model"]], row["chip"], row["weight_bytes"], row["chip_share"])
    rate = row["tokens_per_s"]
    print(f"{row['run']:36} {rate:7.1f} published, {most:7.1f} at most: {rate / most:4.0%}")

# %% [markdown]
# With 16 bits, one user alone gets about two thirds of what the memory allows. With fewer bits the
# rate grows, but the share falls: what's left is unpacking, launching, and small vectors. For a
# tiny model that's nearly everything. Ours makes some 240 launches a token. At a few microseconds
# each, they take about a millisecond, many times as long as the bytes.
#
# > **Takeaway.** Bandwidth over bytes is the most tokens a second that one user can get, one token
# > at a time. Hold every claim against it.
#
# ## Fewer bits
# So the bytes of a weight set the speed. How few can there be? Here is the simplest way: whole
# numbers, and one scale for each `group` of weights in a row.
#
# **Guess first.** We'll store all weights in 4 bits, so from -7 to 7, with one scale for each row
# of a matrix. Will the best next token after our sentence still be *Paris*? Guess its probability,
# in percent. In 32 bits it's about 77; a blind guess has 0.002.

# %%
four_bits_guess = lk.predict("11.c", ..., "%")


# %%
def rounded(matrix, bits, group):
    """A matrix as so many bits a weight leave it, with a scale for each `group`."""
    groups = matrix.reshape(-1, group or matrix.shape[1])
    scale = np.abs(groups).max(axis=1, keepdims=True) / (2 ** (bits - 1) - 1)
    return (np.rint(groups / np.maximum(scale, 1e-30)) * scale).reshape(matrix.shape)


# %% tags=["collapsed"]
TEXT = (
    " Paris. It lies on the river Seine, and about two million people live there. The Eiffel Tower "
    "was built for the world's fair of 1889."
)
text = tokens[:n_prompt] + model.tokenizer.encode(TEXT)
after, next_token = n_prompt - 1, text[n_prompt]


def log_probabilities(change):
    found = lm.logits(model, text, change).astype(np.float64)
    found -= found.max(axis=1, keepdims=True)
    return found - np.log(np.exp(found).sum(axis=1, keepdims=True))


CHOICES = {
    "32 bits": (32, None),
    "8 bits, a scale each row": (8, None),
    "4 bits, a scale each row": (4, None),
    "4 bits, a scale each 32": (4, 32),
}
for words, (bits, group) in CHOICES.items():
    change = None if bits == 32 else lambda w, b=bits, g=group: rounded(w, b, g)
    told = log_probabilities(change)
    right = np.exp(told[after, next_token])
    surprise = -told[range(len(text) - 1), text[1:]].mean() / np.log(2)
    stored = bits + (0 if bits == 32 else 16 / (group or sizes.d_model))  # scales of 16 bits
    lk.show(f"[measured] {words}: {si(sizes.n_params * stored / 8, 'B')}, the right next token "
            f"{right:.1%}, surprise {surprise:.2f} bits a token")  # fmt: skip
    if words == "4 bits, a scale each row":
        in_four_bits = lk.Reading(f"the right next token in {words}", right, "%", "measured")
four_bits_guess.against(in_four_bits)

# %% [markdown]
# The **surprise** is how badly the model predicts a short text, in bits for each token: 0 would be
# perfect. In 8 bits the model is nearly as good as before, at a quarter of the bytes. In 4 bits it
# forgets the capital of France: one large weight stretches the scale of its whole row, so the
# others are rounded coarsely, and many small ones become zero. Groups of 32 undo most of that
# damage, though they don't bring back *Paris*. Real 4-bit formats go further: they store an offset,
# too, or choose the numbers so that the *results* change least
# ([GPTQ](https://arxiv.org/abs/2210.17323)). The matrices of our layers came from a file with 4
# bits and an offset in each group, so ours is their second rounding.
#
# > **Takeaway.** Fewer bits are fewer bytes, and that's speed. 8 bits cost next to nothing. At 4
# > bits it matters how you round, so measure what the model still knows.
#
# ## Many users, the same bytes
# One more way to use a weight more than once: let several users wait for their next token together.
# A weight that's been fetched serves all of them. Each brings a KV cache of its own, though.
#
# **Play.** Take a chip and a model. The dot says how much of the bytes are caches: at which batch
# is it half? On the H100, with 1,000 tokens to look back at, why does the dot of Llama-2-7B never
# reach the ridge, and that of Llama-3.1-8B get further? (16 bits; the roof is the chip's.)


# %% tags=["collapsed"]
def roof_of(chip):
    for dtype in ("bf16", "fp16", "fp32"):
        if None not in (lk.chip(chip).peak(dtype).value, lk.chip(chip).bandwidth.value):
            return lk.roofline(chip, dtype)
    return None


MODELS = {one.name: one for one in (lm.LLAMA_2_7B, lm.LLAMA_3_1_8B, lm.SMOLLM2_135M)}
ROOFS = {one.id: roof for one in lk.chips() if (roof := roof_of(one.id))}


def together(chip, model, batch):
    of, roof, batch = MODELS[model], ROOFS[chip], round(batch)
    step = lk.plan.Decoder(
        of.name, of.n_multiplied, of.n_layers, of.n_heads, of.n_kv_heads, of.head_size
    ).decode(batch, 1000)
    rate = lk.plan.tokens_per_s(step, batch, roof)
    room = lk.chip(chip).memory.value or math.inf
    cached = batch * of.kv_bytes(1000, itemsize=2) / step.bytes
    words = f"{rate:,.0f} tokens/s, caches {cached:.0%}"
    words = words if step.bytes <= room else "more than its memory holds"
    reached = step.flop / roof.time_s(step)
    dot = lk.draw.Dot(words, step.intensity_flop_per_byte, reached, "modelled")
    picture = lk.draw.roofline([roof], [dot], x=(0.3, 30_000), y=(1e10, 1e16))
    words = f"{model} on {chip}, batch {batch}: at most {rate:,.0f} tokens a second, {words}"
    return lk.draw.Picture(picture.svg, words)


lk.Explorer(
    together,
    chip=["h100-sxm", *(name for name in ROOFS if name != "h100-sxm")],
    model=list(MODELS),
    batch=lk.draw.Slider(1, 1024, 1, log=True),
)

# %% [markdown]
# > **Takeaway.** A batch reads the weights once for all its users, so it multiplies the tokens of a
# > second until their KV caches are the larger part. That's why models are *served*, many users to
# > a chip: [lesson 19](19_serving.ipynb).
#
# ## Back to the weekend
# What sets the speed at which a language model writes? The bytes that it has to read for a token,
# over the bandwidth. Do the two versions of that program fit?

# %% tags=["collapsed"]
weekend = lk.published("llama2-c")
for row in weekend.rows:
    moved = lk.Reading(
        f"{row['version']}, weights read a second", row["file_bytes"] * row["tokens_per_s"], "B/s",
        of=weekend,
    )  # fmt: skip
    lk.show(moved)

# %% [markdown]
# Both read about a hundred gigabytes a second, as much as a server's memory may well deliver (the
# author doesn't name the machine). The 8-bit version needed a quarter of the bytes for a token, and
# turned most of that into speed. Its author credits integer arithmetic. You can now say why he'd
# have seen much of the gain anyway.
#
# **Next**: the [exercises](../exercises/11_a_language_model.ipynb), in which your kernels read
# 8-bit and 4-bit weights themselves. [Lesson 12](12_systolic_arrays.ipynb) builds a machine for the
# other case, where a weight is used many times.
