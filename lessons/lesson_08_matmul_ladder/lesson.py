# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 · The matmul ladder
# A llamafile is a single file with a language model and all it takes to run it. In December 2023
# its authors left out the 500 MB of cuBLAS, NVIDIA's library for products of matrices, and wrote
# simple kernels instead. The answers were the same, but on one machine they took [about six times
# longer](https://github.com/mozilla-ai/llamafile/pull/82), and users complained that pictures [were
# slow](https://github.com/mozilla-ai/llamafile/issues/142). Then a rewrite made pictures [five
# times faster](https://github.com/mozilla-ai/llamafile/pull/153), and two more followed that
# winter. None of them left out a single multiplication.
#
# **The question of this lesson**: if two kernels do the same multiplications and additions, how can
# one of them be dozens of times faster?
#
# *{time} Needs lessons [06](06_memory.ipynb) and [07](07_barriers_and_races.ipynb).*

# %%
import itertools

import numpy as np

import labkit as lk
from labkit import cuda

rng = np.random.default_rng(8)

# %% [markdown]
# ## A ladder that somebody climbed
# [Llamafile's kernels](https://github.com/mozilla-ai/llamafile/blob/0.9.3/llamafile/tinyblas.cu)
# name their teacher. In 2022 Simon Boehm wrote [one matrix kernel after the
# other](https://siboehm.com/articles/22/CUDA-MMM) and published [the rate of
# each](https://github.com/siboehm/SGEMM_CUDA). (Libraries call this product **SGEMM**,
# *single-precision general matrix multiply*.) Between his first two, only one thing changes: which
# thread takes which element.
#
# **Guess first.** How many times faster does that make it? It's 1 if that doesn't matter, and 32 if
# a warp had to wait for each lane in turn before.

# %%
line_guess = lk.predict("08.a", ...)

# %% tags=["collapsed"]
published = lk.published("sgemm-a6000")
rate = {row["kernel"]: row["flop_per_s"] for row in published.rows}
line_guess.against(
    lk.Reading("coalesced over naive, A6000", rate["coalesced"] / rate["naive"], "1", of=published)
)

rungs = [
    "naive", "coalesced", "shared memory", "1-D register tile", "2-D register tile", "vectorised",
    "warp tile", "cuBLAS",
]  # fmt: skip
chart = lk.draw.Chart(
    lk.draw.Axis("", names=rungs),
    lk.draw.Axis("rate", "FLOP/s", lo=1e11, hi=1e14, log=True),
    title=f"SGEMM on an RTX A6000, matrices of {published.rows[0]['n']} × {published.rows[0]['n']}",
    width=860,
)
for place, name in enumerate(rungs):
    chart.bar(place, rate[name], "published", f"{rate[name] / rate['cuBLAS']:.1%}")
chart.picture("Published rates of eight SGEMM kernels, from 1.3 % of cuBLAS to all of it")

# %% [markdown]
# Each label is a kernel's share of cuBLAS's rate. You'll climb the first six rungs.
#
# > **Takeaway.** All these kernels do the same 2 n³ operations. They differ in how they fetch the
# > numbers.
#
# ## Rungs 1 and 2: who takes which element
# Each thread makes one element of C, out of a row of A and a column of B:


# %%
@cuda.jit
def naive(a, b, c):
    row, column = cuda.grid(2)  # neighbouring threads: neighbouring rows
    if row < c.shape[0] and column < c.shape[1]:
        total = cuda.float32(0)  # with 0.0, the whole sum would be in double precision
        for k in range(a.shape[1]):
            total += a[row, k] * b[k, column]
        c[row, column] = total


# %% [markdown]
# **Guess first.** A warp of `naive` has 32 rows and one column. For each k it makes two loads, one
# from A and one from B. How many 32-byte sectors ([lesson 06](06_memory.ipynb)) does a load touch,
# *on average* over the two? It's 4 for 32 floats side by side, and 32 if each lane needs its own.

# %%
sector_guess = lk.predict("08.b", ...)

