# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 · The roofline
# In 2015 Google put a chip of its own into its data centres, the first TPU. It could do 92 trillion
# operations a second. Two years later Google published how fast it ran six neural networks, which
# made up 95 % of such work in its data centres. One of them, for images, is called CNN0 and
# reached 86 trillion operations a second. Another, for sequences such as text, is called LSTM1 and
# reached 2.8 trillion ([Jouppi et al. 2017](https://arxiv.org/abs/1704.04760)). It was the same
# chip.
#
# **The question of this lesson**: how fast can a piece of code possibly be on a given machine, and
# what holds it back? You can answer both before you run it, with two numbers about the code and two
# about the machine.
#
# *{time} Needs lessons [00](00_start_here.ipynb) and [01](01_honest_timing.ipynb).*

# %%
import math

import numpy as np
from numba import njit, prange

import labkit as lk

# %% [markdown]
# ## Count before you run
# We'll work with five loops and a matrix product. Such a small piece of work is called a
# **kernel**. Here are the loops, all on 32-bit floats. [Numba](https://numba.pydata.org)'s `njit`
# compiles them to machine code; `fastmath` lets it change the order of additions. `prange` is a
# `range` whose steps are shared out to all cores.

# %% tags=["read"]
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
# Two things about each of them matter. Its **work** is the number of floating-point operations, in
# FLOP. Its **traffic** is the number of bytes that go between the chip and its memory, in both
# directions. Divide one by the other and you have its **arithmetic intensity**, in FLOP/B: how much
# the code does with a byte once it has it ([Williams, Waterman and
# Patterson](https://dl.acm.org/doi/10.1145/1498765.1498785), who put it into one picture).
#
# For each element, `triad` multiplies once and adds once. It reads two floats and writes one.
# That's 2 FLOP and 12 bytes.
#
# ### Your turn
# Count for one element of the polynomial of any degree: the FLOP, the floats that are read from
# memory and the floats that are written to it. `value` stays in a register, which is a place on the
# chip itself. So does *x[i]* once it has been read. (1 line: three numbers)


# %%
def polynomial_counts(degree):
    """(FLOP, floats read, floats written) for one element."""
    ### BEGIN SOLUTION
    return 2 * degree, 1, 1
    ### END SOLUTION


polynomial_counts = lk.your_turn("02.t1", polynomial_counts)

# %%
N_FLOATS, N, FLOAT_BYTES = 2**24, 1024, 4
per_element = {  # FLOP, floats read, floats written
    "scale": (1, 1, 1),
    "triad": (2, 2, 1),
    "dot": (2, 2, 0),
    "polynomial 8": polynomial_counts(8),
    "polynomial 64": polynomial_counts(64),
}
work = {
    name: N_FLOATS * lk.workload.Work(flop, reads * FLOAT_BYTES, writes * FLOAT_BYTES)
    for name, (flop, reads, writes) in per_element.items()
}
work["matmul 1024"] = lk.workload.matmul(N, N, N, itemsize=FLOAT_BYTES)  # each matrix moves once

for name, one in work.items():
    lk.show(lk.Reading(name, one.intensity_flop_per_byte, "FLOP/B", "modelled"))

# %% [markdown]
# > **Takeaway.** Read the loop and count FLOP and bytes. A number that stays on the chip costs no
# > traffic, however often it's used, and that's how intensity grows.
#
# ## Two limits
# The machine has two numbers as well. It can do at most `peak` operations a second, and its memory
# brings at most `bandwidth` bytes a second. Code that does little with each byte runs into the
# second limit long before the first.
#
# ### Your turn
# What is the highest rate, in FLOP/s, that code of a given intensity can reach? Ask first how many
# operations a second the memory allows, if each byte that it brings is good for `intensity` of
# them. (1 or 2 lines)


# %%
def attainable(intensity, peak, bandwidth):
    """The highest rate in FLOP/s; intensity in FLOP/B, peak in FLOP/s, bandwidth in B/s."""
    ### BEGIN SOLUTION
    return min(peak, intensity * bandwidth)
    ### END SOLUTION


attainable = lk.your_turn("02.t2", attainable)

