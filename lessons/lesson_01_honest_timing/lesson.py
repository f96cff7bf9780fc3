# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · Honest timing
# *Five stopwatches that lie, and how to catch each of them.*
#
# **You will be able to** spot the five lies, time work that compiles, runs elsewhere or hides in a
# cache, and state an interval that means what it says · **Needs** 00 · **Takes** {time} ·
# **Runs on** a CPU
#
# Here is the stopwatch that everybody writes first. Nothing in it is wrong, and it lies in five
# ways.

# %%
import math
import threading
import time

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
# A compiled function compiles when it is first called.
#
# **Guess first.** The function below multiplies two small matrices.
# How many times longer than the second call will the first one take?

# %%
my_guess = ...
first_call_guess = lk.predict("01.a", my_guess, "1")

# %%
matrix = jnp.ones((256, 256))
product = jax.jit(lambda m: jnp.tanh(m @ m) @ m)

first_call, second_call = (
    lk.Reading(name, naive_s(lambda: product(matrix).block_until_ready()), "s", "measured")
    for name in ("first call", "second call")
)
first_over_second = first_call / second_call
first_call_guess.against(first_over_second)
lk.expect(
    first_over_second, 5, None,
    below="The second call was hardly faster: something disturbed it, or this program had been "
    "compiled before. Restart the kernel and run the cell again.",
    inside="The first call paid for the compiler.",
)  # fmt: skip

# %% [markdown]
# A compiled function has to be compiled before it can run, and the first call pays for that. Other
# things are paid once too: memory that is first
# touched, files that are first read, threads that start.
# So an honest timer **warms up**, and reports the first call *apart*, since your users do pay it.

# %%
fresh = jax.jit(lambda m: jnp.sin(m @ m) @ m)
timing = lk.bench(fresh, matrix, name="a fresh product")
lk.show(timing, lk.Reading("its first call", timing.first_call_s, "s", "measured"))

# %% [markdown]
# It happens at scale as well. NERSC published the log of a training run on an A100, epoch by epoch.
# How much slower was the first epoch than the mean of the rest?

# %%
log = lk.recorded("nersc-sc24-epochs")
for row in log.rows:
    first, *rest = row["epochs_samples_per_s"]
    behind = 1 - first / (sum(rest) / len(rest))
    lk.show(lk.Reading(f"{row['run']}, first epoch slower by", behind, "%", of=log))
print(f"({log.source})")

# %% [markdown]
# ## Lie 2: work that runs elsewhere
# A GPU, a TPU and JAX take an order and return at once. The work goes on behind your back.
# Here is such a device in ten lines: it takes 50 ms for anything, on a thread of its own.


# %%
class SlowDevice:
    """A device with one queue: `launch` returns at once, `synchronize` waits for the work."""

    def launch(self):
        self.work = threading.Thread(target=time.sleep, args=(0.050,))
        self.work.start()

    def synchronize(self):
        self.work.join()


device = SlowDevice()

# %% [markdown]
# **Guess first.** What does `naive_s(device.launch)` say?

# %%
my_guess = ...
launch_guess = lk.predict("01.b", my_guess, "ms")

# %%
launch_s = naive_s(device.launch)
device.synchronize()
launch_guess.against(lk.Reading("launch, not the work", launch_s, "s", "measured"))

# %% [markdown]
# It timed the *order*. To time the work, wait for it **before the clock stops**:

# %%
waited = lk.bench(device.launch, sync=device.synchronize, name="launch and wait", min_samples=7)
lk.show(waited)
assert waited.median_s > 0.049, "the device cannot be faster than its 50 ms"

# %% [markdown]
# JAX does the same on any device, this CPU too. Compare the two numbers.

# %%
big = jnp.ones((1200, 1200))
chain = jax.jit(lambda m: m @ m @ m @ m)
chain(big).block_until_ready()

dispatch_s = naive_s(chain, big)
whole_s = naive_s(lambda: chain(big).block_until_ready())
naive, whole = (
    lk.Reading(name, time_s, "s", "measured")
    for name, time_s in (("JAX, naive", dispatch_s), ("JAX, waited for", whole_s))
)
lk.show(naive, whole)
lk.expect(
    whole / naive, 2, None,
    below="Here JAX had nearly finished before it returned, as it does for small work on a CPU.",
    inside="The naive stopwatch saw only how long it takes to hand over the order.",
)  # fmt: skip

