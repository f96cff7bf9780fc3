# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · Honest timing
# In 2025 researchers had an AI model write fast programs for a GPU, and scored it by how long they
# ran. In one attempt the model changed the clock: `time.time` now gave a thousandth of the true
# time. In another its program handed back the answer that the test had just computed, and switched
# off the line that waits for the GPU, so that no clock would show the true time. It seemed to run
# "almost infinitely fast" ([METR](https://metr.org/blog/2025-06-05-recent-reward-hacking/)).
#
# It doesn't take a cheat to get such times. An ordinary stopwatch tells lies all by itself.
#
# **The question of this lesson**: your stopwatch says 1.3 ms. How do you know that your program
# takes 1.3 ms?
#
# *{time} Needs lesson [00](00_start_here.ipynb).*
#
# Here is the stopwatch that everybody writes first. It lies in five ways.

# %%
import math
import time
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np

import labkit as lk


def naive_s(fn, *args):
    """Seconds that one call takes, by the first stopwatch that anybody writes."""
    start = time.perf_counter()
    fn(*args)
    return time.perf_counter() - start


# %% [markdown]
# ## Lie 1: the first call
# JAX is like NumPy, with a compiler. `jax.jit` makes a function that is compiled [just in
# time](https://docs.jax.dev/en/latest/jit-compilation.html), which means when it is first called.
#
# **Guess first.** Our function multiplies small matrices twice, 67 million operations. How many
# times longer than the second call will the first one take? Compiling it takes a few tenths of a
# second, and lesson 00 told you how many operations your machine does in a second.

# %%
first_call_guess = lk.predict("01.a", ...)

# %%
matrix = jnp.ones((256, 256))
product = jax.jit(lambda m: jnp.tanh(m @ m) @ m)

first_call, second_call = (
    lk.Reading(name, naive_s(lambda: product(matrix).block_until_ready()), "s", "measured")
    for name in ("first call", "second call")
)
first_call_guess.against(first_call / second_call)

# %% tags=["collapsed"]
lk.expect(
    first_call / second_call, 5, None,
    below="The second call was hardly faster: something disturbed it, or this program had been "
    "compiled before. Restart the kernel and run the cell again.",
    inside="The first call paid for the compiler.",
)  # fmt: skip

# %% [markdown]
# Other things are paid for once, too: memory that is first touched, files that are first read,
# threads that start. So an honest timer **warms up** and reports the first call apart, because your
# users do pay for it.

# %%
fresh = jax.jit(lambda m: jnp.sin(m @ m) @ m)
timing = lk.bench(fresh, matrix, name="a fresh product")
lk.show(timing, lk.Reading("its first call", timing.first_call_s, "s", "measured"))

# %% [markdown]
# It happens to others, too. NERSC, a computing centre, published how fast five training runs went
# on a GPU, in each **epoch**, which is one pass over all training data. (DALI is a library that
# loads the data; AMP computes with 16 bits where it can.) How much slower was the first epoch than
# the mean of the others?

# %% tags=["collapsed"]
log = lk.recorded("nersc-sc24-epochs")
for row in log.rows:
    first, *rest = row["epochs_samples_per_s"]
    behind = 1 - first / (sum(rest) / len(rest))
    lk.show(lk.Reading(f"{row['run']}, first epoch slower by", behind, "%", of=log))
print(f"({log.source})")

# %% [markdown]
# > **Takeaway.** The first call is different work. Time it apart, and the others only once they are
# > warm.
#
# ## Lie 2: work that runs elsewhere
# When you call a GPU, you only hand over an order. The call [returns at
# once](https://docs.pytorch.org/docs/stable/notes/cuda.html#asynchronous-execution), and the GPU
# works through its queue in its own time. Here is such a device: it takes 50 ms for anything, on
# a thread of its own.


# %%
class SlowDevice:
    """A device with one queue: `launch` returns at once, `synchronize` waits for the work."""

    def __init__(self):
        self.queue = ThreadPoolExecutor(max_workers=1)

    def launch(self):
        self.work = self.queue.submit(time.sleep, 0.050)

    def synchronize(self):
        self.work.result()


device = SlowDevice()

# %% [markdown]
# **Guess first.** What does `naive_s(device.launch)` say, in milliseconds? The work takes 50, and
# calling a function that does nothing takes 0.0001.

