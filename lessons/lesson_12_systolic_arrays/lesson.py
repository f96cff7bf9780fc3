# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 12 · Systolic arrays
# In 2013 Google worked out that if people searched by voice for three minutes a day, its data
# centres would have to double. So it built a chip of its own, the first TPU, with 65,536
# multipliers, and had it running in 15 months. Some expected requests to come in batches large
# enough to keep them all busy; one of the chip's memories was sized for 2,048 at once. Then
# developers came who wanted answers within 7 ms. One of their networks, MLP0, had to make do with
# batches of 200, and its multipliers were at work in only 13 % of the cycles ([Jouppi et al.
# 2017](https://arxiv.org/abs/1704.04760)).
#
# **The question of this lesson**: how do you feed 65,536 multipliers in every cycle, and what
# leaves them idle all the same?
#
# You'll run such an array cycle by cycle, first a small one and then Google's. You don't need a
# TPU: everything is simulated or modelled, and held against what was published.
#
# *{time} Needs lesson [02](02_roofline.ipynb).*

# %%
import math

import numpy as np

import labkit as lk

MatrixUnit = lk.systolic.MatrixUnit
rng = np.random.default_rng(10)

# %% [markdown]
# ## Hand it to your neighbour
# A multiplier needs two numbers in each cycle, and a sum to add the product to. For 65,536 of them
# that would be some 200,000 reads a cycle, far beyond any memory. [H. T.
# Kung](https://doi.org/10.1109/MC.1982.1653825) and Charles Leiserson found a way out in 1978: put
# the multipliers into a grid, and let a number that was read once serve many of them. It enters at
# the edge and is handed from neighbour to neighbour, one step a cycle. That's a **systolic array**,
# named after the beat of the heart.
#
# In ours each **cell** keeps one weight, so it's called **weight-stationary**. First the weights
# move in from above, one row a cycle. Then the input `a` moves right, and the sums move down.
#
# **Guess first.** An array of 4 × 4 cells multiplies a 6 × 4 matrix by 4 × 4 weights. How many
# cycles does it take, loading the weights included? A single cell would need 96 cycles, and sixteen
# that are never idle would need 6.

# %%
cycles_guess = lk.predict("12.a", ...)

# %%
a, w = rng.integers(-4, 9, (6, 4)), rng.integers(-4, 9, (4, 4))
small = MatrixUnit(4, 4)
run = small.run(a, w)
assert (run.result == a @ w).all()
assert run.count.useful_macs == 96 == 6 * small.rows * small.columns
cycles_guess.against(lk.Reading("6 × 4 times 4 × 4", run.count.cycles, "1", "simulated"))

# %% [markdown]
# **Play.** Follow one colour, which is one row of `a`. A cell shows what it multiplies and the sum
# that it hands down; the bars count the cells at work. Why do the inputs arrive as a staircase?

# %%
lk.Player(lk.draw.systolic_frames(small.watch(a, w)), ms=900)

# %% [markdown]
# A sum needs one cycle for each row on its way down, so the inputs of the next row must come one
# cycle later to meet it. That delay is called **skew**. A cell that has nothing to multiply in a
# cycle is a **bubble**.
#
# ### Your turn
# How many cycles are there from the first weight to the last result? The weights move in, one row a
# cycle. Then the `m` rows of the input enter, one a cycle. When the last one has entered at the top
# left, it still has to reach the cell at the bottom right. Count the player's frames. (1 line)


# %%
def one_tile_cycles(m, rows, columns):
    """Cycles to load one tile of weights, stream m rows of input, and drain the array."""
    ### BEGIN SOLUTION
    load = rows
    stream = m
    drain = rows + columns - 2
    return load + stream + drain
    ### END SOLUTION


one_tile_cycles = lk.your_turn("12.t1", one_tile_cycles)

# %% tags=["collapsed"]
assert one_tile_cycles(6, 4, 4) == run.count.cycles
lk.show(run.count)

# %% [markdown]
# A **slot** is one cell for one cycle, and **utilisation** is the share of all slots that do a
# useful multiplication.
#
# > **Takeaway.** A number enters a systolic array at its edge and then serves a whole row of cells,
# > so only the edges have to be fed. The price is time, to load the weights, to fill and to drain.
#
# ## One column too many
# Weights that don't fit into the array are cut into **tiles** of its size, and the sums of several
# tiles are added up in **accumulators** below it. Each cell has a second register, so that the next
# tile's weights can come in while it still works with this one's. With this **double buffering** a
# tile takes only the longer of load and stream:
#
# $$\text{cycles} = \text{load} + (\text{tiles} - 1) \times \max(\text{stream}, \text{load}) +
# \text{stream} + \text{drain}$$
#
# `unit.count` is that formula, and `unit.run` moves every register. Do they agree?

