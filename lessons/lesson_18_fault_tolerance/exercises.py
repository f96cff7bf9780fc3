# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 18 · Fault tolerance: exercises
# You'll audit a published table, work out what failures cost, and find the rank that's slow and the
# rank that's wrong. Each check tries your function on new inputs.

# %%
import math

import labkit as lk

# %% [markdown]
# ## 18.1 Audit a table
# Each row is `(cause, count, printed_percent)`, and `printed_percent` should be the share of this
# count in the sum of all counts, in percent, rounded to one decimal. Return a list of the causes
# for which it isn't, in the order of the rows. (about 4 lines; a printed number may be off by 0.05)


# %%
def audit(rows):
    """The causes whose printed percentage doesn't follow from their count."""
    ### BEGIN SOLUTION
    total = sum(count for _, count, _ in rows)
    return [cause for cause, count, printed in rows if abs(100 * count / total - printed) > 0.0501]
    ### END SOLUTION


# %%
lk.check("18.1", audit)

# %% [markdown] tags=["solution"]
# Now audit Meta's table with it.

# %% tags=["solution"]
causes = lk.published("llama-3-interruptions").rows
table = [(row["component"], row["count"], 100 * row["share_fraction"]) for row in causes]
print(audit(table))

# %% [markdown] tags=["solution"]
# Many compare with the sum of the printed percentages, which is 94.9 here, instead of the sum of
# the counts. The paper did something like it: its 58.7 % for GPUs adds up printed percentages, of
# which one is wrong. With 126 in the first row its percentage would be right, but then the counts
# would sum to 397, and not to the 419 of the text. So it's probably the percentage.

# %% [markdown]
# ## 18.2 Without a checkpoint
# You want to train for `days` days on `n_gpus` GPUs, 8 in a node, and leave out checkpoints. The
# nodes fail independently, `failures_per_1000_node_days` on average in 1,000 days of one node.
# What's the chance that the run meets no failure at all? If failures have no memory, and *m* of
# them come on average in this time, the chance of none is $e^{-m}$. (2 lines)


# %%
def chance_of_no_failure(n_gpus, days, failures_per_1000_node_days):
    """The chance, 0 to 1, that none of the nodes fails in this time."""
    ### BEGIN SOLUTION
    node_days = n_gpus / 8 * days
    return math.exp(-node_days * failures_per_1000_node_days / 1000)
    ### END SOLUTION


# %%
lk.check("18.2", chance_of_no_failure)

# %% tags=["solution"]
print(f"[modelled] 1,024 GPUs of RSC-1, a weekend: {chance_of_no_failure(1024, 2, 6.5):.0%}")
print(f"[modelled] 16,384 GPUs of RSC-1, a weekend: {chance_of_no_failure(16_384, 2, 6.5):.1e}")

# %% [markdown] tags=["solution"]
# The usual wrong turn is `1 - m`. That's nearly right while *m* is small, and negative above 1.

# %% [markdown]
# ## 18.3 What is left to improve?
# The waste of a run is about `save / interval + interval / (2 * mttf) + restart / mttf`. Put
# Young's interval into it, and return what is wasted at best. (2 lines)


# %%
def least_waste(save_s, restart_s, mttf_s):
    """The share of the time that is wasted at the best interval, by the short formula."""
    ### BEGIN SOLUTION
    interval_s = math.sqrt(2 * save_s * mttf_s)
    return save_s / interval_s + interval_s / (2 * mttf_s) + restart_s / mttf_s
    ### END SOLUTION


# %%
lk.check("18.3", least_waste)

# %% tags=["solution"]
MTTF_S = 54 * 86400 / 419  # of Llama 3
for save_s, restart_s in ((60, 600), (30, 600), (60, 300), (30, 300)):
    waste = least_waste(save_s, restart_s, MTTF_S)
    print(f"[modelled] save {save_s} s, restart {restart_s} s: {waste:.1%} wasted")

# %% [markdown] tags=["solution"]
# At the best interval both of the first two terms are √(save / (2 × MTTF)), so saving and
# redoing work cost the same. (If yours don't, you know in which direction to move.) To halve them,
# you have to save *four* times as fast, while halving the restart halves its part of the waste.

# %% [markdown]
# ## 18.4 Find the straggler
# `compute_s[rank][step]` is for how many seconds a rank computed in a step. Everybody waits for the
# slowest, so what a rank *costs* the others is, in each step, how much later it finishes than the
# slowest of the others, and nothing if it isn't the slowest. Return `(rank, cost_s)` of the rank
# that costs most over all steps. (about 6 lines; there are at least two ranks)


# %%
def straggler(compute_s):
    """(rank, seconds that it costs the others) of the costliest rank."""
    ### BEGIN SOLUTION
    costs_s = [0.0] * len(compute_s)
    for step in zip(*compute_s, strict=True):
        second, slowest = sorted(step)[-2:]
        costs_s[step.index(slowest)] += slowest - second
    worst = max(range(len(costs_s)), key=costs_s.__getitem__)
    return worst, costs_s[worst]
    ### END SOLUTION


# %%
lk.check("18.4", straggler)

# %% [markdown] tags=["solution"]
# Most people return the rank with the largest sum. But two ranks that are slow together hide each
# other: replacing only one of them gains nothing. The sum also misses a rank that is fast on
# average and late in every tenth step.

# %% [markdown]
# ## 18.5 Who is wrong?
# The gradients of each batch were computed by two or more ranks: `checksums[batch]` is a
# dictionary, rank -> checksum. A rank is a *suspect* if it alone explains every disagreement: each
# time that the checksums of a batch differ, it took part, and all the others agree. Return the
# suspects as a sorted list. It's empty if nothing differs. (about 8 lines)


# %%
def suspects(checksums):
    """The ranks each of which would explain all disagreements alone, sorted."""
    ### BEGIN SOLUTION
    left = None
    for by_rank in checksums:
        if len(set(by_rank.values())) > 1:
            alone = {
                rank
                for rank in by_rank
                if len({value for other, value in by_rank.items() if other != rank}) == 1
            }
            left = alone if left is None else left & alone
    return sorted(left or [])
    ### END SOLUTION


# %%
lk.check("18.5", suspects)

# %% [markdown] tags=["solution"]
# Two that disagree only show that one of them is wrong, so a single batch with two ranks leaves two
# suspects. Blaming the first of them, or whoever differs from rank 0, takes a healthy machine out
# of service half of the time. A second batch with another partner settles it, and so does a third
# opinion on the same batch.

# %% [markdown]
# ## To think about
# 1. Your run on 1,000 nodes has an MTTF of 20 h, and a few nodes fail far more often than the
#    others. Does Young's formula still give a good interval? What would you do first?
# 2. With torchft a replica that dies makes the batch smaller for a while. When would you rather
#    wait for it?

# %% [markdown] tags=["solution"]
# 1. Yes: it only needs the MTTF of the fleet, and you measured that. But first take the bad nodes
#    out. RSC's authors call them [lemons](https://arxiv.org/abs/2410.21680). Without them the MTTF
#    is longer, and no interval does that for you.
# 2. If the optimizer's settings were chosen for the full batch and the outage lasts long, or if you
#    must be able to repeat the run exactly. With 2 replicas half of the batch is gone, with 64
#    hardly anything.
