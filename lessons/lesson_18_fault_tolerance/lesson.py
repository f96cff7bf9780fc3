# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 18 · Fault tolerance
# In 2024 Meta described 54 days of training Llama 3 405B. It ran on 16,384 GPUs, all of which have
# to finish a step before any of them may begin the next. It was interrupted 466 times, 419 of them
# unexpectedly ([Llama Team 2024](https://arxiv.org/abs/2407.21783), section 3.3.4). That's once
# every three hours, day and night. Yet more than 90 % of the time went into training, and only
# three times did it take significant work by people.
#
# **The question of this lesson**: when something breaks every few hours, how does a run of months
# ever get done, and how often should it save?
#
# You'll train on real processes here, and kill them.
#
# *{time} Needs lessons [15](15_collectives.ipynb) and [16](16_sharding_and_pipelines.ipynb).*

# %%
import inspect
import tempfile
import time

import numpy as np

import labkit as lk
from lessons.lesson_18_fault_tolerance.killed_run import KilledRun
from lessons.lesson_18_fault_tolerance.training import train

HOUR_S, DAY_S = 3600, 86400
meta = lk.published("llama-3-availability").rows[0]
causes = lk.published("llama-3-interruptions")

# %% [markdown]
# ## What breaks?
# A **fleet**, all the machines of a job together, fails when any of its parts does. If the parts
# fail independently and no more often at one time than at another, the fleet's mean time to failure
# (**MTTF**) is that of one part, divided by the number of parts.
#
# **Guess first.** How many *years* did one of the 16,384 GPUs run, on average, per unexpected
# interruption? Blame the GPUs for all of them, network and software included. ([Backblaze
# counts](https://www.backblaze.com/cloud-storage/resources/hard-drive-test-data) that about one in
# 70 hard disks fails in a year.)

# %%
years_guess = lk.predict("18.a", ...)

# %%
fleet_s = meta["days"] * DAY_S / meta["unexpected"]
gpu_s = fleet_s * meta["n_gpus"]
lk.show(lk.Reading("hours from one interruption to the next", fleet_s / HOUR_S, "1", of=causes))
years_guess.against(lk.Reading("years of one GPU per interruption", gpu_s / DAY_S / 365, "1",
                               of=causes))  # fmt: skip

# %% [markdown]
# So the parts aren't bad. There are just many of them. The paper prints each cause's count and
# its share of the 419:

# %% tags=["collapsed"]
lk.show(f"[published] what stopped the run ({causes.source})")
print(f"{'cause':32} count  share printed")
for row in causes.rows[:9]:
    print(f"{row['component']:32} {row['count']:5}  {row['share_fraction']:13.1%}")
rest = causes.rows[9:]
print(f"{len(rest)} more{'':26} {sum(row['count'] for row in rest):5}")
total = sum(row["count"] for row in causes.rows)
right = [round(row["count"] / total, 3) == row["share_fraction"] for row in causes.rows]
print(
    f"[modelled] counts: they sum to {total}; {sum(right)} of {len(right)} shares follow from them"
)

# %% [markdown]
# Did you see it? One share doesn't follow from its count. Newspapers copied both numbers. In
# [exercise 18.1](../exercises/18_fault_tolerance.ipynb) you'll write the audit that would have
# caught it. The text of the paper says that 58.7 % of the interruptions came from GPUs, which is
# the sum of the *printed* shares. What do the counts say?

# %% tags=["collapsed"]
of_gpus = sum(row["count"] for row in causes.rows if row["category"] == "GPU") / total
lk.show(lk.Reading("share of GPUs, by the counts", of_gpus, "%", of=causes))

# %% [markdown]
# Other fleets have other rates. On Meta's research cluster RSC-1, 6.5 of 1,000 nodes failed per
# day, with 8 GPUs each ([Kokolis et al. 2025](https://arxiv.org/abs/2410.21680)):

