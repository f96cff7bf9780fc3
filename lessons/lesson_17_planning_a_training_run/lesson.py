# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 17 · Planning a training run
# In 2021 NVIDIA, Stanford and Microsoft ran a language model of 530 billion parameters on 2,240
# A100 GPUs, twice. The first time, every GPU held a share of everything (ZeRO, stage 3). The second
# time, the model was cut three ways at once. From the speed of a few steps they worked out how long
# 300 billion tokens would take: 140 days the first way, and 42 days the second ([Narayanan et al.
# 2021](https://arxiv.org/abs/2104.04473), Table 2). At 1.84 dollars a GPU-hour (AWS's price for a
# reserved A100 in 2024), the 98 days between them cost almost ten million dollars.
#
# **The question of this lesson**: you have a model and a cluster. How do you cut the one so that it
# fits the other, how long will it take, and how far can you trust the answer?
#
# You'll plan with a *planner*: formulas that count what each chip computes, moves and sends. Then
# you'll hold it against 600 training runs that other people published.
#
# *{time} Needs lessons [02](02_roofline.ipynb) and [16](16_sharding_and_pipelines.ipynb).*

# %% tags=["collapsed"]
import dataclasses
import statistics

import labkit as lk

training = lk.plan.training
DAY_S = 86400

# %% [markdown]
# ## How much work is it?
# In the forward pass each parameter takes part in one multiplication and one addition for every
# token, and the backward pass does twice as much. So training takes about 6 FLOP for each parameter
# and token (attention comes on top, but for most models it's little). A chip delivers only a part
# of its peak to that work. The part is called the **model FLOP utilisation**, or
# [MFU](https://arxiv.org/abs/2204.02311): it counts what the *model* needs, and not what a program
# computes a second time to save memory.
#
# ### Your turn
# How many days does it take to train on `tokens` tokens, with `chips` chips of `peak_flop_per_s`
# each, at an MFU of `mfu`? (2 lines)


# %%
def training_days(parameters, tokens, chips, peak_flop_per_s, mfu):
    """Days of training, by the rule of six."""
    ### BEGIN SOLUTION
    flop = 6 * parameters * tokens
    return flop / (chips * peak_flop_per_s * mfu) / DAY_S
    ### END SOLUTION


training_days = lk.your_turn("17.t1", training_days)

# %% [markdown]
# **Guess first.** GPT-3 has 175 billion parameters and was trained on 300 billion tokens. You have
# 1,024 A100, whose peak is 312 TFLOP/s. At an MFU of 100 % it would take 11 days. How many days
# does it take at the speed that the paper measured?

# %%
days_guess = lk.predict("17.a", ...)

# %%
gpt3, a100 = training.models()["gpt-175B"], training.accelerator("a100-80")
ideal = training_days(gpt3.parameters, 300e9, 1024, a100.peak_flop_per_s, 1.0)
paper = lk.published("megatron-2021-days")
days = lk.Reading("days of GPT-3", paper.rows[0]["days"], "1", "published", source=paper.source)
days_guess.against(days)
lk.show(lk.Reading("MFU that this implies", ideal / days.value, "%", of=paper))

# %% [markdown]
# That was the state of the art. Two thirds of the peak went somewhere else, and this lesson is
# about where.
#
# > **Takeaway.** Training takes about 6 FLOP a parameter and token. Divide by chips × peak × MFU.
# > Everything else in a plan is about the MFU, and about what fits.
#
# ## Five ways to cut
# [Lesson 16](16_sharding_and_pipelines.ipynb) cut a model in several ways, on real ranks. A plan
# for thousands of chips combines them, and each makes somebody talk or wait:
#
# | cut | what each chip has | what it costs |
# | --- | --- | --- |
# | **tp**, tensor parallel | a slice of every matrix | two all-reduces a layer, in each pass |
# | **pp**, pipeline parallel | some of the layers | waiting at both ends (the *bubble*) |
# | **dp**, data parallel | other sequences, the same weights | gradients, once a step |
# | **cp**, context parallel | a piece of each sequence | keys and values of the others |
# | **ep**, expert parallel | some of the experts | tokens travel to their experts |
#
# The product tp × pp × cp × dp is the number of chips (ep takes its chips from dp). On top come
# ZeRO, which shards what the data parallel copies have in common, and **recomputation**, which
# throws away what the forward pass computed and computes it again for the backward pass.
#
# The planner takes these choices and adds up one step: matrix products by their shapes, traffic to
# HBM for what lies between them, rings over the links of the server or over the network, the
# bubble, the optimizer. Of the talk that can go on while a chip computes, only a part counts. Here
# is GPT-3 in a split like Megatron's.