# %% tags=["collapsed"]
n_shapes, n_agree = 200, 0
for _ in range(n_shapes):
    m, k, n, rows, columns = (int(size) for size in rng.integers(1, 20, 5))
    unit = MatrixUnit(rows, columns)
    a, w = rng.integers(-128, 128, (m, k)), rng.integers(-128, 128, (k, n))
    simulated, formula = unit.run(a, w), unit.count(m=m, k=k, n=n)
    assert (simulated.result == a @ w).all()
    n_agree += simulated.count.cycles == formula.cycles
lk.show(f"[simulated] {n_agree} of {n_shapes} shapes: as many cycles simulated as modelled")
assert n_agree == n_shapes

# %% [markdown]
# From here on the formula speaks for the array.
#
# **Guess first.** An array of 128 × 128 multiplies 512 rows by weights of 128 × 128, then by
# weights of 129 × 129. How many times as long does the second take? If only the multiplications
# counted, it would be 1.02.

# %%
padding_guess = lk.predict("12.b", ...)

# %%
unit = MatrixUnit(128, 128)
fits, one_more = (unit.count(m=512, k=n, n=n) for n in (128, 129))
assert abs(one_more.useful_macs / fits.useful_macs - 1.02) < 0.005
padding_guess.against(lk.Reading("129 against 128", one_more.cycles / fits.cycles, "1", "modelled"))
lk.show(one_more)

# %% [markdown]
# One more row and column make four tiles out of one, and three of them are nearly all **padding**,
# zeros that are multiplied like any other number.
#
# **Play.** Here's that in small: weights with six rows, on four rows of cells. Grey cells multiply
# padding, and grey results wait for the second tile. Find the gap of one cycle: three rows of input
# are over before four rows of weights are in.

# %%
a, w = rng.integers(-4, 9, (3, 6)), rng.integers(-4, 9, (6, 4))
lk.Player(lk.draw.systolic_frames(small.watch(a, w)), ms=900)

# %% [markdown]
# What is double buffering worth?

# %% tags=["collapsed"]
for double_buffered in (True, False):
    unit = MatrixUnit(128, 128, double_buffered=double_buffered)
    count = unit.count(m=512, k=1024, n=1024)
    lk.show(
        f"[modelled] {'with' if double_buffered else 'without'} double buffering: "
        f"{count.cycles:,} cycles, {count.utilisation:.0%} utilisation"
    )

# %% [markdown]
# > **Takeaway.** A layer that is one column too wide pays for a whole column of tiles, so choose
# > sizes that are multiples of the array's.
#
# ## Google's array
# The first TPU has 256 × 256 of these cells at 700 MHz, for 8-bit integers. They take a quarter of
# the chip, and control takes only 2 %.

# %% tags=["collapsed"]
lk.draw.machine("tpu-v1", highlight="mxu")

# %% tags=["collapsed"]
chip = lk.published("tpu-v1-peak").rows[0]
tpu = MatrixUnit(256, 256)
assert tpu.rows * tpu.columns == chip["n_macs"]
peak_op_per_s = 2 * tpu.rows * tpu.columns * chip["clock_hz"]
assert abs(peak_op_per_s / chip["peak_op_per_s"] - 1) < 0.006
lk.show(
    lk.Reading("two operations for each cell and cycle", peak_op_per_s, "OP/s", "modelled"),
    lk.Reading(
        "TPU v1 peak",
        chip["peak_op_per_s"],
        "OP/s",
        "published",
        source=lk.published("tpu-v1-peak").source,
    ),
)

# %% [markdown]
# Let's run a layer on it: 200 requests at once, 2,048 inputs, 2,048 outputs.

# %%
a = rng.integers(-128, 128, (200, 2048), dtype=np.int8)
w = rng.integers(-128, 128, (2048, 2048), dtype=np.int8)
run = tpu.run(a, w)
assert (run.result == a.astype(float) @ w.astype(float)).all()  # exact below 2**53
lk.show(run.count)

