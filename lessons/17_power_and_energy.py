# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 17 · Power and energy
# *What does a power meter see of your program, and how many joules did it really take?*
#
# **You will be able to** say what each kind of power sensor shows and hides, measure energy with
# an interval, and find the batch and the power cap that need the fewest joules ·
# **Needs** 01, 02 · **Takes** 60 min · **Runs on** a CPU; a power sensor makes your own joules real

# %%
import numpy as np

import labkit as lk
from labkit.hardware import op_energy
from labkit.measure.power import sensors

# %% [markdown]
# ## What is here
# Not every machine says what it draws. Ask yours:

# %%
lk.probes()

# %% [markdown]
# One line for each kind of interface. A line that says *none* or *unknown* says why, and what to do
# if something can be done. In a virtual machine or a container there is often nothing at all.
#
# Now the joules of a block of lines:

# %%
a = np.random.default_rng(17).random((700, 700))
with lk.energy() as e:
    for _ in range(20):
        a @ a
e

# %% [markdown]
# Read the first word and the brackets. *measured*: a sensor. *modelled*: the processor's TDP times
# its load, with an interval about a factor of two wide. And where there is neither, it says
# **unknown**, and why. It never says 0 J: nothing that runs takes 0 J.

# %%
assert e.energy_j is None if e.kind == "unknown" else e.energy_lo_j <= e.energy_hi_j
lk.bench_energy(np.matmul, a, a, name="one product", min_time_s=0.5)

# %% [markdown]
# `lk.energy` takes one block as it is. `lk.bench_energy` repeats the call until the sensor has seen
# enough of it, and divides.
#
# ## A meter that is right and useless
# To judge a meter you must know the truth. So from here on **sensors are simulated**: a `Load` is
# the true power over time, with its exact energy, and a sensor tells of it what real ones tell.
#
# A program runs for 0.4 s at 300 W, on a machine that idles at 60 W. That is 120 J. Many GPUs of
# today show *the mean of the last second*, renewed every 0.1 s. You ask every 10 ms while the
# program runs, and add up power × 10 ms. The meter has no fault.
#
# **Guess first.** How many joules do you get? Stop here and write a number.

# %%
my_guess = ...
burst_guess = lk.predict("17.a", my_guess, "J")


# %%
def watched_j(sensor, start_s, length_s):
    """Joules by asking about every 10 ms in the window, and adding up power × time."""
    n = round(length_s / 0.01) + 1
    middles_s = start_s + (np.arange(n) + 0.5) * length_s / n
    return float(sensor.at(middles_s).mean() * length_s)


load = sensors.burst(high_w=300, idle_w=60, start_s=1.5, duration_s=0.4)
slow_meter = sensors.PowerSensor(load, update_s=0.1, window_s=1.0, phase_s=0.037)
true_j = float(load.energy_j(1.9) - load.energy_j(1.5))
watched = watched_j(slow_meter, 1.5, 0.4)

lk.show(lk.Reading("truth", true_j, "J", "simulated"))
burst_guess.against(lk.Reading("watched while it ran", watched, "J", "simulated"))
assert watched < true_j / 2

# %% [markdown]
# More than half of the energy is gone. It was not lost: the meter tells it later, when your loop
# has stopped looking.
#
# ## The words
# - **Energy counter**: joules since some moment. It moves once in each update period.
# - **Update period**: how often a sensor has a new figure.
# - **Averaging window**: the time that a figure of power is the mean of. Zero: *instantaneous*.
#   Longer than the update period: what happened is smeared.
# - **Part-time**: the window is shorter than the update period. Between its windows, it is blind.
#
# ## The sensor microscope
# Four meters look at the same load. All renew their figure every 0.1 s.

# %%
UPDATE_S, VIEW_S = 0.1, 4.0
LOADS = {
    "one burst": load,
    "slow pulses": sensors.square_wave(300, 60, period_s=0.9, duty=0.3, start_s=0.6),
    "pulses of 0.1 s": sensors.square_wave(300, 60, period_s=0.1, duty=0.25),
}
WINDOWS_S = {"instantaneous": 0.0, "mean of 1 s": 1.0, "part-time, 25 of 100 ms": 0.025}
COLORS = {
    "counter": "#0072B2",
    "instantaneous": "#D55E00",
    "mean of 1 s": "#009E73",
    "part-time, 25 of 100 ms": "#CC79A7",
}


