# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 · The roofline: exercises
# From counting to planning. The numbers in a check are fresh at each run.

# %%
import math

import labkit as lk

# %% [markdown]
# ## 02.1 Count a loop
# `out[i] = a * x[i] + y[i]` on numbers of `itemsize` bytes, arrays far larger than any cache.
# Return its arithmetic intensity in FLOP per byte. (1 line)


# %%
def axpy_intensity(itemsize):
    """FLOP per byte of `out = a * x + y`."""
    ### BEGIN SOLUTION
    return 2 / (3 * itemsize)
    ### END SOLUTION


# %%
lk.check("02.1", axpy_intensity)

# %% [markdown]
# ## 02.2 The roof
# The highest rate in FLOP/s that a kernel of this intensity can reach. (1 line)


# %%
def attainable(intensity, peak_flop_per_s, peak_bytes_per_s):
    """The roofline, in FLOP/s, at an intensity in FLOP per byte."""
    ### BEGIN SOLUTION
    return min(peak_flop_per_s, intensity * peak_bytes_per_s)
    ### END SOLUTION


# %%
lk.check("02.2", attainable)

# %% [markdown]
# ## 02.3 What does new hardware buy?
# The next chip has `peak_factor` times the peak and `bandwidth_factor` times the bandwidth.
# How many times faster is a perfect kernel of this intensity on it? (2 lines; use 02.2)


# %%
def speedup(intensity, peak_flop_per_s, peak_bytes_per_s, peak_factor, bandwidth_factor):
    """New attainable rate over the old one."""
    ### BEGIN SOLUTION
    old = attainable(intensity, peak_flop_per_s, peak_bytes_per_s)
    new = attainable(intensity, peak_factor * peak_flop_per_s, bandwidth_factor * peak_bytes_per_s)
    return new / old
    ### END SOLUTION


# %%
lk.check("02.3", speedup)

# %% [markdown]
# ## 02.4 How many tokens?
# A layer of a language model multiplies `n_tokens × d` activations with a `d × f` weight matrix.
# Each of the three matrices crosses the memory once, `itemsize` bytes a number.
# Return the smallest whole number of tokens at which it is compute-bound on a chip with this ridge
# point (intensity at least the ridge), or `math.inf` if there is none. (about 5 lines)


# %%
def tokens_to_compute_bound(ridge_flop_per_byte, d, f, itemsize):
    """The least number of tokens whose product reaches the ridge point, or infinity."""
    ### BEGIN SOLUTION
    # 2 n d f >= ridge * itemsize * (n d + d f + n f), solved for n
    gain_per_token = 2 * d * f - ridge_flop_per_byte * itemsize * (d + f)
    if gain_per_token <= 0:
        return math.inf
    return math.ceil(ridge_flop_per_byte * itemsize * d * f / gain_per_token)
    ### END SOLUTION


# %%
lk.check("02.4", tokens_to_compute_bound)

# %% [markdown]
# ## 02.5 A program of parts (a stretch)
# CNN1 had one average intensity and two kinds of layers. Let `parts` be a list of `(flop, bytes)`,
# run one after the other, each as fast as the roof allows.
# Return the rate of the whole program in FLOP/s. (about 4 lines)


# %%
def program_rate(parts, peak_flop_per_s, peak_bytes_per_s):
    """FLOP/s of parts that run one after the other."""
    ### BEGIN SOLUTION
    time_s = sum(max(flop / peak_flop_per_s, n / peak_bytes_per_s) for flop, n in parts)
    return sum(flop for flop, _ in parts) / time_s
    ### END SOLUTION


# %%
lk.check("02.5", program_rate)

# %% [markdown]
# ## To think about
# Half of a program's time is memory-bound, half compute-bound. You may double the bandwidth or the
# peak, for the same money. Which one, and what does the rest of your programs say?
