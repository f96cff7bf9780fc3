# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 20 · Power and energy: exercises
# From mending an integrator to catching a meter that lies. The numbers in a check are fresh at each
# run.

# %%
import itertools
import statistics

import labkit as lk
from labkit.power import sensors

# %% [markdown]
# ## 20.1 Mend an integrator
# A program asked a power sensor at `times_s` (ascending, *unevenly spaced*, from before the window
# until after it) and was shown `watts`. It computes the energy like this:
#
#     sum(w for t, w in zip(times_s, watts) if start_s <= t <= stop_s) * (times_s[1] - times_s[0])
#
# Mend it: a figure counts **until the next one**, the last one for ever; and only what lies between
# `start_s` and `stop_s` counts, so the first and the last figure count for a part. (about 5 lines)


# %%
def energy_j(times_s, watts, start_s, stop_s):
    """Energy in J of what was shown in [start_s, stop_s]."""
    ### BEGIN SOLUTION
    total_j = 0.0
    ends_s = [*times_s[1:], float("inf")]
    for shown_s, end_s, power_w in zip(times_s, ends_s, watts, strict=True):
        total_j += power_w * max(min(end_s, stop_s) - max(shown_s, start_s), 0.0)
    return total_j
    ### END SOLUTION


# %%
lk.check("20.1", energy_j)

# %% [markdown]
# Try it on a mean of 1 s, with a burst of 0.4 s at 300 W. It is mended, and still far from 120 J.
# What must be added?


# %%
def mended_on_a_burst():
    """Joules without and with padding; the truth is 120 J."""
    ### BEGIN SOLUTION
    sensor = sensors.PowerSensor(sensors.burst(300, 60, 5.0, 0.4), window_s=1.0, phase_s=0.037)
    samples = sensors.poll(sensor, 3.0, 8.0, 0.02, jitter_s=0.002)
    padded_j = energy_j(*samples, 5.0 - 1.2, 5.4 + 1.2) - 2 * 1.2 * 60
    return round(energy_j(*samples, 5.0, 5.4), 1), round(padded_j, 1)
    ### END SOLUTION


# %% tags=["solution"]
mended_on_a_burst()

# %% [markdown] tags=["solution"]
# The padding of lesson 20: add up until the meter has told everything, then take off the idle. The
# small rest is the poll that comes a little after the update.

# %% [markdown]
# ## 20.2 The counter that starts again
# `readings_j` are what an energy counter showed, in order. When it reaches `range_j` it starts
# again at 0; between two readings that happens at most once. Return the joules from the first
# reading to the last. (2 to 5 lines)


# %%
def counted_j(readings_j, range_j):
    """Energy in J between the first reading and the last."""
    ### BEGIN SOLUTION
    steps_j = (after - before for before, after in itertools.pairwise(readings_j))
    return sum(step_j % range_j for step_j in steps_j)
    ### END SOLUTION


# %%
lk.check("20.2", counted_j)

# %% [markdown]
# A counter with a range of 65,536 J, a machine of 400 W. How often must you read it at least, and
# what happens if you do not?

# %% [markdown] tags=["solution"]
# A whole range takes 65,536 J / 400 W = 164 s. With a longer gap one wrap and two look the same,
# and each that is missed takes 65,536 J off. `lk.energy` reads twice in that time.

# %% [markdown]
# ## 20.3 Detect a lying meter
# You put a meter beside a reference that you trust. `steady` holds pairs `(true_w, shown_w)` of
# loads that stay level, `pulsed` the same for loads that pulse ten times a second, each at another
# phase. Even an honest meter is off by up to 2 %. Return
#
# - `"unit"`: all it shows is a thousand times too much, or too little;
# - `"offset"`: it shows the same number of watts too much for every load (at least 20 W);
# - `"part-time"`: level loads are right, but some pulsed ones are off by more than 2 %;
# - `"honest"`: none of these.
#
# (about 8 lines)


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

# %% [markdown]
# Could you have caught the part-time meter with level loads alone, however many?

# %% [markdown] tags=["solution"]
# No: while the load is level, what the meter does not see is the same as what it sees. **To find a
# meter's fault, show it what it may have been built to leave out.**

# %% [markdown]
# ## 20.4 The fewest joules in time
# Each of `settings` is a tuple `(batch, cap_w, epochs, epoch_s, power_w)`. `epochs` has one number
# for each run: how many epochs it took to the target accuracy, or `None` where it never got there.
#
# Leave out settings with which **fewer than half** of the runs reached the target. Of the others,
# time to target = mean of the epochs of the runs that reached it × `epoch_s`. Return `(batch,
# cap_w)` of the setting that needs the least energy to target in at most `max_time_s`; there always
# is one. (about 8 lines)


# %%
def best_setting(settings, max_time_s):
    """(batch, cap_w) of the least energy to target within the time."""
    ### BEGIN SOLUTION
    allowed = []
    for batch, cap_w, epochs, epoch_s, power_w in settings:
        reached = [n for n in epochs if n is not None]
        if not reached or 2 * len(reached) < len(epochs):
            continue
        time_s = sum(reached) / len(reached) * epoch_s
        if time_s <= max_time_s:
            allowed.append((time_s * power_w, batch, cap_w))
    return min(allowed)[1:]
    ### END SOLUTION


# %%
lk.check("20.4", best_setting)

# %% [markdown]
# Run it on the recorded V100: ResNet-50 with 21 hours, with 24 hours, and with no limit. What do
# the last hours save?


# %%
def on_the_v100(max_hours):
    """(batch, cap in W, hours, MJ) of the best setting for ResNet-50 within so many hours."""
    ### BEGIN SOLUTION
    settings = [
        (row["batch_size"], cap_w, row["epochs_to_target"], epoch_s, power_w)
        for row in lk.recorded("zeus-v100").rows
        if row["workload"] == "ResNet-50, ImageNet"
        for cap_w, epoch_s, power_w in zip(
            row["power_limits_w"], row["time_per_epoch_s"], row["power_w"], strict=True
        )
    ]
    best = best_setting(settings, 3600 * max_hours)
    _, _, epochs, epoch_s, power_w = next(s for s in settings if s[:2] == best)
    time_s = statistics.mean(n for n in epochs if n is not None) * epoch_s
    return *best, time_s / 3600, time_s * power_w / 1e6
    ### END SOLUTION


# %% tags=["solution"]
for hours in (21, 24, float("inf")):
    batch, cap_w, took_h, took_mj = on_the_v100(hours)
    best = f"batch {batch}, {cap_w} W: {took_h:.1f} h, {took_mj:.1f} MJ"
    print(f"[modelled] within {hours} hours: {best}")

# %% [markdown] tags=["solution"]
# The batch stays; only the cap falls. The last hours save least: the closer to the minimum, the
# dearer each joule saved is in time.

# %% [markdown]
# ## 20.5 Joules for an answer
# A prompt of `n_read` tokens is read at `read_per_s` tokens a second, while the chip draws
# `read_w`. Then `n_written` tokens are written at `write_per_s`, while it draws `write_w`. Both
# rates are those of the whole chip, which serves many conversations at once; so an answer takes
# only its share.
#
# How many joules does each *written* token take, with its share of the reading? (2 or 3 lines)


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

# %% [markdown]
# ## To think about
# Your cluster's owner caps all GPUs at 70 % of their power and says that it saves 30 % of the
# energy. For which jobs is that true, for which does it save less, and can it cost more? What would
# you measure, with which meter, and for how long?
