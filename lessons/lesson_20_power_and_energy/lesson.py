# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 20 · Power and energy
# In September 2026 the developers of Atlas, a server for language models, withdrew a finding. They
# had compared it with vLLM, another server, and seen Atlas draw about twice the power. But their
# script had asked `nvidia-smi` for the power once *before* each run, and what `nvidia-smi` showed
# was the mean of the last second. So each number was about the end of the run before it ([pull
# request 1197](https://github.com/Avarok-Cybersecurity/atlas/pull/1197)).
#
# **The question of this lesson**: how many joules did your program really take, and how do you make
# it take fewer?
#
# *{time} Needs lessons [01](01_honest_timing.ipynb) and [02](02_roofline.ipynb).*

# %%
import itertools

import numpy as np

import labkit as lk
from labkit.power import sensors
from labkit.results import op_energy

# %% [markdown]
# ## A meter with a memory
# You pay for **energy**, in joules (J). Most sensors show **power**, in watts (W): a watt is a
# joule a second.
#
# We let an H200 copy its memory, multiply matrices, and multiply in ten short pulses, and asked its
# driver for the power all the while. On such a card that's [the mean of the last
# second](https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html).
#
# **Guess first.** The card draws 123 W at rest and about 700 W while it multiplies. What does
# `nvidia-smi` show half a second after the matrix products have begun? It would be 700 W if the
# meter knew the present.

# %%
half_guess = lk.predict("20.a", ..., "W")

# %%
trace = lk.recorded("nvidia-h200-power")
times_s = tuple(row["time_s"] for row in trace.rows)
shown = sensors.Load(times_s, tuple(row["power_w"] for row in trace.rows))  # held until the next
parts = [row["phase"] for row in trace.rows]
begins_s = times_s[parts.index("matmul bf16")]
half_w = float(shown.power_w(begins_s + 0.5))
half_guess.against(
    lk.Reading("shown after half a second", half_w, "W", "recorded", source=trace.source)
)

# %% tags=["collapsed"]
WORK = ("rest", "copy", "rest", "multiply", "rest", "pulses", "rest")
edges_s = [times_s[0]]
for before, now, time_s in zip(parts, parts[1:], times_s[1:], strict=False):
    if before.split()[0] != now.split()[0]:  # the pulses are one part
        edges_s.append(time_s)
edges_s.append(times_s[-1])
spans_s = list(itertools.pairwise(edges_s))
assert len(spans_s) == len(WORK)
lk.draw.power_over_time(
    {
        "instantaneous, by the driver": (times_s, [row["instant_w"] for row in trace.rows]),
        "shown by nvidia-smi: the mean of a second": (times_s, shown.watts),
    },
    title="Power of an H200 (recorded)",
    until_s=20,
    most_w=1000,
    notes={sum(span_s) / 2: word for span_s, word in zip(spans_s, WORK, strict=True)},
)

# %% [markdown]
# The first line is the driver's *instantaneous* power. The second takes a second to climb and to
# come down, and its figure may be another 0.1 s old.
#
# Now the script of our story, which looks once before each part, beside the card's **energy
# counter**, which adds up joules.

# %% tags=["collapsed"]
counted = np.array([row["energy_j"] for row in trace.rows])


def counted_j(start_s, stop_s):
    """Joules by the card's own counter between two times of the recording."""
    before, after = np.searchsorted(times_s, [start_s, stop_s], side="right") - 1
    return float(counted[after] - counted[before])


looks_w = [float(shown.power_w(start_s)) for start_s, _ in spans_s]
means_w = [counted_j(*span_s) / (span_s[1] - span_s[0]) for span_s in spans_s]
print("[recorded]            one look before    mean by the counter")
for work, look_w, mean_w in zip(WORK, looks_w, means_w, strict=True):
    print(f"[recorded] {work:10} {look_w:12.0f} W {mean_w:18.0f} W")
print(f"({trace.source})")
assert looks_w[4] > 5 * looks_w[3]  # upside down
assert -60 < half_w - (looks_w[0] + 700) / 2 < 0  # in 0.1 s the mean climbs by about 58 W
assert means_w[3] > 5 * means_w[4]
for (start_s, stop_s), mean_w in zip(spans_s, means_w, strict=True):
    assert 120 < mean_w < 720
    assert 2 < stop_s - start_s < 3.1

