# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · Honest timing: exercises
# You mend the stopwatch, one lie at a time.
#
# The checks run your timer in a *simulated world* with a clock of its own, so that the true time
# is known exactly. Read the time with `clock()`, in seconds, and nothing else.

# %%
import math

import labkit as lk

# %% [markdown]
# ## 01.1 Which lie?
# Five reports. Give each its lie: `first call`, `not waited`, `cache`, `clock` or `mean`.

# %%
lies = {
    "The model answers in 40 µs on the GPU, whatever the batch size.": ...,
    "The function takes 0.000 s or 0.016 s, never anything between.": ...,
    "Average latency is 9 ms, yet half of the requests are done in 2 ms.": ...,
    "The first batch took 31 s, each later one 0.2 s: about 3 s on average.": ...,
    "Summing 64 KiB a million times: this laptop's memory reaches 180 GB/s.": ...,
}

# %% tags=["solution"]
lies = {
    "The model answers in 40 µs on the GPU, whatever the batch size.": "not waited",
    "The function takes 0.000 s or 0.016 s, never anything between.": "clock",
    "Average latency is 9 ms, yet half of the requests are done in 2 ms.": "mean",
    "The first batch took 31 s, each later one 0.2 s: about 3 s on average.": "first call",
    "Summing 64 KiB a million times: this laptop's memory reaches 180 GB/s.": "cache",
}

# %%
lk.check("01.1", lies)

# %% [markdown]
# ## 01.2 A warm stopwatch
# `work()` compiles when it is first called. Return the seconds of a call that no longer does.
# (about 4 lines)


# %%
def warm_s(work, clock):
    """Seconds of one warm call of `work`."""
    ### BEGIN SOLUTION
    work()
    start = clock()
    work()
    return clock() - start
    ### END SOLUTION


# %%
lk.check("01.2", warm_s)

# %% [markdown]
# ## 01.3 A stopwatch that waits
# `launch()` gives an order to a device and returns at once; `synchronize()` returns when everything
# ordered so far is done. Somebody may have ordered work *before* you. Return the seconds that one
# launch of yours takes on the device. (about 5 lines; it needs no warm-up)


# %%
def waited_s(launch, synchronize, clock):
    """Seconds that the device works on one launch."""
    ### BEGIN SOLUTION
    synchronize()
    start = clock()
    launch()
    synchronize()
    return clock() - start
    ### END SOLUTION


# %%
lk.check("01.3", waited_s)

# %% [markdown]
# ## 01.4 Wider than a tick
# This clock ticks every `tick_s` seconds and stands still in between. `work()` may take far less
# than a tick, or far more. Return the seconds of one call, at most 0.2 % wrong.
# A window of a thousand ticks is wide enough; ten times that is a waste and fails the check.
# (about 6 lines: keep calling until enough time has passed)


# %%
def per_call_s(work, clock, tick_s):
    """Seconds of one call of `work`, from a window of about 1000 ticks."""
    ### BEGIN SOLUTION
    calls, start = 0, clock()
    while clock() - start < 1000 * tick_s:
        work()
        calls += 1
    return (clock() - start) / calls
    ### END SOLUTION


# %%
lk.check("01.4", per_call_s)

# %% [markdown]
# ## 01.5 The honest interval (a stretch)
# Sort `n` samples. The interval from the `k`-th smallest to the `k`-th largest misses the true
# median only if fewer than `k` samples fell on one of its sides, and each side of a median is a
# fair coin. Return the largest `k` (counted from 1) whose interval still covers with probability
# `confidence` or more, or 0 when even the widest one does not. (about 6 lines; `math.comb`
# counts)


# %%
def interval_rank(n, confidence):
    """The rank `k` of the order-statistic interval of the median of `n` samples, or 0."""
    ### BEGIN SOLUTION
    missed, k = 0.0, 0
    while k < n and missed + 2 * math.comb(n, k) / 2**n <= 1 - confidence + 1e-12:
        missed += 2 * math.comb(n, k) / 2**n
        k += 1
    return k
    ### END SOLUTION


# %%
lk.check("01.5", interval_rank)

# %% [markdown]
# ## To think about
# A web service has a median of 20 ms and one request in a hundred takes 2 s. A page needs 50 such
# requests at once. Which single number would you show to the person who pays for it?
