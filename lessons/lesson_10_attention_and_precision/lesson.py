# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 10 · Attention and precision
# Chips wait for bytes. How do you move fewer of them? There are two ways, and this lesson has a
# part for each: do the work in another order, or make every number smaller. Take a break in
# between.
#
# *{time} Needs lessons [02](02_roofline.ipynb) and [08](08_matmul_ladder.ipynb). All counts are the
# same on every machine; a few rates are measured on yours.*

# %% tags=["collapsed"]
import functools
import importlib
import logging
import math
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np

import labkit as lk
from labkit import cuda
from labkit.draw import LINES
from labkit.units import KIB, si

rng = np.random.default_rng(9)

# %% [markdown]
# # Part one: attention
# When a language model reads a text, the work of a step called attention grows with the square of
# the text's length. By 2022 there were many ways to make it cheaper, which computed only a part of
# it, or something close to it. On paper that saved most of the arithmetic, and by the clock it
# often saved nothing. Then Dao and others computed all of it, exactly, with *more* arithmetic than
# before. With that they trained a model called BERT 15 % faster than the record of MLPerf 1.1, a
# contest in which chip makers tune for every second ([Dao and others
# 2022](https://arxiv.org/abs/2205.14135)).
#
# **The question of part one**: how can more arithmetic take less time?

# %% [markdown]
# ## More arithmetic, less time
# In [**attention**](https://arxiv.org/abs/1706.03762) each token, a word or a piece of one, has
# three short rows of numbers: a *query*, a *key* and a *value*. It gives a score to every token,
# the dot product of its own query and that token's key. A **softmax** turns these scores into
# weights that add up to 1, and the result is the sum of the tokens' values, each times its weight.
# So all scores are one matrix product, and all results are another. Training also goes backwards
# through the model, to find out how each number should change. On this way back the usual code
# makes four more products, six in all. The new order of the work, which its authors called
# **FlashAttention**, makes seven, because on the way back it computes the scores a second time.
#
# **Guess first.** On the same A100, how many times faster is the new order? It would be 6/7, a
# little slower, if arithmetic decided.

# %%
speed_guess = lk.predict("10.a", ...)

# %% tags=["collapsed"]
published = lk.published("flash-attention")
standard, flash = published.rows
for row in (standard, flash):
    name = f"{row['attention']}, {row['n_products']} products"
    lk.show(lk.Reading(name, row["time_s"], "s", "published", source=published.source))
faster, fewer = (standard[what] / flash[what] for what in ("time_s", "moved_bytes"))
speed_guess.against(lk.Reading("times faster", faster, "1", of=published))
lk.show(lk.Reading("times less traffic", fewer, "1", of=published))

a100 = lk.roofline("a100-sxm-40", "bf16")
run = {name: standard[name] for name in ("n_sequences", "n_heads", "head_size", "itemsize")}
run |= {"n_queries": standard["length"], "n_keys": standard["length"]}
product_flop = lk.workload.attention(**run).flop / 2  # the forward pass has two products
for row in (standard, flash):
    memory_s = row["moved_bytes"] / a100.peak_bytes_per_s
    math_s = row["n_products"] * product_flop / a100.peak_flop_per_s
    assert max(memory_s, math_s) < row["time_s"]
    lk.show(
        lk.Reading(f"{row['attention']}, its bytes take at least", memory_s, "s", "modelled"),
        lk.Reading(f"{row['attention']}, its products take at least", math_s, "s", "modelled"),
    )

# %% [markdown]
# Read the last four lines. The usual code needs several times as long for its bytes as for its
# products, so it waits for memory, and a product more or less makes no difference. Which bytes are
# these, and which of them does nobody need?
#
# > **Takeaway.** Attention in separate steps waits for memory. Saving arithmetic makes it no
# > faster; saving bytes does.
#
# ## Softmax in two reads
# We begin with the softmax, $w_j = e^{s_j - m} / \sum_k e^{s_k - m}$, where $m$ is the largest
# score. Mathematically any $m$ gives the same weights. But without it the exponentials overflow
# fp32 as soon as a score reaches 89. In our kernels a thread takes one query, and its scores stand
# in a column of `x`, so that neighbouring threads read neighbouring numbers ([lesson
# 06](06_memory.ipynb)).


# %%
@cuda.jit
def three_passes(x, out):
    i = cuda.grid(1)
    if i < x.shape[1]:
        largest, total = cuda.float32(-math.inf), cuda.float32(0)
        for j in range(x.shape[0]):
            largest = max(largest, x[j, i])
        for j in range(x.shape[0]):
            total += math.exp(x[j, i] - largest)
        for j in range(x.shape[0]):
            out[j, i] = math.exp(x[j, i] - largest) / total