# %% [markdown]
# It's upside down: by this method a resting card draws five times as much as one that multiplies.
#
# > **Takeaway.** A power reading is about the time before it. Look often, all through the run, or
# > take the difference of a counter's readings.
#
# ## Ask your machine
# What can yours read?

# %%
lk.show(lk.probes())

# %%
a = np.random.default_rng(20).random((700, 700))
with lk.energy() as e:  # all that runs inside
    for _ in range(20):
        a @ a
lk.show(e)
assert e.energy_j is None if e.kind == "unknown" else e.energy_lo_j <= e.energy_hi_j
each = lk.bench_energy(np.matmul, a, a, name="one product", min_time_s=0.5)  # often enough
lk.show(str(each))

# %% [markdown]
# Look at the first word. *Modelled* joules come from the processor's thermal design power (TDP) and
# its load; nine times in ten they're right within a factor of two.
#
# > **Takeaway.** Say where your joules come from. "Unknown" is an honest answer, and 0 J never is.
#
# ## Build a meter that lies
# How would you find out that a power meter is lying? You'd need the true power, and on a real
# machine you don't know it. So we build the machine ourselves. A `Load` holds the true power at
# every instant, and simulated sensors make the mistakes of real ones.
#
# **Guess first.** A program runs for 0.4 s at 300 W, which makes 120 J. Otherwise the machine draws
# 60 W. The meter shows the mean of the last second, with a new figure every 0.1 s. We ask it every
# 10 ms *while the program runs*, and add up power × time. How many joules do we get? It would be 24
# J if the meter noticed nothing.

# %%
burst_guess = lk.predict("20.b", ..., "J")

# %%
HIGH_W, IDLE_W, START_S, STOP_S = 300.0, 60.0, 1.5, 1.9
UPDATE_S, WINDOW_S = 0.1, 1.0
burst = sensors.burst(HIGH_W, IDLE_W, START_S, STOP_S - START_S)
slow_meter = sensors.PowerSensor(burst, UPDATE_S, WINDOW_S, phase_s=0.037)
true_j, watched_j = (one.energy_between_j(START_S, STOP_S) for one in (burst, slow_meter))
burst_guess.against(lk.Reading("watched while it ran", watched_j, "J", "simulated"))
assert watched_j < true_j / 2

# %% [markdown]
# More than half of it is gone, because the meter tells about it later.
#
# Three numbers describe a sensor. It has a new figure once in each **update period**. The figure is
# the mean over its **averaging window**. And its **phase** says when it updates. If the window is
# shorter than the period, the sensor works **part-time**: it's blind in between.
#
# **Play.** Four meters look at one load (grey).
# - *One burst*: drag the phase, and look at the counter. Then watch for longer.
# - *Pulses of 0.1 s*: drag the phase slowly, and look at the part-time meter.

# %% tags=["collapsed"]
LOADS = {
    "one burst": burst,
    "slow pulses": sensors.square_wave(HIGH_W, IDLE_W, period_s=0.9, duty=0.3, start_s=0.6),
    "pulses of 0.1 s": sensors.square_wave(HIGH_W, IDLE_W, period_s=0.1, duty=0.25),
}
WINDOWS_S = {"instantaneous": 0.0, "mean of 1 s": WINDOW_S, "part-time, 25 of 100 ms": 0.025}


def microscope(load, window_start, window_length, sensor_phase):
    load = LOADS[load]
    meters = {"counter": sensors.CounterSensor(load, UPDATE_S, phase_s=sensor_phase)} | {
        name: sensors.PowerSensor(load, UPDATE_S, window_s, phase_s=sensor_phase)
        for name, window_s in WINDOWS_S.items()
    }
    return lk.draw.meters(load, meters, (window_start, window_start + window_length))


lk.Explorer(
    microscope,
    load=list(LOADS),
    window_start=lk.draw.Slider(0.0, 3.0, START_S, unit="s", label="watch from"),
    window_length=lk.draw.Slider(0.05, 2.5, STOP_S - START_S, unit="s", label="watch for"),
    sensor_phase=lk.draw.Slider(0.0, 0.099, 0.037, unit="s", label="sensor's phase"),
)