def meters(load, phase_s):
    """What the four show: name -> (times of the updates, watts shown from then on)."""
    times_s = np.arange(-UPDATE_S, VIEW_S + UPDATE_S, UPDATE_S) + phase_s
    counter = sensors.CounterSensor(load, UPDATE_S, phase_s=phase_s)
    shown = {"counter": np.diff(counter.at(times_s), prepend=np.nan) / UPDATE_S}
    for name, window_s in WINDOWS_S.items():
        shown[name] = sensors.PowerSensor(load, UPDATE_S, window_s, phase_s=phase_s).at(times_s)
    return {name: (times_s[1:], watts[1:]) for name, watts in shown.items()}


def joules(load, phase_s, start_s, length_s):
    """The joules that each gives for a window: counters by difference, the others watched."""
    counter = sensors.CounterSensor(load, UPDATE_S, phase_s=phase_s)
    given_j = {"counter": float(counter.at(start_s + length_s) - counter.at(start_s))}
    for name, window_s in WINDOWS_S.items():
        sensor = sensors.PowerSensor(load, UPDATE_S, window_s, phase_s=phase_s)
        given_j[name] = watched_j(sensor, start_s, length_s)
    return given_j


# %%
def microscope(load, window_start, window_length, sensor_phase):
    load, stop = LOADS[load], window_start + window_length
    truth_j = float(load.energy_j(stop) - load.energy_j(window_start))
    given_j = joules(load, sensor_phase, window_start, window_length)
    chart = lk.draw.Chart(
        lk.draw.Axis("time", "s", lo=0, hi=VIEW_S),
        lk.draw.Axis("power", "W", lo=0, hi=560),
        title=f"Simulated. In this window, truly: {truth_j:.1f} J",
        height=460,
    )
    grid_s = np.arange(0, VIEW_S, 0.005)
    chart.band(grid_s, np.zeros_like(grid_s), load.power_w(grid_s), color="#555555", opacity=0.3)
    chart.band([window_start, min(stop, VIEW_S)], [0, 0], [560, 560], color="#E69F00")
    for name, (times_s, watts) in meters(load, sensor_phase).items():
        steps_s, steps_w = np.repeat(times_s, 2)[1:], np.repeat(watts, 2)[:-1]
        chart.line(steps_s, steps_w, color=COLORS[name], dash=name.startswith("part"))
        error = given_j[name] / truth_j - 1
        chart.key(f"{name}: {given_j[name]:.1f} J ({100 * error:+.0f} %)", COLORS[name])
    errors = ", ".join(f"{name} {joule:.0f} J" for name, joule in given_j.items())
    return chart.picture(f"True power and four meters; truly {truth_j:.0f} J, {errors}")


lk.Explorer(
    microscope,
    load=list(LOADS),
    window_start=lk.draw.Slider(0.0, 3.0, 1.5, unit="s", label="window opens at"),
    window_length=lk.draw.Slider(0.05, 2.5, 0.4, unit="s", label="window length"),
    sensor_phase=lk.draw.Slider(0.0, 0.099, 0.037, unit="s", label="sensor's phase"),
)

# %% [markdown]
# Read it: the grey hills are the truth, the orange stripe is your window, each line is what one
# meter shows; above, the joules that each gives. Three things to try:
#
# 1. One burst: drag the **phase**, over which you have no power. The counter jumps by a whole step
#    at each edge.
# 2. One burst: make the window long. All four get better. Then look where the green line has its
#    hill.
# 3. Pulses of 0.1 s: drag the phase slowly, and watch the part-time meter.
#
# ## Shift, pad, subtract
# Three cures, each of one line. **Hold**: a figure counts until the next one, from edge to edge of
# your window. **Shift**: a figure speaks of the past, on average of (window + update) / 2 ago; so
# add up that much later. **Pad**: watch some idle before and after, long enough for the meter to
# have told everything; then take off the idle that you watched.
#
# **Guess first.** The same meter, mean of 1 s, and the same burst of 0.4 s, with padding. What
# error is left, in percent of the truth?

