# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 · CPU parallelism
# PageRank, with which Google once ranked web pages, goes over a large graph again and again. In
# 2015 three researchers looked up how long four well-known systems take. On 128 cores each, twenty
# rounds over Twitter's followers had taken them between 249 and 857 seconds. Then they wrote the
# same computation for *one* thread of a laptop. It took 300 seconds and beat three of the four
# ([McSherry](https://github.com/frankmcsherry/blog/blob/master/posts/2015-01-15.md)).
#
# **The question of this lesson**: your machine has *p* cores. Why isn't your program *p* times
# faster, and how can you tell before you pay for more of them?
#
# *{time} Needs lessons [01](01_honest_timing.ipynb) and [02](02_roofline.ipynb). Where your cores
# are few or busy, you see runs recorded on sixteen quiet ones.*

# %% tags=["collapsed"]
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

import labkit as lk

here = lk.machine()
usable = max(1, int(here.cpu_count_usable or 1))  # a quota may allow 1.5 cores
lanes = (here.simd_bits or 128) // 32
lk.show(lk.Reading("cores that this program may use", usable, "1", "measured"))
lk.show(lk.Reading("floats in one SIMD register", lanes, "1", "measured"))

# %% [markdown]
# ## First fill one core
# The laptop won with plain code on one core. How much is in one core? It has **SIMD** registers
# ([single instruction, multiple
# data](https://en.wikipedia.org/wiki/Single_instruction,_multiple_data)): one instruction works
# on several numbers at once.
#
# Our task is a polynomial, evaluated in 64 steps at many points. A point takes 128 operations and
# only 4 bytes, so arithmetic is the limit. We compile the same Python twice. `in_order` has to add
# the values to `total` exactly as we wrote it, because each addition rounds, and another order
# would round differently. A compiler could still only *add* in order: on ARM ours does, on x86 it
# doesn't. `any_order` was told that we mind neither the order nor the last digits
# (`fastmath=True`), so it works on many points at once and fuses operations.

# %%
points = np.random.default_rng(0).random(2**24, dtype=np.float32)


def polynomial_sum(x):
    total = np.float32(0)
    for i in range(x.size):
        value = x[i]
        for _ in range(64):
            value = value * x[i] + np.float32(0.5)
        total += value
    return total


in_order = njit(nogil=True)(polynomial_sum)
any_order = njit(nogil=True, fastmath=True)(polynomial_sum)
few = points[: 2**16]
assert np.isclose(in_order(few), any_order(few), rtol=1e-3)

# %% [markdown]
# **Guess first.** How many times faster is `any_order`? Three things may help it. It can fill the
# registers: with 16 floats in one, up to 16 times. It can fuse each multiplication with the
# addition after it, up to 2 times. And a step must wait a few cycles for the result of the one
# before; meanwhile `any_order` can work on other points.

# %%
simd_guess = lk.predict("03.a", ...)

# %%
both = lk.compare(lambda: in_order(few), lambda: any_order(few))
simd = both.time_ratio("in order over any order")
simd_guess.against(simd)

# %% tags=["collapsed"]
in_either_order = lk.recorded_times("cpu-simd", "order")
lk.expect(
    simd, lanes, 2 * lanes,
    below="Perhaps both versions fill the registers: on ARM the compiler does all but the final "
    "additions side by side, and keeps their order.",
    inside="Full registers, and perhaps fused operations, are enough to explain this.",
    above="Full registers and fused operations can't explain this: waiting was overlapped, too.",
    recorded=in_either_order.speedup("any", over="as written", name="in order over any order"),
)  # fmt: skip

# %% [markdown]
# Does the order that we wrote at least give the more exact sum? Here are 2²⁶ ones, added up as
# 32-bit floats in two orders:

# %% tags=["collapsed"]
ones = np.ones(2**26, np.float32)
running, grouped = np.cumsum(ones)[-1], ones.sum()  # one after the other; in groups
print(f"{ones.size:,} ones, one after the other: {running:,.0f}; in groups: {grouped:,.0f}")
del ones

