# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 · CPU parallelism
# *A machine has p cores. Why is a program not p times faster?*
#
# **You will be able to** climb from a Python loop to all cores, fit the serial share of a program
# to its own times, and say when more threads hurt · **Needs** 01, 02 · **Takes** {time} ·
# **Runs on** a CPU; two cores or more make the speed-ups real

# %%
import os
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit, prange

import labkit as lk

here = lk.machine()
usable = here.cpu_count_usable or 1
lk.show(
    lk.Reading("cores that the system shows", os.cpu_count(), "1", "measured"),
    lk.Reading("cores that this process may use", usable, "1", "measured"),
)

# %% [markdown]
# ## Five rungs
# One task for this lesson: a polynomial of degree 64 at many points, and the sum of the results.
# A point costs 128 FLOP and 4 bytes, so arithmetic is the limit (lesson 02).

# %%
DEGREE = 64
N_POINTS = 2**20
points = np.random.default_rng(0).random(N_POINTS, dtype=np.float32)


def loop(x):
    total = np.float32(0)
    for i in range(x.size):
        value = x[i]
        for _ in range(DEGREE):
            value = value * x[i] + np.float32(0.5)
        total += value
    return total


def whole_arrays(x):
    value = x.copy()
    for _ in range(DEGREE):
        value = value * x + np.float32(0.5)
    return value.sum()


@njit(parallel=True, fastmath=True)
def all_cores(x):
    total = np.float32(0)
    for i in prange(x.size):
        value = x[i]
        for _ in range(DEGREE):
            value = value * x[i] + np.float32(0.5)
        total += value
    return total


rungs = {
    "Python": loop,
    "compiled": njit(nogil=True)(loop),
    "NumPy": whole_arrays,
    "SIMD": njit(nogil=True, fastmath=True)(loop),
    "all cores": all_cores,
}

# %% [markdown]
# **Guess first.** How many times faster than the first rung is the last one?

# %%
my_guess = ...
ladder_guess = lk.predict("03.a", my_guess, "1")

# %% [markdown]
# Python gets a thousandth of the points: we compare rates. Verify before you time.

# %%
rates = {}
for name, rung in rungs.items():
    x = points[:1024] if name == "Python" else points
    assert np.isclose(rung(x), whole_arrays(x.astype(float)), rtol=1e-3)
    rates[name] = lk.bench(rung, x).flop_per_s(2 * DEGREE * x.size, name=name)
lk.show(*rates.values())
ladder_guess.against(
    lk.Reading(
        "all cores over Python", rates["all cores"].value / rates["Python"].value, "1", "measured"
    )
)

# %% [markdown]
# Read it from the top.
# - **Compiled**: no interpreter, and `value` stays in a register. But it works on one number at a
#   time, and each step waits for the one before (lesson 02's `polynomial 64`).
# - **NumPy**: each of its 128 steps works on many numbers that do not wait for each other. But each
#   writes a whole array and reads it again.
# - **SIMD** has both: registers, and one instruction for several numbers. `fastmath` allows the
#   compiler to add in another order, and to fuse a multiplication with an addition.
# - **All cores**: `prange` deals the points out to threads.
#
# "Compiled" and "SIMD" are the same Python. The difference stands in their machine code:

# %%
for name in ("compiled", "SIMD"):
    code = next(iter(rungs[name].inspect_asm().values()))
    fused = re.findall(r"\b(?:vfmadd|fmla|fmadd)\w*", code)
    print(f"[measured] fused multiply-adds in the code of {name}: {len(fused)}")
lanes = here.simd_bits // 32 if here.simd_bits else None
lk.show(lk.Reading("32-bit floats in one SIMD register", lanes, "1", "measured"))

# %% [markdown]
# ## Threads, and the lock around Python
# A **thread** is a second place in the same program. Here is a pool of them, and two halves of a
# task.
#
# **Guess first.** Two threads run the *Python* loop on a half each. How many times faster is that
# than one half after the other?

# %%
my_guess = ...
lock_guess = lk.predict("03.b", my_guess, "1")

# %%
pool = ThreadPoolExecutor(max_workers=64)
long = np.random.default_rng(1).random(2**24, dtype=np.float32)


def one_after_the_other(work, parts):
    return [work(part) for part in parts]


def in_threads(work, parts):
    others = [pool.submit(work, part) for part in parts[1:]]
    return [work(parts[0]), *(other.result() for other in others)]  # this thread works as well


