# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 · CPU against GPU: exercises
# You'll go from a single batch to one that keeps a promise. Each check calls your function with new
# numbers.

# %%
import math

import labkit as lk

# %% [markdown]
# ## 04.1 Throughput
# A machine takes `batch_time_s` for a batch of `batch` requests, one batch after the other. How
# many requests does it answer in a second? (1 line)


# %%
def throughput(batch, batch_time_s):
    """Requests per second."""
    ### BEGIN SOLUTION
    return batch / batch_time_s
    ### END SOLUTION


# %%
lk.check("04.1", throughput)

# %% [markdown] tags=["solution"]
# The slip is `1 / batch_time_s`, which are batches. The word "throughput" hides what is counted, so
# always say of what.

# %% [markdown]
# ## 04.2 What Little's law leaves you
# Each of the chip's `n_sms` multiprocessors has `warps` warps, and each warp has `loads` loads of
# `load_bytes` under way all the time. A load takes `latency_s`. The memory delivers at most
# `peak_bytes_per_s`. How many bytes a second arrive? (2 lines)


# %%
def reached_bytes_per_s(n_sms, warps, loads, load_bytes, latency_s, peak_bytes_per_s):
    """The bandwidth that so many loads under way can use."""
    ### BEGIN SOLUTION
    under_way_bytes = n_sms * warps * loads * load_bytes
    return min(peak_bytes_per_s, under_way_bytes / latency_s)
    ### END SOLUTION


# %%
lk.check("04.2", reached_bytes_per_s)

# %% [markdown] tags=["solution"]
# Two things are forgotten here. One is the peak: beyond it, more loads only wait longer, so that
# the latency grows and Little's law still holds. The other is `loads`. A thread that asks for four
# numbers before it uses the first does as much for the bandwidth as four warps, which is why a
# kernel may run well with few of them.

# %% [markdown]
# ## 04.3 Under a limit
# `measured` is a list of `(batch, p99_s)`, in any order: the batch, and the time in which 99 of 100
# answers were there. Return the batch with the most throughput whose time is at most `limit_s`, or
# 0 if none keeps the limit. The largest batch need not be the fastest, so compare `batch / p99_s`.
# (about 3 lines)


# %%
def best_batch(measured, limit_s):
    """The batch with the most requests per second under the limit, or 0."""
    ### BEGIN SOLUTION
    allowed = [(batch / p99_s, batch) for batch, p99_s in measured if p99_s <= limit_s]
    return max(allowed, default=(0, 0))[1]
    ### END SOLUTION


# %%
lk.check("04.3", best_batch)

# %% [markdown] tags=["solution"]
# The tempting answer is the largest batch that keeps the limit. It's mostly right, because
# throughput mostly grows with the batch. But where a batch begins to take a second round, the time
# jumps and the throughput falls.

# %% [markdown]
# ## 04.4 When does the GPU win?
# The CPU takes `cpu_start_s + batch * cpu_each_s`, the GPU `gpu_start_s + batch * gpu_each_s`.
# Return the smallest batch, from 1, at which the GPU is *faster*, or `math.inf` if there is none.
# Mind the case in which the GPU is slower at each request, but starts earlier. (about 6 lines)


# %%
def first_win(cpu_start_s, cpu_each_s, gpu_start_s, gpu_each_s):
    """The smallest batch at which the GPU is faster, or infinity."""
    ### BEGIN SOLUTION
    if gpu_start_s + gpu_each_s < cpu_start_s + cpu_each_s:
        return 1
    if gpu_each_s >= cpu_each_s:
        return math.inf
    return math.floor((gpu_start_s - cpu_start_s) / (cpu_each_s - gpu_each_s)) + 1
    ### END SOLUTION


# %%
lk.check("04.4", first_win)

# %% [markdown] tags=["solution"]
# Most people divide what the GPU loses at the start by the CPU's time for a request. But the GPU
# needs time for each request as well, so it gains only the *difference* with each of them.

# %% [markdown]
# ## 04.5 Waiting for the batch (a stretch)
# Requests arrive evenly, `rate` a second. A batch of `b` runs as soon as its last request is there,
# so its first one has waited for `b - 1` others. It then takes `start_s + b * each_s`.
#
# Return the **largest** `b` such that
# - the first request has its answer at most `limit_s` after it arrived, and
# - the machine keeps up: the batch is done at most `b / rate` after it began, when the next one is
#   complete;
#
# or 0 if there is none. (about 5 lines; trying all batches is fine, none is above 10,000)


# %%
def largest_batch(rate, start_s, each_s, limit_s):
    """The largest batch that keeps the limit and keeps up, or 0."""
    ### BEGIN SOLUTION
    for b in range(10_000, 0, -1):
        run_s = start_s + b * each_s
        if (b - 1) / rate + run_s <= limit_s and run_s <= b / rate:
            return b
    return 0
    ### END SOLUTION


# %%
lk.check("04.5", largest_batch)

# %% [markdown] tags=["solution"]
# The usual wrong turn is to hold only the run against the limit. The first request has waited long
# before the batch begins. The second condition forbids batches that are too *small*: below it each
# batch begins later than the one before, and the line grows without end.

# %% [markdown]
# ## To think about
# 1. Your service answers one request at a time on a GPU that is idle for 95 % of the time. You may
#    buy a faster GPU, batch the requests, or go back to the CPU. What would you measure first?
# 2. By Little's law, how many requests are inside a service that answers 200 a second, each after
#    50 ms? What does that say about the largest batch it could have made?

# %% [markdown] tags=["solution"]
# 1. Where the time of a request goes: launches, road, work. A faster GPU shortens only the work.
#    If launches dominate, fuse them or record a graph. Then measure how many requests arrive
#    within the time that people are willing to wait. If it's hardly ever more than one, no batch
#    will form, and a CPU may do.
# 2. 200 times 0.05, that's 10. There are rarely many more than ten inside, so a batch much larger
#    than ten makes somebody wait longer.
