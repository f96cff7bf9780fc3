# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 13 · XLA and Pallas
# In December 2024 engineers at Anthropic saw that their model, on TPUs, now and then dropped the
# most probable word, even if told to take just that. Their program asked for 16-bit
# numbers. The compiler, **XLA**, may compute in 32 bits where that's faster, so parts of the
# program that had to agree on the best word compared numbers that were rounded differently. They
# worked around it. In August 2025 a better fix went out and the workaround was taken away, which
# uncovered a bug in the compiler itself. It spoiled answers until September ([Anthropic
# 2025](https://www.anthropic.com/engineering/a-postmortem-of-three-recent-issues)).
#
# **The question of this part**: you write array code. What does the compiler make of it, and how do
# you check its work?
#
# *{time} Needs lessons [02](02_roofline.ipynb) and [12](12_systolic_arrays.ipynb). A CPU is
# enough.*

# %% tags=["collapsed"]
from labkit import tpu

cpus = tpu.cpu_devices(8)  # before JAX does anything else

import functools
import importlib.util
import itertools
import math
import os

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import labkit as lk
from labkit.draw import block_frames, shards
from labkit.units import binary

print(f"[here] JAX {jax.__version__} on {jax.devices()[0].device_kind}")

# %% [markdown]
# ## One line, many operations
# Here is an activation function. Run as it stands, it's a row of operations, and each of them reads
# whole arrays from memory and writes one back. With `jax.jit`, XLA sees the whole row before
# anything runs.


# %%
def activate(x):
    y = 2 * x + 1
    return 0.5 * y * (1 + jnp.tanh(0.8 * (y + 0.045 * y * y * y)))


reads = [1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 2]  # arrays that each one reads: 2 * x reads one

# %% [markdown]
# ### Your turn
# Each operation reads `reads[i]` arrays and writes one, all of the same size. Compiled together,
# the program reads its `n_inputs` input arrays and writes its result. How many times less data does
# it move then? (1 or 2 lines)


# %%
def times_less_traffic(reads, n_inputs):
    """Traffic of the operations one by one, over that of the compiled program."""
    ### BEGIN SOLUTION
    apart = sum(reads) + len(reads)
    return apart / (n_inputs + 1)
    ### END SOLUTION


times_less_traffic = lk.your_turn("13.t1", times_less_traffic)

# %% [markdown]
# **Guess first.** How many times faster is `activate` when it's compiled? Less traffic alone would
# give the number that the next cell shows. But nothing shortens the `tanh`, and one by one, every
# operation also has to find memory for its result.

# %%
lk.show(lk.Reading("times less traffic", times_less_traffic(reads, 1), "1", "modelled"))
fusion_guess = lk.predict("13.a", ...)

# %% tags=["collapsed"]
x = jnp.ones((4096, 1024))
together = jax.jit(activate)
assert np.allclose(together(x), activate(x))
apart_time = lk.bench(activate, x, name="one by one")
together_time = lk.bench(together, x, name="compiled together")
lk.show(apart_time, together_time)
faster = (apart_time.time() / together_time.time()).named("compiled, times faster")
fusion_guess.against(faster)

# %% tags=["collapsed"]
lk.expect(
    faster, 1, times_less_traffic(reads, 1),
    below="Compiled, it isn't faster here. Perhaps another program had the cores meanwhile.",
    inside="It's faster, but by less than the traffic says: the tanh takes its time either way.",
    above="It gained more than traffic explains. One by one, each operation also has to find "
    "memory for its result, and that costs a lot here.",
)  # fmt: skip

# %% [markdown]
# We can read what was compiled. (From here on it's CPU code, so that everybody reads the same.)

# %%
jax.config.update("jax_default_device", cpus[0])


def compiled(function, *shapes):
    structs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    return jax.jit(function).lower(*structs).compile()


program = compiled(activate, x.shape)
print(tpu.entry(program))
moved_bytes = program.cost_analysis()["bytes accessed"]
copied_bytes = lk.workload.copy(x.size, itemsize=4).bytes
print(f"[modelled] XLA counts {moved_bytes:,.0f} bytes, and a copy moves {copied_bytes:,}")
assert moved_bytes == copied_bytes

# %% [markdown]
# This is [**HLO**](https://openxla.org/xla/operation_semantics), XLA's own language. Each line is a
# step: its name, its type, its operands. In `f32[4096,1024]{1,0}` the numbers are of 32 bits, and
# the braces hold the **layout**: `{1,0}` means that the last axis lies contiguous in memory. Look
# for the word `fusion`. All eleven operations have become that one step.
#
# > **Takeaway.** XLA **fuses** operations into one pass over memory. A chain of elementwise
# > operations on one array then moves no more than a copy does.
#
# ## XLA's counts against yours
# XLA also says what a program costs. Is it right? These are the products that large models are made
# of. `lk.workload` counts only the matrix products, and each array once.


# %% tags=["read"]
def mlp(x, a, b):
    return jax.nn.relu(x @ a) @ b


def attention(q, k, v):
    scores = jnp.einsum("hqd,hkd->hqk", q, k) / math.sqrt(q.shape[-1])
    return jnp.einsum("hqk,hkd->hqd", jax.nn.softmax(scores), v)