def gain(work, x, name):
    """How many times faster two threads are than one, as a Reading."""
    halves = np.array_split(x, 2)
    found = lk.compare(
        lambda: one_after_the_other(work, halves), lambda: in_threads(work, halves), max_time_s=2
    )
    low, high = found.ci95_ratio
    return lk.Reading(name, found.ratio, "1", "measured", low=low, high=high)


lock_guess.against(gain(loop, points[:1024], "Python, two threads"))
lk.show(gain(rungs["SIMD"], long, "SIMD, two threads"))

# %% [markdown]
# The usual Python has one lock (the GIL): only the thread that holds it may run Python.
# Compiled code can let go of it (`nogil=True`), and so do NumPy and torch while they compute.
#
# ## Amdahl's question
# Few programs are parallel from end to end. This one has a part in which each step needs the one
# before. No thread can help it.

# %%
N_STEPS = 4_000_000


@njit(nogil=True)
def serial_part(n_steps):
    value = 1.0
    for _ in range(n_steps):
        value = 0.5 * value + 1.0
    return value


def parallel_part(x, n_threads):
    return sum(in_threads(rungs["SIMD"], np.array_split(x, n_threads)))


def program(x, n_threads):
    return serial_part(N_STEPS) + parallel_part(x, n_threads)


# %% [markdown]
# The **serial share** *s* is the part of the time on one thread that stays serial.
# The rest shrinks with the number of threads *n*:
#
# $$\text{speed-up} = \frac{1}{s + (1 - s)/n} \qquad \text{(Amdahl 1967)}$$

# %%
serial = lk.bench(serial_part, N_STEPS, name="serial part")
parallel = lk.bench(parallel_part, long, 1, name="parallel part, one thread")
share = serial.median_s / (serial.median_s + parallel.median_s)
lk.show(serial, parallel, lk.Reading("serial share, from its parts", share, "%", "measured"))

for n_threads in (2, 1000):
    law = lk.plan.amdahl(n_threads, share)
    print(f"[measured] Amdahl on {n_threads} threads: {law:.2f} times faster, if the law holds")

# %% [markdown]
# **Guess first.** Really run on two threads: how many times faster?

# %%
my_guess = ...
amdahl_guess = lk.predict("03.c", my_guess, "1")

# %%
COUNTS = [2**k for k in range(7) if 2**k <= 2 * max(usable, 2)]  # one doubling too many, on purpose


def times_in_turns(x, counts, n_rounds=31):
    """Times in s for each number of threads, taken in turns: what disturbs one disturbs all."""
    times_s = {n: [] for n in counts}
    for _ in range(n_rounds):
        for n in counts:
            with lk.Timer() as timer:
                program(x, n)
            times_s[n].append(timer.elapsed_s)
    return times_s


times_s = times_in_turns(long, COUNTS)
speedup = {n: np.median(times_s[1]) / np.median(times_s[n]) for n in COUNTS}

amdahl_guess.against(lk.Reading("program on two threads", speedup[2], "1", "measured"))
text = ", ".join(f"{n} threads {speedup[n]:.2f}" for n in COUNTS[1:])
print(f"[measured] speed-ups: {text}")

# %% [markdown]
# ## Fit the share
# Now forget the parts: take the times of the whole program, and find the share that explains them.
# Only as many threads as there are cores count; the law knows nothing of more.
#
# The interval is made by **drawing again**: pick samples anew from those measured, fit, repeat
# 2,000 times, keep the middle 95 %.

# %%
within_cores = {n: times_s[n] for n in COUNTS if n <= max(usable, 2)}
fitted = lk.plan.fit_amdahl(within_cores)
lk.show(
    lk.Reading("serial share, from its parts", share, "%", "measured"),
    lk.Reading(
        "serial share, fitted", fitted.value, "%", "measured", low=fitted.low, high=fitted.high
    ),
)

# %% [markdown]
# Do the two agree? With two cores there are two points and two unknowns: **any** two times fit.
# The interval then knows the noise, but nobody has tested the law.
# And on a busy machine a thread that waits for a core looks like serial work.
#
# How many cores does it take to know *s*? Here the truth is known: 5 % serial, every run disturbed
# by some 3 %.


# %%
def simulated_times_s(true_share, counts, seed, n_samples=31):
    rng = np.random.default_rng(seed)
    return {n: rng.lognormal(0, 0.03, n_samples) / lk.plan.amdahl(n, true_share) for n in counts}