# %%
my_guess = ...
padding_guess = lk.predict("17.b", my_guess, "%")

# %%
WINDOW_S, IDLE_W = 1.0, 60.0
SHIFT_S, PAD_S = (WINDOW_S + UPDATE_S) / 2, WINDOW_S + 2 * UPDATE_S
CURES = {
    "held": lambda meter, start, length: watched_j(meter, start, length),
    "shifted": lambda meter, start, length: watched_j(meter, start + SHIFT_S, length),
    "padded": lambda meter, start, length: (
        watched_j(meter, start - PAD_S, length + 2 * PAD_S) - 2 * PAD_S * IDLE_W
    ),
}


def worst_error(cure, length_s):
    """The largest error over 50 phases of the sensor, as a fraction of the truth."""
    burst = sensors.burst(300, IDLE_W, start_s=10.0, duration_s=length_s)
    phases_s = np.arange(50) * UPDATE_S / 50
    given_j = [
        cure(sensors.PowerSensor(burst, UPDATE_S, WINDOW_S, phase_s=phase_s), 10.0, length_s)
        for phase_s in phases_s
    ]
    return max((joule / (300 * length_s) - 1 for joule in given_j), key=abs)


print("[simulated] worst error over 50 phases, meter with a mean of 1 s")
for length_s in (0.4, 1.0, 5.0, 20.0):
    errors = (f"{name} {100 * worst_error(cure, length_s):6.1f} %" for name, cure in CURES.items())
    print(f"[simulated] a burst of {length_s:4.1f} s: {', '.join(errors)}")
padding_guess.against(
    lk.Reading("padded, 0.4 s", abs(worst_error(CURES["padded"], 0.4)), "%", "simulated")
)
assert abs(worst_error(CURES["padded"], 0.4)) < 0.02 < abs(worst_error(CURES["shifted"], 0.4))

# %% [markdown]
# Two ways to an honest number, then: **run long**, or **pad**. Padding needs an idle that stays
# level, and a real machine cools down slowly after work: real errors are larger than these.
#
# `lk.energy` holds, shifts and pads, and adds an interval. The same lines as on your machine, with
# a simulated meter and a simulated clock:


# %%
def by_labkit(sensor, start_s, length_s, **options):
    """The Energy that `lk.energy` gives for a window of simulated time."""
    pad_s = options.setdefault("pad", sensor.window_s + 3 * sensor.update_s)
    clock = sensors.SimulatedClock(start_s - pad_s)
    with lk.energy(sensors.simulated_probe(sensor, clock), clock=clock, **options) as energy:
        clock.sleep(length_s)
    return energy


def simulated(name, energy):
    return lk.Reading(
        name, energy.energy_j, "J", "simulated", note=", ".join(energy.flags) or None,
        low=energy.energy_lo_j, high=energy.energy_hi_j,
    )  # fmt: skip


padded, unpadded = by_labkit(slow_meter, 1.5, 0.4), by_labkit(slow_meter, 1.5, 0.4, pad=0)
lk.show(
    simulated("0.4 s, padded", padded),
    simulated("0.4 s, not padded", unpadded),
    lk.Reading("idle power, seen while padding", padded.idle_power_w, "W", "simulated"),
    lk.Reading("net of idle", padded.net_energy_j, "J", "simulated"),
)
assert abs(padded.energy_j / true_j - 1) < 0.005
assert unpadded.energy_lo_j <= true_j <= unpadded.energy_hi_j

# %% [markdown]
# Without padding it is far off too, but **its interval holds the truth**. A wide interval is not a
# failure of the meter; it is what the meter knows.
#
# *Net* is what you would save by not running: energy above idle. Say always which one you report.
#
# ## Blind three quarters of the time
# Yang and others looked at more than 70 GPUs in 2024. On A100 and H100 the sensor samples in 25 %
# of the time. What happens in the other 75 % is never seen.
#
# **Guess first.** A load takes 300 W for 25 ms in each 100 ms, else 60 W. Its mean is 120 W. A
# meter sees 25 ms of each 100 ms. How many times too much does it show, at worst?

