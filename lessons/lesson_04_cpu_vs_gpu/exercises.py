# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 · CPU against GPU: exercises
# From throughput to a batch that keeps a promise. The numbers in a check are fresh at each run.

# %%
import math

import labkit as lk

# %% [markdown]
# ## 04.1 Throughput
# A machine takes `batch_time_s` for a batch of `batch` requests, one batch after the other.
# How many requests does it answer in a second? (1 line)


# %%
def throughput(batch, batch_time_s):
    """Requests per second."""
    ### BEGIN SOLUTION
    return batch / batch_time_s
    ### END SOLUTION


# %%
lk.check("04.1", throughput)

# %% [markdown]
# ## 04.2 The time of a batch on a GPU
# `n_launches` orders of `launch_s` each; `sent_bytes` over a link of `link_bytes_per_s`; then
# `flop` operations and `moved_bytes` of the GPU's own memory, which overlap.
# Return the seconds from the first order to the answer. (2 lines)


# %%
def gpu_time_s(
    n_launches, launch_s, sent_bytes, link_bytes_per_s,
    flop, peak_flop_per_s, moved_bytes, peak_bytes_per_s,
):  # fmt: skip
    """Launches, then the road, then the roofline's time."""
    ### BEGIN SOLUTION
    work_s = max(flop / peak_flop_per_s, moved_bytes / peak_bytes_per_s)
    return n_launches * launch_s + sent_bytes / link_bytes_per_s + work_s
    ### END SOLUTION


# %%
lk.check("04.2", gpu_time_s)

# %% [markdown]
# ## 04.3 Under a limit
# `measured` is a list of `(batch, p99_s)`, in any order. Return the batch with the most throughput
# whose 99th percentile is at most `limit_s`, or 0 if none keeps the limit.
# (about 3 lines; the largest batch need not be the fastest)


# %%
def best_batch(measured, limit_s):
    """The batch with the most requests per second under the limit, or 0."""
    ### BEGIN SOLUTION
    allowed = [(batch / p99_s, batch) for batch, p99_s in measured if p99_s <= limit_s]
    return max(allowed, default=(0, 0))[1]
    ### END SOLUTION


# %%
lk.check("04.3", best_batch)

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

# %% [markdown]
# ## 04.5 Waiting for the batch (a stretch)
# Requests arrive evenly, `rate` a second. A batch of `b` runs as soon as its last request is there:
# so its first one has waited for `b - 1` others. It then takes `start_s + b * each_s`.
#
# Return the **largest** `b` such that
# - the first request has its answer at most `limit_s` after it arrived, and
# - the machine keeps up: the batch is done before the next one is complete, `b / rate` later;
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

# %% [markdown]
# ## To think about
# Your service answers one request at a time on a GPU that is idle for 95 % of the time. You may buy
# a faster GPU, batch the requests, or go back to the CPU. What would you measure first?