# %% [markdown]
# Each loop reads all of `x`. Could the first two be one? The sum needs the largest score, which
# isn't known yet. [**Online softmax**](https://arxiv.org/abs/1805.02867) goes ahead with the
# largest *so far*. When a larger score comes along, everything that was added up before is too
# large, all of it by the same factor. So it multiplies the old sum by
# $e^{\text{old largest} - \text{new largest}}$, and goes on.
#
# ### Your turn
# Write the first loop of `online`. It reads each score once and keeps two variables up to date:
# `largest`, the largest score so far, and `total`, the sum of $e^{\text{score} - \text{largest}}$
# so far. Scores lie anywhere from −200 to 200. (4 lines)

# %%
N, THREADS = 256, 32


@cuda.jit
def online(x, out):
    i = cuda.grid(1)
    if i < x.shape[1]:
        largest, total = cuda.float32(-math.inf), cuda.float32(0)
        for j in range(x.shape[0]):
            ### BEGIN SOLUTION
            score = x[j, i]
            higher = max(largest, score)
            total = total * math.exp(largest - higher) + math.exp(score - higher)
            largest = higher
            ### END SOLUTION
        for j in range(x.shape[0]):
            out[j, i] = math.exp(x[j, i] - largest) / total


online = lk.your_turn("10.t1", online)

# %% [markdown]
# A third version, `fused`, does the same and also keeps its column on the chip, in shared memory.
#
# **Guess first.** `three_passes` reads `x` three times and writes `out` once, so it moves four
# times the bytes of `x`. How many times does `online` move them? It would be 4 if nothing were
# gained, and 2 if it read `x` just once.

# %%
softmax_guess = lk.predict("10.b", ...)


