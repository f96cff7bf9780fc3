# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 16 · Sharding and pipelines
# In 2020 a team at Microsoft reported what happened when they spread a language model of 40 billion
# parameters over two servers with sixteen GPUs each. They used the best software of the day,
# Megatron-LM, which cuts every layer into pieces, and each GPU did about 5 TFLOP/s: less than 5 %
# of its peak ([Rajbhandari et al. 2020](https://arxiv.org/abs/1910.02054)). The simple way, a copy
# of the model on each GPU, had ended at 1.4 billion parameters. Those weigh 2.8 GB, and a GPU had
# 32. Their own system ran models of 100 billion on 400 such GPUs, at over 38 TFLOP/s each.
#
# **The question of this lesson**: when a model doesn't fit, what can you cut, who has to talk
# then, and who has to wait?
#
# You'll train on real **ranks**: two or four processes that share nothing and send each other
# messages, as the GPUs of a cluster do. The same code runs there, with `nccl` for `gloo`.
#
# *{time} Needs lessons [10](10_attention_and_precision.ipynb) and [15](15_collectives.ipynb).*

# %% tags=["collapsed"]
import numpy as np

import labkit as lk
from labkit.plan.pipeline import SCHEDULES, Task, bubble_share, idle_share, most_in_flight, play

# %% [markdown]
# ## Where do the bytes go?
# Training keeps more than the parameters. With Adam in [mixed
# precision](https://arxiv.org/abs/1710.03740), each parameter takes 2 bytes and its gradient 2, and
# the optimizer keeps three 32-bit numbers for it: a momentum, a variance, and a more exact copy of
# the parameter. That makes 16 bytes, of which the model itself uses two.
#
# In plain **data parallelism** every rank holds all of that. Each works on its own share of the
# batch, an all-reduce averages the gradients, and then all ranks take the same step. So a cluster
# of 64 holds 64 equal copies. **ZeRO**, the system of our opening, lets each rank keep only 1/n of
# the optimizer's state (stage 1), of the gradients too (stage 2), and of the parameters too
# (stage 3).
#
# **Guess first.** A model has 7.5 billion parameters, and there are 64 GPUs. With nothing cut, each
# holds 120 GB, and with everything cut, 1.9 GB. How many at stage 1?

# %%
stage_1_guess = lk.predict("16.a", ..., "GB")

# %% [markdown]
# ### Your turn
# How many of these bytes does one of `n_ranks` ranks hold at each stage? (about 4 lines)


# %%
def state_bytes(n_parameters, n_ranks, stage):
    """Bytes of parameters, gradients and optimizer state on one rank at a ZeRO stage, 0 to 3."""
    ### BEGIN SOLUTION
    optimizer = 12 / n_ranks if stage >= 1 else 12
    gradients = 2 / n_ranks if stage >= 2 else 2
    parameters = 2 / n_ranks if stage >= 3 else 2
    return n_parameters * (parameters + gradients + optimizer)
    ### END SOLUTION


state_bytes = lk.your_turn("16.t1", state_bytes)

# %% tags=["collapsed"]
zero = lk.published("zero-memory")
for row in zero.rows[:4]:
    ours = state_bytes(row["n_parameters"], row["n_ranks"], row["stage"])
    lk.show(
        lk.Reading(row["what"], row["state_bytes"], "B", "published", source="ZeRO, figure 1"),
        lk.Reading(f"{row['what']}, by the formula", ours, "B", "modelled"),
    )
stage_1_guess.against(lk.Reading("at stage 1", state_bytes(7.5e9, 64, 1), "B", "modelled"))

# %% [markdown]
# **Play.** How large a model can 64 GPUs hold at each stage? Why does stage 2 stop gaining when you
# add GPUs, and stage 3 never?