# %%
my_guess = ...
alias_guess = lk.predict("17.c", my_guess, "1")

# %%
LENGTH_S = 5.0


def seen_over_true(period_s, phase_s):
    """Mean power by a part-time meter over the true one, for pulses of 300/60 W, 25 % duty."""
    pulses = sensors.square_wave(300, 60, period_s, duty=0.25)
    meter = sensors.PowerSensor(pulses, UPDATE_S, window_s=0.025, phase_s=phase_s)
    true_j = float(pulses.energy_j(10 + LENGTH_S) - pulses.energy_j(10.0))
    return watched_j(meter, 10.0, LENGTH_S) / true_j


phases_s = np.arange(40) * UPDATE_S / 40
at_100_ms = [seen_over_true(0.1, phase_s) for phase_s in phases_s]
alias_guess.against(lk.Reading("shown over true, at worst", max(at_100_ms), "1", "simulated"))
lk.show(lk.Reading("shown over true, the other way", min(at_100_ms), "1", "simulated"))

# %% [markdown]
# It depends on the phase alone, and stays so for as long as you watch: longer runs do not help.
# And at other periods of the load?

# %%
periods_s = np.round(np.geomspace(0.02, 1.0, 130), 4)
periods_s = np.unique([*periods_s, 0.05, 0.1, 0.2, 0.3, 0.4])
spread = [[seen_over_true(period_s, phase_s) for phase_s in phases_s] for period_s in periods_s]
chart = lk.draw.Chart(
    lk.draw.Axis("period of the load", "s", lo=0.02, hi=1.0, log=True),
    lk.draw.Axis("shown over true", lo=0, hi=3),
    title="A meter that sees 25 of each 100 ms, 5 s windows, all phases (simulated)",
)
chart.band(periods_s, [min(s) for s in spread], [max(s) for s in spread], opacity=0.4)
chart.line([0.02, 1.0], [1, 1], color="#222222", dash=True)
chart.picture("The part-time meter errs most where the load's period is near 0.1 s")

# %% [markdown]
# Read it: x is the period of the load, the band spans what the meter may show, the dashed line is
# the truth. Look at the spike at 0.1 s: load and meter march in step. Smaller ones stand at its
# multiples and its fractions. This is **aliasing**. No formula can undo it, since the meter never
# saw the rest. The cures are outside of the formula: change the length of your step, pause at
# random, or use a counter.
#
# `lk.energy` warns, if you tell it the period of your load:

# %%
pulses = sensors.PowerSensor(LOADS["pulses of 0.1 s"], UPDATE_S, window_s=0.025, phase_s=0.02)
warned = by_labkit(pulses, 10.0, LENGTH_S, pad=0, load_period_s=0.1)
lk.show(
    simulated("pulses of 0.1 s", warned),
    lk.Reading("their truth", 120 * LENGTH_S, "J", "simulated"),
)
assert "aliasing_risk" in warned.flags

# %% [markdown]
# Far off, and flagged. There is no upper bound: what a meter has not seen can be anything.
#
# ## The counter that starts again
# A counter is the best meter: it misses nothing. But it has an end. Intel's counts 2³² steps of
# 2⁻¹⁴ J, then starts at 0 again: after 22 minutes at 200 W. A program of 500 J happens to run
# across that moment:

# %%
counter = sensors.CounterSensor(
    sensors.constant(50), unit_j=2**-14, range_j=2.0**18, offset_j=261_600
)
before_j, after_j = float(counter.at(5.0)), float(counter.at(15.0))
print(f"[simulated] before {before_j:,.0f} J, after {after_j:,.0f} J")
print(f"[simulated] after minus before: {after_j - before_j:,.0f} J")
clock = sensors.SimulatedClock(5.0)
with lk.energy(sensors.simulated_probe(counter, clock), clock=clock, pad=0) as across:
    clock.sleep(10.0)
