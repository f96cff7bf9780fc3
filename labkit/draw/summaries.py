"""Runs of one program, and beside them what is said about them: one shot, a mean, a median."""

from collections.abc import Mapping, Sequence

import numpy as np

from labkit.draw.axis import Axis
from labkit.draw.chart import Chart
from labkit.draw.picture import Picture
from labkit.reading import Origin
from labkit.units import si

_HALF = 0.4  # half of the width over which the runs are spread
_LEAST_SPAN = 0.1  # of the truth: a narrower axis would make a mountain of nothing


def summaries(
    samples_s: Sequence[float],
    summed_up: Mapping[str, Sequence[float | None]],
    truth_s: float,
    *,
    title: str = "",
    truth: str = "undisturbed run",
    most_s: float | None = None,
    origin: Origin | str = Origin.SIMULATED,
) -> Picture:
    """Times in s as marks in one column, and a column for each way to sum them up.

    samples_s  the times of the runs
    summed_up  name -> (value, low, high) in s; low and high are None without an interval
    truth_s    the time that they are held against, a dashed line, called `truth`
    most_s     times above it are left out, and the title says how many

    Raises ValueError where there is no run.
    """
    if not len(samples_s):
        raise ValueError("There is no run to show: give at least one time.")
    most_s = most_s or max(*samples_s, truth_s * (1 + _LEAST_SPAN))
    n_above = sum(time_s > most_s for time_s in samples_s)
    chart = Chart(
        Axis("", names=["all runs", *summed_up]),
        Axis("time", "s", truth_s * (1 - _LEAST_SPAN), most_s),
        title=f"{title} ({n_above} above the picture)" if n_above else title,
    )
    end = len(summed_up) + 0.5
    chart.line([-0.5, end], [truth_s, truth_s], dash=True)
    chart.key(f"dashed: {truth}", chart.lines[0][1])
    places = np.linspace(-_HALF, _HALF, len(samples_s)) if len(samples_s) > 1 else [0.0]
    for place, time_s in zip(places, samples_s, strict=True):
        if truth_s * (1 - _LEAST_SPAN) <= time_s <= most_s:
            chart.mark(float(place), time_s, origin)
    for place, (value, low, high) in enumerate(summed_up.values(), start=1):
        if value is not None and value <= most_s:
            chart.mark(place, value, origin, si(value, "s", digits=4), low=low, high=high)
    return chart.picture(f"{title}: {len(samples_s)} times, then {', '.join(summed_up)}")