# %% [markdown]
# > **Takeaway.** Update period, window and phase decide what a meter shows. The shorter your
# > program, the more it may err.
#
# ## Let the meter finish
# The cure is **padding**: begin to watch in the idle time before, stop in the idle time after, when
# the meter has told everything, and take off what idle took.
#
# ### Your turn
# `joules(a, b)` gives what a meter adds up between two times. A program runs from `start_s` to
# `stop_s`, and for `pad_s` before and after it the machine is idle, at `idle_w`. How much energy
# was used between `start_s` and `stop_s`? (2 lines)


# %%
def padded_j(joules, start_s, stop_s, pad_s, idle_w):
    """Energy in J between start_s and stop_s; pad_s is longer than the meter's memory."""
    ### BEGIN SOLUTION
    all_j = joules(start_s - pad_s, stop_s + pad_s)
    return all_j - 2 * pad_s * idle_w
    ### END SOLUTION


padded_j = lk.your_turn("20.t1", padded_j)

# %% [markdown]
# Does it work on the recorded pulses?

# %%
PAD_S = WINDOW_S + 2 * UPDATE_S
simulated_j = padded_j(slow_meter.energy_between_j, START_S, STOP_S, PAD_S, IDLE_W)
start_s, stop_s = spans_s[WORK.index("pulses")]
real_j = padded_j(shown.energy_between_j, start_s, stop_s, PAD_S, float(shown.power_w(start_s)))
lk.show(
    lk.Reading("the simulated burst, padded", simulated_j, "J", "simulated"),
    lk.Reading("pulses, only watched", shown.energy_between_j(start_s, stop_s), "J", of=trace),
    lk.Reading("pulses, padded", real_j, "J", of=trace),
    lk.Reading("pulses, by the card's counter", counted_j(start_s, stop_s), "J", of=trace),
)

# %% tags=["collapsed"]
assert abs(simulated_j / true_j - 1) < 0.02
assert abs(real_j / counted_j(start_s, stop_s) - 1) < 0.02
assert shown.energy_between_j(start_s, stop_s) < 0.85 * real_j

SHIFT_S = (WINDOW_S + UPDATE_S) / 2
CURES = {
    "watched": lambda joules, start_s, stop_s: joules(start_s, stop_s),
    "shifted": lambda joules, start_s, stop_s: joules(start_s + SHIFT_S, stop_s + SHIFT_S),
    "padded": lambda joules, start_s, stop_s: padded_j(joules, start_s, stop_s, PAD_S, IDLE_W),
}


def worst_error(cure, length_s):
    """The largest error over 50 phases of the sensor, as a fraction of the truth."""
    load = sensors.burst(HIGH_W, IDLE_W, 10.0, length_s)
    errors = []
    for phase_s in np.arange(50) * UPDATE_S / 50:
        meter = sensors.PowerSensor(load, UPDATE_S, WINDOW_S, phase_s=phase_s)
        errors.append(cure(meter.energy_between_j, 10.0, 10.0 + length_s) / (HIGH_W * length_s) - 1)
    return max(errors, key=abs)


print("[simulated] bursts by a mean of 1 s, worst error over 50 phases")
for length_s in (0.4, 1.0, 5.0, 20.0):
    errors = (f"{name} {100 * worst_error(cure, length_s):5.1f} %" for name, cure in CURES.items())
    print(f"[simulated] {length_s:4.1f} s: {', '.join(errors)}")
assert abs(worst_error(CURES["padded"], 0.4)) < 0.02


def simulated(name, energy):
    return lk.Reading(
        name, energy.energy_j, "J", "simulated", note=", ".join(energy.flags) or None,
        low=energy.energy_lo_j, high=energy.energy_hi_j,
    )  # fmt: skip


padded, unpadded = (
    sensors.simulated_energy(slow_meter, START_S, STOP_S, pad_s=pad_s) for pad_s in (PAD_S, 0)
)
lk.show(
    simulated("0.4 s by lk.energy, padded", padded),
    simulated("0.4 s by lk.energy, not padded", unpadded),
    lk.Reading("net of idle", padded.net_energy_j, "J", of="simulated"),
)
assert abs(padded.energy_j / true_j - 1) < 0.005
assert unpadded.energy_lo_j <= true_j <= unpadded.energy_hi_j

