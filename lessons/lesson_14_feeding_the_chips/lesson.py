# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 14 · Feeding the chips
# In June 2017 somebody trained AlexNet with PyTorch's own example, and noticed that the GPU was
# used for 0 % of the time. [The log](https://github.com/pytorch/examples/issues/164) shows why. A
# step whose pictures had arrived took 0.15 s. On average a step took 9 s, and nearly all of that
# went into waiting for pictures, although 16 processes were loading them.
#
# **The question of this lesson**: how do you feed an accelerator, and how do you find out that
# yours is hungry?
#
# *{time} Needs lessons [01](01_honest_timing.ipynb) and [03](03_cpu_parallelism.ipynb).*

# %% tags=["collapsed"]
import numpy as np

import labkit as lk
from labkit.plan.feed import Loader, checkpoint_bytes, checkpoint_write_s
from lessons.lesson_14_feeding_the_chips import formats, loading, resuming, storage

mlperf = lk.published("mlperf-storage-v2")
eaters = {row["workload"]: row for row in mlperf.rows}

# %% [markdown]
# ## What a step eats
# Divide the bytes of a batch by the time of a step: that's what the storage has to deliver. The
# benchmark [MLPerf Storage](https://github.com/mlcommons/storage) publishes both numbers for
# several models. One is 3D U-Net, which learns from medical scans.
#
# **Guess first.** How many GB/s does *one* H100 eat when it trains 3D U-Net? (A USB stick gives
# about 0.1 GB/s, a good SSD 7 GB/s.)

# %%
hunger_guess = lk.predict("14.a", ..., "GB/s")


# %%
def hunger(row):
    loader = Loader(batch=row["batch"], step_s=row["step_s"], sample_bytes=row["sample_bytes"])
    return lk.Reading(f"{row['workload']} eats", loader.hunger_bytes_per_s, "B/s", of=mlperf)


unet = eaters["3D U-Net on H100"]
hunger_guess.against(hunger(unet))
lk.show(
    lk.Reading(
        f"its batch of {unet['batch']} scans", unet["batch"] * unet["sample_bytes"], "B", of=mlperf
    ),
    lk.Reading("its step", unet["step_s"], "s", "published", source=mlperf.source),
)
lk.show(hunger(eaters["ResNet-50 on H100"]), hunger(eaters["CosmoFlow on H100"]))

# %% [markdown]
# A language model is the other extreme. A token is a number of 4 bytes at most, and each costs
# billions of operations. Here is all that Llama 3 405B ate, on 16,384 GPUs together:

# %% tags=["collapsed"]
meta = lk.published("llama3-2024-mfu")
large = max(meta.rows, key=lambda row: row["n_gpus"])
flop_per_token = lk.plan.training.models()["llama3-405B"].flop_per_token(large["n_positions"])
tokens_per_s = large["n_gpus"] * large["flop_per_s_per_gpu"] / flop_per_token
lk.show(lk.Reading("Llama 3 405B eats", 4 * tokens_per_s, "B/s", of=meta))

# %% [markdown]
# What is eaten has to come over a network, too, in most data centres. A card of 100 Gbit/s brings
# 12.5 GB/s for all eight GPUs of a server, which is half of what they'd eat with 3D U-Net.
#
# > **Takeaway.** Before you tune anything, compute what a step eats: bytes of a batch over seconds
# > of a step. Scans need gigabytes a second, pictures a tenth of that, text hardly anything.
#
# ## What the storage gives
# What a file gave once, the operating system keeps in unused memory, the **page cache**. So to see
# the disk, we write our files, ask the system to forget them, and only then read.
#
# **Guess first.** We read a file once in order, and once in pages of 4 KiB at random places. How
# many times longer does a byte take at random? (About 1 if only bytes counted. A hard disk, which
# has to move its arm for each page, needs several hundred times longer.)

# %%
random_guess = lk.predict("14.b", ...)

# %%
read = storage.read_times_or_recorded()
kept = lk.recorded_times("storage-reads", "read")
at_random = read.times.speedup("in order", over="at random", name="at random over in order")
small_files = read.times.speedup("one shard", over="small files", name="small files over one file")
cached = read.times.speedup("in order, cached", over="in order", name="disk over page cache")
random_guess.against(at_random)
lk.show(small_files, cached)

