# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 · Start here: exercises
# Replace each `raise NotImplementedError` by your own lines, run the cell, then run the check
# below it. A check tries your answer on fresh numbers. It tells you what is wrong, never what to
# type.

# %%
import labkit as lk

# %% [markdown]
# ## 00.1 The traffic of a copy
# `n` numbers of `itemsize` bytes are copied from one array to another.
# How many bytes move? (1 line; remember that a copy does two things to each number.)


# %%
def copy_bytes(n, itemsize):
    """Bytes moved by a copy of `n` numbers, reads and writes together."""
    ### BEGIN SOLUTION
    return 2 * n * itemsize
    ### END SOLUTION


# %%
lk.check("00.1", copy_bytes)

# %% [markdown]
# ## 00.2 The work of a matrix product
# An `m × k` matrix times a `k × n` matrix. Count multiplications and additions. (1 line)


# %%
def matmul_flop(m, n, k):
    """Floating-point operations of an (m, k) by (k, n) product."""
    ### BEGIN SOLUTION
    return 2 * m * n * k
    ### END SOLUTION


# %%
lk.check("00.2", matmul_flop)

# %% [markdown]
# ## 00.3 Which origin?
# Give each sentence its origin: `measured`, `recorded`, `simulated`, `modelled` or `published`.

# %%
origins = {
    "The data sheet says 3.35 TB/s.": ...,
    "I timed it on this laptop a minute ago: 18 GB/s.": ...,
    "16 GB divided by 3.35 TB/s makes 4.8 ms.": ...,
    "On 14 March, on our A100 node, the same script took 7.1 ms.": ...,
    "Stepping through the kernel I counted 4 sectors for each request.": ...,
}

# %% tags=["solution"]
origins = {
    "The data sheet says 3.35 TB/s.": "published",
    "I timed it on this laptop a minute ago: 18 GB/s.": "measured",
    "16 GB divided by 3.35 TB/s makes 4.8 ms.": "modelled",
    "On 14 March, on our A100 node, the same script took 7.1 ms.": "recorded",
    "Stepping through the kernel I counted 4 sectors for each request.": "simulated",
}

# %%
lk.check("00.3", origins)

# %% [markdown]
# ## 00.4 At least how long?
# A machine moves at most `bytes_per_s` and computes at most `flop_per_s`, and does both at once.
# Work needs `n_bytes` and `n_flop`. What is the shortest time it can take? (1 line)


# %%
def shortest_time_s(n_bytes, n_flop, bytes_per_s, flop_per_s):
    """The least time in seconds for the work, when moving and computing overlap perfectly."""
    ### BEGIN SOLUTION
    return max(n_bytes / bytes_per_s, n_flop / flop_per_s)
    ### END SOLUTION


# %%
lk.check("00.4", shortest_time_s)

# %% [markdown]
# ## 00.5 Too good to be true (a stretch)
# Somebody reports that work of `n_bytes` and `n_flop` took `time_s` on a machine with the two
# limits. Return `"impossible"` when no such machine can be that fast, else `"memory"` or
# `"compute"`: the limit that the report comes closer to. Clocks are not perfect: call it
# impossible only when it is more than 2 % faster than the shortest time. (about 5 lines; use 00.4)


# %%
def audit(time_s, n_bytes, n_flop, bytes_per_s, flop_per_s):
    """The verdict on a reported time: "impossible", "memory" or "compute"."""
    ### BEGIN SOLUTION
    if time_s < 0.98 * shortest_time_s(n_bytes, n_flop, bytes_per_s, flop_per_s):
        return "impossible"
    return "memory" if n_bytes / bytes_per_s >= n_flop / flop_per_s else "compute"
    ### END SOLUTION


# %%
lk.check("00.5", audit)

# %% [markdown]
# ## To think about
# Your passport lists a cache. Would the copy of this lesson have been faster or slower with 1 MiB
# in place of 128 MiB, and would the result still be the bandwidth of the *memory*? Try it in the
# lesson, then read lesson 01.
