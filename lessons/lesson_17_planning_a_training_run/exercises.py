# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 17 · Planning a training run: exercises
# You'll work out the figures that papers boast with, budget a bubble, test a planner without
# fooling yourself, and see how well a benchmark scaled. Each check tries your function on new
# numbers.

# %%
import math
import statistics

import labkit as lk

# %% [markdown]
# ## 17.1 Utilisation from tokens a second
# Somebody tells you how many tokens a second their cluster trains on. What is the MFU? Count 6 FLOP
# for each parameter and token, and for the attention 12 × `layers` × `width` × `seq` for each
# token, where `width` is heads × head size ([PaLM, appendix B](https://arxiv.org/abs/2204.02311)).
# (about 2 lines)


# %%
def mfu(tokens_per_s, parameters, layers, width, seq, chips, peak_flop_per_s):
    """Model FLOP utilisation, a fraction of the peak of all chips."""
    ### BEGIN SOLUTION
    flop_per_token = 6 * parameters + 12 * layers * width * seq
    return tokens_per_s * flop_per_token / (chips * peak_flop_per_s)
    ### END SOLUTION


# %%
lk.check("17.1", mfu)

# %% [markdown] tags=["solution"]
# The same for two models whose makers printed it:

# %% tags=["solution"]
for row in lk.published("palm-mfu").rows:
    ours = mfu(
        row["tokens_per_s"], 1e9 * row["parameters_1e9"], row["n_layers"], row["query_width"],
        row["n_positions"], row["n_chips"], row["peak_flop_per_s"],
    )  # fmt: skip
    print(f"{row['model']}: {row['mfu']:.1%} (published), {ours:.2%} (modelled)")

# %% [markdown] tags=["solution"]
# The wrong turn is to forget that `tokens_per_s` is the rate of the whole cluster, and so to divide
# by the peak of one chip. If your MFU is above 100 %, look there first.

# %% [markdown]
# ## 17.2 A budget for the bubble
# A pipeline of `pp` stages, each cut into `vp` pieces, waits for (pp − 1) / vp micro-batches' time
# in each step. So with *m* micro-batches the bubble takes b / (m + b) of the step, where
# b = (pp − 1) / vp. What is the smallest whole number of micro-batches for which it takes at most
# `share` of the step? (about 3 lines; 0.2 isn't exact in a computer, so don't let
# 24.000000000000004 become 25)


# %%
def micro_batches_for(share, pp, vp):
    """The smallest number of micro-batches, at least 1."""
    ### BEGIN SOLUTION
    bubble = (pp - 1) / vp
    least = bubble * (1 - share) / share
    return max(1, math.ceil(round(least, 9)))
    ### END SOLUTION


# %%
lk.check("17.2", micro_batches_for)

# %% [markdown] tags=["solution"]
# Many people set b / m equal to `share`. That's the bubble relative to the *ideal* time, which is
# what the Megatron paper quotes, and it asks for more micro-batches than you need. (We round to
# nine digits before `ceil`. Megatron's schedule with pieces also wants a multiple of pp, so there
# you'd round up to that.)

# %% [markdown]
# ## 17.3 Audit a paper
# Megatron's Table 1 says that its largest model reaches 52 % of the peak. A year later the same
# group prints 56.3 % for a model of the same size. Was that all they gained? The first number
# counts the forward pass twice, because it was computed twice. The second counts what the model
# needs. For *L* layers of width *h*, sequences of *s* tokens and a vocabulary of *V*, the papers
# count in units of $B s L h^2$:
#
# - with everything recomputed: $96\,(1 + \frac{s}{6h} + \frac{V}{16 L h})$
# - what the model needs: $72\,(1 + \frac{s}{6h} + \frac{V}{12 L h})$
#
# Turn a hardware utilisation into an MFU. (about 3 lines)


# %%
def mfu_from_hfu(hfu, layers, hidden, seq, vocab):
    """The MFU of a run with full recomputation whose hardware utilisation is `hfu`."""
    ### BEGIN SOLUTION
    counted = 96 * (1 + seq / (6 * hidden) + vocab / (16 * layers * hidden))
    needed = 72 * (1 + seq / (6 * hidden) + vocab / (12 * layers * hidden))
    return hfu * needed / counted
    ### END SOLUTION


# %%
lk.check("17.3", mfu_from_hfu)

# %% tags=["solution"]
for row in lk.published("megatron-2021-models").rows:
    ours = mfu_from_hfu(row["peak_fraction"], row["n_layers"], row["hidden"], 2048, 51200)
    print(f"{row['model']:>8}: {row['peak_fraction']:.0%} (published), {ours:.1%} MFU (modelled)")

# %% [markdown] tags=["solution"]
# From 39 % to 56 %: they gained a factor of 1.4, and not of 1.1. It's tempting to multiply by 3/4
# and be done. That's right within a few per cent for large models, but the output head isn't
# recomputed, so for small ones it's too little.