# %% [markdown]
# *Shifted* means watched half a window and half a period later. **Running long** helps more.
# Padding needs an idle that stays level, and real machines cool down slowly. `lk.energy` pads. Its
# interval assumes nothing but a highest power, so it holds the truth even unpadded, and padding
# doesn't narrow it. **Net** is the energy above idle, which you'd save by not running.
#
# > **Takeaway.** Run long, or pad. Report an interval, and say whether idle is in your number.
#
# ## Blind three quarters of the time
# [Yang, Adamek and Armour](https://arxiv.org/abs/2312.02741) tested more than 70 GPUs, and found
# that the sensor of A100 and H100 watches for only 25 % of the time.
#
# **Guess first.** A load draws 300 W for 25 ms of each 100 ms and 60 W otherwise, 120 W on average.
# A meter watches 25 of each 100 ms. At worst, how many times the true average does it show?

# %%
alias_guess = lk.predict("20.c", ...)

# %% tags=["collapsed"]
DUTY, PHASES_S = 0.25, np.arange(40) * UPDATE_S / 40


def seen_over_true(period_s, phase_s):
    """Mean power by a part-time meter over the true one, for pulses."""
    pulses = sensors.square_wave(HIGH_W, IDLE_W, period_s, DUTY)
    meter = sensors.PowerSensor(pulses, UPDATE_S, window_s=0.025, phase_s=phase_s)
    return meter.energy_between_j(10.0, 15.0) / pulses.energy_between_j(10.0, 15.0)


at_100_ms = [seen_over_true(0.1, phase_s) for phase_s in PHASES_S]
alias_guess.against(lk.Reading("shown over true, at worst", max(at_100_ms), "1", of="simulated"))
lk.show(lk.Reading("shown over true, the other way", min(at_100_ms), "1", of="simulated"))

periods_s = np.unique([*np.round(np.geomspace(0.02, 1.0, 130), 4), 0.05, 0.1, 0.2, 0.3, 0.4])
spread = [[seen_over_true(period_s, phase_s) for phase_s in PHASES_S] for period_s in periods_s]
chart = lk.draw.Chart(
    lk.draw.Axis("period of the load", "s", lo=0.02, hi=1.0, log=True),
    lk.draw.Axis("shown over true", lo=0, hi=3),
    title="A meter that sees 25 of each 100 ms, 5 s windows, all phases (simulated)",
)
chart.band(periods_s, [min(s) for s in spread], [max(s) for s in spread], opacity=0.4)
chart.line([0.02, 1.0], [1, 1], color=lk.draw.INK, dash=True)
chart.picture("The part-time meter errs most where the load's period is near 0.1 s")

# %% [markdown]
# The band spans what the meter may show. At the spikes, load and meter march in step, so it always
# sees the same part of the load, however long you watch. That's
# [**aliasing**](https://en.wikipedia.org/wiki/Aliasing), and no formula repairs it afterwards. Vary
# the length of your steps, or pause at random. `lk.energy` warns if you tell it the period:

# %% tags=["collapsed"]
pulses = LOADS["pulses of 0.1 s"]
part_time = sensors.PowerSensor(pulses, UPDATE_S, window_s=0.025, phase_s=0.02)
warned = sensors.simulated_energy(part_time, 10.0, 15.0, load_period_s=0.1)
true_5_s_j = pulses.energy_between_j(10.0, 15.0)
lk.show(
    simulated("pulses of 0.1 s", warned), lk.Reading("their truth", true_5_s_j, "J", "simulated")
)
assert "aliasing_risk" in warned.flags
assert warned.energy_lo_j <= true_5_s_j <= warned.energy_hi_j

# %% [markdown]
# Doesn't a counter help? Intel's, called RAPL, adds up all the time. Of NVIDIA's we found nothing
# published that says so. On our H200 it agreed with the padded mean, but so it would if both came
# from one part-time sensor.
#
# And counters end. RAPL's has 32 bits, then it starts again at 0. Somebody got [−250,769
# J](https://github.com/tdurieux/EnergiBridge/issues/17) that way. Here a program of 500 J runs
# across that moment:

# %% tags=["collapsed"]
UNIT_J, RANGE_J = 2**-14, 2.0**18  # 2³² steps
print(f"[modelled] at 200 W it starts again after {RANGE_J / 200 / 60:.0f} minutes")
counter = sensors.CounterSensor(
    sensors.constant(50), unit_j=UNIT_J, range_j=RANGE_J, offset_j=RANGE_J - 544
)
before_j, after_j = float(counter.at(5.0)), float(counter.at(15.0))
print(f"[simulated] before {before_j:,.0f} J, after {after_j:,.0f} J: {after_j - before_j:,.0f} J")
across = sensors.simulated_energy(counter, 5.0, 15.0)
lk.show(simulated("through lk.energy", across))
assert abs(across.energy_j - 500) < 0.1

# %% [markdown]
# > **Takeaway.** A meter can't report what it never saw. Don't let your load march in step with it,
# > and read a counter at least once each time it goes round.
#
# ## Race to idle
# Now let's save joules. A slower clock gets by with a lower voltage, so the power for arithmetic
# goes about with the cube of the clock. But a machine that works is also *awake*: memory, fans and
# leaking transistors draw power at any clock.
#
# ### Your turn
# In every `period_s` there's work, which takes `work_s` at full clock. At a share `clock` of
# full clock it takes `work_s / clock`, at `idle_w + awake_w + math_w * clock**3`. For the rest of
# the period the machine draws `idle_w`. What energy does a period take? (3 lines)


# %%
def period_j(clock, awake_w, idle_w=60.0, math_w=100.0, work_s=0.3, period_s=1.0):
    """Energy of a period in J: work at a share `clock` of full clock, then idle."""
    ### BEGIN SOLUTION
    busy_s = work_s / clock
    busy_w = idle_w + awake_w + math_w * clock**3
    return busy_s * busy_w + (period_s - busy_s) * idle_w
    ### END SOLUTION


period_j = lk.your_turn("20.t2", period_j)

# %% [markdown]
# **Play.** From how many watts of *awake* on does it pay to **race to idle**, at full clock?

# %% tags=["collapsed"]
CLOCKS = np.linspace(0.3, 1.0, 141)


def race(awake):
    joules = [period_j(clock, awake) for clock in CLOCKS]
    best = int(np.argmin(joules))
    chart = lk.draw.Chart(
        lk.draw.Axis("share of full clock", "%", lo=0.25, hi=1.05),
        lk.draw.Axis("energy of a period", "J", lo=IDLE_W),
        title=f"{awake:.0f} W to be awake: {joules[-1] / joules[best] - 1:.0%} more "
        f"joules at full clock than at best",
    )
    chart.line(CLOCKS, joules)
    chart.mark(CLOCKS[best], joules[best], "modelled", f"best: {CLOCKS[best]:.0%}")
    return chart.picture(f"Energy against clock: the least at {CLOCKS[best]:.0%} of full clock")


assert period_j(0.99, 200) > period_j(1.0, 200)
assert period_j(0.99, 190) < period_j(1.0, 190)
lk.Explorer(race, awake=lk.draw.Slider(0.0, 300.0, 50.0, unit="W"))

# %% [markdown]
# It pays from 200 W on, twice what arithmetic takes, if the cube is right.
#
# > **Takeaway.** A slow clock saves energy in arithmetic, a fast one in being awake. The best clock
# > balances the two.
#
# ## Cap a real GPU
# GPUs lower their own clock to keep their mean power below a **power cap**, as our H200 did:

# %% tags=["collapsed"]
CLOCK = "sm_clock_hz"
products = [row[CLOCK] for row in trace.rows if row["phase"] == "matmul bf16"]
CAP = lk.chip("h200-sxm").power
assert max(shown.watts) < 1.01 * CAP.value < max(row["instant_w"] for row in trace.rows)
resting = [row[CLOCK] for row in trace.rows if row["phase"] == "idle" and row["time_s"] < 3]
lk.show(
    lk.Reading("clock at rest", np.median(resting), "Hz", "recorded", source=trace.source),
    lk.Reading("clock, multiplying", np.median(products), "Hz", "recorded", source=trace.source),
    CAP,
)

