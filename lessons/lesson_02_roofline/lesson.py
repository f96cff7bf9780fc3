# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 · The roofline
# *Before you run it: how fast can this code possibly be, and what holds it back?*
#
# **You will be able to** count work and traffic, predict the bound and the rate of a kernel, and
# read any chip's roofline · **Needs** 00, 01 · **Takes** {time} · **Runs on** a CPU

# %%
import numpy as np
from numba import njit, prange

import labkit as lk

# %% [markdown]
# ## Six kernels
# Five loops and a matrix product, all on 32-bit floats. The loops use all cores (`prange`). The
# last loop in this cell isn't one of the six: it is for a question that comes up later.

# %% tags=["read"]
N_FLOATS = 2**24
parallel = njit(parallel=True, fastmath=True)


@parallel
def scale(x, out):
    for i in prange(x.size):
        out[i] = np.float32(3) * x[i]


@parallel
def triad(x, y, out):
    for i in prange(x.size):
        out[i] = x[i] + np.float32(3) * y[i]


@parallel
def dot(x, y):
    total = np.float32(0)
    for i in prange(x.size):
        total += x[i] * y[i]
    return total


def polynomial(degree):
    @parallel
    def horner(x, out):
        for i in prange(x.size):
            value = x[i]
            for _ in range(degree):
                value = value * x[i] + np.float32(0.5)
            out[i] = value

    return horner


@parallel
def polynomial_64_summed(x):
    total = np.float32(0)
    for i in prange(x.size):
        value = x[i]
        for _ in range(64):
            value = value * x[i] + np.float32(0.5)
        total += value
    return total


# %% [markdown]
# **Guess first.** On this machine, which runs at the higher rate in FLOP/s: `triad`, or a
# polynomial of degree 8? By what factor?

# %%
my_guess = ...
factor_guess = lk.predict("02.a", my_guess, "1")

# %% [markdown]
# ## The words
# - **Work**: floating-point operations, in FLOP.
# - **Traffic**: bytes between memory and chip, reads and writes.
# - **Arithmetic intensity**: work ÷ traffic, in FLOP/B.
#
# Count for one element, by reading the loop. `triad` reads two floats, writes one, multiplies once
# and adds once: 2 FLOP on 12 bytes.

# %%
FLOAT_BYTES = 4
per_element = {  # FLOP, floats read, floats written
    "scale": (1, 1, 1),
    "triad": (2, 2, 1),
    "dot": (2, 2, 0),
    "polynomial 8": (16, 1, 1),
    "polynomial 64": (128, 1, 1),
}
work = {
    name: N_FLOATS * lk.workload.Work(flop, reads * FLOAT_BYTES, writes * FLOAT_BYTES)
    for name, (flop, reads, writes) in per_element.items()
}
N = 1024
work["matmul 1024"] = lk.workload.matmul(N, N, N, itemsize=FLOAT_BYTES)

for name, one in work.items():
    print(f"[modelled] {name:14} {one.intensity_flop_per_byte:8.3f} FLOP/B")

# %% [markdown]
# ## The roof
# A machine has two limits. It computes at most `peak` operations a second, and its memory brings at
# most `bandwidth` bytes a second. Bytes times intensity are operations, so
#
# $$\text{attainable rate} = \min(\text{peak},\ \text{intensity} \times \text{bandwidth})$$
#
# Below the **ridge point** (peak ÷ bandwidth) a kernel is **memory-bound**: it waits for bytes.
# Above it, it is **compute-bound**.
#
# Measure both limits of this machine. For the bandwidth we take `dot`, because it only reads: a
# kernel that writes may cause traffic that we can't see in its loop, as you'll find out below. For
# the peak we take a large matrix product, which is nearly all work.

# %%
rng = np.random.default_rng(0)
x, y, out = (rng.random(N_FLOATS, dtype=np.float32) for _ in range(3))
a, b = (rng.random((N, N), dtype=np.float32) for _ in range(2))
c = np.empty_like(a)

