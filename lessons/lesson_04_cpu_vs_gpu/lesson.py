# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 · CPU against GPU
# In 2019 Roblox, a platform for games, began to classify texts with BERT, a language model.
# Training it was about ten times faster on a GPU than on a CPU. For answers in less than 20 ms it
# was the other way round: a CPU for the same money answered about five times as many requests as
# the GPU. So they trained on GPUs and put CPUs to work on more than a billion requests a day ([Le
# and Kaehler
# 2021](https://www.databricks.com/session_na21/how-we-scaled-bert-to-serve-1-billion-daily-requests-on-cpu)).
#
# **The question of this lesson**: when does a GPU lose, and what in the machine is to blame?
#
# *{time} Needs lessons [02](02_roofline.ipynb) and [03](03_cpu_parallelism.ipynb). A GPU is
# measured where there is one, and recorded or modelled elsewhere.*

# %%
import math

import numpy as np
import torch
from numba import njit

import labkit as lk

torch.set_num_threads(1)  # one core: on a busy machine waiting threads would spoil the times
CPU = torch.device("cpu")
GPU = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None

# %% [markdown]
# ## Two ways to wait
# It takes a tenth of a microsecond or more until a number from memory arrives. A processor could do
# hundreds of steps in that time. What should it do meanwhile? Chips give two answers. Here is the
# first:

# %% tags=["collapsed"]
lk.draw.machine("epyc-9654", highlight="cores")

# %% [markdown]
# A CPU tries not to wait. Large **caches** keep what may be needed again. **Branch prediction**
# guesses which way an `if` will go, so that work can start early. **Out-of-order execution** looks
# hundreds of instructions ahead for something that doesn't depend on the missing number. All this
# takes more of a core than its arithmetic does, and it's there to finish *one* sequence of
# instructions as soon as possible.
#
# You can watch it at work. In `where` each number is the place of the next one, all over 64 MiB,
# and we follow such a chain. No step can begin before the last one has ended. Then we follow
# several chains in one loop.


# %%
@njit
def follow(where, places, n_steps):
    for _ in range(n_steps):
        for k in range(places.size):  # one step of each chain
            places[k] = where[places[k]]


STEPS, LINE = 2**15, 16  # steps of each chain; 16 numbers of 4 bytes fill a cache line
order = np.random.default_rng(0).permutation(2**20).astype(np.int32) * LINE
where = np.zeros(order.size * LINE, np.int32)
where[order] = np.roll(order, -1)  # one round trip through all lines

# %% [markdown]
# **Guess first.** One thread follows eight chains. How many times longer does that take than one
# chain? It would be 8 if the core waited for each number in turn, and 1 if it waited for all eight
# at once.

# %%
chains_guess = lk.predict("04.a", ...)