# %% [markdown]
# It doesn't. With 24 bits for its digits, a 32-bit float can't tell 2²⁴ + 1 from 2²⁴.
#
# > **Takeaway.** Before you ask for more cores, ask what one core is doing. Code that insists on
# > one order may leave most of each SIMD register empty.
#
# ## Then use all cores
# A **thread** is one sequence of instructions being carried out. The threads of a program share its
# memory, and the operating system puts them on different cores. In the usual build of Python one
# lock, the [GIL](https://docs.python.org/3/glossary.html#term-global-interpreter-lock), lets only
# one thread at a time run Python code. Our compiled functions let go of it (`nogil=True`).
#
# ### Your turn
# `pool.submit(work, part)` has a thread do `work(part)` and returns at once with a *future*, whose
# `result()` waits for the answer. Do the work on all parts at the same time, and return the answers
# in the order of the parts. (2 lines)

# %%
pool = ThreadPoolExecutor(max_workers=max(64, usable))


def in_threads(work, parts):
    """The answers of `work` for each part, all parts at the same time."""
    ### BEGIN SOLUTION
    futures = [pool.submit(work, part) for part in parts]
    return [future.result() for future in futures]
    ### END SOLUTION


in_threads = lk.your_turn("03.t1", in_threads)

# %% [markdown]
# **Guess first.** How many times faster does the work get on all your cores? It would be 1 if the
# threads only took turns, and the number of cores if nothing were lost. (And a twin that keeps the
# GIL: what will it do?)

# %%
threads_guess = lk.predict("03.b", ...)

# %%
COUNTS = sorted({n for n in (1, 2, 4, 8, 16, 32, 64) if n < usable} | {usable})
# We time each in turn, round after round: what disturbs one disturbs all.


def split(work, x):
    """A function of n: `work` on n parts of `x` at the same time, added up."""
    return lambda n: sum(in_threads(work, np.array_split(x, n)))


polynomial = split(any_order, points)
arithmetic = lk.times_in_turns(polynomial, COUNTS)
gain = arithmetic.speedup(usable, name="polynomial, all cores over one")
threads_guess.against(gain)

with_gil = split(njit(fastmath=True)(polynomial_sum), points)
locked = lk.times_in_turns(with_gil, {1, usable}, max_time_s=1)
locked_gain = locked.speedup(usable, name="the same, keeping the GIL")
lk.show(locked_gain)
sixteen = lk.recorded_times("cpu-polynomial-16-cores")
lk.draw.speedups(arithmetic, sixteen, title="The polynomial")

# %% tags=["collapsed"]
one_core = usable < 2 and "You have one core only."
taking_turns = gain.value < max(1.3, 0.3 * usable) and (
    "While the polynomial ran, your threads hardly got to run side by side: probably other "
    "programs kept your cores busy."
)
cannot = one_core or taking_turns  # why your cores can't show what threads do, if they can't
lk.expect(
    gain, 0.8 * usable, 1.1 * usable,
    below="Your cores are worth less than their number. Other programs may use them, two may be "
    "halves of one, some may be slow efficiency cores, and one core alone may clock higher.",
    inside="Little is lost: arithmetic in independent parts is the easy case.",
    above="More than all cores can give, so the run on one thread was disturbed. Run it again.",
    cannot=cannot,
    recorded=sixteen.speedup(16, name="polynomial, sixteen cores over one"),
)  # fmt: skip
lk.expect(
    locked_gain, None, max(1.2, 0.5 * gain.value),
    inside="Keeping the GIL, the threads only take turns.",
    above="Keeping the GIL costs little here: this may be a Python without one.",
    cannot=cannot,
)  # fmt: skip


def ideal_s(run, n):
    """The time on n threads if the time on one were divided and nothing added."""
    return run.medians_s[1] / n


def lost_s(run, n):
    return run.medians_s[n] - ideal_s(run, n)