TOKENS, D, F = 256, 512, 2048
HEADS, LENGTH, SIZE = 8, 512, 64
programs = {
    "matmul": compiled(jnp.matmul, (512, 512), (512, 512)),
    "mlp": compiled(mlp, (TOKENS, D), (D, F), (F, D)),
    "attention": compiled(attention, *[(HEADS, LENGTH, SIZE)] * 3),
}
counted = {
    "matmul": lk.workload.matmul(512, 512, 512, itemsize=4),
    "mlp": lk.workload.mlp(TOKENS, D, F, itemsize=4),
    "attention": lk.workload.attention(1, HEADS, LENGTH, LENGTH, SIZE, itemsize=4),
}
xla = {name: program.cost_analysis() for name, program in programs.items()}

# %% tags=["collapsed"]
for name in ("matmul", "mlp"):
    print(
        f"[modelled] {name:6} FLOP: {counted[name].flop:,} counted, "
        f"{xla[name]['flops']:,.0f} by XLA"
    )
ratio = xla["attention"]["flops"] / counted["attention"].flop
print(f"[modelled] attention: XLA has {ratio:.2f} times the FLOP counted")
hidden = TOKENS * F
assert xla["matmul"]["flops"] == counted["matmul"].flop
assert xla["matmul"]["bytes accessed"] == counted["matmul"].bytes
assert xla["mlp"]["flops"] - counted["mlp"].flop == hidden
more_bytes = xla["mlp"]["bytes accessed"] - counted["mlp"].bytes
memory = programs["mlp"].memory_analysis()
print(f"[modelled] mlp: {hidden:,} hidden numbers take {hidden * 4:,} bytes")
print(f"[modelled] mlp: XLA moves {more_bytes:,.0f} bytes more than counted")
print(f"[modelled] mlp: {memory.argument_size_in_bytes:,} bytes in, "
      f"{memory.output_size_in_bytes:,} out, {memory.temp_size_in_bytes:,} in between")  # fmt: skip

written, attention_bytes = counted["attention"], xla["attention"]["bytes accessed"]
fused = lk.workload.attention(
    1, HEADS, LENGTH, LENGTH, SIZE, itemsize=4, score_reads=0, score_writes=0
)
print(f"[modelled] attention: {fused.bytes / 1e6:.1f} MB fused, "
      f"{written.bytes / 1e6:.1f} MB with the scores")  # fmt: skip
lk.show(lk.Reading("XLA counts for attention here", attention_bytes, "B", "measured"))
assert attention_bytes >= fused.bytes

# %% [markdown]
# The product agrees to the last operation and byte. The MLP has one operation more for each hidden
# number: that's `relu`. On a CPU it's a step of its own, which reads and writes all of them once
# more. In attention, what's on top is the softmax. Its *bytes* depend on your version of JAX. A
# recent one never writes the scores, as in [lesson 10](10_attention_and_precision.ipynb); an older
# one writes and reads them again and again.
#
# > **Takeaway.** Ask the compiler for its FLOP and bytes, and hold them against your own count.
# > What you can't explain is where to look next.
#
# ## What it may change
# In the opening the compiler rounded less often than the program said. Can you see that here? We
# compute `a * x + b * x` for a thousand values, with `b = -a`. Both products round alike, so each
# sum should be exactly 0.


# %%
def two_products(a, b, x):
    return a * x + b * x


products, total = jax.jit(lambda a, b, x: (a * x, b * x)), jax.jit(jnp.add)
a, x = (jax.random.normal(jax.random.key(seed), (1000,)) for seed in (0, 1))
results = {
    "one by one": two_products(a, -a, x),
    "compiled": jax.jit(two_products)(a, -a, x),
    "compiled as two programs": total(*products(a, -a, x)),
}
shares = {how: float((result != 0).mean()) for how, result in results.items()}
lk.show(*(
    lk.Reading(f"sums that aren't 0, {how}", share, "%", "measured")
    for how, share in shares.items()
))  # fmt: skip

# %% tags=["collapsed"]
if shares["compiled"]:
    most = jnp.abs(results["compiled"]).max()
    print(f"[here] Compiled, sums are off by up to {most:.1e}: one of the products wasn't rounded.")
else:
    print("[here] This processor rounds both products. Most others can multiply and add in one "
          "step, and round once; then nearly none of the compiled sums is 0.")  # fmt: skip

# %% [markdown]
# Most processors can multiply and add in one step, which rounds once, at the end. So one product
# goes into the sum unrounded, and what's left is the rounding error of the other. Each step became
# *more* exact, and yet the result is wrong.
#
# On GPUs and TPUs XLA may also keep a 16-bit value in 32 bits until it's stored. This *excess
# precision* is [allowed unless you forbid it](https://github.com/jax-ml/jax/pull/22244). If you
# compute a rounding error in order to correct it, [you may get
# 0](https://github.com/jax-ml/jax/issues/23007), unless you ask for the rounding with
# `jax.lax.reduce_precision`.
#
# > **Takeaway.** The compiler keeps to the mathematics of your program, not to its roundings. Where
# > two places must agree to the last bit, compute the value once and let them share it.
#
# ## Three front doors
# TPUs were built for TensorFlow, in which XLA began. By now [TensorFlow, PyTorch and
# JAX](https://openxla.org/xla) all hand it their models. Here's our MLP in each of them. Do they
# arrive at the same program?