# %% [markdown]
# You've just written the **roofline**. Both limits meet where the intensity is peak ÷ bandwidth,
# the **ridge point**. Code below it is **memory-bound**, because it waits for bytes. Code above it
# is **compute-bound**.
#
# Now we measure both limits of this machine. For the bandwidth we take `dot`, because it only
# reads. (Writing has a catch, which we'll come to.) For the peak we take a large matrix product
# from a good library, which is nearly all arithmetic.

# %%
rng = np.random.default_rng(0)
x, y, out = (rng.random(N_FLOATS, dtype=np.float32) for _ in range(3))
a, b = (rng.random((N, N), dtype=np.float32) for _ in range(2))
c = np.empty_like(a)

timings = {"dot": lk.bench(dot, x, y), "matmul 1024": lk.bench(np.matmul, a, b, c)}
bandwidth = timings["dot"].bytes_per_s(work["dot"].bytes, name="bandwidth")
peak = timings["matmul 1024"].flop_per_s(work["matmul 1024"].flop, name="peak")
ridge = (peak / bandwidth).named("ridge point")
lk.show(bandwidth, peak, ridge)

# %% tags=["collapsed"]
lk.expect(
    ridge, work["polynomial 8"].intensity_flop_per_byte, None,
    below="That's an unusually low ridge point: this machine has little arithmetic for its "
    "bandwidth, or something disturbed the matrix product.",
    inside="So triad and the polynomial of degree 8 both lie below the ridge point here: by the "
    "roofline, both wait for memory.",
)  # fmt: skip

# %% [markdown]
# > **Takeaway.** attainable rate = min(peak, intensity × bandwidth). Four numbers, and none of them
# > needs the code to run.
#
# ## Predict, then measure
# Two of our six kernels lie on the roof, because we measured it with them. The other four are the
# test.
#
# **Guess first.** How many times higher is the rate, in FLOP/s, of the polynomial of degree 8 than
# that of `triad`? If only operations counted, it would be 1: the same rate, and the polynomial
# takes eight times as long. If only bytes counted, it would be the ratio of the two intensities,
# which stand above.

# %%
factor_guess = lk.predict("02.a", ...)

# %%
roofs = {
    name: lk.Reading(
        f"roof for {name}", attainable(one.intensity_flop_per_byte, peak.value, bandwidth.value),
        "FLOP/s", of=(peak, bandwidth),
    )
    for name, one in work.items()
}  # fmt: skip
factor_roof = (roofs["polynomial 8"] / roofs["triad"]).named("what the roofline predicts")

poly8, poly64 = polynomial(8), polynomial(64)
timings["scale"] = lk.bench(scale, x, out)
timings["triad"] = lk.bench(triad, x, y, out)
timings["polynomial 8"] = lk.bench(poly8, x, out, name="polynomial 8")
timings["polynomial 64"] = lk.bench(poly64, x, out, name="polynomial 64")
rates = {name: timings[name].flop_per_s(work[name].flop, name=name) for name in work}

lk.show(factor_roof)
factor_guess.against((rates["polynomial 8"] / rates["triad"]).named("polynomial 8 over triad"))

# %% tags=["collapsed"]
# A wrong loop may be fast, so we look at the results, too.
triad(x, y, out)
assert np.allclose(out, x + 3 * y)
assert np.isclose(dot(x, y), np.dot(x.astype(float), y), rtol=1e-3)
poly8(x, out)
expected = x.copy()
for _ in range(8):
    expected = expected * x + np.float32(0.5)
assert np.allclose(out, expected, rtol=1e-4)

time_ratio = timings["polynomial 8"].time() / timings["triad"].time()
lk.expect(
    time_ratio.named("Time of polynomial 8 over triad"), None, 1.1,
    inside="The polynomial does eight times the operations on two thirds of the bytes, and it took "
    "no longer. While a kernel waits for memory, arithmetic is free.",
    above="On this machine the polynomial took longer than triad, so its arithmetic wasn't hidden "
    "behind the waiting: the ridge point above is low, or another program had the cores.",
)  # fmt: skip

# %% [markdown]
# Here are all six. Both axes are logarithmic. On the slope memory is the limit, on the flat part
# arithmetic is.

