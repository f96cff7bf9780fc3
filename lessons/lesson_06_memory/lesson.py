# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 · Memory
# In June 2026 somebody noticed a slip in DeepSpeed, a library for training large language models.
# One of its kernels turns a matrix on its side. For a small piece of memory it reserved rows of 17
# numbers, one more than it needed, which is an old trick against *bank conflicts* (you'll soon see
# what these are). But the code went on counting in rows of 16, so the trick did nothing. No test
# had noticed, because all results were right. On an L20 GPU, changing two lines made the kernel 4
# to 6 % faster ([pull request 8055](https://github.com/deepspeedai/DeepSpeed/pull/8055) timed it in
# two ways).
#
# **The question of this lesson**: two kernels copy the same numbers. Why does one of them keep the
# memory busy for several times as long, and how can you see that before you run it?
#
# *{time} Needs lessons [04](04_cpu_vs_gpu.ipynb) and [05](05_first_kernels.ipynb). All counts are
# the same on every machine.*

# %%
import textwrap

import numpy as np

import labkit as lk
from labkit import cuda

# %% [markdown]
# ## Near and small, far and large
# A number can be kept in several places. The further away a place is, the more threads share it,
# and the longer it takes to fetch something from there. **Registers** belong to one thread,
# **shared memory** to one block, and the **L2 cache** to the whole chip. The **global memory**
# beside the chip, where your arrays are, holds everything. All of them together are called the
# [memory hierarchy](https://modal.com/gpu-glossary/device-software/memory-hierarchy).
#
# **Guess first.** On an H100, how many times longer does it take to fetch a number from global
# memory than from shared memory? If the second were a book on your own shelf, would the first be a
# book in the next room (twice as long) or in the library across the street (twenty times)?

# %%
latency_guess = lk.predict("06.a", ...)

# %% tags=["collapsed"]
h100 = lk.chip("h100-sxm").figures
cycles = {part: h100[f"{part}_cycles"].value for part in ("shared", "memory")}
note = f"{cycles['memory']:.0f} cycles over {cycles['shared']:.0f}"
ratio = cycles["memory"] / cycles["shared"]
latency_guess.against(
    lk.Reading("global over shared memory", ratio, "1", of="published", note=note)
)
lk.draw.machine("h100-sxm", highlight="memory")

# %% [markdown]
# A GPU hides its waiting behind other warps ([lesson 04](04_cpu_vs_gpu.ipynb)). It can't hide
# traffic: every byte that moves keeps the memory busy. So this lesson counts traffic.
#
# > **Takeaway.** The nearer the memory, the faster, and the fewer can use it. A fast kernel fetches
# > each number once from far away, and then works on it nearby.
#
# ## How much does memory hand over?
# In this kernel all 32 lanes of a warp are at work. Each reads one float, which has 4 bytes, and
# writes one.


# %%
@cuda.jit
def strided_copy(x, out, stride):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = x[i * stride]


N_FLOATS = 2**14
x, out = np.arange(32 * N_FLOATS, dtype=np.float32), np.zeros(N_FLOATS, np.float32)

# %% [markdown]
# **Guess first.** With a stride of 16, each lane reads the sixteenth float after its neighbour's. A
# warp wants 32 floats, which are 128 bytes. How many bytes does the memory hand over? It would be
# 128 if it could pick single numbers, and about 2,000 if it had to move everything from the first
# number to the last.

# %%
bytes_guess = lk.predict("06.b", ...)