# %%
def gpt3_on(split):
    """GPT-3 on A100s with a batch of 1,536 sequences, as in the paper."""
    return training.Job(
        model=gpt3, chip="a100-80", split=split, seq=2048, global_batch=1536, nic_bytes_per_s=25e9
    )


like_megatron = training.Split(
    tp=8, pp=8, dp=16, zero=1, recompute="full", attention="unfused", sequence_parallel=False
)
plan = training.plan_training(gpt3_on(like_megatron))
lk.draw.training_plan(plan)

# %% [markdown]
# The first bar shows where the time of one step goes, the second what fills the memory of the
# fullest chip. (Gradients are summed in fp32 as well, so they take three times the room of the
# weights; the *context* is CUDA's own.) Software differs in what it keeps for the backward pass:
# the bar is what PyTorch keeps, and the dotted line what the leanest fused kernels do.
# Every other number has a **band** in which the truth should lie (we'll check).
#
# If arithmetic takes most of a step, why is the MFU so low? Some of it is computed twice, and
# matrix products don't run at the peak. The MFU is the first line below times the last.

# %%
needed = (plan.step.products_s + plan.step.attention_s) / plan.step.total_s
lk.show(
    lk.Reading("time for what the model needs", needed, "%", "modelled"),
    lk.Reading("time to compute it again", plan.step.recompute_s / plan.step.total_s, "%",
               "modelled"),
    lk.Reading("share of the peak that's reached meanwhile", plan.mfu / needed, "%", "modelled"),
)  # fmt: skip

# %% [markdown]
# In 2022 Korthikanti and others at NVIDIA [found](https://arxiv.org/abs/2205.05198) that you
# needn't recompute everything. The scores of the attention are what takes up the memory, and
# they're cheap to compute. So recompute only those (*selective* recomputation), and split the norms
# over the tensor-parallel chips too (*sequence parallelism*), so that the rest fits. They printed
# how much faster a step got, on 64 of the GPUs:

# %%
selective = dataclasses.replace(like_megatron, recompute="selective", sequence_parallel=True)
faster = training.plan_training(gpt3_on(selective))
gains = lk.published("korthikanti-2022")
lk.show(
    lk.Reading("gain predicted", plan.step.total_s / faster.step.total_s - 1, "%", "modelled"),
    lk.Reading("gain published", gains.rows[1]["gain"], "%", "published", source=gains.source),
    lk.Reading("MFU predicted", faster.mfu, "%", "modelled"),
)
lk.show(f"[modelled] {faster.explain()}; {faster.verdict}")

# %% [markdown]
# > **Takeaway.** A split is a trade between memory, talk and waiting. Relieve the one that binds,
# > with what you have left of the others.
#
# ## See what breaks
# **Play.** (`vp` cuts each stage of the pipeline into pieces, which makes the bubble smaller.) What
# happens with tp = 16, when a server has eight chips? With pp = 64 and micro-batches of 8, which
# leaves few of them? Without any cut but dp? Can you get Llama 3 405B onto 512 chips? The sentence
# in bold names the constraint that binds. The bill is for 20 tokens a parameter
# ([Chinchilla](https://arxiv.org/abs/2203.15556)), at an H100's 2.99 dollars an hour, whatever the
# chip, and with a tenth more energy for cooling and the like (a **PUE** of 1.1).


# %% tags=["collapsed"]
CHOICES = {"gpt-175B": (2048, 1536), "llama3-405B": (8192, 2048), "LLAMA3-70B": (8192, 1024),
           "LLAMA3-8B": (8192, 1024), "Qwen3_235B_a22B": (4096, 2048)}  # fmt: skip