# %% tags=["collapsed"]
lk.expect(
    at_random, 2, None,
    below="Your storage hardly minds the order. Memory is like that, and so is a file system that "
    "keeps files in memory.",
    inside="A request costs time of its own, whatever its size. In order, the system asks for the "
    "next pages before you do.",
    cannot=read.cannot, recorded=kept.speedup("in order", over="at random", name="at random"),
)  # fmt: skip
lk.expect(
    small_files, 2, None,
    below="Small files cost little more here, probably because they were in memory.",
    inside="Each file has to be found and opened before its first byte comes.",
    cannot=read.cannot, recorded=kept.speedup("one shard", over="small files", name="small files"),
)  # fmt: skip
lk.expect(
    cached, 1.5, None,
    below="The second reading was hardly faster: the first came from memory, too, or from a very "
    "fast disk.",
    inside="The second reading came from memory.",
    cannot=read.cannot, recorded=kept.speedup("in order, cached", over="in order", name="cached"),
)  # fmt: skip

# %% [markdown]
# So one packs thousands of samples into a large file, a **shard**, and notes where each begins.
# Beware of the page cache when you measure: the first epoch comes from the disk, and the next ones
# from memory if all data fit. MLPerf wants data sets of five times the memory for that reason.
#
# ### Your turn
# Read sample *i* of a shard. It begins at byte `offsets[i]` of the file and ends where the next
# one begins; the last offset is the end of the last sample. Files get cut off when a disk is full
# or a copy is broken, and `read` then returns fewer bytes without a word. Raise a `ValueError` if
# that happens. Read no other sample, and leave the file open. (3 to 5 lines; `file.seek(place)`
# goes to a byte)


# %%
def read_sample(file, offsets, i):
    """The bytes of sample i of a shard; ValueError if the file ends before the sample does."""
    ### BEGIN SOLUTION
    file.seek(offsets[i])
    data = file.read(offsets[i + 1] - offsets[i])
    if len(data) < offsets[i + 1] - offsets[i]:
        raise ValueError(f"The file ends within sample {i}: copy it again.")
    return data
    ### END SOLUTION


read_sample = lk.your_turn("14.t1", read_sample)

# %% [markdown]
# > **Takeaway.** Storage is fast for large reads in order. Pack samples into shards, and judge a
# > disk by the first epoch.
#
# ## Fewer bytes, more work
# Formats trade bytes for CPU time. Here is one picture in four of them, from a shard that your
# function reads:

# %%
kinds = formats.formats(formats.photo())
shard, offsets = formats.packed([data for data, _ in kinds.values()])


def decoded(name):
    data = read_sample(shard, offsets, list(kinds).index(name))
    return kinds[name][1](data)


decode_s = lk.times_in_turns(decoded, list(kinds), max_time_s=1).medians_s
for name, (data, _) in kinds.items():
    lk.show(
        lk.Reading(f"{name}, size", len(data), "B", "measured"),
        lk.Reading(f"{name}, time to decode", decode_s[name], "s", "measured"),
    )

# %% tags=["collapsed"]
resnet = eaters["ResNet-50 on H100"]
per_s = resnet["batch"] / resnet["step_s"]
lk.show(
    lk.Reading(
        "cores that only decode JPEG, for ResNet-50 on one H100", per_s * decode_s["JPEG"], "1",
        of=("measured", mlperf),
    )
)  # fmt: skip

# %% [markdown]
# JPEG saves most of the bytes, as it drops details that eyes hardly see, and then some cores do
# nothing but decode. (Training often crops and flips pictures as well, which costs more.) Other
# data have formats of their own. Tables
# come as [Parquet](https://parquet.apache.org), compressed by column, and are used in memory as
# [Arrow](https://arrow.apache.org), which needs no decoding. Tokens are simply numbers in a file
# that is **mapped** into memory: opening it reads nothing, and pages are fetched as you touch
# them.

# %%
with storage.scratch(16_000_000) as folder:
    np.arange(8_000_000, dtype=np.uint16).tofile(folder / "tokens")
    with lk.Timer() as opening:
        tokens = np.memmap(folder / "tokens", np.uint16, mode="r")
    with lk.Timer() as copying:
        batch = np.stack([tokens[begin : begin + 2048] for begin in range(0, 8_000_000, 1_000_000)])
    del tokens  # Windows deletes no file that is mapped