# %%
here = lk.Roofline("this machine", peak.value, bandwidth.value, "measured")
dots = [
    lk.draw.Dot(name, work[name].intensity_flop_per_byte, rate.value, "measured")
    for name, rate in rates.items()
]
lk.draw.roofline([here], dots, title="Six kernels on this machine")

# %% [markdown]
# If a dot lies above the roof, the roof was measured too low, most likely because other programs
# disturbed the kernel that we measured it with.
#
# > **Takeaway.** Below the ridge point only bytes cost time. There, more arithmetic on the same
# > bytes is free, and fewer bytes make the code faster.
#
# ## Below the roof
# The roof says what's possible, and the gap below it is where you learn something. Take `scale`. On
# a quiet machine it stays well below the slope, although it's memory-bound, because it *writes*.
#
# A CPU moves memory in lines of 64 bytes or more. Before it can change part of a line, it has to
# have the line, so most CPUs read a line from memory before they write to it. That's called
# [**write-allocate**](https://en.wikipedia.org/wiki/Cache_(computing)#Writing_policies). In the
# loop of `scale` you see 4 bytes read and 4 written, but 4 more are read. So if memory is the
# limit, it reaches two thirds of its roof, and `triad`, with 12 bytes in its loop and 16 that move,
# three quarters.

# %%
shares = {
    name: (rates[name] / roofs[name]).named(f"{name}, share of its roof", "%") for name in work
}
lk.show(*(shares[name] for name in ("scale", "triad", "polynomial 8", "polynomial 64")))

# %% tags=["collapsed"]
# A busy machine could fake a difference: dot against itself tells how well it can be seen here.
control = lk.compare(lambda: dot(x, y), lambda: dot(x, y), max_time_s=3)
cpu_kernels = lk.recorded("cpu-kernels")
kept = {row["kernel"]: row for row in cpu_kernels.rows}
kept_rate = {name: row["bytes"] / row["samples_s"][0] for name, row in kept.items()}
lk.expect(
    shares["scale"], 0.55, 0.85,
    below="It's even further below the roof than the hidden reads explain: other programs use this "
    "memory as well.",
    inside="Clearly below the slope, as the hidden reads predict. Two thirds is their full effect. "
    "If it's more here, reading alone didn't use up the memory, because a few cores can wait for "
    "only so many lines at a time.",
    above="More than the hidden reads allow, if memory was the limit. Some CPUs notice that a "
    "whole line will be overwritten, and don't read it. Or dot was disturbed, and the roof is too "
    "low.",
    control=control,
    recorded=lk.Reading(
        "scale over dot, bytes a second", kept_rate["scale"] / kept_rate["dot"], "%",
        of=cpu_kernels, note=cpu_kernels.source,
    ),
)  # fmt: skip

# %% [markdown]
# On most machines `polynomial 64` stays below the *flat* part, where bytes can't explain it. For
# one element, each step needs the result of the step before. The elements don't need each other,
# though, so a core can work on several at once, *if* the compiler has put them side by side. Did
# it? Here are the same steps once more, only that the results are added up instead of stored, for
# which the compiler arranges the elements differently.


# %%
@parallel
def polynomial_64_summed(x):
    total = np.float32(0)
    for i in prange(x.size):
        value = x[i]
        for _ in range(64):
            value = value * x[i] + np.float32(0.5)
        total += value
    return total


stored, summed = timings["polynomial 64"].time(), lk.bench(polynomial_64_summed, x).time()

# %% tags=["collapsed"]
lk.expect(
    (stored / summed).named("polynomial 64, stored over summed"), 1.2, None,
    below="Here both take about the same time, so on this machine the arrangement isn't the limit.",
    inside="The same arithmetic is faster when it's arranged differently. So the chain of steps "
    "wasn't the limit. How many elements the compiled loop works on at once probably was.",
    control=control,
    recorded=lk.Reading(
        "stored over summed",
        kept["polynomial 64, stored"]["samples_s"][0]
        / kept["polynomial 64, summed"]["samples_s"][0],
        "1", of=cpu_kernels, note=cpu_kernels.source,
    ),
)  # fmt: skip