# %% [markdown]
# That's far better than 13 %. But these weights came out of nowhere, a row a cycle. The TPU's come
# from memory chips.
#
# **Guess first.** A tile is 256 × 256 bytes, the memory brings 34 GB/s, and the clock runs at
# 700 MHz. How many cycles does a tile take to arrive? (With one row a cycle it was 256.)

# %%
load_guess = lk.predict("12.c", ...)

# %% [markdown]
# ### Your turn
# Work it out for any array and memory. Weights go into the cells as they arrive, but never more
# than one row a cycle, so a tile takes at least `rows` cycles. Return a whole number. (2 lines)


# %%
def tile_load_cycles(rows, columns, itemsize, bytes_per_s, clock_hz):
    """Cycles until a tile of rows × columns weights, itemsize bytes each, is in the array."""
    ### BEGIN SOLUTION
    from_memory = math.ceil(rows * columns * itemsize / bytes_per_s * clock_hz)
    return max(rows, from_memory)
    ### END SOLUTION


tile_load_cycles = lk.your_turn("12.t2", tile_load_cycles)

# %%
ridge = lk.published("tpu-v1-ridge").rows[0]


def load_cycles(size):
    """Cycles that the first TPU's memory takes for a tile of size × size bytes."""
    bytes_per_s = ridge["bandwidth_bytes_per_s"]
    return int(tile_load_cycles(size, size, 1, bytes_per_s, chip["clock_hz"]))


load_guess.against(lk.Reading("cycles for a tile", load_cycles(256), "1", "modelled"))
assert abs(load_cycles(256) - ridge["ridge_mac_per_byte"]) < 5

# %% [markdown]
# That's the chip's **ridge point** ([lesson 02](02_roofline.ipynb)) in multiplications a byte, and
# the array shows what it means. A tile is used once for each row of the batch. With fewer rows than
# 1,350 the next tile isn't there in time, and the cells wait. With 200:

# %%
starved = MatrixUnit(256, 256, load_cycles=load_cycles(256))
count = starved.run(a[:, :512], w[:512, :512]).count
assert count.cycles == starved.count(m=200, k=512, n=512).cycles  # the formula still holds
lk.show(starved.count(m=200, k=2048, n=2048))

# %% [markdown]
# That's close to MLP0's 13 %.
#
# **Play.** Which slider has to move, and how far, until the array is 90 % used? Then try a width of
# 256, and one of 260.

# %% tags=["collapsed"]
MEMORIES = {"34 GB/s": load_cycles, "one row a cycle": lambda size: size}
BATCHES = np.unique(np.geomspace(1, 8192, 80).astype(int))


def utilisation(batch, width, array, memory):
    unit = MatrixUnit(array, array, load_cycles=MEMORIES[memory](array))
    shares = [unit.count(m=m, k=width, n=width).utilisation for m in BATCHES]
    count = unit.count(m=batch, k=width, n=width)
    words = (
        f"{count.utilisation:.0%} useful, {count.padding_fraction:.0%} padding, "
        f"{count.bubble_fraction:.0%} bubbles"
    )
    chart = lk.draw.Chart(
        lk.draw.Axis("batch", lo=1, hi=8192, log=True),
        lk.draw.Axis("utilisation", "%", lo=0, hi=1),
        title=f"{width} × {width} weights on {array} × {array} cells, {memory}",
    )
    chart.line(BATCHES, shares).mark(batch, count.utilisation, "modelled", words)
    return chart.picture(f"Utilisation against batch; at a batch of {batch} {words}")


assert starved.count(m=1235, k=2048, n=2048).utilisation < 0.9
assert starved.count(m=1245, k=2048, n=2048).utilisation > 0.9
lk.Explorer(
    utilisation,
    batch=lk.draw.Slider(1, 8192, 200, log=True),
    width=(16, 4096, 2048),
    array=[256, 128, 64],
    memory=list(MEMORIES),
)

# %% [markdown]
# It takes a batch of about 1,240, nearly the ridge point.
#
# > **Takeaway.** If a tile takes 1,350 cycles to arrive, it has to be used 1,350 times. The batch
# > decides how often it's used; with a smaller one the array waits.
#
# ## Six applications
# Google published what six applications got out of the chip. How often a weight is used takes the
# place of our batch.