# %%
def memory(billion_parameters, gpus, chip):
    rows = {
        f"stage {stage}": lk.plan.zero_bytes(billion_parameters * 1e9, gpus, stage)._asdict()
        for stage in range(4)
    }
    one = lk.chip(chip)
    return lk.draw.stacks(
        rows, lk.draw.Axis("model state on one GPU", "B"), limit=one.memory.value,
        limit_words=f"memory of an {one.name}",
        title=f"{billion_parameters:g} billion parameters on {gpus} GPUs",
    )  # fmt: skip


lk.Explorer(
    memory, billion_parameters=(1, 500, 7), gpus=[64, 1, 8, 512, 4096],
    chip=["h100-sxm", "a100-sxm-40", "b200"],
)  # fmt: skip

# %% [markdown]
# (At stage 2 every GPU still holds all parameters, however many GPUs share the rest.)
#
# > **Takeaway.** Training state weighs 16 bytes a parameter, and data parallelism holds a copy on
# > every rank. ZeRO lets each rank keep a part, and cuts first what is largest and least needed.
#
# ## What a rank really holds
# PyTorch has stage 0 as `DistributedDataParallel`, stage 1 as
# `ZeroRedundancyOptimizer`, and stages 2 and 3 as
# [`fully_shard`](https://docs.pytorch.org/docs/stable/distributed.fsdp.fully_shard.html), known as
# FSDP2 (fully sharded data parallel). Before a layer computes, it gathers that layer's parameters
# from all ranks. At stage 3 it lets go of them after the layer's forward pass. At stage 2,
# `reshard_after_forward=False` keeps them.
#
# Each rank counts what it holds, after the forward pass and after the step. We use 32 bits
# throughout, without a second copy: 4 + 4 + 8 bytes.


# %% tags=["read"]
def train_at(stage):
    """What each rank runs: three steps at a ZeRO stage. Returns bytes held, and bytes sent."""
    import torch
    import torch.distributed as dist
    from torch import nn
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.optim import ZeroRedundancyOptimizer

    from labkit.cluster.held import held_bytes
    from labkit.cluster.traffic import Traffic

    dist.init_process_group("gloo")
    Adam, blocks = torch.optim.Adam, []
    for _ in range(4):
        blocks.append(nn.Sequential(nn.Linear(256, 1024), nn.ReLU(), nn.Linear(1024, 256)))
    model = nn.Sequential(*blocks)
    n_parameters = sum(p.numel() for p in model.parameters())
    if stage >= 2:
        for part in [*blocks, model]:  # each block is gathered by itself
            fully_shard(part, reshard_after_forward=stage == 3)
    else:
        model = nn.parallel.DistributedDataParallel(model)
    parameters = model.parameters()
    optimizer = ZeroRedundancyOptimizer(parameters, Adam) if stage == 1 else Adam(parameters)

    x = torch.randn(32, 256)
    for _ in range(3):
        optimizer.zero_grad()
        with Traffic() as traffic:  # counts the collectives, and their bytes
            loss = (model(x) - x).square().mean()
            after_forward = held_bytes(model, optimizer)
            loss.backward()
            optimizer.step()
    return n_parameters, after_forward, held_bytes(model, optimizer), traffic.totals()


# %% [markdown]
# **Guess first.** The parameters of this model take 8.4 MB. At stage 2 they aren't cut. How many MB
# of them does each of our two ranks hold between two steps?

# %%
stage_2_guess = lk.predict("16.b", ..., "MB")

# %%
of_rank_0 = {stage: lk.run_ranks(train_at, 2, args=(stage,)).returned[0] for stage in range(4)}
bars = {}
for stage, (_, after_forward, after_step, _) in of_rank_0.items():
    bars[f"stage {stage}, after forward"] = after_forward
    bars[f"stage {stage}, after the step"] = after_step
stage_2_guess.against(
    lk.Reading("parameters at stage 2", of_rank_0[2][2]["parameters"], "B", "measured")
)
lk.draw.stacks(
    bars, lk.draw.Axis("bytes on one of two ranks", "B"), title="ZeRO stages, as PyTorch has them",
    measured=True,
)  # fmt: skip

