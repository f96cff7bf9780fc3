# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 · First kernels: exercises
# You'll plan a launch, write three kernels from AlexNet and from numba's documentation, and mend
# one that is right but wasteful. Each check tries your kernel on several shapes, most of which no
# block divides, and looks at every access that it makes. A step beyond the end of an array is
# reported with its line.

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
# reaches across blocks. (3 lines)


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
# A kernel may call another function if that is compiled too, with `njit` or
# `cuda.jit(device=True)`. This one is from [numba's
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
# element of `out`, not of `image`. `max(a, b)` works in a kernel, and the `.max()` of an array
# doesn't. (about 7 lines)


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
# documentation](https://nvidia.github.io/numba-cuda/user/examples.html). It estimates
# $\int_{low}^{high} dx / x$ from 1 to 2 and from 2 to 3, as (high - low) times the mean of
# 1/x at a million random points: a million threads, one point each, and every thread has a random
# number generator of its own. We use the same generators and the same seed, so our estimate has to
# be the printed one to the last digit, *including its error*. (That's why we divide by `n_points -
# 1`, as numba's example does. The mean of `n_points` values would divide by `n_points`.)

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
# A million generators take 16 MB, and each is used only once. Write it for a grid of any size.
# Together the threads draw `n_points` points. Thread *i* takes points *i*, *i* + the number of
# threads, and so on, all of them from generator *i*. It adds up its 1/x in a variable of its own,
# and stores the sum once, in `sums[i]`. There are as many `sums` as threads, so you need no guard.
# (5 lines)


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
# Mend it. The same grid has to give the same results, for an infinite *x* too, and each thread
# still does one element. However long the array is, at most 3 branches may diverge in the whole
# launch. (An expression `a if condition else b` counts as a branch here, like an `if`.) You can't
# change which threads share a warp, but you may choose which element each thread takes. Which one
# should thread 0 take, and which one thread 1? (about 8 lines)


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
# 3. In 05.5 the lanes of a warp now store every second element. Profile both kernels and compare
#    the `requests` and the `sectors` of their `global_stores` (a sector is 32 bytes of memory;
#    lesson 06 is about them). Did you mend one thing and break another? And could you do without a
#    branch altogether?

# %% [markdown] tags=["solution"]
# ## The wrong turns
# **05.1** Most people count the warps as `math.ceil(n / 32)`. That would be right if warps could
# reach across blocks. With blocks of 33 threads it's nearly a factor of two off.
#
# **05.2** Nothing is new here but the call. The wrong turn is to try the kernel on the three
# printed cases only. On a GPU these come out right without a guard as well, although 29 of the 32
# threads work on memory that isn't theirs.
#
# **05.3** The tempting guard is on `image.shape`, because the image is what you read. But then
# threads at the lower right write beyond `out`. It's easier the other way round: guard what you
# *write*, and make sure that what you read follows from it. The other wrong turn is to begin with
# `largest = 0`, which is wrong wherever all nine elements are negative. AlexNet could have got away
# with it: in its code a ReLU, which turns negatives into 0, comes before or right after each
# pooling.
#
# **05.4** Many write `sums[thread] += ...` in the loop. That's right if `sums` began at zero, but
# it reads and writes memory at each point, while a variable of the thread stays in a register. The
# other wrong turn is `range(n_points // cuda.gridsize(1))`, which forgets the points that are left
# over.
#
# **05.5** Our solution asks on which side of the border a thread is, and asks once, so only 2
# branches diverge: the guard in the last warp, and the border in one. If you first choose *i* and
# then ask whether it's even, the border's warp diverges twice, which makes 3.
# Half of `out.size` is one even index too few when the size is odd. It's tempting to let
# each thread do an even element and its odd neighbour: nothing diverges, but half of the threads
# have nothing to do. The other wrong turn is to leave the elements where they are and only move the
# `if`, for example to `if thread < n_even`: hardly a warp diverges, and the wrong elements are
# squared.
#
# ## The questions
# 1. Squares overlap in every second row and column. So an inner element belongs to 4 squares if its
#    row and column are both even, to 2 if one of them is, and to 1 if neither is. Caches catch
#    most of the repetition. Lesson 06 shows how a block loads such a tile into shared memory once.
# 2. All threads would read the same state, take the same step and write it back, all at the same
#    time. That's a race ([lesson 07](../notebooks/07_barriers_and_races.ipynb)). At best they would
#    all draw the same point, and a million equal points are no better than one.
# 3. You didn't break anything that counts here, as the next cell shows. A request of `two_crowds`
#    touches twice as many sectors, but `mixed` makes twice as many requests, because each half of a
#    diverged warp has to ask for itself. The kernel without a branch wins on both counts. It works
#    out both results and picks one by arithmetic, which fails for an infinite *x*, because 0 times
#    infinity isn't 0. For two sides as short as these, a compiler may do the same with your `if`.


# %% tags=["solution"]
@cuda.jit
def no_branch(x, out):
    i = cuda.grid(1)
    if i < out.size:
        even = 1 - i % 2
        out[i] = even * x[i] * x[i] - (1 - even) * x[i]


for kernel in (mixed, two_crowds, no_branch):
    counts = lk.profile(kernel[20, 256], np.zeros(5000), np.zeros(5000))
    stores, name = counts.global_stores, kernel.__name__
    lk.show(lk.Reading(f"{name}, divergent branches", counts.divergent_branches, "1", "simulated"))
    lk.show(lk.Reading(f"{name}, requests to store", stores.requests, "1", "simulated"))
    lk.show(lk.Reading(f"{name}, sectors stored", stores.sectors, "1", "simulated"))