lk.show(simulated("through lk.energy", across))
assert abs(across.energy_j - 500) < 0.1

# %% [markdown]
# Add the range once for each wrap. That is possible only if you ask **often enough**: two wraps
# between two readings look like one. Where that cannot be told, `lk.energy` says unknown.
#
# ## Race to idle
# You know now how to get joules. So how do you need fewer? Here is a **model**: a machine idles at
# 60 W; to work at all it needs some watts more (*awake*: memory, fans, leakage); and arithmetic
# takes 100 W at full clock, falling with the cube of the clock, since the voltage falls too. The
# work takes 0.3 s at full clock, and comes once a second.
#
# Race, and sleep earlier? Or go slowly, and sleep less? **Guess** before you drag: how many watts
# of *awake* make racing the best?

# %%
DYNAMIC_W, WORK_S, PERIOD_S = 100.0, 0.3, 1.0


def period_j(clock, awake_w):
    """Energy of one second: work at a share `clock` of full clock, then idle."""
    busy_w = IDLE_W + awake_w + DYNAMIC_W * clock**3
    return lk.plan.period_energy_j(PERIOD_S, WORK_S / clock, busy_w, IDLE_W)


def race(awake_w):
    clocks = np.linspace(WORK_S, 1.0, 141)
    energies_j = [period_j(clock, awake_w) for clock in clocks]
    best = int(np.argmin(energies_j))
    chart = lk.draw.Chart(
        lk.draw.Axis("share of full clock", "%", lo=0.25, hi=1.05),
        lk.draw.Axis("energy of a second", "J", lo=IDLE_W),
        title=f"{awake_w:.0f} W to be awake: {energies_j[-1] / energies_j[best] - 1:.0%} more "
        f"joules at full clock than at best",
    )
    chart.line(clocks, energies_j)
    chart.mark(clocks[best], energies_j[best], "modelled", f"best: {clocks[best]:.0%}")
    return chart.picture(f"Energy against clock: the least at {clocks[best]:.0%} of full clock")


lk.Explorer(race, awake_w=lk.draw.Slider(0.0, 300.0, 50.0, unit="W", label="awake"))

# %%
for awake_w in (0.0, 50.0, 200.0):
    best_clock = (awake_w / (2 * DYNAMIC_W)) ** (1 / 3)  # where the slope of the energy is zero
    best_clock = min(max(best_clock, WORK_S), 1.0)
    saved = 1 - period_j(best_clock, awake_w) / period_j(1.0, awake_w)
    print(f"[modelled] awake {awake_w:3.0f} W: best at {best_clock:4.0%}, saves {saved:.0%}")
    assert period_j(best_clock, awake_w) <= min(period_j(c, awake_w) for c in (0.3, 0.5, 0.8, 1.0))

# %% [markdown]
# The lower edge of the picture is a machine that idles all the time.
# **Racing pays when being awake is dear**, from twice the dynamic power on. Else the least energy
# lies between the ends. But this was a model, with a cube in it that we only believe.
#
# ## A cap on a real GPU
# The authors of Zeus trained on a V100 under seven power caps and kept the trace.
#
# **Guess first.** ResNet-50, batch 256. The cap goes from 250 W down to 150 W, that is by 40 %. How
# much longer does an epoch take, in percent?

# %%
my_guess = ...
cap_guess = lk.predict("17.d", my_guess, "%")

# %%
trace = lk.recorded("zeus-v100")
resnet = next(row for row in trace.rows if row["batch_size"] == 256 and "ResNet" in row["workload"])
columns = ("power_limits_w", "time_per_epoch_s", "power_w")
times_s = dict(zip(resnet["power_limits_w"], resnet["time_per_epoch_s"], strict=True))
cap_guess.against(
    lk.Reading(
        "longer at 150 W", times_s[150] / times_s[250] - 1, "%", "recorded", source=trace.source
    )
)
for cap_w, epoch_s, power_w in zip(*(resnet[column] for column in columns), strict=True):
    print(f"[recorded] cap {cap_w} W: {epoch_s:4.0f} s at {power_w:5.1f} W is "
          f"{epoch_s * power_w / 1e3:.0f} kJ an epoch")  # fmt: skip