# %% tags=["collapsed"]
for stage, (n_parameters, after_forward, after_step, _) in of_rank_0.items():
    formula = lk.plan.zero_bytes(n_parameters, 2, stage, lk.plan.zero.FP32_ADAM)
    whole = after_forward if stage == 2 else after_step
    peak = {**after_step, "parameters": whole["parameters"]}
    lk.show(
        lk.Reading(f"stage {stage}, held over formula", sum(peak.values()) / formula.total, "1",
                   of="measured"),
    )  # fmt: skip
    assert abs(sum(peak.values()) / formula.total - 1) < 0.01

# %% [markdown]
# After the step, stages 0, 1 and 3 hold what the formula says. (After the forward pass there are no
# gradients yet.) Stage 2 is different: it has whole parameters only from the forward pass to the
# backward pass, so the ratio counts them there. Then FSDP2 lets go of them, because they're about
# to change; between two steps stage 2 looks like stage 3.
#
# > **Takeaway.** A stage says what is kept *while it isn't used*. Ask when memory is fullest: the
# > worst moment has to fit.
#
# ## Who talks, and how much?
# **Guess first.** At stage 3 a rank computes with parameters that it doesn't have. How many times
# as many bytes as at stage 0 does it send in a step? It would be 1 if cutting were free. [Lesson
# 15](15_collectives.ipynb) showed that an all-reduce is a reduce-scatter and then an all-gather.

# %%
sent_guess = lk.predict("16.c", ...)

# %% tags=["collapsed"]
sent = {}


def show_sent(name, totals):
    """One line: which collectives, and the bytes that a rank sends with them."""
    told = ", ".join(f"{n} {kind} ({sent / 1e6:.2f} MB)" for kind, (n, sent) in totals.items())
    lk.show(f"[measured] {name}: {told}")


# %%
for stage, (*_, totals) in of_rank_0.items():
    show_sent(f"stage {stage}", totals)
    sent[stage] = lk.Reading(f"sent at stage {stage}", sum(n for _, n in totals.values()), "B",
                             "measured")  # fmt: skip
sent_guess.against((sent[3] / sent[0]).named("stage 3 over stage 0"))
lk.show((sent[2] / sent[0]).named("stage 2 over stage 0"))

# %% [markdown]
# (The collectives and their sizes are counted; the bytes are those of lesson 15's ring.) Stage 2
# splits the all-reduce in two: gradients are reduce-scattered to those who keep them, and the new
# parameters are gathered when the next step begins. That costs nothing extra, unless a step
# accumulates the gradients of several passes, and reduce-scatters each. Stage 3 gathers twice, for
# the forward and for the backward pass, which makes 1.5 times, as ZeRO's paper says. It has stage 1
# at 1.0. PyTorch's sends 1.5: it all-reduces every gradient to everyone, and *then*
# each owner broadcasts what it updated.
#
# > **Takeaway.** Cutting the optimizer's state and the gradients need not add to what is sent, and
# > cutting the parameters adds half. Count what your library really sends: it may not do what the
# > formula describes.
#
# ## Cut the matrices
# So far we've cut state, but each rank still computes whole layers. **Tensor parallelism**
# ([Shoeybi et al. 2019](https://arxiv.org/abs/1909.08053)) cuts the work of a layer: of an MLP
# `relu(x @ up) @ down`, each rank takes some of the hidden neurons.
#
# ### Your turn
# Do one rank's work. Its neurons are the `rank`-th of `n_ranks` equal parts of the *columns* of
# `up`, counted from 0. Which part of `down` do they need? The sum over all ranks has to be the
# whole result. (3 or 4 lines)


