# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 · Start here
# *How fast is the machine in front of you, and how would you know that the number is true?*
#
# **You will be able to** read a machine's passport, predict a rate before you measure it, and say
# where a number comes from · **Needs** nothing · **Takes** {time} · **Runs on** a CPU
#
# The whole course is one loop: **predict, measure, explain**.
# A guess costs a second and makes the answer stick, so every lesson asks for one first.

# %%
import numpy as np

import labkit as lk

lk.machine()

# %% [markdown]
# This is the **passport** of your machine, found just now.
# *Usable CPU* is the line that people overlook: on a hub or in a container you may own half a core
# of a machine with sixty-four.
# What could not be found says *unknown*, and why. It is never zero, and never a guess.
#
# ## A copy
# The simplest work there is: read 128 MiB, write 128 MiB, compute nothing.
#
# **Guess first.** How many gigabytes does this machine move in a second?
# Write a number in place of `...`. Nobody sees it but you.

# %%
my_guess = ...
copy_guess = lk.predict("00.a", my_guess, "GB/s")

# %% [markdown]
# **See it.** `lk.bench` runs the call many times and gives the median.
# How it does that honestly is the whole of lesson 01.

# %%
N_FLOATS = 2**24
source = np.ones(N_FLOATS)
target = np.zeros(N_FLOATS)

copy_time = lk.bench(np.copyto, target, source, name="copy of 128 MiB")
lk.show(copy_time)

# %% [markdown]
# A time alone says little. Divide the **traffic** (bytes moved, reads *and* writes) by it and you
# have the **bandwidth**, which you can hold against any other machine.

# %%
work = lk.workload.copy(N_FLOATS, itemsize=8)
print(f"[modelled] {N_FLOATS} floats read and written: {work.bytes} bytes")
bandwidth = copy_time.bytes_per_s(work.bytes, name="copy bandwidth")
copy_guess.against(bandwidth)

# %% [markdown]
# How good is that? Data sheets give the most that a chip's memory can do.

# %%
for name in ("tpu-v1", "t4", "h100-sxm"):
    lk.show(lk.chip(name).bandwidth)

# %% [markdown]
# Large models are trained where memory is fast. What an H100's memory moves in one second, at its
# peak, takes this machine the following time:

# %%
h100_bandwidth = lk.chip("h100-sxm").bandwidth
catching_up_s = 1 * h100_bandwidth.value / bandwidth.value
lk.show(
    lk.Reading(
        "an H100's second, on this machine", catching_up_s, "s", of=(h100_bandwidth, bandwidth)
    )
)

# %% [markdown]
# ## A matrix product
# An $n \times n$ product makes $n^2$ results, each from $n$ multiplications and $n$ additions:
# $2 n^3$ floating-point operations (**FLOP**) on only $3 n^2$ numbers.
#
# **Guess first.** Your machine just moved some gigabytes a second.
# How many **GFLOP/s** (10⁹ operations a second) does it reach in a 1024 × 1024 product of
# 32-bit floats?

# %%
my_guess = ...
matmul_guess = lk.predict("00.b", my_guess, "GFLOP/s")

# %%
N = 1024
a = np.random.default_rng(0).random((N, N), dtype=np.float32)
b = np.random.default_rng(1).random((N, N), dtype=np.float32)
c = np.empty((N, N), dtype=np.float32)

matmul_time = lk.bench(np.matmul, a, b, c, name="matmul 1024")
matmul_work = lk.workload.matmul(N, N, N, itemsize=4)
rate = matmul_time.flop_per_s(matmul_work.flop, name="matmul rate")
matmul_guess.against(rate)

# %% [markdown]
# **Verify before you believe.** A fast wrong answer is easy to make.
# One row computed in double precision is check enough here.

# %%
row = a[0].astype(np.float64) @ b.astype(np.float64)
assert np.allclose(c[0], row, rtol=1e-4)
assert matmul_work.flop == 2 * N**3

# %% [markdown]
# **Explain.** The copy computes nothing and waits for memory.
# The product computes on each number about a thousand times, so memory hardly matters.
# One figure tells them apart, the **arithmetic intensity**: operations per byte moved.

