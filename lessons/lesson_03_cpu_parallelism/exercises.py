# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 · CPU parallelism: exercises
# You'll go from one law to the published times of a real training run. Each check calls your
# function with new numbers, so a hard-coded answer won't pass.

# %%
import math

import labkit as lk

# %% [markdown]
# ## 03.1 Amdahl
# How many times faster does a program get on `n` threads, if its serial share on one thread is `s`?
# (1 line)


# %%
def speedup(n, s):
    """How many times faster the same work is on `n` threads."""
    ### BEGIN SOLUTION
    return 1 / (s + (1 - s) / n)
    ### END SOLUTION


# %%
lk.check("03.1", speedup)

# %% [markdown] tags=["solution"]
# Most people who go wrong here return `s + (1 - s) / n`. That's the *time* that is left, as a
# fraction of the time on one thread. The speed-up is one over it.

# %% [markdown]
# ## 03.2 How many threads?
# What is the smallest whole number of threads that makes the program at least `wanted` times
# faster? Return `math.inf` if no number does. (about 5 lines)


# %%
def threads_for(wanted, s):
    """The smallest number of threads for a speed-up of `wanted`, or infinity."""
    ### BEGIN SOLUTION
    if wanted <= 1:
        return 1
    if wanted * s >= 1:
        return math.inf
    return math.ceil(wanted * (1 - s) / (1 - wanted * s))
    ### END SOLUTION


# %%
lk.check("03.2", threads_for)

# %% [markdown] tags=["solution"]
# The wrong turn is `math.ceil(wanted)`: ten times faster needs ten threads. It forgets that the
# serial part takes its time on any number of threads, so the other threads have to make up for it.
# The closer `wanted` comes to 1 / `s`, the more of them it takes.

# %% [markdown]
# ## 03.3 Memory, something else, or nothing?
# Somebody shows you the times of a program on several numbers of threads and asks whether more
# cores would help. `times_s` maps each number of threads to seconds; the program moves
# `moved_bytes`, and its machine's memory can move `memory_bytes_per_s` (as measured in lesson 02; a
# data sheet's number is rarely reached). Look at the run on the largest number of threads, *n*, and
# return
# - `"memory"` if it moves at least 80 % of what the memory can,
# - otherwise `"fine"` if it is at least 0.8 *n* times faster than on one thread,
# - otherwise `"something else"`: a serial part, or what threads cost. (about 6 lines)


# %%
def diagnose(times_s, moved_bytes, memory_bytes_per_s):
    """What keeps the program from getting faster: memory, something else, or nothing."""
    ### BEGIN SOLUTION
    n = max(times_s)
    if moved_bytes / times_s[n] >= 0.8 * memory_bytes_per_s:
        return "memory"
    if times_s[1] / times_s[n] >= 0.8 * n:
        return "fine"
    return "something else"
    ### END SOLUTION


# %%
lk.check("03.3", diagnose)

# %% [markdown] tags=["solution"]
# Many ask for the speed-up first. Then a program whose memory is saturated is called serial, and
# somebody spends a week looking for a serial part that isn't there. Ask the roofline first. Here is
# what your function says of two recorded runs on sixteen cores. (Nobody measured that machine's
# memory otherwise, so we take the best rate at which it was read.)

# %% tags=["solution"]
reading_s = lk.recorded_times("cpu-read-16-cores").medians_s
best_bytes_per_s = 2**28 / min(reading_s.values())  # 256 MiB were read
for words, key, moved_bytes in (
    ("the polynomial", "cpu-polynomial-16-cores", 2**26),
    ("the polynomial after a serial part", "cpu-program-16-cores", 2**26),
):
    times_s = lk.recorded_times(key).medians_s
    print(f"{words}: {diagnose(times_s, moved_bytes, best_bytes_per_s)}")

# %% [markdown] tags=["solution"]
# Your function says the same of both, although the first has nothing serial in it: there it's
# probably what sixteen threads cost, such as starting them and waiting for the slowest. "Something
# else" is where your search begins, not where it ends.