# %%
def one_part(x, up, down, rank, n_ranks):
    """This rank's share of relu(x @ up) @ down: shares of all ranks add up to it."""
    ### BEGIN SOLUTION
    each = up.shape[1] // n_ranks
    mine = slice(rank * each, (rank + 1) * each)
    return np.maximum(x @ up[:, mine], 0) @ down[mine]
    ### END SOLUTION


one_part = lk.your_turn("16.t2", one_part)

# %% [markdown]
# The ranks don't talk until the end, where an all-reduce adds up the shares; the backward pass has
# another. **Sequence parallelism** ([Korthikanti et al. 2022](https://arxiv.org/abs/2205.05198))
# takes the all-reduce apart again, so that what stands between two MLPs, such as a norm, is done by
# each rank for its share of the tokens only. In PyTorch both are plans that say how each layer is
# cut. We run them on four ranks, beside data parallelism and, on a 2 × 2 grid (a **mesh**), a mix:


# %% tags=["read"]
def cut_a_block():
    """What each rank runs: one block with 256 tokens, cut in four ways."""
    import torch
    from torch import nn
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import Shard
    from torch.distributed.tensor.parallel import (
        ColwiseParallel,
        RowwiseParallel,
        SequenceParallel,
        parallelize_module,
    )  # fmt: skip

    from labkit.cluster.traffic import Traffic

    by_neurons = {"1": ColwiseParallel(), "3": RowwiseParallel()}
    and_by_tokens = {
        "0": SequenceParallel(), "1": ColwiseParallel(input_layouts=Shard(1)),
        "3": RowwiseParallel(output_layouts=Shard(1)),
    }  # fmt: skip

    def block():  # the same on every rank, and each time
        torch.manual_seed(0)
        return nn.Sequential(
            nn.LayerNorm(256), nn.Linear(256, 1024), nn.ReLU(), nn.Linear(1024, 256)
        )

    def train(model, place, n_places):
        """One forward and backward pass of this rank's share of the tokens."""
        share = x.chunk(n_places, 1)[place].clone().requires_grad_()
        with Traffic() as traffic:
            y = model(share)
            y.square().mean().backward()
        return traffic.totals(), (y - whole.chunk(n_places, 1)[place]).abs().max().item()

    mesh = init_device_mesh("cpu", (4,))
    grid = init_device_mesh("cpu", (2, 2), mesh_dim_names=("data", "tensor"))
    rank, x = mesh.get_local_rank(), torch.randn(1, 256, 256, generator=torch.manual_seed(1))
    whole = block()(x)
    both = parallelize_module(block(), grid["tensor"], by_neurons)
    fully_shard(both, mesh=grid["data"], reshard_after_forward=True)  # stage 3
    return {
        "data parallel": train(nn.parallel.DistributedDataParallel(block()), rank, 4),
        "tensor parallel": train(parallelize_module(block(), mesh, by_neurons), 0, 1),
        "tensor and sequence": train(parallelize_module(block(), mesh, and_by_tokens), rank, 4),
        "2 × 2, stage 3 and tensor": train(both, grid["data"].get_local_rank(), 2),
    }


cuts = lk.run_ranks(cut_a_block, 4).returned
for name, (totals, _) in cuts[0].items():
    show_sent(name, totals)
assert all(error < 1e-6 for of_rank in cuts for _, error in of_rank.values())

# %% [markdown]
# All give the output of one process, within rounding. But they send different things. Data
# parallelism sends *gradients*: their bytes depend on the parameters, they're sent once a step, and
# computing can go on meanwhile. Tensor parallelism sends *activations*: their bytes depend on the
# tokens, they're sent in every layer, forward and backward, and everybody waits for them. The mesh
# does both, each within a pair: all-reduces of half the tokens, stage 3 for half the parameters.
#
# There are two more things to cut. For long texts, **ring attention** ([Liu et al.
# 2023](https://arxiv.org/abs/2310.01889)) cuts the sequence, and the keys and values travel around
# the ranks. In a **mixture of experts** each token goes through one of several MLPs, and each rank
# holds some of those: an *all-to-all*, in which every rank sends to every other, brings the tokens
# there, and another one brings them back. (A small one before them says how many will come.) You'll
# write the hearts of both in the exercises; here they run on four ranks.