# %% [markdown]
# An administrator can lower the cap with [`nvidia-smi -pl
# 500`](https://docs.nvidia.com/deploy/nvidia-smi/index.html). The authors of
# [Zeus](https://arxiv.org/abs/2208.06102) did so on a V100, and published the trace.
#
# **Guess first.** ResNet-50, batch 256. The cap goes from 250 W down to 150 W. How much longer does
# an epoch take, one pass through the data? It would be 67 % if speed went with power, and 0 % if
# the last watts were wasted.

# %%
cap_guess = lk.predict("20.d", ..., "%")

# %% tags=["collapsed"]
zeus = lk.recorded("zeus-v100")
resnet = next(row for row in zeus.rows if row["batch_size"] == 256 and "ResNet" in row["workload"])
columns = [resnet[name] for name in ("power_limits_w", "time_per_epoch_s", "power_w")]
epochs_s = dict(zip(*columns[:2], strict=True))
cap_guess.against(
    lk.Reading("longer at 150 W", epochs_s[150] / epochs_s[250] - 1, "%", of=zeus, note=zeus.source)
)
for cap_w, epoch_s, power_w in zip(*columns, strict=True):
    print(f"[recorded] cap {cap_w} W: {epoch_s:5,.0f} s at {power_w:5.1f} W, which makes "
          f"{epoch_s * power_w / 1e3:.0f} kJ an epoch (modelled)")  # fmt: skip

# %% [markdown]
# Neither end is best: the last watts bring little speed, and at 100 W the card is awake for too
# long. The batch matters as well, because the energy **to a target accuracy** is *epochs to target*
# × *time of an epoch* × *mean power*.
#
# **Guess first.** For ShuffleNetV2 the defaults are batch 1024 and 250 W. What share of the
# energy does the best pair save? You've seen what the cap alone does.

# %%
saving_guess = lk.predict("20.e", ..., "%")

# %% tags=["collapsed"]
savings = lk.published("zeus-savings")
found = {
    row["workload"]: lk.plan.settings_to_target(
        one for one in zeus.rows if one["workload"] == row["workload"]
    )
    for row in savings.rows
}
default, saved = {}, {}
for row in savings.rows:
    workload, settings = row["workload"], found[row["workload"]]
    pair = (row["default_batch"], 250)
    default[workload] = next(one for one in settings if (one.batch, one.cap_w) == pair)
    best = min(settings, key=lambda one: one.energy_j)
    share = 1 - best.energy_j / default[workload].energy_j
    saved[workload] = lk.Reading(
        f"saved, {workload}", share, "%", of=zeus,
        note=f"batch {best.batch}, {best.cap_w} W; the paper: {100 * row['saved_fraction']:.1f} %",
    )  # fmt: skip
    assert abs(share - row["saved_fraction"]) <= savings.tolerance["saved_fraction"]
saving_guess.against(saved["ShuffleNetV2, CIFAR-100"])
lk.show(saved["ResNet-50, ImageNet"])
print(f"(the paper: {savings.source})")

# %% [markdown]
# **Play.** Each mark is a pair of batch and cap. Drag how much time you allow. The line is the
# [**Pareto front**](https://en.wikipedia.org/wiki/Pareto_front): nothing beats its points in both
# time and energy.


# %% tags=["collapsed"]
def front(workload, extra_time):
    fastest_s = min(one.time_s for one in found[workload])
    return lk.draw.time_and_energy(
        found[workload], default[workload], (1 + extra_time) * fastest_s,
        title=f"{workload}, on a V100: batch × cap",
    )  # fmt: skip


lk.Explorer(
    front,
    workload=list(default)[::-1],
    extra_time=lk.draw.Slider(0.0, 2.0, 1.0, unit="%", label="extra time"),
)

# %% [markdown]
# Both of the paper's figures come out. Another GPU may save less, and finding the best pair costs
# runs.
#
# > **Takeaway.** The last watts bring the least speed, so a lower cap often saves energy. Measure
# > it for the whole job.
#
# ## Joules per token
# A language model reads your prompt at once (**prefill**), then writes token after token
# (**decode**), and fetches all its weights for each ([lesson 11](11_a_language_model.ipynb)). A
# token's energy is power over tokens a second: here TDP over the roofline's rate.
#
# **Guess first.** Llama-3.1-8B on one H100, a single conversation. A token that's written takes how
# many times the energy of one that's read? An H100's [ridge point](02_roofline.ipynb) is about 300
# operations a byte. To write one token alone it does one.