timings = {
    "dot": lk.bench(dot, x, y),
    "matmul 1024": lk.bench(np.matmul, a, b, c),
}
bandwidth = timings["dot"].bytes_per_s(work["dot"].bytes, name="bandwidth")
peak = timings["matmul 1024"].flop_per_s(work["matmul 1024"].flop, name="peak")
here = lk.Roofline("this machine", peak.value, bandwidth.value, "measured")
lk.show(bandwidth, peak, (peak / bandwidth).named("ridge point"))

# %% [markdown]
# Both limits are what *we* reached, not what the makers promise, and two of our six kernels lie on
# the roof by construction. **The other four are the test.**
#
# ## Predict

# %%
roofs = {}
for name, one in work.items():
    intensity = one.intensity_flop_per_byte
    roofs[name] = lk.Reading(
        f"roof for {name}", here.attainable_flop_per_s(intensity), "FLOP/s", of=(peak, bandwidth),
        note=f"{here.bound_by(intensity)}-bound",
    )  # fmt: skip
lk.show(*roofs.values())

# %% [markdown]
# ## Measure
# Check the results before the times, because it is easy to write a wrong loop that is fast.

# %%
poly8, poly64 = polynomial(8), polynomial(64)
triad(x, y, out)
assert np.allclose(out, x + 3 * y)
assert np.isclose(dot(x, y), np.dot(x.astype(float), y), rtol=1e-3)
poly8(x, out)
expected = x.copy()
for _ in range(8):
    expected = expected * x + np.float32(0.5)
assert np.allclose(out, expected, rtol=1e-4)

# %%
timings["scale"] = lk.bench(scale, x, out)
timings["triad"] = lk.bench(triad, x, y, out)
timings["polynomial 8"] = lk.bench(poly8, x, out, name="polynomial 8")
timings["polynomial 64"] = lk.bench(poly64, x, out, name="polynomial 64")
rates = {name: timings[name].flop_per_s(work[name].flop, name=name) for name in work}

lk.show(*rates.values())
shares = {
    name: (rate / roofs[name]).named(f"{name}, share of its roof", "%")
    for name, rate in rates.items()
}
lk.show(*shares.values())

# %%
factor_guess.against((rates["polynomial 8"] / rates["triad"]).named("polynomial 8 over triad"))
lk.expect(
    timings["polynomial 8"].time() / timings["triad"].time(), None, 1.1,
    inside="Eight times the operations on two thirds of the bytes, and it took no longer: while a "
    "kernel waits for memory, arithmetic is free.",
    above="On this machine the polynomial took longer than triad, so its arithmetic wasn't hidden "
    "behind the waiting: the ridge point above is low, or another program had the cores.",
)  # fmt: skip

# %%
dots = [
    lk.draw.Dot(name, work[name].intensity_flop_per_byte, rate.value, "measured")
    for name, rate in rates.items()
]
lk.draw.roofline([here], dots, title="Six kernels on this machine")

# %% [markdown]
# Read it: x is intensity, y is rate, both logarithmic; on the slope memory limits, on the flat
# arithmetic does. Look at the distance of each dot below the roof. (No kernel can be faster than
# its machine. If a dot lies above the roof, then the roof was measured too low, most likely because
# other programs used the memory while `dot` ran.)
#
# ## Why the gap
# Look at `scale` and `triad`. They lie below the slope, and both for the same reason. They *write*,
# and a CPU moves memory in lines of 64 bytes or more. Before it can change part of a line, it has
# to have the line, so most CPUs read a line from memory before they write to it. This is called
# **write-allocate**. The loop of `scale` shows 4 bytes read and 4 written; really 4 more are read.
#
# Is that what we see here? On a busy machine other programs could fake such a difference, so we
# first time `dot` against itself. Only if the two agree can we say anything about a third.

# %%
control = lk.compare(lambda: dot(x, y), lambda: dot(x, y), max_time_s=3)  # the same, twice
with_hidden_reads = {"scale": 2 / 3, "triad": 3 / 4}  # bytes in the loop over bytes really moved
for name, share in with_hidden_reads.items():
    lk.show(lk.Reading(f"{name}, share with the hidden reads", share, "%", "modelled"))

