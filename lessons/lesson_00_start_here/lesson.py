# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 · Start here
# In February 2025 the company Sakana AI announced a system that writes programs for GPUs, the
# processors on which most AI models are trained. Its programs, the company said, ran up to 100
# times faster than the usual ones. By the next day somebody had run one of them again and found it
# three times *slower*, and the company took its claim back
# ([TechCrunch](https://techcrunch.com/2025/02/21/sakana-walks-back-claims-that-its-ai-can-dramatically-speed-up-model-training/)).
# The system had found holes in the test, through which a program could pass without doing its work.
#
# **The question of this lesson**: how fast is the machine in front of you, and how would you know
# that a number about it is true?
#
# At the end you'll be able to refute such a claim in three lines, without owning a GPU. The whole
# course works like this: you **predict, measure and explain**. A guess takes a second and makes the
# answer stick, so we ask you for one before each answer.
#
# *{time} Needs nothing but a little Python.*
#
# ## What is this machine?
# The next cell looks for what your machine has and prints its **passport**.

# %%
import textwrap

import numpy as np

import labkit as lk

lk.show(lk.machine())

# %% [markdown]
# Each line begins with where it comes from. What couldn't be found says *unknown* and why, and is
# never a zero or a guess. There are words here that you won't know yet; each has its lesson later.
#
# One line you do need now, *usable CPU*, and people overlook it. On a hub or in a container you may
# be allowed two cores of a machine with 24, and your program still sees all of them. At Uber, a
# load balancer in that position ran 24 threads at a time and served half as many requests a second
# as it did with two ([automaxprocs](https://github.com/uber-go/automaxprocs#performance)).
#
# > **Takeaway.** Before you ask how fast a machine is, ask how much of it is yours.
#
# ## How fast does it move bytes?
# We begin with the simplest work there is: we copy 128 MiB from one array to another and compute
# nothing. A time alone wouldn't say much. So we count all the bytes that move, the **traffic**, and
# divide that by the time. The result is the **bandwidth**, which you can compare with any
# machine's.
#
# **Guess first.** How many gigabytes does your machine move in a second? A USB stick moves about
# 0.1. Most laptops have two channels of memory, and a channel of the kind DDR5-5600 can move 8
# bytes 5.6 billion times a second, so 45 GB. An H100, the GPU that many large models were trained
# on, has memory for 3,350. Write a number in place of the dots; nobody else sees it.

# %%
copy_guess = lk.predict("00.a", ..., "GB/s")

# %% [markdown]
# ### Your turn
# `n` numbers of `itemsize` bytes each were copied in `time_s` seconds. How many bytes moved a
# second? Remember that a copy does two things with each number. (1 or 2 lines)


# %%
def copy_bytes_per_s(n, itemsize, time_s):
    """The bandwidth of a copy of `n` numbers, reads and writes together, in bytes per second."""
    ### BEGIN SOLUTION
    moved_bytes = 2 * n * itemsize  # each number is read, and written
    return moved_bytes / time_s
    ### END SOLUTION


copy_bytes_per_s = lk.your_turn("00.t1", copy_bytes_per_s)

# %%
N_FLOATS = 2**24  # of 8 bytes
source, target = np.ones(N_FLOATS), np.zeros(N_FLOATS)

copy_time = lk.bench(np.copyto, target, source, name="copy of 128 MiB")
copied = lk.workload.copy(N_FLOATS, itemsize=8)  # counts its bytes and its operations
bandwidth = copy_time.bytes_per_s(copied.bytes, name="copy bandwidth")
assert np.isclose(copy_bytes_per_s(N_FLOATS, 8, copy_time.median_s), bandwidth.value)

lk.show(copy_time)
copy_guess.against(bandwidth)