# %%
token_guess = lk.predict("20.f", ...)

# %% tags=["collapsed"]
CONTEXT = 500  # tokens in each conversation: our assumption
llama = lk.plan.Decoder(
    "Llama-3.1-8B", n_params=8_030_000_000, n_layers=32, n_heads=32, n_kv_heads=8, head_size=128
)
h100, roof = lk.chip("h100-sxm"), lk.roofline("h100-sxm", "bf16")


def token_j(work, n_tokens):
    return lk.plan.j_per_token(h100.power.value, lk.plan.tokens_per_s(work, n_tokens, roof))


read_j = token_j(llama.prefill(1, CONTEXT), CONTEXT)
written_j = token_j(llama.decode(1, CONTEXT), 1)
token_guess.against(lk.Reading("written over read", written_j / read_j, "1", "modelled"))
lk.show(
    lk.Reading("a token that is read", read_j, "J", "modelled"),
    lk.Reading("a token that is written, alone", written_j, "J", "modelled"),
    lk.Reading("bytes read for it", llama.decode(1, CONTEXT).read_bytes, "B", "modelled"),
)
served = lk.published("ml-energy-llama-3.1-8b")
for row in served.rows:
    n, rate = row["max_batch"], row["tokens_per_s"]
    roof_rate = lk.plan.tokens_per_s(llama.decode(n, CONTEXT), n, roof)
    power_w = rate * row["j_per_token"]
    print(
        f"[modelled] at most {n:3} at once: {rate / roof_rate:.0%} of the roof's tokens a second, "
        f"{power_w:.0f} W, {power_w / h100.power.value:.0%} of the TDP"
    )

batches = [2**k for k in range(11)]
decode_j = [token_j(llama.decode(n, CONTEXT), n) for n in batches]
assert abs(decode_j[3] / served.rows[0]["j_per_token"] - 1) < 0.1  # 8 at once
chart = lk.draw.Chart(
    lk.draw.Axis("conversations at once", lo=1, hi=1024, log=True),
    lk.draw.Axis("energy of a token", "J", lo=0.005, hi=10, log=True),
    title="Llama-3.1-8B on one H100: TDP and roofline, and what others measured",
)
chart.line(batches, decode_j)
chart.along((1, decode_j[0]), (8, decode_j[3]), "decode (modelled)")
chart.line(batches, [read_j] * len(batches))
chart.along((1, read_j), (1024, read_j), "prefill (modelled)")
for row in served.rows:
    chart.mark(row["max_batch"], row["j_per_token"], "published", f"{row['j_per_token']:g} J")
chart.picture("Joules per token: decode falls with the batch towards prefill")

# %% [markdown]
# The marks are measurements by [ML.ENERGY](https://ml.energy/leaderboard). A batch shares the
# fetching of the weights, but not of each conversation's own cache.
#
# The roofline, on which nothing waits, makes the model too low, and TDP makes it too high. With 8
# at once both errors cancel. A model that agrees once needn't be right.
#
# > **Takeaway.** Joules per token = power ÷ tokens per second. A larger batch saves energy, until
# > the share of the weights is small.
#
# ## Where the joules go
# What one operation took at 45 nm (Horowitz 2014) and at 7 nm ([Jouppi et al.
# 2021](https://doi.org/10.1109/ISCA52012.2021.00010)). The last four rows read 64 bits, on the chip
# (SRAM) or off it (DRAM):

# %% tags=["collapsed"]
OPERATIONS = (
    ("add", "int8"), ("add", "fp32"), ("mul", "int8"), ("mul", "fp32"), ("mul", "bf16"),
    ("sram_64b", "8KB"), ("sram_64b", "1MB"), ("dram_64b", "DDR3/4"), ("dram_64b", "HBM2"),
)  # fmt: skip


def short(one):
    return "unknown" if one.low_j is None else one.figure.split(" per ")[0]