# %% tags=["collapsed"]
def ring_attention():
    """What each rank runs: attention to a sequence of which it holds a quarter."""
    import torch
    import torch.distributed as dist

    from labkit.cluster.traffic import Traffic

    dist.init_process_group("gloo")
    rank, n_ranks = dist.get_rank(), dist.get_world_size()
    q, k, v = torch.randn(3, 512, 64, generator=torch.manual_seed(2)).unbind()
    whole = torch.softmax(q @ k.T / 8, -1) @ v
    q, k, v, whole = (t.chunk(n_ranks)[rank] for t in (q, k, v, whole))
    out, total, peak = torch.zeros_like(q), torch.zeros(len(q), 1), torch.full((len(q), 1), -1e30)
    with Traffic() as traffic:
        for hop in range(n_ranks):
            scores = q @ k.T / 8
            new_peak = torch.maximum(peak, scores.amax(1, keepdim=True))
            weights, shrink = (scores - new_peak).exp(), (peak - new_peak).exp()
            out, total = out * shrink + weights @ v, total * shrink + weights.sum(1, keepdim=True)
            peak = new_peak
            if hop < n_ranks - 1:  # keys and values go to the next rank
                buffer = torch.empty(2, *k.shape)
                work = dist.batch_isend_irecv([
                    dist.P2POp(dist.isend, torch.stack((k, v)), (rank + 1) % n_ranks),
                    dist.P2POp(dist.irecv, buffer, (rank - 1) % n_ranks),
                ])  # fmt: skip
                for each in work:
                    each.wait()
                k, v = buffer
    return traffic.totals(), (out / total - whole).abs().max().item()


def experts():
    """What each rank runs: 200 tokens go to one of eight experts, two on each rank."""
    import torch
    import torch.distributed as dist
    from torch import nn

    from labkit.cluster.traffic import Traffic

    dist.init_process_group("gloo")
    rank, n_ranks = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(3)
    all_experts, router = [nn.Linear(64, 64) for _ in range(8)], nn.Linear(64, 8)
    tokens = torch.randn(200, 64, generator=torch.manual_seed(100 + rank))
    expert_of = router(tokens).argmax(1)
    order = expert_of.argsort(stable=True)
    counts = torch.bincount(expert_of, minlength=8)
    with Traffic() as traffic, torch.no_grad():
        theirs = torch.empty_like(counts)  # how many tokens each rank sends for each of our experts
        dist.all_to_all_single(theirs, counts)
        there = counts.view(n_ranks, 2).sum(1).tolist()
        here = theirs.view(n_ranks, 2).sum(1).tolist()
        inbox = torch.empty(sum(here), 64)
        dist.all_to_all_single(inbox, tokens[order], here, there)
        which = torch.cat([torch.arange(2).repeat_interleave(n) for n in theirs.view(n_ranks, 2)])
        for local in range(2):
            mine = which == local
            inbox[mine] = all_experts[2 * rank + local](inbox[mine])
        back = torch.empty_like(tokens)
        dist.all_to_all_single(back, inbox, there, here)
        result = torch.empty_like(tokens)
        result[order] = back
        alone = torch.stack([all_experts[e](t) for e, t in zip(expert_of, tokens, strict=True)])
    return traffic.totals(), ((result - alone).abs().max() / alone.abs().max()).item()


for name, program in {"ring attention": ring_attention, "experts": experts}.items():
    returned = lk.run_ranks(program, 4).returned
    show_sent(name, returned[0][0])
    assert all(error < 1e-6 for _, error in returned)

