# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 16 · Sharding and pipelines: exercises
# You'll work out what a step sends and what fits, and write the hearts of ring attention and of a
# mixture of experts. Each check tries your function on new numbers.

# %%
import math

import numpy as np

import labkit as lk

# %% [markdown]
# ## 16.1 What a step sends
# How many bytes does one of `n_ranks` ranks send in a training step at a ZeRO stage, if everything
# goes around a ring? A parameter and its gradient take `itemsize` bytes each. A reduce-scatter or
# an all-gather of B bytes sends (n − 1) / n of them, and an all-reduce is one after the other.
# Count as the paper does: stages 1 and 2 need a reduce-scatter of the gradients and an all-gather
# of the parameters. (about 3 lines)


# %%
def sent_bytes(n_parameters, n_ranks, stage, itemsize):
    """Bytes that one rank sends in a step at a ZeRO stage, 0 to 3."""
    ### BEGIN SOLUTION
    once = n_parameters * itemsize * (n_ranks - 1) / n_ranks
    return 3 * once if stage == 3 else 2 * once
    ### END SOLUTION


# %%
lk.check("16.1", sent_bytes)

# %% [markdown] tags=["solution"]
# Most people who go wrong here give stage 1 or 2 fewer bytes than stage 0, because less is held.
# But an all-reduce *is* a reduce-scatter and an all-gather; stages 1 and 2 only do something else
# between the two. Stage 3 gathers the parameters a second time, for the backward pass.

# %% [markdown]
# ## 16.2 How many GPUs?
# A model trains with mixed-precision Adam, 16 bytes a parameter as in the lesson. Each GPU has
# `memory_bytes`, of which `other_bytes` go to activations and buffers, whatever the number of GPUs.
# What is the smallest number of GPUs whose memory suffices at a ZeRO stage? Return `math.inf` if no
# number does. (about 5 lines; which bytes are cut, and which stay?)


# %%
def gpus_for(n_parameters, stage, memory_bytes, other_bytes):
    """The smallest number of GPUs on which model state and the rest fit, or infinity."""
    ### BEGIN SOLUTION
    cut = n_parameters * {0: 0, 1: 12, 2: 14, 3: 16}[stage]
    left = memory_bytes - other_bytes - (16 * n_parameters - cut)
    if cut == 0:
        return 1 if left >= 0 else math.inf
    return math.ceil(cut / left) if left > 0 else math.inf
    ### END SOLUTION


# %%
lk.check("16.2", gpus_for)

# %% [markdown] tags=["solution"]
# The wrong turn is to divide everything by the memory: 16 bytes times the parameters, over what a
# GPU has. That's stage 3 only. What isn't cut stays on every GPU, so it has to be taken off the
# memory first, and if nothing is left then, more GPUs won't help.

# %% [markdown]
# ## 16.3 The heart of ring attention
# A rank attends to one part of the keys after the other, and never sees all scores at once. Of each
# part it keeps, for every query, the largest score `peak`, the sum `total` of exp(score − peak),
# and `out`, the sum of exp(score − peak) times the value's row. Merge two parts into one of the
# same kind. Shapes: `out` is (queries, width), `total` and `peak` are (queries, 1). (about 4 lines)


# %%
def merge(first, second):
    """(out, total, peak) of two parts together, from (out, total, peak) of each."""
    ### BEGIN SOLUTION
    (out_a, total_a, peak_a), (out_b, total_b, peak_b) = first, second
    peak = np.maximum(peak_a, peak_b)
    a, b = np.exp(peak_a - peak), np.exp(peak_b - peak)
    return a * out_a + b * out_b, a * total_a + b * total_b, peak
    ### END SOLUTION


# %%
lk.check("16.3", merge)

# %% [markdown] tags=["solution"]
# Adding up `out` and `total` as they stand is the wrong turn that most people take. Each part is
# relative to its *own* peak, so both have to be brought to a common one first. And why the larger
# peak, where the mathematics would allow any? With a smaller one, exp(score − peak) can overflow.

# %% [markdown]
# ## 16.4 Tokens to their experts
# Before the all-to-all, a rank has to lay its tokens in order: first those for rank 0, then those
# for rank 1, and so on; for the same rank first those for its first expert; and tokens for one
# expert stay in the order that they had. Expert `e` lives on rank `e // experts_per_rank`.
# `expert_of[i]` is the expert of token `i`. Return the order, as indices of the tokens, and the
# list of how many go to each rank. (about 4 lines; a rank may get none)


# %%
def send_plan(expert_of, n_ranks, experts_per_rank):
    """The order of the tokens in what is sent, and how many of them each rank gets."""
    ### BEGIN SOLUTION
    expert_of = np.asarray(expert_of)
    order = np.argsort(expert_of, kind="stable")
    counts = np.bincount(expert_of // experts_per_rank, minlength=n_ranks)
    return order.tolist(), counts.tolist()
    ### END SOLUTION


# %%
lk.check("16.4", send_plan)

# %% [markdown] tags=["solution"]
# Two things go wrong here. NumPy's `argsort` isn't stable unless it's asked to be, so tokens of one
# expert may change places. And counting only the ranks that occur makes the list too short as soon
# as a rank gets nothing: then every later rank reads somebody else's tokens.

# %% [markdown]
# ## 16.5 Enough micro-batches (a stretch)
# What is the smallest number *m* of micro-batches with which the bubble takes at most `share` of
# the time? There are *p* = `n_ranks` ranks with *v* = `n_chunks` stages each, and micro-batches
# come in whole rounds of `n_ranks`, at least one. (2 lines; solve (p − 1) / (v m + p − 1) ≤ share
# for m)


# %%
def batches_for(share, n_ranks, n_chunks):
    """The smallest multiple of `n_ranks` whose bubble is at most `share`."""
    ### BEGIN SOLUTION
    least = (n_ranks - 1) * (1 / share - 1) / n_chunks
    return n_ranks * math.ceil(least / n_ranks)
    ### END SOLUTION


# %%
lk.check("16.5", batches_for)

# %% [markdown] tags=["solution"]
# Papers print two bubbles: over the whole time, (p − 1) / (v m + p − 1), and over the ideal time,
# (p − 1) / (v m). If you mix them up, you get a few micro-batches too many, and for a bubble of
# half the time about twice as many. The other slip is rounding down.

# %% [markdown]
# ## To think about
# 1. Stage 3 sends half as much again as stage 2. When would you still choose it, and what could
#    make the extra bytes cost no time?
# 2. A pipeline of 64 stages needs hundreds of micro-batches for a small bubble. What else does that
#    ask of the training run, and which cut would you combine it with?

# %% [markdown] tags=["solution"]
# 1. When the parameters, 2 bytes each on every rank, don't fit beside everything else. The layers
#    to come are known, so their parameters can be gathered while the present layer computes; where
#    computing a layer takes longer than gathering the next, the extra bytes cost no time. Small
#    batches and slow links break that.
# 2. The batch has to be at least that large, in each data-parallel copy of the pipeline, and very
#    large batches learn less per token. So pipelines stay short: tensor parallelism inside the
#    servers makes stages larger, and ZeRO across makes a stage fit. Interleaving and zero bubble
#    make the same micro-batches go further.
