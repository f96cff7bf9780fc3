# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 · The roofline: exercises
# You'll count what a loop does and what it hides, and then decide what to buy. Each check calls
# your function with new numbers.

# %%
import labkit as lk


def attainable(intensity, peak, bandwidth):
    """The roofline of the lesson, in FLOP/s."""
    return min(peak, intensity * bandwidth)


# %% [markdown]
# ## 02.1 Count a loop
# A **stencil** makes each number of `out` from neighbours in `x`. With three of them, each with a
# weight of its own, it is `out[i] = a * x[i-1] + b * x[i] + c * x[i+1]`. This is what a convolution
# does. Both arrays are far larger than any cache. Neighbouring elements of `out` use the same
# numbers of `x`, though, and those are still on the chip.
#
# What is the arithmetic intensity, in FLOP/B, of a stencil of `n_points` neighbours on numbers of
# `itemsize` bytes? Count the operations that stand in such a line. Leave the ends of the array
# aside, and the hidden reads, too: they have an exercise of their own. (1 line)


# %%
def stencil_intensity(n_points, itemsize):
    """FLOP per byte of a stencil with a weight for each of its points."""
    ### BEGIN SOLUTION
    return (2 * n_points - 1) / (2 * itemsize)
    ### END SOLUTION


# %%
lk.check("02.1", stencil_intensity)

# %% [markdown] tags=["solution"]
# Most people count the bytes as they count the operations, by what one line of code says:
# `n_points` numbers read. But a number that was read a moment ago is still in a cache or a
# register, so from memory each number of `x` comes once. That's why a wider stencil has a higher
# intensity. The other slip is the number of additions: in the line stand three products and two
# additions. (Only for matrix products and the like does everybody count as many of both.)

# %% [markdown]
# ## 02.2 Bytes that the loop doesn't show
# Most CPUs read a line of memory before they write to it, unless they have it already. A loop goes
# once over large arrays of `array_bytes` each. `reads` and `writes` hold the names of the arrays
# that it reads and writes, such as `["x", "y"]` and `["out"]`. A name may stand in both, and it may
# stand twice in one, as in `x[i] = x[i] * x[i]`. How many bytes really move between memory and
# chip, with the hidden reads? (about 3 lines)


# %%
def moved_bytes(reads, writes, array_bytes):
    """Bytes between memory and chip, on a CPU that reads each line before it writes to it."""
    ### BEGIN SOLUTION
    read = set(reads) | set(writes)
    return (len(read) + len(set(writes))) * array_bytes
    ### END SOLUTION


# %%
lk.check("02.2", moved_bytes)

# %% [markdown] tags=["solution"]
# The wrong turn is to count each array that's written twice and add the reads. For `x[i] = 3 *
# x[i]` that would be three, but the line has been read anyway, so only two move. This is why
# working *in place* is cheaper than it looks: the same loop into another array moves half as much
# again.

# %% [markdown]
# ## 02.3 What does new hardware buy?
# The next chip has `peak_factor` times the peak and `bandwidth_factor` times the bandwidth. How
# many times faster is code of this intensity on it, if it reaches the roof on both? (3 lines)


# %%
def speedup(intensity, peak, bandwidth, peak_factor, bandwidth_factor):
    """The new attainable rate over the old one."""
    ### BEGIN SOLUTION
    old = attainable(intensity, peak, bandwidth)
    new = attainable(intensity, peak_factor * peak, bandwidth_factor * bandwidth)
    return new / old
    ### END SOLUTION


# %%
lk.check("02.3", speedup)

# %% [markdown] tags=["solution"]
# It's tempting to ask on which side of the ridge point the code is, and to return that side's
# factor. But the ridge point moves, too. With more bandwidth it moves to the left, and code that
# was memory-bound a moment ago runs into the peak.

# %% [markdown]
# ## 02.4 Which one would you rent?
# A job takes `flop` operations and moves `moved` bytes. `chips` maps the name of each chip that you
# could rent to `(peak, bandwidth, usd_per_hour)`. Return the name of the chip on which the job
# costs least, if it reaches the roof. (about 4 lines)


# %%
def cheapest_chip(flop, moved, chips):
    """The name of the chip on which the job costs least."""

    ### BEGIN SOLUTION
    def cost(name):
        peak, bandwidth, usd_per_hour = chips[name]
        return max(flop / peak, moved / bandwidth) * usd_per_hour

    return min(chips, key=cost)
    ### END SOLUTION


# %%
lk.check("02.4", cheapest_chip)

# %% [markdown] tags=["solution"]
# The usual wrong turn is to compare operations per dollar, since that's the number on every
# advertisement. It's right for compute-bound jobs only. A memory-bound job wants bytes per dollar,
# and for it an old chip with good memory may be the cheapest. The *fastest* chip answers another
# question.

# %% [markdown]
# ## 02.5 A program of parts (a stretch)
# CNN1 had one average intensity and two kinds of layers. Let `parts` be a list of `(flop, bytes)`,
# run one after the other, each as fast as the roof allows. What is the rate of the whole program,
# in FLOP/s? (about 4 lines)


# %%
def program_rate(parts, peak, bandwidth):
    """FLOP/s of parts that run one after the other."""
    ### BEGIN SOLUTION
    time_s = sum(max(flop / peak, moved / bandwidth) for flop, moved in parts)
    return sum(flop for flop, _ in parts) / time_s
    ### END SOLUTION


# %%
lk.check("02.5", program_rate)

# %% [markdown] tags=["solution"]
# Most people add up all FLOP and all bytes first, and take the roof at the average intensity. Then
# the bytes of a memory-bound part seem to move while a compute-bound part runs. That would need
# both to run at the same time, and they run one after the other, so it's the *times* that add up.

# %% [markdown]
# ## To think about
# 1. Half of a program's time is memory-bound, half compute-bound. For the same money you may double
#    the bandwidth or the peak. Which one, and does it matter in which order the parts run?
# 2. A colleague halves the bytes of each number, from 32 bits to 16. By how much may memory-bound
#    code get faster, and why might it be less?

# %% [markdown] tags=["solution"]
# 1. For this program alone it makes no difference: either way half of the time is halved, so a
#    quarter is saved, in whatever order the parts run. So your other programs decide. Ask them for
#    their intensities. (It *would* make a difference if doubling one limit made a part run into the
#    other.)
# 2. Up to 2 times, because half as many bytes move. It's less when the code runs into the peak on
#    the way, when the conversions take time, or when other bytes don't shrink, such as indices.
