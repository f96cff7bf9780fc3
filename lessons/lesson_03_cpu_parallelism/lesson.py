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
# 2015 three researchers looked up what four well-known systems for that, each on 128 cores, had
# needed for twenty rounds over Twitter's followers: between 249 and 857 seconds. Then they wrote
# the same computation for *one* thread of a laptop. It took 300 seconds and beat three of the four
# ([McSherry](https://github.com/frankmcsherry/blog/blob/master/posts/2015-01-15.md)). The slowest
# system had spent 30 hours of core time (857 s × 128) on what the laptop did in five minutes.
#
# **The question of this lesson**: your machine has *p* cores. Why isn't your program *p* times
# faster, and how can you tell before you pay for more of them?
#
# *{time} Needs lessons [01](01_honest_timing.ipynb) and [02](02_roofline.ipynb). Where your cores
# are few or busy, you see runs that were recorded on a quiet machine with sixteen.*

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
# The laptop could win because its one thread wasted little. So let's look inside one core before we
# add a second. A core has **SIMD** registers ([single instruction, multiple
# data](https://en.wikipedia.org/wiki/Single_instruction,_multiple_data)): one instruction works on
# several numbers at once, and the cell above says how many fit.
#
# Our task is a polynomial, evaluated in 64 steps at many points. A point takes 128 operations and
# only 4 bytes, so arithmetic is the limit. We compile the same Python twice. `in_order` has to add
# the values to `total` exactly in the order that we wrote, because each addition rounds, and
# another order would round differently. The compiler then works on one point after the other.
# `any_order` was told that we don't mind, so it may work on many points at once.

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
# addition after it, up to 2 times. And each step needs the result of the one before, which takes a
# few cycles: it can start on other points while it waits.

# %%
simd_guess = lk.predict("03.a", ...)

# %%
simd = lk.compare(
    lambda: in_order(few), lambda: any_order(few), names=("in order", "any order")
).time_ratio("in order over any order")
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
# > **Takeaway.** Before you ask for more cores, ask what one core is doing. Code that insists on
# > one fixed order may leave most of each SIMD register empty.
#
# ## Then use all cores
# A **thread** is one run through your code. Every program starts with one. It can start more: they
# share its memory, and the operating system puts them on different cores. In the usual build of
# Python one lock, the
# [GIL](https://docs.python.org/3/glossary.html#term-global-interpreter-lock), lets only one thread
# at a time run Python code. Our compiled functions let go of it (`nogil=True`).
#
# ### Your turn
# `pool.submit(work, part)` has a thread do `work(part)` and returns at once with a *future*, whose
# `result()` waits for the answer. Do the work on all parts at the same time, and return the answers
# in the order of the parts. What would happen if you waited for each answer before you submitted
# the next part? (2 lines)

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
# **Guess first.** How many times faster does the work get on all your cores? If the threads only
# took turns, it would be 1. If nothing were lost, it would be the number of cores.

# %%
threads_guess = lk.predict("03.b", ...)

# %% [markdown]
# We run one thread, then two, four and so on up to all cores, and then begin again, round after
# round. If something disturbs your machine for a second, it disturbs all of them alike.

# %%
COUNTS = sorted({n for n in (1, 2, 4, 8, 16, 32, 64) if n < usable} | {usable})


def polynomial(n_threads):
    return sum(in_threads(any_order, np.array_split(points, n_threads)))


arithmetic = lk.times_in_turns(polynomial, COUNTS)
gain = arithmetic.speedup(usable, name="polynomial, all cores over one")
threads_guess.against(gain)
sixteen = lk.recorded_times("cpu-polynomial-16-cores")
lk.draw.speedups(arithmetic, sixteen, title="The polynomial")

# %% tags=["collapsed"]
one_core = usable < 2 and "You have one core only."
lk.expect(
    gain, 0.8 * usable, 1.1 * usable,
    below="Your cores are worth less than their number. Other programs may use them, two may be "
    "halves of one, some may be slow efficiency cores, and one core alone may clock higher.",
    inside="Almost nothing is lost: arithmetic in independent parts is the easy case.",
    above="More than all cores can give, so the run on one thread was disturbed. Run it again.",
    cannot=one_core,
    recorded=sixteen.speedup(16, name="polynomial, sixteen cores over one"),
)  # fmt: skip
taking_turns = gain.value < max(1.3, 0.3 * usable) and "Your threads only took turns just now."
cannot = one_core or taking_turns  # what comes next can't be seen here, so you see recorded runs

