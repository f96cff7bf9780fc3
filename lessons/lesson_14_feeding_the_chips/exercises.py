# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 14 · Feeding the chips: exercises
# You'll size a storage, split a data set so that nobody loads a sample twice, shuffle what doesn't
# fit in memory, and go on with an epoch on other GPUs. Each check tries your function on new
# inputs.

# %%
import math

import labkit as lk

# %% [markdown]
# ## 14.1 How many can it feed?
# All accelerators read from one storage of `storage_bytes_per_s`, and each loads its next batch
# while it computes. So a step lasts as long as the longer of the two: `step_s`, or its share of the
# reading. Return the largest number of accelerators whose utilisation, `step_s` over the time of a
# step, is still at least `least_utilisation`. (2 to 4 lines)


# %%
def most_accelerators(sample_bytes, batch, step_s, storage_bytes_per_s, least_utilisation):
    """How many accelerators the storage keeps busy enough, a whole number."""
    ### BEGIN SOLUTION
    allowed_s = step_s / least_utilisation
    return math.floor(storage_bytes_per_s * allowed_s / (batch * sample_bytes))
    ### END SOLUTION


# %%
lk.check("14.1", most_accelerators)

# %% tags=["solution"]
for row in lk.published("mlperf-storage-v2").rows[1::2]:
    sizes = (row["sample_bytes"], row["batch"], row["step_s"])
    n = most_accelerators(*sizes, 7e9, row["least_utilisation"])
    print(f"[modelled] {row['workload']}, fed by an SSD of 7 GB/s: {n}")

# %% [markdown] tags=["solution"]
# The usual wrong turn is to multiply by the utilisation, which leaves room where none is needed: a
# run may wait for a tenth of its time, so the storage may be slower, not faster, than the hunger.

# %% [markdown]
# ## 14.2 Each sample once
# A training runs on `n_ranks` ranks, and the loader of each has `n_workers` workers. All of them
# run the same code on the same data set, whose samples are numbered from 0. Return those that
# worker `worker` of rank `rank` should load, in rising order. Together they must load each of the
# `n_samples` samples exactly once, and no two may differ by more than one sample. (2 lines)


# %%
def share(n_samples, rank, n_ranks, worker, n_workers):
    """The samples of this worker of this rank, a list of numbers."""
    ### BEGIN SOLUTION
    me = rank * n_workers + worker
    return list(range(me, n_samples, n_ranks * n_workers))
    ### END SOLUTION


# %%
lk.check("14.2", share)

# %% [markdown] tags=["solution"]
# Most people split by rank and forget the workers. Then each sample comes once for each worker, and
# nothing fails: an epoch just takes longer and the model sees everything several times. PyTorch's
# documentation warns of it for [iterable data
# sets](https://docs.pytorch.org/docs/stable/data.html#iterable-style-datasets), which don't split
# themselves.

# %% [markdown]
# ## 14.3 A shuffle buffer
# `stream` yields samples one after the other, far more than fit in memory. Hold up to `size` of
# them: take samples until that many are held, then give out one of them, drawn at random, take the
# next in its place, and so on. At the end give out the rest, at random too. Return the order in
# which samples are given out, as a list. Draw with `rng`, a `random.Random`; `rng.randrange(n)`
# gives a number below *n*. (about 8 lines)


# %%
def shuffled(stream, size, rng):
    """The samples of the stream in the order in which the buffer gives them out."""
    ### BEGIN SOLUTION
    given_out, held = [], []
    for sample in stream:
        held.append(sample)
        if len(held) == size:
            given_out.append(held.pop(rng.randrange(size)))
    rng.shuffle(held)
    return given_out + held
    ### END SOLUTION


# %%
lk.check("14.3", shuffled)

# %% [markdown] tags=["solution"]
# If you fill the buffer, shuffle it, empty it and fill it again, the first samples of the stream
# always stay the first, and nothing is loaded while the buffer empties. And a buffer only mixes
# what is close: if a shard holds pictures of cats only, a buffer smaller than the shard gives cats
# for a long while. That's why one shuffles the order of the shards, too, and why whoever writes
# them shuffles before.

# %% [markdown]
# ## 14.4 Go on with other GPUs
# An epoch visits its samples in the order of the list `order`. In each step the ranks take batches
# of `batch` samples from it, rank 0 the first, rank 1 the next and so on. After `steps_done` steps
# on `ranks_before` ranks some GPUs broke, and you go on with `n_ranks`, from where the others
# stopped. Return the batches that rank `rank` still has to take, a list of lists, in order. At the
# end, the last batch may be shorter. (2 to 3 lines)


# %%
def batches_left(order, batch, steps_done, ranks_before, rank, n_ranks):
    """The batches that this rank takes from now on."""
    ### BEGIN SOLUTION
    rest = order[steps_done * ranks_before * batch :]
    return [rest[at : at + batch] for at in range(rank * batch, len(rest), n_ranks * batch)]
    ### END SOLUTION


# %%
lk.check("14.4", batches_left)

# %% [markdown] tags=["solution"]
# It works because the order belongs to the *epoch*, drawn once from a seed. Loaders that give each
# rank a share of its own, shuffled by itself, can only go on with the same number of ranks. People
# often multiply the steps with the new number of ranks: then some samples come twice, or never.

# %% [markdown]
# ## To think about
# 1. Your training runs at 60 % utilisation. With a constant batch it becomes no faster. What do you
#    look at next?
# 2. In the first epoch a training does 500 samples/s, and from then on 2,000. What happened, and
#    what will happen on a data set ten times as large?

# %% [markdown] tags=["solution"]
# 1. Not at the loader. The accelerator waits for something else: other ranks
#    ([lesson 15](../notebooks/15_collectives.ipynb)), checkpoints, or a host that is too slow to
#    launch its kernels.
# 2. The first epoch came from the disk, and the later ones from the page cache. If ten times as
#    much doesn't fit in memory, every epoch is like the first.