# %% [markdown]
# `lk.bench` waits by itself for JAX results and for torch devices. For anything else, tell it how:
# `sync=`.
#
# ## Lie 3: the cache
# Work on the same small array again and again, and from the second time on it comes from a cache,
# a small fast memory beside the core. Such a loop measures a memory that your real program, with
# its gigabytes, will never see.
#
# Our work is to read bytes, multiply each by one, and write them. (Why not simply copy them? The
# library's copy has a slow path on some CPUs, which is taken when the two arrays lie at unlucky
# addresses; it can make a small copy slower than a large one, and then we'd measure that. For the
# same reason both arrays come out of one block, half a page apart.)
#
# **Guess first.** Per byte, how many times faster is this on 128 KiB than on 128 MiB? If caches
# did nothing, it would be 1. A core's second cache often moves between 2 and 20 times as many bytes
# a second as memory does.

# %%
my_guess = ...
cache_guess = lk.predict("01.c", my_guess, "1")


# %% tags=["collapsed"]
HALF_A_PAGE = 2048


def work_on(n_bytes):
    """A function that multiplies `n_bytes` bytes by one."""
    block = np.ones(2 * n_bytes + HALF_A_PAGE, np.uint8)
    source, target = block[:n_bytes], block[n_bytes + HALF_A_PAGE :]
    return lambda: np.multiply(source, 1, out=target)


def rate(n_bytes, name):
    """Bytes read and written a second."""
    return lk.bench(work_on(n_bytes)).bytes_per_s(2 * n_bytes, name=name)


in_cache, in_memory = rate(2**17, "128 KiB"), rate(2**27, "128 MiB")
lk.show(in_cache, in_memory)
cache_over_memory = (in_cache / in_memory).named("cache over memory")
cache_guess.against(cache_over_memory)

control = lk.compare(work_on(2**25), work_on(2**25), max_time_s=3)  # the same, twice
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
# (To be sure of a difference we also time the same work against itself. If that alone differs by
# more than the effect, the line says that this machine can't show it.)
#
# Neither number is wrong. They answer different questions, so **say which**: *warm* (data in the
# cache) or *cold*. Use arrays as large as the real ones, or ask for `flush_cache=True`.
#
# ## Lie 4: the clock
# Every clock ticks. Work shorter than a tick takes nothing, or a whole tick.
# Some clocks tick 64 times a second; here is one, made by rounding.

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
# **Guess first.** `two_ms` takes 2 ms. Time it 200 times with the coarse clock.
# What share of the 200 answers is exactly zero?

# %%
my_guess = ...
zero_guess = lk.predict("01.d", my_guess, "%")

# %%
answers_s = np.array([coarse_s(two_ms) for _ in range(200)])
zero_guess.against(lk.Reading("answers that are zero", (answers_s == 0).mean(), "%", "measured"))
lk.show(lk.Reading("mean of the 200", answers_s.mean(), "s", "measured"))

# %% [markdown]
# A call shows only when a tick falls into its 2 ms. No single answer is near 2 ms, yet the mean is.
# Did as many of them come out as zero as there should?

# %%
expected_zeros = lk.Reading("share of zeros to expect", 1 - 0.002 / TICK_S, "%", "modelled")
lk.show(expected_zeros)
lk.expect(
    lk.Reading("answers that are zero", (answers_s == 0).mean(), "%", "measured"),
    expected_zeros.value - 0.1, expected_zeros.value + 0.1,
    below="Fewer than expected: on a busy machine many calls took longer than 2 ms, and a longer "
    "call is more likely to meet a tick.",
    inside="As many as the ticks predict, give or take the luck of 200 calls.",
    above="More than expected, which is rare: run the cell above once more.",
)  # fmt: skip

# %% [markdown]
# So an honest timer puts **many calls into one window**, until the window is thousands of ticks
# long, and takes off what the empty loop costs.

