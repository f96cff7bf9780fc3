"""Speed-ups over the number of workers: what was timed, beside what a law says."""

from collections.abc import Callable
from typing import Any

from labkit.draw.axis import Axis
from labkit.draw.chart import Chart
from labkit.draw.picture import Picture
from labkit.reading import Origin

_ROOM_BELOW, _ROOM_ABOVE = 0.9, 1.08  # so that no mark and no interval sits on an edge


def speedups(
    *runs: Any,
    law: Callable[[float], float] | None = None,
    title: str = "How many times faster",
    workers: str = "threads",
) -> Picture:
    """Speed-ups of one or more runs with their intervals; on the dashed line nothing is lost.

    runs     TimesInTurns, such as the run here and a recorded one
    law      number of workers -> speed-up, drawn as a line
    workers  what the x axis counts
    """
    gains = [
        (n, run.speedup(n)) for run in _measured_last(runs) for n in sorted(run.samples_s) if n
    ]
    most = max(2, *(n for n, _ in gains))
    least = min(1.0, *(gain.value if gain.low is None else gain.low for _, gain in gains))
    x, y = (
        Axis(label, "1", _ROOM_BELOW * low, _ROOM_ABOVE * most, log=most > 4)
        for label, low in ((workers, 1), ("speed-up", least))
    )
    chart = Chart(x, y, title=title, height=360)
    ends = [1 + (most - 1) * k / 60 for k in range(61)]
    chart.line(ends, ends, "nothing lost", dash=True)
    if law is not None:
        chart.line(ends, [law(n) for n in ends], "Amdahl's law", origin="modelled")
    for n, gain in gains:
        chart.mark(n, gain.value, gain.origin, low=gain.low, high=gain.high)
    origins = " and ".join(dict.fromkeys(str(run.origin) for run in runs))
    # Before the colon stands what is the same on every machine: a test compares that.
    return chart.picture(f"{title}, by the number of {workers}: {origins} marks up to {most}")


def _measured_last(runs):
    """The runs in the order in which they are drawn: no mark may hide a student's own."""
    return sorted(runs, key=lambda run: run.origin is Origin.MEASURED)
