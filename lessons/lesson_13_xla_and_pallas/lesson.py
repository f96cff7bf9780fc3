# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 13 · XLA and Pallas
# *You write array code. What does the compiler make of it, and how do you check its work?*
#
# **You will be able to** read what XLA compiled and hold its counts against yours, say which
# collective a sharding causes, and tile a matrix product for a TPU · **Needs** 02, 12 ·
# **Takes** {time} · **Runs on** a CPU; JAX takes a GPU or TPU if there is one

# %%
from labkit import tpu

cpus = tpu.cpu_devices(8)  # before JAX does anything else

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import labkit as lk
from labkit.draw import block_frames, shards
from labkit.units import binary

print(f"[measured] JAX: {jax.__version__} on {jax.devices()[0].device_kind}")

# %% [markdown]
# The same lines run on a CPU, a GPU or a TPU: JAX hands them to **XLA**, the compiler behind it.
#
# ## One line, many operations
# An activation function, on a large array. Run as it stands, each operation reads and writes whole
# arrays, so you can count what they move. `jax.jit` compiles all of it together.
#
# **Guess first.** How many times faster is it then?


# %%
def activate(x):
    y = 2 * x + 1
    return 0.5 * y * (1 + jnp.tanh(0.8 * (y + 0.045 * y * y * y)))


reads = [1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 2]  # of each operation: a product of two arrays reads two
moves_apart, moves_together = sum(reads) + len(reads), 1 + 1
lk.show(lk.Reading("times less traffic", moves_apart / moves_together, "1", "modelled"))

# %%
my_guess = ...
fusion_guess = lk.predict("13.a", my_guess)

# %%
x = jnp.ones((4096, 1024))
together = jax.jit(activate)
assert np.allclose(together(x), activate(x))
apart_time = lk.bench(activate, x, name="one by one")
together_time = lk.bench(together, x, name="compiled together")
lk.show(apart_time, together_time)
fusion_guess.against((apart_time.time() / together_time.time()).named("compiled, times faster"))

# %% [markdown]
# **Why the gap.** Less traffic does not shorten the `tanh` itself, and that speaks for less; on the
# other side each separate operation has to find memory for its result.
#
# What was compiled we can read, and XLA says what it costs. Guess: does the whole program move more
# than a copy? (From here on we ask for CPU code, so that everybody reads the same text.)

# %%
jax.config.update("jax_default_device", cpus[0])


def compiled(function, *shapes):
    structs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    return jax.jit(function).lower(*structs).compile()


program = compiled(activate, x.shape)
cost = program.cost_analysis()
own = lk.workload.copy(x.size, itemsize=4)
print(tpu.entry(program))
print(f"[modelled] XLA counts {cost['bytes accessed']:.0f} bytes, a copy moves {own.bytes}")
assert cost["bytes accessed"] == own.bytes

# %% [markdown]
# This is **HLO**, XLA's own language. Read it: a line is a step of the program, with type, shape,
# layout and operands. Look for the word `fusion`: of all the operations one step is left, and it is
# called a **fusion**.
# `{1,0}` is the **layout**: the last axis lies contiguous in memory.
#
# ## XLA's counts against yours
# The three products that large models are made of. `lk.workload` counts matrix products only, and
# each array once. XLA counts the program that it compiled. Guess where they differ.


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
for name in ("matmul", "mlp"):
    print(
        f"[modelled] {name:6} FLOP: {counted[name].flop} counted, {xla[name]['flops']:.0f} by XLA"
    )
ratio = xla["attention"]["flops"] / counted["attention"].flop
print(f"[modelled] attention: XLA has {ratio:.2f} times the FLOP counted")

# %% [markdown]
# The product agrees to the last operation. What is more in the MLP? `relu`: one operation on each
# hidden number. On a CPU it is a step of its own, which reads and writes them once more. In
# attention it is the softmax.
#
# Attention's *bytes* depend on your JAX (so they are *measured*). A recent one makes all of it a
# single step, which never writes the scores: lesson 10 was about that. An older one writes and
# reads them again and again. Which have you?

