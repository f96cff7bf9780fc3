# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 · Memory
# *Two kernels copy the same numbers. Why does one of them move eight times the bytes?*
#
# **You will be able to** count the sectors of any access, keep it coalesced, and move data through
# shared memory without bank conflicts · **Needs** 02, 05 · **Takes** {time} · **Runs on** a CPU;
# the counts are the same everywhere

# %%
import numpy as np

import labkit as lk
from labkit import cuda

# %% [markdown]
# ## A copy with a stride
# All 32 lanes at work, no divergence. Each lane reads one float and writes one.


# %%
@cuda.jit
def strided_copy(x, out, stride):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = x[i * stride]


N_FLOATS = 2**14
x, out = np.arange(32 * N_FLOATS, dtype=np.float32), np.zeros(N_FLOATS, np.float32)

# %% [markdown]
# **Guess first.** With a stride of 8, a warp wants 32 floats: 128 bytes.
# How many bytes does the memory hand over?

# %%
my_guess = ...
bytes_guess = lk.predict("06.a", my_guess, "B")

# %%
counts = lk.profile(strided_copy[N_FLOATS // 256, 256], x, out, 8)
assert (out == x[::8][:N_FLOATS]).all()
moved_bytes = 32 * counts.global_loads.sectors_per_request
bytes_guess.against(lk.Reading("moved for one warp", moved_bytes, "B", of="simulated"))

# %%
lk.draw.accesses(counts)

# %% [markdown]
# Read it: a row is a lane, a column a piece of memory that had to be moved. The bars below show how
# much of each piece was asked for. On the left one float in each piece, on the right all of them.
#
# ## The words
# - **Request**: one load or store, executed by one warp.
# - **Sector**: 32 bytes of memory, aligned. Memory moves whole sectors and nothing smaller.
# - **Coalesced**: said of a request that needs about as few sectors as its bytes fill.
#
# So the rule is one line. It needs no stride, only the addresses:


# %%
def sectors(addresses):
    """The distinct 32-byte sectors that these byte addresses lie in."""
    return len({address // 32 for address in addresses})


for stride in (0, 1, 2, 3, 4, 8, 16, 32):
    predicted = sectors([4 * stride * lane for lane in range(32)])
    counts = lk.profile(strided_copy[N_FLOATS // 256, 256], x, out, stride)
    counted = counts.global_loads.sectors_per_request
    print(
        f"[simulated] stride {stride:2}: {counted:4.1f} sectors per request, predicted {predicted}"
    )
    assert predicted == counted

# %% [markdown]
# From stride 8 on every lane pays for a sector of its own, and it gets no worse: 32 lanes, 32
# sectors. At stride 0 all lanes want the same float, and one sector serves them all (a
# **broadcast**).
#
# ## Any index you like
# **Play.** Type the index that lane `i` uses. The right half shows the same index in *shared*
# memory; leave it for later.
#
# Try `i + 1`, `31 - i`, `i ^ 1`, `i // 4`, `i % 2 * 1000`, and 8-byte items. Which of them are as
# good as `i`? Can you find one that needs exactly 7 sectors?

# %%
lk.draw.IndexExplorer("2 * i")

# %% [markdown]
# The order of the lanes does not matter: `31 - i` costs what `i` costs. What matters is which
# sectors are touched by the 32 of them.

# %%
assert sectors([4 * (31 - i) for i in range(32)]) == sectors([4 * i for i in range(32)])
assert sectors([4 * (i + 1) for i in range(32)]) == sectors([4 * i for i in range(32)]) + 1

# %% [markdown]
# ## Transpose: one side must lose
# `out[row, col] = a[col, row]` reads along columns or writes along columns. Whichever index has
# `x`, the lane, in its *last* place is the coalesced one.


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


small = np.random.default_rng(0).random((96, 64))
for kernel in (strided_loads, strided_stores):
    turned = np.zeros((64, 96))
    kernel[(3, 3), (32, 32)](small, turned)
    assert (turned == small.T).all()
    assert lk.sanitize(kernel[(3, 3), (32, 32)], small, turned) == []

# %% [markdown]
# **Guess first.** The numbers are doubles now, 8 bytes each. Of the bytes that `strided_loads`
# makes memory *read*, which share is asked for?

# %%
my_guess = ...
share_guess = lk.predict("06.b", my_guess, "%")

# %%
counts = lk.profile(strided_loads[(3, 3), (32, 32)], small, np.zeros((64, 96)))
share_guess.against(
    lk.Reading("read and asked for", counts.global_loads.efficiency, "%", "simulated")
)

# %% [markdown]
# ## A detour through shared memory
# Each block has some **shared memory** of its own, on the chip. All its threads can read and write
# it, and it has no sectors. So read a tile along rows, wait until it is complete, and write it
# along rows as well. The turn happens inside the tile.
#
# `cuda.syncthreads()` is the wait: no thread passes before all of its block are there. (Lesson 07
# is about what happens without it.)


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
turned = np.zeros((64, 96))
tiled[(2, 3), (32, 32)](small, turned)
assert (turned == small.T).all()
assert lk.sanitize(tiled[(2, 3), (32, 32)], small, turned) == []

counts = lk.profile(tiled[(2, 3), (32, 32)], small, turned)
assert counts.global_loads.efficiency == counts.global_stores.efficiency == 1

# %% [markdown]
# Both sides are coalesced now, and the tile has its own price.
#
# ## Banks
# Shared memory is 32 **banks** wide, 4 bytes each: word 0 lies in bank 0, word 1 in bank 1, word 32
# in bank 0 again. In one **wavefront** every bank serves one word, to as many lanes as want that
# same word. Lanes that want *different* words of one bank wait for each other: a **bank conflict**.
# (8-byte items go by half a warp, so 2 wavefronts are their best.)
#
# **Guess first.** Lane `x` stores to `tile[x, y]`, 32 doubles further on than its neighbour.
# How many times the wavefronts of a conflict-free store does that take?

# %%
my_guess = ...
ways_guess = lk.predict("06.c", my_guess)

# %%
ways_guess.against(lk.Reading("ways of the conflict", counts.shared_stores.ways, "1", "simulated"))

# %%
lk.draw.accesses(counts)

# %% [markdown]
# Read it: four accesses in the order of the source. In the panels of the tile a column is a bank,
# and an orange lane waits for a blue one.
#
# **Play.** A lane's word moves on by the *width* of the tile. Change the 32 until the orange is
# gone. How little is enough? (The left half does not count here.)

# %%
lk.draw.IndexExplorer("32 * i", itemsize=8)

# %% [markdown]
# One column of padding, never used, and each row begins two banks further on:

# %%
padded = transpose_through(33)
turned = np.zeros((64, 96))
padded[(2, 3), (32, 32)](small, turned)
assert (turned == small.T).all()

counts = lk.profile(padded[(2, 3), (32, 32)], small, turned)
assert counts.shared_stores.bank_conflicts == counts.shared_loads.bank_conflicts == 0
lk.draw.accesses(counts, "tile")


# %% [markdown]
# ## Against the hardware's own counters
# This transpose is an exercise of NVIDIA's training course. Somebody published what Nsight Compute
# counted on a real GPU, for 4096 × 4096 doubles and five kernels: our two, the tile with the column
# on the side of the store, on the side of the load, and padded. We lack one.


# %%
@cuda.jit
def loaded_by_columns(a, out):
    tile = cuda.shared.array((32, 32), cuda.float64)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * 32, cuda.blockIdx.y * 32
    tile[y, x] = a[top + y, left + x]
    cuda.syncthreads()
    out[left + y, top + x] = tile[x, y]


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

# %% [markdown]
# Sixteen million threads each. First global memory, where we demand equality to the last sector:

# %%
published = lk.published("transpose-nsight")
print(f"{'':24}{'load sectors':>26}{'store sectors':>26}")
print(f"{'':24}{'published':>13}{'simulated':>13}{'published':>13}{'simulated':>13}")
for row in published.rows:
    ours = counted[row["kernel"]]
    loads, stores = ours.global_loads, ours.global_stores
    print(f"{row['kernel']:24}{row['load_sectors']:13,}{loads.sectors:13,}"
          f"{row['store_sectors']:13,}{stores.sectors:13,}")  # fmt: skip
    assert (loads.requests, loads.sectors) == (row["load_requests"], row["load_sectors"])
    assert (stores.requests, stores.sectors) == (row["store_requests"], row["store_sectors"])
    assert loads.efficiency == row["load_efficiency"]
    assert stores.efficiency == row["store_efficiency"]
print(f"({published.source})")

# %% [markdown]
# Requests, sectors and efficiencies, all of them come out exactly. Now shared memory:

# %%
print(f"{'':24}{'wavefronts of loads':>26}{'wavefronts of stores':>26}{'efficiency':>20}")
for row in published.rows[2:]:
    loads, stores = counted[row["kernel"]].shared_loads, counted[row["kernel"]].shared_stores
    wanted_bytes = loads.bytes_requested + stores.bytes_requested
    efficiency = wanted_bytes / (32 * 4 * (loads.wavefronts + stores.wavefronts))
    print(f"{row['kernel']:24}{row['shared_load_wavefronts']:13,}{loads.wavefronts:13,}"
          f"{row['shared_store_wavefronts']:13,}{stores.wavefronts:13,}"
          f"{row['shared_efficiency']:10.2%}{efficiency:10.2%}")  # fmt: skip
    assert abs(efficiency - row["shared_efficiency"]) < 5e-5

# %% [markdown]
# (Each pair: published, then simulated.) The efficiencies agree to the printed digit. The raw
# wavefronts of the hardware are higher, those of conflict-free stores by more than a fifth. That
# counter also holds the times when shared memory had to wait for other traffic: it changes from run
# to run, and no list of addresses can tell it. The efficiency comes from the addresses alone.
#
# ## And the time?
# Same source, same GPU (it does not say which), without the profiler:

# %%
for row in published.rows:
    rate = lk.Reading(row["kernel"], row["rate_bytes_per_s"], "B/s", "published", source="as above")
    lk.show(rate)

# %% [markdown]
# No simple story. Four times the *store* sectors halved the rate. Four times the *load* sectors
# cost only a tenth of it. And the 16-way bank conflicts cost little in the loads, and in the stores
# nothing at all.
#
# **Why the gap.** A kernel is as fast as its busiest unit, and every one of these must move the
# same bytes from and to DRAM at least once:

# %%
for name, ours in counted.items():
    print(f"[simulated] {name:24} DRAM at least {ours.dram_bytes_lower / 1e6:4.0f} MB, "
          f"without any cache {ours.dram_bytes_upper / 1e6:4.0f} MB")  # fmt: skip
assert len({ours.dram_bytes_lower for ours in counted.values()}) == 1

# %% [markdown]
# The likely reasons: a sector that one warp reads for 8 bytes holds 24 more for its neighbours, and
# a cache may keep it until they come; and a conflict is hidden while everybody waits for DRAM
# anyway. So **counts say what each unit has to do, and not how long it takes**. They say where to
# look when the time is bad.
#
# ## What you now know
# - **Count** the sectors of any access from its addresses: the table of strides, and every global
#   counter that a real GPU showed.
# - **Coalesce**: give `x` the last index. Where both sides want it, go through a tile.
# - **Pad** the tile, so that a column falls into different banks: `transpose_through(33)`.
#
# **Next**: the exercises; then `07_barriers_and_races`: what `syncthreads` is for.
# Sources: NVIDIA and OLCF, *CUDA Training Series*, homework 8; NVIDIA, *Nsight Compute: Metrics
# Decoder*.