# %% tags=["collapsed"]
@cuda.jit
def fused(x, out):
    column = cuda.shared.array((N, THREADS), cuda.float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    if i < x.shape[1]:
        largest, total = cuda.float32(-math.inf), cuda.float32(0)
        for j in range(x.shape[0]):
            score = x[j, i]
            column[j, t] = score
            higher = max(largest, score)
            total = total * math.exp(largest - higher) + math.exp(score - higher)
            largest = higher
        for j in range(x.shape[0]):
            out[j, i] = math.exp(column[j, t] - largest) / total


def softmax(x):
    weights = np.exp(x - x.max(0))
    return weights / weights.sum(0)


def arrays_moved(kernel, x):
    """Check a softmax kernel, then count: most and least traffic, in arrays as large as x."""
    out = np.zeros_like(x)
    launch = kernel[x.shape[1] // THREADS, THREADS]
    launch(x, out)
    np.testing.assert_allclose(out, softmax(x), atol=1e-6)
    assert lk.sanitize(launch, x, out) == []
    counts = lk.profile(launch, x, out)
    return counts.dram_bytes_upper / x.nbytes, counts.dram_bytes_lower / x.nbytes


x = 10 * rng.standard_normal((N, N), dtype=np.float32)
kernels = {"three_passes": three_passes, "online": online, "fused": fused}
moved = {name: arrays_moved(kernel, x) for name, kernel in kernels.items()}
softmax_guess.against(lk.Reading("online, arrays moved", moved["online"][0], "1", of="simulated"))
for (name, (most, least)), n_reads in zip(moved.items(), (3, 2, 1), strict=True):
    print(f"[modelled] {name:12} {most:.0f} arrays moved, {least:.0f} if a cache holds all of x")
    assert (most, least) == (n_reads + 1, 2)

# %% [markdown]
# `fused` moves the least that there can be, one read and one write. But it needs room for a whole
# column, and the column of a long text doesn't fit. `online` never needs a whole column: at any
# moment a pair, the largest and the total, is all that it knows about the scores that have gone by.
#
# > **Takeaway.** You don't have to see all scores at once to find the largest and the total. One
# > pass does it, if you shrink the old total whenever a larger score comes along.
#
# ## Attention, step by step
# Now all of attention, by three kernels: `score`, a softmax, `weighted_sum`. Each of them reads its
# inputs from memory and writes its result there, where the next one finds it. We'll give them the
# benefit of the doubt: *inside* a kernel a cache catches every repeated read, so each array is read
# once.
#
# ### Your turn
# A model runs attention several times side by side, and each of these runs is a **head**. How many
# bytes does one head move, reads and writes together? Queries, keys, values and results are
# `length` × `head_size` numbers each, scores and weights `length` × `length`. A number has
# `itemsize` bytes. (1 line)


# %%
def stepwise_bytes(length, head_size, itemsize):
    """Bytes that attention moves when scores and weights go through memory."""
    ### BEGIN SOLUTION
    return (4 * length**2 + 4 * length * head_size) * itemsize
    ### END SOLUTION


stepwise_bytes = lk.your_turn("10.t2", stepwise_bytes)

# %% tags=["collapsed"]
SIZE = 16  # numbers in a query, a key or a value: the head size


# A query is a column of q, already divided by the root of the head size.
@cuda.jit
def score(q, k, s):
    i, j = cuda.grid(2)
    if i < s.shape[1] and j < s.shape[0]:
        total = cuda.float32(0)
        for e in range(SIZE):
            total += k[j, e] * q[e, i]
        s[j, i] = total


@cuda.jit
def weighted_sum(w, v, out):
    i, e = cuda.grid(2)
    if i < out.shape[1] and e < out.shape[0]:
        total = cuda.float32(0)
        for j in range(w.shape[0]):
            total += w[j, i] * v[j, e]
        out[e, i] = total


q, k, v = (
    rng.standard_normal(shape, dtype=np.float32) for shape in ((SIZE, N), (N, SIZE), (N, SIZE))
)
expected = v.T @ softmax(k @ q)
s, w, out = np.zeros((N, N), np.float32), np.zeros((N, N), np.float32), np.zeros_like(q)
steps = [
    lk.profile(score[(N // 32, N // 8), (32, 8)], q, k, s),
    lk.profile(three_passes[N // THREADS, THREADS], s, w),
    lk.profile(weighted_sum[(N // 32, SIZE // 8), (32, 8)], w, v, out),
]
np.testing.assert_allclose(out, expected, atol=1e-5)

counted_bytes = sum(step.dram_bytes_lower for step in steps)
shape = 1, 1, N, N, SIZE, 4  # sequences, heads, queries, keys, head size, bytes of a number
assert counted_bytes == stepwise_bytes(N, SIZE, 4) == lk.workload.attention(*shape).bytes

least_bytes = lk.workload.attention(*shape, score_reads=0, score_writes=0).bytes
lk.show(
    lk.Reading("traffic step by step, counted", counted_bytes, "B", "simulated"),
    lk.Reading("by the formula", stepwise_bytes(N, SIZE, 4), "B", "modelled"),
    lk.Reading("scores and weights in it", 1 - least_bytes / counted_bytes, "%", of="simulated"),
)  # fmt: skip

# %% [markdown]
# The executor's counters and the formula agree. Scores and weights are nearly all of it, and nobody
# asked for them: they're only on their way from one kernel to the next.
#
# > **Takeaway.** Step by step, attention moves 4 N² + 4 N d numbers for N tokens and heads of d
# > numbers. The squares are scores and weights, written and read again.
#
# ## Attention in tiles
# So let's never write them. A block keeps its queries in registers. Keys and values come by in
# **tiles**, one after the other, through shared memory:

# %% tags=["collapsed"]
lk.draw.machine("h100-sxm", highlight="shared")

# %% [markdown]
# Each thread carries an online softmax for its query, with one more thing to shrink: the weighted
# sum of the values so far.

# %% tags=["read"]
ROWS = 64  # queries of a block, and keys of a tile


@cuda.jit
def tiled(q, k, v, out):
    k_tile = cuda.shared.array((ROWS, SIZE), cuda.float32)
    v_tile = cuda.shared.array((ROWS, SIZE), cuda.float32)
    query = cuda.local.array(SIZE, cuda.float32)
    sums = cuda.local.array(SIZE, cuda.float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    for e in range(SIZE):
        query[e] = q[e, i]
        sums[e] = 0
    largest, total = cuda.float32(-math.inf), cuda.float32(0)
    for first in range(0, k.shape[0], ROWS):
        cuda.syncthreads()
        for n in range(t, ROWS * SIZE, ROWS):
            k_tile[n // SIZE, n % SIZE] = k[first + n // SIZE, n % SIZE]
            v_tile[n // SIZE, n % SIZE] = v[first + n // SIZE, n % SIZE]
        cuda.syncthreads()
        for j in range(ROWS):
            s = cuda.float32(0)
            for e in range(SIZE):
                s += k_tile[j, e] * query[e]
            higher = max(largest, s)
            shrink, weight = math.exp(largest - higher), math.exp(s - higher)
            largest = higher
            total = total * shrink + weight
            for e in range(SIZE):
                sums[e] = sums[e] * shrink + v_tile[j, e] * weight
    for e in range(SIZE):
        out[e, i] = sums[e] / total


# %% [markdown]
# **Guess first.** How many times fewer bytes does this move than the three steps did? All keys and
# values come by once for *each* of the four blocks, and this time we count every single read. It
# would be 1 if nothing were gained, and 17 if each array were moved just once.

# %%
tile_guess = lk.predict("10.c", ...)

# %% tags=["collapsed"]
out[:] = 0
assert lk.sanitize(tiled[N // ROWS, ROWS], q, k, v, out) == []
counts = lk.profile(tiled[N // ROWS, ROWS], q, k, v, out)
np.testing.assert_allclose(out, expected, atol=1e-5)

tiled_bytes = lk.workload.tiled_attention(*shape, query_rows=ROWS).bytes
assert counts.dram_bytes_upper == tiled_bytes == (2 * N * SIZE + N // ROWS * 2 * N * SIZE) * 4
assert counts.dram_bytes_lower == least_bytes
assert counted_bytes == 17 * least_bytes  # the text says so
tile_guess.against(
    lk.Reading("step by step over tiled", counted_bytes / tiled_bytes, "1", of="simulated")
)

# %% [markdown]
# > **Takeaway.** Attention in tiles writes neither scores nor weights. It pays by reading keys and
# > values once more for each block of queries.
#
# ## Drag the length
# Our kernels ran on a short text. Their counters agree with the formulas, so let the formulas take
# us further. A tile gets as many rows as the shared memory of an SM has room for (tiles of queries,
# keys, values and results, in fp16).
#
# **Play.** Before you drag: does tiling turn the square of the length into the length itself? Look
# at the right end. Both axes are logarithmic, so a steeper line grows faster. Then try other head
# sizes, and less memory on the chip.

# %% tags=["collapsed"]
LENGTHS = np.geomspace(100, 100_000, 40).astype(int).tolist()


def traffic(length, head_size, KiB_on_chip):
    rows = lk.workload.rows_on_chip(KiB_on_chip * KIB, head_size, itemsize=2)

    def moved_bytes(n):
        shape = 1, 1, n, n, head_size, 2
        return (
            lk.workload.attention(*shape).bytes,
            lk.workload.tiled_attention(*shape, query_rows=rows).bytes,
            lk.workload.attention(*shape, score_reads=0, score_writes=0).bytes,
        )

    chart = lk.draw.Chart(
        lk.draw.Axis("tokens", lo=100, hi=100_000, log=True),
        lk.draw.Axis("traffic of one head", "B", lo=1e4, hi=1e11, log=True),
        title=f"{length:,} tokens, heads of {head_size}, tiles of {rows} rows",
        width=760,
    )
    names = "step by step", "in tiles", "each array once"
    for name, ys in zip(names, zip(*map(moved_bytes, LENGTHS), strict=True), strict=True):
        chart.line(LENGTHS, ys).key(name, LINES[len(chart.lines) - 1])
    stepwise, in_tiles, _ = moved_bytes(length)
    for n_bytes in (stepwise, in_tiles):
        chart.mark(length, n_bytes, "modelled", si(n_bytes, "B"))
    return chart.picture(
        f"{length:,} tokens: {si(stepwise, 'B')} step by step, "
        f"{si(in_tiles, 'B')} in tiles: {stepwise / in_tiles:.1f} times less"
    )


lk.Explorer(
    traffic,
    length=lk.draw.Slider(100, 100_000, 1024, log=True),
    head_size=[64, 32, 128],
    KiB_on_chip=[128, 32, 64, 256],
)

# %% [markdown]
# In tiles it's a square again, only a smaller one. If M numbers fit into shared memory, a tile has
# M / 4d rows, and keys and values come by about N ÷ (M / 4d) times. That makes 8 N² d² / M numbers,
# and 2 N d for queries and results. (In fp16, that's twice as many bytes.) We still count every
# read. On a real GPU the L2 cache catches many of the repeats, as long as it holds the keys and
# values of the heads at work.
#
# > **Takeaway.** In tiles, attention moves about 8 N² d² / M + 2 N d numbers, and fewer where a
# > cache helps. Small heads and a large memory on the chip make it cheap, but a long text still
# > costs its square.
#
# ## Back to the record
# So how can more arithmetic take less time? The scores of a long text are a square, and the usual
# code sent that square through memory again and again, while the multipliers waited. FlashAttention
# computes the scores once more where it needs them, because on the chip that's cheaper than a trip
# to memory. The approximate methods had saved arithmetic, and of that there was plenty.
#
# On the A100 the gain in time was smaller than that in traffic. Step by step it waited for bytes;
# in tiles, bytes and products need about the same time, and exponentials and barriers begin to
# count. (We counted the products ourselves, and assumed an A100 of 40 GB.) [Lesson
# 09](09_tensor_cores_and_tiles.ipynb) tells what became of it on the next chip.
#
# **Now do part one of the [exercises](../exercises/10_attention_and_precision.ipynb), and then take
# a break.** Part two begins afresh.

# %% [markdown]
# # Part two: precision
# In 2022 a language model called BLOOM was finished: 176 billion parameters, 352 GB in 16 bits
# each. Running it took eight GPUs of 80 GB, at some 15,000 dollars apiece. In 8 bits it would fit
# on half of them. But rounding to 8 bits, which had worked for small models, failed for those of
# more than about 6 billion parameters. Once somebody had found out why and mended it, BLOOM ran on
# four GPUs and did as well in tests as before, but 15 to 23 % *slower* ([Belkada and Dettmers
# 2022](https://huggingface.co/blog/hf-bitsandbytes-integration)).
#
# **The question of part two**: what can go wrong with half the bits, and why don't they make it
# twice as fast?

# %% [markdown]
# ## Range and spacing
# A [floating-point number](https://en.wikipedia.org/wiki/Floating-point_arithmetic) has a sign, an
# **exponent** and a **mantissa**, which holds its leading digits. **bf16** has 8 bits of exponent,
# as fp32 has, and only 7 of mantissa; **fp16** has 5 and 10.
#
# **Guess first.** Start at 0 in bf16, and add 1 a thousand times. What do you get? It would be
# 1,000 if each sum were exact, and bf16 reaches beyond 10³⁸.

# %%
sum_guess = lk.predict("10.d", ...)

# %%
total = ml_dtypes.bfloat16(0)
for _ in range(1000):
    total += ml_dtypes.bfloat16(1)
sum_guess.against(lk.Reading("a thousand ones in bf16", float(total), "1", "simulated"))

# %% tags=["collapsed"]
spacing = lk.workload.number_format("bf16").spacing(float(total))
lk.show(lk.Reading("from there to the next value of bf16", spacing, "1", "modelled"))
assert spacing == 2

# %% [markdown]
# From there the next value is 2 away, so one more is a tie, and ties go to even mantissas: back
# down, each time. That's why matrix units, which take short inputs, **add in longer formats**,
# mostly in fp32. Every floating-point format has
#
# - a **range** of magnitudes, decided mainly by the *exponent's* bits;
# - a **spacing** from one value to the next, decided by the *mantissa's* bits, which doubles with
#   each power of two;
# - a **rounding error** of at most half the spacing, so at most a fixed share of the value, except
#   near 0.
#
# **Play.** Drag `x`. Where does fp16 end, and which 16-bit format goes on? Which of the two is more
# exact? What can int8 do that no 8-bit float can?

# %% tags=["collapsed"]
print("[modelled] from the bits of each format")
print(f"{'':9} bits   largest  smallest  spacing at 1   rounding error, at most")
for form in lk.workload.number_formats():
    worst = "half a step" if form.is_integer else si(form.relative_error, "%")
    print(f"{form.name:9} {form.bits:4}  {form.largest:8.3g}  {form.smallest:8.2g}  "
          f"{form.spacing(1):12.3g}   {worst}")  # fmt: skip
print("fp8_e4m3 has 4 bits of exponent and 3 of mantissa, fp8_e5m2 has 5 and 2.")
print("tf32 is what tensor cores keep of an fp32 number; in memory it takes all 32 bits.")
# What the text says below:
fp16, bf16, e4m3 = map(lk.workload.number_format, ("fp16", "bf16", "fp8_e4m3"))
assert fp16.largest == 65504
assert fp16.smallest_normal < 1e-4
assert 8 * fp16.relative_error == bf16.relative_error
assert e4m3.spacing(127) == 8

# %%
lk.Explorer(lk.draw.number_ruler, x=lk.draw.Slider(1e-8, 1e6, 3.14159, log=True))

# %% [markdown]
# fp16 ends at 65,504, and bf16 goes on. From 0.0001 up to there, fp16's errors are an eighth of
# bf16's. And int8 holds every whole number up to 127; near there fp8_e4m3 has only every eighth.
#
# > **Takeaway.** The exponent decides how far a format reaches, and the mantissa how finely. Sums
# > need more of both than the numbers that are summed.
#
# ## Whole numbers and a scale
# Integers lie 1 apart, which seldom fits the numbers. So they travel with a
# **scale**, $x \approx \text{scale} \times n$. Going there from floats is called
# [**quantisation**](https://huggingface.co/docs/transformers/main/en/quantization/concept_guide).
#
# ### Your turn
# Quantise `x` to whole numbers from −127 to 127. All numbers along `axis` share a scale, chosen so
# that the one of largest magnitude becomes 127 or −127. Return the whole numbers and the scales;
# with `keepdims=True` they fit together. (2 lines; no group of numbers is all zeros)


# %%
def quantise(x, axis):
    """Whole numbers from -127 to 127, and a scale for all along the axis."""
    ### BEGIN SOLUTION
    scale = np.abs(x).max(axis, keepdims=True) / 127
    return np.rint(x / scale), scale
    ### END SOLUTION


quantise = lk.your_turn("10.t3", quantise)

# %% [markdown]
# For a matrix product, each row of `a` and each column of `w` gets a scale. Products of whole
# numbers are added in int32, which is exact up to 130,000 terms, and scaled at the end.
#
# Each number is off by at most half its scale, so a product $a w$ by at most
# $\frac{s_a}{2} |w| + \frac{s_w}{2} |a| + \frac{s_a s_w}{4}$. These bounds add up over all terms of
# a result.
#
# **Guess first.** Of all results, take the one that comes nearest to its bound. What share of it
# does the error reach? It's 100 % if every number is off by half a step, all on the same side.

# %%
bound_guess = lk.predict("10.e", ..., "%")

# %% tags=["collapsed"]
TERMS = 256
a, w = rng.standard_normal((64, TERMS)), rng.standard_normal((TERMS, 64))
a_whole, a_scale = map(np.asarray, quantise(a, axis=1))
w_whole, w_scale = map(np.asarray, quantise(w, axis=0))
a_int8, w_int8 = a_whole.astype(np.int8), w_whole.astype(np.int8)
sums = np.asarray(jnp.matmul(a_int8, w_int8, preferred_element_type=jnp.int32))
assert (sums == a_int8.astype(int) @ w_int8.astype(int)).all()
assert 130_000 * 127**2 < 2**31  # terms that int32 has room for, the text says

bound = (
    a_scale / 2 * np.abs(w).sum(0)
    + np.abs(a).sum(1, keepdims=True) * w_scale / 2
    + TERMS * a_scale * w_scale / 4
)
error = np.abs(a_scale * sums * w_scale - a @ w)
assert (error <= bound).all()
bound_guess.against(lk.Reading("worst over bound", (error / bound).max(), "%", of="simulated"))
relative = np.linalg.norm(error) / np.linalg.norm(a @ w)
lk.show(lk.Reading("error of the whole product", relative, "%", of="simulated"))

# %% [markdown]
# > **Takeaway.** An integer needs a scale. Then each number is off by half a step at most, and in a
# > long sum these errors mostly cancel.
#
# ## The outliers
# With well-behaved numbers, 8 bits are plenty. But in large models a few columns of the layers'
# inputs are far larger than all others, the **outliers**.
#
# **Guess first.** Make three of the 256 columns of `a` a hundred times larger. So far the rounding
# errors of the other columns are 0.7 % of their numbers. What do they become? It's still 0.7 % if
# outliers harm only themselves, and 100 % if all others become 0.

# %%
outlier_guess = lk.predict("10.f", ..., "%")

# %% tags=["collapsed"]
OUTLIERS = [40, 130, 131]
ORDINARY = np.setdiff1d(np.arange(TERMS), OUTLIERS)


def with_outliers(factor):
    wild = a.copy()
    wild[:, OUTLIERS] *= factor
    return wild


def ordinary_error(rounded):
    """Rounding errors in the ordinary columns, as a share of their numbers (root mean squares)."""
    off = np.asarray(rounded)[:, ORDINARY] - a[:, ORDINARY]
    return np.linalg.norm(off) / np.linalg.norm(a[:, ORDINARY])


def row_by_row(x):
    whole, scale = map(np.asarray, quantise(x, axis=1))
    return whole * scale


wild = with_outliers(100)
assert f"{ordinary_error(row_by_row(a)):.1%}" == "0.7%"  # the text says so
outlier_guess.against(
    lk.Reading("error with outliers", ordinary_error(row_by_row(wild)), "%", of="simulated")
)
steps = np.abs(np.asarray(quantise(wild, axis=1)[0], float)[:, ORDINARY])
assert (steps <= 1).mean() > 0.75  # most become 0, 1 or -1, the text says
apart = wild.copy()
apart[:, ORDINARY] = row_by_row(wild[:, ORDINARY])
lk.show(lk.Reading("outliers kept apart, in 16 bits", ordinary_error(apart), "%", of="simulated"))

# %% [markdown]
# The outliers stretch the scale of their whole row, and most of the other numbers become 0, 1 or
# −1. BLOOM was mended as in the last line: find the outliers' columns, multiply these in 16 bits
# and all others in 8, and add the results.
#
# Or share each scale among fewer: a **block scale** belongs to a short stretch of a row, so that an
# outlier spoils only its own block.
#
# ### Your turn
# Quantise each row of `x` in blocks of `size` neighbours, each with its own scale, multiply by the
# scales again, and return what has become of `x`, in its shape. (3 lines; `size` divides a row's
# length)


# %%
def rounded_in_blocks(x, size):
    """What becomes of x in int8, with a scale for each `size` neighbours."""
    ### BEGIN SOLUTION
    blocks = x.reshape(len(x), -1, size)
    whole, scale = quantise(blocks, axis=2)
    return (whole * scale).reshape(x.shape)
    ### END SOLUTION


rounded_in_blocks = lk.your_turn("10.t4", rounded_in_blocks)

# %% [markdown]
# New chips have block scales built in. In the
# [**MX**](https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf)
# formats, 32 neighbours share a power of two. In NVIDIA's
# [**NVFP4**](https://arxiv.org/abs/2509.25149), 16 numbers of 4 bits share a scale in fp8, and the
# whole array one more in fp32. (We follow the code of
# [Microsoft](https://github.com/microsoft/microxcaling) and
# [PyTorch](https://github.com/pytorch/ao).) Now let the outliers grow:

# %% tags=["collapsed"]
WAYS = {
    "int8, a scale a row": (row_by_row, 8 + 32 / TERMS),
    "int8, blocks of 32": (lambda x: rounded_in_blocks(x, 32), 8 + 32 / 32),
    **{
        name: (lk.workload.block_format(name).round, lk.workload.block_format(name).bits)
        for name in ("mxfp8_e4m3", "mxfp4", "nvfp4")
    },
}
FACTORS = (1, 3, 10, 30, 100, 300, 1000)
chart = lk.draw.Chart(
    lk.draw.Axis("outliers, times larger", lo=1, hi=1000, log=True),
    lk.draw.Axis("rounding error of the ordinary numbers", "%", lo=0.001, hi=1, log=True),
    title="What outliers do to the numbers beside them",
    width=760,
)
errors = {
    name: {factor: ordinary_error(rounded(with_outliers(factor))) for factor in FACTORS}
    for name, (rounded, _) in WAYS.items()
}
for color, (name, (_, bits)) in zip(LINES, WAYS.items(), strict=False):
    chart.line(list(FACTORS), list(errors[name].values()), color=color).key(name, color)
    lk.show(
        lk.Reading(
            f"{name}, {bits:.4g} bits a number, outliers × 100", errors[name][100], "%",
            of="simulated",
        )
    )  # fmt: skip
assert errors["int8, blocks of 32"][100] < errors["int8, a scale a row"][100] / 1.8
assert errors["mxfp8_e4m3"][1000] < 1.1 * errors["mxfp8_e4m3"][1]
assert errors["mxfp8_e4m3"][1] > 3 * errors["int8, a scale a row"][1]
assert all(errors[name][1] > 0.08 for name in ("mxfp4", "nvfp4"))
beside = [j for j in ORDINARY if j // 16 in {outlier // 16 for outlier in OUTLIERS}]
assert all((WAYS[name][0](wild)[:, beside] == 0).mean() > 0.9 for name in ("mxfp4", "nvfp4"))
chart.picture("Rounding error of the ordinary numbers by the size of the outliers, in five formats")

# %% [markdown]
# Blocks confine the damage: with int8 in blocks of 32, only the outliers' neighbours suffer. In
# MXFP8 even these hardly notice, because a float's steps are finer near 0. In return, well-behaved
# numbers lose more than in int8. Four bits have only eight magnitudes, so there they lose a lot,
# and beside large outliers nine in ten become 0.
#
# > **Takeaway.** One large number spoils all that share its scale. So share it among few: for 32 or
# > 16 neighbours, a scale of 8 bits costs a quarter or half a bit each.
#
# ## Half the bits, twice the speed?
# Are fewer bits faster? Compare formats in JAX and PyTorch, on your machine.


# %% tags=["collapsed"]
def optional(name):
    """A module, or None where it isn't installed; says which, and how to get it."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        print(f"[measured] {name}: not here. Install it with pip install {name}, and start again")
        return None
    print(f"[measured] {name}: {module.__version__}")
    return module


def product_rate(name, timing, size):
    """The rate of a square product as a Reading; unknown where nothing was timed."""
    if timing is None:
        return lk.Reading(name, None, "FLOP/s", "measured", note="its library is not installed")
    return timing.flop_per_s(2 * size**3).named(name)


torch, onnx, ort = map(optional, ("torch", "onnx", "onnxruntime"))

# %% tags=["collapsed"]
# Square products
for dtype, sum_dtype in (("float32", "float32"), ("bfloat16", "float32"), ("int8", "int32")):
    multiply = jax.jit(functools.partial(jnp.matmul, preferred_element_type=sum_dtype))
    x = jnp.ones((512, 512), dtype)
    timing = lk.bench(multiply, x, x, max_time_s=1, min_samples=5)
    lk.show(product_rate(f"JAX, {dtype}", timing, 512))

in_fp32 = in_bf16 = None
slower = lk.Reading("torch, time in bf16 over fp32", None, "1", "measured")
if torch:
    torch.set_num_threads(1)  # on a busy machine its threads wait for each other
    fp32, bf16 = (torch.ones(192, 192, dtype=dtype) for dtype in (torch.float32, torch.bfloat16))
    in_turns = lk.compare(lambda: bf16 @ bf16, lambda: fp32 @ fp32, max_time_s=2)
    in_bf16, in_fp32, slower = in_turns.a, in_turns.b, in_turns.time_ratio(slower.name)
lk.show(product_rate("torch, float32", in_fp32, 192), product_rate("torch, bfloat16", in_bf16, 192))
lk.show(slower)
uses = torch.backends.cpu.get_cpu_capability() if torch else "nothing"
print(f"[measured] of this CPU torch uses: {uses}")
lk.expect(
    slower, 1, 2,
    below="In PyTorch, 16 bits are faster than 32 here: this CPU has instructions for them.",
    inside="In PyTorch, 16 bits gain nothing here, and don't lose much either.",
    above="In PyTorch, 16 bits are much slower than 32 here. Probably this CPU has no instructions "
    "for them that PyTorch would use, and it falls back to a simple loop, without a warning.",
)  # fmt: skip

# %% [markdown]
# On a CPU without instructions for bf16, one user's products took PyTorch [44 to 499
# times](https://github.com/pytorch/pytorch/issues/146508) as long as in fp32.
#
# [ONNX
# Runtime](https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html) has int8
# for CPUs. We take two layers with a `relu` between them, in fp32 and in int8: weights are
# quantised ahead, inputs as they come.
#
# **Guess first.** One request at a time, on one core: how many times faster is int8? It would be 4
# if only the bytes of the weights counted.

# %%
onnx_guess = lk.predict("10.g", ...)

# %% tags=["collapsed"]
WIDTH = 1024


def onnx_layers(folder):
    """Write the layers in fp32 and in int8, and load both."""
    from onnx import TensorProto, helper, numpy_helper
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.getLogger().setLevel("ERROR")  # it advises a preparation that two layers do not need
    ort.set_default_logger_severity(3)
    draw = 0.03 * np.random.default_rng(0).standard_normal((2, WIDTH, WIDTH), np.float32)
    weights = [numpy_helper.from_array(w, f"w{n}") for n, w in enumerate(draw)]
    x, y = (helper.make_tensor_value_info(end, TensorProto.FLOAT, [None, WIDTH]) for end in "xy")
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["sums"]),
        helper.make_node("Relu", ["sums"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "w1"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "layers", [x], [y], weights)
    opset = helper.make_opsetid("", 17)
    files = Path(folder, "fp32.onnx"), Path(folder, "int8.onnx")
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=9), files[0])
    quantize_dynamic(*files, weight_type=QuantType.QInt8)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    sizes = (f"{file.stem} {si(file.stat().st_size, 'B')}" for file in files)
    print("[measured] size of the files:", ", ".join(sizes))
    return [ort.InferenceSession(f, options, ["CPUExecutionProvider"]) for f in files]


layers = None
if onnx and ort:
    with tempfile.TemporaryDirectory() as folder:
        layers = onnx_layers(folder)
else:
    print("[measured] size of the files: unknown, ONNX is not installed")


# %% tags=["collapsed"]
def int8_against_fp32(batch):
    """How many times faster int8 is, and how far off, as two Readings."""
    faster, error = f"batch {batch}, times faster", f"batch {batch}, error"
    if not layers:
        return lk.Reading(faster, None, "1", "measured"), lk.Reading(
            error, None, "%", of="measured"
        )
    x = np.random.default_rng(batch).standard_normal((batch, WIDTH), np.float32)
    in_fp32, in_int8 = (functools.partial(layer.run, None, {"x": x}) for layer in layers)
    (exact,), (got,) = in_fp32(), in_int8()
    relative = np.linalg.norm(got - exact) / np.linalg.norm(exact)
    in_turns = lk.compare(in_fp32, in_int8, max_time_s=2)
    return in_turns.time_ratio(faster), lk.Reading(error, relative, "%", of="measured")


(gain, error_of_one), of_many = int8_against_fp32(1), int8_against_fp32(32)
onnx_guess.against(gain)
lk.show(error_of_one, *of_many)
lk.expect(
    gain, 1.2, None,
    below="Here int8 gained little or nothing for a single request: quantising the input takes "
    "time, too, and this CPU may have only slow instructions for it.",
    inside="A single request waits for the weights, and these are a quarter of the bytes.",
)  # fmt: skip

# %% [markdown]
# > **Takeaway.** Fewer bits always mean fewer bytes, which is what a single request waits for. They
# > mean faster arithmetic only where chip and library support it.
#
# ## What it's worth to a chip
# Which grows faster with the bits, an adder or a multiplier?

# %% tags=["collapsed"]
operations = lk.published("operations-45nm")
table = {row["operation"]: row for row in operations.rows}
names = [f"{form} {op}" for form in ("int8", "int32", "fp16", "fp32") for op in ("add", "mul")]
chart = lk.draw.Chart(
    lk.draw.Axis("", names=names),
    lk.draw.Axis("in int8 additions", lo=1, hi=1000, log=True),
    title="Energy and area of an operation at 45 nm, over those of an int8 addition",
    width=760,
)
for quantity, color in (("energy_j", LINES[0]), ("area_um2", LINES[1])):
    worth = [table[name][quantity] / table["int8 add"][quantity] for name in names]
    chart.line(range(len(names)), worth, color=color).key(quantity.split("_")[0], color)
    for place, value in enumerate(worth):
        chart.mark(place, value, "modelled", f"{value:.0f}" if value > 1 else "")
energy, area = (table[names[-1]][of] / table[names[0]][of] for of in ("energy_j", "area_um2"))
lk.show(f"[published] {operations.source}")
chart.picture(
    f"Energy and area of {len(names)} operations, in int8 additions: an fp32 multiplication takes "
    f"{energy:.0f} times the energy and {area:.0f} times the area"
)

# %% [markdown]
# From int8 to int32 an adder grows about as its bits do, and a multiplier about as their square.
# Floats also have to be aligned and normalised, which makes even adding them expensive.
#
# > **Takeaway.** Short formats save energy and area most of all in the multipliers, so a chip gets
# > several short ones for a long one.
#
# ## Back to BLOOM
# What went wrong with half the bits? In a large model a few columns hold outliers. They stretched
# the scales that they shared, and most of what lay beside them was rounded away. The cure took
# extra steps, and on half of the GPUs these cost more time than the short numbers saved. By now
# block scales are in the chips themselves.
#
# **Next**: part two of the [exercises](../exercises/10_attention_and_precision.ipynb), then [lesson
# 11](11_a_language_model.ipynb).