# %% [markdown]
# > **Takeaway.** What you cut decides who talks. Cut state needs reduce-scatters and all-gathers,
# > and a cut layer all-reduces of activations; a cut sequence needs neighbours, and experts need
# > everybody. Keep what everyone waits for inside a server, where links are fast.
#
# ## Cut the layers
# A **pipeline** gives each rank a **stage** (not ZeRO's), some layers in a row. Only the
# activations at the borders are sent, and their gradients on the way back, which isn't much. But a
# rank has to wait until its neighbours have something for it. So the batch is cut into
# **micro-batches** that follow one another through the stages. The time in which a rank still has
# nothing to do is the **bubble**.
#
# **Guess first.** In [GPipe](https://arxiv.org/abs/1811.06965) all micro-batches go forward, then
# all go backward. With four ranks and eight micro-batches, what percentage of the time is bubble?
# (With a single micro-batch it's 75 %.)

# %%
bubble_guess = lk.predict("16.d", ..., "%")

# %%
gpipe = play(SCHEDULES["GPipe"](4, 8))
bubble_guess.against(lk.Reading("bubble of GPipe", idle_share(gpipe), "%", "modelled"))
lk.draw.pipeline(
    {"": gpipe}, title="GPipe: numbers are micro-batches, backward takes twice as long"
)

# %% [markdown]
# With $p$ ranks and $m$ micro-batches the bubble is $(p - 1) / (m + p - 1)$: each rank works on $m$
# micro-batches, and for the time of $p - 1$ more it waits while the pipeline fills and drains.
# Until its backward pass, a micro-batch's activations must be kept: here each rank keeps all eight.
#
# ### Your turn
# **1F1B** keeps fewer. Rank $r$ begins with $p - 1 - r$ forward passes, or $m$ if that's less. Then
# it does one forward and one backward pass in turn, until there are no more forward passes, and at
# last the backward passes that are left. Micro-batches go in order, in both directions. (about 5
# lines)


# %%
def one_f_one_b(rank, n_ranks, n_batches):
    """The tasks of a rank in their order, as pairs: [("F", 0), ("F", 1), ("B", 0), ...]."""
    ### BEGIN SOLUTION
    ahead = min(n_ranks - 1 - rank, n_batches)
    tasks = [("F", batch) for batch in range(ahead)]
    for batch in range(n_batches):
        if ahead + batch < n_batches:
            tasks.append(("F", ahead + batch))
        tasks.append(("B", batch))
    return tasks
    ### END SOLUTION


one_f_one_b = lk.your_turn("16.t3", one_f_one_b)

# %% [markdown]
# **Play.** 1F1B is your order. How does its bubble compare with GPipe's? What does it save?
# **Interleaved** gives each rank two stages, so a micro-batch passes by twice, the
# wait is half as long, and messages double ([Narayanan et al.
# 2021](https://arxiv.org/abs/2104.04473)). **Zero bubble** cuts the backward pass in two: the
# neighbour waits only for the gradient of the *input*; that of the *weights* can fill the bubble
# ([Qi et al. 2023](https://arxiv.org/abs/2401.10241)). Ours is their frugal form: no rank keeps
# more than rank 0 of 1F1B, and some bubble is left.


# %%
def orders(schedule, n_ranks, n_batches):
    """The tasks of all ranks; for 1F1B, in your order."""
    if schedule != "1F1B":
        return SCHEDULES[schedule](n_ranks, n_batches)
    return [
        [Task(kind, rank, batch) for kind, batch in one_f_one_b(rank, n_ranks, n_batches)]
        for rank in range(n_ranks)
    ]


def timeline(schedule, ranks, rounds):
    order = orders(schedule, ranks, ranks * rounds)
    spans = play(order)
    title = (
        f"{schedule}: bubble {idle_share(spans):.1%}, up to {max(most_in_flight(order)):g} "
        f"micro-batches kept"
    )
    return lk.draw.pipeline({"": spans}, title=title)


