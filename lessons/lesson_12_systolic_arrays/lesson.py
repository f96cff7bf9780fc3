# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 12 · Systolic arrays
# *How do 65,536 multipliers get fed in every cycle, and what leaves them idle?*
#
# **You will be able to** follow a number through a systolic array, predict cycles and utilisation
# of a layer, and say why a TPU wants large batches · **Needs** 02 · **Takes** {time} ·
# **Runs on** a CPU: nothing here is measured, everything is simulated or calculated

# %%
import math

import numpy as np

import labkit as lk

MatrixUnit = lk.systolic.MatrixUnit
rng = np.random.default_rng(10)

# %% [markdown]
# ## Sixteen cells
# A multiplication wants two numbers and a place for the sum. Reading all three from a memory, for
# each of thousands of multipliers in each cycle, is more than any memory can do. A **systolic
# array** reads a number once at its edge and then hands it from neighbour to neighbour.
#
# **Guess first.** An array of 4 × 4 cells multiplies a 6 × 4 matrix by 4 × 4 weights. That makes
# 96 multiplications, so 6 cycles if all 16 cells always worked. How many cycles does it take?

# %%
my_guess = ...
cycles_guess = lk.predict("12.a", my_guess)

# %%
a, w = rng.integers(-4, 9, (6, 4)), rng.integers(-4, 9, (4, 4))
small = MatrixUnit(4, 4)
run = small.run(a, w)
assert (run.result == a @ w).all()

cycles_guess.against(lk.Reading("6 × 4 times 4 × 4", run.count.cycles, "1", "simulated"))

# %% [markdown]
# **See it.** Cycle 9 of them. Go back to the first, play it, then follow one colour: one row of
# `a`.

# %%
player = lk.Player(lk.draw.systolic_frames(small.watch(a, w)), ms=900)
player

# %% [markdown]
# Read it: in each cell stands what it multiplied in this cycle and the sum that it hands down; the
# bars below count the cells that work. Look at the staircase in which the inputs arrive.
#
# ## The words
# - **Weight-stationary**: each cell keeps one weight; inputs move right, sums move down.
# - **Skew**: row *i* of the array gets its input *i* cycles later, so that it meets the sum that
#   comes down from the row above.
# - **Bubble**: a cell without anything to multiply, for one cycle.
# - **Utilisation**: useful multiplications ÷ (cells × cycles).
#
# No cell reads a memory. Each input is used by four cells, and each sum visits four.

# %%
lk.show(run.count)

# %% [markdown]
# ## Predict
# Three parts follow each other. **Load**: the weights move in, one row a cycle. **Stream**: the
# rows of `a` enter. **Drain**: the last row has to cross the array, down and to the right.


# %%
def one_tile_cycles(m, rows, columns):
    load = rows
    stream = m
    drain = rows + columns - 2
    return load + stream + drain


assert one_tile_cycles(6, 4, 4) == run.count.cycles

# %% [markdown]
# A matrix that is larger than the array is cut into **tiles**. The sums of tiles that lie below
# each other are added in **accumulators** under the array. Each cell has a second register, so the
# next tile's weights come in while it still works (**double buffering**). Then a tile costs only
# the longer of load and stream:
#
# $$\text{cycles} = \text{load} + (\text{tiles} - 1) \times \max(\text{stream}, \text{load}) +
# \text{stream} + \text{drain}$$
#
# `unit.count` is that formula, `unit.run` moves every register. Do they agree?

# %%
n_shapes, n_agree = 200, 0
for _ in range(n_shapes):
    m, k, n, rows, columns = (int(size) for size in rng.integers(1, 20, 5))
    unit = MatrixUnit(rows, columns)
    a, w = rng.integers(-128, 128, (m, k)), rng.integers(-128, 128, (k, n))
    simulated, formula = unit.run(a, w), unit.count(m=m, k=k, n=n)
    assert (simulated.result == a @ w).all()
    n_agree += simulated.count.cycles == formula.cycles
print(f"[simulated] {n_agree} of {n_shapes} shapes: as many cycles simulated as modelled")
assert n_agree == n_shapes

# %% [markdown]
# From here on the formula may speak for the array, and its numbers say *modelled*.
#
# ## One column too many
# **Guess first.** On an array of 128 × 128, a batch of 512 rows meets weights of 128 × 128, then
# weights of 129 × 129. How many times as long does the second take?