# %% tags=["collapsed"]
rsc = lk.published("rsc-mttf")
node_s = 1000 / rsc.rows[0]["failures_per_1000_node_days"] * DAY_S
chart = lk.draw.Chart(
    lk.draw.Axis("GPUs", log=True, lo=4, hi=200_000),
    lk.draw.Axis("hours to a failure", log=True),
    title="Mean time to failure of a job",
)
sizes = [8, 131_072]
chart.line(
    sizes, [lk.plan.fleet_mttf_s(n / 8, node_s) / HOUR_S for n in sizes], "RSC-1's nodes",
    origin="modelled",
)  # fmt: skip
for row in rsc.rows:
    label = row["job"].partition(", ")[2] if row["n_gpus"] < 100_000 else ""
    chart.mark(row["n_gpus"], row["mttf_h"], "published", label)
chart.mark(meta["n_gpus"], fleet_s / HOUR_S, "modelled", "Llama 3")
chart.picture("Mean time to failure falls as one over the number of GPUs")

# %% [markdown]
# The two marks on the line were *projected* from the rate of the nodes. The two that were
# *measured* on jobs lie below it: jobs failed more than three times as often as that rate says. One
# likely reason is that a job also dies of things for which no node is blamed. (Llama 3 ran on
# another fleet, which did somewhat better.) When you're quoted an MTTF, ask whose.
#
# > **Takeaway.** A fleet's MTTF is that of one part, divided by the number of parts. Parts that
# > each last for years stop a fleet of thousands every few hours.
#
# ## Save, die, start again
# The oldest remedy is a **checkpoint**: from time to time the run saves its whole state, and after
# a failure all ranks start again from there. In PyTorch two parts do it. The **elastic agent**
# (it's what `torchrun` runs) watches the ranks. When one dies, it stops the others, which can't go
# on without it, and restarts them all. **Distributed checkpoint** lets every rank save and load its
# own shard at the same time; below, `checkpoints` calls it. This is our training, cut into shards
# as in [lesson 16](16_sharding_and_pipelines.ipynb). `report` tells the notebook what a rank just
# did:

# %%
print(inspect.getsource(train))

# %% [markdown]
# A new rank remembers nothing. All it knows is what it finds in the folder, and there's a trap: the
# run may have died *while it was saving*. A half-written checkpoint is called **torn**.
#
# ### Your turn
# Return the name of the newest checkpoint that may be loaded, or `""` if there is none. Checkpoints
# are folders called `step10`, `step20` and so on; `folder.glob("step*")` finds them, and
# `place.name` is the name of one. Only when all ranks have written everything does torch add a file
# `.metadata`. (2 to 4 lines; is `step100` newer than `step20`?)


# %%
def newest_finished(folder):
    """The name of the newest finished checkpoint in `folder`, a Path; "" if there is none."""
    ### BEGIN SOLUTION
    finished = [place.name for place in folder.glob("step*") if (place / ".metadata").exists()]
    return max(finished, key=lambda name: int(name.removeprefix("step")), default="")
    ### END SOLUTION


newest_finished = lk.your_turn("18.t1", newest_finished)

# %% [markdown]
# Now we'll train 60 steps on two ranks, with a checkpoint every 10, and send `SIGKILL`, the signal
# that no process can refuse. Rank 1 dies in step 27. Later, while checkpoint 40 is being saved,
# *all* ranks die at once.
#
# **Guess first.** How many seconds will pass between a kill and the next finished step? (Starting a
# Python that imports torch takes 2 to 4 s. Our agent has imported it already, and each new rank is
# a *fork*, a copy of that process.)

# %%
recovery_guess = lk.predict("18.b", ..., "s")


# %%
def train_and_kill(plan, n_steps, save_every, in_background=False):
    """Train, and kill ranks when rank 0 reports an event of the plan: (event, step, ranks)."""
    plan, kills_s = list(plan), []
    with tempfile.TemporaryDirectory() as folder:
        args = (folder, n_steps, save_every, newest_finished, in_background)
        with lk.start_ranks(train, 2, args=args, restarts=len(plan), timeout_s=60) as run:
            for report in run.follow():
                now = (report.values["event"], report.values.get("step"))
                if plan and report.rank == 0 and now == plan[0][:2]:
                    run.kill(*plan.pop(0)[2])
                    kills_s.append(time.monotonic() - run.began)
    return KilledRun(run.reports, kills_s)