print("[published]                45 nm              7 nm")
for op, kind in OPERATIONS:
    old, new = (short(op_energy(op, kind, nm)) for nm in (45, 7))
    print(f"[published] {op:8} {kind:6} {old:>7} {new:>17}")

for nm, source in ((45, "Horowitz 2014"), (7, "Jouppi et al. 2021")):
    dram, addition = op_energy("dram_64b", "DDR3/4", nm), op_energy("add", "fp32", nm)
    ratio = dram.energy_j / addition.energy_j
    lk.show(lk.Reading(f"DRAM over fp32 add, {nm} nm", ratio, "1", of="published", note=source))

# %% [markdown]
# Arithmetic became cheaper. Memory on the board (DDR) didn't, and HBM, beside the chip, takes about
# a third of it, or less.
#
# ### Your turn
# A weight has `itemsize` bytes, and memory takes `word_j` for 8 bytes. It's fetched once for the
# batch, and each conversation takes one multiply-add with it, of `mac_j`. With how many
# conversations does arithmetic cost as much as fetching? (1 line, don't round)


# %%
def even_batch(itemsize, word_j, mac_j):
    """Conversations at which multiplying a weight costs as much as fetching it."""
    ### BEGIN SOLUTION
    return itemsize / 8 * word_j / mac_j
    ### END SOLUTION


even_batch = lk.your_turn("20.t3", even_batch)

# %% tags=["collapsed"]
hbm = op_energy("dram_64b", "HBM2", 7)
mac_j = op_energy("mul", "bf16", 7).energy_j + op_energy("add", "fp32", 7).energy_j
for word_j in (hbm.low_j, hbm.high_j):
    name = f"conversations until even, HBM at {word_j * 1e12:.0f} pJ for 8 bytes"
    lk.show(lk.Reading(name, even_batch(2, word_j, mac_j), "1", of="published"))
one = llama.decode(1, CONTEXT)
low_j, high_j = (one.bytes / 8 * each_j for each_j in (hbm.low_j, hbm.high_j))
arithmetic_j = one.flop / 2 * mac_j
lk.show(lk.Reading("HBM over arithmetic, alone, at least", low_j / arithmetic_j, "1", "modelled"))
assert low_j > 50 * arithmetic_j
assert high_j + arithmetic_j < written_j
mj = {}
for name, work, n_tokens in (
    ("decode, 1 at once", one, 1),
    ("decode, 512 at once", llama.decode(512, CONTEXT), 512),
    ("prefill", llama.prefill(1, CONTEXT), CONTEXT),
):
    low_mj, high_mj = (
        1e3 * work.bytes / 8 * each_j / n_tokens for each_j in (hbm.low_j, hbm.high_j)
    )
    mj[name] = low_mj, high_mj, 1e3 * work.flop / 2 * mac_j / n_tokens
    print(f"[modelled] {name:20} HBM {low_mj:7.1f} to {high_mj:7.1f} mJ a token, "
          f"arithmetic {mj[name][2]:.1f} mJ")  # fmt: skip
low_mj, high_mj, math_mj = mj["decode, 512 at once"]
assert low_mj < math_mj < high_mj  # about the same, as the text says
assert mj["prefill"][1] < mj["prefill"][2]

# %% [markdown]
# A token that's written alone spends nearly all of its energy on fetching. With 512 at once, memory
# and arithmetic cost about the same (the caches aren't shared), and in prefill arithmetic costs
# most. All of it falls short of the joules above: the way across the chip, clocks and leakage are
# missing.
#
# > **Takeaway.** Moving a number costs far more than multiplying it once, so use it many times
# > while it's there.
#
# ## Back to Atlas
# One look before a run shows how the *last* one ended, and the two servers end differently: vLLM
# finished all requests in the same step, and Atlas one after the other. So the meter saw different
# leftovers. The new script reads the power all through the run; you'd also let the meter finish.
#
# For fewer joules, use each byte many times, cap the power, and race only where being awake is
# dear.
#
# And when somebody's program takes half the joules, ask: by which meter, with which window, for how
# long, with or without idle, per token or per job?
#
# **Next**: the [exercises](../exercises/20_power_and_energy.ipynb), then [cost and
# carbon](21_cost_and_carbon.ipynb).