# %% tags=["collapsed"]
lk.expect(
    bandwidth, 3e9, 6e11,
    below="That is less than one channel of ten-year-old memory can do. Other programs, or a quota "
    "on your CPU time, probably held it up.",
    inside="That is what one would expect of a computer's main memory.",
    above="That is more than almost any CPU's memory can do. Your last cache may be large enough "
    "to hold the 256 MiB of both arrays, and then you measured the cache.",
)  # fmt: skip

# %% [markdown]
# `lk.bench` ran the copy many times. The line shows the median and an interval, and how it gets
# them honestly is the whole of [lesson 01](01_honest_timing.ipynb).
#
# How good is your number? A **data sheet** says the most that a chip's memory can do. Here it is
# for Google's first chip for AI (2015), a GPU of 2018 and the H100 (2022):

# %%
for name in ("tpu-v1", "t4", "h100-sxm"):
    lk.show(lk.chip(name).bandwidth)

h100 = lk.chip("h100-sxm")
ahead = h100.bandwidth / bandwidth
lk.show(lk.Reading("your time for what an H100 moves in a second", ahead.value, "s", of=ahead))

# %% [markdown]
# > **Takeaway.** A time says little. Divide the bytes that moved, reads *and* writes, by it, and
# > you can hold your machine against any other.
#
# ## How fast does it compute?
# A product of two *n* × *n* matrices has *n*² results. Each takes *n* multiplications and, as
# everybody counts it, *n* additions. That makes 2 *n*³ **floating-point operations** (FLOP), on
# only 3 *n*² numbers.
#
# **Guess first.** How many **GFLOP/s**, billions of operations a second, does your machine reach
# with 1,024 × 1,024 numbers of 32 bits? A core that did one operation in each clock cycle would
# reach about 3. An H100 can reach 67,000 with such numbers.

# %%
matmul_guess = lk.predict("00.b", ..., "GFLOP/s")

# %%
N = 1024
a = np.random.default_rng(0).random((N, N), dtype=np.float32)
b = np.random.default_rng(1).random((N, N), dtype=np.float32)
c = np.empty((N, N), dtype=np.float32)

matmul_time = lk.bench(np.matmul, a, b, c, name="matmul 1024")
multiplied = lk.workload.matmul(N, N, N, itemsize=4)
assert multiplied.flop == 2 * N**3
rate = matmul_time.flop_per_s(multiplied.flop, name="matmul rate")
matmul_guess.against(rate)

# %% [markdown]
# How can it be so much more than 3? A core works on 4 to 16 numbers with one instruction ([lesson
# 03](03_cpu_parallelism.ipynb)), starts up to two such instructions in a cycle (some start four),
# each of which multiplies *and* adds, and you probably have several cores. Multiply all that by the
# clock, and you have a limit for your own CPU:

# %%
peak = lk.plan.modelled_cpu_peak(lk.machine(), "fp32")
lk.show(peak)

# %% tags=["collapsed"]
share = (rate / peak).named("share of the CPU's peak", "%")
lk.show(share)
lk.expect(
    share, 0.4, 1,
    below="NumPy's library usually comes closer. Perhaps other programs used your cores, or a core "
    "of yours can start only one such instruction in a cycle.",
    inside="NumPy's library uses most of what your cores have.",
    above="More than the limit: the clock that the system reports is lower than the one at which "
    "your CPU really ran.",
)  # fmt: skip
lk.show(
    lk.Reading("operations per byte of the copy", copied.intensity_flop_per_byte, "FLOP/B",
               "modelled"),
    lk.Reading("operations per byte of the product", multiplied.intensity_flop_per_byte, "FLOP/B",
               "modelled"),
)  # fmt: skip

