# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 · First kernels: exercises
# From counting blocks to arranging warps. A check runs your kernel on several shapes, most of which
# no block divides, and looks at every access; a race or a step beyond an array is named by its
# line. The arrays in a check are fresh at each run.

# %%
import math

import numpy as np

import labkit as lk
from labkit import cuda

# %% [markdown]
# ## 05.1 How many blocks?
# The least number of blocks of `threads` threads that covers `n` elements. (1 line)


# %%
def blocks_for(n, threads):
    """The least number of blocks with a thread for each of `n` elements."""
    ### BEGIN SOLUTION
    return math.ceil(n / threads)
    ### END SOLUTION


# %%
lk.check("05.1", blocks_for)

# %% [markdown]
# ## 05.2 A map with a guard
# `out[i]` becomes `x[i]`, but not below `low` and not above `high`. (3 lines; `min` and `max` work
# in a kernel)


# %%
@cuda.jit
def clamp(x, low, high, out):
    """Limit each element of x to low ... high."""
    ### BEGIN SOLUTION
    i = cuda.grid(1)
    if i < out.size:
        out[i] = min(max(x[i], low), high)
    ### END SOLUTION


# %%
lk.check("05.2", clamp)

# %% [markdown]
# ## 05.3 A table of distances
# `out[row, col]` becomes the distance of the numbers `left[row]` and `top[col]`, never negative.
# The grid has two axes; its x runs along the columns. (3 lines)


# %%
@cuda.jit
def distances(left, top, out):
    """A table of |left - top|, one row for each element of left."""
    ### BEGIN SOLUTION
    col, row = cuda.grid(2)
    if row < out.shape[0] and col < out.shape[1]:
        out[row, col] = abs(left[row] - top[col])
    ### END SOLUTION


# %%
lk.check("05.3", distances)

# %% [markdown]
# ## 05.4 Few threads, many elements
# `out[i] = a * x[i] + y[i]` again, but the grid may be *any* size, far smaller than the array too.
# Each element is to be stored once. (2 lines; `cuda.gridsize(1)` is the number of threads in the
# whole grid)


# %%
@cuda.jit
def scale_add(a, x, y, out):
    """out = a x + y with however many threads there are."""
    ### BEGIN SOLUTION
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        out[i] = a * x[i] + y[i]
    ### END SOLUTION


# %%
lk.check("05.4", scale_add)

# %% [markdown]
# ## 05.5 Two crowds, kept apart (a stretch)
# This kernel is right, and each of its warps diverges:


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
# Mend it: the same results from the same grid, with at most 2 divergent branches in all, whatever
# the size. (about 8 lines: which element should thread 0 take, and which one thread 1?)


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
# In 05.5 the lanes of a warp now read every second element. Profile both kernels and compare
# `global_loads.sectors`. Did you mend one thing and break another? (Lesson 06 has the answer.)
# And could you do without a branch altogether?

# %% [markdown] tags=["solution"]
# Some wrong turns. In 05.3 the axes swapped still give right values on a square table, so the check
# uses none. In 05.4 a stride of `blockDim.x` is right as well: blocks repeat each other's work, and
# only the count of stores tells. In 05.5 `(out.size + 1) // 2` matters for odd sizes. A kernel that
# computes both results and picks one by arithmetic has no branch to diverge at, and passes too: for
# two short sides that is what a compiler does.