# %% [markdown]
# > **Takeaway.** Threads multiply only the work that they can do without waiting for each other or
# > for a lock. Measure the easy case first: it says how many times one core your machine is worth.
#
# ## One part stays serial
# In the next program each step of `serial_part` needs the result of the step before, so a second
# thread can't help. Its fraction of the time on *one* thread is the **serial share** *s*. Only the
# rest is divided among *n* threads ([Amdahl's law](https://en.wikipedia.org/wiki/Amdahl%27s_law)):
#
# $$\text{speed-up} = \frac{1}{s + (1 - s)/n}$$

# %%
N_STEPS = 4_000_000


@njit(nogil=True)
def serial_part(n_steps):
    value = 1.0
    for _ in range(n_steps):
        value = 0.5 * value + 1.0
    return value


def program(n_threads):
    return serial_part(N_STEPS) + polynomial(n_threads)


serial = lk.bench(serial_part, N_STEPS, name="serial part")
parallel = lk.bench(polynomial, 1, name="parallel part, one thread")
parts = (serial.time() / (serial.time() + parallel.time())).named("serial share, from its parts")
lk.show(parts)

# %% [markdown]
# Now Amdahl's law makes the guess for us. Does the program keep to it?

# %%
whole = lk.times_in_turns(program, COUNTS)
kept = lk.recorded_times("cpu-program-16-cores")
run, serial_s = (kept, kept.medians_s[0]) if cannot or usable < 4 else (whole, serial.median_s)
most = max(run.samples_s)
share = serial_s / run.medians_s[1]
reached = run.speedup(most, name=f"the program on {most} cores")
lk.show(reached, lk.Reading("Amdahl's law for it", lk.plan.amdahl(most, share), "1", of=reached))
lk.draw.speedups(run, law=lambda n: lk.plan.amdahl(n, share), title="A program with a serial part")

# %% [markdown]
# (With fewer than four cores, or busy ones, this is the recorded run.) The marks follow the law,
# somewhat below it. The law knows nothing of the time that it takes to start threads and to wait
# for the slowest of them.
#
# > **Takeaway.** The serial part sets a ceiling: if a share *s* is really serial, no number of
# > cores makes the program more than 1 / *s* times faster, and real programs stay below the law.

# %% [markdown]
# ## Work backwards
# We timed the serial part by itself. You can rarely do that in somebody else's program: all you
# have is its total time on one thread and on *n*. Can you find *s* from those?
#
# ### Your turn
# Solve Amdahl's law for *s*. It helps to ask first what fraction of the time on one thread is left
# on *n*. To test yourself: if nothing got faster, *s* is 1, and if it got *n* times faster, 0. (2
# lines)


# %%
def serial_share(time_1_s, time_n_s, n):
    """The serial share that explains both times."""
    ### BEGIN SOLUTION
    left = time_n_s / time_1_s
    return (left - 1 / n) / (1 - 1 / n)
    ### END SOLUTION


serial_share = lk.your_turn("03.t2", serial_share)

# %% [markdown]
# Your formula uses two times. `fit_amdahl` uses the times on all numbers of threads. To see how
# sure it is, it redraws the samples at random 2,000 times and fits each: that's its interval.

# %%
fit = lk.plan.fit_amdahl({n: times for n, times in run.samples_s.items() if n})
by_formula = serial_share(run.medians_s[1], run.medians_s[most], most)
fitted = lk.Reading("serial share, fitted", fit.value, "1", low=fit.low, high=fit.high, of=run)
lk.show(
    lk.Reading("serial share, timed by itself", share, "1", of=run),
    lk.Reading(
        "your formula", serial_share(run.medians_s[1], run.medians_s[most], most), "1", of=run
    ),
    fitted,
)
lk.expect(
    fitted, 0.9 * share, 1.1 * share,
    below="The fit finds less than the timer did: the run on one thread was probably disturbed.",
    inside="The fit agrees with the timer, although it never looked inside the program.",
    above="The fit finds more than the timer did: starting threads, waiting for the slowest of "
    "them, lower clocks and sharing cores with others all look serial from outside.",
)  # fmt: skip

