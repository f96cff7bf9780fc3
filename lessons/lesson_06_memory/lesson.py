# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 · Memory
# In June 2026 somebody read a kernel of DeepSpeed, a library with which people train large language
# models. The kernel turns a matrix on its side. For a small piece of memory it reserved rows of 17
# numbers, one more than it needed, which is an old trick against *bank conflicts*. But the code
# went on counting in rows of 16, so the trick did nothing. No test had noticed, because all results
# were right. On an L20 GPU, two changed lines made the kernel 5.8 % faster ([pull request
# 8055](https://github.com/deepspeedai/DeepSpeed/pull/8055)).
#
# **The question of this lesson**: two kernels copy the same numbers. Why does one of them keep the
# memory busy for several times as long, and how can you see that before you run it?
#
# *{time} Needs lessons [04](04_cpu_vs_gpu.ipynb) and [05](05_first_kernels.ipynb). All counts are
# the same on every machine.*

# %%
import numpy as np

import labkit as lk
from labkit import cuda

# %% [markdown]
# ## Near and small, far and large
# A number can be in several places. The further away they are, the more threads share them and the
# longer they take. **Registers** belong to one thread, **shared memory** to one block, the **L2
# cache** to the whole chip. The **global memory** beside the chip holds everything. All of them
# together are called the [memory
# hierarchy](https://modal.com/gpu-glossary/device-hardware/gpu-ram).
#
# **Guess first.** How many times longer does a number from an H100's global memory take than one
# from its shared memory? If a number in shared memory were on your desk, half a minute away, would
# the other be in the next room (twice as long) or in the library across the street (twenty times)?

# %%
latency_guess = lk.predict("06.a", ...)

# %% tags=["collapsed"]
h100 = lk.chip("h100-sxm").figures
cycles = {part: h100[f"{part}_cycles"].value for part in ("shared", "memory")}
latency_guess.against(
    lk.Reading(
        "global over shared memory", cycles["memory"] / cycles["shared"], "1", of="published"
    )
)
lk.draw.machine("h100-sxm", highlight="memory")

# %% [markdown]
# Waiting can be hidden behind other warps ([lesson 04](04_cpu_vs_gpu.ipynb)). Traffic can't: what
# the memory has to move, it has to move. So this lesson counts traffic.
#
# > **Takeaway.** The nearer the memory, the faster, and the fewer can use it. A fast kernel fetches
# > each number once from far away, and then works on it nearby.
#
# ## Memory hands out sectors
# Here all 32 lanes of a warp are at work, and none diverges. Each reads one float of 4 bytes and
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
# **Guess first.** With a stride of 8, each lane reads the eighth float after its neighbour's. A
# warp wants 32 floats, that's 128 bytes. How many bytes does the memory hand over? It would be 128
# if it could pick single numbers, and 1,024 if it had to move all that lies between the first and
# the last.

# %%
bytes_guess = lk.predict("06.b", ..., "B")