# %%
launch_guess = lk.predict("01.b", ..., "ms")

# %%
launch = lk.Reading("launch, not the work", naive_s(device.launch), "s", "measured")
device.synchronize()
launch_guess.against(launch)

# %% tags=["collapsed"]
lk.expect(
    launch, None, 0.025,
    inside="It timed only how long it takes to hand over the order.",
    above="Your machine was so busy that even handing over the order took long. Run it again.",
)  # fmt: skip

# %% [markdown]
# ### Your turn
# Mend the stopwatch. `synchronize()` returns when everything that was ordered so far is done.
# Others may have ordered work *before* you, and that must not count. Time one launch, and read the
# time with `clock()`. (5 lines)


# %%
def waited_s(launch, synchronize, clock):
    """Seconds from the order of one launch until its work is done."""
    ### BEGIN SOLUTION
    synchronize()  # what others ordered
    start = clock()
    launch()
    synchronize()
    return clock() - start
    ### END SOLUTION


waited_s = lk.your_turn("01.t1", waited_s)

whole_s = waited_s(device.launch, device.synchronize, time.perf_counter)
lk.show(lk.Reading("launch and wait", whole_s, "s", "measured"))

# %% [markdown]
# JAX works like this on every device, even on your CPU. Its arrays come back before they are
# computed, and `block_until_ready()` waits for them:

# %%
big = jnp.ones((1200, 1200))
chain = jax.jit(lambda m: m @ m @ m @ m)
chain(big).block_until_ready()  # the first call

naive = lk.Reading("JAX, naive", naive_s(chain, big), "s", "measured")
whole = lk.Reading(
    "JAX, waited for", naive_s(lambda: chain(big).block_until_ready()), "s", "measured"
)
lk.show(naive, whole)

# %% tags=["collapsed"]
lk.expect(
    whole / naive, 2, None,
    below="Here JAX had nearly finished before it returned, as it does for small work on a CPU.",
    inside="The naive stopwatch saw only how long it takes to hand over the order.",
)  # fmt: skip

# %% [markdown]
# `lk.bench` waits for JAX and for PyTorch by itself. For anything else, tell it how: `sync=`.
#
# > **Takeaway.** Work that runs elsewhere isn't done when the call returns. Wait before you start
# > the clock, and wait again before you stop it.
#
# ## Lie 3: the cache
# A [cache](https://en.wikipedia.org/wiki/CPU_cache) is a small fast memory beside the core. If you
# work on the same small array again and again, then from the second time on it comes from there.
# Your real program, with its gigabytes, may never see that speed.
#
# We read bytes, multiply each by one, and write them. (Why don't we just copy them? On some CPUs
# the library's copy has a slow path, which it takes when the two arrays lie at unlucky addresses.
# Then a small copy can be slower than a large one, and we'd measure that.)
#
# **Guess first.** Per byte, how many times faster is this on 128 KiB than on 128 MiB? If caches did
# nothing, it would be 1. A core's second-level cache, the L2 in your passport, often moves between
# 2 and 20 times as many bytes a second as memory does.

# %%
cache_guess = lk.predict("01.c", ...)


# %%
def work_on(n_bytes):
    """A function that multiplies `n_bytes` bytes by one."""
    block = np.ones(2 * n_bytes + 2048, np.uint8)  # 2048: so that no address is an unlucky one
    source, target = block[:n_bytes], block[n_bytes + 2048 :]
    return lambda: np.multiply(source, 1, out=target)


in_cache, in_memory = (
    lk.bench(work_on(n_bytes)).bytes_per_s(2 * n_bytes, name=name)
    for n_bytes, name in ((2**17, "128 KiB"), (2**27, "128 MiB"))
)
lk.show(in_cache, in_memory)
cache_over_memory = (in_cache / in_memory).named("cache over memory")
cache_guess.against(cache_over_memory)

