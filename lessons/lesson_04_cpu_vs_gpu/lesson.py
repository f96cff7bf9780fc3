# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 · CPU against GPU
# *When does the faster machine lose?*
#
# **You will be able to** tell latency from throughput, predict the time of a batch, and find the
# batch from which a GPU wins · **Needs** 02, 03 · **Takes** {time} · **Runs on** a CPU; a GPU is
# measured where there is one, and recorded or modelled elsewhere

# %%
import numpy as np
import torch

import labkit as lk

torch.set_num_threads(1)  # one core: on a busy machine waiting threads would spoil the times
CPU = torch.device("cpu")
GPU = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
DTYPES = {CPU: torch.float32, GPU: torch.bfloat16}  # few CPUs are fast in 16 bits
print(f"[measured] GPU here: {GPU or 'none'}")

# %% [markdown]
# ## One request, and sixteen
# We take one matrix of Llama-2-7B, the one that begins a layer's MLP (its "gate" and "up" weights
# side by side). A **request** is one row of 4,096 numbers that goes through it. Requests that come
# together can go through together, as the rows of one matrix: a **batch**.

# %%
sweep = lk.recorded("vidur-h100-mlp")
N_INNER, N_COLUMNS = sweep.rows[0]["n_inner"], sweep.rows[0]["n_columns"]
# A layer has four square matrices for attention, these two, and one that leads back.
layer_weights = 4 * N_INNER**2 + 3 * N_INNER * N_COLUMNS // 2
n_million = N_INNER * N_COLUMNS / 1e6
print(f"[modelled] {n_million:.0f} million weights, of {layer_weights / 1e6:.0f} in a layer")
weights = {CPU: torch.randn(N_INNER, N_COLUMNS)}
if GPU:
    weights[GPU] = weights[CPU].to(GPU, DTYPES[GPU])


def layer_time(batch, device):
    """The Timing of one batch through the layer, all data already on the device."""
    x = torch.randn(batch, N_INNER, device=device, dtype=DTYPES[device])
    with torch.inference_mode():
        return lk.bench(
            torch.matmul, x, weights[device], name=f"batch {batch}", max_time_s=1, min_time_s=0.1,
            min_samples=7,
        )  # fmt: skip


# %% [markdown]
# **Guess first.** On one core of this machine: how many times longer than one request do 16 take?

# %%
my_guess = ...
cpu_guess = lk.predict("04.a", my_guess, "1")

# %% [markdown]
# And on an H100: how many times longer than one request do **64** take?

# %%
my_guess = ...
gpu_guess = lk.predict("04.b", my_guess, "1")

# %%
BATCHES = (1, 4, 16, 64)
on_cpu = {batch: layer_time(batch, CPU) for batch in BATCHES}
on_gpu = {batch: layer_time(batch, GPU) for batch in BATCHES} if GPU else {}
lk.show(*on_cpu.values())
for batch in BATCHES:
    here = lk.units.si(on_gpu[batch].median_s, "s") if GPU else "no GPU here"
    print(f"[measured] batch {batch} on the GPU here: {here}")
cpu_guess.against((on_cpu[16].time() / on_cpu[1].time()).named("16 over 1, CPU"))

# %%
h100_s = {row["n_rows"]: row["time_s"] for row in sweep.rows}
gpu_guess.against(
    lk.Reading("64 over 1, H100", h100_s[64] / h100_s[1], "1", of=sweep, note=sweep.source)
)

# %% [markdown]
# On the H100 sixty-three more requests come nearly for nothing. Both machines have to fetch all
# weights once, whatever the batch; the GPU then has arithmetic to spare.
#
# ## The words
# - **Latency**: how long *one* request waits for its answer, in s.
# - **Throughput**: how many are answered in a second, in 1/s.
#
# A batch answers all its requests at once: each waits for the whole batch, and
# throughput = batch ÷ latency.
#
# ## Predict
# The roofline of lesson 02 gives the least time of a batch: the longer one of moving and computing.
# The limits are those of the data sheet.

# %%
h100 = lk.roofline("h100-sxm", "bf16")


def layer_work(batch):
    return lk.workload.matmul(batch, N_COLUMNS, N_INNER, itemsize=2)