killed = train_and_kill(
    [("step", 27, [1]), ("saving", 40, [0, 1])], n_steps=60, save_every=10
)  # fmt: skip

# %%
lk.draw.recoveries({"training": killed.progress()}, killed.kills_s, title="60 steps, two kills")

# %% tags=["collapsed"]
slowest_s = max(killed.recoveries_s(), default=None)
goodput = lk.Reading("goodput", killed.goodput(killed.step_s()), "%", "measured")
difference = killed.largest_difference()
recovery_guess.against(
    lk.Reading("slowest recovery", slowest_s, "s", "measured", note="without a kill there is none")
    if slowest_s is None
    else lk.Reading("slowest recovery", slowest_s, "s", "measured")
)
lk.show(
    lk.Reading("steps lost", sum(killed.lost_steps()), "1", "measured"),
    goodput,
)
lk.show(
    lk.Reading("torn checkpoints loaded", len(killed.torn_loads()), "1", "measured"),
    lk.Reading("largest difference of a loss done again", difference, "%", "measured"),
)

# %% [markdown]
# **Goodput** is the share of the time that went into work which was kept. Three things eat the
# rest: saving, work that is done again, and the **stall** until the ranks are back.

# %% tags=["collapsed", "nbval-ignore-output"]
lk.expect(
    goodput,
    None,
    0.9,
    inside="Our toy loses a lot, since its steps are so short that a restart lasts as long as many "
    "of them.",
    above="That's little lost: on your machine a restart lasts only as long as a few steps.",
)
lk.expect(
    lk.Reading("difference", difference, "%", "measured", low=difference, high=difference),
    None,
    1e-6,
    inside="Each step that was done again gave the same loss as before. That's because a step's "
    "data depend only on its number, and the optimizer's memory is saved too.",
    above="Some steps gave another loss the second time. Their data depend only on their number, "
    "and the optimizer's memory is saved too, so your machine doesn't add up the same numbers in "
    "the same order twice.",
)

# %% [markdown]
# > **Takeaway.** Whatever isn't in the checkpoint never happened. Load only what is marked as
# > finished, and mark it last.
#
# ## How often?
# If you save rarely, each failure undoes a lot. If you save too often, you do little else. Let a
# checkpoint stop the run for `save_s`, and let failures come every `mttf_s` on average. With an
# interval of $\tau$ seconds between checkpoints, saving costs a share $\text{save}/\tau$ of the
# time. A failure comes, on average, in the middle of an interval and undoes $\tau/2$, once per
# MTTF:
#
# $$\text{waste} \approx \frac{\text{save}}{\tau} + \frac{\tau}{2\,\text{MTTF}}$$
#
# ### Your turn
# Which interval makes the waste smallest? Set the derivative to zero. It's [Young's
# formula](https://doi.org/10.1145/361147.361115), from 1974. (1 line with `** 0.5`)


# %%
def young(save_s, mttf_s):
    """The interval in s between two checkpoints that wastes least."""
    ### BEGIN SOLUTION
    return (2 * save_s * mttf_s) ** 0.5
    ### END SOLUTION


young = lk.your_turn("18.t2", young)

# %% [markdown]
# **Guess first.** Suppose that Llama's checkpoint stopped the run for one minute. How many
# *minutes* of training should lie between two checkpoints, if a failure comes every three hours?

# %%
interval_guess = lk.predict("18.c", ...)

# %%
minutes = lk.Reading("minutes between checkpoints", young(60, fleet_s) / 60, "1", of=causes)
interval_guess.against(minutes)