# %% [markdown]
# ### Your turn
# Here is the same kernel without its first line. Along a warp *x* counts up, and `cuda.grid(2)`
# gives *x* first. Which of the two should be the row, and which the column? (1 line)


# %%
@cuda.jit
def coalesced(a, b, c):
    ### BEGIN SOLUTION
    column, row = cuda.grid(2)
    ### END SOLUTION
    if row < c.shape[0] and column < c.shape[1]:
        total = cuda.float32(0)
        for k in range(a.shape[1]):
            total += a[row, k] * b[k, column]
        c[row, column] = total


coalesced = lk.your_turn("08.t1", coalesced)


# %% tags=["collapsed"]
def climb(kernel, n, grid, block):
    """Count a kernel on n × n matrices of whole numbers, whose sums are exact, and check it."""
    a, b = (rng.integers(0, 9, (n, n)).astype(np.float32) for _ in range(2))
    c = np.zeros((n, n), np.float32)
    counts = lk.profile(kernel[grid, block], a, b, c)
    assert (c == a @ b).all()
    return counts


N = 128
LAUNCHES = {  # of each kernel: the columns and rows of C that a block makes, and its threads
    "naive": (naive, (32, 8), (32, 8)),
    "coalesced": (coalesced, (32, 8), (32, 8)),
}