print("[modelled] but for the recorded times: the ratio and the rate are computed from them")
print(f"{'batch':>5} {'recorded':>9} {'modelled':>9} {'ratio':>6} {'requests/s':>12}")
for batch, time_s in h100_s.items():
    least_s = h100.time_s(layer_work(batch))
    print(f"{batch:5} {time_s * 1e6:6.0f} µs {least_s * 1e6:6.0f} µs {time_s / least_s:6.2f} "
          f"{batch / time_s:12,.0f}")  # fmt: skip
    assert 1 < time_s / least_s < 2.5, "no batch beats the data sheet"
print(f"({sweep.source}; data sheet: {h100.peak.figure.split(' (')[0]}, "
      f"{h100.bandwidth.figure.split(' (')[0]})")  # fmt: skip

# %%
reached = layer_work(4096).flop / h100_s[4096] / h100.peak_flop_per_s
moved = layer_work(1).bytes / h100_s[1] / h100.peak_bytes_per_s
lk.show(
    lk.Reading("H100 at batch 4096, share of its peak", reached, "%", of=(sweep, h100)),
    lk.Reading("H100 at batch 1, share of its bandwidth", moved, "%", of=(sweep, h100)),
)

# %%
chart = lk.draw.Chart(
    lk.draw.Axis("batch", "1", 1, 4096, log=True),
    lk.draw.Axis("latency", "s", log=True),
    title="One layer, from one request to 4,096",
)
chart.line(list(h100_s), [h100.time_s(layer_work(b)) for b in h100_s], "H100", origin="modelled")
for batch, time_s in h100_s.items():
    chart.mark(batch, time_s, "recorded", "H100" if batch == 4 else "")
for name, timings in (("CPU, one core", on_cpu), ("GPU here", on_gpu)):
    for batch, timing in timings.items():
        chart.mark(batch, timing.median_s, "measured", name if batch == BATCHES[-1] else "")
chart.picture("Latency of one layer by batch on this CPU and on an H100")

# %% [markdown]
# Read it: both axes are logarithmic. The GPU's line is flat as long as weights are what it waits
# for, up to a batch near its ridge point, and rises when arithmetic is the limit. The CPU's often
# rises almost from the start, and it would be wrong to read its ridge point from that. A library
# has other code for matrices of few rows, and that code often reaches neither the bandwidth nor the
# peak. So the early rise is probably the library's, not the arithmetic's.
#
# **Why the gap.** Between batch 128 and 256 the recorded time nearly doubles, then it stands still
# until 512. Tiles are the likely reason: the work is cut into pieces, and a few too many need
# a second round. The roofline knows nothing of tiles (lesson 08).
#
# ## The road to the GPU
# So far everything lay on the GPU already. It has to get there over a **link**. The catalogue gives
# both directions together; one way is half of it.

# %%
links = {}
for name in ("t4", "l4", "l40s", "h100-sxm"):
    figures = lk.chip(name).figures
    kind = figures["interconnect"].value
    links[name] = figures["interconnect_gbs"].value / 2
    lk.show(
        lk.Reading(
            f"{name}, one way",
            links[name],
            "B/s",
            of="published",
            note=f"{kind}, half of the sum",
        )
    )

# %% [markdown]
# PCIe leads to the host, NVLink to other GPUs. The host of an H100 is at the other end of a PCIe
# link as well: [its data sheet](https://www.nvidia.com/en-us/data-center/h100/) gives 128 GB/s for
# both directions together.

# %%
links["h100, PCIe 5.0"] = 128e9 / 2
lk.show(lk.Reading("h100, PCIe 5.0, one way", links["h100, PCIe 5.0"], "B/s", of="published"))

# %% [markdown]
# **Guess first.** Our weights, 180 MB in 16 bits, come over an H100's PCIe link. How many times
# longer is that than the product itself? As an anchor: an H100 reads its own memory about fifty
# times as fast as that link.

# %%
my_guess = ...
road_guess = lk.predict("04.c", my_guess, "1")

# %%
weight_bytes = 2 * N_INNER * N_COLUMNS
for name, bytes_per_s in links.items():
    road_s = weight_bytes / bytes_per_s
    lk.show(lk.Reading(f"weights over the link of {name}", road_s, "s", of="published"))
over_product = weight_bytes / links["h100, PCIe 5.0"] / h100_s[1]
road_guess.against(lk.Reading("link over product", over_product, "1", of=(sweep, "published")))

# %% [markdown]
# So weights stay on the GPU, and only requests and answers travel. A model that does not fit is
# another matter (lesson 16).
#
# What do *your* links do?

