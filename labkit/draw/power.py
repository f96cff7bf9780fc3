"""Power over time: what meters show, beside the truth where it is known; and what settings take."""

from collections.abc import Mapping, Sequence

import numpy as np

from labkit.draw.axis import Axis
from labkit.draw.chart import Chart
from labkit.draw.marks import LINES
from labkit.draw.picture import Picture
from labkit.draw.svg import INK
from labkit.plan import Setting, pareto
from labkit.power.sensors import CounterSensor, Load, PowerSensor

_SLOWEST = 4  # times as long as the fastest setting: slower ones are out of the picture


def power_over_time(
    shown: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    title: str,
    until_s: float,
    most_w: float,
    truth: Load | None = None,
    window: tuple[float, float] | None = None,
    notes: Mapping[float, str] | None = None,
) -> Picture:
    """What meters show, as steps: a figure counts until the next one.

    shown   what to say of a meter -> (times in s, watts from each of them on)
    truth   a grey ground under the lines
    window  (start, stop) in s, shaded
    notes   time in s -> a word at the top, such as which program runs
    """
    chart = Chart(
        Axis("time", "s", lo=0, hi=until_s), Axis("power", "W", lo=0, hi=most_w), title=title,
        height=460,
    )  # fmt: skip
    if truth:
        grid_s = np.arange(0, until_s, until_s / 800)
        chart.band(grid_s, np.zeros_like(grid_s), truth.power_w(grid_s), color=INK, opacity=0.2)
    if window:
        start_s, stop_s = window
        chart.band([start_s, min(stop_s, until_s)], [0, 0], [most_w, most_w])
    for n, ((words, steps), color) in enumerate(zip(shown.items(), LINES, strict=False), start=1):
        is_last = n == len(shown)  # dashed, so that what lies below shows through
        chart.step(*steps, color=color, dash=n > 1 and is_last)
        chart.key(words, color)
    for time_s, word in (notes or {}).items():
        chart.note(time_s, 0.94 * most_w, word)
    return chart.picture("; ".join([title, *shown]))


def meters(
    load: Load,
    sensors: Mapping[str, CounterSensor | PowerSensor],
    window: tuple[float, float],
    *,
    until_s: float = 4.0,
    most_w: float = 560.0,
) -> Picture:
    """The true power of a simulated load, what each sensor shows of it, and the joules by each.

    window  (start, stop) in s: the joules are those between
    """
    true_j = load.energy_between_j(*window)
    shown = {}
    for name, sensor in sensors.items():
        joules = sensor.energy_between_j(*window)
        shown[f"{name}: {joules:.1f} J ({round(100 * (joules / true_j - 1)):+d} %)"] = _steps(
            sensor, until_s
        )
    return power_over_time(
        shown, title=f"Simulated. Truly {true_j:.1f} J in the shaded time", until_s=until_s,
        most_w=most_w, truth=load, window=window,
    )  # fmt: skip


def time_and_energy(
    found: Sequence[Setting], default: Setting, most_time_s: float, *, title: str
) -> Picture:
    """Time and energy of each setting, the best ones as a line, and the least energy in time.

    default      the setting that people take
    most_time_s  what lies to the left of it is shaded, and allowed

    Settings that take more than four times as long as the fastest are left out. Raises ValueError
    where none is allowed.
    """
    fastest_s = min(setting.time_s for setting in found)
    near = [setting for setting in found if setting.time_s <= _SLOWEST * fastest_s]
    joules = [setting.energy_j for setting in near]
    low_j, high_j = 0.8 * min(joules), 1.2 * max(joules)
    in_time = [setting for setting in near if setting.time_s <= most_time_s]
    if not in_time:
        raise ValueError(
            f"No setting is done in {most_time_s:g} s: allow at least {fastest_s:g} s."
        )
    best = min(in_time, key=lambda setting: setting.energy_j)
    chart = Chart(
        Axis("time to target", "s", lo=0.8 * fastest_s, hi=_SLOWEST * fastest_s, log=True),
        Axis("energy to target", "J", lo=low_j, hi=high_j, log=True),
        title=title,
    )
    chart.band([0.8 * fastest_s, most_time_s], [low_j] * 2, [high_j] * 2, opacity=0.1)
    front = pareto(near)
    chart.line([one.time_s for one in front], [one.energy_j for one in front])
    for one in near:
        chart.mark(one.time_s, one.energy_j, "modelled")  # epochs × time × power
    for what, one in (("least", best), ("default", default)):
        chart.label(one.time_s, one.energy_j, f"{what}: batch {one.batch}, {one.cap_w:g} W")
    return chart.picture(
        f"{title}: within the limit the least energy needs batch {best.batch} and "
        f"{best.cap_w:g} W, {best.energy_j / default.energy_j:.0%} of the default's"
    )


def _steps(sensor, until_s):
    """(times, watts) at each update; a counter's watts are its last step over its time."""
    updates = np.arange(-sensor.update_s, until_s + sensor.update_s, sensor.update_s)
    times_s = updates + sensor.phase_s
    values = sensor.at(times_s)
    if isinstance(sensor, CounterSensor):
        return times_s[1:], np.diff(values) / sensor.update_s
    return times_s[1:], values[1:]