# %% [markdown]
# Is that right? Let's simulate the fleet: every cause of the table strikes at random moments, as
# often as it did, scaled to the number of GPUs. For each interval we replay 20 times 54 days. The
# marks are these runs, and the line is a formula that, unlike Young's, allows for failures while
# saving and restarting ([Daly 2006](https://doi.org/10.1016/j.future.2004.11.016)).
#
# **Play.** What happens to 131,072 GPUs, the largest job on the chart above? What helps more there,
# a checkpoint that takes half as long, or a restart that does? And what if training goes on while
# the checkpoint is written, and only stops for a tenth of the time, to copy its state?


# %% tags=["collapsed"]
DAYS, RUNS = meta["days"], 20


def failures_s(n_gpus, rng):
    """Seconds from failure to failure: each cause of the table strikes at its own rate."""
    span_s = RUNS * DAYS * DAY_S
    moments = [
        rng.uniform(0, span_s, rng.poisson(row["count"] * RUNS * n_gpus / meta["n_gpus"]))
        for row in causes.rows
    ]
    return np.diff(np.sort(np.concatenate([[0.0], *moments, [span_s]])))


def explore(n_gpus, save_s, restart_s, while_saving):
    mttf_s = lk.plan.fleet_mttf_s(n_gpus, gpu_s)
    gaps_s = failures_s(n_gpus, np.random.default_rng(0))
    background = while_saving == "training goes on"
    stop_s, write_s = (0.1 * save_s, save_s) if background else (save_s, 0.0)

    def of(interval_s):
        return max(interval_s, write_s), stop_s, restart_s

    daly = lk.plan.daly_interval_s(stop_s, mttf_s)
    return lk.draw.goodputs(
        lambda interval_s: lk.plan.goodput(*of(interval_s), mttf_s, write_s),
        [
            (interval_s, lk.plan.run_through(gaps_s, *of(interval_s), write_s).goodput)
            for interval_s in 30 * 2 ** np.arange(0, 9.6, 0.75)
        ],
        {"Young": young(stop_s, mttf_s), "Daly": daly},
        title=f"A failure every {mttf_s / 60:,.0f} min on average",
    )


lk.Explorer(
    explore,
    n_gpus=lk.draw.Slider(1024, 131_072, 16_384, log=True, label="GPUs"),
    save_s=lk.draw.Slider(5.0, 600.0, 60.0, unit="s", log=True, label="a save takes"),
    restart_s=lk.draw.Slider(10.0, 3600.0, 300.0, unit="s", log=True, label="a restart takes"),
    while_saving=["training stops", "training goes on"],
)

# %% tags=["collapsed"]
LARGEST = rsc.rows[-1]["n_gpus"]


def at_best(words, save_s, restart_s, write_s=0.0):
    """The goodput of the largest job at Daly's interval, as a Reading."""
    mttf_s = lk.plan.fleet_mttf_s(LARGEST, gpu_s)
    interval_s = max(lk.plan.daly_interval_s(save_s, mttf_s), write_s)
    left = lk.plan.goodput(interval_s, save_s, restart_s, mttf_s, write_s)
    return lk.Reading(words, left, "%", of=causes)


lk.show(
    at_best(f"goodput of {LARGEST:,} GPUs, 60 s to save and 300 s to restart", 60, 300),
    at_best("with half of the save", 30, 300),
    at_best("with half of the restart", 60, 150),
    at_best("with training going on", 6, 300, 60),
)

# %% [markdown]
# There the restart counts a little more than the save, and not stopping helps most. The top of the
# curve is flat: at half or twice the best interval, the waste in our formula is only a quarter
# larger. The MTTF is under a square root, so you needn't know it well either. But no interval makes
# up for a slow restart.
#
# A run that is *always* killed before its next checkpoint never gets anywhere. Let's see that for
# real: a checkpoint every 50 steps, and a kill in step 20, each time.

# %%
stuck = train_and_kill([("step", 20, [1])] * 3, n_steps=30, save_every=50)
starts = [steps[0] for _, steps in stuck.progress() if steps]
print("[measured] first step after each start:", *starts)
lk.draw.recoveries({"training": stuck.progress()}, stuck.kills_s, title="Killed before it saves")