# %% tags=["read"]
SHAPES = (256, 512), (512, 2048), (2048, 512)


def in_jax():
    def mlp(x, a, b):
        return jax.nn.relu(x @ a) @ b

    arrays = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in SHAPES]
    return jax.jit(mlp).lower(*arrays).as_text("hlo")


def in_tensorflow():
    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")  # a GPU's memory is JAX's already

    @tf.function(jit_compile=True)
    def mlp(x, a, b):
        return tf.nn.relu(x @ a) @ b

    arrays = [tf.TensorSpec(shape, tf.float32) for shape in SHAPES]
    return mlp.experimental_get_compiler_ir(*arrays)(stage="hlo")


def in_pytorch():
    import torch
    import torchax

    class MLP(torch.nn.Module):
        def forward(self, x, a, b):
            return torch.relu(x @ a) @ b

    weights, mlp = torchax.extract_jax(MLP())
    arrays = tuple(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in SHAPES)
    return jax.jit(mlp).lower(weights, arrays).as_text("hlo")


# %% tags=["collapsed"]
def through(package, door):
    """The operations that one framework hands to XLA, here or recorded; where, and when."""
    where = f"{package} isn't installed here"
    if importlib.util.find_spec(package):
        try:
            return tpu.operations(door()), "made here", "just now"
        except Exception as error:  # versions that don't fit each other fail in many ways
            where = f"{package} failed here with {type(error).__name__}"
    kept = lk.recorded("front-doors")
    (row,) = (row for row in kept.rows if row["door"] == door.__name__)
    return row["operations"], where, f"recorded {kept.date} with {row['versions']}"


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # else TensorFlow logs a page at its start
for package, door in {"jax": in_jax, "tensorflow": in_tensorflow, "torchax": in_pytorch}.items():
    operations, where, when = through(package, door)
    counts = ", ".join(f"{n} {name}" for name, n in operations.items())
    print(f"[here] {door.__name__}: {counts} ({where})")
    print(f"[here]    {when}")

# %% [markdown]
# All three hand over two products (`dot`) and a `maximum`, which is `relu`. (TensorFlow's
# `transpose` leaves both axes where they are.) The roundings show the common compiler, too: the
# products that don't cancel above [don't cancel in TensorFlow
# either](https://github.com/openxla/xla/issues/41579). But doors may hand over more or less well:
# the server vLLM brings PyTorch models to TPUs by way of JAX now, and got
# [about 20 % more throughput](https://blog.vllm.ai/2025/10/16/vllm-tpu.html) from that alone.
#
# > **Takeaway.** A framework is a door to the compiler. Learn to read HLO, and you can check a
# > model from any of them.
#
# ## The real TPU compiler
# `libtpu` holds the compiler of Google's TPUs, and that runs on a CPU. It executes nothing, but it
# says what it *would* run. With `requirements-tpu.txt` installed it compiles here; elsewhere you
# see what was recorded. Its figures are a compiler's estimates, so they're *modelled*.

# %% tags=["collapsed"]
lk.draw.machine("tpu-v5e", highlight="mxu")

# %% [markdown]
# **Guess first.** We multiply two square matrices of bf16 numbers. At 129 × 129, how many times the
# memory of 128 × 128 do they take on a TPU? If only the numbers took memory, it would be 1.016.

# %%
tile_guess = lk.predict("13.b", ...)

# %% tags=["collapsed"]
square = {
    n: tpu.compile_for_tpu(f"matmul {n}", jnp.matmul, *[((n, n), "bfloat16")] * 2)
    for n in (127, 128, 129, 136, 1024, 1025)
}
for program in square.values():
    lk.show(program)
growth = square[129].argument_bytes / square[128].argument_bytes
tile_guess.against(lk.Reading("memory, 129 against 128", growth, "1", "modelled"))
print(square[129].layout)

# %% tags=["collapsed"]
for text in square[129].source.partition("; ")[::2]:
    print(f"[here] {text or 'no recording was needed'}")