kept = {row["kernel"]: row for row in lk.recorded("cpu-kernels").rows}
kept_rate = {name: row["bytes"] / row["samples_s"][0] for name, row in kept.items()}
lk.expect(
    shares["scale"], 0.55, 0.85,
    below="Even further below the roof than the hidden reads explain: other programs use this "
    "memory as well.",
    inside="Clearly below the slope, as the hidden reads predict. Two thirds is their full effect; "
    "if it is more here, then reading alone didn't use up the memory, because a few cores can wait "
    "for only so many lines at a time.",
    above="More than the hidden reads allow, if memory was the limit. Some CPUs notice that a "
    "whole line will be overwritten, and don't read it. Or `dot` was disturbed, and the roof is "
    "too low.",
    control=control,
    recorded=lk.Reading(
        "scale over dot there, bytes a second", kept_rate["scale"] / kept_rate["dot"], "%",
        of=lk.recorded("cpu-kernels"), note=lk.recorded("cpu-kernels").source,
    ),
)  # fmt: skip

# %% [markdown]
# `polynomial 64` stays below the *flat* roof, so bytes can't explain it. Within one point each step
# needs the result of the step before. But the points don't need each other, so a core can work on
# several of them while it waits, *if* the compiler arranged them side by side. Did it? Here is the
# same chain of steps once more. It only adds its results up, where `polynomial 64` stores them, and
# for that the compiler arranges the points in another way:

# %%
stored, summed = timings["polynomial 64"].time(), lk.bench(polynomial_64_summed, x).time()
lk.expect(
    (stored / summed).named("polynomial 64, stored over summed"), 1.2, None,
    below="Here both take about the same time, so on this machine the arrangement isn't the limit.",
    inside="The same arithmetic is faster when it is arranged differently. So the chain itself was "
    "not the limit; how many points the compiled loop keeps going at once probably was.",
    control=control,
    recorded=lk.Reading(
        "stored over summed there",
        kept["polynomial 64, stored"]["samples_s"][0]
        / kept["polynomial 64, summed"]["samples_s"][0],
        "1", of=lk.recorded("cpu-kernels"), note=lk.recorded("cpu-kernels").source,
    ),
)  # fmt: skip

# %% [markdown]
# The roof says what is *possible*. It never says what is likely.
#
# ## Drag it
# What would a machine with twice the bandwidth change? And twice the peak?
# **Guess** which kernels move before you drag.


# %%
def what_if(peak, bandwidth):
    roof = lk.Roofline("your machine", peak, bandwidth, "modelled")
    on_roof = []
    for name, one in work.items():
        intensity = one.intensity_flop_per_byte
        rate = roof.attainable_flop_per_s(intensity)
        on_roof.append(lk.draw.Dot(name, intensity, rate, "modelled"))
    return lk.draw.roofline(
        [roof], on_roof, x=(0.02, 1000), y=(1e8, 1e13), title="Six kernels on a perfect machine"
    )


lk.Explorer(
    what_if,
    peak=lk.draw.Slider(1e10, 5e12, 2e11, unit="FLOP/s", log=True),
    bandwidth=lk.draw.Slider(5e9, 1e12, 2.5e10, unit="B/s", log=True),
)

# %% [markdown]
# More peak moves only what stands on the flat. More bandwidth moves only what stands on the slope.
# Money spent on the other side is wasted: that is what a roofline is for.
#
# ## Real chips
# **Guess first.** Since a chip's ridge point is peak ÷ bandwidth: how many operations must an H100
# do on each byte before its tensor cores are the limit?

# %%
my_guess = ...
ridge_guess = lk.predict("02.b", my_guess, "FLOP/B")

# %%
h100 = lk.roofline("h100-sxm", "bf16")
ridge_guess.against((h100.peak / h100.bandwidth).named("H100's ridge point"))
for chip, dtype in (("t4", "fp16"), ("a100-sxm-80", "bf16"), ("tpu-v5e", "bf16")):
    roof = lk.roofline(chip, dtype)
    lk.show((roof.peak / roof.bandwidth).named(f"ridge point of {chip}, {dtype}"))