# %% [markdown]
# Neither end is best: at 250 W the clock is bought dearly, at 100 W the card is awake for too long.
# The last watts of a chip bring the least speed.
#
# ## Batch × cap
# The batch decides how many epochs are needed, the time of an epoch, and the power. So the energy
# **to a target accuracy** is
#
# $$E = \text{epochs to target} \times \text{time of an epoch} \times \text{mean power}$$


# %%
def configurations(workload):
    """(time to target, energy to target, batch, cap) of each setting; mean over the runs.

    A batch with which fewer than half of the runs reach the target is left out.
    """
    found = []
    for row in trace.rows:
        reached = [n for n in row["epochs_to_target"] if n is not None]
        if row["workload"] != workload or 2 * len(reached) < len(row["epochs_to_target"]):
            continue
        epochs = sum(reached) / len(reached)
        for cap_w, epoch_s, power_w in zip(*(row[column] for column in columns), strict=True):
            time_s = epochs * epoch_s
            found.append((time_s, time_s * power_w, row["batch_size"], cap_w))
    return found


savings = lk.published("zeus-savings")
defaults = {row["workload"]: row["default_batch"] for row in savings.rows}

# %% [markdown]
# **Guess first.** ShuffleNetV2's default batch is 1024, and the default cap is the highest, 250 W.
# Which share of the energy does the best pair of batch and cap save?

# %%
my_guess = ...
saving_guess = lk.predict("17.e", my_guess, "%")

# %%
savings_found = {}
for row in savings.rows:
    settings = configurations(row["workload"])
    default_j = next(j for _, j, *pair in settings if pair == [row["default_batch"], 250])
    time_s, least_j, batch, cap_w = min(settings, key=lambda setting: setting[1])
    saved = 1 - least_j / default_j
    savings_found[row["workload"]] = lk.Reading(
        f"saved, {row['workload']}", saved, "%", "recorded", source=trace.source,
        note=f"batch {batch}, {cap_w} W; the paper prints {100 * row['saved_fraction']:.1f} %",
    )  # fmt: skip
    assert abs(saved - row["saved_fraction"]) <= savings.tolerance["saved_fraction"]
saving_guess.against(savings_found["ShuffleNetV2, CIFAR-100"])
lk.show(savings_found["ResNet-50, ImageNet"])
print(f"[published] the paper's two figures: {savings.source}")

# %% [markdown]
# Both ends of the published range come out to the last digit, for they come from the same trace: it
# shows that the formula is theirs, not that another GPU would save as much. It is also the best
# choice *in hindsight*. To find it costs runs.
#
# And who has the time? **Drag** how much longer than the fastest setting you may take.


# %%
SHOWN = 4  # times as long as the fastest setting: slower ones are out of the picture


def front(workload, extra_time):
    settings = configurations(workload)
    fastest_s = min(time_s for time_s, *_ in settings)
    limit_s = (1 + extra_time) * fastest_s
    settings = [setting for setting in settings if setting[0] <= SHOWN * fastest_s]
    energies_j = [energy_j for _, energy_j, *_ in settings]
    low_j, high_j = 0.8 * min(energies_j), 1.2 * max(energies_j)
    in_time = [setting for setting in settings if setting[0] <= limit_s]
    best_s, best_j, batch, cap_w = min(in_time, key=lambda setting: setting[1])
    default_s, default_j, *_ = next(s for s in settings if s[2:] == (defaults[workload], 250))
    chart = lk.draw.Chart(
        lk.draw.Axis("time to target", "s", lo=0.8 * fastest_s, hi=SHOWN * fastest_s, log=True),
        lk.draw.Axis("energy to target", "J", lo=low_j, hi=high_j, log=True),
        title=f"{workload}, on a V100: batch × cap",
    )
    chart.band([0.8 * fastest_s, limit_s], [low_j] * 2, [high_j] * 2, opacity=0.1)
    pareto = lk.plan.pareto(settings)
    chart.line([p[0] for p in pareto], [p[1] for p in pareto])
    for time_s, energy_j, *_ in settings:
        chart.mark(time_s, energy_j, "recorded")
    chart.label(best_s, best_j, f"least: batch {batch}, {cap_w} W").label(
        default_s, default_j, f"default: batch {defaults[workload]}, 250 W"
    )
    return chart.picture(
        f"Pareto front; within the limit the least energy needs batch {batch} and {cap_w} W, "
        f"{best_j / default_j:.0%} of the default's"
    )


