# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 09 · Attention and precision
# *Where do attention's bytes go, and what do fewer bits buy?*
#
# **You will be able to** count the traffic of attention with tiles and without, read the range and
# the spacing of a number format, and bound the error of an int8 product · **Needs** 02, 08 ·
# **Takes** 60 min · **Runs on** a CPU; a CUDA GPU runs the kernels too

# %%
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
from labkit.draw.marks import LINES
from labkit.hardware import op_energy

rng = np.random.default_rng(9)

# %% [markdown]
# ## More arithmetic, less time
# In **attention** each token (a *query*) scores every token (a *key*). A softmax turns its scores
# into weights, and the result is the weighted sum of the tokens' *values*. In 2022 Dao and others
# computed the same result in another order, with *one matrix product in six more*.
#
# **Guess first.** On the same A100: how many times the speed?

# %%
my_guess = ...
speed_guess = lk.predict("09.a", my_guess)

# %%
published = lk.published("flash-attention")
standard, flash = published.rows
faster, fewer = (standard[what] / flash[what] for what in ("time_s", "moved_bytes"))
for row in (standard, flash):
    lk.show(lk.Reading(row["attention"], row["time_s"], "s", "published", source=published.source))
speed_guess.against(lk.Reading("FlashAttention, times faster", faster, "1", "modelled"))
lk.show(lk.Reading("FlashAttention, times less traffic", fewer, "1", "modelled"))

# %% [markdown]
# So the time went into bytes. Which ones? Begin with the softmax.
#
# ## Softmax, three ways
# $w_j = e^{s_j - m} / \sum_k e^{s_k - m}$, with $m$ the largest score: without it the exponentials
# overflow. Here a thread takes one query, and its scores stand in a column of `x`, so that
# neighbouring threads read neighbouring numbers.


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
# **Guess first.** How many times the bytes of `x` does it move, reads and writes together?

# %%
my_guess = ...
softmax_guess = lk.predict("09.b", my_guess)


# %%
def softmax(x):
    weights = np.exp(x - x.max(0))
    return weights / weights.sum(0)


N, THREADS = 256, 32


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
softmax_guess.against(
    lk.Reading("three passes, arrays moved", arrays_moved(three_passes, x)[0], "1", "simulated")
)

# %% [markdown]
# Three reads and a write. Can the first two passes be one? The sum needs the largest score, which
# is not known yet. **Online softmax** goes ahead with the largest *so far*; when a larger one
# comes, it shrinks the old sum by $e^{\text{old} - \text{new}}$.
#
# And if the column stays on the chip, in shared memory, nothing is read twice: **fused**.


# %%
@cuda.jit
def online(x, out):
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


# %%
for kernel, predicted in ((three_passes, 4), (online, 3), (fused, 2)):
    most, least = arrays_moved(kernel, x)
    name = kernel.py_func.__name__
    print(f"[simulated] {name:12} {most:.0f} arrays moved, {least:.0f} if a cache holds all of x")
    assert (most, least) == (predicted, 2)

# %% [markdown]
# The fused kernel needs room for a whole column: 32 KiB here. A long sequence does not fit. The
# online one never needs a whole column. Keep that in mind.
#
# ## Attention, step by step
# Three kernels, one after the other: scores, softmax, weighted sum. Each writes its result to
# memory, where the next one finds it. (`q` comes divided by the root of the head size, and turned:
# a query is a column.) Be kind and count only what is left when *inside* a kernel a cache catches
# every repeated read.

# %%
SIZE = 16  # numbers in a query, a key or a value: the head size


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

stepwise_bytes = sum(step.dram_bytes_lower for step in steps)
shape = 1, 1, N, N, SIZE, 4  # sequences, heads, queries, keys, head size, bytes of a number
assert stepwise_bytes == lk.workload.attention(*shape).bytes

least_bytes = lk.workload.attention(*shape, score_reads=0, score_writes=0).bytes
lk.show(
    lk.Reading("traffic step by step", stepwise_bytes, "B", "simulated"),
    lk.Reading("scores and weights in it", 1 - least_bytes / stepwise_bytes, "%", "simulated"),
)

# %% [markdown]
# Written, read, written, read: 4 N² numbers. Queries, keys, values and results are 4 N d, with d
# the head size.
#
# ## Attention in tiles
# Nobody asked for the scores. So let a block keep its queries, bring keys and values in tiles, and
# let each thread carry an *online* softmax: the largest score, the sum of the weights, and the
# weighted sum of the values so far.

