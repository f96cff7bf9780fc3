# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07 · Barriers and races
# In June 2021 people trained a GPT-2, a language model, with PaddlePaddle, Baidu's framework. On a
# V100 GPU the loss jumped about, and in the end it was NaN, *not a number*. On a P40, an older GPU,
# the same training went well. Then somebody added a line that printed a message, and it went well
# on the V100, too. The cause was a missing line in a function that adds up numbers ([pull request
# 33658](https://github.com/PaddlePaddle/Paddle/pull/33658)).
#
# **The question of this lesson**: a kernel gives the right answer in every test. Is it right?
#
# *{time} Needs lessons [05](05_first_kernels.ipynb) and [06](06_memory.ipynb). All counts are the
# same on every machine.*
#
# ## Lost counts
# A **histogram** counts how often each value occurs. Each thread takes one value, and adds 1 to the
# bin of that value, a number in memory that all threads share.
#
# **Guess first.** 10,000 values go into ten bins, and a warp takes each step for its 32 lanes at
# once. In the best case, how many counts will all bins hold together? It's 10,000 if none gets
# lost, and 10 if only one is left in each bin.

# %%
import itertools

import numpy as np

import labkit as lk
from labkit import cuda

N_VALUES, N_BINS, THREADS = 10_000, 10, 128
BLOCKS = -(-N_VALUES // THREADS)  # rounded up


@cuda.jit
def histogram(values, bins):
    i = cuda.grid(1)
    if i < values.size:
        bins[values[i]] += 1


rng = np.random.default_rng(7)
values = rng.integers(0, N_BINS, N_VALUES).astype(np.int32)

# %%
count_guess = lk.predict("07.a", ...)

# %% tags=["collapsed"]
bins = np.zeros(N_BINS, np.int32)
counters = lk.profile(histogram[BLOCKS, THREADS], values, bins)  # on the executor, everywhere
lk.show(lk.Reading("counts left by the executor", int(bins.sum()), "1", "simulated"))
assert bins.sum() == N_BINS

warps = [values[first : first + 32] for first in range(0, N_VALUES, 32)]
most = sum(np.unique(warp).size for warp in warps)  # each warp counts each of its values once
count_guess.against(lk.Reading("counts left if warps take turns", most, "1", "modelled"))
assert most < N_VALUES / 3  # the text says so

# %% [markdown]
# `bins[b] += 1` looks like one step and is three: load the number, add 1, store it. Our executor,
# which runs kernels on the CPU, lets all threads take each step together. So they all load 0 and
# store 1, and one count is left in each bin.
#
# On a GPU more survive, because its warps don't all run in step. At best they take turns. But the
# lanes of a warp still load together, so each warp adds only 1 to a bin, however many of its lanes
# have that value, and more than two thirds of all counts are lost. How many, and which, changes
# from run to run.
#
# > **Takeaway.** `+=` in shared or global memory is a load, an addition and a store. What another
# > thread stores in between is overwritten.
#
# ## Two threads, one address
# Take just two threads, each of which adds 1 to the same bin. Each takes its three steps in order,
# but the hardware may interleave them, in 20 ways. We write such an order as six letters: in
# `ABABAB` the threads take turns.
#
# ### Your turn
# What does the bin hold after an `order`? With its first step a thread loads the bin into a
# variable of its own, with the second it adds 1 to that, and with the third it stores it. (6 lines;
# there may be more than two threads)


# %%
def bin_after(order, start):
    """What the bin holds after these steps, if it held `start` before them."""
    held = start  # by the bin
    mine = {}  # what each thread has loaded, under its letter
    for n, thread in enumerate(order):
        step = 1 + order[:n].count(thread)  # of this thread: 1, 2 or 3
        ### BEGIN SOLUTION
        if step == 1:
            mine[thread] = held
        elif step == 2:
            mine[thread] += 1
        else:
            held = mine[thread]
        ### END SOLUTION
    return held


bin_after = lk.your_turn("07.t1", bin_after)

# %% [markdown]
# **Guess first.** The bin holds 5. After how many of the 20 orders does it hold 7? It's 20 if the
# order makes no difference.

# %%
order_guess = lk.predict("07.b", ...)

# %%
ORDERS = sorted({"".join(order) for order in itertools.permutations("AAABBB")})
ends = [bin_after(order, 5) for order in ORDERS]
order_guess.against(lk.Reading("orders that end at 7", ends.count(7), "1", "simulated"))
assert len(ORDERS) == 20


def microscope(order):
    return lk.draw.two_additions(order, start=5)


lk.Explorer(microscope, order=sorted(ORDERS, key=lambda order: order != "ABABAB"))

# %% [markdown]
# **Play.** Time runs downwards. When does a thread work with a number that's no longer true? What
# do the right orders have in common?
#
# > **Takeaway.** The sum is right only if one thread has stored before the other loads. A test
# > tries one order, and the next run may take another.
#
# ## What puts threads in order
# Two threads are in a [**race**](https://en.wikipedia.org/wiki/Race_condition#Data_race) if they
# touch one address, at least one of them stores, and *nothing orders them*. A **barrier** does: at
# this place each thread waits until all have come.
#
# | two threads of | are ordered by |
# | --- | --- |
# | one warp | `cuda.syncwarp()`, which is cheap |
# | one block | `cuda.syncthreads()` |
# | two blocks | the end of the launch |
#
# (There's also a barrier of the [whole
# grid](https://nvidia.github.io/numba-cuda/user/cooperative_groups.html), for grids that fit on the
# chip at once.) The time between two barriers is an **epoch**. Within it nothing puts two threads
# in order, whichever came first in this run.
#
# An [**atomic**](https://docs.nvidia.com/cuda/cuda-c-programming-guide/#atomic-functions) operation
# orders nothing. It makes load, add and store *one* step, so that each order gives the same sum.
#
# `lk.sanitize` runs a kernel and asks whether anything orders two accesses. It doesn't look at
# results at all. (On a GPU,
# [racecheck](https://docs.nvidia.com/compute-sanitizer/ComputeSanitizer/index.html#racecheck-tool)
# does this for shared memory.) Step through what it found:


# %%
def tell(findings):
    lk.show(*(f"[simulated] {one}" for one in findings))


findings = lk.sanitize(histogram[BLOCKS, THREADS], values, np.zeros(N_BINS, np.int32))
tell(findings)
lk.Player(lk.draw.race_frames(findings[0], counters), ms=1500)


# %%
@cuda.jit
def histogram_atomic(values, bins):
    i = cuda.grid(1)
    if i < values.size:
        cuda.atomic.add(bins, values[i], 1)


bins = np.zeros(N_BINS, np.int32)
histogram_atomic[BLOCKS, THREADS](values, bins)
assert (bins == np.bincount(values)).all()
assert lk.sanitize(histogram_atomic[BLOCKS, THREADS], values, bins) == []

# %% [markdown]
# > **Takeaway.** Use a barrier where one thread has to wait for another, and an atomic where
# > all may come in any order. Take the smallest barrier that reaches both threads.
#
# ## A race that no test sees
# The **rank** of a number is how many others are smaller. Each block brings the whole array through
# shared memory, a tile at a time: store a tile, wait, compare, next tile. There is a barrier, and
# all ranks come out right.


# %%
@cuda.jit
def ranks(x, out):
    tile = cuda.shared.array(THREADS, cuda.float32)
    i, t = cuda.grid(1), cuda.threadIdx.x
    mine, smaller = x[i], 0
    for first in range(0, x.size, THREADS):
        tile[t] = x[first + t]
        cuda.syncthreads()
        for j in range(THREADS):
            if tile[j] < mine:
                smaller += 1
    out[i] = smaller


x = rng.random(3 * THREADS, dtype=np.float32)
out = np.zeros(x.size, np.int64)
counters = lk.profile(ranks[3, THREADS], x, out)
assert (out == np.argsort(np.argsort(x))).all()

findings = lk.sanitize(ranks[3, THREADS], x, out)
tell(findings)
lk.draw.epoch_timeline(counters, findings)

# %% [markdown]
# A row is a source line, a column an epoch, and a pill says how many threads did what. Look at
# epoch 1: while some threads still read the first tile, others may store the second one over it. On
# the executor no warp is ever slow, so the ranks are right.
#
# On a GPU they'd be right nearly always. The check of a well-known course passes with the barrier
# that's missing here [and without it](https://github.com/srush/GPU-Puzzles/issues/14). In 2026 one
# was missing like this in a kernel for language models. In [286 million
# calls](https://github.com/warpfront/hipfire/pull/575) 640 sums of squares came out negative, and
# one of these was enough to turn the rest of an answer into `!!!!`.
#
# ### Your turn
# Write the loop without the race. (one line more than above; where does it belong?)


# %%
@cuda.jit
def ranks_mended(x, out):
    tile = cuda.shared.array(THREADS, cuda.float32)
    i, t = cuda.grid(1), cuda.threadIdx.x
    mine, smaller = x[i], 0
    for first in range(0, x.size, THREADS):
        ### BEGIN SOLUTION
        tile[t] = x[first + t]
        cuda.syncthreads()
        for j in range(THREADS):
            if tile[j] < mine:
                smaller += 1
        cuda.syncthreads()
        ### END SOLUTION
    out[i] = smaller


ranks_mended = lk.your_turn("07.t2", ranks_mended)

mended = lk.sanitize(ranks_mended[3, THREADS], x, out)
assert mended == []
lk.draw.epoch_timeline(lk.profile(ranks_mended[3, THREADS], x, out), mended)

# %% [markdown]
# > **Takeaway.** Shared memory that is used again needs two barriers: one between storing and
# > reading, and one between reading and storing again.
#
# ## Four wrong kernels
# Here are two more. `scan` computes all **prefix sums** (the first number, the sum of the first
# two, of the first three, and so on) in place, as the [official
# solution](https://github.com/modular/mojo-gpu-puzzles/issues/26) of another course once did.
# `last_warp` is the end of a sum, when one warp is left, without barriers, as it was taught for
# years.


# %% tags=["read"]
@cuda.jit
def scan(x, out):
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    cuda.syncthreads()
    step = 1
    while step < THREADS:
        if t >= step:
            s[t] += s[t - step]
        cuda.syncthreads()
        step *= 2
    out[t] = s[t]


@cuda.jit
def last_warp(x, out):
    s = cuda.shared.array(64, cuda.float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    s[t + 32] = x[t + 32]
    k = 32
    while k > 0:
        if t < k:
            s[t] += s[t + k]
        k //= 2
    out[t] = s[0]


# %% [markdown]
# **Guess first.** With `histogram` and `ranks` these are four wrong kernels. How many of the four
# does a comparison with NumPy catch here?

# %%
caught_guess = lk.predict("07.c", ...)

# %% tags=["collapsed"]
whole = rng.integers(0, 9, THREADS).astype(np.float32)  # whole numbers: sums are exact
exhibits = {
    "histogram": (histogram[BLOCKS, THREADS], values, np.zeros(N_BINS), np.bincount(values)),
    "ranks": (ranks[3, THREADS], x, np.zeros(x.size), np.argsort(np.argsort(x))),
    "scan": (scan[1, THREADS], whole, np.zeros(THREADS), np.cumsum(whole)),
    "last_warp": (last_warp[1, 32], whole[:64], np.zeros(32), whole[:64].sum()),
}

caught = 0
for name, (launch, source, result, expected) in exhibits.items():
    n_findings = len(lk.sanitize(launch, source, result))
    right = (result == expected).all()
    caught += not right
    said = "right" if right else "WRONG"
    print(f"[simulated] {name:10} values {said}; races found: {n_findings}")
    assert n_findings > 0
caught_guess.against(lk.Reading("caught by their values", caught, "1", "simulated"))

# %% [markdown]
# `last_warp` has a history. Until 2017 the threads of a warp ran in step, and such sums were in
# NVIDIA's own slides. Even then they were right only if the shared array was declared `volatile`.
# Without that, the compiler may keep a sum in a register for a while, where no other thread can see
# it. Since the V100, the first of the Volta GPUs, threads of a warp may drift apart, so you have to
# say [where they meet](https://developer.nvidia.com/blog/using-cuda-warp-level-primitives/).
#
# Mended, `scan` reads, waits, and only then stores. `last_warp` only needs the barrier of a warp.


# %% tags=["collapsed"]
@cuda.jit
def scan_mended(x, out):
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    mine = x[t]
    step = 1
    while step < THREADS:
        s[t] = mine
        cuda.syncthreads()
        if t >= step:
            mine += s[t - step]
        cuda.syncthreads()
        step *= 2
    out[t] = mine


@cuda.jit
def last_warp_mended(x, out):
    s = cuda.shared.array(64, cuda.float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    s[t + 32] = x[t + 32]
    cuda.syncwarp()
    k = 32
    while k > 0:
        if t < k:
            s[t] += s[t + k]
        cuda.syncwarp()
        k //= 2
    out[t] = s[0]


for name, mended in (("scan", scan_mended[1, THREADS]), ("last_warp", last_warp_mended[1, 32])):
    _, source, result, expected = exhibits[name]
    result[:] = 0
    found = lk.sanitize(mended, source, result)
    print(f"{name}, mended:", *found or ["nothing found"])
    assert found == []
    assert (result == expected).all()

launch, source, result, _ = exhibits["last_warp"]
by_the_old_rule = lk.sanitize(launch, source, result, strict=False)
print("last_warp, unmended, if warps run in step:", *by_the_old_rule or ["nothing found"])
assert by_the_old_rule == []

# %% [markdown]
# > **Takeaway.** A test of values sees what *happened*. A race is about what *may* happen, so look
# > for it with a tool that asks about order.
#
# ## A barrier that not all can reach
# Here is the guard of lesson 05, put around too much. The second block has threads without an
# element:


# %%
@cuda.jit
def differences(x, out):
    s = cuda.shared.array(THREADS, cuda.float32)
    i, t = cuda.grid(1), cuda.threadIdx.x
    if i < x.size:
        s[t] = x[i]
        cuda.syncthreads()
        out[i] = s[t] - s[max(t - 1, 0)]


tell(lk.sanitize(differences[2, THREADS], x[:200], np.zeros(200, np.float32)))

# %% [markdown]
# What a GPU does then is undefined: it may wait forever, or go on with half a tile.
#
# > **Takeaway.** Guard the accesses, never the barrier.
#
# ## Seven reductions
# A **reduction** makes one number of many, such as a sum. (Paddle's kernel makes two.) In 2007 Mark
# Harris of NVIDIA added up four million numbers with [seven
# kernels](https://developer.download.nvidia.com/assets/cuda/files/reduction.pdf), each faster than
# the one before. Here are the first two. In both, a block leaves the sum of its numbers.


# %% tags=["read"]
@cuda.jit
def version_1(x, sums):
    """Interleaved: every second thread works, then every fourth, ..."""
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    k = 1
    while k < THREADS:
        if t % (2 * k) == 0:
            s[t] += s[t + k]
        cuda.syncthreads()
        k *= 2
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


@cuda.jit
def version_2(x, sums):
    """The same additions, by the first threads: whole warps work or rest."""
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    k = 1
    while k < THREADS:
        j = 2 * k * t
        if j < THREADS:
            s[j] += s[j + k]
        cuda.syncthreads()
        k *= 2
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


# %% tags=["collapsed"]
N_NUMBERS = 2**14


def count(kernel, blocks):
    """Count a reduction, after checking its sum and its accesses."""
    numbers = rng.integers(0, 100, N_NUMBERS).astype(np.float32)  # their sum is exact in float32
    sums = np.zeros(blocks, np.float32)
    counts = lk.profile(kernel[blocks, THREADS], numbers, sums)
    assert sums.sum() == numbers.sum()
    assert lk.sanitize(kernel[blocks, THREADS], numbers, sums) == []
    return counts


def wavefronts(counts):
    return counts.shared_loads.wavefronts + counts.shared_stores.wavefronts


def conflicts(counts):
    return counts.shared_loads.bank_conflicts + counts.shared_stores.bank_conflicts


one, two = count(version_1, 128), count(version_2, 128)
lk.show("[modelled] For each block, from simulated counts of 128 blocks:")
print("version   divergent branches   bank conflicts   wavefronts")
for number, counts in enumerate((one, two), 1):
    of_all = counts.divergent_branches, conflicts(counts), wavefronts(counts)
    print("{:7}{:21.0f}{:17.0f}{:13.0f}".format(number, *(n / 128 for n in of_all)))

# By hand: 4 warps store; three accesses in each step, warps × ways of them; one load at the end.
steps_one = 5 * 4 + 2 + 1
steps_two = 2 * 2 + 4 * (1 * 4) + 1 * 2 + 1
assert wavefronts(one) == 128 * (4 + 3 * steps_one + 1) == 128 * 74
assert wavefronts(two) == 128 * (4 + 3 * steps_two + 1)

# %% [markdown]
# In version 1 warps diverge: in each step, half of the lanes that worked so far only wait. Version
# 2 gives the same additions to the first threads. Few warps diverge, but neighbouring lanes now
# reach words that are `2 * k` apart, and collide in the banks. Both take the same number of
# wavefronts, the passes over the banks of [lesson 06](06_memory.ipynb).
#
# ### Your turn
# Write version 3, which has no conflicts and diverges as little as version 2. The first half of the
# numbers takes over the second half: thread *t* adds `s[t + 64]` to `s[t]`. Then the first quarter
# takes over the second, until one number is left. (6 lines; who must wait for whom?)


# %%
@cuda.jit
def version_3(x, sums):
    """Sequential: neighbours read neighbours."""
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    ### BEGIN SOLUTION
    k = THREADS // 2
    while k > 0:
        if t < k:
            s[t] += s[t + k]
        cuda.syncthreads()
        k //= 2
    ### END SOLUTION
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


version_3 = lk.your_turn("07.t3", version_3)

# %% [markdown]
# In version 4 each thread already adds two numbers when it loads, so half as many blocks are
# enough. In version 5 the last warp does without barriers of the block. Version 6 passes numbers
# from register to register, with
# [**shuffles**](https://developer.nvidia.com/blog/faster-parallel-reductions-kepler/). (Harris's
# sixth unrolled all loops; shuffles came later.) In version 7 each thread adds many numbers.


# %% tags=["collapsed"]
@cuda.jit(device=True)
def fold(s, t):
    """The loop of version 3, as a function: thread 0 gets the sum."""
    cuda.syncthreads()
    k = THREADS // 2
    while k > 0:
        if t < k:
            s[t] += s[t + k]
        cuda.syncthreads()
        k //= 2


@cuda.jit
def version_4(x, sums):
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    i = cuda.blockIdx.x * 2 * THREADS + t
    s[t] = x[i] + x[i + THREADS]
    fold(s, t)
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


@cuda.jit
def version_5(x, sums):
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    i = cuda.blockIdx.x * 2 * THREADS + t
    s[t] = x[i] + x[i + THREADS]
    cuda.syncthreads()
    if t < 64:
        s[t] += s[t + 64]
    cuda.syncthreads()
    if t < 32:
        mine = s[t] + s[t + 32]
        k = 16
        while k > 0:
            s[t] = mine
            cuda.syncwarp()
            if t < k:
                mine += s[t + k]
            cuda.syncwarp()
            k //= 2
        if t == 0:
            sums[cuda.blockIdx.x] = mine


@cuda.jit
def version_6(x, sums):
    s = cuda.shared.array(4, cuda.float32)
    t = cuda.threadIdx.x
    i = cuda.blockIdx.x * 2 * THREADS + t
    mine = x[i] + x[i + THREADS]
    for k in (16, 8, 4, 2, 1):
        mine += cuda.shfl_down_sync(0xFFFFFFFF, mine, k)
    if t % 32 == 0:
        s[t // 32] = mine
    cuda.syncthreads()
    if t < 32:
        mine = cuda.float32(0)
        if t < 4:
            mine = s[t]
        for k in (2, 1):
            mine += cuda.shfl_down_sync(0xFFFFFFFF, mine, k)
        if t == 0:
            sums[cuda.blockIdx.x] = mine


@cuda.jit
def version_7(x, sums):
    s = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    mine = cuda.float32(0)
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        mine += x[i]
    s[t] = mine
    fold(s, t)
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


# %% tags=["collapsed"]
ladder = [one, two, count(version_3, 128)]
ladder += [count(kernel, 64) for kernel in (version_4, version_5, version_6)]
ladder.append(count(version_7, 4))
lk.show(f"[simulated] Counts for {N_NUMBERS:,} numbers:")
print("version           divergent   wavefronts   barriers   instructions")
for number, counts in enumerate(ladder, 1):
    print(f"{number}, {counts.grid[0]:3} blocks {counts.divergent_branches:12,} "
          f"{wavefronts(counts):12,} {counts.barriers:10,} {counts.instructions:14,}")  # fmt: skip
assert two.instructions < one.instructions
assert conflicts(ladder[2]) == 0

# %% [markdown]
# The causes go one after the other: divergence in version 2, conflicts in 3, half of the blocks in
# 4, most barriers in 5, most of shared memory's traffic in 6.
#
# **Guess first.** On Harris's GPU, a G80 of 2006, version 7 was 30 times faster than version 1. We
# ran ours on an H200, with 16 times as many numbers. How many times was it there? It would be 1 if
# a modern GPU hid all of this.

# %%
gain_guess = lk.predict("07.d", ...)

# %% tags=["collapsed"]
harris, h200 = lk.published("harris-reductions"), lk.recorded("nvidia-h200-reductions")
times_s = {
    "time, G80": [row["time_s"] for row in harris.rows],
    "time, H200": [row["time_s"] for row in h200.rows],
}
gains = {name: spent[0] / spent[-1] for name, spent in times_s.items()}
gain_guess.against(
    lk.Reading("version 1 over version 7, H200", gains["time, H200"], "1", of=h200,
               note=h200.source)
)  # fmt: skip
lk.show(lk.Reading("version 1 over version 7, G80", gains["time, G80"], "1", of=harris))
assert times_s["time, G80"][0] > 2 * times_s["time, G80"][1]
assert round(gains["time, G80"]) == 30  # the text says so

(n_g80,), (n_h200,) = ({row["n_elements"] for row in run.rows} for run in (harris, h200))
assert n_h200 == 16 * n_g80  # the text says so
print(f"{'version':7}{'G80, published':>22}{'H200, recorded':>22}")
print(f"{'':7}{n_g80:14,} numbers{n_h200:14,} numbers")
for row, other in zip(harris.rows, h200.rows, strict=True):
    print(f"{row['version']:7}{row['time_s'] * 1e3:19.3f} ms{other['time_s'] * 1e3:19.3f} ms")

lines = {
    "divergent branches": [counts.divergent_branches for counts in ladder],
    "wavefronts": [wavefronts(counts) for counts in ladder],
    "barriers": [counts.barriers for counts in ladder],
    **times_s,
}
chart = lk.draw.Chart(
    lk.draw.Axis("version", names=[*"1234567"], ordered=True),
    lk.draw.Axis("left of version 1", "%", lo=0.003, hi=1.5, log=True),
    title="What each version removes",
)
for name, ys in lines.items():  # a share of what was counted, quoted or recorded: modelled
    chart.line(range(7), [y / ys[0] for y in ys], name, origin="modelled", dash=name in times_s)
chart.picture("Counters of seven reductions, and their times on a G80 and on an H200, by version")

# %% [markdown]
# The lines show what's left of version 1. On the G80 each version pays off, on the H200 only 2, 4
# and 7 do. To see why, divide the time by the blocks that each SM runs:

# %% tags=["collapsed"]
figures = lk.chip("h200-sxm").figures
n_sms, bandwidth = figures["multiprocessors"], figures["mem_bw_gbs"]
lk.show("[modelled] An SM's time for a block, from recorded and published figures:")
print("version   blocks in all   time for a block")
for row in h200.rows:
    block_s = row["time_s"] * n_sms.value / row["blocks"]
    print(f"{row['version']:7}{row['blocks']:16,}{block_s * 1e9:16,.0f} ns")
    if 2 <= row["version"] <= 6:
        assert 80e-9 < block_s < 90e-9, "the text says that it's the same"
share = h200.rows[-1]["bytes"] / h200.rows[-1]["time_s"] / bandwidth.value
lk.show(lk.Reading("version 7, share of the H200's bandwidth", share, "%", of=(h200, "published")))

# %% [markdown]
# From version 2 to 6 an SM takes the same time for a block, whatever the block does inside: while
# one waits at a barrier or for a bank, others can work. What's left seems to be what each block
# pays once, for being started and for its first numbers. So fewer blocks pay off, down to as many
# as the chip can hold at once, and that's version 7.
#
# (Why is version 2 faster, with as many wavefronts? It executes fewer instructions, and version 1
# pays for `%`, a slow one. The G80 also had 16 banks, not 32.)
#
# > **Takeaway.** Reduce in registers first, then in shared memory, and store once for each block.
# > Counters name causes, and only a clock says which of them costs time on your chip.
#
# ## Back to the GPT-2
# Paddle's function worked like our version 6, and a kernel called it for two sums, one right after
# the other:


# %% tags=["read"]
@cuda.jit(device=True)
def block_sum(mine, shared):
    """The sum of `mine` over the block, for thread 0."""
    t = cuda.threadIdx.x
    for k in (16, 8, 4, 2, 1):
        mine += cuda.shfl_down_sync(0xFFFFFFFF, mine, k)
    if t % 32 == 0:
        shared[t // 32] = mine
    cuda.syncthreads()
    if t == 0:
        mine = shared[0] + shared[1] + shared[2] + shared[3]
    return mine


@cuda.jit
def two_sums(x, y, sums):
    shared = cuda.shared.array(4, cuda.float32)
    first = block_sum(x[cuda.grid(1)], shared)
    second = block_sum(y[cuda.grid(1)], shared)
    if cuda.threadIdx.x == 0:
        sums[cuda.blockIdx.x, 0] = first
        sums[cuda.blockIdx.x, 1] = second


sums = np.zeros((3, 2), np.float32)
tell(lk.sanitize(two_sums[3, THREADS], x, 2 * x, sums))
print(f"Values right: {np.allclose(sums.sum(axis=0), [x.sum(), 2 * x.sum()])}")


# %% tags=["collapsed"]
@cuda.jit
def two_sums_mended(x, y, sums):
    shared = cuda.shared.array(4, cuda.float32)
    first = block_sum(x[cuda.grid(1)], shared)
    cuda.syncthreads()  # all have read what is there before anybody stores anew
    second = block_sum(y[cuda.grid(1)], shared)
    if cuda.threadIdx.x == 0:
        sums[cuda.blockIdx.x, 0] = first
        sums[cuda.blockIdx.x, 1] = second


found = lk.sanitize(two_sums_mended[3, THREADS], x, 2 * x, sums)
print("With a barrier between the two calls:", *found or ["nothing found"])
assert found == []

# %% [markdown]
# It's the same race as in `ranks`: a fast warp stores its part of the second sum while thread 0
# hasn't yet read the first. Then a gradient is wrong, and sooner or later the loss is NaN. The fix
# gave each sum an array of its own, and the function a barrier before it stores.
#
# Why did it go well on the P40, and on the V100 with a message? No GPU lets warps wait for each
# other unless you say so, so the race was there in all three runs. The P40 only happened to run
# them in a harmless order, and a message was enough to change the timing. So no, a right answer in
# every test doesn't make a kernel right, and neither does a year on a GPU. Ask for each pair of
# accesses what orders them.
#
# **Next**: the [exercises](../exercises/07_barriers_and_races.ipynb). In [lesson
# 08](08_matmul_ladder.ipynb) barriers pay off.
