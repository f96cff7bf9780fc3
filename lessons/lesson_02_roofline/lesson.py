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
# Five loops and a matrix product, all on 32-bit floats. The loops use all cores (`prange`).

# %%
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
    print(f"{name:14} {one.intensity_flop_per_byte:8.3f} FLOP/B")

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
# Measure both limits of this machine: `scale` is nearly all traffic, a large product nearly all
# work.

# %%
rng = np.random.default_rng(0)
x, y, out = (rng.random(N_FLOATS, dtype=np.float32) for _ in range(3))
a, b = (rng.random((N, N), dtype=np.float32) for _ in range(2))
c = np.empty_like(a)

timings = {
    "scale": lk.bench(scale, x, out),
    "matmul 1024": lk.bench(np.matmul, a, b, c),
}
bandwidth = timings["scale"].bytes_per_s(work["scale"].bytes, name="bandwidth")
peak = timings["matmul 1024"].flop_per_s(work["matmul 1024"].flop, name="peak")
here = lk.Roofline("this machine", peak.value, bandwidth.value, "measured")
lk.show(bandwidth, peak)
lk.show(lk.Reading("ridge point", here.ridge_flop_per_byte, "FLOP/B", "measured"))

# %% [markdown]
# Both limits are what *we* reached, not what the makers promise. So the roof is a measured one,
# and two of our six kernels lie on it by construction. **The other four are the test.**
#
# ## Predict

# %%
for name, one in work.items():
    intensity = one.intensity_flop_per_byte
    rate = lk.Reading(name, here.attainable_flop_per_s(intensity), "FLOP/s", "modelled")
    print(f"[measured] roof for {name}: {rate.figure}, {here.bound_by(intensity)}-bound")

# %% [markdown]
# (The lines say *measured* because the roof under them was.)
#
# ## Measure
# Verify first: a wrong loop is quickly fast.

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
timings["triad"] = lk.bench(triad, x, y, out)
timings["dot"] = lk.bench(dot, x, y)
timings["polynomial 8"] = lk.bench(poly8, x, out)
timings["polynomial 64"] = lk.bench(poly64, x, out)
rates = {name: timings[name].flop_per_s(work[name].flop, name=name) for name in work}

for name, rate in rates.items():
    roof = here.attainable_flop_per_s(work[name].intensity_flop_per_byte)
    print(f"[measured] {name}: {rate.value / 1e9:.1f} GFLOP/s, {rate.value / roof:.0%} of its roof")

# %%
factor_guess.against(
    lk.Reading(
        "polynomial 8 over triad",
        rates["polynomial 8"].value / rates["triad"].value,
        "1",
        "measured",
    )
)

# %% [markdown]
# Eight times the operations on two thirds of the bytes, in no more time: while a kernel waits for
# memory, **arithmetic is free**.

# %%
dots = [
    lk.draw.Dot(name, work[name].intensity_flop_per_byte, rate.value, "measured")
    for name, rate in rates.items()
]
lk.draw.roofline([here], dots, title="Six kernels on this machine")

# %% [markdown]
# Read it: x is intensity, y is rate, both logarithmic; on the slope memory limits, on the flat
# arithmetic does. Look at the distance of each dot below the roof. (A dot above it means that the
# machine was busy while the roof was taken: run both cells again.)
#
# **Why the gap.** `triad` and `scale` write: most CPUs *read* a line before they write it, traffic
# that we did not count, and both suffer alike. `polynomial 64` stays below the flat roof since
# each step waits for the one before, and no step can start early. The roof is what is *possible*,
# never what is likely.
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
ridge_guess.against(
    lk.Reading("H100's ridge point", h100.ridge_flop_per_byte, "FLOP/B", "modelled")
)
for chip, dtype in (("t4", "fp16"), ("a100-sxm-80", "bf16"), ("tpu-v5e", "bf16")):
    ridge = lk.roofline(chip, dtype).ridge_flop_per_byte
    lk.show(lk.Reading(f"ridge point of {chip}, {dtype}", ridge, "FLOP/B", "modelled"))

# %% [markdown]
# ## The chip that made the roofline famous
# In 2017 Google published what its first TPU had reached with six applications, on a roofline.
# Its axis counts multiply-adds (MAC) per byte of *weights*; one MAC is two operations.
#
# First the two limits. 65,536 multipliers at 700 MHz, and 34 GB/s of weight memory:

# %%
source = lk.published("tpu-v1-peak")
chip = source.rows[0]
peak_op_per_s = 2 * chip["n_macs"] * chip["clock_hz"]
tpu = lk.Roofline("TPU v1", peak_op_per_s, 34e9, "published", source=source.source)
lk.show(
    lk.Reading("peak", peak_op_per_s, "OP/s", "modelled"),
    lk.Reading("ridge point", tpu.ridge_flop_per_byte, "OP/B", "modelled"),
)
printed_ridge_mac_per_byte = lk.published("tpu-v1-ridge").rows[0]["ridge_mac_per_byte"]
assert abs(peak_op_per_s / chip["peak_op_per_s"] - 1) < 0.003
assert abs(tpu.ridge_flop_per_byte / 2 / printed_ridge_mac_per_byte - 1) < 0.003

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
    print(f"{row['app']:6} {row['achieved_op_per_s'] / 1e12:5.1f} TOP/s published, "
          f"{share[row['app']]:4.0%} of its modelled roof")  # fmt: skip

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
# Most of them are close to their roof. CNN1 stands far to the right, where arithmetic should be the
# only limit, and is the worst of all. The roofline cannot say why. The chip's own counters can:

# %%
cnn1 = next(row for row in applications if row["app"] == "CNN1")
waiting = cnn1["weight_stall_fraction"] + cnn1["weight_shift_fraction"]
busy = cnn1["useful_mac_fraction"] / cnn1["array_active_fraction"]
lk.show(
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
# - **Predict**: `min(peak, intensity × bandwidth)` bounds every rate, and four kernels obeyed a
# roof that   two others had set.
# - **Read a chip**: the ridge point says what it needs, and one average intensity can hide two
# programs.

# %%
lk.show(lk.Reading("an H100 needs, for each byte", h100.ridge_flop_per_byte, "FLOP", "modelled"))

# %% [markdown]
# **Next**: the exercises; then `03_cpu_parallelism`.
# Sources: Williams, Waterman, Patterson, *Roofline* (CACM 2009); Jouppi et al., arXiv 1704.04760.