# %%
CHAINS = (1, 2, 4, 8, 16)
chains = lk.times_in_turns(
    lambda n: follow(where, order[:: order.size // n][:n].copy(), STEPS), CHAINS, max_time_s=2
)
longer = chains.speedup(1, over=8, name="eight chains over one")
chains_guess.against(longer)
latency = lk.Reading("a step, with one chain", chains.medians_s[1] / STEPS, "s", of=chains)
step_of_8 = lk.Reading("a step, with eight", chains.medians_s[8] / (8 * STEPS), "s", of=chains)
lk.show(latency, step_of_8)

# %% tags=["collapsed"]
lk.expect(
    longer, None, 5,
    inside="The core had several numbers under way at once, and found the next ones to ask for by "
    "itself: that's out-of-order execution.",
    above="The core hardly overlapped the waiting. Perhaps it's a simple one that works in order, "
    "or other programs disturbed the run.",
)  # fmt: skip

# %% [markdown]
# > **Takeaway.** A CPU makes one thread fast. It spends most of each core on caches, guesses and
# > looking ahead, so that the thread seldom has to wait.
#
# ## The other way
# A GPU doesn't mind waiting, as long as somebody else can work. Its cores, called **streaming
# multiprocessors** (SMs), spend their area on arithmetic and on registers, which keep the variables
# of very many threads at hand. A **warp** of 32 threads that waits for memory steps aside, and
# another one goes on in the next cycle. Nothing is saved or loaded, because everybody's variables
# stay in the registers.

# %% tags=["collapsed"]
lk.draw.machine("h100-sxm", highlight="registers")

# %% [markdown]
# How many warps does it take? Think of a café in which guests stay for half an hour. If two come in
# each minute, there are 60 inside. That's [Little's
# law](https://modal.com/gpu-glossary/perf/littles-law):
#
# $$\text{under way} = \text{latency} \times \text{throughput}$$
#
# Your CPU's core obeys it, too. With eight chains it finished a load in each of those short steps,
# so latency ÷ step is the number of loads that it kept under way.
#
# ### Your turn
# How many bytes must be under way to keep a memory busy that delivers `bytes_per_s`, each of them
# after `latency_s`? Share them out to `n_sms` SMs. If each warp has one load of `load_bytes` under
# way, how many warps does each SM need? Round up. (2 lines)


# %%
def warps_needed(latency_s, bytes_per_s, n_sms, load_bytes):
    """The warps that each SM needs, so that the memory never waits."""
    ### BEGIN SOLUTION
    under_way_bytes = latency_s * bytes_per_s
    return math.ceil(under_way_bytes / n_sms / load_bytes)
    ### END SOLUTION


warps_needed = lk.your_turn("04.t1", warps_needed)

# %% [markdown]
# Now for an H100. [Luo et al.](https://arxiv.org/abs/2402.13499) measured how long a load from its
# memory takes, on the PCIe card, which runs at [up to 1.755
# GHz](https://chipsandcheese.com/p/nvidias-h100-funny-l2-and-tons-of-bandwidth). An SM has room for
# 64 warps. If each of the 32 threads loads a number of 4 bytes, how many of them must be there?

# %%
h100 = lk.chip("h100-sxm").figures
latency_s = h100["memory_cycles"].value / 1.755e9
bandwidth, n_sms = h100["mem_bw_gbs"].value, h100["multiprocessors"].value
lk.show(
    (latency / step_of_8).named("loads under way in one core of yours"),
    lk.Reading("latency of an H100's memory", latency_s, "s", of="published"),
    lk.Reading("bytes under way in an H100", latency_s * bandwidth, "B", of="published"),
    *(
        lk.Reading(f"warps an SM, {size} bytes a thread", warps, "1", of="published")
        for size in (4, 16)
        for warps in [warps_needed(latency_s, bandwidth, n_sms, 32 * size)]
    ),
)

# %% tags=["collapsed"]
warps = range(1, 65)
chart = lk.draw.Chart(
    lk.draw.Axis("warps in an SM, with one load under way each", "1", 0, 64),
    lk.draw.Axis("bandwidth", "B/s", 0, 4e12),
    title="What Little's law allows an H100",
)
for size in (16, 4):
    reached = [min(bandwidth, n * n_sms * 32 * size / latency_s) for n in warps]
    chart.line(list(warps), reached, f"{size} bytes a thread", origin="modelled")
assert warps_needed(700 / 1.98e9, bandwidth, n_sms, 32 * 4) > 64  # the text says so
chart.picture("Bandwidth of an H100 by the number of warps in each multiprocessor")

# %% [markdown]
# With 4 bytes a thread it takes nearly all the warps that an SM can hold, or a quarter of them if
# each thread loads 16 bytes at once. Both are lower limits: a load takes longer when the memory is
# busy, and [others measured](https://github.com/markdewing/AI_kernels/tree/main/latency) 700 cycles
# on an H100 SXM, the card that we reckon with. Then even 64 warps are too few for 4 bytes a thread.
# And a task too small for so many warps leaves the machine idle.
#
# > **Takeaway.** A GPU makes many threads fast. It hides each wait behind other warps, so it needs
# > thousands of loads under way, and one thread on it is slow.
#
# ## One request, and sixty-four
# Now a task from real life. We take one matrix of Llama-2-7B, a language model, and multiply it
# with one **request**, a row of 4,096 numbers. Requests that come together can go through together,
# as the rows of one matrix: a **batch**.
#
# Two numbers matter now. **Latency** is how long one request waits for its answer. **Throughput**
# is how many are answered in a second. All requests of a batch wait for the whole batch, and the
# next one begins when it's done, so throughput = batch ÷ latency.

# %% tags=["collapsed"]
h200_runs, h100_runs = lk.recorded("nvidia-h200-batches"), lk.recorded("vidur-h100-mlp")
h200_s = {row["n_rows"]: row["time_s"] for row in h200_runs.rows}
N_INNER, N_COLUMNS = h200_runs.rows[0]["n_inner"], h200_runs.rows[0]["n_columns"]
n_weights = N_INNER * N_COLUMNS  # "gate" and "up" side by side; attention and "down" come on top
in_layer = n_weights / (4 * N_INNER**2 + 3 * n_weights / 2)
lk.show(lk.Reading("this matrix, share of a layer's weights", in_layer, "%", "modelled"))
BATCHES = (1, 4, 16, 64)
DTYPES = {CPU: torch.float32, GPU: torch.bfloat16}  # few CPUs are fast in 16 bits
weights = {CPU: torch.randn(N_INNER, N_COLUMNS)}
if GPU:
    weights[GPU] = weights[CPU].to(GPU, DTYPES[GPU])


def layer_time(batch, device):
    """The Timing of one batch through the matrix, all data already on the device."""
    x = torch.randn(batch, N_INNER, device=device, dtype=DTYPES[device])
    with torch.inference_mode():
        return lk.bench(
            torch.matmul, x, weights[device], name=f"batch {batch}", max_time_s=1, min_time_s=0.1,
            min_samples=7,
        )  # fmt: skip


# %% [markdown]
# **Guess first.** How many times longer than one request do sixteen take on one core of this
# machine? And sixty-four on an H200? It would be 16 and 64 if the requests went through one after
# the other. It would be 1 if they all came for free, because the weights have to be fetched anyway
# ([lesson 02](02_roofline.ipynb)).

# %%
cpu_guess = lk.predict("04.b", ...)
gpu_guess = lk.predict("04.c", ...)

# %%
on_cpu = {batch: layer_time(batch, CPU) for batch in BATCHES}
on_gpu = {batch: layer_time(batch, GPU) for batch in BATCHES} if GPU else {}
on_16 = (on_cpu[16].time() / on_cpu[1].time()).named("16 over 1, CPU")
cpu_guess.against(on_16)
gpu_guess.against(lk.Reading("64 over 1, H200", h200_s[64] / h200_s[1], "1", of=h200_runs))

# %% tags=["collapsed"]
lk.expect(
    on_16, 2, 16,
    below="Here even one core has arithmetic to spare for sixteen requests.",
    inside="On the CPU the batch costs something early. Don't read its ridge point from that: a "
    "library has other code for matrices of few rows, which often reaches neither limit.",
    above="Sixteen at once took longer than one after the other would: probably another program "
    "had this core meanwhile.",
)  # fmt: skip


def layer_work(batch):
    return lk.workload.matmul(batch, N_COLUMNS, N_INNER, itemsize=2)


h200 = lk.roofline("h200-sxm", "bf16")
chart = lk.draw.Chart(
    lk.draw.Axis("batch", "1", 1, 4096, log=True),
    lk.draw.Axis("latency", "s", log=True),
    title="One matrix, from one request to 4,096",
)
chart.line(
    list(h200_s), [h200.time_s(layer_work(b)) for b in h200_s], "H200 by its roofline",
    origin="modelled",
)  # fmt: skip
for batch, time_s in h200_s.items():
    chart.mark(batch, time_s, "recorded", "H200" if batch == 4 else "")
for name, timings in (("CPU, one core", on_cpu), ("GPU here", on_gpu)):
    for batch, timing in timings.items():
        chart.mark(batch, timing.median_s, "measured", name if batch == BATCHES[-1] else "")
chart.picture("Latency of one matrix by batch on this CPU and on an H200")

# %% [markdown]
# The GPU's line is flat for as long as weights are what it waits for, and it bends near its ridge
# point. On the flat part more requests are free: sixty-four times the throughput at the same
# latency. (A few percent up or down mean nothing: for each size the library may pick another
# kernel.) The roofline is the *least* time, by the data sheet. How close do real cards come, with
# our matrix, and with large square ones in four number formats?

# %% tags=["collapsed"]
for name, runs, chip in (("H200", h200_runs, "h200-sxm"), ("H100", h100_runs, "h100-sxm")):
    roof = lk.roofline(chip, "bf16")
    by_batch = {row["n_rows"]: row["time_s"] for row in runs.rows}
    for batch, time_s in by_batch.items():
        assert 1 < time_s / roof.time_s(layer_work(batch)) < 2.5, "no batch beats the data sheet"
    moved = layer_work(1).bytes / by_batch[1] / roof.peak_bytes_per_s
    done = layer_work(4096).flop / by_batch[4096] / roof.peak_flop_per_s
    lk.show(
        lk.Reading(f"{name}, batch 1, share of its bandwidth", moved, "%", of=(runs, roof)),
        lk.Reading(f"{name}, batch 4096, share of its peak", done, "%", of=(runs, roof)),
    )
    lk.show(lk.Reading(f"{name}, batch 1", by_batch[1], "s", "recorded", source=runs.source))

# %% tags=["collapsed"]
rates = lk.recorded("nvidia-h200-rates")
for row in rates.rows:
    peak = lk.chip("h200-sxm").peak(row["dtype"])
    share = row["flop"] / row["time_s"] / peak.value
    assert 0.5 < share < 1, "the product of large matrices comes near the data sheet, not above"
    lk.show(lk.Reading(f"H200, {row['dtype']}, share of its peak", share, "%", of=(rates, peak)))

# %% [markdown]
# > **Takeaway.** A GPU needs a batch. Until arithmetic becomes its limit, a larger one costs no
# > latency and multiplies the throughput.
#
# ## The road to the GPU
# So far everything lay on the GPU already. But requests come from the **host**, the computer that
# the GPU is in, over a link called PCIe. An H200's carries [64 GB/s each
# way](https://www.nvidia.com/en-us/data-center/h200/), and its own memory 4,800.
#
# **Guess first.** Our weights, 180 MB in 16 bits, come over this link. How many times longer does
# that take than the product with one request? Both have to touch each byte of the weights once.

# %%
road_guess = lk.predict("04.d", ...)

# %%
copied = lk.recorded("nvidia-h200-copies")
copies = {row["path"]: row["bytes"] / row["time_s"] for row in copied.rows}
for path, bytes_per_s in copies.items():
    lk.show(lk.Reading(f"copy {path}", bytes_per_s, "B/s", of=copied))
road_s = 2 * N_INNER * N_COLUMNS / copies["to the card, pinned"]
road_guess.against(lk.Reading("link over product", road_s / h200_s[1], "1", of=h200_runs))
pinned_gain = copies["to the card, pinned"] / copies["to the card, pageable"]
assert round(pinned_gain) == 8  # the text says so

# %% tags=["collapsed"]
links = {
    name: lk.chip(name).figures["interconnect_gbs"].value / 2  # the catalogue adds both directions
    for name in ("t4", "l4", "l40s")
}
for name, bytes_per_s in links.items():
    lk.show(lk.Reading(f"link of {name}, one way", bytes_per_s, "B/s", of="published"))
parcel, here_bytes_per_s = torch.zeros(2**24), None
if GPU:
    here_bytes_per_s = lk.bench(parcel.to, GPU).bytes_per_s(4 * parcel.numel()).value
note = None if GPU else "no GPU here"
lk.show(lk.Reading("host to GPU here, 64 MiB", here_bytes_per_s, "B/s", "measured", note=note))

# %% [markdown]
# So the weights stay on the GPU, and only requests and answers travel. (We'll need the links of the
# three smaller cards in a minute.) Look at the pageable copy, too. It's eight times slower, because
# its memory wasn't
# [**pinned**](https://developer.nvidia.com/blog/how-optimize-data-transfers-cuda-cc/). The
# operating system may move ordinary memory at any time, so the driver first copies it to a place
# that stays where it is.
#
# > **Takeaway.** What has to cross the link for each request decides. Send as little as possible,
# > from pinned memory.
#
# ## A command takes time, too
# The host also has to tell the GPU what to do. Each operation is a **launch**, which takes some
# microseconds, however small the work is. So a request costs launches, then the road, then the
# work itself.
#
# ### Your turn
# How long does a batch take from the host and back? There are `n_launches` of `launch_s` each, and
# `sent_bytes` over the link, one after the other. Then come `flop` operations and `moved_bytes` of
# the GPU's own memory, which overlap, as on the roofline. (2 lines)


# %%
def gpu_time_s(
    n_launches, launch_s, sent_bytes, link_bytes_per_s,
    flop, peak_flop_per_s, moved_bytes, peak_bytes_per_s,
):  # fmt: skip
    """Launches, then the road, then the roofline's time."""
    ### BEGIN SOLUTION
    work_s = max(flop / peak_flop_per_s, moved_bytes / peak_bytes_per_s)
    return n_launches * launch_s + sent_bytes / link_bytes_per_s + work_s
    ### END SOLUTION


gpu_time_s = lk.your_turn("04.t2", gpu_time_s)

# %% [markdown]
# We try it on a small network, such as one that steers a motor or ranks an advertisement, thousands
# of times smaller than our matrix. It takes five launches: copy in, three layers, copy out.
# For a GPU that isn't here we *assume* 10 µs for each. (You'll drag it.)

# %%
D, F, N_LAUNCHES = 64, 256, 5
small = torch.nn.Sequential(torch.nn.Linear(D, F), torch.nn.ReLU(), torch.nn.Linear(F, D))


def on_chip_s(batch, chip="t4", launch_s=10e-6):
    """Modelled time of a batch from the host and back, in s; all numbers are fp32."""
    work = lk.workload.matmul(batch, F, D, 4) + lk.workload.matmul(batch, D, F, 4)
    roof = lk.roofline(chip, "fp32")
    return gpu_time_s(
        N_LAUNCHES, launch_s, 4 * 2 * batch * D, links[chip],
        work.flop, roof.peak_flop_per_s, work.bytes, roof.peak_bytes_per_s,
    )  # fmt: skip


def answer_time(batch, device):
    """The Timing of a batch from the host and back to it: the same code for every device."""
    model, x = small.to(device), torch.randn(batch, D)
    with torch.inference_mode():
        return lk.bench(
            lambda: model(x.to(device)).cpu(), name=f"batch {batch}", max_time_s=1, min_time_s=0.1,
            min_samples=15,
        )  # fmt: skip


# %% [markdown]
# **Guess first.** From which batch on is a T4 faster than one core of this machine? With one
# request the T4 needs 50 µs for its launches alone. PyTorch, too, takes some microseconds for each
# layer on a CPU.

# %%
crossover_guess = lk.predict("04.e", ...)

# %%
SMALL_BATCHES = (1, 8, 64, 512, 4096)
cpu_s = {batch: answer_time(batch, CPU).median_s for batch in SMALL_BATCHES}
here_s = {batch: answer_time(batch, GPU).median_s for batch in SMALL_BATCHES} if GPU else {}
small.to(CPU)

batches = np.arange(1, max(SMALL_BATCHES) + 1)
cpu_between_s = np.interp(batches, list(cpu_s), list(cpu_s.values()))
losses = [b for b, time_s in zip(batches, cpu_between_s, strict=True) if on_chip_s(b) >= time_s]
from_batch = max(losses, default=0) + 1
wins = from_batch <= max(SMALL_BATCHES)
note = "between measured points on straight lines" if wins else "not up to batch 4096"
crossover = lk.Reading(
    "the T4 wins from batch", from_batch if wins else None, "1", of=("measured", "modelled"),
    note=note,
)  # fmt: skip
crossover_guess.against(crossover)

# %% tags=["collapsed"]
for name, times_s in (("this CPU", cpu_s), ("the GPU here", here_s)):
    for batch, time_s in times_s.items():
        lk.show(lk.Reading(f"batch {batch}, {name}", time_s, "s", "measured"))
lk.expect(
    crossover, 2, 4096,
    below="Here the modelled T4 wins even with a single request: this core is slow, or other "
    "programs had it, and a model is never disturbed.",
    inside="For one request alone this CPU answers first, and for many the GPU does.",
)  # fmt: skip

# %% [markdown]
# **Play.** What moves the crossing further, another chip or a cheaper launch?


# %%
def race(chip, launch):
    batches = [2 ** (k / 2) for k in range(25)]
    chart = lk.draw.Chart(
        lk.draw.Axis("batch", "1", 1, 4096, log=True),
        lk.draw.Axis("latency", "s", 1e-6, 0.1, log=True),
        title=f"A small network: this CPU against {chip}",
    )
    modelled = [on_chip_s(round(b), chip, launch) for b in batches]
    chart.line(batches, modelled, chip, origin="modelled")
    chart.line(list(cpu_s), list(cpu_s.values()), "this CPU", origin="measured")
    for batch, time_s in cpu_s.items():
        chart.mark(batch, time_s, "measured")
    for batch, time_s in here_s.items():
        chart.mark(batch, time_s, "measured", "GPU here" if batch == 1 else "")
    return chart.picture("Latency of a small network by batch, CPU and GPU")


lk.Explorer(
    race,
    chip=["t4", "l4", "l40s"],
    launch=lk.draw.Slider(1e-6, 1e-4, 1e-5, unit="s", log=True),
)

# %% [markdown]
# On the left the chip hardly matters: five launches are five launches. That's why people fuse many
# small operations into one, or record them once and launch them together ([CUDA
# graphs](https://developer.nvidia.com/blog/cuda-graphs/)).
#
# > **Takeaway.** GPU time = launches + road + work. Small work never earns the first two back.
#
# ## Seven milliseconds
# A larger batch is more throughput and a longer wait. How long may people wait? In 2017 Google
# published a limit for an application called MLP0: 99 of 100 answers within 7 ms
# ([Jouppi et al.](https://arxiv.org/abs/1704.04760), table 4). It compared a CPU, a GPU of the time
# (a K80) and its own chip.
#
# **Guess first.** Which share of its best throughput could the GPU keep under that limit? With all
# the time in the world it would be 100 %. The smaller its batches have to be, the less.

# %%
limit_guess = lk.predict("04.f", ..., "%")

# %% tags=["collapsed"]
table = lk.published("tpu-v1-latency")
print(f"[published] {table.source}")
for row in table.rows:
    share = row["inferences_per_s"] / row["maximum_inferences_per_s"]
    print(f"{row['platform']:14} batch {row['batch']:3}: p99 {row['p99_s'] * 1e3:4.1f} ms, "
          f"{row['inferences_per_s']:7,} inferences/s, {share:4.0%} of the best")  # fmt: skip
    assert abs(share - row["of_maximum_fraction"]) < 0.0051, "the printed share comes out"

gpu_row = next(row for row in table.rows if row["platform"].startswith("GPU"))
limit_guess.against(
    lk.Reading(
        "GPU under 7 ms, share of its best", gpu_row["of_maximum_fraction"], "%", "published",
        source=table.source,
    )
)  # fmt: skip

# %% [markdown]
# A batch of 16 still arrives in time (the CPU's row breaks the limit by 0.2 ms), and one of 64
# doesn't. Google's chip keeps more at a far larger batch. The paper's reason: it does one thing at
# a time, so its slowest run is hardly slower than the others.
#
# In **training** nobody waits for a single sample. Batches are large, and only throughput counts. A
# training step goes forward, then backward: once for the gradients of the weights, once for those
# of each layer's input. Our network has two matrices, and the first one's input needs no gradient,
# so that makes five products instead of two.

# %%
x = torch.randn(4096, D)


def forward():
    with torch.inference_mode():
        return small(x)


def step():
    small.zero_grad()
    small(x).square().mean().backward()


found = lk.compare(step, forward, max_time_s=3)
step_ratio = found.time_ratio("training step over forward pass")
lk.show(lk.Reading("training step over forward pass, by FLOP", 5 / 2, "1", "modelled"), step_ratio)

# %% tags=["collapsed"]
lk.expect(
    step_ratio, 2, None,
    below="Less than the products say, so the forward pass was disturbed here. Run it again.",
    inside="About what the products say, or more: activation, loss and bookkeeping take time, too, "
    "and hardly any FLOP.",
)  # fmt: skip
log = lk.recorded("nersc-sc24-epochs")
mean_rate = {}
for row in log.rows:
    later = row["epochs_samples_per_s"][1:]
    mean_rate[row["run"]] = sum(later) / len(later)
    lk.show(lk.Reading(f"A100, {row['run']}, mean", mean_rate[row["run"]], "samples/s", of=log))
assert mean_rate["8 loader workers"] < mean_rate["4 loader workers"], "more is not always more"
assert round(mean_rate["DALI, AMP fp16"] / mean_rate["DALI"]) == 4  # the text says so

# %% [markdown]
# The last lines are from a training run at NERSC. A throughput machine has to be *fed*, too. More
# processes to load the data help, up to a point; so does loading on the GPU itself (DALI). And with
# 16-bit numbers wherever they'll do (AMP) the same card does four times the work.
#
# > **Takeaway.** A deadline limits the batch, and the batch decides who wins. Training has no
# > deadline, so there the throughput machine does.
#
# ## Back to Roblox
# Now you can explain both of their numbers. Training takes large batches, so the GPU has warps
# enough to hide every wait, and all samples share one trip of the weights. That made it ten times
# faster. But each text that a player types is one request, with a deadline of 20 ms. If it goes
# through alone, there are few warps to hide the waiting, and launches and the road come on top. A
# CPU with tens of cores answers tens of such requests at once, each on a core that was built for
# one thread.
#
# By their own account, part of the factor of five came from tuning for the CPU, such as 8-bit
# weights. And where enough requests arrive at once to make a batch in time, the GPU wins again.
# Whoever serves large language models collects them, which is what [lesson 19](19_serving.ipynb) is
# about.
#
# **Next**: the [exercises](../exercises/04_cpu_vs_gpu.ipynb), then [first
# kernels](05_first_kernels.ipynb), inside the throughput machine.