# %% [markdown]
# ## 03.4 Under a quota
# A container often shows all cores of its host and allows the time of a few: a **quota**. Linux
# counts it in [periods](https://docs.kernel.org/scheduler/sched-bwc.html), usually of 100 ms. In
# each period all threads together may use `quota_cores * period_s` of CPU time. When that's used
# up, *all* of them stop until the next period begins.
#
# A job needs `work_s` seconds of CPU time, split evenly over `n_threads`. It starts together with a
# period, and there are cores enough for all threads. When is it done, in seconds? A job without
# work is done at once. (about 5 lines; how many periods does it use up *before* its last one?)


# %%
def done_s(work_s, n_threads, quota_cores, period_s):
    """Seconds from the start to the end of the job."""
    ### BEGIN SOLUTION
    allowed_s = quota_cores * period_s
    if n_threads <= quota_cores:
        return work_s / n_threads
    n_used_up = max(0, math.ceil(work_s / allowed_s) - 1)
    return n_used_up * period_s + (work_s - n_used_up * allowed_s) / n_threads
    ### END SOLUTION


# %%
lk.check("03.4", done_s)

# %% [markdown] tags=["solution"]
# `work_s / quota_cores` is the wrong turn that most people take. It's nearly right for a long job,
# and wrong for a request of 30 ms. With 64 threads on a quota of 2 cores, the threads burst through
# the 200 ms of a period in about 3 ms and then stop for 97. So a request that comes at the wrong
# moment waits for most of 100 ms. Start as many threads as you *may use*, not as `os.cpu_count()`
# says.

# %% [markdown]
# ## 03.5 Weak scaling, as Megatron prints it (a stretch)
# NVIDIA trained larger and larger language models on one, two, four and eight GPUs. Eight GPUs did
# 79.6 % of the work that eight separate ones would have done in the same time
# ([Megatron-LM](https://nv-adlr.github.io/MegatronLMV1)). Each row is `(parameters, n_gpus,
# iteration_s)`, and the first is the run on one GPU. The work of an iteration is proportional to
# the parameters. Return, for each row, the rate of work per GPU, relative to the first row's. (The
# check makes up its rows: the published parameters are rounded, so with them your fractions would
# be off by a few percent.) (about 3 lines)


# %%
def weak_scaling(rows):
    """One fraction for each row; the first is 1."""
    ### BEGIN SOLUTION
    rates = [parameters / n_gpus / time_s for parameters, n_gpus, time_s in rows]
    return [rate / rates[0] for rate in rates]
    ### END SOLUTION


# %%
lk.check("03.5", weak_scaling)

# %% [markdown]
# These fractions were published. Which serial share of the run on all GPUs would explain each of
# them, if Gustafson's law were all there is?

# %%
megatron = lk.published("megatron-v1-weak-scaling")
print(megatron.source)
for row in megatron.rows[1:]:
    n, fraction = row["n_gpus"], row["weak_scaling_fraction"]
    alone = lk.plan.fit_gustafson({n: [n * fraction]}).value
    print(f"{n} GPUs: {fraction:.1%} (published), as if {alone:.1%} of it were serial (modelled)")

# %% [markdown] tags=["solution"]
# The plain ratio of the times is above 100 % on two GPUs, because their model wasn't twice as
# large. Rate is work over time, so the work has to be in it.

# %% [markdown]
# ## To think about
# 1. You fit the serial share of a program on 2, 4, 8 and 16 cores, each time from one core and that
#    many, and get 5 %, 6 %, 8 % and 12 %. What's wrong with Amdahl's law here, and what would you
#    look for in the program?
# 2. Megatron's shares don't grow steadily. Which parts of its work could be repeated on each GPU,
#    and which could grow with their number?

# %% [markdown] tags=["solution"]
# 1. A serial part would give the same share each time. A share that grows with *n* means that
#    something grows with *n*: waiting for the slowest thread, messages, a lock that all want, or
#    memory that is saturated. Amdahl's law holds for none of these. Time the parts by themselves,
#    and compute the bytes per second.
# 2. Tensor parallelism splits the matrix products over the GPUs. What stands between them, such as
#    layer norms and dropout, is done by every GPU, which acts like a serial part. After each layer
#    the GPUs exchange their sums, and that grows with their number ([lesson
#    15](../notebooks/15_collectives.ipynb)).
#    The published rows don't tell the two apart.
