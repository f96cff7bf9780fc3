# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 · First kernels
# *One function, ten thousand threads: who does what, and who stands idle?*
#
# **You will be able to** launch a kernel over any array, guard its edges, and say which lanes of a
# warp are at work · **Needs** 00, 02 · **Takes** {time} · **Runs on** a CPU; where a CUDA GPU is,
# the kernels run there

# %%
import math

import numpy as np
from numba import njit

import labkit as lk
from labkit import cuda

# %% [markdown]
# `cuda` is `numba.cuda` where this machine has a CUDA GPU.
# Elsewhere it is an **executor** that runs the same kernels on the CPU, every thread of them, and
# gives the same results. It says nothing about a GPU's *time*; it counts what a GPU would *do*.
#
# ## Who am I?
# A **kernel** is a function that every thread runs. The threads come in **blocks**, the blocks make
# the **grid**: `kernel[blocks, threads_per_block](...)`.


# %%
@cuda.jit
def who_am_i(block, thread):
    i = cuda.grid(1)
    block[i] = cuda.blockIdx.x
    thread[i] = cuda.threadIdx.x


block, thread = np.zeros(12, np.int32), np.zeros(12, np.int32)
who_am_i[3, 4](block, thread)
print("block ", block)
print("thread", thread)

# %% [markdown]
# Three blocks of four threads. Each thread found its own place `i`, and nobody wrote a loop:
#
# $$i = \text{blockIdx} \times \text{blockDim} + \text{threadIdx}$$
#
# `cuda.grid(1)` is this sum, for one axis.

# %%
assert (block * 4 + thread == np.arange(12)).all()

# %% [markdown]
# ## The edge
# **Guess first.** An array has 1,000 elements, a block 256 threads.
# With as few blocks as will do, how many threads find no element?

# %%
my_guess = ...
idle_guess = lk.predict("05.a", my_guess)

# %%
N, THREADS = 1000, 256
blocks = math.ceil(N / THREADS)
idle_guess.against(lk.Reading("threads without an element", blocks * THREADS - N, "1", "modelled"))

# %% [markdown]
# Blocks are all of one size, so the last one nearly always hangs over the edge.
#
# **Play.** Read it: a row is a block, a box a thread with its `i`. Can you cover 50 elements with
# no thread to spare? And what happens with one block too few?


# %%
def cover(elements, blocks, threads):
    return lk.draw.launch(elements, blocks, threads)


lk.Explorer(cover, elements=(1, 128, 50), blocks=(1, 8, 4), threads=[16, 8, 10, 32])

# %% [markdown]
# The threads beyond the edge run like all others. What do they do?


# %%
@cuda.jit
def fahrenheit_no_guard(celsius, out):
    i = cuda.grid(1)
    out[i] = 1.8 * celsius[i] + 32


celsius = np.linspace(-20, 40, N)
out = np.zeros(N)
lk.sanitize(fahrenheit_no_guard[blocks, THREADS], celsius, out)

# %% [markdown]
# `lk.sanitize` runs a kernel and reports what is wrong with it. A GPU mostly says **nothing**: it
# reads and writes whatever lies behind the array, and the thousand results are *right*.
# A test of values alone passes such a kernel, and has done so in well-known collections of puzzles.
#
# The cure is one line, the **guard**. An empty list means nothing was found:


# %%
@cuda.jit
def fahrenheit(celsius, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = 1.8 * celsius[i] + 32


fahrenheit[blocks, THREADS](celsius, out)
assert np.allclose(out, 1.8 * celsius + 32)
lk.sanitize(fahrenheit[blocks, THREADS], celsius, out)

# %% [markdown]
# ## Map, zip, and numba's own examples
# One array in, one out, is a **map**. Two in, one out, is a **zip**.
# Here is a zip from numba's documentation, with the arrays put on the device by hand. (A NumPy
# array goes there and back by itself, at each launch: lesson 04 showed what that costs.)


# %%
@cuda.jit
def add(a, b, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = a[i] + b[i]


rng = np.random.default_rng(0)
a, b = cuda.to_device(rng.random(100_000)), cuda.to_device(rng.random(100_000))
total = cuda.device_array_like(a)
add.forall(total.size)(a, b, total)  # forall chooses the blocks
assert (total.copy_to_host() == a.copy_to_host() + b.copy_to_host()).all()

# %% [markdown]
# A kernel may call a function that also runs on the CPU. The documentation prints three results of
# this one. Does our kernel find the same?


# %%
@njit
def business_logic(x, y, z):
    return 4 * z * (2 * x - (4 * y) / 2 * math.pi)


@cuda.jit
def apply_logic(x, y, z, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = business_logic(x[i], y[i], z[i])


printed = lk.published("numba-docs-compatibility")
x, y, z = (np.array([row[name] for row in printed.rows]) for name in "xyz")
logic = np.zeros(len(printed.rows))
apply_logic[1, 32](x, y, z, logic)

for row, ours in zip(printed.rows, logic, strict=True):
    print(f"published {row['result']:>19}   ours {ours:>19}")
assert np.allclose(logic, [row["result"] for row in printed.rows], rtol=1e-14, atol=0)

# %% [markdown]
# And a bigger one: a million threads, each with random numbers of its own, estimate
# $\int dx / x$. Generator and seed are those of the documentation. So our estimate must be the
# printed one to the last digit, *error included*.

# %%
uniform = cuda.random.xoroshiro128p_uniform_float32


@cuda.jit
def one_over_x(states, low, high, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = 1.0 / (uniform(states, i) * (high - low) + low)


# %%
printed = lk.published("numba-docs-integral")
n_samples = printed.rows[0]["n_samples"]
states = cuda.random.create_xoroshiro128p_states(n_samples, seed=42)
samples = cuda.device_array(n_samples, np.float32)

for row in printed.rows:
    low, high = row["low"], row["high"]
    one_over_x.forall(n_samples)(cuda.to_device(states.copy_to_host()), low, high, samples)
    ours = samples.copy_to_host().sum(dtype=np.float64) * (high - low) / (n_samples - 1)
    print(f"published {row['integral']}   ours {ours:.7f}   exact {math.log(high / low):.7f}")
    assert f"{ours:.7f}" == f"{row['integral']:.7f}"

# %% [markdown]
# ## Two axes
# Grids and blocks have up to three axes. `cuda.grid(2)` gives `x` first, and **x is the column**:
# the axis along which memory runs. Lesson 06 shows what it costs to swap them; here it is a bug.


# %%
@cuda.jit
def blend_swapped(top, bottom, weight, out):
    row, col = cuda.grid(2)
    if col < out.shape[0] and row < out.shape[1]:
        out[row, col] = weight * top[row, col] + (1 - weight) * bottom[row, col]


ROWS, COLUMNS, TILE = 30, 50, (16, 16)
grid = (math.ceil(COLUMNS / 16), math.ceil(ROWS / 16))
top, bottom = rng.random((2, ROWS, COLUMNS))
blended = np.zeros((ROWS, COLUMNS))
lk.sanitize(blend_swapped[grid, TILE], top, bottom, 0.25, blended)


# %% [markdown]
# On a square image nobody would have noticed. So test on shapes that are neither square nor a
# multiple of the block.


# %%
@cuda.jit
def blend(top, bottom, weight, out):
    col, row = cuda.grid(2)
    if row < out.shape[0] and col < out.shape[1]:
        out[row, col] = weight * top[row, col] + (1 - weight) * bottom[row, col]


blend[grid, TILE](top, bottom, 0.25, blended)
assert np.allclose(blended, 0.25 * top + 0.75 * bottom)
lk.sanitize(blend[grid, TILE], top, bottom, 0.25, blended)

# %% [markdown]
# A **broadcast** is the same with inputs that lack an axis: each thread simply reads what it needs.


# %%
@cuda.jit
def times_table(left, top, out):
    col, row = cuda.grid(2)
    if row < out.shape[0] and col < out.shape[1]:
        out[row, col] = left[row] * top[col]


table = np.zeros((3, 9), np.int32)
times_table[1, TILE](np.arange(1, 4), np.arange(1, 10), table)
print(table)

# %% [markdown]
# ## The warp
# The hardware does not run threads one by one. It bundles 32 neighbours into a **warp**, and gives
# all of its **lanes** the same instruction at the same time. Where lanes disagree about an `if`,
# the warp walks *both* ways, one after the other, each time with some lanes switched off: it
# **diverges**.


# %%
@cuda.jit
def odd_even(x, out):
    i = cuda.grid(1)
    if i < out.size:
        if i % 2 == 0:
            out[i] = x[i] + 1
        else:
            out[i] = x[i] - 1


counts = lk.profile(odd_even[1, 32], np.zeros(20), np.zeros(20))
lk.draw.film(counts)[-1]

# %% [markdown]
# Read it: a row is a branch as the warp meets it, a column one of its 32 lanes. The guard switches
# the lanes beyond the array off for good; the two sides of the second `if` share the rest.
#
# ## Step a warp
# Take any number. Halve it if it is even, else triple it and add one; repeat until it is 1.
# One thread counts the steps of one number.


# %%
@cuda.jit
def collatz(numbers, steps):
    i = cuda.grid(1)
    if i < numbers.size:
        n = numbers[i]
        count = 0
        while n != 1:
            if n % 2 == 0:
                n //= 2
            else:
                n = 3 * n + 1
            count += 1
        steps[i] = count


numbers, steps = np.arange(1, 21), np.zeros(20, np.int32)
counts = lk.profile(collatz[1, 32], numbers, steps)
print(steps)

# %% [markdown]
# **Guess first.** In an executed instruction of this warp, how many of its 32 lanes are at work on
# average?

# %%
my_guess = ...
lanes_guess = lk.predict("05.b", my_guess)

# %%
lanes_guess.against(lk.Reading("lanes at work", counts.threads_per_instruction, "1", "simulated"))

# %% [markdown]
# **Play.** Step through the branches. Who leaves the loop first, who keeps the whole warp waiting?

# %%
player = lk.Player(lk.draw.film(counts))
player.i = len(player.frames) - 1
player

# %% [markdown]
# A warp runs as long as its **slowest lane**: at the end a few lanes turn round alone.
# Blue and orange in one row of `if n % 2` mean that the warp walks both sides.
#
# ## Move one lever: who shares a warp
# The lanes of a warp are neighbours in `i`. So the *order of the data* decides who waits for whom.
#
# **Guess first.** We hand the same 4,096 numbers over, sorted by the steps they need.
# By what factor do the warps execute fewer instructions?

# %%
my_guess = ...
sorted_guess = lk.predict("05.c", my_guess)

# %%
numbers = np.arange(1, 4097)
steps = np.zeros(numbers.size, np.int32)
as_they_come = lk.profile(collatz[16, 256], numbers, steps)
by_length = lk.profile(collatz[16, 256], numbers[np.argsort(steps)], steps)

for name, counts in (("as they come", as_they_come), ("sorted", by_length)):
    print(f"{name:12} {counts.instructions:8,} instructions of warps, "
          f"{counts.threads_per_instruction:.1f} of 32 lanes at work")  # fmt: skip
assert as_they_come.lanes == by_length.lanes, "the threads do the same work"
sorted_guess.against(
    lk.Reading(
        "fewer instructions", as_they_come.instructions / by_length.instructions, "1", "simulated"
    )
)

# %% [markdown]
# The threads did exactly the same work. Only the company changed.
# (An *instruction* here is an operation of the source. A compiler may turn a short `if` into
# something that does not branch at all, so compare such counts, and do not read them as time.)
#
# ## How many threads in a block?
# Warps never reach across blocks. A block of 33 threads is two warps, the second with one lane.

# %%
for threads in (16, 32, 33, 48, 256):
    blocks = math.ceil(N / threads)
    counts = lk.profile(fahrenheit[blocks, threads], celsius, out)
    print(f"{threads:3} threads: {blocks * math.ceil(threads / 32):2} warps, "
          f"{counts.threads_per_instruction:4.1f} of 32 lanes at work")  # fmt: skip

# %% [markdown]
# So take a multiple of 32. Between 128 and 256 is a good start: enough warps for the hardware to
# switch between while some of them wait, and blocks small enough to spread evenly. Lesson 08 counts
# this properly (*occupancy*).
#
# ## What you now know
# - **Launch**: `kernel[blocks, threads]`, and `i = blockIdx × blockDim + threadIdx`: the first
#   kernel.
# - **Guard** every axis, and let `lk.sanitize` look, because right values prove nothing:
#   `fahrenheit_no_guard`.
# - **Count lanes**: a warp walks every way that one of its lanes takes, and waits for the slowest:
#   the Collatz film.
#
# **Next**: the exercises; then `06_memory`: all lanes at work, and most bytes moved for nothing.
# Sources: numba's documentation, *CUDA Python: examples*; NVIDIA, *CUDA C++ Programming Guide*,
# chapter on the programming model.