# %% tags=["collapsed", "nbval-ignore-output"]
n = starts.count(1)
lk.expect(
    lk.Reading("starts", n, "1", "measured", low=n, high=n),
    4,
    4,
    inside="It began at step 1 four times, and got to its 30 steps only because we stopped "
    "killing.",
    below="Here the run had done its 30 steps before the last kill: your machine was too busy to "
    "kill it in time. Run it again.",
)

# %% [markdown]
# From outside, everything looks well: the GPUs are busy, and the loss falls, again and again. So
# watch the step number.
#
# > **Takeaway.** Save every √(2 × save × MTTF): the optimum is flat, so being roughly right is
# > enough. If each failure comes before the next checkpoint, there is no progress, ever.
#
# ## Save while you train
# A checkpoint has two parts: copy the state out of the way, and write the copy. Only the first has
# to stop the training. So let a thread do the second ([torch calls it
# `async_save`](https://docs.pytorch.org/docs/stable/distributed.checkpoint.html)). Until it's done,
# a failure takes the run back to the checkpoint before.

# %%
background = train_and_kill([("step", 27, [0])], n_steps=40, save_every=10, in_background=True)
stops = {"blocking": killed.stops_s()[1:], "in the background": background.stops_s()[1:]}
blocking, copying = (
    lk.Reading(f"training stopped, {name}", float(np.median(times)), "s", "measured")
    for name, times in stops.items()
)
lk.show(blocking, copying)
lk.expect(
    copying / blocking, None, 0.8,
    inside="In the background, a checkpoint stops the training for less long.",
    above="Here the copy isn't much quicker than writing it all: our state is tiny, and with few "
    "cores the writing thread takes its time from the training.",
)  # fmt: skip
assert not background.torn_loads()

# %% [markdown]
# > **Takeaway.** Writing in the background makes a checkpoint cheap, so you can save more often. It
# > isn't safe yet when `save` returns.
#
# ## Nobody has to restart
# With thousands of GPUs even a fast restart stops everybody. But if several **replicas** each hold
# the whole model, as in data parallelism, nothing is lost when one of them dies.
# [torchft](https://github.com/meta-pytorch/torchft) builds on that. Before every step the replicas
# ask a *lighthouse* who is alive, and the living average their gradients. A replica that comes back
# copies the weights from one of them. (Real runs still save now and then, because a power cut takes
# all replicas at once.)

# %% tags=["collapsed"]
from lessons.lesson_18_fault_tolerance.replica_kills import kill_a_replica

story = kill_a_replica()
lk.show(story.stall, story.rejoin, story.lost_steps)
lk.draw.recoveries(story.lives, story.kills_s, title="Two replicas, one kill", origin=story.origin)

# %% [markdown]
# The survivor stalls while the lighthouse waits for a sign of life (we set 1 s). Then it goes on
# alone with half of the batch, and no step has to be done again. The new replica's time counts from
# its own start, and where the two are in step, one line covers the other. The price is that each
# step averages fewer samples for a while, and every replica has to hold the whole model.
#
# > **Takeaway.** Each replica is an up-to-date copy of the others. If one dies, they shrink the
# > batch and go on.
#
# ## Slow, and wrong
# A dead rank is easy to see. Two other kinds are worse. A **straggler** is a rank that is alive and
# slow, and because every step waits for the slowest, so is everybody. Three ranks, of which one
# computes half as fast:


# %%
def steps_with_a_straggler(n_steps, slow_rank):
    """Seconds in which this rank computed, and in which it waited for others, by step."""
    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    gradient, seconds = torch.ones(10_000), []
    for _ in range(n_steps):
        start = time.monotonic()
        time.sleep(0.04 if dist.get_rank() == slow_rank else 0.02)  # computes
        computed = time.monotonic()
        dist.all_reduce(gradient)
        seconds.append((computed - start, time.monotonic() - computed))
    return seconds


STRAGGLER, waits = 1, []
run = lk.run_ranks(steps_with_a_straggler, 3, args=(15, STRAGGLER))
for rank, seconds in enumerate(run.returned):
    computing, waiting = np.median(np.array(seconds)[2:], axis=0)
    waits.append(lk.Reading(f"rank {rank} waits", waiting, "s", "measured"))
    lk.show(lk.Reading(f"rank {rank} computes", computing, "s", "measured"), waits[rank])

