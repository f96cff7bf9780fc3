# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 · Start here: exercises
# You'll count bytes and operations, and catch reports that can't be true. Put your own lines in
# place of each `raise NotImplementedError` or `...`, run the cell, and then run the check below it.
# A check calls your function with new numbers each time, and tells you what's wrong with it.

# %%
import labkit as lk

# %% [markdown]
# ## 00.1 The traffic of a conversion
# Before a model is put on a GPU, its weights are often converted to fewer bytes. `n` numbers of
# `from_bytes` bytes each are read, converted, and written to another array as numbers of `to_bytes`
# bytes each. How many bytes move? (1 line)


# %%
def conversion_bytes(n, from_bytes, to_bytes):
    """Bytes moved by the conversion of `n` numbers, reads and writes together."""
    ### BEGIN SOLUTION
    return n * (from_bytes + to_bytes)
    ### END SOLUTION


# %%
lk.check("00.1", conversion_bytes)

# %% [markdown] tags=["solution"]
# The wrong turn is `2 * n * from_bytes`, which is right for a copy. Here what's written is smaller
# than what was read.

# %% [markdown]
# ## 00.2 The work of a matrix product
# An *m* × *k* matrix times a *k* × *n* matrix. How many floating-point operations is that? Count
# multiplications and additions, both in the usual way. (1 line)


# %%
def matmul_flop(m, n, k):
    """Floating-point operations of an (m, k) by (k, n) product."""
    ### BEGIN SOLUTION
    return 2 * m * n * k
    ### END SOLUTION


# %%
lk.check("00.2", matmul_flop)

# %% [markdown] tags=["solution"]
# Many return `m * n * k`, which counts only the multiplications. Some are too careful and return
# `m * n * (2 * k - 1)`, because *k* products need only *k* - 1 additions. That's true, but everyone
# counts 2 *m n k*, also those who publish rates.

# %% [markdown]
# ## 00.3 Which origin?
# Give each sentence its origin: `measured`, `recorded`, `simulated`, `modelled` or `published`.

# %%
origins = {
    "The data sheet says 3.35 TB/s.": ...,
    "I timed it on this laptop a minute ago: 18 GB/s.": ...,
    "16 GB divided by 3.35 TB/s makes 4.8 ms.": ...,
    "On 14 March, on our server, the same script took 7.1 ms.": ...,
    "I went through the loop step by step and counted 40 reads.": ...,
}

# %% tags=["solution"]
origins = {
    "The data sheet says 3.35 TB/s.": "published",
    "I timed it on this laptop a minute ago: 18 GB/s.": "measured",
    "16 GB divided by 3.35 TB/s makes 4.8 ms.": "modelled",
    "On 14 March, on our server, the same script took 7.1 ms.": "recorded",
    "I went through the loop step by step and counted 40 reads.": "simulated",
}

# %%
lk.check("00.3", origins)

# %% [markdown] tags=["solution"]
# The fourth is the one that people get wrong. It was measured, but not here and not now: your
# machine can't repeat it, so you have to trust the record.

# %% [markdown]
# ## 00.4 At least how long?
# A machine can move at most `bytes_per_s` and compute at most `flop_per_s`, and it can do both at
# the same time. A piece of work needs `n_bytes` and `n_flop`. What is the shortest time, in
# seconds, that it can take? (1 line)


# %%
def shortest_time_s(n_bytes, n_flop, bytes_per_s, flop_per_s):
    """The shortest time in seconds, if moving and computing overlap perfectly."""
    ### BEGIN SOLUTION
    return max(n_bytes / bytes_per_s, n_flop / flop_per_s)
    ### END SOLUTION


# %%
lk.check("00.4", shortest_time_s)

# %% [markdown] tags=["solution"]
# The wrong turn is to add the two times. Then a program that moves and computes at the same time
# would be called impossible, although good programs do exactly that.

# %% [markdown]
# ## 00.5 Too good to be true (a stretch)
# Somebody reports that a piece of work of `n_bytes` and `n_flop` took `time_s` on the machine of
# 00.4. Return `"impossible"` if such a machine can't be that fast. Otherwise return which limit the
# report comes closer to: `"memory"` or `"compute"`. Clocks aren't perfect, so call it impossible
# only if it took less than 98 % of the shortest time. (about 4 lines; use 00.4)


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

# %% [markdown] tags=["solution"]
# The tempting comparison is `n_bytes > n_flop`. Bytes and operations can't be compared, but the
# times that they take can. Here is what your function says of the product from the end of the
# lesson, if somebody reports 0.01, 0.1 or 0.2 ms for it:

# %% tags=["solution"]
h100, product = lk.chip("h100-sxm"), lk.workload.matmul(4096, 4096, 4096, itemsize=2)
limits = h100.bandwidth.value, h100.peak("bf16").value
for time_s in (1e-5, 1e-4, 2e-4):
    print(f"{time_s * 1e3:g} ms: {audit(time_s, product.bytes, product.flop, *limits)}")

# %% [markdown]
# ## To think about
# 1. Your passport lists a cache. Would the copy of this lesson be faster or slower with 1 MiB
#    instead of 128 MiB, and would the result still be the bandwidth of the *memory*? Try it in the
#    lesson.
# 2. A report passes `audit` with room to spare. Is it true, then?

# %% [markdown] tags=["solution"]
# 1. On most machines it's faster, because both arrays stay in a cache, so what you then measure is
#    the bandwidth of the cache. [Lesson 01](../notebooks/01_honest_timing.ipynb) shows how much
#    that changes, and why a copy is a poor way to find out.
# 2. It's possible, which isn't the same. The answer may be wrong, the timer may have stopped too
#    early, or the program may have run on other data. A limit can only refute.