# %%
print(f"[modelled] copy:   {work.intensity_flop_per_byte:.0f} FLOP per byte")
print(f"[modelled] matmul: {matmul_work.intensity_flop_per_byte:.0f} FLOP per byte")

# %% [markdown]
# Lesson 02 turns that one figure into a prediction of speed.
#
# ## Your machine against the catalogue
# Choose a chip. Each bar says how many times the chip's data sheet is ahead of what your machine
# just reached. Both sides compute with 32-bit floats, as our product did: a data sheet also quotes
# a rate for 16-bit tensor cores, which is many times higher, but it belongs to other arithmetic.
# A measured rate is divided by a published one here, so each bar is *modelled*.
# Read it: the scale is logarithmic, so one grid line is a factor of ten; look at which bar is
# longer, memory or arithmetic.

# %%
CHIPS = ["h100-sxm", "t4", "a100-sxm-80", "h200-sxm", "mi300x", "l4"]


def against_catalogue(chip):
    other = lk.chip(chip)
    ahead = [other.bandwidth / bandwidth, other.peak("fp32") / rate]
    chart = lk.draw.Chart(
        lk.draw.Axis("", names=["memory", "fp32 arithmetic"]),
        lk.draw.Axis("times this machine", lo=0.1, hi=1e6, log=True),
        title=f"{other.name}, peaks against what this machine reached",
    )
    for place, factor in enumerate(ahead):
        chart.bar(place, factor.value, factor.origin, f"{factor.value:,.0f} times")
    alt = f"{other.name} against this machine, memory and fp32 arithmetic"
    return chart.picture(alt, varies=any(factor.varies for factor in ahead))


lk.Explorer(against_catalogue, chip=CHIPS)

# %% [markdown]
# ## Five origins
# Every number in this course says where it comes from, because the same figure means different
# things when it was timed here, counted, calculated, kept or quoted.
#
# | origin | it was | trust it |
# | --- | --- | --- |
# | `measured` | timed here, just now | for this machine, today |
# | `recorded` | measured on a named machine, on a date | for that machine |
# | `simulated` | counted, step by step, by a program | as far as its rules are right |
# | `modelled` | calculated by a formula | as far as the formula holds |
# | `published` | quoted from a source | as far as you trust the source |
#
# What about a number that was computed from others? One rule covers that everywhere in the course:
# **a result computed from readings is modelled, unless all its inputs were measured in the same run
# and it is only a ratio or a sum of them.** Our bandwidth is bytes that we counted over a time that
# we measured, so it is measured. Compare it with a data sheet, and the result is modelled.

# %%
h100 = lk.chip("h100-sxm")
cache_lines = {element * 8 // 64 for element in range(0, 4096, 16)}
a100_log = lk.recorded("nersc-sc24-epochs")

lk.show(
    bandwidth,
    lk.Reading(
        "training a vision transformer on an A100",
        a100_log.rows[0]["epochs_samples_per_s"][-1],
        "samples/s",
        "recorded",
        source=a100_log.source,
    ),
    lk.Reading("cache lines touched by every 16th double", len(cache_lines), "1", "simulated"),
    lk.Reading(
        "the same copy on an H100", work.bytes / h100.bandwidth.value, "s", of=h100.bandwidth
    ),
    h100.bandwidth,
)

# %% [markdown]
# The fourth line is not a measurement, because nobody ran your copy on an H100 here. It is a
# formula with a published number in it, and it assumes a perfect copy. So it says *modelled*.
#
# A number that has no origin is refused:

# %%
try:
    lk.show(12.3)
except TypeError as refusal:
    print(refusal)

# %% [markdown]
# ## What you now know
# - A **passport** says what you may use, not what the host has: the first cell.
# - **Predict, measure, explain**: you guessed two rates, measured them, and one figure, intensity,
#   told why they differ.
# - A number is only as good as its **origin**: five words, on every line above.
#
# **Next**: the exercises of this lesson, then `01_honest_timing`, which shows five ways in which a
# stopwatch lies. Your progress so far:

# %% tags=["nbval-ignore-output"]
lk.progress()
