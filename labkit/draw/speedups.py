"""Speed-ups over the number of workers: what was timed, beside what a law says."""

from collections.abc import Callable, Sequence
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
    counts = sorted({n for run in runs for n in run.samples_s})
    most = max(2, *counts)
    chart = Chart(Axis(workers, "1", 1, most), Axis("speed-up", "1", lo=0), title=title, height=360)
    ends = _between(1, most)
    chart.line(ends, ends, "nothing lost", dash=True)
    if law is not None:
        chart.line(ends, [law(n) for n in ends], "Amdahl's law", origin="modelled")
    for run in runs:
        for n in sorted(run.samples_s):
            gain = run.speedup(n)
            chart.mark(n, gain.value, run.origin, low=gain.low, high=gain.high)
    return chart.picture(f"{title}, by the number of {workers}: {_in_words(runs, most)}")


def _between(low: float, high: float, n: int = 40) -> Sequence[float]:
    return [low + (high - low) * k / n for k in range(n + 1)]


def _in_words(runs, most):
    origins = " and ".join(dict.fromkeys(str(run.origin) for run in runs))
    return f"{origins} marks, up to {most}"