# %% tags=["collapsed", "nbval-ignore-output"]
slow = waits.pop(STRAGGLER)
lk.expect(
    slow / min(waits, key=lambda wait: wait.value),
    None,
    0.7,
    inside="All three take the same time for a step, so the straggler is the one that waits least.",
    above="All three take the same time for a step, so the straggler should be the one that waits "
    "least. Here it hardly stands out, because your machine makes all of them wait for a core.",
)

# %% [markdown]
# Chance is enough to make a straggler: if each GPU is late in one step of 10,000, then with 16,384
# of them:

# %%
held_up = lk.plan.chance_of_any(meta["n_gpus"], 1e-4)
lk.show(lk.Reading("steps in which somebody is late", held_up, "%", "modelled"))

# %% [markdown]
# The worst rank is alive, fast and *wrong*: its chip gets an answer wrong now and then, and says
# nothing. That's **silent data corruption**. It's in Meta's table six times (among our "9 more"),
# and Google expected it [every week or two](https://arxiv.org/abs/2312.11805) while training
# Gemini. The all-reduce then hands the error to everybody. Comparing the ranks afterwards finds
# nothing, because they agree.
#
# A remedy: now and then, each rank *also* computes its neighbour's gradient, and the two compare
# checksums. The culprit is in all pairs that differ.
#
# ### Your turn
# Write the checksum of a float32 array. If a single bit differs, so must the checksum. The same
# bits as integers are `gradient.view(np.int32)`. (1 line; why isn't the sum of the floats enough?)


# %%
def checksum(gradient):
    """A whole number that changes when any one bit of `gradient` does."""
    ### BEGIN SOLUTION
    return int(gradient.view(np.int32).sum(dtype=np.int64))
    ### END SOLUTION


checksum = lk.your_turn("18.t3", checksum)

# %%
from lessons.lesson_18_fault_tolerance.corruption import cross_check

checked = lk.run_ranks(cross_check, 3, args=(checksum, 2, 10))
healthy = lk.run_ranks(cross_check, 3, args=(checksum, None, 10))
for name, run in {"rank 2 is wrong": checked, "all are healthy": healthy}.items():
    lk.show(lk.Reading(f"loss when {name}", run.returned[0]["losses"][-1], "1", "measured"))
for pair, n_steps in checked.returned[0]["differing"].items():
    print(f"[measured] steps of 10 in which ranks {pair[0]} and {pair[1]} differ: {n_steps}")

# %% [markdown]
# The losses tell you nothing, but the checksums name the rank. (A sum of floats may round so small
# a change away.) Each check costs a second gradient, so you'd do it in one step of a hundred. It
# needs computations that are **deterministic** to the bit, which many GPU kernels aren't unless you
# ask for it.
#
# > **Takeaway.** Dead ranks announce themselves. You find a slow one because it waits least, and a
# > wrong one only by computing twice.
#
# ## Back to Llama
# So how did 419 interruptions leave more than 90 % of the time?

# %%
for save_s, restart_s in ((15, 300), (60, 600)):
    interval_s = lk.plan.daly_interval_s(save_s, fleet_s)
    left = lk.plan.goodput(interval_s, save_s, restart_s, fleet_s)
    words = f"goodput, {save_s} s to save and {restart_s // 60} min to restart"
    lk.show(lk.Reading(words, left, "%", of=causes))

# %% [markdown]
# Meta doesn't print how long a save and a restart took, but by our formula the second line wouldn't
# have been enough: the run had to be back within minutes, without waiting for people. At the best
# interval a failure costs the restart plus √(2 × save × MTTF), and both come from engineering:
# quick detection, quick loading, checkpoints that hardly stop anything. A run of months gets done
# because each failure costs it only minutes.
#
# **Next**: the [exercises](../exercises/18_fault_tolerance.ipynb), then
# [serving](19_serving.ipynb), where replicas die under load.