# %%
parcel = torch.zeros(2**24)
copied = None
if GPU:
    copied = lk.bench(parcel.to, GPU).bytes_per_s(4 * parcel.numel()).value
note = None if GPU else "no GPU here"
lk.show(lk.Reading("host to GPU, 64 MiB", copied, "B/s", "measured", note=note))

# %% [markdown]
# ## The order to begin
# Each operation on a GPU is an **order** from the host: a *launch* (lesson 01's second lie). It
# costs some microseconds, however small the work. Time the smallest work there is:

# %%
for name, device in (("CPU", CPU), ("GPU", GPU)):
    if device:
        one = torch.zeros(1, device=device)
        lk.show(lk.bench(one.add_, 1).time(f"smallest operation, {name}"))
    else:
        lk.show(lk.Reading(f"smallest operation, {name}", None, "s", "measured", note="not here"))

# %% [markdown]
# PyTorch itself needs microseconds, on the CPU too. For a GPU that is not here we **assume** 10 µs
# a launch. That is an assumption and no figure from a source: you will drag it.
#
# ## When the GPU loses
# A small network, such as one that steers a motor or ranks an advertisement, a thousand times
# smaller than our layer. The request starts on the host, and the answer is needed there.

# %%
D, F = 64, 256
small = torch.nn.Sequential(torch.nn.Linear(D, F), torch.nn.ReLU(), torch.nn.Linear(F, D))
SMALL_BATCHES = (1, 8, 64, 512, 4096)


def answer_time(batch, device):
    """The Timing of a batch from the host and back to it: the same code for every device."""
    model, x = small.to(device), torch.randn(batch, D)
    with torch.inference_mode():
        return lk.bench(
            lambda: model(x.to(device)).cpu(), name=f"batch {batch}", max_time_s=1, min_time_s=0.1,
            min_samples=15,
        )  # fmt: skip


# %% [markdown]
# **Predict** the GPU: launches + road + the longer one of moving and computing.

# %%
N_LAUNCHES = 5  # copy in, three layers, copy out


def gpu_time_s(batch, chip="t4", launch_s=10e-6):
    """Modelled time of a batch from the host and back, in s; all numbers are fp32."""
    work = lk.workload.matmul(batch, F, D, 4) + lk.workload.matmul(batch, D, F, 4)
    sent_bytes = 4 * 2 * batch * D
    roof = lk.roofline(chip, "fp32")
    return N_LAUNCHES * launch_s + sent_bytes / links[chip] + roof.time_s(work)


# %% [markdown]
# **Guess first.** From which batch on is a T4 faster than one core of this machine?

# %%
my_guess = ...
crossover_guess = lk.predict("04.d", my_guess, "1")

# %%
cpu_s = {batch: answer_time(batch, CPU).median_s for batch in SMALL_BATCHES}
here_s = {batch: answer_time(batch, GPU).median_s for batch in SMALL_BATCHES} if GPU else {}
small.to(CPU)
for batch in SMALL_BATCHES:
    measured = lk.units.si(here_s[batch], "s") if GPU else "none"
    print(f"[measured] batch {batch}: CPU {lk.units.si(cpu_s[batch], 's')}; "
          f"GPU here {measured}")  # fmt: skip
    lk.show(lk.Reading(f"batch {batch} on a T4", gpu_time_s(batch), "s", "modelled"))

# %%
batches = np.arange(1, max(SMALL_BATCHES) + 1)
cpu_between_s = np.interp(batches, list(cpu_s), list(cpu_s.values()))
wins = [b for b, time_s in zip(batches, cpu_between_s, strict=True) if gpu_time_s(b) < time_s]
note = "between measured points on straight lines" if wins else "not up to batch 4096"
crossover = lk.Reading(
    "the T4 wins from batch", min(wins, default=None), "1", of=("measured", "modelled"), note=note
)
crossover_guess.against(crossover)
lk.expect(
    crossover, 2, 4096,
    below="Here the modelled T4 wins even with a single request: this core is slow, or other "
    "programs had it, and a model is never disturbed.",
    inside="For one request alone this CPU answers first, and for many the GPU does.",
)  # fmt: skip

# %% [markdown]
# **Play.** What moves the crossing more: another chip, or a cheaper launch?