# %% tags=["collapsed"]
# The same work against itself: if that differs by more than the effect, nothing can be shown here.
control = lk.compare(work_on(2**25), work_on(2**25), max_time_s=3)
kept = lk.recorded("cpu-cache")
kept_rate = {
    row["n_bytes"]: row["n_bytes"] * row["repeats"] / row["samples_s"][0] for row in kept.rows
}
lk.expect(
    cache_over_memory, 1.3, 50,
    below="On this machine the small array was no faster. Perhaps its caches were full of other "
    "programs' data, so look at the recorded run.",
    inside="The small array never left the cache, and so it was faster.",
    above="That is more than a cache usually gains, so the large run was probably disturbed.",
    control=control,
    recorded=lk.Reading(
        "cache over memory there", kept_rate[2**17] / kept_rate[2**27], "1", of=kept,
        note=kept.source,
    ),
)  # fmt: skip

# %% [markdown]
# Neither number is wrong. They answer different questions.
#
# > **Takeaway.** Say whether you measured *warm*, with the data in a cache, or *cold*. Use arrays
# > as large as the real ones, or ask for `flush_cache=True`.
#
# ## Lie 4: the clock
# Every clock ticks, and between two ticks it stands still. On Windows, `time.monotonic` ticked only
# 64 times a second [before Python 3.13](https://docs.python.org/3/whatsnew/3.13.html#time). We make
# such a clock by rounding:

# %%
TICK_S = 1 / 64


def coarse_clock_s():
    return math.floor(time.perf_counter() / TICK_S) * TICK_S


def coarse_s(fn):
    start = coarse_clock_s()
    fn()
    return coarse_clock_s() - start


def two_ms():
    end = time.perf_counter() + 0.002
    while time.perf_counter() < end:
        pass


# %% [markdown]
# **Guess first.** `two_ms` takes 2 ms. We time it 200 times with the coarse clock. How many percent
# of the answers are exactly zero? If the work took a whole tick, about 16 ms, none would be; if it
# took no time at all, 100 %.

# %%
zero_guess = lk.predict("01.d", ..., "%")

# %%
answers_s = np.array([coarse_s(two_ms) for _ in range(200)])
zeros = lk.Reading("answers that are zero", (answers_s == 0).mean(), "%", "measured")
zero_guess.against(zeros)
lk.show(lk.Reading("mean of the 200", answers_s.mean(), "s", "measured"))

# %% tags=["collapsed"]
expected = 1 - 0.002 / TICK_S
lk.show(lk.Reading("share of zeros to expect", expected, "%", "modelled"))
lk.expect(
    zeros, expected - 0.1, expected + 0.1,
    below="Fewer than expected: on a busy machine many calls took longer than 2 ms, and a longer "
    "call is more likely to meet a tick.",
    inside="As many as the ticks predict, give or take the luck of 200 calls.",
    above="More than expected, which is rare: run the cell above once more.",
)  # fmt: skip

# %% [markdown]
# Each answer is a whole number of ticks, so none is near 2 ms. Yet a call of 2 ms meets a tick in
# 2 of 15.6 cases, so that the *mean* of many comes out right. That's why an honest timer puts
# **many calls into one window**, until it's thousands of ticks long, and takes off what the empty
# loop costs.

# %%
tiny = lk.bench(len, [1, 2, 3], name="len of a list")
readings_ns = np.array([time.perf_counter_ns() for _ in range(1000)])
lk.show(
    tiny,
    lk.Reading("least time between two readings", np.diff(readings_ns).min() / 1e9, "s",
               "measured"),
    lk.Reading("this clock's tick", time.get_clock_info("perf_counter").resolution, "s",
               "measured"),
)  # fmt: skip
print(f"[measured] calls in one window: {tiny.block_size:,}")

# %% [markdown]
# If the least time between two readings is longer than the tick, as it is on most machines, then
# that's what it costs to *ask* for the time.
#
# > **Takeaway.** Never time one short call. Fill a window that is much longer than a tick, and
# > divide by the number of calls.
#
# ## Lie 5: noise, and the mean
# Your program shares the machine. Most runs differ a little, in both directions, because clocks and
# caches are never in quite the same state. A few are interrupted, and they take *much* longer. Such
# noise is **skewed**, and the mean follows the few.
#
# To see which summary is right we have to know the truth, so now the runs are simulated. An
# undisturbed one takes 1 ms, give or take 2 %, and an interruption stretches some.


# %%
UNDISTURBED_S = 0.001


