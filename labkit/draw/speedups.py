"""Speed-ups over the number of workers: what was timed, beside what a law says."""

from collections.abc import Callable
from typing import Any

from labkit.draw.axis import Axis
from labkit.draw.chart import Chart
from labkit.draw.picture import Picture


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
    counts = sorted({n for run in runs for n in run.samples_s if n})
    most = max(2, *counts)
    chart = Chart(
        Axis(workers, "1", 1, most, log=most > 4), Axis("speed-up", "1", 1, most, log=most > 4),
        title=title, height=360,
    )  # fmt: skip
    ends = [1 + (most - 1) * k / 60 for k in range(61)]
    chart.line(ends, ends, "nothing lost", dash=True)
    if law is not None:
        chart.line(ends, [law(n) for n in ends], "Amdahl's law", origin="modelled")
    for run in runs:
        for n in sorted(n for n in run.samples_s if n):
            gain = run.speedup(n)
            chart.mark(n, gain.value, run.origin, low=gain.low, high=gain.high)
    origins = " and ".join(dict.fromkeys(str(run.origin) for run in runs))
    return chart.picture(f"{title}, by the number of {workers} up to {most}: {origins} marks")
