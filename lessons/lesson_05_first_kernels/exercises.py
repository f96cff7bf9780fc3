# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 · First kernels: exercises
# You'll plan a launch, write three kernels that somebody really uses, and mend one that is right
# but wasteful. Each check tries your kernel on several shapes, most of which no block divides, and
# looks at every access that it makes. A step beyond the end of an array is reported with its line.

# %%
import math

import numpy as np
from numba import njit

import labkit as lk
from labkit import cuda

# %% [markdown]
# ## 05.1 What a launch really starts
# You ask for `n` elements in blocks of `threads` threads, one thread for each element, and as few
# blocks as will do. How many blocks does the GPU start, how many warps are these, and how many
# lanes of those warps have no element? Remember that a warp always has 32 lanes, and that it never
# reaches across blocks. (4 lines)


# %%
def launch_plan(n, threads):
    """(blocks, warps, lanes without an element) of a launch that covers `n` elements."""
    ### BEGIN SOLUTION
    blocks = math.ceil(n / threads)
    warps = blocks * math.ceil(threads / 32)
    return blocks, warps, 32 * warps - n
    ### END SOLUTION


# %%
lk.check("05.1", launch_plan)

# %% [markdown]
# ## 05.2 Three arrays in, one out
# A kernel may call an ordinary function, as long as `njit` or `cuda.jit(device=True)` has compiled
# it. This one is from [numba's
# documentation](https://nvidia.github.io/numba-cuda/user/examples.html), which prints three of its
# results. The same function runs on the CPU and inside a kernel.


# %%
@njit
def business_logic(x, y, z):
    return 4 * z * (2 * x - (4 * y) / 2 * math.pi)


printed = lk.published("numba-docs-compatibility")
for row in printed.rows:
    x, y, z, result = (row[name] for name in ("x", "y", "z", "result"))
    print(f"business_logic({x}, {y}, {z}): {result} published, {business_logic(x, y, z)} here")

# %% [markdown]
# Write the kernel that applies it to three arrays, element by element. The check also holds it
# against the three printed results. (3 lines)


# %%
@cuda.jit
def apply_logic(x, y, z, out):
    """out = business_logic(x, y, z), element by element."""
    ### BEGIN SOLUTION
    i = cuda.grid(1)
    if i < out.size:
        out[i] = business_logic(x[i], y[i], z[i])
    ### END SOLUTION


# %%
lk.check("05.2", apply_logic)

# %% [markdown]
# ## 05.3 Pool as AlexNet does
# AlexNet shrinks its pictures by **max pooling**. Each element of the output is the largest in a
# square of 3 × 3 elements of the input, and from one square to the next it's 2 steps, so that
# neighbouring squares overlap ([section 3.4 of the
# paper](https://proceedings.neurips.cc/paper_files/paper/2012/file/c399862d3b9d6b76c8436e924a68c45b-Paper.pdf)).
#
# So `out[row, col]` becomes the largest of the nine elements whose upper left corner is `image[2 *
# row, 2 * col]`. The image is large enough for every element of `out`. Start a thread for each
# element of `out`, not of `image`. `max(a, b)` works in a kernel. (about 7 lines)


# %%
@cuda.jit
def max_pool(image, out):
    """The largest element of each 3 x 3 square of image, in steps of 2."""
    ### BEGIN SOLUTION
    col, row = cuda.grid(2)
    if row < out.shape[0] and col < out.shape[1]:
        largest = image[2 * row, 2 * col]
        for down in range(3):
            for right in range(3):
                largest = max(largest, image[2 * row + down, 2 * col + right])
        out[row, col] = largest
    ### END SOLUTION


# %%
lk.check("05.3", max_pool)

# %% [markdown]
# ## 05.4 An integral by chance
# Here is a whole example from [numba's
# documentation](https://nvidia.github.io/numba-cuda/user/examples.html). It estimates $\int dx / x$
# as the mean of 1/x at a million random points: a million threads, one point each, and every thread
# has a random number generator of its own. We use the same generators and the same seed, so our
# estimate has to be the printed one to the last digit, *including its error*.

# %%
uniform = cuda.random.xoroshiro128p_uniform_float32