# %% tags=["collapsed"]
applications = lk.published("tpu-v1-applications")
# Counters and rates come from different measurements, which don't agree exactly (table 3).
print("[modelled] by a formula (bound), and from published figures (the rest)")
print("         uses    bound  reached    waits   useful")
for row in applications.rows:
    bound = min(1, row["intensity_mac_per_byte"] / load_cycles(256))
    reached = row["achieved_op_per_s"] / chip["peak_op_per_s"]
    waits = row["weight_stall_fraction"] + row["weight_shift_fraction"]
    useful = row["useful_mac_fraction"] / row["array_active_fraction"]
    print(f"{row['app']:5} {row['intensity_mac_per_byte']:7,} {bound:8.0%} {reached:8.0%} "
          f"{waits:8.0%} {useful:8.0%}")  # fmt: skip
    assert reached < bound
by_app = {row["app"]: row for row in applications.rows}
assert sum(row["intensity_mac_per_byte"] < load_cycles(256) for row in applications.rows) == 4
for app, share in (("LSTM1", 0.6), ("CNN1", 0.5)):
    useful = by_app[app]["useful_mac_fraction"] / by_app[app]["array_active_fraction"]
    assert abs(useful - share) < 0.02

# %% [markdown]
# *uses*: of each weight · *bound*: share of the peak that the memory allows · *reached*: share that
# was measured · *waits*: cycles spent on weights · *useful*: busy cells that don't multiply padding

# %% tags=["collapsed"]
reuse = np.geomspace(10, 10_000, 60)
chart = lk.draw.Chart(
    lk.draw.Axis("times that a weight is used", lo=10, hi=10_000, log=True),
    lk.draw.Axis("share of 92 TOP/s", "%", lo=0.01, hi=1.5, log=True),
    title="What the memory allows, and what was reached (Jouppi et al. 2017)",
)
chart.line(reuse, [min(1, x / load_cycles(256)) for x in reuse], "bound", origin="modelled")
for row in applications.rows:
    reached = row["achieved_op_per_s"] / chip["peak_op_per_s"]
    chart.mark(row["intensity_mac_per_byte"], reached, "modelled", row["app"])
chart.picture("TPU v1: four of six applications lie on the slope, where weights arrive too slowly")

# %% [markdown]
# Four of the six use a weight too rarely, so they wait for memory. CNN0 uses each often enough. On
# average so does CNN1, but in four of its layers a weight is used only 32 times. And two of them
# don't fill their tiles: four in ten of LSTM1's busy cells multiply padding, and half of CNN1's.
#
# > **Takeaway.** What leaves an array idle is weights that come too slowly for the batch, and tiles
# > that are mostly padding.
#
# ## Seven milliseconds
# So why not take a batch of 1,350? Because somebody is waiting. MLP0 had to answer 99 of 100
# requests within 7 ms, and with batches of 250 it took 10 ms.
#
# **Guess first.** What share of the throughput at 250 was left at 200? It would be 100 % if a batch
# took time in proportion to its size.

# %%
share_guess = lk.predict("12.d", ..., "%")

# %% [markdown]
# Take five layers of 2,000 × 2,000 as a stand-in for MLP0. How long does the array need for them?


# %%
def layers_s(batch):
    return 5 * starved.count(m=batch, k=2000, n=2000).cycles / chip["clock_hz"]


for batch in (1, 50, 200, 250, 1350, 2700):
    time_s = layers_s(batch)
    lk.show(f"[modelled] batch {batch:,}: {time_s * 1e3:.2f} ms, {batch / time_s:,.0f} requests/s")
assert layers_s(1350) < 1.02 * layers_s(1) < layers_s(2700)

# %% [markdown]
# Up to the ridge point every batch takes the same time, that of fetching the weights. So throughput
# is proportional to the batch:

# %% tags=["collapsed"]
latency = lk.published("tpu-v1-latency")
at_200, at_250 = (row for row in latency.rows if row["platform"] == "TPU")
modelled_share = at_200["batch"] / at_250["batch"]
printed_share = at_200["inferences_per_s"] / at_250["inferences_per_s"]
assert abs(modelled_share - printed_share) < 0.01
share_guess.against(lk.Reading("batch 200 against 250", modelled_share, "%", "modelled"))

# %% tags=["collapsed"]
lk.show(
    *(
        f"[published] {row['platform']:13} batch {row['batch']:3}: {row['p99_s'] * 1e3:4.1f} ms, "
        f"{row['inferences_per_s']:7,} requests/s"
        for row in latency.rows
    )
)
print(f"({latency.source})")