# %%
my_guess = ...
padding_guess = lk.predict("12.b", my_guess)

# %%
unit = MatrixUnit(128, 128)
fits, one_more = (unit.count(m=512, k=n, n=n) for n in (128, 129))
padding_guess.against(lk.Reading("129 against 128", one_more.cycles / fits.cycles, "1", "modelled"))
lk.show(one_more)

# %% [markdown]
# One row and one column more need four tiles, and three of them hold next to nothing: the rest is
# **padding**, zeros that are multiplied like anything else. In small, with a second tile of which
# only half is real (grey cells multiply padding):

# %%
a, w = rng.integers(-4, 9, (3, 6)), rng.integers(-4, 9, (6, 4))
player = lk.Player(lk.draw.systolic_frames(small.watch(a, w)), ms=900)
player

# %% [markdown]
# Look at three things: the weights of the second tile come in while the first still works; grey
# results wait for the second tile's share; and a gap of one cycle runs through the array, since
# three rows of input are over before four rows of weights are in.
#
# **Double buffering off.** Now tiles wait for each other.

# %%
for double_buffered in (True, False):
    unit = MatrixUnit(128, 128, double_buffered=double_buffered)
    count = unit.count(m=512, k=1024, n=1024)
    print(f"[modelled] double-buffered {double_buffered!s:5}: {count.cycles} cycles, "
          f"{count.utilisation:.0%} utilisation")  # fmt: skip

# %% [markdown]
# ## Google's array
# The first TPU (2015) has 256 × 256 of these cells at 700 MHz, for 8-bit integers.

# %%
chip = lk.published("tpu-v1-peak").rows[0]
tpu = MatrixUnit(256, 256)
assert tpu.rows * tpu.columns == chip["n_macs"]

peak_op_per_s = 2 * tpu.rows * tpu.columns * chip["clock_hz"]
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
# A real layer on it: 200 requests at once, 2048 inputs, 2048 outputs. All 65,536 cells move in each
# of the cycles, so this takes a moment.

# %%
a = rng.integers(-128, 128, (200, 2048), dtype=np.int8)
w = rng.integers(-128, 128, (2048, 2048), dtype=np.int8)
run = tpu.run(a, w)
assert (run.result == a.astype(float) @ w.astype(float)).all()  # exact below 2**53
lk.show(run.count)

# %% [markdown]
# Not bad. But this array got a new row of weights in every cycle, from nowhere. In the TPU they
# come from memory chips.
#
# **Guess first.** A tile is 256 × 256 bytes, the memory brings 34 GB/s, a cycle takes 1/700 MHz.
# How many *cycles* does one tile take to arrive?

# %%
my_guess = ...
load_guess = lk.predict("12.c", my_guess)

# %%
weight_bytes_per_s = lk.published("tpu-v1-ridge").rows[0]["bandwidth_bytes_per_s"]


def load_cycles(size):
    """Cycles that the TPU's memory takes for a tile of size × size bytes."""
    return max(size, math.ceil(size * size / weight_bytes_per_s * chip["clock_hz"]))


load_guess.against(lk.Reading("cycles for a tile", load_cycles(256), "1", "modelled"))
printed_ridge = lk.published("tpu-v1-ridge").rows[0]["ridge_mac_per_byte"]
assert abs(load_cycles(256) - printed_ridge) < 5

# %% [markdown]
# That number is the chip's **ridge point** (lesson 02): 1350 multiplications for each byte of
# weights. The array shows what it means. A tile is used once for each row of the batch, one row a
# cycle. **Below 1350 rows the next tile is not there in time**, and the cells wait.

# %%
starved = MatrixUnit(256, 256, load_cycles=load_cycles(256))
run = starved.run(a[:, :512], w[:512, :512])
assert run.count.cycles == starved.count(m=200, k=512, n=512).cycles  # the formula still holds
lk.show(starved.count(m=200, k=2048, n=2048))

# %% [markdown]
# ## Drag it
# **Guess** before you drag: which slider must move, and how far, until the array is 90 % used?

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


