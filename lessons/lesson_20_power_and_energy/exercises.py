# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 20 · Power and energy: exercises
# You'll mend an integrator, catch a meter that lies, and find the setting that needs the fewest
# joules. Each check calls your function with new numbers.

# %%
import itertools
import statistics

import labkit as lk

# %% [markdown]
# ## 20.1 Mend an integrator
# A program asked a power sensor at `times_s`, and it showed `watts`. The times ascend, they are
# *unevenly spaced*, and they begin before the window and end after it. The program computes the
# energy of the window like this:
#
#     sum(w for t, w in zip(times_s, watts) if start_s <= t <= stop_s) * (times_s[1] - times_s[0])
#
# Mend it. Each figure counts **until the next one**. Only what lies between `start_s` and `stop_s`
# counts, so the first and the last figure in it count for a part of their time. (about 5 lines)


# %%
def energy_j(times_s, watts, start_s, stop_s):
    """Energy in J of what was shown in [start_s, stop_s]."""
    ### BEGIN SOLUTION
    total_j = 0.0
    for (shown_s, end_s), power_w in zip(itertools.pairwise(times_s), watts, strict=False):
        total_j += power_w * max(min(end_s, stop_s) - max(shown_s, start_s), 0.0)
    return total_j
    ### END SOLUTION


# %%
lk.check("20.1", energy_j)

# %% [markdown] tags=["solution"]
# Two wrong turns are popular. One takes only the samples inside the window, and so loses the time
# between each edge and the nearest sample. The other keeps a sample only if it differs from the
# one before, to save memory. Then a load that stays level has no samples at all, and takes 0 J.

# %% [markdown]
# ## 20.2 The counter that starts again
# An energy counter showed `readings_j`, one after the other. When it reaches `range_j` it starts
# again at 0, which happens at most once between two readings. Two readings in a row may be equal:
# then it didn't move. How many joules were used from the first reading to the last? (2 to 5 lines)


# %%
def counted_j(readings_j, range_j):
    """Energy in J between the first reading and the last."""
    ### BEGIN SOLUTION
    steps_j = (after - before for before, after in itertools.pairwise(readings_j))
    return sum(step_j % range_j for step_j in steps_j)
    ### END SOLUTION


# %%
lk.check("20.2", counted_j)

# %% [markdown] tags=["solution"]
# The tempting answer looks only at the first reading and the last one, and adds the range if the
# last one is smaller. That's right for one round. After two, each round that you missed takes a
# whole range off.

# %% [markdown]
# ## 20.3 Detect a lying meter
# You put a meter beside a reference that you trust, and try it with several loads. `steady` holds
# pairs `(true_w, shown_w)` for loads that stay level. `pulsed` holds such pairs for loads that
# pulse ten times a second, each at another phase of the meter. Even an honest meter is off by up to
# 2 %. Return
#
# - `"unit"` if all that it shows is a thousand times too much, or a thousand times too little;
# - `"offset"` if it shows the same number of watts too much for every load (20 W or more);
# - `"part-time"` if it's right for level loads, but off by more than 2 % for some pulsed ones;
# - `"honest"` if it's right for all of them.
#
# Every meter is one of the four. (about 8 lines)


# %%
def diagnose(steady, pulsed):
    """What is wrong with a meter, in one of four texts."""

    ### BEGIN SOLUTION
    def right(true_w, shown_w, factor=1):
        return abs(shown_w / (factor * true_w) - 1) <= 0.02

    for factor in (1000, 1 / 1000):
        if all(right(true_w, shown_w, factor) for true_w, shown_w in steady):
            return "unit"
    if not all(right(*pair) for pair in steady):
        return "offset"
    return "honest" if all(right(*pair) for pair in pulsed) else "part-time"
    ### END SOLUTION


# %%
lk.check("20.3", diagnose)

# %% [markdown] tags=["solution"]
# Most people average over all pulsed loads. But a part-time meter shows too much at one phase and
# too little at another, so its average is right. And level loads alone, however many, would never
# have caught it: while a load is level, what the meter doesn't see is the same as what it sees. To
# find a meter's fault, show it what it may have been built to leave out.