# %%
hidden = TOKENS * F
assert xla["matmul"]["flops"] == counted["matmul"].flop
assert xla["matmul"]["bytes accessed"] == counted["matmul"].bytes
assert xla["mlp"]["flops"] - counted["mlp"].flop == hidden
more_bytes = xla["mlp"]["bytes accessed"] - counted["mlp"].bytes
memory = programs["mlp"].memory_analysis()
print(f"[modelled] mlp: {hidden} hidden numbers take {hidden * 4} bytes")
print(f"[modelled] mlp: XLA moves {more_bytes:.0f} bytes more than counted")
print(f"[modelled] mlp: {memory.argument_size_in_bytes} bytes in, "
      f"{memory.output_size_in_bytes} out, {memory.temp_size_in_bytes} in between")  # fmt: skip

written, moved_bytes = counted["attention"], xla["attention"]["bytes accessed"]
fused = lk.workload.attention(
    1, HEADS, LENGTH, LENGTH, SIZE, itemsize=4, score_reads=0, score_writes=0
)
print(f"[modelled] attention: {fused.bytes / 1e6:.1f} MB fused, "
      f"{written.bytes / 1e6:.1f} MB with the scores")  # fmt: skip
lk.show(lk.Reading("XLA counts for attention here", moved_bytes, "B", "measured"))
assert moved_bytes >= fused.bytes

# %% [markdown]
# ## Many devices
# The first cell asked for **virtual devices** on your CPU. They are no faster than one, but XLA
# compiles for them as for so many chips. Arrange them as a **mesh** with two named axes.
#
# A **sharding** says which axis of an array is cut along which axis of the mesh: `P("data", None)`
# cuts the rows along `data` and leaves the columns whole.

# %%
mesh = jax.make_mesh((4, 2), ("data", "model"), devices=cpus, axis_types=(AxisType.Auto,) * 2)
M, K, N = 1024, 512, 1024
x_sharding, w_sharding, y_sharding = (
    NamedSharding(mesh, spec) for spec in (P("data", "model"), P("model", None), P("data", None))
)
shards({"x": ((M, K), x_sharding), "w": ((K, N), w_sharding), "y": ((M, N), y_sharding)})

# %% [markdown]
# **Guess first.** XLA counts for *one* device. What share of the whole product is that? And what
# must devices 0 and 1 tell each other?

# %%
my_guess = ...
share_guess = lk.predict("13.b", my_guess, "%")


# %%
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

# %% tags=["nbval-ignore-output"]
print(tpu.entry(program))  # names differ between versions of JAX

# %% [markdown]
# The shapes are those of one device. It has half of the columns of `x`, so it gets half of each
# *sum*. You never asked for it, but XLA put in an **all-reduce**; `replica_groups` says who adds up
# with whom. In `shard_map` you write one device's program yourself:


# %%
@jax.jit
@functools.partial(
    jax.shard_map,
    mesh=mesh,
    in_specs=(P("data", "model"), P("model", None)),
    out_specs=P("data", None),
)
def by_hand(x_block, w_block):
    return jax.lax.psum(x_block @ w_block, "model")


rng = np.random.default_rng(11)
x = jax.device_put(rng.random((M, K), dtype=np.float32), x_sharding)
w = jax.device_put(rng.random((K, N), dtype=np.float32), w_sharding)
assert np.allclose(by_hand(x, w), np.asarray(x) @ np.asarray(w), rtol=1e-4)
print(tpu.collectives(by_hand.lower(x, w).compile()))

# %% [markdown]
# **Drag it.** Choose how `x`, `w` and the result are cut; XLA compiles each choice as you make it.
# Find one without any collective, one with an all-reduce, one with an all-gather, one in which
# devices do the same work twice. The next cell has one of each.

# %%
X = {
    "rows and columns": P("data", "model"),
    "rows": P("data"),
    "columns": P(None, "model"),
    "not cut": P(),
}
W = {"rows": P("model"), "columns": P(None, "model"), "not cut": P()}
Y = {"rows": P("data"), "rows and columns": P("data", "model"), "not cut": P()}


@functools.cache
def ask_xla(x, w, y):
    program = compile_sharded(X[x], W[w], Y[y])
    said = ", ".join(f"{n} {kind}" for kind, n in tpu.collectives(program).items())
    share = program.cost_analysis()["flops"] / whole.flop
    return f"{said or 'no collective'}; one device does {share * 100:.1f} % of the work"