for n_cores in (2, 4, 16, 64):
    counts = [2**k for k in range(7) if 2**k <= n_cores]
    fit = lk.plan.fit_amdahl(simulated_times_s(0.05, counts, seed=3))
    few, most = 1 / fit.high, 1 / fit.low
    print(f"[simulated] {n_cores:2} cores: s = {fit.value:.1%}, 95 % interval {fit.low:.1%} to "
          f"{fit.high:.1%}: at most {few:.0f} to {most:.0f} times faster")  # fmt: skip
    assert fit.low < 0.05 < fit.high

# %% [markdown]
# Read the end of each line: the limit on a thousand cores, foretold from a few. Two cores leave it
# wide open, and here the law holds by construction.
#
# ## Gustafson's answer
# Amdahl keeps the work and adds threads. Gustafson asks: who buys a thousand processors for
# yesterday's problem? Let the *parallel* work grow with the threads. The serial part stays as it
# is, so its share shrinks:
#
# $$\text{scaled speed-up} = n - (n - 1)\,s' \qquad \text{(Gustafson 1988)}$$
#
# where *s'* is the serial share of the **parallel** run: another run, another share.
#
# To measure it, give *n* threads *n* times the points, and time the same work on one thread.

# %%
WEAK = [n for n in COUNTS if 1 < n <= max(usable, 2)][:2]
scaled = {}
for n in WEAK:
    times = times_in_turns(np.tile(long, n), (1, n), n_rounds=15)
    scaled[n] = np.array(times[1]) / times[n]
weak = lk.plan.fit_gustafson(scaled)
text = ", ".join(f"{n} threads {np.median(scaled[n]):.2f}" for n in WEAK)
print(f"[measured] scaled speed-ups: {text}")
lk.show(
    lk.Reading(
        "serial share of the parallel run",
        weak.value,
        "%",
        "measured",
        low=weak.low,
        high=weak.high,
    )
)

# %% [markdown]
# **Play.** Drag the serial share until each curve meets your marks. Then look at the right end.

# %%


def two_laws(serial_share):
    ns = [2 ** (k / 4) for k in range(25)]
    chart = lk.draw.Chart(
        lk.draw.Axis("threads", "1", 1, 64, log=True),
        lk.draw.Axis("speed-up", "1", 0.5, 100, log=True),
        title=f"Two laws, serial share {serial_share:.0%}",
    )
    chart.line(ns, ns, "ideal", dash=True)
    chart.line(ns, [lk.plan.gustafson(n, serial_share) for n in ns], "Gustafson", origin="modelled")
    chart.line(ns, [lk.plan.amdahl(n, serial_share) for n in ns], "Amdahl", origin="modelled")
    for n in COUNTS:
        chart.mark(n, speedup[n], "measured", "same work" if n == COUNTS[-1] else "")
    for n in WEAK:
        chart.mark(n, np.median(scaled[n]), "measured", "more work" if n == WEAK[-1] else "")
    return chart.picture("Speed-ups measured here, beside Amdahl's and Gustafson's law")


lk.Explorer(two_laws, serial_share=lk.draw.Slider(0.0, 0.5, 0.15, unit="%"))

# %% [markdown]
# Read it: both axes are logarithmic; on the dashed line nothing is lost. Amdahl's curve turns
# flat at 1 / *s*; Gustafson's stays straight. Both are right: they answer two questions.
#
# In 1988 three programs at Sandia reached this on 1,024 processors:

# %%
for row in lk.published("gustafson-1988").rows:
    n, reached = row["n_processors"], row["speedup"]
    s = lk.plan.fit_gustafson({n: [reached]}).value
    print(f"{row['application']:20} {reached} times published; modelled: s' = {s:.2%}; "
          f"Amdahl with that share {lk.plan.amdahl(n, s):4.0f}")  # fmt: skip

# %% [markdown]
# ## False sharing
# Each thread counts events in a table **of its own**. Nothing is shared. Really?


# %%
@njit(nogil=True)
def tally(events, counts):
    for event in events:
        counts[event] += 1


events = np.random.default_rng(2).integers(0, 4, 2**24, dtype=np.uint8)
halves = np.array_split(events, 2)
near = np.zeros((2, 4), np.int64)  # two tables of 32 bytes, side by side
far = np.zeros((2, 64), np.int64)  # the same, 512 bytes apart

# %% [markdown]
# **Guess first.** Two threads, once with the tables side by side, once apart. How many times longer
# does side by side take?

# %%
my_guess = ...
sharing_guess = lk.predict("03.d", my_guess, "1")


# %%
def count_into(tables):
    in_threads(lambda pair: tally(*pair), list(zip(halves, tables, strict=True)))