lk.show(
    lk.Reading("recorded time on one thread", sixteen.medians_s[1], "s", of=sixteen),
    *(
        lk.Reading(f"{n} threads took, beyond 1/{n} of that", lost_s(sixteen, n), "s", of=sixteen)
        for n in (4, 8, 16)
    ),
)

# %% [markdown]
# Even this easy case isn't free. Beyond an equal share of the work, the recorded run lost about as
# much on 4 threads as on 16. Starting threads and awaiting the slowest takes time, and busy
# neighbours may slow a core. Only long jobs gain.
#
# > **Takeaway.** Threads multiply only the work that they can do without waiting for each other or
# > for a lock. Measure the easy case first: it says how many times one core your machine is worth.
#
# ## One part stays serial
# In the next program each step of `serial_part` needs the result of the step before, so a second
# thread can't help. Its fraction of the time on *one* thread is the **serial share** *s*. Only the
# rest is divided among *n* threads ([Amdahl's law](https://en.wikipedia.org/wiki/Amdahl%27s_law)):
#
# $$\text{speed-up} = \frac{1}{s + (1 - s)/n}$$
#
# We time the serial part and the whole, and let the law make the guess. (With fewer than four
# cores, or busy ones, the picture tests the law on the recorded run.)


# %%
@njit(nogil=True)
def serial_part(n_steps):
    value = 1.0
    for _ in range(n_steps):
        value = 0.5 * value + 1.0
    return value


def program(n_threads):
    total = serial_part(4_000_000)
    return total + polynomial(n_threads) if n_threads else total


whole = lk.times_in_turns(program, [0, *COUNTS])  # 0 threads: the serial part alone
share = whole.speedup(1, over=0, name="your serial share")
law = lk.plan.amdahl(usable, share.value)
lk.show(
    share,
    lk.Reading("your program by the law", law, "1", of=share),
    whole.speedup(usable, name="your program, all cores over one"),
)

# %% tags=["collapsed"]
kept = lk.recorded_times("cpu-program-16-cores")
lk.show(kept.speedup(1, over=0, name="serial share of the recorded program"))
runs = [kept, whole] if cannot or usable < 4 else [whole]
s = runs[0].speedup(1, over=0).value
lk.draw.speedups(*runs, law=lambda n: lk.plan.amdahl(n, s), title="A program with a serial part")

# %% [markdown]
# The marks mostly lie somewhat below the law, because it leaves out what threads cost.
#
# > **Takeaway.** The serial part sets a ceiling: with a serial share *s*, no number of cores makes
# > the program more than 1 / *s* times faster, and most programs stay somewhat below the law.
#
# ## Work backwards
# We timed the serial part by itself. In somebody else's program you rarely can: all you have is its
# total time on one thread and on *n*. Can you find *s* from those?
#
# ### Your turn
# Solve Amdahl's law for *s*. It helps to ask first what fraction of the time on one thread is left
# on *n*. To test yourself: if nothing got faster, *s* is 1, and if it got *n* times faster, 0. A
# share below 0 or above 1 says that the law doesn't hold: return it as it is. (2 lines)


# %%
def serial_share(time_1_s, time_n_s, n):
    """The serial share that explains both times."""
    ### BEGIN SOLUTION
    left = time_n_s / time_1_s
    return (left - 1 / n) / (1 - 1 / n)
    ### END SOLUTION


serial_share = lk.your_turn("03.t2", serial_share)

# %% [markdown]
# Your formula uses two times, `fit_amdahl` all of them.
#
# **Guess first.** Back to our question. You have eight cores of the recorded machine and could rent
# sixteen. On up to eight, the serial share comes out as about a quarter. How many times faster than
# eight will sixteen be? With nothing serial it would be 2. Would you pay twice as much?

# %%
rent_guess = lk.predict("03.c", ...)

