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

first_s = naive_s(lambda: product(matrix).block_until_ready())
second_s = naive_s(lambda: product(matrix).block_until_ready())
first_call_guess.against(lk.Reading("first call over second", first_s / second_s, "1", "measured"))

# %% [markdown]
# The first call paid for the compiler. Other things are paid once too: memory that is first
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
    later = sum(rest) / len(rest)
    print(f"[recorded] {row['run']:22} first {first:5.2f}, later {later:5.2f} samples/s: "
          f"{100 * (first / later - 1):+.1f} %")  # fmt: skip
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
lk.show(
    lk.Reading("JAX, naive", dispatch_s, "s", "measured"),
    lk.Reading("JAX, waited for", whole_s, "s", "measured"),
)
assert dispatch_s < whole_s / 2, "the naive stopwatch saw only the dispatch"

# %% [markdown]
# `lk.bench` waits by itself for JAX results and for torch devices. For anything else, tell it how:
# `sync=`.
#
# ## Lie 3: the cache
# Copy the same small array again and again, and from the second time on it comes from the cache.
# The loop measures a memory that your real program, with its gigabytes, will never see.
#
# **Guess first.** How many times faster, per byte, is a copy of 128 KiB than one of 128 MiB?

# %%
my_guess = ...
cache_guess = lk.predict("01.c", my_guess, "1")


# %%
def copy_rate(n_bytes, name):
    source, target = np.ones(n_bytes, np.uint8), np.zeros(n_bytes, np.uint8)
    return lk.bench(np.copyto, target, source).bytes_per_s(2 * n_bytes, name=name)


in_cache = copy_rate(2**17, "copy of 128 KiB")
in_memory = copy_rate(2**27, "copy of 128 MiB")
lk.show(in_cache, in_memory)
cache_guess.against(
    lk.Reading("cache over memory", in_cache.value / in_memory.value, "1", "measured")
)

# %% [markdown]
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

# %%
lk.show(lk.Reading("share of zeros to expect", 1 - 0.002 / TICK_S, "%", "modelled"))

# %% [markdown]
# So an honest timer puts **many calls into one window**, until the window is thousands of ticks
# long, and takes off what the empty loop costs.

# %%
readings_ns = np.array([time.perf_counter_ns() for _ in range(1000)])
step_ns = np.diff(readings_ns).min()
tiny = lk.bench(len, [1, 2, 3], name="len of a list")
lk.show(lk.Reading("least step of the clock", step_ns / 1e9, "s", "measured"), tiny)
print(f"[measured] calls in one window: {tiny.block_size}")

# %% [markdown]
# ## Lie 5: noise, and the mean
# Your program shares the machine. Most runs are a little slow; a few are interrupted and *very*
# slow. Nothing ever makes a run too fast, so the noise is **skewed**, and the mean follows the few.
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
# interval. Which of the four stays at the dashed line, the time of an undisturbed run?


# %%
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
# The minimum is below the truth and sinks as you take more samples. One shot is luck.
# The mean is dragged along by the few. The **median** stays.
#
# ## Intervals that cover, and intervals that do not
# A 95 % interval promises to contain the truth 95 times in 100. Here the truth is known, so the
# promise can be tested.
#
# **Guess first.** Of 100 intervals *mean ± 1.96 standard errors*, from 101 samples each, how many
# contain the true median?

# %%
my_guess = ...
coverage_guess = lk.predict("01.e", my_guess, "%")


# %%
TRUE_MEDIAN_S = np.median(noisy_samples_s(2_000_000, 0.10, seed=0))


def iqr_interval(samples):
    """The rule of thumb of some timers: median ± a multiple of the interquartile range."""
    low, middle, high = np.percentile(samples, (25, 50, 75))
    half = 1.645 * (high - low) / 1.35 / math.sqrt(len(samples)) / 2
    return middle - half, middle + half


def coverage(interval, n, trials=1000):
    """The share of `trials` simulated benchmarks whose interval contains the true median."""
    hits = 0
    for seed in range(trials):
        low, high = interval(noisy_samples_s(n, 0.10, seed))
        hits += low <= TRUE_MEDIAN_S <= high
    return hits / trials


# %%
rules = {
    "mean ± 1.96 SE": mean_interval,
    "IQR rule": iqr_interval,
    "order statistics": median_interval,
}
sizes = (7, 31, 101)
table = {name: [coverage(rule, n) for n in sizes] for name, rule in rules.items()}

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
# More samples make the wrong interval *worse*: it shrinks around the wrong place.
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