# %%
counts = lk.profile(strided_copy[N_FLOATS // 256, 256], x, out, 8)
moved_bytes = 32 * counts.global_loads.sectors_per_request
bytes_guess.against(lk.Reading("moved for one warp", moved_bytes, "B", of="simulated"))
lk.draw.accesses(counts)

# %% [markdown]
# In the picture a row is a lane, and a column is a piece of memory that had to be moved. The bars
# below show how much of each piece was asked for: on the left one float of each, on the right all.
#
# Memory moves whole [**sectors**](https://docs.nvidia.com/nsight-compute/ProfilingGuide/index.html)
# of 32 bytes, which begin at multiples of 32, and nothing smaller. A load or store that one warp
# executes is a **request**. A request is
# [**coalesced**](https://modal.com/gpu-glossary/perf/memory-coalescing) if it needs about as few
# sectors as its bytes fill.
#
# ### Your turn
# How many sectors does a request move? `addresses` holds a byte address for each lane. Neighbours
# may share a sector, and the order of the lanes makes no difference. (1 line)


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
# **Play.** Type the index that lane `i` uses. (The right half shows the same index in shared
# memory; leave it for later.) Try `i + 1`, `31 - i`, `i // 4`, `i % 2 * 1000`, and items of 8
# bytes. Which of them are as good as `i`? Can you find one that needs exactly 7 sectors?

# %%
lk.draw.IndexExplorer("2 * i")

# %% tags=["collapsed"]
row = [4 * i for i in range(32)]
assert sectors(row[::-1]) == sectors(row)
assert sectors([4 + address for address in row]) == sectors(row) + 1
assert sectors([4 * (i * 7 // 4) for i in range(32)]) == 7  # i * 7 // 4

# %% [markdown]
# > **Takeaway.** Count sectors, not bytes. A request is cheap when its lanes touch few of them, and
# > neighbouring lanes on neighbouring numbers touch the fewest.
#
# ## Turn a matrix: one side must lose
# A **transpose** makes rows into columns: `out[row, col] = a[col, row]`. It computes nothing, and
# still it's hard. Whichever array has *col*, the lane, in its *last* place is coalesced, and the
# other isn't. So there are two simple kernels:


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
# **Guess first.** The numbers are doubles now, of 8 bytes. What share of the bytes that memory
# reads for `strided_loads` did a lane ask for? It's 100 % if every byte of a sector is used.

# %%
share_guess = lk.predict("06.c", ..., "%")

# %%
counts = lk.profile(strided_loads[(3, 3), (32, 32)], small, np.zeros((64, 96)))
share_guess.against(
    lk.Reading("read and asked for", counts.global_loads.efficiency, "%", "simulated")
)

# %% [markdown]
# > **Takeaway.** Give the lane the last index. Where two arrays want that and only one can have it,
# > the other one moves four times its bytes (eight times for floats).
#
# ## A detour through shared memory
# Shared memory has no sectors. So a block can read a tile of 32 × 32 numbers along its rows, keep
# it there, and write it along rows as well. The turn happens inside the tile.
#
# In between, all threads have to wait until the tile is complete: `cuda.syncthreads()` lets nobody
# pass before everybody of the block is there. ([Lesson 07](07_barriers_and_races.ipynb) is about
# what happens without it.)
#
# ### Your turn
# The tile's upper left corner is `a[top, left]`, and in `out` it's `out[left, top]`. Thread (*x*,
# *y*) stores *its* number of `a` in `tile[y, x]`, waits, and then writes one number of `out`, so
# that both arrays have *x* in their last place. Which number of the tile is that? (3 lines; rows
# and columns are multiples of 32, so you need no guard)


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
# Both sides are coalesced now. But the tile has a price of its own. Shared memory is 32
# [**banks**](https://modal.com/gpu-glossary/perf/bank-conflict) wide, of 4 bytes each: word 0 is in
# bank 0, word 1 in bank 1, word 32 in bank 0 again. In one pass, a **wavefront**, each bank serves
# one word, to all lanes that want that word. Lanes that want *different* words of one bank have to
# take turns: that's a **bank conflict**.
#
# **Guess first.** Lane *x* reads `tile[x, y]`, 32 doubles after its neighbour's. How many times as
# many wavefronts as a load without conflicts does that take? It would be 1 if the lanes were spread
# over all banks, and 32 at most. (Doubles go by half a warp, 16 lanes at a time, each in two
# banks.)

# %%
ways_guess = lk.predict("06.d", ...)

# %%
turned = np.zeros((64, 96))
counts = lk.profile(loaded_by_columns[(2, 3), (32, 32)], small, turned)
ways_guess.against(lk.Reading("ways of the conflict", counts.shared_loads.ways, "1", "simulated"))
lk.draw.accesses(counts, "tile")

# %% [markdown]
# A column is a bank here, and an orange lane waits for a blue one.
#
# **Play.** A lane's word moves on by the *width* of the tile. Change the 32 until no lane is
# orange. How little is enough? (The left half doesn't count here.)

# %%
lk.draw.IndexExplorer("32 * i", itemsize=8)

# %% [markdown]
# One column more is enough. It's never used, and it makes each row begin two banks further on. This
# trick is called **padding**. Here is the kernel once more, for tiles of any width (and this time
# the columns are on the side of the store, which makes no difference to the conflicts):


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
lk.draw.accesses(lk.profile(padded[(2, 3), (32, 32)], small, turned), "tile")

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
print(f"{'':24}{'load sectors':>26}{'store sectors':>26}{'shared efficiency':>22}")
print(f"{'':24}{'published':>13}{'simulated':>13}{'published':>13}{'simulated':>13}"
      f"{'published':>11}{'simulated':>11}")  # fmt: skip
for row in published.rows:
    ours = counted[row["kernel"]]
    loads, stores = ours.global_loads, ours.global_stores
    line = (f"{row['kernel']:24}{row['load_sectors']:13,}{loads.sectors:13,}"
            f"{row['store_sectors']:13,}{stores.sectors:13,}")  # fmt: skip
    assert (loads.requests, loads.sectors) == (row["load_requests"], row["load_sectors"])
    assert (stores.requests, stores.sectors) == (row["store_requests"], row["store_sectors"])
    assert loads.efficiency == row["load_efficiency"]
    assert stores.efficiency == row["store_efficiency"]
    if "shared_efficiency" in row:
        loads, stores = ours.shared_loads, ours.shared_stores
        wanted_bytes = loads.bytes_requested + stores.bytes_requested
        efficiency = wanted_bytes / (32 * 4 * (loads.wavefronts + stores.wavefronts))
        assert abs(efficiency - row["shared_efficiency"]) < 5e-5
        line += f"{row['shared_efficiency']:11.2%}{efficiency:11.2%}"
    print(line)
print(f"({published.source})")

# %% [markdown]
# Sixteen million threads each, and the sectors agree to the last one. So do the efficiencies of
# shared memory, to the printed digit. (The hardware's raw count of wavefronts is higher and changes
# from run to run, because it holds waiting for other traffic as well. That can't be computed from
# addresses.)
#
# > **Takeaway.** Sectors and bank conflicts follow from the addresses alone. You can count them on
# > paper, on any machine, before the kernel has ever run.
#
# ## And the time?
# Now to what you really want to know. We ran the five kernels on an H200.
#
# **Guess first.** How many times faster does padding make the tile? Without it, each store takes 16
# times as many wavefronts, and each load as many as before. It would be 8.5 if only shared memory
# counted, and 1 if nobody noticed, because everybody waits for global memory anyway.

# %%
padding_guess = lk.predict("06.e", ...)

# %% tags=["collapsed"]
h200 = lk.recorded("nvidia-h200-transposes")
time_s = dict(zip(KERNELS, (row["time_s"] for row in h200.rows), strict=True))
printed_s = {row["kernel"]: row["time_s"] for row in published.rows}
for name, row in zip(KERNELS, h200.rows, strict=True):
    rate, printed = row["bytes"] / row["time_s"], f"{printed_s[name] * 1e6:.0f} µs"
    note = f"{row['time_s'] * 1e6:.0f} µs; {printed} on the GPU of the published counts"
    lk.show(lk.Reading(f"{name}, H200", rate, "B/s", of=h200, note=note))
gains = [times["tile, stored by columns"] / times["tile, padded"] for times in (time_s, printed_s)]
padding_guess.against(lk.Reading("padding, H200", gains[0], "1", of=h200, note=h200.source))
lk.show(lk.Reading("padding, GPU of the published counts", gains[1], "1", of=published))

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
# Without padding, the H200's shared memory is busier than its global memory, and you notice. The
# GPU of the published counts isn't named, but it moved these bytes eight times more slowly. There,
# conflicts are hidden while everybody waits. And why did four times the *load* sectors cost so
# little, and four times the *store* sectors so much? A sector that a warp reads for 8 bytes holds
# 24 more for its neighbours, and a cache may keep it until they come. It seems to help less with
# stores.
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
# It takes eight wavefronts, and two with the padding: four times fewer. And the kernel got only 5.8
# % faster, because shared memory wasn't the unit that it waited for most. That's also how the slip
# could go unnoticed: it was in no result, and hardly in the time. A profiler would have shown it at
# once, and so would counting.
#
# **Next**: in the [exercises](../exercises/06_memory.ipynb) you'll write a transpose for any shape.
# [Lesson 07](07_barriers_and_races.ipynb) asks what `syncthreads` is for.