USD_PER_HOUR, PUE = lk.plan.price("h100-hour-on-demand").value, 1.1


def planner(model, chip, chips, tp, pp, vp, micro_batch, zero, recompute):
    """The plan of one choice, or why it cannot be."""
    seq, batch = CHOICES[model]
    the_model = training.models()[model]
    dp, rest = divmod(chips, tp * pp)
    title = f"{model} on {chips:,} {chip}, tp {tp} × pp {pp}"
    try:
        if rest or not dp:
            raise ValueError(f"tp {tp} × pp {pp} does not divide {chips:,} chips.")
        split = training.Split(
            tp=tp, pp=pp, dp=dp, vp=vp if pp > 1 else 1, micro_batch=micro_batch, zero=zero,
            ep=min(8, dp) if the_model.experts else 1, recompute=recompute,
            attention="xla" if chip.startswith("tpu") else "flash2",
        )  # fmt: skip
        job = training.Job(model=the_model, chip=chip, split=split, seq=seq, global_batch=batch,
                           nic_bytes_per_s=50e9)  # fmt: skip
    except ValueError as why:
        return lk.draw.broken_plan(title, str(why))
    plan = training.plan_training(job)
    tokens = 20 * the_model.parameters
    bill = plan.bill(tokens, usd_per_chip_hour=USD_PER_HOUR, pue=PUE)
    days = bill.time.value / DAY_S
    return lk.draw.training_plan(plan, (
        f"{tokens / 1e12:.3g} T tokens: {days:,.3g} days (band {days / plan.band:,.3g} to "
        f"{days * plan.band:,.3g})", str(bill.energy), str(bill.cost),
    ))  # fmt: skip


# %%
powers = [1, 2, 4, 8, 16, 32, 64]
lk.Explorer(
    planner, model=list(CHOICES), chip=["h100", "a100-80", "b200", "gb200", "tpu-v5p"],
    chips=[1024, 8, 64, 256, 512, 2048, 4096, 16384], tp=[8, *powers[:3], 16], pp=[8, *powers],
    vp=[1, 2, 4], micro_batch=[1, 2, 4, 8], zero=[1, 0, 2, 3],
    recompute=["none", "selective", "full"],
)  # fmt: skip

# %% [markdown]
# With tp = 16 every all-reduce crosses the network, which then takes most of the step. With few
# micro-batches the pipeline waits. With dp alone a chip would need ten times its memory, unless
# ZeRO 3 shards the weights as well.
#
# > **Takeaway.** Keep tensor parallelism inside the server. Use the pipeline to make the model fit,
# > with many more micro-batches than stages. Give all other chips to data parallelism, and
# > recompute no more than the memory demands.
#
# ## Let it search
# The planner can try every split that you list.
#
# ### Your turn
# List all (tp, pp, dp) for a number of chips. tp has to divide the attention heads and stay inside
# a server of eight, pp has to divide the layers, and all chips have to be used. (about 5 lines)