# %% [markdown]
# > **Takeaway.** You can estimate a program's serial share from its times alone, without looking
# > inside. What you get, though, is the share of *everything that didn't get faster*.
#
# ## Nobody buys a thousand cores for yesterday's problem
# With a serial share of 1 %, no number of cores makes a program more than 100 times faster. So who
# would buy a thousand? In 1988 [John
# Gustafson](https://www.johngustafson.net/pubs/pub13/amdahl.htm) answered: people who want to solve
# a *larger* problem in the same time. Often only the parallel part grows with the problem, so the
# serial share of a larger problem is smaller.
#
# **Guess first.** Gustafson's team ran a beam-stress simulation on 1,024 processors, 1,021 times
# faster than one processor would have been on the same large problem. How large was the serial
# share of that run *on one processor*, in percent? (With 1 %, Amdahl's law allows 91 times on
# 1,024.)

# %%
share_guess = lk.predict("03.c", ..., "%")

# %%
beam = lk.published("gustafson-1988").rows[0]
n, speedup = beam["n_processors"], beam["speedup"]
on_one = serial_share(speedup, 1, n)  # seconds don't matter here, only their ratio
share_guess.against(
    lk.Reading("serial share on one processor", on_one, "%", of=lk.published("gustafson-1988"))
)

# %% [markdown]
# That's tiny, and your formula found it: it's still Amdahl's law. Gustafson's law uses the share
# *s′* of the time on *all* processors:
#
# $$\text{speed-up} = n - (n - 1)\,s'$$
#
# For this run *s′* is 0.29 %. (He printed 0.4 to 0.8 % for his three programs.) The two laws agree.
# They only measure the serial share in two different runs.
#
# Play with it. The slider sets the share. What does each law say about 1,024 processors?


# %%
def two_questions(share):
    workers = [2 ** (k / 2) for k in range(21)]
    chart = lk.draw.Chart(
        lk.draw.Axis("processors", "1", 1, 1024, log=True),
        lk.draw.Axis("speed-up", "1", 1, 1100, log=True),
        title=f"A serial share of {100 * share:.1f} %, but of which run?",
    )
    grown = [lk.plan.gustafson(n, share) for n in workers]
    fixed = [lk.plan.amdahl(n, share) for n in workers]
    chart.line(workers, grown, f"on all (Gustafson): {grown[-1]:,.0f} times", origin="modelled")
    chart.line(workers, fixed, f"on one (Amdahl): {fixed[-1]:,.0f} times", origin="modelled")
    return chart.picture("Speed-up by processors, for one share of two different runs")


lk.Explorer(two_questions, share=lk.draw.Slider(0.0, 0.1, 0.01, unit="%"))

# %% [markdown]
# > **Takeaway.** Always say what stays the same when you add workers: the problem or the time. A
# > speed-up without that sentence means nothing.
#
# ## Nothing serial, and still it stops
# Now add up 256 MiB of numbers. No part of this is serial, but there's only one addition for every
# 4 bytes, so by [lesson 02](02_roofline.ipynb) it waits for memory. Each core has its own
# arithmetic units, while all of them share the memory.
#
# **Guess first.** How many times faster than one core do all of yours read? It would be 1 if one
# core could use up the memory's bandwidth, and your number of cores if they never got in each
# other's way. One core of a laptop often uses half the bandwidth or more, one core of a 64-core
# server a twentieth.

# %%
read_guess = lk.predict("03.d", ...)


# %%
@njit(nogil=True, fastmath=True)
def add_up(x):
    total = np.float32(0)
    for i in range(x.size):
        total += x[i]
    return total


big = np.ones(2**26, np.float32)
reading = lk.times_in_turns(lambda n: sum(in_threads(add_up, np.array_split(big, n))), COUNTS)
read_gain = reading.speedup(usable, name="reading, all cores over one")
read_guess.against(read_gain)
kept_read = lk.recorded_times("cpu-read-16-cores")
lk.draw.speedups(reading, kept_read, title="Reading 256 MiB")

# %% tags=["collapsed"]
lk.expect(
    read_gain, 0.8 * gain.value, 1.1 * gain.value,
    below="The threads that sped up arithmetic run into the limit of the memory here.",
    inside="Reading scaled like arithmetic, so your cores can't show the limit: a few cores of a "
    "large server don't use up its bandwidth, or its last cache holds much of our 256 MiB.",
    above="Reading scaled better than arithmetic, so the arithmetic was disturbed. Run it again.",
    cannot=cannot, recorded=kept_read.speedup(16, name="reading, sixteen cores over one"),
)  # fmt: skip