def noisy_samples_s(n, interrupted, seed):
    """`n` run times: 1 ms give or take 2 %; a share `interrupted` of them is stretched."""
    rng = np.random.default_rng(seed)
    samples_s = UNDISTURBED_S * rng.lognormal(0.0, 0.02, n)
    hit = rng.random(n) < interrupted
    return samples_s * np.where(hit, 1 + rng.exponential(0.5, n), 1.0)


def mean_interval(samples):
    """The interval that many reports print: mean ± 1.96 standard errors."""
    half = 1.96 * samples.std(ddof=1) / math.sqrt(len(samples))
    return samples.mean() - half, samples.mean() + half


def median_interval(samples):
    """The 95 % interval of the median, by counting coins (below); needs six samples."""
    n, missed, k = len(samples), 0.0, 0
    while missed + math.comb(n, k) / 2**n <= 0.025:
        missed += math.comb(n, k) / 2**n
        k += 1
    ordered = np.sort(samples)
    return ordered[k - 1], ordered[n - k]


# %% [markdown]
# **Play.** Drag the share of interrupted runs, then the number of runs. Each mark on the left is a
# run; beside them are four ways to sum them up, two with a 95 % interval. Which stays closest to
# the dashed line?


# %% tags=["collapsed"]
def noise(n_runs, interrupted_percent, seed):
    times_s = noisy_samples_s(n_runs, interrupted_percent / 100, seed)
    summed_up = {
        "one shot": (times_s[0], None, None),
        "minimum": (times_s.min(), None, None),
        "mean": (times_s.mean(), *mean_interval(times_s)),
        "median": (np.median(times_s), *median_interval(times_s)),
    }
    return lk.draw.summaries(
        times_s, summed_up, UNDISTURBED_S, most_s=0.0014,
        title=f"{n_runs} runs, {interrupted_percent} % interrupted",
    )  # fmt: skip


lk.Explorer(noise, n_runs=(7, 101, 41), interrupted_percent=(0, 50, 20), seed=(1, 20, 3))

# %% tags=["collapsed"]
for interrupted in (0.2, 0.5):
    many_s = noisy_samples_s(2_000_000, interrupted, seed=0)
    for name, sum_up in (("mean", np.mean), ("median", np.median)):
        too_high = sum_up(many_s) / UNDISTURBED_S - 1
        title = f"{100 * interrupted:g} % interrupted, the true {name} above an undisturbed run by"
        lk.show(lk.Reading(title, too_high, "%", "simulated"))

# %% [markdown]
# (These lines are the true values, from two million runs.) The minimum lies below the truth, and
# sinks as you take more samples. One shot is luck. The mean is dragged along by the few.
# The **median**, the run in the middle, moves least. It does move, though: if more runs are
# interrupted, the run in the middle is a slower one.
#
# > **Takeaway.** Times are skewed, so report the median and say how many samples you took.
#
# ## Intervals that keep their promise
# A 95 % interval promises to contain the truth in 95 of 100 benchmarks. Here we know the truth, so
# we can put the promise to the test: simulate a thousand benchmarks, and count.
#
# **Guess first.** Take 101 samples, a tenth of them interrupted. How many percent of the intervals
# *mean ± 1.96 [standard errors](https://en.wikipedia.org/wiki/Standard_error)* contain the true
# mean? It promises 95.

# %%
coverage_guess = lk.predict("01.e", ..., "%")

# %% [markdown]
# ### Your turn
# Count. `interval(samples)` gives `(low, high)`. Return the share of the benchmarks whose interval
# contains the truth, as a number between 0 and 1. (about 4 lines)


# %%
def coverage(interval, truth, benchmarks):
    """The share of `benchmarks`, each an array of samples, whose interval contains `truth`."""
    ### BEGIN SOLUTION
    hits = 0
    for samples in benchmarks:
        low, high = interval(samples)
        hits += low <= truth <= high
    return hits / len(benchmarks)
    ### END SOLUTION


coverage = lk.your_turn("01.t2", coverage)

# %%
many_s = noisy_samples_s(2_000_000, 0.10, seed=0)
rules = {
    "mean ± 1.96 SE": (mean_interval, many_s.mean()),  # each against what it estimates
    "median, by coins": (median_interval, np.median(many_s)),
}
kept_s = {n: [noisy_samples_s(n, 0.10, seed) for seed in range(1000)] for n in (7, 31, 101)}
table = {name: [coverage(*rule, kept_s[n]) for n in kept_s] for name, rule in rules.items()}

