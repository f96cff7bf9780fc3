"""Pictures of runs that fail: how far they got, and what is left of their time."""

from collections.abc import Callable, Sequence

from labkit.draw.axis import Axis
from labkit.draw.chart import Chart
from labkit.draw.marks import LINES
from labkit.draw.picture import Picture
from labkit.reading import Origin


def recoveries(
    attempts: Sequence[tuple[Sequence[float], Sequence[float]]], kills_s: Sequence[float], *,
    title: str, origin: Origin | str = Origin.MEASURED,
) -> Picture:  # fmt: skip
    """The steps of a training over time: up, and back to the checkpoint after each kill.

    attempts  for each start, when steps were finished, in s, and which steps these were
    kills_s   when ranks were killed
    """
    chart = Chart(Axis("time", "s"), Axis("step", lo=0), title=title)
    steps = [step for _, some in attempts for step in some] or [1]
    for times_s, some in attempts:
        if times_s:
            chart.line(times_s, some, color=LINES[0])
    for killed_s in kills_s:
        chart.line([killed_s, killed_s], [0, max(steps)], color=LINES[1], dash=True)
    chart.key(f"training ({Origin(origin)})", LINES[0])
    if kills_s:
        chart.key("kill", LINES[1])
    return chart.picture(
        f"{title}: {len(kills_s)} kills, up to step {max(steps)}",
        varies=Origin(origin) is Origin.MEASURED,
    )


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
    for number, (name, interval_s) in enumerate(choices.items(), start=1):
        if shortest_s <= interval_s <= longest_s:
            color = LINES[number % len(LINES)]
            chart.line([interval_s / 60] * 2, [0, 1], color=color, dash=True)
            chart.key(f"{name}: {interval_s / 60:.3g} min, {formula(interval_s):.1%}", color)
    return chart.picture(f"{title}: goodput over the interval between checkpoints")