lk.Explorer(
    timeline, schedule=["1F1B", "GPipe", "interleaved 1F1B", "zero bubble"], ranks=(2, 6, 4),
    rounds=lk.draw.Slider(1, 4, 2, label="micro-batches for each rank"),
)  # fmt: skip

# %% [markdown]
# > **Takeaway.** More micro-batches make the bubble smaller, and 1F1B makes them affordable: same
# > bubble as GPipe, fewer activations. Interleaving (which keeps more) and zero bubble shrink the
# > bubble itself.
#
# ## The real run beside the ideal
# On paper a message takes no time. Four ranks now train by PyTorch's own schedules.
# Your machine may have fewer cores, and waiting for a core would look like waiting for a neighbour.
# So our layers *sleep* instead of computing: 40 ms forward, and as long for
# each of the two gradients. The messages, the schedules and the gradients are real.

# %%
runs = lk.cluster.run_pipelines(SCHEDULES, n_ranks=4, n_batches=8, forward_s=0.04)
ideal = play(orders("1F1B", 4, 8), {"F": 0.04, "B": 0.08})
lk.draw.pipeline(
    {"ideal": ideal, "real": runs["1F1B"].spans}, title="1F1B on paper, and on four real ranks",
    unit="s", measured=True,
)  # fmt: skip

# %% tags=["collapsed"]
on_paper = {name: idle_share(play(SCHEDULES[name](4, 8))) for name in SCHEDULES}
real = {}
for name, run in runs.items():
    real[name] = lk.Reading(f"{name}, real", idle_share(run.spans), "%", "measured")
    lk.show(lk.Reading(f"{name}, on paper", on_paper[name], "%", "modelled"), real[name])

# %% tags=["collapsed"]
kept = {row["schedule"]: row["bubble_share"] for row in lk.recorded("pipeline-bubbles").rows}
lk.expect(
    real["GPipe"], bubble_share(4, 8) - 0.03, bubble_share(4, 8) + 0.03,
    below="Tasks took longer than they should, on all ranks alike: a busy machine wakes sleepers "
    "late, so less of the time is left for the bubble.",
    inside="The real bubble is the formula's. Messages and waking up cost little beside 40 ms.",
    above="Your ranks waited longer than the formula says: on a busy machine, handing on a message "
    "needs a core, too.",
    recorded=lk.Reading(
        "bubble of GPipe", kept["GPipe"], "%", "recorded",
        source=lk.recorded("pipeline-bubbles").source,
    ),
)  # fmt: skip

# %% [markdown]
# Is it still the same training? Each schedule must find the gradients of one process, whatever the
# order of the sums. Here are all seven that PyTorch has:

# %%
others = [name for name in lk.cluster.PIPELINES if name not in runs]
for name, run in (runs | lk.cluster.run_pipelines(others, forward_s=0, n_steps=1)).items():
    lk.show(f"[measured] {name}: gradients differ by at most {run.gradient_error:.0e}")
    assert run.gradient_error < 1e-6

# %% [markdown]
# > **Takeaway.** A schedule changes who waits when, never what is learned. The formula holds for
# > real ranks as long as a task is much longer than a message, which is why stages must not be too
# > small.
#
# ## Back to the two servers
# Now the opening explains itself. Cutting each layer over two servers put an all-reduce of
# activations, for which everybody waits, on the link *between* them: 12.5 GB/s, where the links
# inside have 300 (the paper's figures). And a copy for each GPU failed at
# 1.4 billion parameters because 2.8 GB of weights make 22 GB of state, with activations on top.
#
# The team cut by what has to talk: layers inside a server, where links are fast, and state across
# servers, where ranks talk once a step and nobody waits for long. Many large training runs since
# then follow that map, with pipelines between the two. How large should each be? That's lesson 17.
#
# **Next**: the [exercises](../exercises/16_sharding_and_pipelines.ipynb), then [planning a training
# run](17_planning_a_training_run.ipynb).