lk.show(
    lk.Reading("to open 16 MB of tokens", opening.elapsed_s, "s", "measured"),
    lk.Reading(f"to copy {batch.size:,} of them", copying.elapsed_s, "s", "measured"),
)

# %% [markdown]
# > **Takeaway.** Compression moves the load from the disk to the cores. Choose by what you have too
# > little of.
#
# ## Load ahead
# While the accelerator computes, somebody else can load the next batch. (From here on, loading and
# computing *sleep*, so that busy cores don't distort what we see.)
#
# ### Your turn
# Call `step(batch)` for the batches 0, 1, 2, ... below `n_steps`, in this order, and return the
# results. Have `pool` load up to `ahead` batches beyond the one whose turn it is. Memory is
# limited, so never load more, and keep no batch whose step is done. `pool.submit(load, i)` has a
# thread do `load(i)` and returns a future at once; the batch is its `result()`. (about 6 lines)


# %%
def train(load, step, n_steps, ahead, pool):
    """The results of all steps, in order; up to `ahead` batches are loaded ahead of each."""
    ### BEGIN SOLUTION
    futures = [pool.submit(load, i) for i in range(min(ahead, n_steps))]
    results = []
    for i in range(n_steps):
        if i + ahead < n_steps:
            futures.append(pool.submit(load, i + ahead))
        results.append(step(futures.pop(0).result()))
    return results
    ### END SOLUTION


train = lk.your_turn("14.t2", train)

# %% [markdown]
# **Guess first.** Loading a batch takes 30 ms, and a step 20 ms. In turns, that's 50 ms from one
# step to the next. How many milliseconds is it if one thread loads up to two batches ahead? And if
# two threads do? (Type the second.)

# %%
ahead_guess = lk.predict("14.c", ..., "ms")

# %%
runs = {
    "in turns": loading.watched_run(train, ahead=0, n_loaders=1),
    "one loader": loading.watched_run(train, ahead=2, n_loaders=1),
    "two loaders": loading.watched_run(train, ahead=2, n_loaders=2),
}
step_to_step = {
    name: lk.Reading(f"from step to step, {name}", run.step_to_step_s, "s", "measured")
    for name, run in runs.items()
}
lk.show(step_to_step["in turns"], step_to_step["one loader"])
ahead_guess.against(step_to_step["two loaders"])

# %% tags=["collapsed", "measured"]
lk.draw.timeline(
    {
        f"{name}: {who}": spans
        for name, run in runs.items()
        for who, spans in run.rows().items()
    },
    title="Who does what when", measured=True,
)  # fmt: skip

# %% [markdown]
# With one loader the accelerator still waits: however early it starts, it brings a batch only every
# 30 ms. Two of them bring one every 15 ms.
#
# > **Takeaway.** Loading ahead hides loading behind computing, but only as much as the loaders keep
# > up with. If a batch takes them longer than a step, add loaders.
#
# ## A plan
# PyTorch's
# [`DataLoader`](https://docs.pytorch.org/docs/stable/data.html) does the same with worker
# *processes*, so that Python code runs side by side, too. Each may be `prefetch_factor` batches
# ahead. By default, `num_workers=0`: nobody loads ahead. (With a GPU, `pin_memory=True` puts
# batches where the GPU can fetch them by itself while it computes. Without one there's nothing to
# see, so we don't try.)
#
# For each part that batches pass, compute how long it needs for one: *load / workers* for the
# workers, the step for the accelerator, bytes over bandwidth for the storage. **The longest of
# these is the time from step to step**, and whoever has it is the **bottleneck**. (With no worker,
# load and step add up.) Does that hold? `hold` times a load and a step, plans with them, and then
# looks at how long it really was from step to step:

# %%
samples = loading.SleptSamples(480, load_s=0.004)
held = {
    name: loading.hold(samples, batch=8, workers=n, step_s=0.02)
    for n, name in enumerate(("no worker", "one worker", "two workers"))
}
for name, run in held.items():
    lk.show(
        lk.Reading(f"planned with {name}", run.planned.batch_s, "s", of="measured"),
        lk.Reading(f"measured with {name}", run.measured_batch_s, "s", "measured"),
    )

# %% tags=["collapsed"]
ratio = max((run.ratio for run in held.values()), key=lambda r: max(r, 1 / r))
lk.expect(
    lk.Reading("the worst plan over its run", ratio, "1", of="measured"), 0.8, 1.25,
    below="At least one run was slower than its plan by a fifth: others used your cores meanwhile.",
    inside="The plans hold within 20 %.",
    above="At least one run was faster than its plan by a fifth, so it was disturbed as it was "
    "timed. Run it again.",
)  # fmt: skip