count_into(near), count_into(far)
assert (near.sum(axis=0) == np.bincount(events)).all()
assert (far.sum(axis=0)[:4] == np.bincount(events)).all()
found = lk.compare(
    lambda: count_into(near), lambda: count_into(far), names=("side by side", "apart")
)
sharing_guess.against(found.time_ratio())

# %% [markdown]
# Caches do not move bytes, they move **lines** of 64 or 128. A core that writes needs the whole
# line for itself. Side by side, both tables lie in one line, and it flies to and fro. The result is
# right, only late: no check of results finds it. (On one core there is no second cache, and the
# ratio is 1.)
#
# ## More threads than cores
# In your list of speed-ups the last count has more threads than cores, and gains nothing. It can
# be worse. A container often shows all cores of its host, and allows the time of a few: a
# **quota**. Linux counts it in periods of 100 ms. When the period's time is used up, *all* threads
# stop until the next.

# %%
PERIOD_S = 0.100


def pause_s(n_threads, quota_cores):
    """How long all threads stop in each period, if all of them are busy."""
    running_s = min(PERIOD_S, PERIOD_S * quota_cores / n_threads)
    return PERIOD_S - running_s


for n_threads in (2, 4, 64):
    name = f"pause with {n_threads} busy threads on a quota of 2 cores"
    lk.show(lk.Reading(name, pause_s(n_threads, 2), "s", "modelled"))

# %% [markdown]
# With 64 threads, started because the system showed 64 cores, a request that comes at the wrong
# moment waits for most of 100 ms. And a thread that *spins* while it waits uses up the quota for
# nothing. So set the number of threads from what you **may use**, not from `os.cpu_count()`.
#
# ## It scales up: GPUs of one server
# The same two questions are asked of GPUs. NVIDIA trained larger and larger models on one, two,
# four and eight: weak scaling. **Guess first.** On eight GPUs, what share of eight times did
# they reach?

# %%
my_guess = ...
megatron_guess = lk.predict("03.e", my_guess, "%")

# %%
result = lk.published("megatron-v1-weak-scaling")
first, *rows = result.rows
print(f"{'GPUs':4} {'published':>10} {'from rounded sizes':>20} {'plain ratio of times':>22}")
for row in rows:
    ratio = first["iteration_s"] / row["iteration_s"]
    growth = row["parameters_1e9"] / row["n_gpus"] / first["parameters_1e9"]
    print(f"{row['n_gpus']:4} {row['weak_scaling_fraction']:10.1%} {growth * ratio:20.1%} "
          f"{ratio:22.1%}")  # fmt: skip
megatron_guess.against(
    lk.Reading(
        "weak scaling on 8 GPUs", rows[-1]["weak_scaling_fraction"], "%", "published",
        source=result.source,
    )
)  # fmt: skip

# %% [markdown]
# The plain ratio exceeds 100 %: the model per GPU did not stay the same. Rate = work ÷ time, so the
# work has to be in it. The sizes are printed to two digits, which is why the middle column is
# some points off; with 1.163 billion instead of 1.2 all three rows come out (a test holds this).

# %%
reached = {row["n_gpus"]: [row["n_gpus"] * row["weak_scaling_fraction"]] for row in rows}
lk.show(
    lk.Reading("Megatron's serial share", lk.plan.fit_gustafson(reached).value, "%", "modelled")
)
for n, values in reached.items():
    alone = lk.plan.fit_gustafson({n: values}).value
    lk.show(lk.Reading(f"from {n} GPUs alone", alone, "%", "modelled"))

# %% [markdown]
# **Why the gap.** Nothing in that program is serial. The GPUs *talk* after every layer, and the
# talking grows with their number: the share from eight GPUs is the largest. A share that grows
# with *n* is no serial part, it is communication (lesson 15).
#
# ## What you now know
# - **Climb**: compile, SIMD, cores; each rung was measured, and threads help only what lets go of
#   the lock.
# - **Fit**: the serial share follows from times alone; with two cores the law itself is untested.
# - **More threads can hurt**: tables in one cache line, threads above the quota.

# %%
lk.show(
    lk.Reading("most that 5 % serial allows, on any machine", 1 / 0.05, "1", "modelled"),
    lk.Reading("the same share of a run on 1,024", lk.plan.gustafson(1024, 0.05), "1", "modelled"),
)

# %% [markdown]
# **Next**: the exercises; then `04_cpu_vs_gpu`.
# Sources: Amdahl, AFIPS 1967; Gustafson, CACM 31(5), 1988.