# %%
def race(chip, launch):
    batches = [2 ** (k / 2) for k in range(25)]
    chart = lk.draw.Chart(
        lk.draw.Axis("batch", "1", 1, 4096, log=True),
        lk.draw.Axis("latency", "s", 1e-6, 0.1, log=True),
        title=f"A small network: this CPU against {chip}",
    )
    modelled = [gpu_time_s(round(b), chip, launch) for b in batches]
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
# On the left the chip hardly matters: five launches are five launches. That is why many small
# operations are fused into one, or recorded once and launched together (CUDA graphs).
#
# On an undisturbed machine the CPU answers first when there is one request, and the GPU when there
# are thousands. That is what people mean by a *latency machine* and a *throughput machine*.
#
# ## Seven milliseconds
# A person waits for the answer, so there is a limit. In 2017 Google published one for an
# application that it calls MLP0: 99 of 100 answers had to be there within 7 ms. A larger batch
# gives more throughput and a longer wait.
#
# **Guess first.** Under that limit, which share of its best throughput did the GPU keep?

# %%
my_guess = ...
limit_guess = lk.predict("04.e", my_guess, "%")

# %%
table = lk.published("tpu-v1-latency")
print(table.source)
for row in table.rows:
    share = row["inferences_per_s"] / row["maximum_inferences_per_s"]
    print(f"[published] {row['platform']:14} batch {row['batch']:3}: "
          f"p99 {row['p99_s'] * 1e3:4.1f} ms, {row['inferences_per_s']:7,} inferences/s, "
          f"{share:4.0%} of the best")  # fmt: skip
    assert abs(share - row["of_maximum_fraction"]) < 0.0051, "the printed share comes out"

gpu_row = next(row for row in table.rows if row["platform"].startswith("GPU"))
limit_guess.against(
    lk.Reading(
        "GPU under 7 ms, share of its best", gpu_row["of_maximum_fraction"], "%", "published",
        source=table.source,
    )
)  # fmt: skip

# %% [markdown]
# Look closely: the CPU's row breaks the limit by 0.2 ms. The TPU keeps twice the GPU's share at a
# far larger batch. The paper's reason: it runs one thing at a time, so its slowest run is hardly
# slower than the others.
#
# ## Training has no deadline
# In training nobody waits for one sample, so batches are large and only throughput counts. A
# training step goes forward, then backward: once for the gradients of the weights, once for those
# of each layer's input. In a deep network that makes three forward passes. Ours has two layers, and
# the first one's input needs no gradient: five products instead of two.

# %%
BATCH = 4096
x = torch.randn(BATCH, D)


def forward():
    with torch.inference_mode():
        return small(x)


def step():
    small.zero_grad()
    small(x).square().mean().backward()


found = lk.compare(step, forward, max_time_s=3)
lk.show(
    lk.Reading("training step over forward pass", 5 / 2, "1", "modelled", note="by FLOP"),
    found.time_ratio("training step over forward pass"),
)

# %% [markdown]
# **Why the gap.** The ReLU, the loss and the bookkeeping of `autograd` cost time and hardly any
# FLOP.
#
# A throughput machine also has to be **fed**. One A100 at NERSC, one model, and what the loader
# and the number format made of it, from the second epoch on:

# %%
log = lk.recorded("nersc-sc24-epochs")
mean_rate = {}
for row in log.rows:
    later = row["epochs_samples_per_s"][1:]
    mean_rate[row["run"]] = sum(later) / len(later)
    lk.show(lk.Reading(f"{row['run']}, mean", mean_rate[row["run"]], "samples/s", of=log))
print(f"({log.source})")
assert mean_rate["8 loader workers"] < mean_rate["4 loader workers"], "more is not always more"

# %% [markdown]
# ## What you now know
# - **Latency or throughput**: on the H100 sixty-four requests take as long as one.
# - **Predict a batch**: launches + road + roofline; no recorded batch beat the last term.
# - **When the GPU loses**: few requests, small work, or weights on the road.

# %%
longer = h100_s[4096] / h100_s[1]
lk.show(
    lk.Reading("H100, batch 4096 over batch 1, latency", longer, "1", of=sweep),
    lk.Reading("H100, batch 4096 over batch 1, throughput", 4096 / longer, "1", of=sweep),
)

# %% [markdown]
# **Next**: the exercises; then `05_first_kernels`, inside the throughput machine.
# Sources: Agrawal et al., *Vidur* (MLSys 2024), its data; Jouppi et al., arXiv 1704.04760, Table 4.
