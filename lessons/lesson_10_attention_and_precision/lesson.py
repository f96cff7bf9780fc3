# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 10 · Attention and precision
# *Chips wait for bytes. How do you move fewer of them: in another order, or in fewer bits?*
#
# **You will be able to** count the traffic of attention with tiles and without, read the range and
# the spacing of a number format, and bound the error of an int8 product · **Needs** 02, 08 ·
# **Takes** {time} · **Runs on** a CPU; a CUDA GPU runs the kernels too

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
from labkit.draw import LINES
from labkit.units import KIB, si

rng = np.random.default_rng(9)

# %% [markdown]
# ## More arithmetic, less time
# In **attention** each token (a *query*) scores every token (a *key*). A softmax turns its scores
# into weights, and the result is the weighted sum of the tokens' *values*. In 2022 Dao and others
# computed the same result in another order, which takes *more* matrix products.
#
# **Guess first.** On the same A100: how many times the speed?

# %%
my_guess = ...
speed_guess = lk.predict("10.a", my_guess)

# %%
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
    print(f"[modelled] {row['attention']} needs at least {si(memory_s, 's')} for its bytes "
          f"and {si(math_s, 's')} for its products")  # fmt: skip

# %% [markdown]
# Read the last two lines: standard attention waits for bytes. Which ones?
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
# Each loop reads all of `x`. Can the first two be one? The sum needs the largest score, which is
# not known yet. **Online softmax** goes ahead with the largest *so far*; when a larger one comes,
# it shrinks the old sum by $e^{\text{old} - \text{new}}$. The **fused** one also keeps its column
# on the chip, in shared memory.
#
# **Guess first.** How many times the bytes of `x` does `online` move, reads and writes together?

# %% tags=["read"]
N, THREADS = 256, 32


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
my_guess = ...
softmax_guess = lk.predict("10.b", my_guess)


# %%
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
moved = {kernel: arrays_moved(kernel, x) for kernel in (three_passes, online, fused)}
softmax_guess.against(lk.Reading("online, arrays moved", moved[online][0], "1", of="simulated"))
for (kernel, (most, least)), n_reads in zip(moved.items(), (3, 2, 1), strict=True):
    name = kernel.py_func.__name__
    print(f"[modelled] {name:12} {most:.0f} arrays moved, {least:.0f} if a cache holds all of x")
    assert (most, least) == (n_reads + 1, 2)

# %% [markdown]
# `fused` needs room for a whole column, and a long sequence does not fit. `online` never needs a
# whole column. Keep that in mind.
#
# ## Attention, step by step
# Three kernels: scores, softmax, weighted sum. Each writes its result to memory, where the next one
# finds it. (`q` comes divided by the root of the head size, and turned: a query is a column.) We
# assume in its favour that *inside* a kernel a cache catches every repeated read.

# %% tags=["read"]
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
assert stepwise_bytes == lk.workload.attention(*shape).bytes == (4 * N**2 + 4 * N * SIZE) * 4

least_bytes = lk.workload.attention(*shape, score_reads=0, score_writes=0).bytes
lk.show(
    lk.Reading("traffic step by step", stepwise_bytes, "B", "simulated"),
    lk.Reading("scores and weights in it", 1 - least_bytes / stepwise_bytes, "%", of="simulated"),
)

# %% [markdown]
# Scores and weights are written and read: 4 N² numbers. Queries, keys, values and results are
# 4 N d, with d the head size.
#
# ## Attention in tiles
# Nobody asked for the scores. So let a block keep its queries, bring keys and values in tiles, and
# let each thread carry an *online* softmax: the largest score, the sum of the weights, and the
# weighted sum of the values so far.
#
# **Guess first.** All of K and V comes by once for each block of queries. Now be unkind, and count
# *every* read. How many times less traffic than step by step, with its kind count?

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


# %%
my_guess = ...
tile_guess = lk.predict("10.c", my_guess)