# %% [markdown]
# The share comes out, because whatever takes the same time for every batch cancels. But look at the
# rates: for a batch of 200 our array promised far more. Where did the rest go?

# %% tags=["collapsed"]
array_only = at_200["batch"] / layers_s(at_200["batch"])
mlp0 = by_app["MLP0"]
whole_chip = array_only * (1 - mlp0["non_matrix_fraction"])
delivered = at_200["inferences_per_s"]
lk.show(
    lk.Reading("our array alone", array_only, "requests/s", "modelled"),
    lk.Reading(
        "with the chip's other cycles", whole_chip, "requests/s", of=(applications, "modelled")
    ),
    lk.Reading("delivered", delivered, "requests/s", "published", source=latency.source),
    lk.Reading(
        "share of what the chip could do", delivered / whole_chip, "%",
        of=(latency, applications, "modelled"),
    ),
)  # fmt: skip
assert 0.8 < delivered / whole_chip < 0.9
assert mlp0["non_matrix_fraction"] == 0.175
assert layers_s(200) < 1e-3

# %% [markdown]
# The chip's counters account for one part: in 17.5 % of MLP0's cycles (table 3) the array neither
# worked nor waited for weights. The other part is the server around the chip, which table 4
# includes. The array alone needs less than one of the 7 ms.
#
# > **Takeaway.** The deadline sets the batch, and the batch sets the utilisation. A model of one
# > part is an upper limit for the whole.
#
# ## What else could stand still
# Let the *sums* stay in the cells, and let inputs and weights stream past. That's called
# **output-stationary**.

# %% tags=["collapsed"]
a, w = rng.integers(-4, 9, (4, 6)), rng.integers(-4, 9, (6, 4))
outputs = MatrixUnit(4, 4, stationary="outputs")
lk.Player(lk.draw.systolic_frames(outputs.watch(a, w)), ms=900)

# %% [markdown]
# What stands still crosses the edge once. What streams has to come again for each tile:

# %% tags=["collapsed"]
for m, k, n in ((200, 2048, 2048), (2048, 2048, 2048), (4096, 256, 256)):
    for stationary in ("weights", "outputs"):
        count = MatrixUnit(256, 256, stationary).count(m=m, k=k, n=n)
        lk.show(
            f"[modelled] {m} × {k} × {n}, {stationary} stay: {count.cycles:,} cycles, "
            f"{count.weight_words / 1e6:.1f} M weights and {count.sum_words / 1e6:.1f} M sums "
            f"cross the edges"
        )

# %% [markdown]
# The TPU's weights come from slow memory and its sums never leave the chip, so its weights stay.
#
# > **Takeaway.** Let those numbers stand still that are the most expensive to fetch again.
#
# ## A larger array, or a newer one
# Would a larger array have helped? The paper puts a 600 × 600 matrix on 512 × 512 cells. Four times
# the cells need fewer tiles, of four times the bytes:

# %% tags=["collapsed"]
for row in lk.published("tpu-v1-array-size").rows:
    size = row["array_size"]
    tiles = MatrixUnit(size, size).count(m=200, k=600, n=600).n_tiles
    time_s = tiles * load_cycles(size) / chip["clock_hz"]
    lk.show(
        f"[modelled] {size} × {size}: {tiles} tiles, {time_s * 1e6:.1f} µs, and "
        f"{row['time_s'] * 1e6:.0f} µs were published"
    )
    assert tiles == row["n_steps"]
    assert abs(time_s / row["time_s"] - 1) < 0.05  # the larger takes nearly twice as long

# %% [markdown]
# It's slower by nearly a factor of two, because padding has to be fetched as well. Better memory
# would have helped, and later TPUs got it. Here's one of 2023:

# %% tags=["collapsed"]
lk.draw.machine("tpu-v5e", highlight="mxu")

# %% [markdown]
# It has [four arrays](https://docs.cloud.google.com/tpu/docs/v5e) of [128 × 128 cells at 1.5
# GHz](https://jax-ml.github.io/scaling-book/tpus/), which share the memory. A weight now has 16
# bits.
#
# **Guess first.** How many rows must a batch have now, so that a tile's load hides behind it? If
# only the memory had changed, it would be 1,350 ÷ 24, or 56.

# %%
rows_guess = lk.predict("12.e", ...)