# %% [markdown]
# The copy computes nothing and waits for memory. The product uses each number about a thousand
# times, so memory hardly matters. One figure tells the two apart, the **arithmetic intensity**:
# operations per byte. [Lesson 02](02_roofline.ipynb) turns it into a prediction of speed.
#
# > **Takeaway.** Every machine has two limits: the bytes that it can move in a second, and the
# > operations that it can do.
#
# ## Is the answer right?
# A fast wrong answer is easy to make, so check the product before you believe its speed. Doing it
# again would take as long. There is a cheaper way
# ([Freivalds' algorithm](https://en.wikipedia.org/wiki/Freivalds%27_algorithm)): take a random
# vector *x*. If *C* is the product of *A* and *B*, then *C x* equals *A (B x)*, and products with a
# vector cost next to nothing. If an element of *C* is wrong, they almost surely differ. (An
# error as small as the rounding of such a long sum can still hide.)
#
# ### Your turn
# Do that, and mind the brackets: `a @ b @ x` would multiply the two matrices after all. Numbers of
# 32 bits are rounded, so compare with `np.allclose(left, right, rtol=1e-5)` rather than `==`. (2
# lines; `rng.random(n)` gives a vector of *n* random numbers between 0 and 1)

# %%
rng = np.random.default_rng()


def is_product(a, b, c):
    """Whether `c` is `a @ b`, up to rounding."""
    ### BEGIN SOLUTION
    x = rng.random(c.shape[1])
    return np.allclose(c @ x, a @ (b @ x), rtol=1e-5)
    ### END SOLUTION


is_product = lk.your_turn("00.t2", is_product)
print("the product is right:", bool(is_product(a, b, c)))

# %% [markdown]
# > **Takeaway.** Checking an answer can be far cheaper than computing it, so check before you
# > believe a speed.
#
# ## The fastest product in the world
# Here is a program that beats NumPy by far. We measure it as we did the other, and check it, too.


# %%
def nothing(a, b, c):
    pass


nothing_time = lk.bench(nothing, a, b, c, name="a product that does nothing")
claim = nothing_time.flop_per_s(multiplied.flop, name="the rate that it claims")
lk.show(claim)
print("the product is right:", bool(is_product(a, b, c)))

# %% [markdown]
# It passes! `c` still holds the right answer from before. This is how programs that did no work at
# all passed real tests: the result was read from memory in which the reference had just left it
# ([KernelBench](https://scalingintelligence.stanford.edu/blogs/kernelbenchv01/)). There are two
# cures. One is to wipe the result first:

# %%
c[:] = np.nan
nothing(a, b, c)
print("the product is right:", bool(is_product(a, b, c)))

# %% [markdown]
# The other needs no access to the program: hold the claim against what the machine can do at most.
# An H100 is out of reach for any CPU, so its data sheet is limit enough:

# %%
too_much = (claim / h100.peak("fp32")).named("what it claims over an H100's peak")
lk.show(too_much)

# %% tags=["collapsed"]
lk.expect(
    too_much, None, 1,
    inside="Calling a function takes so long here that the claim stays below that. Your own CPU's "
    "peak refutes it all the same.",
    above="Not even an H100 could do that, so something is wrong, whatever the test says.",
)  # fmt: skip

# %% [markdown]
# > **Takeaway.** A speed counts only with a checked answer, and a check counts only if a wrong
# > answer can fail it.
#
# ## Your machine beside others
# **Play.** Choose a chip. A bar says how many times its data sheet is ahead of what your machine
# just reached; from one grid line to the next it's ten times. Which bar is longer? (Both sides
# compute with 32-bit numbers here. A GPU's rate for 16 bits is many times higher, but that would
# be a comparison of two different things.)


# %%
def against_catalogue(chip):
    other = lk.chip(chip)
    memory, arithmetic = other.bandwidth / bandwidth, other.peak("fp32") / rate
    ratios = {"memory": memory, "fp32 arithmetic": arithmetic}
    return lk.draw.factors(ratios, "times this machine", title=f"{other.name}, by its data sheet")


CHIPS = ["h100-sxm", "t4", "a100-sxm-80", "h200-sxm", "mi300x", "l4"]
lk.Explorer(against_catalogue, chip=CHIPS)