# %%
readings_ns = np.array([time.perf_counter_ns() for _ in range(1000)])
between_ns = np.diff(readings_ns).min()
tiny = lk.bench(len, [1, 2, 3], name="len of a list")
lk.show(
    lk.Reading(
        "this clock's tick, as the system gives it",
        time.get_clock_info("perf_counter").resolution, "s", "measured",
    ),
    lk.Reading("least time between two readings", between_ns / 1e9, "s", "measured"),
    tiny,
)  # fmt: skip
print(f"[measured] calls in one window: {tiny.block_size}")

# %% [markdown]
# The second line isn't the tick. It is what it costs to *ask* for the time: the two readings are
# apart by one call, however fine the clock is.
#
# ## Lie 5: noise, and the mean
# Your program shares the machine. Most runs differ a little, in both directions, because clocks and
# caches are never in quite the same state. A few are interrupted, and those are *much* slower. An
# interruption never makes a run faster, so the noise is **skewed**, and the mean follows the few.
#
# From here on the truth must be known, so the noise is simulated: an undisturbed run takes 1 ms,
# give or take 2 %, and some runs are stretched by an interruption.


# %%
UNDISTURBED_S = 0.001


def noisy_samples_s(n, interrupted, seed):
    """`n` run times: 1 ms give or take 2 %; a share `interrupted` of them is stretched."""
    rng = np.random.default_rng(seed)
    samples_s = UNDISTURBED_S * rng.lognormal(0.0, 0.02, n)
    hit = rng.random(n) < interrupted
    return samples_s * np.where(hit, 1 + rng.exponential(0.5, n), 1.0)


# %% [markdown]
# **Play.** Drag the share of interrupted runs, then the number of runs.
# Read it: each mark on the left is a run; then four ways to sum them up, two of them with a 95 %
# interval. Which of the four stays closest to the dashed line, the time of an undisturbed run?


# %% tags=["collapsed"]
def median_interval(samples):
    """The 95 % interval of the median by order statistics; needs six samples."""
    n = len(samples)
    missed, k = 0.0, 0
    while missed + math.comb(n, k) / 2**n <= 0.025:
        missed += math.comb(n, k) / 2**n
        k += 1
    ordered = np.sort(samples)
    return ordered[k - 1], ordered[n - k]


def mean_interval(samples):
    """The interval that most reports print: mean ± 1.96 standard errors."""
    half = 1.96 * samples.std(ddof=1) / math.sqrt(len(samples))
    return samples.mean() - half, samples.mean() + half


SHOWN_S = (0.0009, 0.0014)


def noise(n_runs, interrupted_percent, seed):
    times_s = noisy_samples_s(n_runs, interrupted_percent / 100, seed)
    n_hidden = (times_s > SHOWN_S[1]).sum()
    chart = lk.draw.Chart(
        lk.draw.Axis("", names=["all runs", "one shot", "minimum", "mean", "median"]),
        lk.draw.Axis("time", "s", *SHOWN_S),
        title=f"{n_runs} runs, {interrupted_percent} % interrupted ({n_hidden} above the picture)",
    )
    chart.line([-0.5, 4.5], [UNDISTURBED_S, UNDISTURBED_S], dash=True)
    for place, time_s in zip(np.linspace(-0.4, 0.4, n_runs), times_s, strict=True):
        if time_s <= SHOWN_S[1]:
            chart.mark(place, time_s, "simulated")
    summaries = (
        (times_s[0], None, None),
        (times_s.min(), None, None),
        (times_s.mean(), *mean_interval(times_s)),
        (np.median(times_s), *median_interval(times_s)),
    )
    for place, (time_s, low, high) in enumerate(summaries, start=1):
        if time_s <= SHOWN_S[1]:
            text = lk.units.si(time_s, "s", digits=4)
            chart.mark(place, time_s, "simulated", text, low=low, high=high)
    return chart.picture(f"{n_runs} run times, then one shot, minimum, mean and median")


lk.Explorer(noise, n_runs=(7, 101, 41), interrupted_percent=(0, 50, 20), seed=(1, 20, 1))

# %% [markdown]
# The minimum is below the truth and sinks as you take more samples. One shot is luck. The mean is
# dragged along by the few. The **median** moves least, but it does move: when more runs are
# interrupted, the run in the middle is a slower one. These are the true values of both, from two
# million simulated runs:

# %%
for interrupted in (0, 0.2, 0.5):
    many_s = noisy_samples_s(2_000_000, interrupted, seed=0)
    mean_moves, median_moves = (f(many_s) / UNDISTURBED_S - 1 for f in (np.mean, np.median))
    print(f"[simulated] {interrupted:.0%} interrupted: the mean is {mean_moves:.1%} above an "
          f"undisturbed run, the median {median_moves:.1%}")  # fmt: skip

# %% [markdown]
# ## Intervals that cover, and intervals that do not
# A 95 % interval promises to contain the truth 95 times in 100. Here the truth is known, so the
# promise can be tested: simulate a benchmark a thousand times, and count how often its interval
# holds the true value *of what it estimates*, the true mean for a mean, the true median for a
# median.
#
# **Guess first.** Of 100 intervals *mean ± 1.96 standard errors*, from 101 samples each, how many
# contain the true mean?

# %%
my_guess = ...
coverage_guess = lk.predict("01.e", my_guess, "%")


# %%
many_s = noisy_samples_s(2_000_000, 0.10, seed=0)
TRUE_MEAN_S, TRUE_MEDIAN_S = many_s.mean(), np.median(many_s)


def coverage(interval, truth_s, n, n_trials=1000):
    """The share of `n_trials` simulated benchmarks whose interval contains the truth."""
    hits = 0
    for seed in range(n_trials):
        low, high = interval(noisy_samples_s(n, 0.10, seed))
        hits += low <= truth_s <= high
    return hits / n_trials


# %%
rules = {
    "mean ± 1.96 SE": (mean_interval, TRUE_MEAN_S),
    "order statistics": (median_interval, TRUE_MEDIAN_S),
}
sizes = (7, 31, 101)
table = {name: [coverage(*rule, n) for n in sizes] for name, rule in rules.items()}

print("[simulated] intervals that contain the truth, of 1000")
print(f"{'samples':18}" + "".join(f"{n:8}" for n in sizes))
for name, shares in table.items():
    print(f"{name:18}" + "".join(f"{share:8.1%}" for share in shares))

# %%
coverage_guess.against(
    lk.Reading("mean ± 1.96 SE, n = 101", table["mean ± 1.96 SE"][-1], "%", "simulated")
)
assert all(share >= 0.94 for share in table["order statistics"])

# %% [markdown]
# The mean's interval fails even for the mean. Its recipe assumes that means of so many samples
# scatter evenly to both sides, and with skewed noise they don't: a benchmark that happened to meet
# few interruptions finds a low mean *and* a small spread, so it is sure of itself and wrong. With
# more samples that gets rarer, but it doesn't vanish.
#
# The honest rule needs no assumption about the shape of the noise. Sort the samples. Each lies
# above the median or below it, like a coin. So only coin counting decides which two samples
# enclose the median 95 times in 100, and `median_interval` above does that counting.
#
# It is the interval that `lk.bench` reports:

# %%
again = lk.bench(np.sum, np.ones(2**13), name="sum of 8192 numbers")
assert again.ci95_s == tuple(median_interval(np.array(again.samples_s)))
lk.show(again)

# %% [markdown]
# ## Which of two is faster?
# Two medians whose intervals overlap prove nothing. `lk.compare` runs both in turns, so that a
# machine that slows down slows both, and answers with a ratio, its interval and one word.

# %%
values = np.random.default_rng(0).random(2**16)
lk.compare(lambda: np.sort(values), lambda: np.partition(values, 2**15))

# %% [markdown]
# `SAME` needs proof as well: the whole interval within 2 %. Anything undecided is `AMBIGUOUS`,
# which is an honest answer and not a failure.
#
# ## What you now know
# - The first call, the waiting, the cache, the clock and the mean: **five lies**, each caught
# above.
# - A timer for compiled, remote or cached work **warms up, waits, says warm or cold, and fills its
#   window**.
# - A median with an order-statistic interval **covers**; mean ± 1.96 SE does not: the table proves
# it.

# %%
lk.show(
    lk.Reading("honest rule, n = 101", table["order statistics"][-1], "%", "simulated"),
    lk.Reading("mean ± 1.96 SE, n = 101", table["mean ± 1.96 SE"][-1], "%", "simulated"),
)

# %% [markdown]
# **Next**: the exercises, in which you mend the five stopwatches; then `02_roofline`: with honest
# times in hand, predict them.