# %% [markdown]
# **Play.** Who is waited for at first? How many workers are enough? Then let every sixth batch take
# five times as long: what hides it, more workers or more batches ahead?


# %%
def feed(workers, batches_ahead, load_s, step_s, every_sixth_takes):
    loader = Loader(
        batch=8, step_s=step_s, decode_s=load_s / 8, workers=workers, prefetch=batches_ahead
    )
    slow = [load_s * (every_sixth_takes if n % 6 == 3 else 1) for n in range(18)]
    return lk.draw.feeding(loader, slow, n_steps=18)


lk.Explorer(
    feed,
    workers=(0, 6, 1),
    batches_ahead=(1, 6, 2),
    load_s=lk.draw.Slider(0.005, 0.2, 0.05, unit="s", log=True, label="loading a batch"),
    step_s=lk.draw.Slider(0.005, 0.2, 0.02, unit="s", log=True, label="a step"),
    every_sixth_takes=lk.draw.Slider(1, 10, 1, label="every sixth batch, times longer"),
)

# %% [markdown]
# If the workers are fast enough on average, batches ahead hide the slow ones. If they aren't, the
# queue is empty, however long it may be.
#
# > **Takeaway.** A pipeline is as fast as its slowest part. A queue only evens out batches that
# > differ.
#
# ## Is it the input?
# In a real program you rarely know these times. But there's a test that always works: **give every
# step the same batch**, which is there already. If that's no faster, loading isn't your problem. In
# 2019 somebody [did this](https://github.com/cybertronai/imagenet18/pull/5) to a well-tuned
# training on eight V100, whose pictures lay in memory already. It became 24 % faster: that was
# decoding.

# %%
constant_s = loading.constant_batch_s(samples[0], step_s=0.02)
fixed = lk.Reading("with a constant batch", constant_s, "s", "measured")
real = lk.Reading("with one worker", held["one worker"].measured_batch_s, "s", "measured")
lk.show(
    real, fixed, lk.Reading("utilisation", held["one worker"].utilisation, "%", of=(fixed, real))
)
lk.expect(
    (real / fixed).named("time over that with a constant batch"), 1.1, None,
    below="Here the input hardly costs anything.",
    inside="This training waits for its input.",
)  # fmt: skip

# %% [markdown]
# The share of the time in which the accelerator computes is its **utilisation**. MLPerf Storage
# accepts a run of 3D U-Net or ResNet-50 only from 90 % on.
#
# The test also tells you when to stop. NERSC trained a vision transformer on an A100. Without
# workers it did 8.8 samples/s, with four workers 12.5
# ([log](https://github.com/NERSC/sc24-dl-tutorial)). Eight were a little slower than four.
#
# **Guess first.** Then they loaded with NVIDIA's library DALI, which has threads of its own and
# leaves part of the work to the GPU. How many samples/s?

# %%
dali_guess = lk.predict("14.d", ...)

# %%
ladder = lk.published("nersc-sc24-ladder")
rate = {row["run"]: row["samples_per_s"] for row in ladder.rows}
how = {"origin": "published", "source": ladder.source}
dali_guess.against(lk.Reading("samples a second with DALI", rate["DALI"], "1", **how))
load_s = 1 / rate["baseline"] - 1 / rate["4 loader workers"]  # in turns, less the step alone
lk.show(
    lk.Reading("with 16-bit arithmetic as well", rate["DALI, AMP fp16"], "1", **how),
    lk.Reading("what one worker of PyTorch's brings at most", 1 / load_s, "1", of=ladder),
)

# %% [markdown]
# DALI brought hardly anything, because four workers had been enough: the GPU had become the
# bottleneck. Only 16-bit arithmetic made *that* faster, four times. Now one worker would be too
# slow again.
#
# > **Takeaway.** Replace the input by a constant batch: the difference is all that better loading
# > can bring. When you have made one part faster, ask again.
#
# ## Shuffle, die, go on
# Training wants samples in random order, and storage wants them in order. The usual compromise
# shuffles the shards, reads each in order, and draws from a buffer of some thousand samples
# (exercise 14.3).
#
# In a run of weeks something is killed now and then, in the middle of an epoch. The weights go back
# to the last checkpoint ([lesson 18](18_fault_tolerance.ipynb)). But where does the *loader* go on?
# If it begins its epoch anew, the model sees some samples twice, and in a large data set it may
# never get to the others.
#
# Most libraries for this know where they were. Size is what one adds to an environment with torch:

# %% tags=["collapsed"]
libraries = lk.recorded("loader-libraries")
print(f"{'library':20} {'adds':>8}  {'released':9}  after a kill")
for row in libraries.rows:
    size = lk.units.si(row["added_bytes"], "B")
    print(f"{row['library']:20} {size:>8}  {row['released']:9}  {row['resumes']}")
print(f"({libraries.source})")

# %% [markdown]
# We take the smallest that goes on exactly: [torchdata](https://github.com/meta-pytorch/data)'s
# `StatefulDataLoader`, a `DataLoader` with `state_dict()` and `load_state_dict()`. (Its maintainers
# mend it but [develop it no further](https://github.com/meta-pytorch/data/issues/1549), and want to
# [bring it into PyTorch](https://github.com/pytorch/pytorch/pull/166732).)
#
# **Guess first.** An epoch has 400 samples, in batches of 16, and there's a checkpoint every 10
# steps. We kill the training with `SIGKILL` in step 12. If the checkpoint holds the weights but
# nothing of the loader, from how many samples will the model have learned twice?

# %%
twice_guess = lk.predict("14.e", ...)

# %%
kills = lk.run_or_recorded("loader-kills", resuming.rows_of_kills, install="torchdata")
without, remembered = kills
twice_guess.against(kills.reading("samples learned twice", without["twice"], "1"))
lk.show(
    kills.reading("twice, with the loader's state", remembered["twice"], "1"),
    kills.reading("missed, with the loader's state", remembered["missed"], "1"),
)

# %% [markdown]
# The weights of step 10 had seen 10 × 16 samples, and the new epoch brings all of these again. With
# the loader's state none comes twice, and what its workers had loaded ahead isn't lost either: it
# counts what it has handed over.
#
# > **Takeaway.** The position in the data belongs in the checkpoint, in the same file as the
# > weights. Kill your training once, and count.
#
# ## A checkpoint is traffic, too
# It holds the weights and the optimizer's state ([lesson 16](16_sharding_and_pipelines.ipynb)
# counts them), 14 bytes a parameter, and it comes all at once. Meta's storage for Llama 3 sustained
# 2 TB/s ([section 3.3.1](https://arxiv.org/abs/2407.21783)); a fast SSD writes some 5 GB/s.

# %%
for name in ("gpt-175B", "llama3-405B"):
    n_bytes = checkpoint_bytes(lk.plan.training.models()[name].parameters)
    lk.show(
        lk.Reading(f"checkpoint of {name}", n_bytes, "B", "modelled"),
        lk.Reading(f"{name} to 2 TB/s", checkpoint_write_s(n_bytes, 2e12), "s", "modelled"),
        lk.Reading(f"{name} to one SSD, in minutes", checkpoint_write_s(n_bytes, 5e9) / 60, "1",
                   "modelled"),
    )  # fmt: skip
days = n_bytes / (4 * tokens_per_s) / 86400
lk.show(lk.Reading("days in which Llama 3 405B reads as many bytes", days, "1", of=meta))

# %% [markdown]
# For text, a single checkpoint is more traffic than days of reading tokens.
#
# > **Takeaway.** Plan the storage of a language model by its checkpoints, and that of a vision
# > model by its samples.
#
# ## Back to AlexNet
# How hungry was that GPU? The log says how long a step took, and how much of it was waiting:

# %%
log = lk.published("pytorch-imagenet-starved")
last = log.rows[-1]
used = 1 - last["mean_data_s"] / last["mean_step_s"]
lk.show(lk.Reading("time in which it did not wait", used, "%", of=log))

# %% [markdown]
# A step with a batch that was there took 0.15 s, which is the constant-batch test, done by
# accident. So a faster GPU would have changed nothing, nor would a queue. The answer to our
# question is a division and a comparison: compute what a step eats, see what storage and cores
# bring, and check with a constant batch.
#
# **Next**: the [exercises](../exercises/14_feeding_the_chips.ipynb), then
# [collectives](15_collectives.ipynb), by which chips feed each other.
