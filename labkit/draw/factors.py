"""Factors: how many times one thing is another, on an axis of decades."""

from collections.abc import Mapping

from labkit.draw.axis import Axis
from labkit.draw.chart import Chart
from labkit.draw.picture import Picture
from labkit.reading import Reading


def factors(
    ratios: Mapping[str, Reading],
    axis: str,
    *,
    title: str = "",
    lo: float = 0.1,
    hi: float = 1e6,
) -> Picture:
    """Ratios as bars that begin at 1, where nothing differs; a grid line is a factor of ten.

    ratios  what is compared -> a Reading of the unit `1` or `%`; one without a value has no bar
    axis    what a bar counts, such as `times this machine`
    lo, hi  the range, which bends to show what lies beyond

    Raises ValueError for a ratio that is not above 0.
    """
    known = [ratio.value for ratio in ratios.values() if ratio.value is not None]
    ends = Axis(axis, log=True).fit([lo, hi, *known])
    chart = Chart(Axis("", names=list(ratios)), ends, title=title, height=340)
    for place, ratio in enumerate(ratios.values()):
        if ratio.value is None:
            chart.note(place, 1, "unknown")
        else:
            words = f"{ratio.value:,.0f}" if ratio.value >= 10 else f"{ratio.value:.2g}"
            chart.bar(place, ratio.value, str(ratio.origin), f"{words} times")
    alt = f"{title or axis}, for {' and '.join(ratios)}"
    return chart.picture(alt, varies=any(ratio.varies for ratio in ratios.values()))
