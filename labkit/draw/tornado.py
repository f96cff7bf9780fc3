"""The tornado: which of several uncertain inputs moves a result most."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from labkit.draw.axis import Axis
from labkit.draw.chart import Chart
from labkit.draw.marks import LAVENDER
from labkit.draw.picture import Picture
from labkit.draw.slider import in_words
from labkit.draw.svg import INK
from labkit.units import si


class Swing(Protocol):
    """One input: its two ends, and the results at them; `labkit.plan.tornado` gives such."""

    name: str
    low: float
    high: float
    at_low: float
    at_high: float


def tornado(
    swings: Iterable[Swing], now: float, axis: Axis, *, title: str, names: Mapping[str, str] = {},
) -> Picture:  # fmt: skip
    """Draw a bar for each swing, from the result at its one end to that at the other.

    swings  in the order in which they stand, the longest first
    now     the result of the present inputs, in the unit of `axis`: a dashed line. A bar that does
            not reach it, because an input lies outside its own range, is led to it, paler
    names   name of an input -> its label; made from the name when left out

    Raises ValueError without swings, and for what the axis cannot show.
    """
    swings = list(swings)
    if not swings:
        raise ValueError("A tornado needs at least one swing: the list is empty.")
    labels = [names.get(swing.name, in_words(swing.name)) for swing in swings]
    chart = Chart(
        axis, Axis("", names=labels[::-1]), title=title, width=760,
        height=110 + 42 * len(swings),
    )  # fmt: skip
    for place, swing in enumerate(swings[::-1]):  # the axis counts from its foot
        ends = sorted([(swing.at_low, swing.low), (swing.at_high, swing.high)])
        (left, first), (right, last) = ends
        lows, highs = [place - 0.3] * 2, [place + 0.3] * 2
        chart.band([min(left, now), max(right, now)], lows, highs, color=LAVENDER, opacity=0.2)
        chart.band([left, right], lows, highs, color=LAVENDER, opacity=0.6)
        words = " to ".join(si(end, "1", digits=6) for end in (first, last))
        chart.label(max(right, now), place, words)
    chart.line([now, now], [-0.5, len(swings) - 0.5], color=INK, dash=True)
    longest = " and ".join(labels[:2])
    return chart.picture(f"{title}: around {axis.text(now)}, the longest bars are {longest}")