lk.Explorer(
    utilisation,
    batch=lk.draw.Slider(1, 8192, 200, log=True),
    width=(16, 4096, 2048),
    array=[256, 128, 64],
    memory=list(MEMORIES),
)

# %% [markdown]
# Read it: x is the batch, y the share of the peak. Look at the bend. It stands where the batch is
# as long as the load. Then try a width of 256 and one of 260.
#
# ## Six applications
# In 2017 Google published what the chip had reached in its data centres. The intensity of an
# application says how often a weight is used once it is there: the batch of our array.

# %%
published = lk.published("tpu-v1-applications")
print("[modelled] by a formula (bound), and from published figures (the rest)")
print("         uses    bound  reached    waits   useful")
for row in published.rows:
    bound = min(1, row["intensity_mac_per_byte"] / load_cycles(256))
    reached = row["achieved_op_per_s"] / chip["peak_op_per_s"]
    waits = row["weight_stall_fraction"] + row["weight_shift_fraction"]
    useful = row["useful_mac_fraction"] / row["array_active_fraction"]
    print(f"{row['app']:5} {row['intensity_mac_per_byte']:7} {bound:8.0%} {reached:8.0%} "
          f"{waits:8.0%} {useful:8.0%}")  # fmt: skip
    assert reached < bound

# %% [markdown]
# *uses*: how often a weight is used · *bound*: what its way allows, of 92 TOP/s · *reached*: the
# rate · *waits*: cycles spent on weights · *useful*: cells that multiply no padding, of those at
# work.

# %%
reuse = np.geomspace(10, 10_000, 60)
chart = lk.draw.Chart(
    lk.draw.Axis("times that a weight is used", lo=10, hi=10_000, log=True),
    lk.draw.Axis("share of 92 TOP/s", "%", lo=0.01, hi=1.5, log=True),
    title="What the weights' way allows, and what was reached (Jouppi et al. 2017)",
)
chart.line(reuse, [min(1, x / load_cycles(256)) for x in reuse], "bound", origin="modelled")
for row in published.rows:
    reached = row["achieved_op_per_s"] / chip["peak_op_per_s"]
    chart.mark(row["intensity_mac_per_byte"], reached, "modelled", row["app"])
chart.picture("TPU v1: four of six applications lie on the slope, where weights arrive too slowly")

# %% [markdown]
# It is the roofline of lesson 02, now with its reason.
#
# **Why the gap.** Four of six use a weight too rarely: they wait for memory, and no faster array
# would help them. CNN0 uses each often enough. So does CNN1 on average, but four of its layers are
# fully connected and use a weight 32 times only. And LSTM1 and CNN1 do not fill the tiles: four in
# ten of LSTM1's busy cells, and half of CNN1's, multiply zeros. (The counters behind the last two
# columns and the rates do not agree exactly; the paper says so.)
#
# ## Seven milliseconds
# So take a batch of 1350? A user waits meanwhile: requests must be collected, and answers come
# together. MLP0's limit was 7 ms for 99 of 100 requests.
#
# **Guess first.** A batch of 250 took 10 ms, so 200 was as large as was allowed. What share of the
# throughput at 250 was left at 200?

# %%
my_guess = ...
share_guess = lk.predict("12.d", my_guess, "%")

# %% [markdown]
# The array's own time for five layers of 2000 × 2000, a stand-in for MLP0:


# %%
def layers_s(batch):
    return 5 * starved.count(m=batch, k=2000, n=2000).cycles / chip["clock_hz"]


for batch in (1, 50, 200, 250, 1350, 2700):
    time_s = layers_s(batch)
    print(f"[modelled] batch {batch:4}: {time_s * 1e3:.2f} ms, {batch / time_s:7.0f} requests/s")
assert layers_s(1350) < 1.02 * layers_s(1) < layers_s(2700)

# %% [markdown]
# Up to the ridge a batch takes the same time, however large: the time of fetching the weights. So
# throughput is **proportional to the batch**, and the answer needs no array at all:

# %%
latency = lk.published("tpu-v1-latency")
at_200, at_250 = (row for row in latency.rows if row["platform"] == "TPU")
modelled_share = at_200["batch"] / at_250["batch"]
printed_share = at_200["inferences_per_s"] / at_250["inferences_per_s"]
assert abs(modelled_share - printed_share) < 0.01