# %% [markdown]
# > **Takeaway.** Ask about the gap. Below the slope, look for bytes that the loop doesn't show.
# > Below the flat part, look for units that have to wait.
#
# ## Which machine would you buy?
# **Play.** Before you drag: which dots will move when you double the bandwidth, and which when you
# double the peak? Can you find a machine on which all six are compute-bound?


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
# > **Takeaway.** More peak moves only what stands on the flat part, and more bandwidth only what
# > stands on the slope. Money that you spend on the other side is wasted.
#
# ## How many tokens fill a GPU?
# To write one token (a word or a piece of one), a language model multiplies a vector that stands
# for it by one weight matrix after the other. That takes 2 FLOP for each weight, and a weight in 16
# bits is 2 bytes, so the intensity is 1 FLOP/B at best.
#
# **Guess first.** How many operations must an H100 do on each byte before its arithmetic is the
# limit? You know your own machine's ridge point by now. A T4, a GPU of 2018, has one of about 200.

# %%
ridge_guess = lk.predict("02.b", ..., "FLOP/B")

# %%
h100 = lk.roofline("h100-sxm", "bf16")
ridge_guess.against((h100.peak / h100.bandwidth).named("H100's ridge point"))
for chip, dtype in (("t4", "fp16"), ("a100-sxm-80", "bf16"), ("h200-sxm", "bf16")):
    roof = lk.roofline(chip, dtype)
    lk.show((roof.peak / roof.bandwidth).named(f"ridge point of {chip}, {dtype}"))

# %% [markdown]
# So with one token at a time, nearly all of an H100's arithmetic has nothing to do. The way out is
# to take many tokens at once: each weight that comes in is then used for all of them.
#
# ### Your turn
# The product of `n` tokens with a `d` × `f` matrix takes 2 *n d f* FLOP. It reads the tokens (*n d*
# numbers) and the weights (*d f*), and it writes the result (*n f*), `itemsize` bytes each. What is
# the smallest whole *n* whose intensity is at least `ridge`? Return `math.inf` if no number is
# enough. (about 4 lines)


# %%
def tokens_to_compute_bound(ridge, d, f, itemsize):
    """The smallest number of tokens whose product reaches the ridge point, or infinity."""
    ### BEGIN SOLUTION
    # 2 n d f >= ridge * itemsize * (n d + d f + n f), solved for n
    gain_per_token = 2 * d * f - ridge * itemsize * (d + f)
    if gain_per_token <= 0:
        return math.inf
    return math.ceil(ridge * itemsize * d * f / gain_per_token)
    ### END SOLUTION


tokens_to_compute_bound = lk.your_turn("02.t3", tokens_to_compute_bound)

# %% [markdown]
# Does a real GPU behave like that? We recorded the product with weights of the language model
# Llama-2-7B on an H200. With far fewer tokens than your number, more of them should cost hardly any
# time. With far more, twice the tokens should take about twice the time.

# %%
batches = lk.recorded("nvidia-h200-batches")
time_s = {row["n_rows"]: row["time_s"] for row in batches.rows}
d, f = batches.rows[0]["n_inner"], batches.rows[0]["n_columns"]
h200 = lk.roofline("h200-sxm", "bf16")
enough = tokens_to_compute_bound(h200.ridge_flop_per_byte, d, f, itemsize=2)
lk.show(
    lk.Reading("tokens until an H200 is compute-bound", enough, "1", "modelled"),
    lk.Reading("time of 128 tokens over 1", time_s[128] / time_s[1], "1", of=batches),
    lk.Reading("time of 1,024 tokens over 512", time_s[1024] / time_s[512], "1", of=batches),
)
print(f"({batches.source})")

# %% [markdown]
# It does. The first 128 tokens hardly cost more than one, because all the weights have to come
# anyway.
#
# > **Takeaway.** A language model that writes for one user, a token at a time, is memory-bound on
# > any GPU. It takes a few hundred tokens at once to keep the arithmetic busy.
#
# ## Back to Google's chip
# The paper draws a roofline of its chip, and counts multiply-adds (two operations each) per byte of
# *weights*, because the weights are what its memory brings. First the two limits, 65,536
# multipliers at 700 MHz, and 34 GB/s of memory.