lk.Explorer(
    front,
    workload=list(defaults)[::-1],
    extra_time=lk.draw.Slider(0.0, 2.0, 1.0, unit="%", label="extra time"),
)

# %% [markdown]
# Read it: each square is one pair of batch and cap, x is the time, y the energy to the target, both
# logarithmic. The shade is what your limit allows. The line is the **Pareto front**: no setting
# beats its points in both. Look where the default lies.
#
# ## Joules per token
# An answer of a language model has two parts. **Prefill** reads the prompt, all tokens at once.
# **Decode** writes one token after the other, and reads all weights for each step. The power of the
# chip over the tokens of a second is the energy of a token. For want of a meter: the TDP, and the
# roofline's rate. So this is **modelled**, and may err on either side.
#
# **Guess first.** Llama-3.1-8B on one H100, one conversation. How many times as much energy does a
# token take that is written, as one that is read?

# %%
my_guess = ...
token_guess = lk.predict("17.f", my_guess, "1")

# %%
CONTEXT = 500  # tokens in each conversation: our assumption
llama = lk.plan.Decoder(
    "Llama-3.1-8B", n_params=8_030_000_000, n_layers=32, n_heads=32, n_kv_heads=8, head_size=128
)
h100, h100_roof = lk.chip("h100-sxm"), lk.roofline("h100-sxm", "bf16")


def token_j(work, n_tokens):
    rate = lk.plan.tokens_per_s(work, n_tokens, h100_roof)
    return lk.plan.j_per_token(h100.power.value, rate)


read_j = token_j(llama.prefill(1, CONTEXT), CONTEXT)
written_j = token_j(llama.decode(1, CONTEXT), 1)
token_guess.against(lk.Reading("written over read", written_j / read_j, "1", "modelled"))
lk.show(
    lk.Reading("a token that is read", read_j, "J", "modelled"),
    lk.Reading("a token that is written, alone", written_j, "J", "modelled"),
)

# %%
batches = [2**k for k in range(11)]
decode_j = [token_j(llama.decode(n, CONTEXT), n) for n in batches]
served = lk.published("ml-energy-llama-3.1-8b")
chart = lk.draw.Chart(
    lk.draw.Axis("conversations at once", lo=1, hi=1024, log=True),
    lk.draw.Axis("energy of a token", "J", lo=0.005, hi=10, log=True),
    title="Llama-3.1-8B on one H100: TDP and roofline, and what others measured",
)
chart.line(batches, decode_j, "decode", origin="modelled")
chart.line(batches, [read_j] * len(batches))
chart.along((1, read_j), (1024, read_j), "prefill (modelled)")
for row in served.rows:
    chart.mark(row["max_batch"], row["j_per_token"], "published", f"{row['j_per_token']:g} J")
chart.picture("Joules per token: decode falls with the batch towards prefill")

# %% [markdown]
# Read it: both axes are logarithmic. The marks are a served model on an H100, as published by
# ML.ENERGY in 2026. Alone, a step of decode reads 16 GB for a single token. In a batch all share
# that reading, until each conversation's own cache costs as much.
#
# **Why the gap.** The roofline assumes that nothing waits: that makes the model too low. The TDP
# assumes that the chip draws all it may: that makes it too high.

# %%
for row in served.rows:
    n, rate = row["max_batch"], row["tokens_per_s"]
    roof_rate = lk.plan.tokens_per_s(llama.decode(n, CONTEXT), n, h100_roof)
    power_w = rate * row["j_per_token"]
    print(
        f"[modelled] at most {n:3} at once: {rate / roof_rate:.0%} of the roof's tokens a second, "
        f"{power_w:.0f} W, {power_w / h100.power.value:.0%} of the TDP"
    )