def explore(x, w, y):
    specs = {"x": ((M, K), X[x]), "w": ((K, N), W[w]), "y": ((M, N), Y[y])}
    matrices = {name: (shape, NamedSharding(mesh, spec)) for name, (shape, spec) in specs.items()}
    return shards(matrices, ask_xla(x, w, y))


lk.Explorer(explore, x=list(X), w=list(W), y=list(Y))

# %%
for x_cut, w_cut, y_cut in (
    ("rows", "columns", "rows and columns"),
    ("columns", "rows", "not cut"),
    ("rows", "columns", "rows"),
    ("rows", "not cut", "rows"),
):
    said = ask_xla(x_cut, w_cut, y_cut)
    print(f"[modelled] x: {x_cut:8} w: {w_cut:8} y: {y_cut:17} {said}")

# %% [markdown]
# The rule behind it: **cut what is not summed, and nobody talks; cut what is summed, and someone
# must add (all-reduce); want what another holds, and someone must send it (all-gather).**
#
# ## Pallas: your own blocks
# XLA chooses tiles for you; in **Pallas** you choose. A kernel sees one block of each array in
# **VMEM**, the TPU's fast memory; a **grid** says how often it runs, and each **BlockSpec** which
# block it gets at each step. A matrix product:

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
# **See it.** Which blocks are in VMEM at each step? Guess, before you play it, which of `x` and `w`
# has to be fetched more often.

# %%
GRID = (3, 2, 2)
BLOCK = (128, 128)
frames = block_frames(
    GRID,
    inputs={
        "x": ((384, 256), BLOCK, lambda i, j, k: (i, k)),
        "w": ((256, 256), BLOCK, lambda i, j, k: (k, j)),
    },
    output=("y", (384, 256), BLOCK, lambda i, j, k: (i, j)),
)
lk.Player(frames, ms=900)

# %% [markdown]
# Read it: empty blocks are in the large memory (HBM) only. Because `k` runs fastest, each step
# fetches both. So the traffic is easy to count, and the block is your lever. Guess how large it
# must be to reach the ridge of a TPU v5e.

# %%
v5e = lk.roofline("tpu-v5e", "bf16")
lk.show(lk.Reading("ridge point of a TPU v5e", v5e.ridge_flop_per_byte, "FLOP/B", "modelled"))