for n, program in square.items():
    rows, columns = (-(-n // side) * side for side in (8, 128))
    assert program.argument_bytes == 2 * rows * columns * 2
assert square[127].cycles == square[128].cycles < square[129].cycles == square[136].cycles

# %% [markdown]
# The layout says why: `T(8,128)`. A TPU keeps matrices in **tiles** of 8 × 128, and rounds both
# sides up to whole ones. So 127 costs as much as 128, and 129 as much as 136.
#
# > **Takeaway.** A TPU stores and computes whole tiles of 8 × 128. A size just above a multiple
# > pays for a tile that's mostly empty.
#
# ## How large a batch?
# `b` rows of bf16 numbers meet `side` × `side` weights. Each weight has two bytes and serves `b`
# rows, with two operations for each, so if only the weights moved, the intensity would be just `b`.
#
# ### Your turn
# But the rows have to be read, too, and the results written. What's the smallest `b` at which
# FLOP per byte reach the ridge? The operations are 2 *b* side², and the bytes 2 (2 *b* side +
# side²). (1 line; solve it for *b*, and round up)


# %%
def compute_bound_rows(side, ridge_flop_per_byte):
    """The fewest rows at which the product waits for arithmetic; side > 2 × the ridge."""
    ### BEGIN SOLUTION
    return math.ceil(ridge_flop_per_byte * side / (side - 2 * ridge_flop_per_byte))
    ### END SOLUTION


compute_bound_rows = lk.your_turn("13.t2", compute_bound_rows)

# %% [markdown]
# **Guess first.** Does the compiler agree? From how many rows on does *it* spend more cycles on
# arithmetic than on moving 8192 × 8192 weights? A v5e's ridge is at 241 FLOP/B.

# %%
knee_guess = lk.predict("13.c", ...)

# %% tags=["collapsed"]
SIDE, CLOCK_HZ = 8192, 1.5e9
MAC_PER_CYCLE = 4 * 128 * 128  # four matrix units, each an array as in lesson 12
v5e = lk.roofline("tpu-v5e", "bf16")
ridge = v5e.ridge_flop_per_byte
assert round(ridge) == 241  # the text says so
units = lk.Reading(
    "four matrix units, 128 × 128, 1.5 GHz", 2 * MAC_PER_CYCLE * CLOCK_HZ, "FLOP/s", "modelled"
)
peak = lk.chip("tpu-v5e").peak("bf16")
assert math.isclose(units.value, peak.value, rel_tol=0.005)


def roofline_cycles(b):
    return v5e.time_s(lk.workload.matmul(b, SIDE, SIDE, itemsize=2)) * CLOCK_HZ


batch = {
    b: tpu.compile_for_tpu(
        f"batch {b}", jnp.matmul, ((b, SIDE), "bfloat16"), ((SIDE, SIDE), "bfloat16")
    )
    for b in (8, 64, 128, 256, 512)
}
assert batch[256].cycles < 1.2 * batch[8].cycles  # 32 times the work
assert batch[512].cycles > 1.4 * batch[256].cycles  # twice the work
by_roofline = compute_bound_rows(SIDE, ridge)
at_ridge, at_knee = (
    lk.workload.matmul(b, SIDE, SIDE, itemsize=2).intensity_flop_per_byte
    for b in (round(ridge), by_roofline)
)
assert at_ridge < ridge <= at_knee
reckoned = roofline_cycles(8) / batch[8].cycles  # few rows wait for bandwidth alone
by_compiler = compute_bound_rows(SIDE, ridge / reckoned)
lk.show(
    units,
    peak,
    lk.Reading(f"intensity of {round(ridge)} rows", at_ridge, "FLOP/B", "modelled"),
    lk.Reading(f"intensity of {by_roofline} rows", at_knee, "FLOP/B", "modelled"),
    lk.Reading("rows, by the roofline", by_roofline, "1", "modelled"),
    lk.Reading("share of the bandwidth in the compiler's cycles", reckoned, "%", "modelled"),
)
knee_guess.against(lk.Reading("rows, by the compiler's cycles", by_compiler, "1", "modelled"))

# %% tags=["collapsed"]
chart = lk.draw.Chart(
    lk.draw.Axis("rows b", lo=5, hi=2000, log=True),
    lk.draw.Axis("share of the peak", "%", lo=0, hi=1.05),
    title=f"b rows on {SIDE} × {SIDE} weights, TPU v5e",
)
rows = np.unique(np.geomspace(5, 2000, 400).astype(int))
shares_of_peak = [b * SIDE**2 / MAC_PER_CYCLE / roofline_cycles(b) for b in rows]
chart.line(rows, shares_of_peak, "roofline", origin="modelled")
for b, program in batch.items():
    chart.mark(b, b * SIDE**2 / MAC_PER_CYCLE / program.cycles, "modelled", f"{b}")
chart.picture(
    f"The share of the peak grows with the batch and bends at {by_roofline} rows by the roofline, "
    f"at {by_compiler} by the compiler"
)

# %% [markdown]
# The marks are the compiler's. For a small batch it reckons with more cycles, as if the
# bandwidth were less than published, so its knee comes later. Only a TPU can tell which is right.
#
# > **Takeaway.** Where weights are read anew for each batch, it takes a few hundred rows until
# > arithmetic is the limit. That's somewhat more than the ridge says, because rows and results
# > move, too.
#
# ## Back to the dropped word
# How do you check a compiler's work? You read what it made. Counts tell you what moves, fusions in
# how many passes, and types in which precision. It was the types that differed in our story. In the
# end they replaced an approximate operation by the exact one and kept more steps in 32 bits, at
# some cost in speed.
#
# **Next**: exercises [13.1 and 13.2](../exercises/13_xla_and_pallas.ipynb). Then have a break.

# %% [markdown]
# # Part two: Pallas and sharding
# In February 2025 a small team wanted the server vLLM to run well on TPUs. By October the same
# workloads ran two to nearly five times as fast as in their first prototype ([vLLM
# 2025](https://blog.vllm.ai/2025/10/16/vllm-tpu.html)). So for the same answers the prototype had
# needed up to five times the TPUs. Two of the changes that they name are a kernel for attention,
# written by hand, and one program for all chips, which the compiler cuts up.
#
# **The question of this part**: when do you trust the compiler with the cutting, and what does it
# take to do better by hand?
#
# *If you stopped the kernel, choose "Run All Above Selected Cell" in the menu "Run".*
#
# ## One program, many chips
# The first cell asked for eight **virtual devices** on your CPU. They're no faster than one, but
# XLA compiles for them as for eight chips. We arrange them as a **mesh** with two named axes. A
# **sharding** says which axis of an array is cut along which axis of the mesh: `P("data", None)`
# cuts the rows along `data` and leaves the columns whole
# ([more](https://docs.jax.dev/en/latest/sharded-computation.html)).

# %%
mesh = jax.make_mesh((4, 2), ("data", "model"), devices=cpus, axis_types=(AxisType.Auto,) * 2)
M, K, N = 1024, 512, 1024
x_sharding, w_sharding, y_sharding = (
    NamedSharding(mesh, spec) for spec in (P("data", "model"), P("model", None), P("data", None))
)
shards({"x": ((M, K), x_sharding), "w": ((K, N), w_sharding), "y": ((M, N), y_sharding)})

# %% [markdown]
# **Guess first.** XLA counts for *one* device. What share of the whole product `x @ w` does it do?
# It would be 100 % if each did everything. And what must devices 0 and 1 tell each other?

# %%
share_guess = lk.predict("13.d", ..., "%")


# %% tags=["collapsed"]
def compile_sharded(x_spec, w_spec, y_spec):
    x = jax.ShapeDtypeStruct((M, K), jnp.float32, sharding=NamedSharding(mesh, x_spec))
    w = jax.ShapeDtypeStruct((K, N), jnp.float32, sharding=NamedSharding(mesh, w_spec))
    product = jax.jit(jnp.matmul, out_shardings=NamedSharding(mesh, y_spec))
    return product.lower(x, w).compile()


whole = lk.workload.matmul(M, N, K, itemsize=4)
program = compile_sharded(x_sharding.spec, w_sharding.spec, y_sharding.spec)
share = program.cost_analysis()["flops"] / whole.flop
share_guess.against(lk.Reading("one device's share", share, "%", "modelled"))
print(tpu.collectives(program))

# %% tags=["collapsed", "nbval-ignore-output"]
print(tpu.entry(program))  # names differ between versions of JAX

# %% [markdown]
# The shapes are those of one device. It has half of the columns of `x`, so it gets half of each
# *sum*. You never asked for it, but XLA put in an **all-reduce**, which adds up over the devices
# that `replica_groups` puts together.
#
# You can also write one device's program yourself, in `jax.shard_map`. In there,
# `jax.lax.psum(value, "model")` is the all-reduce over the axis `model`.
#
# ### Your turn
# Our MLP again. Each device holds all of `x`, some columns of `a`, and the rows of `b` that go with
# them. Write its program, so that each ends with the whole `relu(x @ a) @ b`. Use one collective,
# and send no weights. (1 or 2 lines)


# %%
def mlp_block(x, a_block, b_block):
    """The program of one device: its share of the MLP, added up over the axis `model`."""
    ### BEGIN SOLUTION
    return jax.lax.psum(jax.nn.relu(x @ a_block) @ b_block, "model")
    ### END SOLUTION


mlp_block = lk.your_turn("13.t3", mlp_block)

# %% tags=["collapsed"]
rng = np.random.default_rng(11)
row_of_8 = jax.make_mesh((8,), ("model",), devices=cpus, axis_types=(AxisType.Auto,))
on_mesh = jax.jit(
    jax.shard_map(
        mlp_block, mesh=row_of_8, in_specs=(P(), P(None, "model"), P("model", None)), out_specs=P()
    )
)
x, a, b = (rng.random(shape, dtype=np.float32) - 0.5 for shape in ((4, 16), (16, 64), (64, 16)))
assert np.allclose(on_mesh(x, a, b), np.maximum(x @ a, 0) @ b, rtol=1e-4, atol=1e-5)
print("[here] On your eight virtual devices:", tpu.collectives(on_mesh.lower(x, a, b).compile()))


@jax.jit
@functools.partial(
    jax.shard_map,
    mesh=mesh,
    in_specs=(P("data", "model"), P("model", None)),
    out_specs=P("data", None),
)
def by_hand(x_block, w_block):
    return jax.lax.psum(x_block @ w_block, "model")


x = jax.device_put(rng.random((M, K), dtype=np.float32), x_sharding)
w = jax.device_put(rng.random((K, N), dtype=np.float32), w_sharding)
assert np.allclose(by_hand(x, w), np.asarray(x) @ np.asarray(w), rtol=1e-4)
assert tpu.collectives(by_hand.lower(x, w).compile()) == tpu.collectives(program)

# %% [markdown]
# The relu needs only a device's own columns. That's why one sum at the end is enough.
#
# > **Takeaway.** You say how arrays are cut, and XLA places the collectives. Or you write one
# > device's program, and place them yourself.
#
# ## Count bytes, not collectives
# A collective may be tiny or huge, so their number says little. How many bytes leave a device? Put
# *n* devices in a ring, and cut the array into *n* parts. In an **all-gather** each of them begins
# with one part and must end with all: in each of *n* − 1 steps it passes on one part. A
# **reduce-scatter** goes the same way, but adds up what comes, and ends with one part of the sum.
# An all-reduce is both, one after the other. (In [lesson 15](15_collectives.ipynb) you'll write
# them.)
#
# ### Your turn
# `array_bytes` is the whole array: what an all-reduce adds up, what an all-gather ends with, what a
# reduce-scatter begins with. How many bytes does *one* device send? `kind` is `"all-reduce"`,
# `"all-gather"` or `"reduce-scatter"`. (2 lines)


# %%
def sent_bytes(kind, array_bytes, n_devices):
    """Bytes that one device sends in a collective around a ring."""
    ### BEGIN SOLUTION
    one_half = (n_devices - 1) * array_bytes / n_devices
    return 2 * one_half if kind == "all-reduce" else one_half
    ### END SOLUTION


sent_bytes = lk.your_turn("13.t4", sent_bytes)

# %% [markdown]
# **Play.** Choose how `x`, `w` and the result are cut; XLA compiles each choice as you make it.
# Find one without any collective, one with an all-reduce, one with an all-gather, and one in which
# devices do the same work twice. Which collective sends the most?

# %% tags=["collapsed"]
X = {
    "rows and columns": P("data", "model"),
    "rows": P("data"),
    "columns": P(None, "model"),
    "not cut": P(),
}
W = {"rows": P("model"), "columns": P(None, "model"), "not cut": P()}
Y = {"rows": P("data"), "rows and columns": P("data", "model"), "not cut": P()}


def in_words(exchange):
    kind, n_devices, array_bytes = exchange
    if kind not in ("all-reduce", "all-gather", "reduce-scatter"):
        return f"a {kind} of {array_bytes / 1e6:.1f} MB"
    sent_mb = sent_bytes(kind, array_bytes, n_devices) / 1e6
    return f"1 {kind} on {n_devices} devices, each sends {sent_mb:.1f} MB"


@functools.cache
def ask_xla(x, w, y):
    program = compile_sharded(X[x], W[w], Y[y])
    said = ", ".join(map(in_words, tpu.exchanges(program)))
    share = program.cost_analysis()["flops"] / whole.flop
    return f"{said or 'no collective'}; one device does {share * 100:.1f} % of the work"


def explore(x, w, y):
    specs = {"x": ((M, K), X[x]), "w": ((K, N), W[w]), "y": ((M, N), Y[y])}
    matrices = {name: (shape, NamedSharding(mesh, spec)) for name, (shape, spec) in specs.items()}
    return shards(matrices, ask_xla(x, w, y))


lk.Explorer(explore, x=list(X), w=list(W), y=list(Y))

# %% tags=["collapsed"]
for x_cut, w_cut, y_cut in (
    ("rows", "columns", "rows and columns"),
    ("columns", "rows", "not cut"),
    ("rows", "columns", "rows"),
    ("rows", "not cut", "rows"),
):
    said = ask_xla(x_cut, w_cut, y_cut)
    lk.show(f"[modelled] x {x_cut}, w {w_cut}, y {y_cut}: {said}")

# %% [markdown]
# In the second, nothing is cut along `data`, so four devices do the same half. What they do beyond
# the half is to add up, in the all-reduce.
#
# > **Takeaway.** If you cut an axis that isn't summed over, devices needn't talk. If you cut the
# > one that is, they have to add up (all-reduce). And what another device holds has to be sent
# > (all-gather).
#
# ## Sixteen chips
# Sixteen v5e chips share one MLP. In **data parallel** each holds all the weights and a sixteenth
# of the rows. **Fully sharded**, the weights are cut as well, and gathered when they're needed. In
# **tensor parallel** each holds all the rows, some columns of `a` and the rows of `b` that go with
# them, as in your turn. Or you do **both**: on 4 × 4 chips, you cut the rows along one axis, and
# the weights along both. Before you look: which way sends the most bytes?

# %% tags=["collapsed"]
B, D, F = 2048, 1024, 4096
all_chips = ("data", "model")
x_bytes, weight_bytes = B * D * 2, 2 * D * F * 2
one_weight = weight_bytes / 2
ways = {  # specs of x, a, b and the result; bytes of x and both weights on a chip; collectives
    "data parallel": (P(all_chips), P(), P(), P(all_chips), x_bytes / 16 + weight_bytes, []),
    "fully sharded": (
        P(all_chips), P(all_chips), P(None, all_chips), P(all_chips),
        x_bytes / 16 + weight_bytes / 16, [("all-gather", one_weight, 16)] * 2,
    ),
    "tensor parallel": (
        P(), P(None, all_chips), P(all_chips), P(), x_bytes + weight_bytes / 16,
        [("all-reduce", x_bytes, 16)],
    ),
    "both": (
        P("data"), P("data", "model"), P("model", "data"), P("data"),
        x_bytes / 4 + weight_bytes / 16,
        [("all-gather", one_weight / 4, 4)] * 2 + [("all-reduce", x_bytes / 4, 4)],
    ),
}  # fmt: skip
links_bytes_per_s = lk.chip("tpu-v5e").figures["interconnect_gbs"].value / 2  # one way
arithmetic_s = lk.workload.mlp(B, D, F, itemsize=2).flop / 16 / peak.value
lk.show(lk.Reading("arithmetic of one chip", arithmetic_s, "s", "modelled"))
talking = {}  # way -> collectives and bytes that a chip sends, where it sends any
for way, (x, a, b, out, own_bytes, moves) in ways.items():
    program = tpu.compile_for_tpu(
        f"mlp {way}",
        mlp,
        ((B, D), "bfloat16", x),
        ((D, F), "bfloat16", a),
        ((F, D), "bfloat16", b),
        mesh={"data": 4, "model": 4},
        out=out,
    )
    sent = sum(sent_bytes(*move) for move in moves)
    lk.show(f"[modelled] {way}: each holds {program.argument_bytes / 1e6:.1f} MB, sends "
            f"{sent / 1e6:.1f} MB (at least {sent / links_bytes_per_s * 1e6:.0f} µs; "
            f"collectives: {sum(program.collectives.values())})")  # fmt: skip
    assert program.argument_bytes == own_bytes
    kinds = [kind for kind, *_ in moves]
    assert program.collectives == {kind: kinds.count(kind) for kind in kinds}
    if moves:
        talking[way] = len(moves), sent
most_collectives, fewest_bytes = max(talking.values()), min(talking.values(), key=lambda v: v[1])
assert most_collectives == fewest_bytes  # the text says so, and that arithmetic takes less time
assert all(sent / links_bytes_per_s > arithmetic_s for _, sent in talking.values())

# %% [markdown]
# Data parallel holds all the weights and sends nothing, as long as nobody trains. Of the other
# three, the one with the *most* collectives sends the *fewest* bytes, because its arrays are
# smaller and its rings shorter. Even at the full rate of the links, all three take longer for their
# bytes than for their arithmetic. A larger batch would help the fully sharded one, which sends
# weights, and not the tensor-parallel one, which sends rows. [Lesson
# 16](16_sharding_and_pipelines.ipynb) trains in these ways.
#
# > **Takeaway.** Compare shardings by what a chip holds and by the bytes that it sends, and never
# > by the number of collectives.
#
# ## Pallas: your own blocks
# XLA chooses tiles for you. In [**Pallas**](https://docs.jax.dev/en/latest/pallas/index.html) you
# choose. A kernel sees one block of each array in **VMEM**, the TPU's fast memory. A **grid** says
# how often it runs, and each **BlockSpec** which block it gets. Here's a matrix product:

# %% tags=["read"]
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu


def matmul_kernel(x_ref, w_ref, y_ref, sum_ref, *, forget=False):
    @pl.when((pl.program_id(2) == 0) & (not forget))
    def _():
        sum_ref[...] = jnp.zeros_like(sum_ref)

    sum_ref[...] += jnp.dot(x_ref[...], w_ref[...], preferred_element_type=jnp.float32)

    @pl.when(pl.program_id(2) == pl.num_programs(2) - 1)
    def _():
        y_ref[...] = sum_ref[...].astype(y_ref.dtype)


def tiled_matmul(x, w, block=128, interpret=False, forget=False):
    (m, k), (_, n) = x.shape, w.shape

    def spec(index_map):
        return pl.BlockSpec((block, block), index_map)

    return pl.pallas_call(
        functools.partial(matmul_kernel, forget=forget),
        grid=(m // block, n // block, k // block),  # the last axis runs fastest
        in_specs=[spec(lambda i, j, k: (i, k)), spec(lambda i, j, k: (k, j))],
        out_specs=spec(lambda i, j, k: (i, j)),
        out_shape=jax.ShapeDtypeStruct((m, n), x.dtype),
        scratch_shapes=[pltpu.VMEM((block, block), jnp.float32)],
        interpret=interpret,
    )(x, w)


# %% [markdown]
# **Play.** Which blocks are in VMEM at each step? Which of `x` and `w` is fetched more often, if
# either is?

# %% tags=["collapsed"]
frames = block_frames(
    (3, 2, 2),
    inputs={
        "x": ((384, 256), (128, 128), lambda i, j, k: (i, k)),
        "w": ((256, 256), (128, 128), lambda i, j, k: (k, j)),
    },
    output=("y", (384, 256), (128, 128), lambda i, j, k: (i, j)),
)
lk.Player(frames, ms=900)

# %% [markdown]
# ### Your turn
# `index_map(*place)` gives the block that a step needs. It's fetched when it's another one than in
# the step before, and in the first step. Count the fetches. (about 5 lines; `itertools.product`
# runs through a grid in the right order)


# %%
def fetches(grid, index_map):
    """How often a block is fetched while the grid runs, its last axis fastest."""
    ### BEGIN SOLUTION
    count, before = 0, None
    for place in itertools.product(*map(range, grid)):
        block = index_map(*place)
        count += block != before
        before = block
    return count
    ### END SOLUTION


fetches = lk.your_turn("13.t5", fetches)

# %% tags=["collapsed"]
grid = (8, 8, 8)
lk.show(
    f"[simulated] k fastest, fetches of x: {fetches(grid, lambda i, j, k: (i, k))}",
    f"[simulated] k fastest, fetches of w: {fetches(grid, lambda i, j, k: (k, j))}",
    f"[simulated] i fastest, fetches of w: {fetches(grid, lambda k, j, i: (k, j))}",
    lk.Reading("ridge point of a TPU v5e", ridge, "FLOP/B", "modelled"),
)


def blocked_work(n, block):
    """A product of n × n bf16 matrices in square blocks, each step fetching two of them."""
    fetched_bytes = 2 * (n // block) ** 3 * block**2 * 2
    return lk.workload.Work(2 * n**3, fetched_bytes, n**2 * 2)


for block in (128, 256, 512):
    work = blocked_work(4096, block)
    intensity = lk.Reading(f"blocks of {block}", work.intensity_flop_per_byte, "FLOP/B", "modelled")
    lk.show(f"{intensity}, bound by {v5e.bound_by(intensity.value)}")

# %% [markdown]
# With `k` fastest, both are fetched in every step, so the block is your lever: the intensity is
# nearly half of its side. (With `i` fastest `w` would stay, but then the sums of a block of `y`
# would no longer be made in one go.)
#
# > **Takeaway.** In Pallas you decide what is fetched and when. The order of the grid says how
# > often, the size of the blocks how much arithmetic each fetch serves.
#
# ## Right by luck
# You can run it without a TPU. In *TPU interpret mode* VMEM is simulated and begins full of NaN,
# and accesses are watched for races. What comes out if the kernel forgets to zero its sum?

# %% tags=["collapsed"]
watched = pltpu.InterpretParams(detect_races=True, uninitialized_memory="nan")
x = jnp.asarray(rng.random((256, 256), dtype=np.float32))
good, n_races = tpu.watch(lambda: tiled_matmul(x, x, interpret=watched))
bad, _ = tpu.watch(lambda: tiled_matmul(x, x, interpret=watched, forget=True))
assert np.allclose(good, x @ x, rtol=1e-4)
assert n_races == 0
print("[simulated] tiled matmul: right, no race")
print(f"[simulated] without zeroing the sum: {np.isnan(bad).mean():.0%} of the results are NaN")

# %% [markdown]
# On a real chip the sum would begin with whatever was left there, and that may happen to be zero.
# Another bug hides even better. This kernel starts a copy itself, and may forget to wait for it:


# %% tags=["read"]
def double_kernel(x_ref, y_ref, buffer, done, *, wait):
    copy = pltpu.make_async_copy(x_ref, buffer, done)
    copy.start()
    if wait:
        copy.wait()
    y_ref[...] = 2 * buffer[...]
    if not wait:
        copy.wait()  # too late


# %% tags=["collapsed"]
def double(x, wait, when):
    return pl.pallas_call(
        functools.partial(double_kernel, wait=wait),
        in_specs=[pl.BlockSpec(memory_space=pl.ANY)],  # leave x where it is
        out_shape=jax.ShapeDtypeStruct(x.shape, x.dtype),
        scratch_shapes=[pltpu.VMEM(x.shape, x.dtype), pltpu.SemaphoreType.DMA],
        interpret=pltpu.InterpretParams(detect_races=True, dma_execution_mode=when),
    )(x)


small = x[:8, :128]
for wait in (True, False):
    for when in ("eager", "on_wait"):
        result, n_races = tpu.watch(functools.partial(double, small, wait, when))
        verdict = "right" if np.allclose(result, 2 * small) else "WRONG"
        race = "a race" if n_races else "no race"
        print(f"[simulated] waits: {wait!s:5}  copy done: {when:7}  {verdict}, {race}")

# %% [markdown]
# Look at the third line: the result is right and the kernel is wrong. The copy happened to be
# early.
#
# > **Takeaway.** A test of values can't find a race that goes well. Run kernels under a race
# > detector, with memory that begins as NaN.
#
# ## What the compiler refuses
# XLA can't look into a Pallas kernel, so it gives no cycles for one, but it counts VMEM. So can
# you: two copies of each block (one is fetched while the other is used), and the sums. On a v5e a
# kernel may have 16 MiB, unless you ask for more. Which blocks of your product will be refused? And
# can a chip with 16 GiB multiply two matrices of 65,536 × 65,536?


# %% tags=["collapsed"]
def vmem_bytes(block):
    return 2 * 3 * block**2 * 2 + block**2 * 4


blocked = {
    block: tpu.compile_for_tpu(
        f"pallas, block {block}",
        functools.partial(tiled_matmul, block=block),
        *[((4096, 4096), "bfloat16")] * 2,
    )
    for block in (64, 128, 512, 1024)
}
for block, program in blocked.items():
    lk.show(
        f"[modelled] blocks of {block}, by our count: {binary(vmem_bytes(block))} of VMEM", program
    )
lk.show(tpu.compile_for_tpu("matmul 65536", jnp.matmul, *[((65536, 65536), "bfloat16")] * 2))

# %% tags=["collapsed", "nbval-ignore-output"]
# The compiler's own words, new with each version
print(blocked[1024].message.split("}. ")[-1])

# %% [markdown]
# Blocks of 64 aren't whole tiles. By our count the largest ones need exactly the limit, but the
# compiler needs some room in VMEM itself. And three matrices of 8 GiB don't fit into the HBM.
#
# > **Takeaway.** Choose blocks of whole tiles, large enough to reach the ridge, and small enough
# > that two copies of each fit into VMEM.
#
# ## Back to vLLM
# Where a model consists of matrix products, they leave the cutting to the compiler. Attention over
# a cache in pages has to decide at run time what to fetch, so they wrote [that
# kernel](https://arxiv.org/abs/2604.15464) by hand, in Pallas. Its third version even hides the
# update of the cache behind other work.
#
# **Next**: exercises [13.3 and 13.4](../exercises/13_xla_and_pallas.ipynb); then [feeding the
# chips](14_feeding_the_chips.ipynb). More on all of this is in [How to Scale Your
# Model](https://jax-ml.github.io/scaling-book), from which we have the v5e's units and clock.