# %% [markdown]
# At 8 at once the two errors cancel, and the model is right by luck. **A model that agrees once is
# not a model that is right.**
#
# ## Where the joules go
# Last, inside the chip. Horowitz (2014) and Jouppi and others (2021) list what one operation takes,
# at 45 nm and at 7 nm.
#
# **Guess first.** At 45 nm, reading 64 bits from DRAM took 1,444 times an fp32 addition. And at
# 7 nm?

# %%
my_guess = ...
dram_guess = lk.predict("17.g", my_guess, "1")

# %%
OPERATIONS = (
    ("add", "int8"), ("add", "fp32"), ("mul", "int8"), ("mul", "fp32"), ("mul", "bf16"),
    ("sram_64b", "8KB"), ("sram_64b", "1MB"), ("dram_64b", "DDR3/4"), ("dram_64b", "HBM2"),
)  # fmt: skip
for op, kind in OPERATIONS:
    old, new = op_energy(op, kind, 45), op_energy(op, kind, 7)
    print(f"[published] {op} {kind}: 45 nm {old.figure}; 7 nm {new.figure}")

# %%
dram_over_add = {
    nm: op_energy("dram_64b", "DDR3/4", nm).energy_j / op_energy("add", "fp32", nm).energy_j
    for nm in (45, 7)
}
assert round(dram_over_add[45]) == 1444
source = "Jouppi et al. 2021, Table 2"
dram_guess.against(
    lk.Reading("DRAM over fp32 add, 7 nm", dram_over_add[7], "1", "published", source)
)

# %% [markdown]
# Arithmetic shrank, DRAM did not. **The distance grew.** (DDR is a memory on the board; HBM, beside
# the chip, takes a third to a fifth of that.) What does that make of one token of decode, alone?

# %%
work = llama.decode(1, CONTEXT)
hbm = op_energy("dram_64b", "HBM2", 7)
low_j, high_j = (work.bytes / 8 * each_j for each_j in (hbm.low_j, hbm.high_j))
mac_j = op_energy("mul", "bf16", 7).energy_j + op_energy("add", "fp32", 7).energy_j
arithmetic_j = work.flop / 2 * mac_j
print(f"[modelled] HBM of one token: {low_j:.2f} to {high_j:.2f} J")
lk.show(
    lk.Reading("arithmetic of one token", arithmetic_j, "J", "modelled"),
    lk.Reading("HBM over arithmetic, at least", low_j / arithmetic_j, "1", "modelled"),
)
assert low_j > 50 * arithmetic_j

# %% [markdown]
# The sum takes bf16 products and fp32 additions. What is missing to the joules above: the way
# across the chip, clocks, leakage, and that the chip does not draw its TDP when it waits for
# memory. But the order is clear: **energy goes into moving numbers, not into multiplying them**. A
# batch, a cache, a tile, a smaller number format: each saves joules because each moves less.
#
# ## What you now know
# - **A sensor** is a period, a window and a phase: the microscope. A mean of 1 s hides more than
#   half of a burst of 0.4 s.
# - **Energy with an interval**: hold, shift, pad, and run long: the table of cures. Aliasing is
#   warned of, never cured: the spike.
# - **The fewest joules** lie at neither end of batch and cap: the front.

# %%
first = f"{1 - watched / true_j:.0%} of a short burst is lost to a mean of 1 s"
print(f"[simulated] takeaway: {first}")
shuffle_saved = max(row["saved_fraction"] for row in savings.rows)
print(f"[published] takeaway: batch and cap together save up to {shuffle_saved:.1%}")

# %% [markdown]
# **Next**: the exercises, in which you mend an integrator and catch a lying meter; then
# `18_cost_and_carbon`, where joules become dollars and grams.
# Sources: Yang, Adamek, Armour 2024, arXiv 2312.02741; You and others 2023, arXiv 2208.06102.