# %% [markdown]
# > **Takeaway.** Say what is compared with what. A data sheet tells the most that is possible, a
# > measurement what was reached, and both must be about the same kind of numbers.
#
# ## Where does a number come from?
# The same figure means different things when it was timed here, counted, calculated, kept or
# quoted. So every number of this course says its **origin**:
#
# | origin | it was | trust it |
# | --- | --- | --- |
# | `measured` | timed here, just now | for this machine, today |
# | `recorded` | measured on a named machine, on a date | for that machine |
# | `simulated` | counted, step by step, by a program | as far as its rules are right |
# | `modelled` | calculated by a formula | as far as the formula holds |
# | `published` | quoted from a source | as far as you trust the source |
#
# And a number that was computed from others? **It is modelled, unless all its inputs were measured
# in the same run and it's only a ratio or a sum of them.** Your bandwidth is a count of bytes over
# a measured time, so it's measured. Divide a data sheet's figure by it, and the result is modelled.

# %%
# Most CPUs read memory in lines of 64 bytes. How many does a loop over every 16th double touch?
cache_lines = {element * 8 // 64 for element in range(0, 4096, 16)}
a100_log = lk.recorded("nersc-sc24-epochs")
a100_rate = a100_log.rows[0]["epochs_samples_per_s"][-1]

lk.show(
    bandwidth,
    lk.Reading("a vision transformer trained on an A100", a100_rate, "samples/s", "recorded",
               source=a100_log.source),
    lk.Reading("lines of 64 bytes that the loop touches", len(cache_lines), "1", "simulated"),
    lk.Reading("your copy on an H100", copied.bytes / h100.bandwidth.value, "s",
               of=h100.bandwidth),
    h100.bandwidth,
)  # fmt: skip

# %% [markdown]
# The fourth isn't a measurement, because nobody ran your copy on an H100 here. It's a formula with
# a published number in it, and it assumes a perfect copy. A number without an origin is refused:

# %%
try:
    lk.show(12.3)
except TypeError as refusal:
    print(textwrap.fill(str(refusal), 80))

# %% [markdown]
# > **Takeaway.** Ask of every number where it comes from. What was measured elsewhere, calculated
# > or quoted need not be true of your machine.
#
# ## Back to the hundredfold
# How can anybody see that a claim is too good, without a GPU? In July 2025 the authors of
# KernelBench, from which the system had its tasks, published [a
# rule](https://scalingintelligence.stanford.edu/blogs/kernelbenchv01/): count the operations and
# the bytes, and divide each by what the chip can do at most in a second. Nobody can be faster than
# the longer of the two times, if the work takes that many operations, and if the bytes come from
# memory and not from a cache. Their example is a product of 4,096 × 4,096 numbers of 16 bits on an
# H100, and they got 0.138 ms. Do we?

# %%
product = lk.workload.matmul(4096, 4096, 4096, itemsize=2)
most_flop, most_bytes = h100.peak("bf16"), h100.bandwidth  # in a second
compute_s, move_s = product.flop / most_flop.value, product.bytes / most_bytes.value
published = lk.published("kernelbench-speed-of-light")
lk.show(
    lk.Reading("to compute", compute_s, "s", of=most_flop),
    lk.Reading("to move the bytes", move_s, "s", of=most_bytes),
    lk.Reading("the limit by KernelBench", published.rows[0]["compute_s"], "s", "published",
               source=published.source),
)  # fmt: skip

# %% [markdown]
# (The last digit differs because they rounded on the way.) So whoever reports less has found one of
# three things: a way that needs [fewer
# operations](https://en.wikipedia.org/wiki/Strassen_algorithm), new physics, or a hole in the test.
# It's usually the hole.
#
# Now you know how fast your machine is, and how you'd know that it's true: predict what's possible,
# measure it, check the answer, and say where each number comes from.
#
# **Next**: the [exercises](../exercises/00_start_here.ipynb), in which you'll catch such reports
# yourself; then [honest timing](01_honest_timing.ipynb), in which the stopwatch is what lies. Your
# progress so far:

# %% tags=["nbval-ignore-output"]
lk.progress()
