"""Pictures of runs that fail: how far they got, and what is left of their time."""

from collections.abc import Callable, Mapping, Sequence

from labkit.draw.axis import Axis
from labkit.draw.chart import Chart
from labkit.draw.marks import LINES
from labkit.draw.picture import Picture
from labkit.reading import Origin

Attempt = tuple[Sequence[float], Sequence[float]]  # when steps were finished, in s; which steps


def recoveries(
    runs: Mapping[str, Sequence[Attempt]], kills_s: Sequence[float], *,
    title: str, origin: Origin | str = Origin.MEASURED,
) -> Picture:  # fmt: skip
    """The steps of training runs over time: up, and after a kill back to where it can go on.

    Time begins with the first step: before it, programs only start.

    runs     name -> its attempts, one for each start; each run has a colour
    kills_s  when something was killed
    """
    chart = Chart(Axis("time since the first step", "s"), Axis("step", lo=0), title=title)
    attempts = [(n, *attempt) for n, some in enumerate(runs.values()) for attempt in some]
    most = max((step for *_, steps in attempts for step in steps), default=1)
    began_s = min((time_s for _, times_s, _ in attempts for time_s in times_s), default=0.0)
    for n, times_s, steps in attempts:
        if times_s:
            since_s = [time_s - began_s for time_s in times_s]
            chart.line(since_s, steps, color=LINES[n], dash=n > 0)  # what lies below shows through
    for name, color in zip(runs, LINES, strict=False):
        chart.key(f"{name} ({Origin(origin)})", color)
    for killed_s in kills_s:
        chart.line([killed_s - began_s] * 2, [0, most], color=LINES[len(runs)], dash=True)
    if kills_s:
        chart.key("kill", LINES[len(runs)])
    told = f"{title}: kills {len(kills_s)}, last step {most}"
    return chart.picture(told, varies=Origin(origin) is Origin.MEASURED)


def goodputs(
    formula: Callable[[float], float], simulated: Sequence[tuple[float, float]],
    choices: dict[str, float], *, title: str, shortest_s: float = 30, longest_s: float = 6 * 3600,
) -> Picture:  # fmt: skip
    """Goodput over the interval between two checkpoints, a pure function of its arguments.

    formula    interval in s -> goodput, drawn as a line
    simulated  (interval in s, goodput) of simulated runs, drawn as marks
    choices    name -> interval in s, such as Young's, drawn as upright lines
    """
    minutes = Axis("minutes between checkpoints", lo=shortest_s / 60, hi=longest_s / 60, log=True)
    chart = Chart(minutes, Axis("goodput", "%", 0, 1), title=title)
    n, ratio = 81, longest_s / shortest_s
    intervals_s = [shortest_s * ratio ** (k / (n - 1)) for k in range(n)]
    chart.line(
        [interval_s / 60 for interval_s in intervals_s], [formula(s) for s in intervals_s],
        "formula", origin="modelled",
    )  # fmt: skip
    for interval_s, share in simulated:
        chart.mark(interval_s / 60, share, "simulated")
    told = [f"{title}: goodput over the interval between checkpoints"]
    for number, (name, interval_s) in enumerate(choices.items(), start=1):
        if shortest_s <= interval_s <= longest_s:
            color = LINES[number % len(LINES)]
            chart.line([interval_s / 60] * 2, [0, 1], color=color, dash=True)
            told.append(f"{name}: {interval_s / 60:.3g} min, {formula(interval_s):.1%}")
            chart.key(told[-1], color)
    return chart.picture("; ".join(told))