def blocked_work(n, block):
    """A product of n × n bf16 matrices in square blocks, each step fetching two of them."""
    fetched_bytes = 2 * (n // block) ** 3 * block**2 * 2
    return lk.workload.Work(2 * n**3, fetched_bytes, n**2 * 2)


for block in (128, 256, 512):
    work = blocked_work(4096, block)
    print(f"[modelled] blocks of {block}: {work.intensity_flop_per_byte:.0f} FLOP/B, "
          f"bound by {v5e.bound_by(work.intensity_flop_per_byte)}")  # fmt: skip

# %% [markdown]
# The intensity is nearly half of a block's side.
#
# **Run it** without a TPU: in *TPU interpret mode* VMEM is simulated and full of NaN, and accesses
# are watched for races. What comes out if the kernel forgets to zero its sum?

# %%
watched = pltpu.InterpretParams(detect_races=True, uninitialized_memory="nan")
x = jnp.asarray(rng.random((256, 256), dtype=np.float32))
good, n_races = tpu.watch(lambda: tiled_matmul(x, x, interpret=watched))
bad, _ = tpu.watch(lambda: tiled_matmul(x, x, interpret=watched, forget=True))
assert np.allclose(good, x @ x, rtol=1e-4)
assert n_races == 0
print("[simulated] tiled matmul: right, no race")
print(f"[simulated] without zeroing the sum: {np.isnan(bad).mean():.0%} of the results are NaN")

# %% [markdown]
# On a real chip the sum would begin with whatever was left there, often zero. A second kind of bug
# hides even better. This kernel starts a copy itself, and may forget to wait for it:


# %% tags=["read"]
def double_kernel(x_ref, y_ref, buffer, done, *, wait):
    copy = pltpu.make_async_copy(x_ref, buffer, done)
    copy.start()
    if wait:
        copy.wait()
    y_ref[...] = 2 * buffer[...]
    if not wait:
        copy.wait()  # too late


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
# Read the third line: **right result, wrong kernel**. The copy happened to be early. No test of
# values finds that; the race detector does.
#
# ## The real TPU compiler
# `libtpu` holds the compiler of Google's TPUs, and that runs on a CPU. It executes nothing, but it
# says what it *would* run: layouts, collectives, memory, estimated cycles. With
# `requirements-tpu.txt` installed it compiles here; else you see what it said when this course was
# made. Either way the figures are a compiler's estimates: *modelled*.
#
# **Guess first.** Two square bf16 matrices. How many times the memory of 128 × 128 does
# 129 × 129 take on a TPU?

# %%
my_guess = ...
tile_guess = lk.predict("13.c", my_guess)

# %%
square = {
    n: tpu.compile_for_tpu(f"matmul {n}", jnp.matmul, *[((n, n), "bfloat16")] * 2)
    for n in (127, 128, 129, 136, 1024, 1025)
}
for program in square.values():
    lk.show(program)
growth = square[129].argument_bytes / square[128].argument_bytes
tile_guess.against(lk.Reading("memory, 129 against 128", growth, "1", "modelled"))
print(square[129].layout)
print(f"[measured] TPU compiler: {square[129].source}")

for n, program in square.items():
    rows, columns = (-(-n // side) * side for side in (8, 128))
    assert program.argument_bytes == 2 * rows * columns * 2
assert square[127].cycles == square[128].cycles < square[129].cycles == square[136].cycles

# %% [markdown]
# The layout says why: `T(8,128)`. A TPU keeps matrices in **tiles** of 8 × 128, and both sides are
# rounded up to whole tiles. So 127 is as dear as 128, and 129 as 136.
#
# ## How large a batch?
# **Guess first.** `b` rows meet 8192 × 8192 bf16 weights, which are read from HBM each time.
# From which `b` on does the arithmetic of a v5e take longer than moving the bytes?

# %%
my_guess = ...
knee_guess = lk.predict("13.d", my_guess)

# %% tags=["read"]
SIDE, CLOCK_HZ = 8192, 1.5e9
MAC_PER_CYCLE = 4 * 128 * 128  # four matrix units, each an array as in lesson 12
units = lk.Reading("four units", 2 * MAC_PER_CYCLE * CLOCK_HZ, "FLOP/s", "modelled")
peak = lk.chip("tpu-v5e").peak("bf16")
lk.show(units, peak)
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


def knee_rows(ridge_flop_per_byte):
    """The rows b at which 2 b SIDE² operations over 2 (2 b SIDE + SIDE²) bytes are the ridge."""
    return ridge_flop_per_byte * SIDE / (SIDE - 2 * ridge_flop_per_byte)


ridge = v5e.ridge_flop_per_byte
at_ridge = lk.workload.matmul(round(ridge), SIDE, SIDE, itemsize=2).intensity_flop_per_byte
reckoned = roofline_cycles(8) / batch[8].cycles  # few rows wait for bandwidth alone
knee_guess.against(lk.Reading("compute-bound from, rows", knee_rows(ridge), "1", "modelled"))
lk.show(
    lk.Reading("share of the bandwidth in the compiler's cycles", reckoned, "%", "modelled"),
    lk.Reading("the same by the compiler's cycles", knee_rows(ridge / reckoned), "1", "modelled"),
    lk.Reading(f"intensity of {round(ridge)} rows", at_ridge, "FLOP/B", "modelled"),
)

# %%
chart = lk.draw.Chart(
    lk.draw.Axis("rows b", lo=5, hi=2000, log=True),
    lk.draw.Axis("share of the peak", "%", lo=0, hi=1.05),
    title=f"b rows on {SIDE} × {SIDE} weights, TPU v5e",
)
rows = np.unique(np.geomspace(5, 2000, 400).astype(int))
shares = [b * SIDE**2 / MAC_PER_CYCLE / roofline_cycles(b) for b in rows]
chart.line(rows, shares, "roofline", origin="modelled")
for b, program in batch.items():
    share = b * SIDE**2 / MAC_PER_CYCLE / program.cycles
    chart.mark(b, share, "modelled", f"{b}")
chart.picture(
    f"The share of the peak grows with the batch and bends at {knee_rows(ridge):.0f} rows by the "
    f"roofline, at {knee_rows(ridge / reckoned):.0f} by the compiler"
)

# %% [markdown]
# Read it: x is the batch, y the share of the peak; the marks are the compiler's. Look at the knee.
# Each two-byte weight meets `b` rows. If only the weights moved, the intensity would be just `b`.
# The rows themselves have to be read too, and the results written, so the intensity is a little
# lower, and it takes a few rows more than the ridge point says. Below the knee a further row is
# nearly free.
#
# **Why the gap.** A few rows wait for the weights alone. The compiler gives them more cycles than
# the roofline does, as if the bandwidth were less than published, so its own knee comes later. Only
# a TPU can tell which is right.
#
# ## Sixteen chips
# The same MLP on a 4 × 4 slice, cut in four ways. Count what one chip must hold before you read on:

# %% tags=["read"]
B, D, F = 2048, 1024, 4096
all_chips = ("data", "model")
x_bytes, weight_bytes = B * D * 2, 2 * D * F * 2
ways = {  # specs of x, a, b and the result; bytes of x and of both weights on one chip
    "data parallel": (P(all_chips), P(), P(), P(all_chips), x_bytes / 16 + weight_bytes),
    "fully sharded": (
        P(all_chips), P(all_chips), P(None, all_chips), P(all_chips),
        x_bytes / 16 + weight_bytes / 16,
    ),
    "tensor parallel": (P(), P(None, all_chips), P(all_chips), P(), x_bytes + weight_bytes / 16),
    "both": (
        P("data"), P("data", "model"), P("model", "data"), P("data"),
        x_bytes / 4 + weight_bytes / 16,
    ),
}  # fmt: skip
for way, (x, a, b, out, own_bytes) in ways.items():
    program = tpu.compile_for_tpu(
        f"mlp {way}",
        mlp,
        ((B, D), "bfloat16", x),
        ((D, F), "bfloat16", a),
        ((F, D), "bfloat16", b),
        mesh={"data": 4, "model": 4},
        out=out,
    )
    print(f"[modelled] {way:16} {program.argument_bytes / 1e6:5.2f} MB a chip, "
          f"{dict(program.collectives) or 'no collective'}")  # fmt: skip
    assert program.argument_bytes == own_bytes

# %% [markdown]
# Memory against talk: the less a chip holds, the more it must ask for. Lesson 16 trains a model in
# each of these ways.
#
# ## What it refuses
# The compiler knows the chip's limits. XLA cannot look into a Pallas kernel, so it gives no cycles,
# but it counts VMEM. So can you: two copies of each block (one is fetched while the other is used),
# and the sums. Which blocks of your product will it refuse, if a kernel may have 16 MiB? And why
# the first?


# %%
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
    print(f"[modelled] blocks of {block}: {binary(vmem_bytes(block))} by our count")
    lk.show(program)
lk.show(tpu.compile_for_tpu("matmul 65536", jnp.matmul, *[((65536, 65536), "bfloat16")] * 2))

# %% tags=["nbval-ignore-output"]
print(blocked[1024].message.split("}. ")[-1])  # the compiler's own words, new with each version

# %% [markdown]
# By our count the largest blocks need just the limit. The compiler keeps something there itself.
#
# ## What you now know
# - **Read** XLA's program and hold it against your counts: FLOP and bytes of product and MLP agreed
#   to the last byte once `relu` was counted too.
# - **Say** which collective a sharding causes: cut what is summed, and it is an all-reduce.
# - **Tile** for a TPU: whole tiles of 8 × 128, blocks large enough for the ridge and small enough
#   for VMEM; and let a race detector, not a test of values, say that it is right.
#
# **Next**: the exercises; then `15_collectives`, where the all-reduce is yours to write.
# Sources: JAX documentation, *Pallas: Grids and BlockSpecs*; Austin et al., *How to Scale Your
# Model* (jax-ml.github.io/scaling-book), for the units and clock of the v5e.