share_guess.against(lk.Reading("batch 200 against 250", modelled_share, "%", "modelled"))
for row in latency.rows:
    print(f"[published] {row['platform']:13} batch {row['batch']:3}: {row['p99_s'] * 1e3:4.1f} ms, "
          f"{row['inferences_per_s']:6} requests/s")  # fmt: skip

# %% [markdown]
# Did you notice that the cell before last promised more than was published? At a batch of 200:

# %%
array_only = at_200["batch"] / layers_s(at_200["batch"])
lk.show(
    lk.Reading("our array alone", array_only, "requests/s", "modelled"),
    lk.Reading("published over modelled", at_200["inferences_per_s"] / array_only, "%",
               of=(latency, "modelled")),
)  # fmt: skip

# %% [markdown]
# The published rate is that of a whole server. Between two batches inputs have to come over PCIe,
# results have to go back, and activations are computed outside of the array. Our formula has none
# of that, and five equal layers are only a stand-in for MLP0. So a model of one part bounds the
# whole from above; it doesn't predict it.
#
# The array needs well under a millisecond of the seven; the rest is the host, the queue and the
# wait for a full batch. The limit on latency, not the array, sets the batch, and the batch sets
# the utilisation.
#
# ## A larger array?
# The paper asked it of a 600 × 600 matrix. Four times the cells need fewer tiles, but each tile
# brings four times the bytes:

# %%
for row in lk.published("tpu-v1-array-size").rows:
    size = row["array_size"]
    tiles = MatrixUnit(size, size).count(m=200, k=600, n=600).n_tiles
    time_s = tiles * load_cycles(size) / chip["clock_hz"]
    print(f"[modelled] {size} × {size}: {tiles} tiles, {time_s * 1e6:.1f} µs, "
          f"{row['time_s'] * 1e6:.0f} µs published")  # fmt: skip
    assert tiles == row["n_steps"]
    assert abs(time_s / row["time_s"] - 1) < 0.05

# %% [markdown]
# Slower by nearly a factor of two: of the larger tiles more is padding, and padding is fetched too.
#
# ## What else could stand still
# Let the *sums* stay in the cells, and both inputs and weights stream: **output-stationary**. A
# finished sum then walks down and out.

# %%
a, w = rng.integers(-4, 9, (4, 6)), rng.integers(-4, 9, (6, 4))
outputs = MatrixUnit(4, 4, stationary="outputs")
player = lk.Player(lk.draw.systolic_frames(outputs.watch(a, w)), ms=900)
player

# %% [markdown]
# **Guess** which of the two takes more cycles, and which moves more numbers over its edges.

# %%
for m, k, n in ((200, 2048, 2048), (2048, 2048, 2048), (4096, 256, 256)):
    print(f"[modelled] {m} × {k} × {n}")
    for stationary in ("weights", "outputs"):
        count = MatrixUnit(256, 256, stationary).count(m=m, k=k, n=n)
        print(f"  {stationary} stay: {count.cycles:6} cycles, {count.weight_words / 1e6:5.1f} M "
              f"weights, {count.sum_words / 1e6:4.1f} M sums")  # fmt: skip

# %% [markdown]
# Cycles hardly differ: the formula is the same, with `k` streaming in place of `m`. The traffic
# does. What stands still is read once; what streams is read again for each tile. The TPU's weights
# come from slow memory and its sums stay on the chip, so it keeps the weights still.
#
# ## What you now know
# - **Follow** a number: inputs go right, sums go down, skewed so that they meet: the first player.
# - **Predict** cycles: load + tiles × max(stream, load) + drain, equal to the simulation in all
#   shapes tried; one column too many costs whole tiles of padding.
# - **Say why** a TPU wants large batches: a tile's load takes as long as streaming 1350 rows, and
#   four of six applications had far fewer.

# %%
lk.show(lk.Reading("rows of a batch that hide one load", load_cycles(256), "1", "modelled"))

# %% [markdown]
# **Next**: the exercises, in which you write the clock of an array; then `13_xla_and_pallas`.
# Sources: Jouppi et al., *In-Datacenter Performance Analysis of a Tensor Processing Unit*, arXiv
# 1704.04760; Kung, *Why Systolic Architectures?*, Computer 15(1), 1982.