# %%
out[:] = 0
assert lk.sanitize(tiled[N // ROWS, ROWS], q, k, v, out) == []
counts = lk.profile(tiled[N // ROWS, ROWS], q, k, v, out)
np.testing.assert_allclose(out, expected, atol=1e-5)

tiled_bytes = lk.workload.tiled_attention(*shape, query_rows=ROWS).bytes
assert counts.dram_bytes_upper == tiled_bytes == (2 * N * SIZE + N // ROWS * 2 * N * SIZE) * 4
assert counts.dram_bytes_lower == least_bytes
tile_guess.against(
    lk.Reading("step by step over tiled", stepwise_bytes / tiled_bytes, "1", of="simulated")
)

# %% [markdown]
# ## Drag the length
# The kernels ran on a short sequence. Their counters agree with the formulas, which carry us on. A
# tile has as many rows as the chip's own memory holds (tiles of Q, K, V and the result, in fp16).
#
# **Guess** before you drag: does tiling turn the square of the length into the length itself?

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
        title=f"{length} tokens, heads of {head_size}, tiles of {rows} rows",
        width=760,
    )
    names = "step by step", "in tiles", "each array once"
    for name, ys in zip(names, zip(*map(moved_bytes, LENGTHS), strict=True), strict=True):
        chart.line(LENGTHS, ys).key(name, LINES[len(chart.lines) - 1])
    stepwise, in_tiles, _ = moved_bytes(length)
    for n_bytes in (stepwise, in_tiles):
        chart.mark(length, n_bytes, "modelled", si(n_bytes, "B"))
    return chart.picture(
        f"{length} tokens: {si(stepwise, 'B')} step by step, "
        f"{si(in_tiles, 'B')} in tiles: {stepwise / in_tiles:.1f} times less"
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
# so our count grows as **N² d² / M**. Small heads and a large memory help.
#
# **Why the gap.** On the A100 so much less traffic was not as much faster. Step by step it waited
# for bytes. In tiles, bytes and products need about the same time, so products, exponentials and
# barriers count too. (Both runs are forward *and* backward. The products are counted here, because
# the paper's own FLOP figures cannot be recounted; an A100 of 40 GB is assumed.)
#
# ## Fewer bits
# The other way is to make each number smaller. **Guess first.** Start at 0 in bf16 and add 1, a
# thousand times. What is the sum?

# %%
my_guess = ...
sum_guess = lk.predict("10.d", my_guess)

# %%
total = ml_dtypes.bfloat16(0)
for _ in range(1000):
    total += ml_dtypes.bfloat16(1)
sum_guess.against(lk.Reading("a thousand ones in bf16", float(total), "1", "simulated"))

spacing = lk.workload.number_format("bf16").spacing(float(total))
lk.show(lk.Reading("from there to the next value of bf16", spacing, "1", "modelled"))
assert spacing == 2

# %% [markdown]
# One more would lie in the middle between two values, and is rounded back. That is why matrix units
# take short inputs but **add in fp32**.
#
# - **Range**: from the smallest to the largest magnitude. The *exponent's* bits buy it.
# - **Spacing**: how far it is to the next value. The *mantissa's* bits buy it; it doubles with each
#   power of two.
# - **Rounding error**: at most half of the spacing. For a float that is a share of the value.
#
# (tf32 is what tensor cores keep of an fp32 number; in memory it takes all its bits.) Drag `x`.
# Where does fp16 end, and which format goes on? Where do fp16 and bf16 change places in precision?
# What can an integer do that no float of its size can?

# %%
print("[modelled] from the bits of each format")
print(f"{'':9} bits   largest  smallest  spacing at 1   rounding error, at most")
for form in lk.workload.number_formats():
    worst = "half a step" if form.is_integer else si(form.relative_error, "%")
    print(f"{form.name:9} {form.bits:4}  {form.largest:8.3g}  {form.smallest:8.2g}  "
          f"{form.spacing(1):12.3g}   {worst}")  # fmt: skip
lk.Explorer(lk.draw.number_ruler, x=lk.draw.Slider(1e-8, 1e6, 3.14159, log=True))

# %% [markdown]
# An integer has the same spacing everywhere. It is close where its steps fit the numbers, and
# useless where they do not. So it travels with a **scale**: $x \approx \text{scale} \times n$.
#
# ## An int8 product, with a bound
# One scale for each row of `a` and each column of `w`, so that its largest number becomes the
# largest integer. Products of integers are added exactly, in int32.
#
# Each number is off by at most half of its scale, so a product $a w$ of two is off by at most
# $\frac{s_a}{2} |w| + \frac{s_w}{2} |a| + \frac{s_a s_w}{4}$. Added up over all terms, that
# bounds a result.
#
# **Guess first.** Of all results, take the worst. Which share of its bound does its error reach?

# %%
my_guess = ...
bound_guess = lk.predict("10.e", my_guess, "%")


# %%
def quantise(x, axis):
    """Whole numbers from -127 to 127 and their scales: one for all numbers along the axis."""
    scale = np.abs(x).max(axis, keepdims=True) / 127
    return np.rint(x / scale).astype(np.int8), scale


TERMS = 256
a, w = rng.standard_normal((64, TERMS)), rng.standard_normal((TERMS, 64))
(a_int8, a_scale), (w_int8, w_scale) = quantise(a, axis=1), quantise(w, axis=0)
sums = np.asarray(jnp.matmul(a_int8, w_int8, preferred_element_type=jnp.int32))
assert (sums == a_int8.astype(int) @ w_int8.astype(int)).all()

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
# The bound would be reached if all errors were the largest *and* of one sign. Errors of random sign
# mostly cancel: their sum grows as the root of their number.
#
# ## Rates, really measured here
# Fewer bytes, but how many times the speed? That is for instructions *and* libraries to say. XLA,
# which compiles for JAX, makes do with the instructions that there are. Does everybody? (What is
# not installed is skipped.)


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

slower = (torch_rates["float32"] / torch_rates["bfloat16"]).named("torch, fp32 over bf16")
lk.show(slower)
uses = torch.backends.cpu.get_cpu_capability() if torch else "nothing"
trap = "a trap here" if slower.value and slower.value > 2 else "no trap here"
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
onnx_guess = lk.predict("10.f", my_guess)

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
    print("[measured] size of the files:", *(si(f.stat().st_size, "B") for f in files))
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
    faster, error = f"batch {batch}, times faster", f"batch {batch}, error"
    if not layers:
        return lk.Reading(faster, None, "1", "measured"), lk.Reading(
            error, None, "%", of="measured"
        )
    x = np.random.default_rng(batch).standard_normal((batch, WIDTH), np.float32)
    fp32, int8 = (lk.bench(layer.run, None, {"x": x}, max_time_s=1).time() for layer in layers)
    exact, got = (layer.run(None, {"x": x})[0] for layer in layers)
    relative = np.linalg.norm(got - exact) / np.linalg.norm(exact)
    return (fp32 / int8).named(faster), lk.Reading(error, relative, "%", of="measured")


(gain, error_of_one), of_many = int8_against_fp32(1), int8_against_fp32(32)
onnx_guess.against(gain)
lk.show(error_of_one, *of_many)

# %% [markdown]
# A single request waits for the weights: a quarter of the bytes can be a quarter of the time. A
# batch computes, and then it is the instructions that count.
#
# ## Energy and area
# Why do chips offer short formats at all? Guess, before you look, which grows faster with the bits:
# an adder or a multiplier.

# %%
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
print(f"[published] {operations.source}", f"({operations.mark})", sep="\n")
chart.picture(
    f"Energy and area of {len(names)} operations, in int8 additions: an fp32 multiplication takes "
    f"{energy:.0f} times the energy and {area:.0f} times the area"
)

# %% [markdown]
# Read it: from int8 to int32 an adder grows about as its bits, a multiplier far faster. A float
# also has to be aligned and normalised, which makes even its addition dear.
#
# ## What you now know
# - **Count**: step by step 4 N² + 4 N d numbers move. In tiles it is 8 N² d² / M + 2 N d numbers,
#   when M numbers fit on the chip: a tile then has M / 4d rows, and all of K and V comes by once
#   for each block of that many queries. The kernels' counters agree with both formulas to the byte.
# - **Read a format**: the exponent buys range, the mantissa spacing, and a scale puts an integer's
#   steps where the numbers are: the ruler.
# - **Bound** an int8 product: half a step for each number, added up. Even the worst result stayed
#   far below its bound.
#
# **Next**: the exercises, in which attention passes by in tiles that you cannot keep; then
# `12_systolic_arrays`.
# Sources: Dao et al., *FlashAttention*, arXiv 2205.14135; Milakov and Gimelshein, *Online
# normalizer calculation for softmax*, arXiv 1805.02867 (the
# counts above are our own).