# %% [markdown]
# ## 20.4 The fewest joules in time
# Each of `settings` is a tuple `(batch, cap_w, epochs, epoch_s, power_w)`. `epochs` holds a number
# for each training run: after how many epochs it reached the target accuracy, or `None` if it never
# did.
#
# Leave out settings with which **fewer than half** of the runs reached the target. For the others,
# time to target is the mean of the epochs of those runs that reached it, times `epoch_s`. Return
# `(batch, cap_w)` of the setting that takes the least energy to the target in at most `max_time_s`.
# There always is one. (about 8 lines)


# %%
def best_setting(settings, max_time_s):
    """(batch, cap_w) of the least energy to target within the time."""
    ### BEGIN SOLUTION
    allowed = []
    for batch, cap_w, epochs, epoch_s, power_w in settings:
        reached = [n for n in epochs if n is not None]
        if not reached or 2 * len(reached) < len(epochs):
            continue
        time_s = statistics.mean(reached) * epoch_s
        if time_s <= max_time_s:
            allowed.append((time_s * power_w, batch, cap_w))
    return min(allowed)[1:]
    ### END SOLUTION


# %%
lk.check("20.4", best_setting)

# %% [markdown] tags=["solution"]
# The wrong turn is to compare the energy of an *epoch*, because that's what a meter shows during
# training. On the lesson's V100, ShuffleNetV2 took more than twice as long for an epoch with batch
# 128 as with 1024, and a quarter of the epochs. Here is the answer for ResNet-50, for three limits
# of time:

# %% tags=["solution"]
resnet = [row for row in lk.recorded("zeus-v100").rows if "ResNet" in row["workload"]]
rows = [
    (row["batch_size"], cap_w, row["epochs_to_target"], epoch_s, power_w)
    for row in resnet
    for cap_w, epoch_s, power_w in zip(
        row["power_limits_w"], row["time_per_epoch_s"], row["power_w"], strict=True
    )
]
for max_h in (21, 24, float("inf")):
    best = best_setting(rows, 3600 * max_h)
    (found,) = (one for one in lk.plan.settings_to_target(resnet) if one[2:] == best)
    print(f"[modelled] within {max_h} hours: batch {found.batch}, {found.cap_w} W: "
          f"{found.time_s / 3600:.1f} h, {found.energy_j / 1e6:.1f} MJ")  # fmt: skip

# %% [markdown] tags=["solution"]
# The batch stays, and only the cap falls. The last hours save the least: the nearer you come to the
# minimum, the more time each saved joule costs.

# %% [markdown]
# ## 20.5 Joules for an answer
# A server reads a prompt of `n_read` tokens at `read_per_s` tokens a second, while its chip draws
# `read_w`. Then it writes `n_written` tokens at `write_per_s`, while the chip draws `write_w`. Both
# rates are those of the whole chip, which serves many conversations at once, so an answer pays only
# for its own tokens.
#
# How many joules does each *written* token take, if the reading is shared out to the written tokens
# as well? (2 or 3 lines)


# %%
def written_token_j(n_read, n_written, read_per_s, write_per_s, read_w, write_w):
    """Energy of an answer over the tokens written, in J."""
    ### BEGIN SOLUTION
    read_j = n_read / read_per_s * read_w
    write_j = n_written / write_per_s * write_w
    return (read_j + write_j) / n_written
    ### END SOLUTION


# %%
lk.check("20.5", written_token_j)

# %% [markdown] tags=["solution"]
# People often add what one read token and one written token take. But there are `n_read /
# n_written` read tokens for each written one, which may be a hundred after a long document.

# %% [markdown]
# ## To think about
# 1. A counter has a range of 65,536 J, and the machine draws up to 400 W. How often must you read
#    it, and what happens if you don't?
# 2. The owner of your cluster caps all GPUs at 70 % of their power, and says that this saves 30 %
#    of the energy. For which jobs is that true, for which is it less, and can it cost more? What
#    would you measure, with which meter, and for how long?

# %% [markdown] tags=["solution"]
# 1. A whole round takes 65,536 J / 400 W = 164 s, so at least once in that time. With a longer gap
#    one round and two look the same, and each round that you miss takes 65,536 J off. `lk.energy`
#    reads at least twice in a round.
# 2. It would take a job that draws full power and doesn't slow down under the cap. A job that never
#    drew more than 70 % isn't capped, and saves nothing. A job full of arithmetic takes longer, so
#    it saves less than 30 %. And if the rest of the machine (host, fans, other GPUs that wait for
#    this one) is awake for much longer because of it, it may cost more. So measure the whole job,
#    for the whole machine: energy counters before and after, or a meter in the cable, over many
#    minutes, with the same work done at the end.