# %% [markdown]
# ## The chip that made the roofline famous
# In 2017 Google published what its first TPU had reached with six applications, on a roofline.
# Its axis counts multiply-adds (MAC) per byte of *weights*; one MAC is two operations.
#
# First the two limits: 65,536 multipliers at 700 MHz, and 34 GB/s of weight memory.

# %%
source = lk.published("tpu-v1-peak")
chip = source.rows[0]
peak_op_per_s = 2 * chip["n_macs"] * chip["clock_hz"]
printed = lk.published("tpu-v1-ridge").rows[0]
tpu = lk.Roofline("TPU v1", peak_op_per_s, printed["bandwidth_bytes_per_s"], "modelled")
lk.show(
    lk.Reading("peak", peak_op_per_s, "OP/s", "modelled"),
    lk.Reading("ridge point", tpu.ridge_flop_per_byte, "OP/B", "modelled"),
)
assert abs(peak_op_per_s / chip["peak_op_per_s"] - 1) < 0.003
assert abs(tpu.ridge_flop_per_byte / 2 / printed["ridge_mac_per_byte"] - 1) < 0.003

# %% [markdown]
# **Guess first.** The worst of the six reached what share of its own roof?

# %%
my_guess = ...
worst_guess = lk.predict("02.c", my_guess, "%")

# %%
applications = lk.published("tpu-v1-applications").rows
share = {}
for row in applications:
    roof = tpu.attainable_flop_per_s(2 * row["intensity_mac_per_byte"])
    share[row["app"]] = row["achieved_op_per_s"] / roof
    print(f"[modelled] {row['app']:6} {row['achieved_op_per_s'] / 1e12:5.1f} TOP/s (published), "
          f"{share[row['app']]:4.0%} of its roof")  # fmt: skip

worst = min(share, key=share.get)
worst_guess.against(lk.Reading(f"{worst}, share of its roof", share[worst], "%", "modelled"))

# %%
dots = [
    lk.draw.Dot(
        row["app"], 2 * row["intensity_mac_per_byte"], row["achieved_op_per_s"], "published"
    )
    for row in applications
]
lk.draw.roofline(
    [tpu], dots, title="TPU v1 and its six applications (Jouppi et al. 2017)", unit="OP"
)

# %% [markdown]
# Most of them are close to their roof. CNN1 is the worst of all, although it stands just to the
# right of the ridge point, where arithmetic should be the only limit. The roofline can't say why.
# The chip's own counters can:

# %%
cnn1 = next(row for row in applications if row["app"] == "CNN1")
waiting = cnn1["weight_stall_fraction"] + cnn1["weight_shift_fraction"]
busy = cnn1["useful_mac_fraction"] / cnn1["array_active_fraction"]
right_of_ridge = 2 * cnn1["intensity_mac_per_byte"] / tpu.ridge_flop_per_byte
lk.show(
    lk.Reading("CNN1, intensity over the ridge point", right_of_ridge, "1", "modelled"),
    lk.Reading("CNN1, cycles spent on weights", waiting, "%", "modelled"),
    lk.Reading("CNN1, multipliers in use while the array works", busy, "%", "modelled"),
)

# %% [markdown]
# **Why so little.** Four of its layers are fully connected, with an intensity of only 32, and
# spend a third of all cycles fetching weights: *the average intensity hides them*. And its layers
# are shallow, so half of the 65,536 multipliers have nothing to multiply. A kernel is a sum of
# parts, and each part has an intensity of its own.
#
# ## What you now know
# - **Count** FLOP and bytes from the loop; intensity follows: the table of six kernels.
# - **Predict**: `min(peak, intensity × bandwidth)` bounds every rate. How far a kernel stays below
#   its roof tells you what to look for next, such as bytes that its loop doesn't show.
# - **Read a chip**: the ridge point says what it needs, and one average intensity can hide two
# programs.

# %%
lk.show(lk.Reading("an H100 needs, for each byte", h100.ridge_flop_per_byte, "FLOP", "modelled"))

# %% [markdown]
# **Next**: the exercises; then `03_cpu_parallelism`.
# Sources: Williams, Waterman, Patterson, *Roofline* (CACM 2009); Jouppi et al., arXiv 1704.04760.