# %%
def sizes(chips, heads, layers):
    """Every (tp, pp, dp) that is possible, in any order."""
    ### BEGIN SOLUTION
    return [
        (tp, pp, chips // (tp * pp))
        for tp in range(1, 9)
        for pp in range(1, layers + 1)
        if heads % tp == 0 and layers % pp == 0 and chips % (tp * pp) == 0
    ]
    ### END SOLUTION


sizes = lk.your_turn("17.t2", sizes)

# %% [markdown]
# **Guess first.** We'll plan each of these for GPT-3 on the 1,024 A100, with micro-batches of 1, 2
# and 4 sequences, and selective recomputation. Weights and gradients, which ZeRO 1 doesn't shard,
# take at least 700 GB, and a chip has 80. What fraction of the plans doesn't fit, even with the
# leanest software?

# %%
too_large_guess = lk.predict("17.b", ..., "%")

# %%
plans = []
for tp, pp, dp in sizes(1024, gpt3.heads, gpt3.layers):
    for micro_batch in (1, 2, 4):
        if 1536 % (dp * micro_batch) == 0:
            split = dataclasses.replace(selective, tp=tp, pp=pp, dp=dp, micro_batch=micro_batch)
            plans.append(training.plan_training(gpt3_on(split)))
fitting = sorted((p for p in plans if p.may_fit), key=lambda p: p.step.total_s)
too_large_guess.against(
    lk.Reading("plans that don't fit", 1 - len(fitting) / len(plans), "%", "modelled")
)
print(*fitting[:6], sep="\n")

# %% [markdown]
# `training.search` also tries interleaved pipelines, all kinds of recomputation and ZeRO 3:

# %%
found = training.search(gpt3_on(selective), best=6)
print(f"{found.tried} splits tried, {found.too_large} did not fit")
print(*found.plans, sep="\n")

# %% [markdown]
# The differences between the best ones are far smaller than the band, so the planner can't tell you
# which of them wins. It tells you which hundreds to forget.
#
# > **Takeaway.** A search is as good as its model. Take a handful of its best answers and measure
# > them.
#
# ## How far can you trust it?
# The planner has two kinds of constants. Most come from outside: data sheets, measured kernels,
# counted bytes. Six can't be looked up, such as how much slower matrix products get when a whole
# training step runs around them. Those were *fitted* to published runs, and there lies a trap. A
# model that has seen the answers looks better than it is. So we hold out whole sources: to predict
# a run, the constants are fitted again to the runs of *all other* papers and projects. (The runs of
# one source share their software.)
#
# **Guess first.** What fraction of the dense runs (without experts) will be predicted within a
# factor of 1.2? A naive planner, which says that a chip always reaches the same share of its peak,
# gets about half of them.

# %%
inside_guess = lk.predict("17.c", ..., "%")

# %%
runs = [run for run in training.published_runs() if run.tokens_per_s_chip is not None]
tunings = training.leave_one_source_out(runs)
rate = {id(run): training.predicted_tokens_per_s_chip(run, tunings[run.source]) for run in runs}
off = {id(run): rate[id(run)] / run.tokens_per_s_chip for run in runs}
dense = [run for run in runs if run.dense]
within = sum(1 / 1.2 <= off[id(run)] <= 1.2 for run in dense) / len(dense)
inside_guess.against(lk.Reading("dense runs within a factor of 1.2", within, "%", "modelled"))

# %% [markdown]
# Here they are, with mixtures of experts as well. On the diagonal a prediction is right, and the
# shaded band is × and ÷ 1.2. **Click the dots** (or use the arrow keys). Which ones lie far above
# the line, and what do they have in common?


# %% tags=["collapsed"]
def kind(run):
    return run.job.chip.family if run.dense else "mixture of experts"


dots = [
    lk.draw.RunDot(run.tokens_per_s_chip, rate[id(run)], kind(run), (
        f"{run.name} ({run.source})",
        f"{run.job.model.name}, {run.job.split.chips:,} {run.job.chip.name}: {run.job.split}",
        f"measured {run.tokens_per_s_chip:,.4g}, predicted {rate[id(run)]:,.4g} tokens/s and chip "
        f"({off[id(run)] - 1:+.0%})",
        training.plan_training(run.job, tunings[run.source]).explain(),
        f"source: {run.cited}",
    ))
    for run in runs
]  # fmt: skip
lk.draw.DotExplorer(dots, lk.draw.Axis("rate per chip", "token/s", log=True), band=1.2,
                    title=f"{len(runs)} published runs")  # fmt: skip

# %% tags=["collapsed"]
print("the sources (a click on a dot shows what each of them is)")
print("source                       runs   median error   worst")
for source in dict.fromkeys(run.source for run in runs):
    errors = [abs(off[id(run)] - 1) for run in runs if run.source == source]
    print(f"{source:28} {len(errors):4}   {statistics.median(errors):12.1%}   {max(errors):5.0%}")

# %% [markdown]
# Nearly all that's far off lies *above* the line: real programs lose time in ways that no formula
# mentions. Mixtures of experts launch many small kernels, and the CPU seems not to keep up. Small
# models on hundreds of GPUs seem to wait for Python. And among the worst is our opening: ZeRO-3 on
# 2,240 GPUs.
#
# The limit of all such planners is the software. A model of the same sizes was trained on 2,240
# A100 in the same split with another program, Megatron-DeepSpeed ([Smith et al.
# 2022](https://arxiv.org/abs/2201.11990)):

# %%
by_name = {run.name: run for run in runs}
programs = {"Megatron": "megatron21-t2-ptd-530-2240", "Megatron-DeepSpeed": "mtnlg-280"}
for program, name in programs.items():
    run = by_name[name]
    print(f"{program}: {run.job.split}")
    print(f"  measured {run.tokens_per_s_chip:.1f} tokens/s and GPU, predicted {rate[id(run)]:.1f}")

# %% [markdown]
# > **Takeaway.** Judge a model on data that it hasn't seen, and keep a band around its answers. The
# > formulas know the hardware but not the program, and two programs on the same machine can differ
# > by a quarter.
#
# ## What will it cost?
# Meta says that Llama 3.1 405B took 30.84 million hours of H100 ([model
# card](https://github.com/meta-llama/llama-models/blob/main/models/llama3_1/MODEL_CARD.md)), and
# the paper tells how it was split over 16,384 of them. Our planner has seen neither.

# %%
llama = by_name["llama3-405B-16384-8192"]
seen_none = training.plan_training(llama.job, tunings["llama3"])
bill = seen_none.bill(15.6e12, usd_per_chip_hour=USD_PER_HOUR, pue=PUE)
cards = lk.published("llama-3.1-card")
card = next(row for row in cards.rows if row["model"] == "405B")
hours = bill.time.value / 3600 * llama.job.split.chips
lk.show(
    lk.Reading("chip-hours predicted", hours, "h", "modelled"),
    lk.Reading("chip-hours published", card["gpu_hours"], "h", "published", source=cards.source),
    bill.energy, bill.cost,
)  # fmt: skip

# %% [markdown]
# That it comes out so close is luck. The planner leaves out that the real run stopped for failures
# ([lesson 18](18_fault_tolerance.ipynb)) and lengthened its sequences, but it also takes this
# software for slower than it is, and the two errors cancel. The band is the honest answer. The
# energy's band (3.6 TJ is a GWh) reaches further down, because chips seldom draw all of their rated
# power, and it's the energy of the chips alone, times the PUE.
#
# > **Takeaway.** Carry the band through to the bill: a plan that's right within 20 % gives a bill
# > that's right within 20 % at best.
#
# ## Back to the 140 days
# Ask the planner about our opening, and it says that the *first* split is the faster! It would have
# cost you 98 days. With ZeRO-3, every GPU gathers all weights of the model for every pass, over the
# network. So what if the network was slower than we told the planner? Each of those servers had
# eight network cards. Let's give it one. (PTD-P is the three-way split.)

# %%
zero_3, three_ways = (
    [run for run in runs if run.source == f"megatron2021_t2_{name}"] for name in ("zero3", "ptd")
)
print("days for 300 billion tokens       published   eight cards   one card")
for run, row in zip(zero_3 + three_ways, lk.published("megatron-2021-splits").rows, strict=True):
    days = []
    for cards in (8, 1):
        job = dataclasses.replace(run.job, nic_bytes_per_s=25e9 * cards / 8)
        tokens_per_s = training.plan_training(job, tunings[run.source]).tokens_per_s
        days.append(300e9 / tokens_per_s / DAY_S)
    print(f"{row['split']:32} {row['days']:10} {days[0]:13.0f} {days[1]:10.0f}")

# %% [markdown]
# With one card the planner comes within a sixth of all ZeRO-3 rows. But the three-way split ran
# on the same servers, and its rows fit eight. So if it was the network, it was how the ZeRO-3
# program used it. Other causes could look alike, but now you'd know what to measure first. And you
# see where the 98 days come from: even with one card the other split wouldn't be much slower,
# because it sends so little over the network.
#
# A planner tells you what the hardware allows. Where a run is much slower, it's the *difference*
# that tells you something, and an hour on the real machine is the cheapest part of a run that lasts
# for months.
#
# **Next**: the [exercises](../exercises/17_planning_a_training_run.ipynb), then [what happens when
# chips fail](18_fault_tolerance.ipynb).