print("[simulated] intervals that contain the truth, of 1,000")
print(f"{'samples':18}" + "".join(f"{n:8}" for n in kept_s))
for name, shares in table.items():
    print(f"{name:18}" + "".join(f"{share:8.1%}" for share in shares))
mean_covers = table["mean ± 1.96 SE"][-1]
coverage_guess.against(lk.Reading("mean ± 1.96 SE, n = 101", mean_covers, "%", "simulated"))
assert all(share >= 0.94 for share in table["median, by coins"])

# %% [markdown]
# The mean's interval fails even for the mean. Its recipe assumes that means scatter evenly to both
# sides, and with skewed noise they don't. A benchmark that happened to meet few interruptions finds
# a low mean *and* a small spread, so it's sure of itself and wrong. With more samples that gets
# rarer.
#
# The median's interval doesn't care what the noise looks like. It assumes only that the machine
# stays the same and that the runs don't influence each other. Then each sample lies above the true
# median or below it, like a coin that shows heads or tails. So counting coins decides which two of
# the sorted samples enclose it at least 95 times in 100 ([Hoefler and Belli
# 2015](https://doi.org/10.1145/2807591.2807644)). (A little less in the table is the luck of a
# thousand benchmarks.) `lk.bench` does the same:

# %% tags=["collapsed"]
again = lk.bench(np.sum, np.ones(2**13), name="sum of 8,192 numbers")
assert again.ci95_s == tuple(median_interval(np.array(again.samples_s)))
lk.show(again)

# %% [markdown]
# > **Takeaway.** As long as the machine stays the same and the runs don't influence each other, a
# > median with an interval from the sorted samples keeps its promise, whatever the noise. Mean ±
# > 1.96 standard errors doesn't.
#
# ## Which of two is faster?
# If the intervals of two medians overlap, they don't tell you which is faster. If they don't, the
# machine may have slowed down in between. So `lk.compare` runs both in turns, so that what slows
# one slows the other, and gives the ratio, its interval and one word.

# %%
values = np.random.default_rng(0).random(2**16)
# Sorting all values against finding only the one in the middle.
sorting = lk.compare(lambda: np.sort(values), lambda: np.partition(values, 2**15))
lk.show(sorting)

# %% tags=["collapsed"]
lk.expect(
    sorting.time_ratio("sorting all over finding the middle"), 1.02, None,
    below="Here sorting takes no longer than finding the middle alone: NumPy has a sort for your "
    "CPU that works on many numbers with one instruction.",
    inside="Sorting all takes longer than finding only the middle.",
)  # fmt: skip

# %% [markdown]
# `FAST` and `SLOW` are about the first of the two. `SAME` needs proof as well: the whole interval
# has to lie within 2 % of 1. Anything undecided is `AMBIGUOUS`.
#
# > **Takeaway.** Compare in turns, and let the interval decide. "I can't tell" is an honest answer.
#
# ## Back to the changed clock
# Would it have fooled you? Let's do it.

# %%
true_clock = time.perf_counter
time.perf_counter = lambda: true_clock() / 1000
try:
    fooled = lk.Reading("a nap of 20 ms, naively", naive_s(time.sleep, 0.02), "s", "measured")
    honest = lk.bench(time.sleep, 0.02, name="a nap of 20 ms, by lk.bench", min_samples=7)
finally:
    time.perf_counter = true_clock
lk.show(fooled, honest)

# %% [markdown]
# The naive stopwatch looks up the clock each time, and finds the false one. `lk.bench` took hold of
# the true one when it was imported. It also waits for the GPU itself, rather than trusting the
# program to do so. (A worse cheat in the same process could change `lk.bench`, too.)
#
# So how do you know that your program takes 1.3 ms? You time it warm, you wait for it, you say what
# was in the cache, you fill a window, and you give a median with an interval. And nobody whose
# program you time may touch the stopwatch.
#
# **Next**: the [exercises](../exercises/01_honest_timing.ipynb), in which you'll mend more
# stopwatches; then [the roofline](02_roofline.ipynb), where you'll predict the times that you can
# now measure.
