# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 · The matmul ladder
# *The same operations at every rung. What makes the top kernel so much faster than the lowest?*
#
# **You will be able to** climb from a naive product to register tiles, say at each rung which
# counter moved, and read occupancy and a time bound for what they are · **Needs** 06, 07 ·
# **Takes** {time} · **Runs on** a CPU; a CUDA GPU runs the kernels too

# %%
import numpy as np

import labkit as lk
from labkit import cuda

rng = np.random.default_rng(8)

# %% [markdown]
# ## A ladder that somebody climbed
# Simon Boehm wrote one kernel after the other, on an RTX A6000, and published the rate of each.
# Between the first two, *one line* changes: which thread takes which element.
#
# **Guess first.** By what factor does the second beat the first?

# %%
my_guess = ...
line_guess = lk.predict("08.a", my_guess)

# %%
published = lk.published("sgemm-a6000")
rate = {row["kernel"]: row["flop_per_s"] for row in published.rows}
line_guess.against(
    lk.Reading("coalesced over naive, A6000", rate["coalesced"] / rate["naive"], "1", of=published)
)

rungs = ["naive", "coalesced", "shared memory", "1-D register tile", "2-D register tile", "cuBLAS"]
chart = lk.draw.Chart(
    lk.draw.Axis("", names=rungs),
    lk.draw.Axis("rate", "FLOP/s", lo=1e11, hi=1e14, log=True),
    title=f"SGEMM on an RTX A6000, matrices of {published.rows[0]['n']}",
    width=760,
)
for place, name in enumerate(rungs):
    chart.bar(place, rate[name], "published", f"{rate[name] / rate['cuBLAS']:.1%}")
chart.picture("Published rates of six SGEMM kernels, from 1.3 % of cuBLAS to all of it")

# %% [markdown]
# Read it: the axis is logarithmic, a label is the share of NVIDIA's own library.
# You climb the first four rungs here, with counters in place of a stopwatch.
#
# ## Rungs 1 and 2: who takes which element
# Each thread makes one element of C: a row of A times a column of B.


# %%
@cuda.jit
def naive(a, b, c):
    row, column = cuda.grid(2)  # neighbouring threads: neighbouring rows
    if row < c.shape[0] and column < c.shape[1]:
        total = cuda.float32(0)
        for k in range(a.shape[1]):
            total += a[row, k] * b[k, column]
        c[row, column] = total


@cuda.jit
def coalesced(a, b, c):
    column, row = cuda.grid(2)  # neighbouring threads: neighbouring columns
    if row < c.shape[0] and column < c.shape[1]:
        total = cuda.float32(0)
        for k in range(a.shape[1]):
            total += a[row, k] * b[k, column]
        c[row, column] = total


# %% [markdown]
# (`cuda.float32(0)`, not `0.0`: with that the whole sum would be in double precision.)
#
# **Guess first.** A warp of `naive` holds 32 rows and one column. Its load of `a[row, k]` and its
# load of `b[k, column]`: how many 32-byte sectors does a load touch, *on average* over the two?

# %%
my_guess = ...
sector_guess = lk.predict("08.b", my_guess)


# %%
def climb(kernel, n, grid, block):
    """Count a kernel on n × n matrices, after checking its values and its accesses."""
    a, b = (rng.integers(0, 9, (n, n)).astype(np.float32) for _ in range(2))  # exact sums
    c = np.zeros((n, n), np.float32)
    counts = lk.profile(kernel[grid, block], a, b, c)
    assert (c == a @ b).all()
    return counts