@cuda.jit
def one_over_x(states, low, high, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = 1.0 / (uniform(states, i) * (high - low) + low)


# %%
printed = lk.published("numba-docs-integral")
n_points = printed.rows[0]["n_samples"]
states = cuda.random.create_xoroshiro128p_states(n_points, seed=42)
samples = cuda.device_array(n_points, np.float32)

for row in printed.rows:
    low, high = row["low"], row["high"]
    one_over_x.forall(n_points)(cuda.to_device(states.copy_to_host()), low, high, samples)
    ours = samples.copy_to_host().sum(dtype=np.float64) * (high - low) / (n_points - 1)
    print(f"published {row['integral']}   here {ours:.7f}   exact {math.log(high / low):.7f}")
    assert f"{ours:.7f}" == f"{row['integral']:.7f}"

# %% [markdown]
# A million threads for one point each is a lot of ceremony, and a million generators take 16 MB.
# Write it for a grid of any size. Together the threads draw `n_points` points. Thread *i* takes
# points *i*, *i* + the number of threads, and so on, all of them from generator *i*. It adds up its
# 1/x in a variable of its own, and stores the sum once, in `sums[i]`. There are as many `sums` as
# threads, so you need no guard. (5 lines)


# %%
@cuda.jit
def sums_of_one_over_x(states, low, high, n_points, sums):
    """Each thread adds up 1/x at its share of n_points random points between low and high."""
    ### BEGIN SOLUTION
    thread = cuda.grid(1)
    total = 0.0
    for _ in range(thread, n_points, cuda.gridsize(1)):
        total += 1.0 / (uniform(states, thread) * (high - low) + low)
    sums[thread] = total
    ### END SOLUTION


# %%
lk.check("05.4", sums_of_one_over_x)

# %% [markdown]
# ## 05.5 Two crowds, kept apart (a stretch)
# This kernel is right, and yet each of its warps diverges:


# %%
@cuda.jit
def mixed(x, out):
    i = cuda.grid(1)
    if i < out.size:
        if i % 2 == 0:
            out[i] = x[i] * x[i]
        else:
            out[i] = -x[i]


lk.draw.film(lk.profile(mixed[2, 32], np.zeros(50), np.zeros(50)))[-1]

# %% [markdown]
# Mend it. The same grid has to give the same results, with at most 2 divergent branches altogether,
# however long the array is. You can't change which threads share a warp, but you may choose which
# element each thread takes. Which one should thread 0 take, and which one thread 1? (about 8 lines)


# %%
@cuda.jit
def two_crowds(x, out):
    """Square the elements with an even index, negate the others."""
    ### BEGIN SOLUTION
    thread = cuda.grid(1)
    n_even = (out.size + 1) // 2
    if thread < out.size:
        if thread < n_even:
            i = 2 * thread
            out[i] = x[i] * x[i]
        else:
            i = 2 * (thread - n_even) + 1
            out[i] = -x[i]
    ### END SOLUTION


# %%
lk.check("05.5", two_crowds)

# %% [markdown]
# ## To think about
# 1. In 05.3 neighbouring threads read some of the same elements. How often is an inner element of
#    the image read, and what could one do about it?
# 2. In 05.4 thread *i* draws from generator *i* only. What would happen if all threads drew from
#    generator 0?
# 3. In 05.5 the lanes of a warp now read every second element. Profile both kernels and compare
#    their `global_loads.sectors`. Did you mend one thing and break another? And could you do
#    without a branch altogether?

# %% [markdown] tags=["solution"]
# ## The wrong turns, and the questions
# **05.1** Most people count the warps as `math.ceil(n / 32)`. That would be right if warps could
# reach across blocks. With blocks of 33 threads there are nearly twice as many.
#
# **05.2** Nothing is new here but the call. The wrong turn is to forget the guard again because the
# check of the three printed results passes without it: three elements in a block of 32 threads.
#
# **05.3** The tempting guard is on `image.shape`, because that's what is read. But then the threads
# of the lower right write beyond `out`. The rule: guard what you *write*, and make sure that
# everything you read follows from it. The other wrong turn is `largest = 0` at the start, which is
# wrong wherever all nine elements are negative. AlexNet could have got away with it, because its
# pooling comes after a ReLU, which leaves nothing negative.
#
# **05.4** Many write `sums[thread] += ...` in the loop. That gives the right sum (if it began at
# zero), but it reads and writes memory for each point, where a variable of the thread lives in a
# register. The other wrong turn is `range(n_points // cuda.gridsize(1))`, which forgets the points
# that are left over.
#
# **05.5** `out.size // 2` for the number of even indices is one too few when the size is odd. A
# kernel that works out both results and picks one by arithmetic has no branch at all, and passes
# too. For two sides as short as these, that's what a compiler does.
#
# **To think about** (1) An inner element whose row and column are both even lies in 2 × 2 = 4
# squares, one with an even row and an odd column (or the reverse) in 2, and one with two odd
# numbers in 1. Caches catch most of the repetition; lesson 06 loads such a tile into shared memory
# by hand. (2) All threads would read the generator's state, take the same step, and write it back
# at the same time. That's a race (lesson 07), and at best they'd all draw the same point. (3) Yes.
# A warp of `mixed` reads elements that lie side by side, a warp of `two_crowds` reads twice as wide
# a stretch of memory and uses half of it, so each request touches about twice as many sectors.
# Whether this costs more than the divergence depends on how much work the branches do: here it
# surely does. And yes, `even * x[i] * x[i] - (1 - even) * x[i]`, where `even` is 1 or 0, has no
# branch.