# %%
up_to_8 = {n: kept.samples_s[n] for n in (1, 2, 4, 8)}
# For its interval it draws from the samples again at random, 2,000 times, and
# fits each draw: the middle 95 % are the interval.
fitted, low, high = lk.plan.fit_amdahl(up_to_8)
by_formula = serial_share(kept.medians_s[1], kept.medians_s[8], 8)
predicted = lk.plan.amdahl(16, fitted)
lk.show(
    kept.speedup(1, over=0, name="serial share, timed by itself"),
    lk.Reading("serial share by your formula", by_formula, "1", of=kept),
    lk.Reading("serial share, fitted", fitted, "1", low=low, high=high, of=kept),
    lk.Reading("sixteen cores over one, predicted", predicted, "1", of=kept),
    kept.speedup(16, name="sixteen cores over one"),
)
rent_guess.against(kept.speedup(16, over=8, name="sixteen cores over eight"))

# %% [markdown]
# The prediction holds, and nobody had to rent the sixteen. The fit finds more than the timer did,
# because what threads cost looks serial from outside, too.
#
# > **Takeaway.** Before you pay for more cores, fit the times on those that you have. You get the
# > share of *everything that didn't get faster*. While it stays the same as you add cores, trust
# > it.
#
# ## Nobody buys a thousand cores for yesterday's problem
# With a serial share of 1 %, no number of cores makes a program more than 100 times faster. So
# who would buy a thousand? In 1988 [John
# Gustafson](https://www.johngustafson.net/pubs/pub13/amdahl.htm) answered: people who want to
# solve a *larger* problem in the same time. Often only the parallel part grows, and the serial
# share shrinks.
#
# **Guess first.** Gustafson's team ran a beam-stress simulation on 1,024 processors, 1,021 times
# faster than one processor would have been on the same large problem. Had one processor done that
# large problem alone, how many percent of its time would have been serial?

# %%
share_guess = lk.predict("03.d", ..., "%")

# %%
gustafson = lk.published("gustafson-1988")
n, speedup = gustafson.rows[0]["n_processors"], gustafson.rows[0]["speedup"]
on_one = serial_share(speedup, 1, n)  # only the ratio of the times matters
alone = lk.Reading("serial share on one processor", on_one, "%", of=gustafson)
share_guess.against(alone)
on_all = lk.plan.fit_gustafson({n: [speedup]}).value
by_gustafson, by_amdahl = lk.plan.gustafson(n, on_all), lk.plan.amdahl(n, on_one)
lk.show(
    lk.Reading("serial share s′ on all processors", on_all, "%", of=gustafson),
    lk.Reading("Gustafson's law with that on all", by_gustafson, "1", of=gustafson),
    lk.Reading("Amdahl's law with that on one", by_amdahl, "1", of=gustafson),
)

# %% [markdown]
# Your formula, which is Amdahl's law, found it. Gustafson's law uses the share
# *s′* of the time on *all* processors:
#
# $$\text{speed-up} = n - (n - 1)\,s'$$
#
# Of course both laws give the same speed-up: it's one run, described by two shares. Move the
# slider: at which share would Amdahl, too, allow 1,000 times? (Near 0.002 %.)


# %%
def two_questions(share):
    workers = [2 ** (k / 2) for k in range(21)]
    chart = lk.draw.Chart(
        lk.draw.Axis("processors", "1", 1, 1024, log=True),
        lk.draw.Axis("speed-up", "1", 1, 1100, log=True),
        title=f"A serial share of {100 * share:.2g} %, but of which run?",
    )
    for law, whose in (
        (lk.plan.gustafson, "on all (Gustafson)"),
        (lk.plan.amdahl, "on one (Amdahl)"),
    ):
        speedups = [law(n, share) for n in workers]
        words = f"{whose}: {speedups[-1]:,.0f} times"
        chart.line(workers, speedups, words, origin="modelled")
    return chart.picture("Speed-up by processors, for a share of two runs")


from_little_to_much = lk.draw.Slider(1e-6, 0.1, 0.01, unit="%", log=True)
lk.Explorer(two_questions, share=from_little_to_much)