# %% [markdown]
# Look at the recorded run on sixteen cores. It climbs, bends, and then each further core brings
# less and less, while the polynomial on the same machine went on climbing. That's called
# **saturation**: the memory is busy all the time, and a further core only makes the others wait
# longer. What does your formula say about that run?

# %%
apparent = serial_share(kept_read.medians_s[1], kept_read.medians_s[16], 16)
lk.show(
    sixteen.speedup(16, name="polynomial, sixteen cores over one"),
    kept_read.speedup(16, name="reading, sixteen cores over one"),
    lk.Reading("apparent serial share of reading", apparent, "%", of=kept_read),
)

# %% [markdown]
# Not one line of this program is serial, and yet your formula finds a serial share, because times
# are all it was told. This is part of our opening story, too: PageRank, McSherry writes, is
# essentially memory-bound, and it scales on a cluster because each machine brings its own memory
# controller.
#
# > **Takeaway.** More cores bring more arithmetic, but they share one memory. When a program stops
# > scaling, work out the bytes per second that it moves before you hunt for serial code.
#
# ## Each thread has a table of its own
# In our last program each thread counts events in a table *of its own*. Nothing is shared. We run
# it twice: once with the two tables next to each other in memory, once with some room between them.


# %%
@njit(nogil=True)
def tally(events, counts):
    for event in events:
        counts[event] += 1


halves = np.array_split(np.random.default_rng(2).integers(0, 4, 2**22, dtype=np.uint8), 2)
memory = np.zeros(2048, np.int64)
start = -memory.ctypes.data % 4096 // 8  # the next page begins here, and with it a cache line
near = memory[start : start + 8].reshape(2, 4)  # two tables of 32 bytes
far = memory[start : start + 256].reshape(2, 128)  # the same, 1,024 bytes apart


def count_into(tables):
    in_threads(lambda pair: tally(*pair), list(zip(halves, tables, strict=True)))


# %% [markdown]
# **Guess first.** How many times longer does it take with the tables side by side? If memory were
# just memory, it would be 1. Fetching something from another core's cache takes tens of
# nanoseconds, while counting one event takes about 1 ns.

# %%
sharing_guess = lk.predict("03.e", ...)


# %%
def in_both_places(a, b, name):
    return lk.compare(lambda: count_into(a), lambda: count_into(b), max_time_s=2).time_ratio(name)


side_by_side = in_both_places(near, far, "side by side over apart")
sharing_guess.against(side_by_side)

# %% tags=["collapsed"]
at_distance = lk.recorded_times("cpu-false-sharing", "apart_bytes")
lk.expect(
    side_by_side, 1.5, None,
    below="Side by side costs little here: the threads took turns, or they share one core's cache.",
    inside="The answers are the same, and it takes so much longer.",
    cannot=cannot, control=in_both_places(far, far, "apart over apart"),
    recorded=at_distance.speedup(4096, over=32, name="side by side over apart"),
)  # fmt: skip

# %% [markdown]
# A cache never fetches a single byte. It fetches a whole **cache line**, 64 bytes on most CPUs and
# 128 on Apple's. Before a core may write to a line, it has to take that line away from every other
# core. Our two tables are so small that they fit in one line, so the line travels to and fro, and
# each thread waits while the other has it. (Not at every event: a core counts several while it
# holds the line.) Nothing is wrong with the *answer*, which is why no test will ever catch this.
# It's only slow. People call it [**false sharing**](https://en.wikipedia.org/wiki/False_sharing),
# because the threads share a line without sharing any data.
#
# > **Takeaway.** Threads that write to neighbouring bytes fight over one cache line. Give each
# > thread its own line, or let it count in a local variable and write once at the end.
#
# ## Back to the laptop
# So how could one thread beat 128 cores? It filled its one core well. The systems spent much of
# their time on work that the laptop didn't have at all, such as sending messages and keeping
# copies, and every core that they added divided only the rest. And the rest was waiting for memory.
# McSherry and his colleagues proposed a number that every parallel system should state: its
# [COST](https://www.usenix.org/conference/hotos15/workshop-program/presentation/mcsherry),
# *Configuration that Outperforms a Single Thread*, the number of cores from which it beats one good
# thread. Before you pay for more cores, time one.
#
# **Next**: the [exercises](../exercises/03_cpu_parallelism.ipynb), then [CPU against
# GPU](04_cpu_vs_gpu.ipynb).
