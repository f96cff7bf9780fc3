# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 · CPU parallelism: exercises
# From one law to the times of a real cluster. The numbers in a check are fresh at each run.

# %%
import math

import labkit as lk

# %% [markdown]
# ## 03.1 Amdahl
# The speed-up on `n` threads of a program whose serial share on one thread is `s`. (1 line)


# %%
def speedup(n, s):
    """How many times faster the same work is on `n` threads."""
    ### BEGIN SOLUTION
    return 1 / (s + (1 - s) / n)
    ### END SOLUTION


# %%
lk.check("03.1", speedup)

# %% [markdown]
# ## 03.2 How many threads?
# The least whole number of threads that makes the program at least `wanted` times faster, or
# `math.inf` if no number does. (about 4 lines)


# %%
def threads_for(wanted, s):
    """The least number of threads for a speed-up of `wanted`, or infinity."""
    ### BEGIN SOLUTION
    if wanted <= 1:
        return 1
    if 1 / wanted <= s:
        return math.inf
    return math.ceil((1 - s) / (1 / wanted - s))
    ### END SOLUTION


# %%
lk.check("03.2", threads_for)

# %% [markdown]
# ## 03.3 The share from two times
# A program takes `time_1_s` on one thread and `time_n_s` on `n`. Which serial share explains both?
# (2 lines: solve Amdahl's law for *s*)


# %%
def serial_share(time_1_s, time_n_s, n):
    """The serial share, as a fraction of the time on one thread."""
    ### BEGIN SOLUTION
    return (time_n_s / time_1_s - 1 / n) / (1 - 1 / n)
    ### END SOLUTION


# %%
lk.check("03.3", serial_share)

# %% [markdown]
# ## 03.4 Under a quota
# A job needs `work_s` seconds of CPU time, split evenly over `n_threads`. It starts together with a
# period of `period_s`, in which all threads together may use `quota_cores * period_s` of CPU time;
# then they stop until the next period. There are cores enough for all threads.
# When is the job done, in seconds? (about 5 lines; how many periods does it use up *before* its
# last?)


# %%
def done_s(work_s, n_threads, quota_cores, period_s):
    """Seconds from the start to the end of the job."""
    ### BEGIN SOLUTION
    allowed_s = quota_cores * period_s
    if n_threads <= quota_cores:
        return work_s / n_threads
    n_used_up = math.ceil(work_s / allowed_s) - 1
    return n_used_up * period_s + (work_s - n_used_up * allowed_s) / n_threads
    ### END SOLUTION


# %%
lk.check("03.4", done_s)

# %% [markdown]
# ## 03.5 Weak scaling as Megatron prints it (a stretch)
# Each row is `(parameters, n_gpus, iteration_s)`; the first is the baseline on one GPU. The work of
# an iteration is proportional to the parameters.
# Return for each row the rate per GPU, relative to the baseline's. (about 4 lines)


# %%
def weak_scaling(rows):
    """One fraction a row; the first is 1."""
    ### BEGIN SOLUTION
    rates = [parameters / n_gpus / time_s for parameters, n_gpus, time_s in rows]
    return [rate / rates[0] for rate in rates]
    ### END SOLUTION


# %%
lk.check("03.5", weak_scaling)

# %% [markdown]
# ## To think about
# You fit the serial share of a program on 2, 4, 8 and 16 cores, each time from one core and that
# many, and get 5 %, 6 %, 8 % and 12 %. What is wrong with Amdahl's law here, and what in the
# program would you look for?