# %% [markdown]
# ## 17.4 Don't look at the answers (a stretch)
# A planner predicts too high by some factor that nobody can look up, so you fit it. `runs` is a
# list of (source, predicted, measured). For each run, take the **median** of measured / predicted
# over all runs of *other* sources, and correct its prediction by that. Return the median of
# |corrected / measured − 1| over all runs. There are at least two sources. (about 6 lines;
# `statistics` is imported)


# %%
def honest_error(runs):
    """Median error when no prediction has seen a run of its own source."""
    ### BEGIN SOLUTION
    errors = []
    for source, predicted, measured in runs:
        factor = statistics.median(m / p for other, p, m in runs if other != source)
        errors.append(abs(factor * predicted / measured - 1))
    return statistics.median(errors)
    ### END SOLUTION


# %%
lk.check("17.4", honest_error)

# %% [markdown] tags=["solution"]
# What difference does it make? Here are the published runs on A100 and H100, predicted without any
# fitted constant, and corrected by one factor in both ways.

# %% tags=["solution"]
training = lk.plan.training
runs = [
    (run.source, training.predicted_tokens_per_s_chip(run, training.PHYSICS), run.tokens_per_s_chip)
    for run in training.published_runs()
    if run.dense and run.complete and run.tokens_per_s_chip
    and run.job.chip.family in ("a100", "h100")
]  # fmt: skip
factor = statistics.median(measured / predicted for _, predicted, measured in runs)
seen = statistics.median(abs(factor * predicted / m - 1) for _, predicted, m in runs)
print(
    f"fitted to all runs {seen:.1%}, to those of other sources {honest_error(runs):.1%} (modelled)"
)

# %% [markdown] tags=["solution"]
# The wrong turn is to leave out only the run itself. Its neighbours from the same paper stay in,
# and they share its software, so they give the answer away. The other one is to take the median of
# the *errors* of each source first: then a source with three runs counts as much as one with
# seventy.

# %% [markdown]
# ## 17.5 Did it scale?
# In MLPerf everybody trains the same model from the same checkpoint to the same loss, and what
# counts is the time. `small` and `large` are two such runs, each a tuple (gpus, minutes, tokens):
# how many GPUs, how many minutes until the loss was reached, and how many tokens that took. How
# efficient is the larger run, as compared with the smaller one? Return two fractions, both of which
# are 1 when *n* times as many GPUs are *n* times as fast: one by the minutes, and one by the tokens
# per second. (about 4 lines)


# %%
def scaling(small, large):
    """(efficiency by the minutes, efficiency by the tokens per second) of the larger run."""
    ### BEGIN SOLUTION
    gpus, minutes, tokens = small
    more_gpus, fewer_minutes, other_tokens = large
    by_time = gpus * minutes / (more_gpus * fewer_minutes)
    return by_time, by_time * other_tokens / tokens
    ### END SOLUTION


# %%
lk.check("17.5", scaling)

# %% [markdown] tags=["solution"]
# Here are GPT-3's runs on H100, from the
# [logs](https://github.com/mlcommons/training_results_v3.1) of two rounds in 2023:

# %% tags=["solution"]
rows = {row["run"]: row for row in lk.published("mlperf-gpt3").rows}
for small, large in (
    ("3.0, 768 GPUs", "3.0, 3,584 GPUs"),
    ("3.0, 768 GPUs", "3.1, 10,752 GPUs"),
    ("3.1, 768 GPUs", "3.1, 10,752 GPUs"),
):  # fmt: skip
    two = [(rows[run]["n_gpus"], rows[run]["minutes"], rows[run]["n_tokens"])
           for run in (small, large)]  # fmt: skip
    by_time, by_rate = scaling(*two)
    print(f"{small} to {large}: {by_time:.1%} by the minutes, {by_rate:.1%} by the rate (modelled)")

# %% [markdown] tags=["solution"]
# The wrong turn is to take both for the same. The larger run used a smaller batch and reached the
# loss with fewer tokens, so its minutes flatter the machine. A worse one is the second line: it
# compares the new round's largest run with the *old* round's smallest, which had slower software.
# Within one round less is left, because the batch can't grow with the GPUs for ever: each GPU gets
# fewer micro-batches, and the bubble grows.

# %% [markdown]
# ## To think about
# 1. You have a plan with tp = 8 on servers of eight GPUs. Your new cluster has 72 GPUs on fast
#    links. Should you take tp = 64?
# 2. Twelve runs of your own program are all 15 % slower than the planner says. Do you change the
#    planner?
# 3. A colleague fits twenty constants to the 600 runs and reports a median error of 1 %. What do
#    you ask?

# %% [markdown] tags=["solution"]
# 1. Hardly. The all-reduces would stay on fast links, but each GPU would get a slice so thin that
#    its matrix products are small and slow, and every all-reduce would have 64 members, not 8.
#    What you gain is *freedom*: experts, long sequences or pipelines may use the fast links, too.
# 2. No: you calibrate it for your program, with one number. What was the same in all twelve runs is
#    your stack. If they were 5 to 30 % slower, you'd look for what changes among them.
# 3. How large is the error on a source that none of the twenty constants has seen? And do they mean
#    anything: is there one that says that a chip beats its peak?