# %%
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
# K and V come by once for each of the N / 64 blocks. **Guess first.** Now be unkind, and count
# *every* read. How many times less traffic than step by step, with its kind count?

# %%
my_guess = ...
tile_guess = lk.predict("09.c", my_guess)

# %%
out[:] = 0
assert lk.sanitize(tiled[N // ROWS, ROWS], q, k, v, out) == []
counts = lk.profile(tiled[N // ROWS, ROWS], q, k, v, out)
np.testing.assert_allclose(out, expected, atol=1e-5)

tiled_bytes = lk.workload.tiled_attention(*shape, query_rows=ROWS).bytes
assert counts.dram_bytes_upper == tiled_bytes == (2 * N * SIZE + N // ROWS * 2 * N * SIZE) * 4
assert counts.dram_bytes_lower == least_bytes
tile_guess.against(
    lk.Reading("step by step over tiled", stepwise_bytes / tiled_bytes, "1", "simulated")
)

# %% [markdown]
# ## Drag the length
# The counters ran at 256 tokens; the formulas, which they agree with, carry us on. A tile has as
# many rows as the chip's own memory holds (tiles of Q, K, V and the result), numbers have 2 bytes.
#
# **Guess** before you drag: does tiling turn the square of the length into the length itself?

# %%
LENGTHS = np.geomspace(100, 100_000, 40).astype(int).tolist()


def traffic(length, head_size, KiB_on_chip):
    rows = lk.workload.rows_on_chip(KiB_on_chip * 1024, head_size, itemsize=2)

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
        title=f"{length} tokens, heads of {head_size}, tiles of {rows} rows",
        width=760,
    )
    names = "step by step", "in tiles", "each array once"
    for name, ys in zip(names, zip(*map(moved_bytes, LENGTHS), strict=True), strict=True):
        chart.line(LENGTHS, ys).key(name, LINES[len(chart.lines) - 1])
    stepwise, in_tiles, _ = moved_bytes(length)
    for n_bytes in (stepwise, in_tiles):
        chart.mark(length, n_bytes, "modelled", lk.units.si(n_bytes, "B"))
    return chart.picture(
        f"{length} tokens: {lk.units.si(stepwise, 'B')} step by step, "
        f"{lk.units.si(in_tiles, 'B')} in tiles: {stepwise / in_tiles:.1f} times less"
    )


lk.Explorer(
    traffic,
    length=lk.draw.Slider(100, 100_000, 1024, log=True),
    head_size=[64, 32, 128],
    KiB_on_chip=[128, 32, 64, 256],
)

# %% [markdown]
# Read it: both axes are logarithmic, a steeper line grows faster. Look at the right end: in tiles
# it is a square again, only a smaller one. With M numbers of on-chip memory a tile has M / 4d rows,
# so traffic grows as **N² d² / M**. Small heads and a large memory help.
#
# ## Back to the A100
# An N × N array of the published run, and what the printed traffic means in such arrays and in
# time:

# %%
run = {name: standard[name] for name in ("n_sequences", "n_heads", "head_size", "itemsize")}
run |= {"n_queries": standard["length"], "n_keys": standard["length"]}
forward = lk.workload.attention(**run)
least = lk.workload.attention(**run, score_reads=0, score_writes=0)
scores_bytes = (forward.bytes - least.bytes) / 4
passes = standard["moved_bytes"] / scores_bytes
lk.show(lk.Reading("standard, passes over the scores", passes, "1", "modelled"))


def products_flop(row):
    """Two products of matrices are the forward pass."""
    return forward.flop * row["n_products"] / 2


a100 = lk.roofline("a100-sxm-40", "bf16")
for row in (standard, flash):
    memory_s = row["moved_bytes"] / a100.peak_bytes_per_s
    math_s = products_flop(row) / a100.peak_flop_per_s
    limits = f"{memory_s * 1e3:4.1f} ms for the bytes, {math_s * 1e3:.1f} ms for the products"
    print(f"[modelled] {row['attention']:14} at least {limits}; took {row['time_s'] * 1e3:.1f} ms")
    assert max(memory_s, math_s) < row["time_s"]

# %% [markdown]
# Nineteen passes in place of our four: it is forward *and* backward, and a mask or a dropout is one
# more kernel that reads and writes. (Which kernels ran, the paper does not list.)
#
# **Why 9 times less traffic is not 9 times faster.** Standard attention waited for bytes. In tiles
# bytes and products need about the same time, so products, exponentials and barriers count too.
# (The products are counted here: the paper's own FLOP figures cannot be recounted.)
#
# ## Fewer bits
# The other way to move less is to make each number smaller. **Guess first.** Start at 0 in bf16 and
# add 1, a thousand times. What is the sum?

# %%
my_guess = ...
sum_guess = lk.predict("09.d", my_guess)

# %%
total = ml_dtypes.bfloat16(0)
for _ in range(1000):
    total += ml_dtypes.bfloat16(1)
sum_guess.against(lk.Reading("a thousand ones in bf16", float(total), "1", "simulated"))

# %% [markdown]
# ## The words
# - **Range**: from the smallest to the largest magnitude. The *exponent's* bits buy it.
# - **Spacing**: how far it is to the next value. The *mantissa's* bits buy it; it doubles with each
#   power of two.
# - **Rounding error**: at most half of the spacing.
#
# From 256 on the values of bf16 lie 2 apart; 257 lies in the middle and is rounded back. That is
# why matrix units take short inputs but **add in fp32**.

# %%
assert lk.workload.number_format("bf16").spacing(256) == 2
print(f"{'':9} bits   largest  smallest  spacing at 1   rounding error, at most")
for form in lk.workload.number_formats():
    worst = "half a step" if form.is_integer else lk.units.si(form.relative_error, "%")
    print(f"{form.name:9} {form.bits:4}  {form.largest:8.3g}  {form.smallest:8.2g}  "
          f"{form.spacing(1):12.3g}   {worst}")  # fmt: skip

# %% [markdown]
# (tf32 is what tensor cores keep of an fp32 number; in memory it takes 32 bits. The error of a
# float is relative, that of an integer is not.) Drag `x`. Where does fp16 end, and which format
# goes on? Where do fp16 and bf16 change places in precision? What can an integer do that no float
# of its size can?

# %%
lk.Explorer(lk.draw.number_ruler, x=lk.draw.Slider(1e-8, 1e6, 3.14159, log=True))

# %% [markdown]
# An integer has the same spacing everywhere. It is close where its steps fit the numbers, and
# useless where they do not. So it travels with a **scale**: $x \approx \text{scale} \times n$.
#
# ## An int8 product, with a bound
# One scale for each row of `a` and each column of `w`, so that the largest number becomes 127.
# Products of integers are added exactly, in int32.


# %%
def quantise(x, axis):
    """Whole numbers from -127 to 127 and their scales: one for all numbers along the axis."""
    scale = np.abs(x).max(axis, keepdims=True) / 127
    return np.rint(x / scale).astype(np.int8), scale


a, w = rng.standard_normal((64, 256)), rng.standard_normal((256, 64))
(a_int8, a_scale), (w_int8, w_scale) = quantise(a, axis=1), quantise(w, axis=0)
sums = jnp.matmul(a_int8, w_int8, preferred_element_type=jnp.int32)
assert (np.asarray(sums) == a_int8.astype(int) @ w_int8.astype(int)).all()
product = a_scale * np.asarray(sums) * w_scale

# %% [markdown]
# Each number is off by at most half of its scale, so a product $a w$ of two is off by at most
# $\frac{s_a}{2} |w| + \frac{s_w}{2} |a| + \frac{s_a s_w}{4}$. Added up over 256 terms that bounds a
# result.
#
# **Guess first.** Of all 4096 results, take the worst. Which share of its bound does its error
# reach?

# %%
my_guess = ...
bound_guess = lk.predict("09.e", my_guess, "%")

# %%
bound = (
    a_scale / 2 * np.abs(w).sum(0)
    + np.abs(a).sum(1, keepdims=True) * w_scale / 2
    + 256 * a_scale * w_scale / 4
)
error = np.abs(product - a @ w)
assert (error <= bound).all()
bound_guess.against(lk.Reading("worst error over bound", (error / bound).max(), "%", "simulated"))
relative = np.linalg.norm(product - a @ w) / np.linalg.norm(a @ w)
lk.show(lk.Reading("error of the whole product", relative, "%", "simulated"))

# %% [markdown]
# The bound would be reached if all 256 errors were the largest *and* of one sign. Errors of random
# sign mostly cancel: their sum grows as the root of their number.
#
# **Move one lever.** In large models a few columns of the activations are far larger than the rest.
# Let the first column grow, and compare formats.

# %%
OUTLIERS = (1, 3, 10, 30, 100)


def rounded(form, x, axis):
    scale = np.abs(x).max(axis, keepdims=True) / form.largest if form.is_integer else 1
    return scale * form.round(x / scale)


def error_of_the_others(form, outlier):
    """Relative error of what all columns but the first contribute to the product."""
    big = a * np.where(np.arange(256) == 0, outlier, 1)
    exact, got = a[:, 1:] @ w[1:], rounded(form, big, 1)[:, 1:] @ rounded(form, w, 0)[1:]
    return np.linalg.norm(got - exact) / np.linalg.norm(exact)


chart = lk.draw.Chart(
    lk.draw.Axis("first column, times larger", lo=1, hi=250, log=True),
    lk.draw.Axis("error in the other columns", "%", lo=1e-4, hi=2, log=True),
    title="64 × 256 times 256 × 64, inputs rounded, sums exact",
    width=760,
)
for name in ("int4", "int8", "fp8_e5m2", "fp8_e4m3", "bf16", "fp16"):
    form = lk.workload.number_format(name)
    chart.line(OUTLIERS, [error_of_the_others(form, outlier) for outlier in OUTLIERS], name)
chart.picture("Error of a product against an outlier: floats stay where they are, integers lose")

# %% [markdown]
# Read it: x is the outlier, y the relative error of what the *other* columns contribute. Without an
# outlier int8 beats both fp8 formats: its 255 steps are all where the numbers are. With one, each
# row's scale grows, and the steps of all its numbers with it. A float brings its own scale.
#
# ## Rates, really measured here
# A quarter of the bytes, but how many times the speed? That is for instructions *and* libraries to
# say. What is not installed is skipped. XLA, which compiles for JAX, makes do with the instructions
# that there are. Does everybody?


# %%
def optional(name):
    """A module, or None where it is not installed; says which, and how to get it."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        print(f"[measured] {name}: not here. Install it with pip install {name}, and start again")
        return None
    print(f"[measured] {name}: {module.__version__}")
    return module


def product_rate(name, x, multiply):
    """The rate of a square product as a Reading; unknown where there is no x."""
    if x is None:
        return lk.Reading(name, None, "FLOP/s", "measured", note="its library is not installed")
    timing = lk.bench(multiply, x, x, name=name, max_time_s=1, min_samples=5)
    return timing.flop_per_s(2 * x.shape[0] ** 3)


torch, onnx, ort = map(optional, ("torch", "onnx", "onnxruntime"))

# %%
for dtype, sum_dtype in (("float32", "float32"), ("bfloat16", "float32"), ("int8", "int32")):
    multiply = jax.jit(functools.partial(jnp.matmul, preferred_element_type=sum_dtype))
    lk.show(product_rate(f"JAX, {dtype}", jnp.ones((512, 512), dtype), multiply))

if torch:
    torch.set_num_threads(1)  # on a busy machine its threads wait for each other
torch_rates = {}
for dtype in ("float32", "bfloat16"):
    x = torch.ones(192, 192, dtype=getattr(torch, dtype)) if torch else None
    torch_rates[dtype] = product_rate(f"torch, {dtype}", x, torch and torch.matmul)
lk.show(*torch_rates.values())

slower = torch_rates["float32"].value / torch_rates["bfloat16"].value if torch else None
lk.show(lk.Reading("torch, fp32 over bf16", slower, "1", "measured"))
uses = torch.backends.cpu.get_cpu_capability() if torch else "nothing"
trap = "a trap here" if slower and slower > 2 else "no trap here"
print(f"[measured] 16 bits in torch: {trap}; of this CPU it uses {uses}")

# %% [markdown]
# torch is fast in 16 bits where the CPU has instructions for them (AMX, parts of AVX-512). With
# AVX2 alone it falls back to a loop that is far slower than fp32, and warns nobody. **Half the bits
# is a promise that somebody has to keep.** Measure before you believe.
#
# For int8 on a CPU there is ONNX Runtime. Here are two layers with a `relu` between them, in fp32,
# and in int8: the weights quantised ahead, the inputs on the way.
#
# **Guess first.** One request at a time, one core: how many times the speed of fp32 has int8?

# %%
my_guess = ...
onnx_guess = lk.predict("09.f", my_guess)

# %%
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
    print("[measured] size of the files:", *(lk.units.si(f.stat().st_size, "B") for f in files))
    return [ort.InferenceSession(f, options, ["CPUExecutionProvider"]) for f in files]


layers = None
if onnx and ort:
    with tempfile.TemporaryDirectory() as folder:
        layers = onnx_layers(folder)
else:
    print("[measured] size of the files: unknown, ONNX is not installed")


# %%
def int8_against_fp32(batch):
    """How many times faster int8 is, and how far off, as two Readings."""
    gain = relative = None
    if layers:
        x = np.random.default_rng(batch).standard_normal((batch, WIDTH), np.float32)
        times = [lk.bench(layer.run, None, {"x": x}, max_time_s=1).median_s for layer in layers]
        exact, got = (layer.run(None, {"x": x})[0] for layer in layers)
        gain, relative = times[0] / times[1], np.linalg.norm(got - exact) / np.linalg.norm(exact)
    return (
        lk.Reading(f"batch {batch}, int8 times faster", gain, "1", "measured"),
        lk.Reading(f"batch {batch}, int8 error", relative, "%", "measured"),
    )


(gain, error_of_one), of_many = int8_against_fp32(1), int8_against_fp32(32)
onnx_guess.against(gain)
lk.show(error_of_one, *of_many)

# %% [markdown]
# A single request waits for the weights: a quarter of the bytes can be a quarter of the time. A
# batch computes, and then it is the instructions that count.
#
# ## Energy and area
# Why do chips offer short formats at all? Here is what an operation takes at 45 nm, after Horowitz
# (2014).

# %%
table = {row["operation"]: row for row in lk.published("operations-45nm").rows}
times_larger = table["fp32 mul"]["area_um2"] / table["int8 mul"]["area_um2"]
lk.show(lk.Reading("area of fp32 mul over int8 mul", times_larger, "1", "modelled"))

names = ("int8 add", "int32 add", "int8 mul", "fp16 add", "fp16 mul", "fp32 add", "fp32 mul")
chart = lk.draw.Chart(
    lk.draw.Axis("", names=names),
    lk.draw.Axis("in int8 additions", lo=1, hi=1000, log=True),
    title="Energy and area of an operation at 45 nm (published)",
    width=760,
)
for quantity, color in (("energy_j", LINES[0]), ("area_um2", LINES[1])):
    worth = [table[name][quantity] / table["int8 add"][quantity] for name in names]
    chart.line(range(len(names)), worth, color=color).key(quantity.split("_")[0], color)
    for place, value in enumerate(worth):
        chart.mark(place, value, "published", f"{value:.0f}" if value > 1 else "")
chart.picture(
    "Energy and area of seven operations, in int8 additions: an fp32 multiplication takes 123 "
    "times the energy and 214 times the area"
)

# %% [markdown]
# Read it: an adder grows with its bits, a multiplier with their *square*. A float also has to be
# aligned and normalised, which makes even its addition dear. (The source is a survey; Horowitz's
# own paper was not opened. The energies agree with two other copies.)
#
# Last, both halves of this lesson in joules: the A100's two runs, with energies of 7 nm.

# %%
hbm = op_energy("dram_64b", "HBM2", 7)
multiply_add_j = op_energy("mul", "fp16", 7).energy_j + op_energy("add", "fp32", 7).energy_j
for row in (standard, flash):
    low_j, high_j = (row["moved_bytes"] / 8 * end_j for end_j in (hbm.low_j, hbm.high_j))
    products_j = products_flop(row) / 2 * multiply_add_j
    print(
        f"[modelled] {row['attention']:14} {low_j:.2f} to {high_j:.2f} J for the bytes, "
        f"{products_j:.2f} J for the products"
    )

# %% [markdown]
# Step by step, the energy goes into carrying scores that nobody asked for. In tiles, it goes into
# attention.
#
# ## What you now know
# - **Count**: step by step 4 N² + 4 N d numbers move, in tiles about N² d² / M; the kernels'
#   counters agree with both formulas to the byte.
# - **Read a format**: the exponent buys range, the mantissa spacing, and a scale puts an integer's
#   steps where the numbers are: the ruler.
# - **Bound** an int8 product: half a step for each number, added up; the worst of 4096 results
#   stayed far below it.

# %%
lk.show(lk.Reading("FlashAttention, times less traffic", fewer, "1", "modelled"))

# %% [markdown]
# **Next**: the exercises, in which attention passes by in tiles that you cannot keep; then
# `10_systolic_arrays`.
# Sources: Dao et al., *FlashAttention*, arXiv 2205.14135; Milakov and Gimelshein, *Online
# normalizer calculation for softmax*, arXiv 1805.02867 (who count the same four and three).