# %%
chip = lk.published("tpu-v1-peak").rows[0]
printed = lk.published("tpu-v1-ridge").rows[0]
peak_op_per_s = 2 * chip["n_macs"] * chip["clock_hz"]
tpu = lk.Roofline("TPU v1", peak_op_per_s, printed["bandwidth_bytes_per_s"], "modelled")
lk.show(
    lk.Reading("peak of the TPU", peak_op_per_s, "OP/s", "modelled"),
    lk.Reading("ridge point of the TPU", tpu.ridge_flop_per_byte, "OP/B", "modelled"),
)
assert abs(peak_op_per_s / chip["peak_op_per_s"] - 1) < 0.003
assert abs(tpu.ridge_flop_per_byte / 2 / printed["ridge_mac_per_byte"] - 1) < 0.003

# %% [markdown]
# **Guess first.** LSTM1's 2.8 trillion operations a second are 3 % of the peak. What share of *its
# own roof* are they? It does 96 multiply-adds, so 192 operations, with each byte of weights.

# %%
share_guess = lk.predict("02.c", ..., "%")

# %%
applications = lk.published("tpu-v1-applications")
share = {}
for row in applications.rows:
    roof = attainable(2 * row["intensity_mac_per_byte"], tpu.peak_flop_per_s, tpu.peak_bytes_per_s)
    share[row["app"]] = row["achieved_op_per_s"] / roof
    name = f"{row['app']}, {row['achieved_op_per_s'] / 1e12:.1f} TOP/s, share of its roof"
    lk.show(lk.Reading(name, share[row["app"]], "%", of=applications))

share_guess.against(lk.Reading("LSTM1, share of its roof", share["LSTM1"], "%", of=applications))

# %% tags=["collapsed"]
dots = [
    lk.draw.Dot(
        row["app"], 2 * row["intensity_mac_per_byte"], row["achieved_op_per_s"], "published"
    )
    for row in applications.rows
]
lk.draw.roofline(
    [tpu], dots, title="TPU v1 and its six applications (Jouppi et al. 2017)", unit="OP"
)

# %% [markdown]
# That's most of the answer. LSTM1 does too little with each byte: with this memory, no compiler
# could have got more than 7 % of the peak out of it. Four of the six are on the slope like that.
# CNN0, with its 86 trillion, is on the flat part.
#
# The odd one is CNN1. It stands just to the right of the ridge point, where only arithmetic should
# limit it, and it's the furthest below its roof. The roofline can't say why, but the chip's own
# counters can:

# %% tags=["collapsed"]
cnn1 = next(row for row in applications.rows if row["app"] == "CNN1")
waiting = cnn1["weight_stall_fraction"] + cnn1["weight_shift_fraction"]
busy = cnn1["useful_mac_fraction"] / cnn1["array_active_fraction"]
right_of_ridge = 2 * cnn1["intensity_mac_per_byte"] / tpu.ridge_flop_per_byte
assert share["CNN1"] == min(share.values())
assert tpu.attainable_flop_per_s(2 * 96) / tpu.peak_flop_per_s < 0.0715  # the 7 % of the text
k80 = lk.published("tpu-v1-ridge").rows[2]["bandwidth_bytes_per_s"]
lk.show(
    lk.Reading("CNN1, intensity over the ridge point", right_of_ridge, "1", of=applications),
    lk.Reading("CNN1, cycles spent on weights", waiting, "%", of=applications),
    lk.Reading("CNN1, multipliers in use while the array works", busy, "%", of=applications),
    lk.Reading(
        "bandwidth of the K80's memory over the TPU's", k80 / printed["bandwidth_bytes_per_s"],
        "1", of=lk.published("tpu-v1-ridge"),
    ),
)  # fmt: skip

# %% [markdown]
# Four of its layers use each weight only 32 times, so CNN1 spends a third of all cycles on getting
# weights, and *the average hides that*. Many of its other layers are too small to fill the chip,
# which leaves half of the 65,536 multipliers without anything to multiply.
#
# So what would you have changed in the next chip? Google's engineers did the calculation that you
# did with the sliders. In their model the chip kept its arithmetic and got the memory of a graphics
# card, the K80. That alone would have tripled the rates that the six reach.
#
# > **Takeaway.** A program is made of parts, and each has an intensity of its own. One average can
# > hide two programs.
#
# **Next**: the [exercises](../exercises/02_roofline.ipynb), then [CPU
# parallelism](03_cpu_parallelism.ipynb).