# %% [markdown]
# > **Takeaway.** Always say what stays the same when you add workers: the problem or the time. A
# > speed-up without it means nothing.
#
# ## Nothing serial, and still it stops
# Now add up 256 MiB of numbers. Nothing in this is serial, but there's only one addition for every
# 4 bytes, so by [lesson 02](02_roofline.ipynb) it waits for memory, which all cores share.
#
# **Guess first.** How many times faster than one core do all of yours read? It would be 1 if one
# core could use up the memory's bandwidth, 2 if one could use half of it, and your number of cores
# if they never got in each other's way.

# %%
read_guess = lk.predict("03.e", ...)


# %%
@njit(nogil=True, fastmath=True)
def add_up(x):
    total = np.float32(0)
    for i in range(x.size):
        total += x[i]
    return total


big = np.ones(2**26, np.float32)
reading = lk.times_in_turns(split(add_up, big), COUNTS)
read_gain = reading.speedup(usable, name="reading, all cores over one")
read_guess.against(read_gain)
kept_read = lk.recorded_times("cpu-read-16-cores")
lk.draw.speedups(reading, kept_read, title="Reading 256 MiB")

# %% tags=["collapsed"]
lk.expect(
    read_gain, 0.8 * gain.value, 1.1 * gain.value,
    below="The threads that sped up arithmetic help less here, where memory is the limit.",
    inside="Reading scaled like arithmetic, so your cores can't show the limit: a few cores of a "
    "large server don't use up its bandwidth, or its last cache holds much of our 256 MiB.",
    above="Reading scaled better than arithmetic, so the arithmetic was disturbed. Run it again.",
    cannot=cannot, recorded=kept_read.speedup(16, name="reading, sixteen cores over one"),
)  # fmt: skip

# %% [markdown]
# In the recorded run later doublings of the cores bring less. Is it the memory? It lost hardly
# more milliseconds than the polynomial did, though (below). Your formula can tell. From four
# threads on, such a fixed cost looks like about the same serial share, or a slowly falling one.
# Where the memory is the limit, the share *grows*. Compare
# with a run from the manual of [PETSc](https://petsc.org/release/manual/performance/): STREAM,
# which goes through large arrays, on twelve cores.

# %%
stream = lk.recorded("petsc-streams")
streamed = {row["n_processes"]: row["rate_over_one"] for row in stream.rows}
read = {n: big.nbytes / time_s for n, time_s in kept_read.medians_s.items()}
here_rate = big.nbytes / reading.medians_s[usable]
lk.show(lk.Reading("read here, on all cores", here_rate, "B/s", of=reading))
for n, rate in read.items():
    lk.show(lk.Reading(f"read, recorded, on {n}", rate, "B/s", of=kept_read))
for n in (4, 16):
    name = f"reading on {n} threads took, beyond 1/{n}"
    lk.show(lk.Reading(name, lost_s(kept_read, n), "s", of=kept_read))
for n in (6, 12):
    name = f"STREAM, on {n} over on 1"
    lk.show(lk.Reading(name, streamed[n], "1", "recorded", stream.source))

# %% tags=["collapsed"]
chart = lk.draw.Chart(
    lk.draw.Axis("threads or processes", "1", 4, 17),
    lk.draw.Axis("apparent serial share", "%", 0, 0.2),
    title="What your formula finds, by the number of threads",
)
computed = {n: points.size / time_s for n, time_s in sixteen.medians_s.items()}
for words, rates in (
    ("polynomial", computed),
    ("reading", read),
    ("STREAM", streamed),
):
    counts = [n for n in rates if n >= 4]
    shares = [serial_share(rates[n], rates[1], n) for n in counts]
    chart.line(counts, shares, words, origin="modelled")
chart.picture("Apparent serial share of three programs, by threads")