# %%
v5e = lk.chip("tpu-v5e")
N_ARRAYS, SIDE, CLOCK_HZ = 4, 128, 1.5e9
v5e_load = int(tile_load_cycles(SIDE, SIDE, 2, v5e.bandwidth.value / N_ARRAYS, CLOCK_HZ))
v5e_peak = 2 * N_ARRAYS * SIDE**2 * CLOCK_HZ
assert abs(v5e_peak / v5e.peak("bf16").value - 1) < 0.005
lk.show(lk.Reading("peak of four arrays", v5e_peak, "FLOP/s", "modelled"), v5e.peak("bf16"))
rows_guess.against(lk.Reading("rows that hide a load", v5e_load, "1", "modelled"))

# %% tags=["collapsed"]
assert round(v5e.bandwidth.value / ridge["bandwidth_bytes_per_s"]) == 24
assert 2 < v5e_peak / chip["peak_op_per_s"] < 2.5
# Each of the four arrays of a v5e makes a quarter of the columns.
chart = lk.draw.Chart(
    lk.draw.Axis("batch", lo=1, hi=8192, log=True),
    lk.draw.Axis("utilisation", "%", lo=0, hi=1),
    title="2,048 × 2,048 weights on the first TPU and on a v5e",
)
for name, unit, n in (
    ("TPU v1", starved, 2048),
    ("TPU v5e", MatrixUnit(SIDE, SIDE, load_cycles=v5e_load), 2048 // N_ARRAYS),
):
    shares = [unit.count(m=m, k=2048, n=n).utilisation for m in BATCHES]
    chart.line(BATCHES, shares, name, origin="modelled")
chart.picture("Utilisation against batch: the newer chip's curve bends at a smaller batch")

# %% tags=["collapsed"]
on_small = MatrixUnit(SIDE, SIDE).count(m=SIDE, k=600, n=600)
on_large = MatrixUnit(256, 256).count(m=256, k=600, n=600)
for side, count in ((SIDE, on_small), (256, on_large)):
    real = count.useful_macs / count.busy_slots
    lk.show(lk.Reading(f"600 × 600 on {side} × {side}, not padding", real, "%", "modelled"))
for name in ("tpu-v5e", "tpu-v6e", "tpu-v7"):
    one = lk.chip(name)
    # 2 operations a weight and row, over 2 bytes a weight: a row more is an operation a byte more
    rows = one.peak("bf16").value / one.bandwidth.value
    lk.show(lk.Reading(f"rows that {name} needs", rows, "1", of=(one.peak("bf16"), one.bandwidth)))

# %% [markdown]
# The memory is 24 times as fast, but each weight is twice the bytes, and the chip multiplies more
# than twice as fast. (For the first chip with a graphics card's memory the paper gets 250, in
# section 7.) Small arrays also waste less on padding, though a later TPU, v6e, returned to [256 ×
# 256](https://docs.cloud.google.com/tpu/docs/v6e).
#
# > **Takeaway.** The batch that an array needs is the ridge point of its chip, in multiplications a
# > weight. Memory and arithmetic have both grown, and it's still hundreds of rows.
#
# ## Back to the three minutes
# Was the chip a failure, then, at 13 %? No: MLP0 still reached 12.3 trillion operations a second.

# %% tags=["collapsed"]
assert mlp0["achieved_op_per_s"] == 12.3e12  # as the text says
NAMES = {"Haswell": "CPU (Haswell)", "K80 die": "graphics chip (K80)"}
for row in lk.published("tpu-v1-ridge").rows[1:]:
    times = mlp0["achieved_op_per_s"] / row["peak_op_per_s"]
    lk.show(
        lk.Reading(
            f"MLP0 on the TPU over the peak of the {NAMES[row['chip']]}", times, "1",
            of=(applications, lk.published("tpu-v1-ridge")),
        )
    )  # fmt: skip

# %% [markdown]
# That's several times what the CPU or graphics chip in Google's servers could have done *at
# their best*, in floating point, in which they ran these networks. Multipliers that only talk to
# their neighbours are so cheap that most of them can wait.
#
# So how do you feed 65,536 of them? Only at the edges. And what leaves them idle? Tiles that come
# more slowly than the batch uses them, padding, and whatever happens around the array. In section 8
# the authors say how much it surprised them that developers asked for such quick answers.
#
# **Next**: in the [exercises](../exercises/12_systolic_arrays.ipynb) you'll write the clock of an
# array. [Lesson 13](13_xla_and_pallas.ipynb) shows how a program gets onto such a chip.