# %%
counts = lk.profile(strided_copy[N_FLOATS // 256, 256], x, out, 16)
moved_bytes = 32 * counts.global_loads.sectors_per_request
bytes_guess.against(lk.Reading("bytes moved for one warp", moved_bytes, "1", of="simulated"))
lk.draw.accesses(counts)

# %% [markdown]
# The load moves 32 pieces of memory for one float each, and the store fills four. Memory moves
# whole [**sectors**](https://docs.nvidia.com/nsight-compute/ProfilingGuide/index.html) of 32 bytes,
# which begin at multiples of 32, and nothing smaller. One load or store that a warp executes for
# its lanes is a **request**. A request is
# [**coalesced**](https://modal.com/gpu-glossary/perf/memory-coalescing) if it touches hardly more
# sectors than its bytes would fill.
#
# ### Your turn
# How many sectors does a request move? `addresses` holds the byte address that each lane asks for,
# in any order. Lanes may share a sector, which is then moved once. (1 line)


# %%
def sectors(addresses):
    """The number of 32-byte sectors that these byte addresses lie in."""
    ### BEGIN SOLUTION
    return len({address // 32 for address in addresses})
    ### END SOLUTION


sectors = lk.your_turn("06.t1", sectors)

# %% tags=["collapsed"]
lk.show(
    "[simulated] Sectors of a request, counted, and by your function (ours until yours passes):"
)
for stride in (0, 1, 2, 3, 4, 8, 16, 32):
    predicted = sectors([4 * stride * lane for lane in range(32)])
    counts = lk.profile(strided_copy[N_FLOATS // 256, 256], x, out, stride)
    counted = counts.global_loads.sectors_per_request
    print(f"stride {stride:2}: {counted:4.0f} counted, {predicted:2} by the function")
    assert predicted == counted

# %% [markdown]
# At stride 0 all lanes want the same float, and one sector serves them all (a **broadcast**). From
# stride 8 on every lane pays for a sector of its own, and it can't get worse.
#
# **Play.** Type the index that lane `i` uses, and look at the left half. (The right half shows the
# same index in shared memory, which comes later.) Try `i + 1`, `31 - i`, `i // 4`, `i % 2 * 1000`,
# and items of 8 bytes. Which of them are as good as `i`? Can you find one that needs exactly 7
# sectors?

# %%
lk.draw.IndexExplorer("2 * i")

# %% tags=["collapsed"]
INDICES = {
    "i": lambda i: i, "i + 1": lambda i: i + 1, "31 - i": lambda i: 31 - i,
    "i // 4": lambda i: i // 4, "i % 2 * 1000": lambda i: i % 2 * 1000,
    "i * 7 // 4": lambda i: i * 7 // 4,
}  # fmt: skip
needed = {name: sectors([4 * index(i) for i in range(32)]) for name, index in INDICES.items()}
others = ", ".join(f"{name} needs {needed[name]}" for name in ("i + 1", "i // 4", "i % 2 * 1000"))
lk.show(
    f"[simulated] 31 - i is as good as i, with {needed['31 - i']} sectors; {others}. "
    f"One that needs exactly {needed['i * 7 // 4']} is i * 7 // 4."
)
assert needed["31 - i"] == needed["i"] == needed["i + 1"] - 1
assert needed["i * 7 // 4"] == 7

# %% [markdown]
# > **Takeaway.** Count sectors, not bytes. A request is cheap when its lanes touch few of them, and
# > when neighbouring lanes use neighbouring numbers, no byte of a sector is wasted.
#
# ## Turn a matrix: one side must lose
# A **transpose** makes rows into columns: `out[row, col] = a[col, row]`. It computes nothing, and
# it's still hard to do well. Along a warp *col* counts up and *row* stays the same, because
# `cuda.grid(2)` gives *x* first ([lesson 05](05_first_kernels.ipynb)). Neighbours in memory differ
# in the *last* index. So the array that has *col* in its last place is coalesced, and the other
# isn't. There are two simple kernels, one for each choice:


# %%
@cuda.jit
def strided_loads(a, out):
    col, row = cuda.grid(2)
    if row < out.shape[0] and col < out.shape[1]:
        out[row, col] = a[col, row]


@cuda.jit
def strided_stores(a, out):
    col, row = cuda.grid(2)
    if row < a.shape[0] and col < a.shape[1]:
        out[col, row] = a[row, col]


# %% tags=["collapsed"]
small = np.random.default_rng(0).random((96, 64))
for kernel in (strided_loads, strided_stores):
    turned = np.zeros((64, 96))
    kernel[(3, 3), (32, 32)](small, turned)
    assert (turned == small.T).all()
    assert lk.sanitize(kernel[(3, 3), (32, 32)], small, turned) == []

# %% [markdown]
# **Guess first.** The numbers are doubles now, of 8 bytes each. Of all bytes that memory hands over
# to the loads of `strided_loads`, what share did a lane ask for? It's 100 % if every byte of a
# sector is used.

# %%
share_guess = lk.predict("06.c", ..., "%")

# %%
counts = lk.profile(strided_loads[(3, 3), (32, 32)], small, np.zeros((64, 96)))
share_guess.against(lk.Reading("bytes asked for", counts.global_loads.efficiency, "%", "simulated"))

# %% [markdown]
# > **Takeaway.** The last index should count along the lanes. Where two arrays want that and only
# > one can have it, the other moves four times its bytes (eight times for floats).
#
# ## A detour through shared memory
# Shared memory has no sectors. So a block can read a **tile** of 32 × 32 numbers along the rows of
# `a`, keep it there, and write it along the rows of `out`. The turn happens inside the tile.
# `cuda.shared.array` makes one, which all threads of the block share. They have to wait until it's
# complete: at `cuda.syncthreads()` each thread waits for all others of its block. ([Lesson
# 07](07_barriers_and_races.ipynb) is about what happens without it.)
#
# ### Your turn
# The tile's upper left corner is `a[top, left]`, and in `out` it's `out[left, top]`. Thread (*x*,
# *y*) copies one number of `a` to `tile[y, x]`, waits, and then writes one number of `out`. Both
# arrays should have *x* in their last place. Which number of the tile does that take? (3 lines;
# rows and columns are multiples of 32, so you need no guard)


# %%
@cuda.jit
def loaded_by_columns(a, out):
    tile = cuda.shared.array((32, 32), cuda.float64)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * 32, cuda.blockIdx.y * 32
    ### BEGIN SOLUTION
    tile[y, x] = a[top + y, left + x]
    cuda.syncthreads()
    out[left + y, top + x] = tile[x, y]
    ### END SOLUTION


loaded_by_columns = lk.your_turn("06.t2", loaded_by_columns)

# %% [markdown]
# Both sides are coalesced now. But the tile has a price of its own. Shared memory deals out its
# **words**, 4 bytes each, to 32 [**banks**](https://modal.com/gpu-glossary/perf/bank-conflict):
# word 0 is in bank 0, word 1 in bank 1, and word 32 in bank 0 again. In one pass, a **wavefront**,
# each bank hands out one word, to all lanes that want that word. Lanes that want *different* words
# of one bank have to take turns: that's a **bank conflict**.
#
# **Guess first.** Lane *x* reads `tile[x, y]`, which is 32 doubles after its neighbour's. How many
# times as many wavefronts does this take as a load without conflicts? It would be 1 if the lanes
# were spread over all banks, and 2 if they met in pairs. (A double is two words, in two banks. So
# doubles are served for half a warp, 16 lanes, at a time.)

# %%
ways_guess = lk.predict("06.d", ...)

# %%
turned = np.zeros((64, 96))
counts = lk.profile(loaded_by_columns[(2, 3), (32, 32)], small, turned)
ways_guess.against(lk.Reading("ways of the conflict", counts.shared_loads.ways, "1", "simulated"))
lk.draw.accesses(counts, "tile")

# %% [markdown]
# Now a column is a bank, and an orange lane waits until the bank has served another.
#
# **Play.** From lane to lane the index moves on by the *width* of the tile, 32. Change the 32 until
# no lane in the right half is orange. How little is enough?

# %%
lk.draw.IndexExplorer("32 * i", itemsize=8)

# %% [markdown]
# One more column is enough. It's never used, but it makes each row begin two banks further on. This
# is called **padding**. Here is the kernel once more, for tiles of any width. (This time it stores
# down the columns and loads along the rows, which makes just as many conflicts.)


# %%
def transpose_through(width):
    """A kernel that transposes by way of a shared tile of 32 rows and `width` columns."""

    @cuda.jit
    def transpose(a, out):
        tile = cuda.shared.array((32, width), cuda.float64)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        left, top = cuda.blockIdx.x * 32, cuda.blockIdx.y * 32
        tile[x, y] = a[top + y, left + x]
        cuda.syncthreads()
        out[left + y, top + x] = tile[y, x]

    return transpose


tiled = transpose_through(32)
padded = transpose_through(33)
lk.draw.accesses(lk.profile(padded[(2, 3), (32, 32)], small, turned), "tile", notes=False)

# %% tags=["collapsed"]
for kernel, conflicts in ((loaded_by_columns, True), (tiled, True), (padded, False)):
    turned = np.zeros((64, 96))
    assert lk.sanitize(kernel[(2, 3), (32, 32)], small, turned) == []
    counts = lk.profile(kernel[(2, 3), (32, 32)], small, turned)
    assert (turned == small.T).all()
    assert counts.global_loads.efficiency == counts.global_stores.efficiency == 1
    assert (
        counts.shared_stores.bank_conflicts + counts.shared_loads.bank_conflicts > 0
    ) == conflicts

# %% [markdown]
# > **Takeaway.** When both sides want to be coalesced, go through a tile in shared memory. Pad it
# > by one column, so that the words of a column are in different banks.
#
# ## Do the counts hold?
# You may wonder whether a real GPU counts as our executor does. This transpose is an exercise of
# NVIDIA's training course, and [somebody
# published](https://github.com/eduardo4jesus/cuda-training-series) what NVIDIA's profiler, Nsight
# Compute, counted on a real GPU: 4,096 × 4,096 doubles, and the same five kernels.

# %% tags=["collapsed"]
N = 4096
matrix, turned = np.arange(N * N, dtype=np.float64).reshape(N, N), np.empty((N, N))
KERNELS = {
    "strided loads": strided_loads,
    "strided stores": strided_stores,
    "tile, stored by columns": tiled,
    "tile, loaded by columns": loaded_by_columns,
    "tile, padded": padded,
}
counted = {}
for name, kernel in KERNELS.items():
    counted[name] = lk.profile(kernel[(N // 32, N // 32), (32, 32)], matrix, turned)
    assert (turned == matrix.T).all()

published = lk.published("transpose-nsight")
print(f"{'':36}{'load sectors':>12}{'store sectors':>15}{'shared efficiency':>19}")
for row in published.rows:
    ours = counted[row["kernel"]]
    loads, stores = ours.global_loads, ours.global_stores
    assert (loads.requests, loads.sectors) == (row["load_requests"], row["load_sectors"])
    assert (stores.requests, stores.sectors) == (row["store_requests"], row["store_sectors"])
    assert loads.efficiency == row["load_efficiency"]
    assert stores.efficiency == row["store_efficiency"]
    shares = {"published": "", "simulated": ""}
    if "shared_efficiency" in row:
        in_tile = ours.shared_loads, ours.shared_stores
        wanted_bytes = sum(one.bytes_requested for one in in_tile)
        efficiency = wanted_bytes / (32 * 4 * sum(one.wavefronts for one in in_tile))
        assert abs(efficiency - row["shared_efficiency"]) < 5e-5
        shares = {"published": f"{row['shared_efficiency']:.2%}", "simulated": f"{efficiency:.2%}"}
    theirs = row["load_sectors"], row["store_sectors"]
    for origin, (n_loads, n_stores) in (
        ("published", theirs), ("simulated", (loads.sectors, stores.sectors)),
    ):  # fmt: skip
        name = row["kernel"] if origin == "published" else ""
        print(f"{name:26}{origin:10}{n_loads:12,}{n_stores:15,}{shares[origin]:>19}")
print(textwrap.fill(f"({published.source})", 80))

# %% [markdown]
# Each kernel ran nearly seventeen million threads, and the sectors agree to the last one. So do the
# efficiencies of shared memory (bytes asked for, as a share of what its wavefronts could move), to
# the printed digit. (The hardware's raw count of wavefronts is higher and changes from run to run,
# because it includes waiting for other traffic. That can't be computed from addresses.)
#
# > **Takeaway.** Sectors and bank conflicts follow from the addresses alone. You can count them on
# > paper, on any machine, before the kernel has ever run.
#
# ## And the time?
# Now to what you really want to know. We ran the five kernels on an H200.
#
# **Guess first.** How many times faster is the padded kernel than the one that stores down the
# columns of an unpadded tile? There each store takes 16 times as many wavefronts, and each load as
# many as with padding. It would be 8.5 times if only shared memory counted, and 1 if nobody
# noticed, because everybody waits for global memory anyway.

# %%
padding_guess = lk.predict("06.e", ...)

# %% tags=["collapsed"]
h200 = lk.recorded("nvidia-h200-transposes")
time_s = dict(zip(KERNELS, (row["time_s"] for row in h200.rows), strict=True))
other_s = {row["kernel"]: row["time_s"] for row in published.rows}
gain, other_gain = (
    times["tile, stored by columns"] / times["tile, padded"] for times in (time_s, other_s)
)
padding_guess.against(lk.Reading("padding, H200", gain, "1", of=h200, note=h200.source))
lk.show(lk.Reading("padding, GPU of the published counts", other_gain, "1", of=published))
print(f"{'':24}{'H200, recorded':>17}{'other GPU, published':>24}")
for name in KERNELS:
    print(f"{name:24}{time_s[name] * 1e6:14,.0f} µs{other_s[name] * 1e6:21,.0f} µs")
assert round(other_s["tile, padded"] / time_s["tile, padded"]) == 8  # the text says so

# %% [markdown]
# Counts aren't times. A kernel is as fast as its busiest unit, so look at what each unit of the
# H200 has to do, if nothing else held it up:

# %% tags=["collapsed"]
chip = lk.chip("h200-sxm").figures
CLOCK_HZ = 1.98e9  # at which the recorded card ran
assert len({ours.dram_bytes_lower for ours in counted.values()}) == 1
for name in ("tile, stored by columns", "tile, padded"):
    ours = counted[name]
    wavefronts = ours.shared_loads.wavefronts + ours.shared_stores.wavefronts
    shared_s = wavefronts / chip["multiprocessors"].value / CLOCK_HZ
    lk.show(
        lk.Reading(f"{name}, shared memory alone", shared_s, "s", of=("simulated", "published")),
        lk.Reading(
            f"{name}, global memory alone", ours.dram_bytes_lower / chip["mem_bw_gbs"].value, "s",
            of=("simulated", "published"),
        ),
    )  # fmt: skip

# %% [markdown]
# Without padding, the H200's shared memory has more to do than its global memory, and you notice.
# The GPU of the published counts isn't named, but its padded kernel took eight times as long. There
# the conflicts are hidden, because everybody waits for global memory.
#
# And why did four times the *load* sectors cost so little, and four times the *store* sectors so
# much? A sector that a warp reads for 8 bytes holds 24 more for its neighbours, and a cache may
# keep it until they come. It seems to help less with stores.
#
# > **Takeaway.** Counts say what each unit has to do, and times say which one was the limit. You
# > need both: the time tells you *that* something is slow, and the counts tell you *what*.
#
# ## Back to DeepSpeed
# Its kernel has a tile of 16 × 16 floats. It stores along rows and reads down the columns: thread
# *t* reads the word `(t % 16) * 16 + t // 16`.
#
# **Play.** Here is that index. Look at the right half, and make the second 16 a 17, as the authors
# had meant to. How many wavefronts does it take before and after?

# %%
lk.draw.IndexExplorer("i % 16 * 16 + i // 16")

# %% [markdown]
# It takes eight wavefronts, and two with the padding. So the padding saves three quarters of them,
# and yet the kernel got only 4 to 6 % faster, because shared memory wasn't the unit that it waited
# for most. That's also how the slip could go unnoticed: it changed no result, and hardly the time.
# A profiler would have shown it at once, and so would counting.
#
# **Next**: in the [exercises](../exercises/06_memory.ipynb) you'll write a transpose for any shape.
# [Lesson 07](07_barriers_and_races.ipynb) asks what `syncthreads` is for.