# %% [markdown]
# Nothing here is serial, and yet your formula finds a share, because it was only told times. On our
# sixteen cores it hardly moves, and the bytes per second still climb. In the PETSc run it climbs,
# and twelve processes move hardly more than six. Six already moved 45 GB/s, of about 50 that the
# manual calls the practical peak. That's **saturation**: the memory is busy all the time, and a
# further core only makes the others wait longer.
#
# > **Takeaway.** More cores bring more arithmetic, but they share one memory. When a program stops
# > scaling, hold the bytes per second that it moves against what the memory can do, before you hunt
# > for serial code.
#
# ## Each thread has a table of its own
# In our last program each thread counts events in a table *of its own*. Nothing is shared. We run
# it twice: once with the two tables next to each other in memory, once with some room between them.
#
# **Guess first.** How many times longer does it take with the tables side by side? If memory were
# just memory, it would be 1. Fetching something from another core's cache takes tens of
# nanoseconds, while counting one event takes about 1 ns.


# %%
@njit(nogil=True)
def tally(events, counts):
    for event in events:
        counts[event] += 1


events = np.random.default_rng(2).integers(0, 4, 2**22, dtype=np.uint8)
halves = np.array_split(events, 2)
memory = np.zeros(2048, np.int64)
start = -memory.ctypes.data % 4096 // 8  # a page begins here, and with it a line
near = memory[start : start + 8].reshape(2, 4)  # two tables of 32 bytes
far = memory[start : start + 256].reshape(2, 128)  # the same, 1,024 bytes apart


def count_into(tables):
    pairs = list(zip(halves, tables, strict=True))
    in_threads(lambda pair: tally(*pair), pairs)


sharing_guess = lk.predict("03.f", ...)


# %%
def in_both_places(a, b, name):
    both = lk.compare(lambda: count_into(a), lambda: count_into(b), max_time_s=2)
    return both.time_ratio(name)


side_by_side = in_both_places(near, far, "side by side over apart")
sharing_guess.against(side_by_side)

# %% tags=["collapsed"]
at_distance = lk.recorded_times("cpu-false-sharing", "apart_bytes")
lk.expect(
    side_by_side, 1.5, None,
    below="Side by side costs little here. Perhaps the threads took turns, or share one core's "
    "cache.",
    inside="The answers are the same, and it takes so much longer.",
    cannot=cannot, control=in_both_places(far, far, "apart over apart"),
    recorded=at_distance.speedup(4096, over=32, name="side by side over apart"),
)  # fmt: skip

# %% [markdown]
# A cache never fetches a single byte, but a whole **cache line**: 64 bytes on most CPUs and 128 on
# Apple's. Before a core may write to a line, it has to take that line away from every other core.
# Our two tables are so small that they fit in one line, so it travels to and fro, and each thread
# waits while the other has it. It isn't dozens of times slower, because a core counts many events
# while it holds the line. The *answer* is right, which is why no test of the answers will ever
# catch this. People call it [**false sharing**](https://en.wikipedia.org/wiki/False_sharing),
# because the threads share a line without sharing any data.
#
# > **Takeaway.** Threads that write to neighbouring bytes fight over one cache line. Give each
# > thread its own line, or let it count in a local variable and write once at the end.
#
# ## Back to the laptop
# So how could one thread beat 128 cores? It did only the work itself. The systems also sent
# messages and kept copies, and needed many cores just to earn that back. And the laptop's core
# wasn't even busy: it mostly waited for memory. When McSherry put the edges into an order that
# suits the cache, the same thread needed 110 seconds, less than any of the four. (Reordering took
# 180 more, once; two of the systems prepare their data, too.)
#
# McSherry and his colleagues proposed a number that every parallel system should state, its
# [COST](https://www.usenix.org/conference/hotos15/workshop-program/presentation/mcsherry)
# (*Configuration that Outperforms a Single Thread*): from how many cores on it beats one good
# thread. Before you pay for more cores, time one.
#
# **Next**: the [exercises](../exercises/03_cpu_parallelism.ipynb), then [CPU against
# GPU](04_cpu_vs_gpu.ipynb).