def count(name, n=N):
    kernel, (columns, rows), block = LAUNCHES[name]
    return climb(kernel, n, (n // columns, n // rows), block)


counts = {name: count(name) for name in LAUNCHES}
per_load = {name: one.global_loads.sectors_per_request for name, one in counts.items()}
sector_guess.against(lk.Reading("naive, sectors a load", per_load["naive"], "1", "simulated"))
lk.show(lk.Reading("coalesced, sectors a load", per_load["coalesced"], "1", "simulated"))

# %% [markdown]
# In `naive` the 32 numbers of A lie in 32 sectors, and one number of B serves all lanes: (32 + 1) /
# 2. In `coalesced` one number of A serves all, and 32 of B lie in 4 sectors: (1 + 4) / 2.
#
# The n² elements take n² / 32 warps, and each makes n such pairs of loads. That's 33 n³ / 32
# sectors, or 5 n³ / 32. [Somebody counted](https://github.com/BEEB0SS/kernel-ladder) them on a GB10
# GPU:

# %% tags=["collapsed"]
nsight = lk.published("sgemm-gb10-sectors")
for row in nsight.rows:
    pair = row["sectors_of_a"] + row["sectors_of_b"]
    assert counts[row["kernel"]].global_loads.sectors == pair * N**3 // 32
    assert per_load[row["kernel"]] == row["sectors_per_request"] == pair / 2
    formula = pair * row["n"] ** 3 / 32
    print(
        f"[modelled] {row['kernel']:10} n = {row['n']:,}: {formula / 1e9:.3g} billion "
        f"sectors, published {row['load_sectors'] / 1e9:.3g}"
    )
    assert float(f"{formula:.3g}") == row["load_sectors"]

# %% [markdown]
# > **Takeaway.** Let neighbouring threads make neighbouring columns. Then each load of a warp is
# > either one number for everybody or a few full sectors.
#
# ## Rung 3: fetch a tile, use it often
# Still, each number is loaded again and again. What if a block fetched a **tile** of A and one of B
# into shared memory, for all of its threads, and went on tile by tile?

# %% tags=["collapsed"]
lk.Player(lk.draw.tile_frames(), ms=900)

# %% [markdown]
# **Guess first.** With tiles of 32 × 32, how many times fewer sectors does that load than
# `coalesced`? Each number that is fetched now serves 32 threads. But `coalesced` already fetched a
# number of A for a whole warp at once.

# %%
tile_guess = lk.predict("08.c", ...)

# %% [markdown]
# ### Your turn
# The loads are there, with zeros where a tile hangs over the edge. (A thread beyond the edge goes
# on: the others need what it loads.) Which row of `tile_a` and which column of `tile_b` does thread
# (*x*, *y*) need? When must everybody wait for everybody ([lesson
# 07](07_barriers_and_races.ipynb))? (4 lines)

# %%
TILE = 32


@cuda.jit
def tiled(a, b, c):
    tile_a = cuda.shared.array((TILE, TILE), cuda.float32)
    tile_b = cuda.shared.array((TILE, TILE), cuda.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    column, row = cuda.grid(2)
    total = cuda.float32(0)
    for first in range(0, a.shape[1], TILE):  # the first k of a tile
        tile_a[y, x] = 0
        if row < a.shape[0] and first + x < a.shape[1]:
            tile_a[y, x] = a[row, first + x]
        tile_b[y, x] = 0
        if first + y < b.shape[0] and column < b.shape[1]:
            tile_b[y, x] = b[first + y, column]
        ### BEGIN SOLUTION
        cuda.syncthreads()
        for k in range(TILE):
            total += tile_a[y, k] * tile_b[k, x]
        cuda.syncthreads()
        ### END SOLUTION
    if row < c.shape[0] and column < c.shape[1]:
        c[row, column] = total


tiled = lk.your_turn("08.t2", tiled)

# %% tags=["collapsed"]
LAUNCHES["tiled"] = tiled, (TILE, TILE), (TILE, TILE)
counts["tiled"] = count("tiled")
loads = {name: one.global_loads.sectors for name, one in counts.items()}
assert loads["tiled"] == 8 * N**3 // 1024
tile_guess.against(
    lk.Reading(
        "coalesced over tiled, sectors", loads["coalesced"] / loads["tiled"], "1", of="simulated"
    )
)
a, b = (rng.integers(0, 9, shape).astype(np.float32) for shape in ((45, 70), (70, 33)))
c = np.zeros((45, 33), np.float32)  # sizes that no tile divides
assert lk.sanitize(tiled[(2, 2), (TILE, TILE)], a, b, c) == []
assert (c == a @ b).all()

gain = rate["shared memory"] / rate["coalesced"]
lk.show(lk.Reading("shared memory over coalesced, A6000", gain, "1", of=published))


# %% [markdown]
# Twenty times fewer sectors, and yet it was only 1.5 times as fast, because caches had served most
# of those loads anyway. And the loads haven't gone away: for each multiply-add, a thread still
# makes two, now from shared memory.


# %% tags=["collapsed"]
def loads_per_multiply_add(one):
    warp_multiply_adds = one.flop["float32"] / 2 / 32
    return (one.global_loads.requests + one.shared_loads.requests) / warp_multiply_adds


for name, one in counts.items():
    print(f"[modelled] {name:10} {loads_per_multiply_add(one):.3f} loads for each multiply-add")

# %% [markdown]
# > **Takeaway.** A tile of side *s* in shared memory lets a block fetch each number once for *s*
# > threads. Its threads load no less than before, only from nearer.
#
# ## Rung 4: keep it in registers
# So let each thread make *four* elements of a column. All four need the same number of B, which the
# thread loads once and keeps in a register.
#
# **Guess first.** How many loads is that for each multiply-add? It was 2, and it would be 0.5 if
# four elements needed no more loads than one.

# %%
register_guess = lk.predict("08.d", ...)

# %% tags=["collapsed"]
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


# %% tags=["collapsed"]
LAUNCHES["register tile"] = register_tile, (TILE, TILE), (TILE, STEP)
counts["register tile"] = count("register tile")
c[:] = 0
assert lk.sanitize(register_tile[(2, 2), (TILE, STEP)], a, b, c) == []
assert (c == a @ b).all()
four_loads = loads_per_multiply_add(counts["register tile"])
register_guess.against(
    lk.Reading("register tile, loads for each multiply-add", four_loads, "1", of="simulated")
)
fall = loads_per_multiply_add(counts["tiled"]) / four_loads
gain = rate["1-D register tile"] / rate["shared memory"]
lk.show(
    lk.Reading("tiled over register tile, loads", fall, "1", of="simulated"),
    lk.Reading("1-D register tile over shared memory, A6000", gain, "1", of=published),
)

# %% [markdown]
# Five loads for four multiply-adds, and a few from global memory. The A6000's kernel got nearly
# three times as fast.
#
# **Guess first.** We ran our two on an H200. How many times as fast as `tiled` was `register_tile`?
# It's 1 if loads from shared memory don't matter, and 1.6 if nothing else does.

# %%
h200_guess = lk.predict("08.e", ...)

# %% tags=["collapsed"]
h200 = lk.recorded("nvidia-h200-ladder")
h200_s = {row["kernel"]: row["time_s"] for row in h200.rows}
h200_guess.against(
    lk.Reading("register tile, speed over tiled", h200_s["tiled"] / h200_s["register_tile"], "1",
               of=h200)
)  # fmt: skip
for row in h200.rows:
    lk.show(lk.Reading(f"{row['kernel']}, H200", row["flop"] / row["time_s"], "FLOP/s", of=h200))
print(f"({h200.source})")
assert h200_s["register_tile"] > h200_s["tiled"], "the text says that it got slower"

# %% [markdown]
# It got slower! A warp scheduler issues one instruction in a cycle: a load, a multiply-add, or the
# addition that works out an address. Here's what the compiler made, for the H200, of the lines that
# load from shared memory and multiply:


# %% tags=["collapsed"]
def machine_code(name):
    """What NVIDIA's compiler made of a kernel of this lesson: a row of what was recorded."""
    rows = lk.recorded("kernel-registers").rows
    return next(r for r in rows if r["kernel"] == name and "lesson_08" in r["source"])


def issued(name):
    """Instructions of the lines that load from shared memory and multiply, for an H200: by kind."""
    lines = machine_code(name)["lines"]["9.0"].values()
    inner = [kinds for kinds in lines if kinds.keys() & {"multiply", "shared_loads"}]
    return {kind: sum(one.get(kind, 0) for one in inner) for kind in set().union(*inner)}


def multiply_share(name):
    kinds = issued(name)
    return kinds["multiply"] / sum(kinds.values())


def show_issued(name):
    kinds = issued(name)
    lk.show(
        f"[recorded] {name}, for {kinds['multiply']} multiply-adds: {kinds['shared_loads']} loads "
        f"and {kinds.get('other', 0)} other instructions; {multiply_share(name):.0%} multiply"
    )


show_issued("tiled")
show_issued("register_tile")
assert multiply_share("register_tile") < multiply_share("tiled") / 2

# %% [markdown]
# In `tiled` the compiler has written out all rounds of the loop over k, so it knows every address
# beforehand. In `register_tile` it hasn't, and works out each address anew. (The A6000's kernel is
# CUDA C, and makes 8 × 1 elements a thread.)
#
# > **Takeaway.** A number in a register costs nothing to use again. But every instruction takes its
# > turn at the scheduler, so fewer loads help only if nothing else takes their place.
#
# ## Rung 5: a square of 8 × 8
# A thread that makes r × s elements loads r + s numbers for r s multiply-adds. So squares are best,
# and large ones:

# %% tags=["collapsed"]
for r, s in ((1, 1), (4, 1), (8, 1), (4, 4), (8, 8)):
    print(f"[modelled] {r} × {s} elements a thread: {(r + s) / (r * s):.3f} loads a multiply-add")

# %% [markdown]
# And all other instructions are shared among 64 multiply-adds.
#
# **Play.** Here is a small one, of 4 × 4 elements a thread. What does a thread load? And in which
# layout do neighbouring threads make neighbouring elements?

# %% tags=["collapsed"]
APART_OR_NOT = ["4 apart", "side by side"]


def own(x, y, layout):
    return lk.draw.register_tile(x, y, side_by_side=layout == APART_OR_NOT[1])


lk.Explorer(own, x=(0, 3, 1), y=(0, 3, 2), layout=APART_OR_NOT)

# %% [markdown]
# Now 16 × 16 threads make 128 × 128 elements, in steps of 8 along k. Both tiles have k first, so
# `tile_a` is transposed. A **local array** belongs to one thread, and becomes registers if the
# compiler knows all of its indices.
#
# ### Your turn
# For each k, load eight numbers of each tile, once: into `column[i]` the one of `tile_a` for row
# `y + 16 * i`, and into `row[i]` the one of `tile_b` for column `x + 16 * i`. Then add the 64
# products of `column[i]` and `row[j]` to `sums`. (6 lines; no guards, because the tiles divide all
# sizes)

# %% tags=["read"]
SIDE, DEPTH, EACH = 128, 8, 8
APART = SIDE // EACH  # 16 threads along each side, and a thread's elements lie 16 apart


@cuda.jit
def square_tile(a, b, c):
    tile_a = cuda.shared.array((DEPTH, SIDE), cuda.float32)
    tile_b = cuda.shared.array((DEPTH, SIDE), cuda.float32)
    column, row = cuda.local.array(EACH, cuda.float32), cuda.local.array(EACH, cuda.float32)
    sums = cuda.local.array((EACH, EACH), cuda.float32)
    for i in range(EACH):
        for j in range(EACH):
            sums[i, j] = 0
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * SIDE, cuda.blockIdx.y * SIDE
    for first in range(0, a.shape[1], DEPTH):
        for n in range(APART * y + x, DEPTH * SIDE, APART * APART):
            tile_a[n % DEPTH, n // DEPTH] = a[top + n // DEPTH, first + n % DEPTH]
            tile_b[n // SIDE, n % SIDE] = b[first + n // SIDE, left + n % SIDE]
        cuda.syncthreads()
        for k in range(DEPTH):
            ### BEGIN SOLUTION
            for i in range(EACH):
                column[i] = tile_a[k, y + APART * i]
                row[i] = tile_b[k, x + APART * i]
            for i in range(EACH):
                for j in range(EACH):
                    sums[i, j] += column[i] * row[j]
            ### END SOLUTION
        cuda.syncthreads()
    for i in range(EACH):
        for j in range(EACH):
            c[top + y + APART * i, left + x + APART * j] = sums[i, j]


square_tile = lk.your_turn("08.t3", square_tile)

# %% tags=["collapsed"]
LAUNCHES["square tile"] = square_tile, (SIDE, SIDE), (APART, APART)
counts["square tile"] = count("square tile")
square_loads = loads_per_multiply_add(counts["square tile"])
lk.show(lk.Reading("square tile, loads for each multiply-add", square_loads, "1", of="simulated"))
show_issued("square_tile")
assert multiply_share("square_tile") > 0.7, "most of what the warps issue is a multiply-add"
gain = rate["2-D register tile"] / rate["1-D register tile"]
lk.show(
    "[published] No GPU has timed this kernel of ours. Of Boehm's, on the A6000:",
    lk.Reading("2-D over 1-D register tile", gain, "1", of=published),
    lk.Reading("2-D register tile over naive", rate["2-D register tile"] / rate["naive"], "1",
               of=published),
)  # fmt: skip

# %% [markdown]
# > **Takeaway.** Give each thread a square of sums in registers. With 8 × 8, a number that has been
# > loaded is used eight times, and most of what a warp issues is arithmetic.
#
# ## Rung 6: four numbers in one load
# One instruction can load 16 bytes for each lane: four floats side by side, if they begin at a
# multiple of 16. That's a [**vector
# load**](https://developer.nvidia.com/blog/cuda-pro-tip-increase-performance-with-vectorized-memory-access/).
# Your thread's numbers lie 16 apart. `vector_tile` is the same kernel with `8 * y + i` for
# `y + 16 * i`, and likewise for *x*, so that a thread's eight are neighbours.
#
# **Guess first.** For each k, `square_tile` needs 16 load instructions. How many does the compiler
# make for `vector_tile`? It's 4 if it always takes four numbers at once.

# %%
vector_guess = lk.predict("08.f", ...)


# %% tags=["collapsed"]
@cuda.jit
def vector_tile(a, b, c):
    tile_a = cuda.shared.array((DEPTH, SIDE), cuda.float32)
    tile_b = cuda.shared.array((DEPTH, SIDE), cuda.float32)
    column, row = cuda.local.array(EACH, cuda.float32), cuda.local.array(EACH, cuda.float32)
    sums = cuda.local.array((EACH, EACH), cuda.float32)
    for i in range(EACH):
        for j in range(EACH):
            sums[i, j] = 0
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * SIDE, cuda.blockIdx.y * SIDE
    for first in range(0, a.shape[1], DEPTH):
        for n in range(APART * y + x, DEPTH * SIDE, APART * APART):
            tile_a[n % DEPTH, n // DEPTH] = a[top + n // DEPTH, first + n % DEPTH]
            tile_b[n // SIDE, n % SIDE] = b[first + n // SIDE, left + n % SIDE]
        cuda.syncthreads()
        for k in range(DEPTH):
            for i in range(EACH):
                column[i] = tile_a[k, EACH * y + i]
                row[i] = tile_b[k, EACH * x + i]
            for i in range(EACH):
                for j in range(EACH):
                    sums[i, j] += column[i] * row[j]
        cuda.syncthreads()
    for i in range(EACH):
        for j in range(EACH):
            c[top + EACH * y + i, left + EACH * x + j] = sums[i, j]


LAUNCHES["vector tile"] = vector_tile, (SIDE, SIDE), (APART, APART)
count("vector tile")  # checks it
vector_guess.against(
    lk.Reading("vector tile, load instructions", issued("vector_tile")["shared_loads"], "1",
               "recorded", source=lk.recorded("kernel-registers").source)
)  # fmt: skip
show_issued("vector_tile")
h200_counts = next(
    row["nsight"] for row in lk.recorded("nvidia-h200-counters").rows
    if row["kernel"] == "tiled" and "lesson_08" in row["source"] and row["shapes"][0] == [N, N]
)  # fmt: skip
lk.show(
    f"[recorded] wavefronts of loads in tiled, which has vector loads, too, H200: "
    f"{h200_counts['shared_load_wavefronts']:,}; our executor takes each load by itself, and "
    f"counts {counts['tiled'].shared_loads.wavefronts:,}"
)
gain = rate["vectorised"] / rate["2-D register tile"]
lk.show(lk.Reading("vectorised over 2-D register tile, A6000", gain, "1", of=published))

# %% [markdown]
# Four of them are vector loads. (In CUDA C you ask for them by the type `float4`, also from global
# memory.) Now all rungs together:

# %% tags=["collapsed"]
chart = lk.draw.Chart(
    lk.draw.Axis("", names=list(counts), ordered=True),
    lk.draw.Axis("share of the naive kernel's", "%", lo=0.001, hi=1.5, log=True),
    title="The same product, five rungs",
)
lines = {
    "sectors of global loads": ([one.global_loads.sectors for one in counts.values()], False),
    "time, A6000": ([1 / rate[name] for name in rungs[:5]], True),
    "loads a multiply-add": ([loads_per_multiply_add(one) for one in counts.values()], False),
}
for name, (ys, is_published) in lines.items():  # a share of what was counted or quoted: modelled
    chart.line(range(5), [y / ys[0] for y in ys], name, origin="modelled", dash=is_published)
chart.picture("Sectors fall at the rungs 2, 3 and 5, loads at 4 and 5, and the time at each")

# %% tags=["collapsed"]
SHAPES = {"shared memory": (1, 1), "1-D register tile": (8, 1), "2-D register tile": (8, 8)}
each = {name: (r + s) / (r * s) for name, (r, s) in SHAPES.items()}  # loads a multiply-add
for before, after in itertools.pairwise(SHAPES):
    lk.show(
        f"[modelled] {after}: loads fall {each[before] / each[after]:.1f} times, and the published "
        f"time falls {rate[after] / rate[before]:.1f} times"
    )

# %% [markdown]
# The dashed line is Boehm's time. At the second rung it falls with the sectors, later on with the
# loads, but never by the same factor. At the fourth it fell by more than the loads did, so
# something else must have helped.
#
# > **Takeaway.** A counter can name a cause. It can't say that there's no other.
#
# ## At least how long?
# Each unit of a chip needs some time for what was counted, and the one that needs longest sets a
# lower bound. Here it is for Colab's T4 and matrices of 256 × 256 (3 µs of it are the launch):

# %% tags=["collapsed"]
N_BOUND = 256
bounded = {name: count(name, N_BOUND) for name in counts}
for name in ("naive", "coalesced", "tiled", "register tile"):
    lk.show(f"[modelled] {name}: {bounded[name].time_bound_s('t4').figure}")

# %% [markdown]
# The first two share a bound, and it's lower than that of `tiled`, because we assume that caches
# serve repeated loads for nothing. But a bound names the **bottleneck**: for `tiled`, it's shared
# memory. What is it for your square? (The executor counts local arrays as memory, so we ask just
# two units.)

# %% tags=["collapsed"]
t4_flop_per_s = lk.chip("t4").peak("fp32").value
sm_cycles_per_s = t4_flop_per_s / (2 * 64)  # of all multiprocessors together; each has 64 lanes
for name in ("tiled", "register tile", "square tile"):
    one = bounded[name]
    wavefronts = one.shared_loads.wavefronts + one.shared_stores.wavefronts
    for unit, time_s in (
        ("shared memory", wavefronts / sm_cycles_per_s),
        ("arithmetic", one.flop["float32"] / t4_flop_per_s),
    ):
        of = ("simulated", "published")
        lk.show(lk.Reading(f"{name}, {unit} alone, T4", time_s, "s", of=of))
    assert (wavefronts / sm_cycles_per_s > 2 * N_BOUND**3 / t4_flop_per_s) == (name[0] != "s")

# %% [markdown]
# Arithmetic has become the bottleneck. (With vector loads, shared memory would need even less.) How
# near do real kernels come to a GB10's peak?

# %% tags=["collapsed"]
gb10 = lk.published("sgemm-gb10")
on_gb10 = {row["kernel"]: row for row in gb10.rows}
peak = on_gb10["vectorised"]["fp32_peak_flop_per_s"]
for name in ("coalesced", "2-D register tile", "vectorised"):
    share = on_gb10[name]["flop_per_s"] / peak
    lk.show(lk.Reading(f"{name}, of the GB10's fp32 peak", share, "%", of=gb10))
share = on_gb10["vectorised"]["cublas_flop_per_s"] / peak
lk.show(lk.Reading("cuBLAS, of the GB10's fp32 peak", share, "%", of=gb10))

# %% [markdown]
# > **Takeaway.** A bound names the bottleneck. Relieve it, and look again. Once it's arithmetic,
# > all that's left is to waste less time.
#
# ## Fewer warps can be faster
# A multiprocessor hides waiting by switching between warps ([lesson 04](04_cpu_vs_gpu.ipynb)). It
# has room for so many, and [**occupancy**](https://modal.com/gpu-glossary/perf/occupancy) is the
# share that's filled. A block's threads, registers and shared memory limit it. For an A100:

# %% tags=["collapsed"]
BLOCKS = {"tiled": TILE * TILE, "register_tile": TILE * STEP, "square_tile": APART * APART}
for name, threads in BLOCKS.items():
    row = machine_code(name)
    fits = lk.occupancy(threads, row["registers"]["8.0"], row["shared_bytes"]["8.0"], "8.0")
    limit = " and ".join(fits.limited_by)
    lk.show(
        f"[modelled] {name}, {row['registers']['8.0']} registers: occupancy {fits.occupancy:.0%}, "
        f"limited by {limit}"
    )

# %% [markdown]
# Is that a fault?
#
# **Guess first.** On the GB10, a thread of the 2-D register tile takes 128 registers, and a block
# has 256 threads. A multiprocessor has room for 48 warps, and 65,536 registers. What's the
# occupancy?

# %%
occupancy_guess = lk.predict("08.g", ..., "%")

# %% tags=["collapsed"]
one_d, two_d = on_gb10["1-D register tile"], on_gb10["2-D register tile"]
modelled = lk.occupancy(256, two_d["registers"], 0, "12.0")
occupancy_guess.against(lk.Reading("2-D register tile", modelled.occupancy, "%", "modelled"))
lk.show(
    lk.Reading(
        "by Nsight Compute", two_d["occupancy_fraction"], "%", "published", source=gb10.source
    ),
    lk.Reading("2-D over 1-D", two_d["flop_per_s"] / one_d["flop_per_s"], "1", of="published"),
)

# %% [markdown]
# A third of all warps, and nearly twice the rate: while one sum of a thread waits, 63 others can go
# on. There's a limit, though. With steps of 8 along k instead of 16, and so twice as many barriers,
# the same tile was [no faster](https://github.com/BEEB0SS/kernel-ladder) than the 1-D one.
#
# > **Takeaway.** Occupancy is a means. Threads with many independent sums hide their waiting with
# > fewer warps.
#
# ## How large a tile?
# Suppose no cache helped. For each k, a block fetches 2 × tile numbers and does 2 × tile²
# operations with them. So its intensity ([lesson 02](02_roofline.ipynb)) is tile ÷ bytes of a
# number. We take tiles as deep as they're wide, and 30 registers plus 1.5 for each sum, which comes
# near what was published:


# %% tags=["collapsed"]
def registers_for(sums):
    return 30 + 3 * sums // 2


for row in (one_d, two_d):
    assumed, known = registers_for(row["sums"]), row["registers"]
    print(f"[modelled] {row['sums']:2} sums: {assumed} registers, {known} published")
    assert abs(assumed / known - 1) < 0.15

# %% [markdown]
# **Play.** At which tile does an A100 stop being memory-bound in fp32? How many elements must a
# thread make then, so that the block fits? Now switch to fp16, and so to tensor cores. Is any of
# the four tiles large enough?

# %% tags=["collapsed"]
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
    title = f"{threads:,} threads, {shared_bytes // 1024} KiB shared; {resident}"
    return lk.draw.roofline([roof], [dot], x=(1, 1000), y=(1e11, 2e15), title=title)


lk.Explorer(
    explore, tile=[32, 16, 64, 128], elements_a_thread=[1, 4, 16, 64], dtype=list(BYTES),
    chip=list(CAPABILITY),
)  # fmt: skip

# %% [markdown]
# Numbers of 16 bits halve the bytes. But the A100's tensor cores raise the peak sixteen times, so
# the ridge moves further right than the dot. This tile would just reach it:

# %% tags=["collapsed"]
for dtype, itemsize in BYTES.items():
    ridge = lk.roofline("a100-sxm-80", dtype).ridge_flop_per_byte
    side = lk.Reading(f"A100, {dtype}, side of that tile", ridge * itemsize, "1", of="published")
    lk.show(side)
assert ridge * itemsize > 128, "none of the explorer's tiles is large enough in fp16"

# %% [markdown]
# > **Takeaway.** Intensity grows with the side of the tile. The faster the arithmetic, the larger
# > the tile has to be, and threads, registers and shared memory limit it.
#
# ## Back to llamafile
# So what makes one kernel dozens of times faster than another? It fetches less often, from nearer,
# and with fewer other instructions. [December's
# rewrite](https://github.com/mozilla-ai/llamafile/pull/153) brought tiles to shared memory.
# [January's](https://github.com/mozilla-ai/llamafile/pull/205) gave each thread a rectangle of
# sums, with inner loops like those of your `square_tile`, and prompts were read about 1.5 times
# faster.
# [March's](https://github.com/mozilla-ai/llamafile/commit/cdc09c35f9dd0b1e2e1d94a0a2b90439f76801c8)
# also gave each *warp* a tile of its own, the chart's last rung below cuBLAS, and pictures took
# half the time. Even then cuBLAS, which also uses tensor cores, was faster on NVIDIA's chips.
#
# **Next**: the [exercises](../exercises/08_matmul_ladder.ipynb). [Lesson
# 09](09_tensor_cores_and_tiles.ipynb) begins where this ladder ends.
