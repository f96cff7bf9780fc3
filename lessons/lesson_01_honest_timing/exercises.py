# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · Honest timing: exercises
# You'll tell lies apart, mend two more stopwatches, and find out what a slow request in a hundred
# costs. The checks run your timers in a *simulated world* with a clock of its own, so that the true
# time is known exactly. Read the time with `clock()`, in seconds, and with nothing else.

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

# %% [markdown] tags=["solution"]
# The fourth is the tricky one, because a mean is in it, too. But a median wouldn't tell the whole
# story either: those 31 seconds are paid once, so they belong in a line of their own.

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

# %% [markdown] tags=["solution"]
# Some time both calls and divide by two. That only makes the compiler's share smaller. What isn't
# asked for has to stay outside of the window.

# %% [markdown]
# ## 01.3 One slow request in a hundred
# A page sends `n_requests` at the same time and is ready when all of them have been answered. Each
# is slow with probability `slow`, and none influences another. What share of the pages is slow?
# (1 line; when is a page *not* slow?)


# %%
def slow_pages(slow, n_requests):
    """The share of pages, 0 to 1, that wait for at least one slow request."""
    ### BEGIN SOLUTION
    return 1 - (1 - slow) ** n_requests
    ### END SOLUTION


# %%
lk.check("01.3", slow_pages)

# %% [markdown] tags=["solution"]
# The wrong turn is `slow * n_requests`. It's nearly right as long as the result is small, and above
# 1 for a large page. Two engineers at Google published the case of one slow request in a hundred
# and 100 servers:

# %% tags=["solution"]
tail = lk.published("tail-at-scale")
row = tail.rows[0]
ours = slow_pages(row["slow_requests"], row["n_requests"])
print(f"published {row['slow_pages']:.0%}, here {ours:.1%} ({tail.source})")

# %% [markdown]
# ## 01.4 Wider than a tick
# This clock ticks every `tick_s` seconds and stands still in between. `work()` may take far less
# than a tick, or far more. Return the seconds of one call, at most 0.2 % wrong. A window of a
# thousand ticks is wide enough; one that is ten times wider than that is a waste and fails the
# check. (about 5 lines: keep calling until enough time has passed)


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

# %% [markdown] tags=["solution"]
# Many call `work()` a fixed number of times, such as a thousand. If a call takes a millionth of a
# tick, that's still no tick, and if it takes a minute, you wait until tomorrow. Let the clock
# decide how many calls it takes.

# %% [markdown]
# ## 01.5 The honest interval (a stretch)
# Sort `n` samples. The interval from the `k`-th smallest to the `k`-th largest misses the true
# median only if fewer than `k` samples fell on one of its sides, and each sample falls on either
# side like a fair coin. Return the largest `k` (counted from 1) whose interval still covers the
# median with a probability of at least `confidence`, or 0 if even the widest one doesn't. (about 5
# lines; `math.comb(n, k)` is the number of ways to throw *k* heads with *n* coins)


# %%
def interval_rank(n, confidence):
    """The rank `k` of the interval of the median of `n` samples, or 0."""
    ### BEGIN SOLUTION
    missed, k = 0.0, 0
    while k < n and missed + 2 * math.comb(n, k) / 2**n <= 1 - confidence + 1e-12:
        missed += 2 * math.comb(n, k) / 2**n
        k += 1
    return k
    ### END SOLUTION


# %%
lk.check("01.5", interval_rank)

# %% [markdown] tags=["solution"]
# The wrong turn is to count one side only. Too few samples may fall below the median or above it,
# so the probability to miss it is twice as large. With that, five samples have no 95 % interval at
# all, because all five fall on the same side in 2 of 32 cases, more than 5 %.

# %% [markdown]
# ## To think about
# 1. A web service has a median of 20 ms, and one request in a hundred takes 2 s. A page needs 50
#    such requests at once. Which single number would you show to the person who pays for it?
# 2. You time a function on a laptop that grows hot and slows down as you measure. What's wrong with
#    the median then, and what would you look at?

# %% [markdown] tags=["solution"]
# 1. Neither the median nor the mean of the requests. By 01.3, 39 % of the pages take 2 s, so show
#    that: a page is what somebody waits for.
# 2. The samples come from different machines, so to speak, a cool one and a hot one, and so the
#    interval promises nothing. Plot the samples in the order in which they were taken. `lk.bench`
#    says `drift` where they rise or fall, and `lk.compare` takes turns so that both sides grow hot
#    alike.