N = 128
BLOCK = 32, 8
counts = {
    "naive": climb(naive, N, (N // 32, N // 8), BLOCK),
    "coalesced": climb(coalesced, N, (N // 32, N // 8), BLOCK),
}
per_request = {name: one.global_loads.sectors_per_request for name, one in counts.items()}
sector_guess.against(lk.Reading("naive, sectors a request", per_request["naive"], "1", "simulated"))
lk.show(lk.Reading("coalesced, sectors a request", per_request["coalesced"], "1", "simulated"))

# %% [markdown]
# Naive: 32 rows of A lie in 32 sectors, one number of B serves all: (32 + 1) / 2.
# Coalesced: one number of A serves all, 32 columns of B lie in 4 sectors: (1 + 4) / 2.
#
# The n² elements are n² / 32 warps, and each makes n such pairs of loads: 33 n³ / 32 sectors in
# all, or 5 n³ / 32. Somebody else counted them on a GB10 with Nsight Compute, at n = 2048:

# %%
nsight = lk.published("sgemm-gb10-sectors")
for row in nsight.rows:
    pair = row["sectors_of_a"] + row["sectors_of_b"]
    assert counts[row["kernel"]].global_loads.sectors == pair * N**3 // 32
    assert per_request[row["kernel"]] == row["sectors_per_request"] == pair / 2
    formula = pair * row["n"] ** 3 / 32
    print(
        f"[modelled] {row['kernel']:10} {formula:.3g} sectors, published {row['load_sectors']:.3g}"
    )
    assert float(f"{formula:.3g}") == row["load_sectors"]

# %% [markdown]
# Exact, to the digits printed. The counters ran at n = 128, and the formula carries them.
#
# ## Rung 3: bring a tile, use it often
# Each number of A is loaded by n threads. Let a block load a tile of A and a tile of B into shared
# memory *once*, and let all its threads use them.
#
# **Guess first.** With tiles of 32 × 32, by what factor do the load sectors fall below those of
# `coalesced`?

# %%
my_guess = ...
tile_guess = lk.predict("08.c", my_guess)

# %%
TILE = 32


@cuda.jit
def tiled(a, b, c):
    tile_a = cuda.shared.array((TILE, TILE), cuda.float32)
    tile_b = cuda.shared.array((TILE, TILE), cuda.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    column, row = cuda.grid(2)
    total = cuda.float32(0)
    for first in range(0, a.shape[1], TILE):
        tile_a[y, x] = 0
        if row < a.shape[0] and first + x < a.shape[1]:
            tile_a[y, x] = a[row, first + x]
        tile_b[y, x] = 0
        if first + y < b.shape[0] and column < b.shape[1]:
            tile_b[y, x] = b[first + y, column]
        cuda.syncthreads()
        for k in range(TILE):
            total += tile_a[y, k] * tile_b[k, x]
        cuda.syncthreads()
    if row < c.shape[0] and column < c.shape[1]:
        c[row, column] = total


# %%
counts["tiled"] = climb(tiled, N, (N // TILE, N // TILE), (TILE, TILE))
loads = {name: one.global_loads.sectors for name, one in counts.items()}
assert loads["tiled"] == 8 * N**3 // 1024
tile_guess.against(
    lk.Reading(
        "coalesced over tiled, sectors", loads["coalesced"] / loads["tiled"], "1", of="simulated"
    )
)

# %% [markdown]
# **At the edges** a tile hangs over. Threads outside store zeros, which add nothing, and *still
# come to the barrier*. Try it on sizes that fit nothing:

# %%
a = rng.integers(0, 9, (45, 70)).astype(np.float32)
b = rng.integers(0, 9, (70, 33)).astype(np.float32)
c = np.zeros((45, 33), np.float32)
assert lk.sanitize(tiled[(2, 2), (TILE, TILE)], a, b, c) == []
assert (c == a @ b).all()

# %% [markdown]
# Twenty times fewer sectors. The published gain of this rung:

# %%
lk.show(
    lk.Reading(
        "tiled over coalesced, A6000", rate["shared memory"] / rate["coalesced"], "1", of=published
    )
)

# %% [markdown]
# **Why so little?** The caches had caught most of those loads anyway. And the loads did not go
# away: they moved. For each multiply-add a thread still loads two numbers, now from shared memory.


# %%
def loads_per_multiply_add(one):
    warp_multiply_adds = one.flop["float32"] / 2 / 32
    return (one.global_loads.requests + one.shared_loads.requests) / warp_multiply_adds


for name, one in counts.items():
    print(f"[modelled] {name:10} {loads_per_multiply_add(one):.3f} loads for each multiply-add")

# %% [markdown]
# (These are the loads of your source. The compiler may merge neighbouring ones: of four reads along
# a row of `tile_a` it makes one wide one, and a profiler on a GPU shows fewer.)
#
# ## Rung 4: keep it in registers
# Let each thread make *four* elements, one below the other. It loads a number of B once, keeps it
# in a register, and uses it four times.
#
# **Guess first.** How many loads for each multiply-add now?

# %%
my_guess = ...
register_guess = lk.predict("08.d", my_guess)

# %% tags=["read"]
STEP = TILE // 4  # a block has 32 × 8 threads; the rows of a thread lie 8 apart


@cuda.jit
def register_tile(a, b, c):
    tile_a = cuda.shared.array((TILE, TILE), cuda.float32)
    tile_b = cuda.shared.array((TILE, TILE), cuda.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    column, top = cuda.blockIdx.x * TILE + x, cuda.blockIdx.y * TILE
    sum_0 = sum_1 = sum_2 = sum_3 = cuda.float32(0)
    for first in range(0, a.shape[1], TILE):
        for i in range(y, TILE, STEP):
            tile_a[i, x] = 0
            if top + i < a.shape[0] and first + x < a.shape[1]:
                tile_a[i, x] = a[top + i, first + x]
            tile_b[i, x] = 0
            if first + i < b.shape[0] and column < b.shape[1]:
                tile_b[i, x] = b[first + i, column]
        cuda.syncthreads()
        for k in range(TILE):
            kept = tile_b[k, x]
            sum_0 += tile_a[y, k] * kept
            sum_1 += tile_a[y + STEP, k] * kept
            sum_2 += tile_a[y + 2 * STEP, k] * kept
            sum_3 += tile_a[y + 3 * STEP, k] * kept
        cuda.syncthreads()
    sums = (sum_0, sum_1, sum_2, sum_3)
    for i in range(4):
        row = top + y + i * STEP
        if row < c.shape[0] and column < c.shape[1]:
            c[row, column] = sums[i]


# %%
counts["register tile"] = climb(register_tile, N, (N // TILE, N // TILE), (TILE, STEP))
c[:] = 0
assert lk.sanitize(register_tile[(2, 2), (TILE, STEP)], a, b, c) == []
assert (c == a @ b).all()
register_guess.against(
    lk.Reading("register tile, loads for each multiply-add",
               loads_per_multiply_add(counts["register tile"]), "1", of="simulated")
)  # fmt: skip

# %% [markdown]
# Five loads for four multiply-adds, and the few from global memory. A thread that makes r × s
# elements needs r + s loads for r s multiply-adds. So *squares* pay, and large ones:

# %%
for r, s in ((1, 1), (4, 1), (8, 1), (4, 4), (8, 8)):
    print(f"[modelled] {r} × {s} elements a thread: {(r + s) / (r * s):.3f} loads")

# %%
chart = lk.draw.Chart(
    lk.draw.Axis("", names=list(counts), ordered=True),
    lk.draw.Axis("left of the naive kernel", "%", lo=0.005, hi=1.5, log=True),
    title="The same product, four rungs",
)
lines = {
    "sectors of global loads": ([one.global_loads.sectors for one in counts.values()], False),
    "time, A6000": ([1 / rate[name] for name in rungs[:4]], True),
    "loads a multiply-add": ([loads_per_multiply_add(one) for one in counts.values()], False),
}
for name, (ys, is_published) in lines.items():  # a share of what was counted or quoted: modelled
    chart.line(range(4), [y / ys[0] for y in ys], name, origin="modelled", dash=is_published)
chart.picture("Sectors fall at coalesced and tiled, loads at register tile; published times beside")

# %% [markdown]
# Read it: x is the rung, y what is left of the naive kernel. Look at which counter falls where the
# published time falls: at the second rung it is the sectors, at the fourth the loads. By how much
# do both fall from the third rung to the fourth?

# %%
fall = loads_per_multiply_add(counts["tiled"]) / loads_per_multiply_add(counts["register tile"])
lk.show(
    lk.Reading("loads fall, times", fall, "1", of="simulated"),
    lk.Reading(
        "published time falls, times", rate["1-D register tile"] / rate["shared memory"], "1",
        of=published,
    ),
)  # fmt: skip

# %% [markdown]
# The time falls more than our loads do. The two kernels aren't the same: in ours a thread makes 4 ×
# 1 elements and in that ladder 8 × 1, so its loads fall further. And a counter names a cause; it
# doesn't say that there is no other.
#
# ## At least how long?
# A profile can say the shortest time that its counts could take on a chip, and which resource sets
# it. Here for the T4 that Colab lends.

# %%
N_BOUND = 256
launches = {
    "naive": (naive, (N_BOUND // 32, N_BOUND // 8), BLOCK),
    "coalesced": (coalesced, (N_BOUND // 32, N_BOUND // 8), BLOCK),
    "tiled": (tiled, (N_BOUND // TILE, N_BOUND // TILE), (TILE, TILE)),
    "register tile": (register_tile, (N_BOUND // TILE, N_BOUND // TILE), (TILE, STEP)),
}
for name, (kernel, grid, block) in launches.items():
    bound = climb(kernel, N_BOUND, grid, block).time_bound_s("t4")
    print(f"[modelled] {name}: {bound.figure}")

# %% [markdown]
# It is a **lower bound that names a bottleneck**, and no prediction. The first two rungs have the
# *same* bound, though one is six times slower: the bound lets caches serve every repeated load for
# nothing. And the tiled kernel's bound is *higher* than that of the slower one below it.
# Trust the name of the bottleneck: shared memory, then one cure, registers. Nobody is graded on it.
#
# How far can a bound be from the truth?

# %%
gb10 = lk.published("sgemm-gb10").rows
coalesced_gb10 = next(row for row in gb10 if row["kernel"] == "coalesced")
share = coalesced_gb10["flop_per_s"] / coalesced_gb10["fp32_peak_flop_per_s"]
lk.show(lk.Reading("coalesced SGEMM, of the GB10's fp32 peak", share, "%", of="published"))

# %% [markdown]
# ## Occupancy
# A multiprocessor hides waiting by switching between warps. **Occupancy** is the share of the warps
# it could hold that it does hold. Threads, registers and shared memory of a block limit it.
# What NVIDIA's compiler makes of the kernels of this course is recorded, so a launch is enough:

# %%
for kernel, grid, block in (launches["tiled"], launches["register tile"]):
    print(lk.occupancy(kernel[grid, block], compute_capability="8.0"))

# %% [markdown]
# The better kernel has the lower occupancy. Is that a fault?
#
# **Guess first.** The 2-D register tile on the GB10 needs 128 registers a thread, in blocks of 256.
# Its multiprocessor holds 48 warps and 65,536 registers. What is its occupancy?

# %%
my_guess = ...
occupancy_guess = lk.predict("08.e", my_guess, "%")

# %%
one_d, two_d = (row for row in gb10 if "registers" in row)
modelled = lk.occupancy(256, two_d["registers"], 0, "12.0")
occupancy_guess.against(lk.Reading("2-D register tile", modelled.occupancy, "%", "modelled"))
source = lk.published("sgemm-gb10").source
lk.show(
    lk.Reading("by Nsight Compute", two_d["occupancy_fraction"], "%", "published", source=source),
    lk.Reading("2-D over 1-D", two_d["flop_per_s"] / one_d["flop_per_s"], "1", of="published"),
)

# %% [markdown]
# A third of the warps, and nearly twice the rate. Occupancy is a means. A thread with 64 sums in
# registers has enough independent work to hide its own waiting.
#
# ## Drag the tile
# A block of C with `tile` × `tile` elements loads two tiles for each step. In the worst case, no
# cache, all of that is traffic, and the intensity is tile ÷ bytes of a number. Registers are taken
# as 30 and 1.5 for each sum, which comes near the published counts:


# %%
def registers_for(sums):
    return 30 + 3 * sums // 2


for row in (one_d, two_d):
    modelled, published_count = registers_for(row["sums"]), row["registers"]
    print(f"[modelled] {row['sums']:2} sums: {modelled} registers, {published_count} published")
    assert abs(registers_for(row["sums"]) / row["registers"] - 1) < 0.15

# %% [markdown]
# **Guess** at which of the four tiles an A100 stops being memory-bound in fp32. With fp16 tensor
# cores none of the four is enough. How large would a tile have to be there?

# %%
CAPABILITY = {"a100-sxm-80": "8.0", "t4": "7.5", "l4": "8.9", "h100-sxm": "9.0"}
BYTES = {"fp32": 4, "fp16": 2}


def explore(tile, elements_a_thread, dtype, chip):
    roof = lk.roofline(chip, dtype)
    intensity = tile / BYTES[dtype]
    threads, shared_bytes = tile**2 // elements_a_thread, 2 * tile**2 * BYTES[dtype]
    registers = registers_for(elements_a_thread)
    fits = lk.occupancy(threads, registers, shared_bytes, CAPABILITY[chip])
    resident = f"occupancy {fits.occupancy:.0%}, limited by {' and '.join(fits.limited_by)}"
    if not fits.blocks_per_sm:
        resident = f"no launch: {fits.limited_by[0]}"
    rate = roof.attainable_flop_per_s(intensity)
    dot = lk.draw.Dot(f"tile {tile}: {roof.bound_by(intensity)}-bound", intensity, rate, "modelled")
    title = f"{threads} threads, {shared_bytes // 1024} KiB shared; {resident}"
    return lk.draw.roofline([roof], [dot], x=(1, 1000), y=(1e11, 2e15), title=title)


lk.Explorer(
    explore, tile=[32, 16, 64, 128], elements_a_thread=[1, 4, 16, 64], dtype=list(BYTES),
    chip=list(CAPABILITY),
)  # fmt: skip

# %% [markdown]
# Tiles beyond 32 need more elements a thread, or the block has too many threads. Numbers of 16 bits
# halve the bytes, and tensor cores raise the peak many times, so the ridge point moves far to the
# right. The tile that reaches it, when nothing is cached, has a side of ridge point × bytes of a
# number:

# %%
for dtype, itemsize in BYTES.items():
    ridge = lk.roofline("a100-sxm-80", dtype).ridge_flop_per_byte
    side = lk.Reading(f"A100, {dtype}, side of that tile", ridge * itemsize, "1", of="published")
    lk.show(side)

# %% [markdown]
# ## What you now know
# - **Four rungs**: coalesce the loads, share tiles, keep numbers in registers; a picture shows the
#   counter that moved at each.
# - A **time bound** names a bottleneck: for `tiled` shared memory, which the next rung cured.
# - **Occupancy** is a means: one third was enough for the faster kernel.

# %%
lk.show(
    lk.Reading(
        "load sectors, naive over tiled", loads["naive"] / loads["tiled"], "1", of="simulated"
    )
)

# %% [markdown]
# **Next**: the exercises; then `10_attention_and_precision`, where a tile of a *product* never
# reaches memory at all.
# Sources: siboehm/SGEMM_CUDA and its article *How to Optimize a CUDA Matmul Kernel* (2022);
# BEEB0SS/kernel-ladder.
