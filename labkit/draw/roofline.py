"""The roofline plot: what a chip allows, and what a kernel gets, over arithmetic intensity.

After Williams, Waterman and Patterson, "Roofline: an insightful visual performance model", 2009.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterable
from typing import Protocol

from labkit.draw.axis import Axis
from labkit.draw.chart import Chart
from labkit.draw.marks import LAVENDER, LEAF, LINES
from labkit.draw.picture import Picture
from labkit.draw.svg import INK
from labkit.reading import Origin
from labkit.units import si

_ROOM = 4  # how far the axes reach beyond dots and ridges
_NAMED_SIDE = 0.17  # a shaded side needs this share of the width for its name


class Roof(Protocol):
    """What a roof has to have: `labkit.plan.Roofline` is one. Rates in FLOP/s and B/s."""

    @property
    def name(self) -> str:
        """What the roof is called."""

    @property
    def origin(self) -> Origin:
        """Where its figures come from."""

    @property
    def peak_flop_per_s(self) -> float:
        """The rate that no kernel exceeds."""

    @property
    def peak_bytes_per_s(self) -> float:
        """The bandwidth of the memory."""

    @property
    def ridge_flop_per_byte(self) -> float:
        """The intensity at which both limits are equal."""

    def attainable_flop_per_s(self, intensity_flop_per_byte: float) -> float:
        """The rate that the roof allows at an intensity."""


@dataclasses.dataclass(frozen=True)
class Dot:
    """A kernel on the roofline: `Dot("MLP0", 400, 12.3e12, "published")`.

    intensity_flop_per_byte, flop_per_s   in base units, above 0
    origin                                where the rate comes from

    Raises ValueError, naming the dot, for a figure that is not a positive number.
    """

    name: str
    intensity_flop_per_byte: float
    flop_per_s: float
    origin: Origin | str

    def __post_init__(self):
        object.__setattr__(self, "origin", Origin(self.origin))
        for field in ("intensity_flop_per_byte", "flop_per_s"):
            value = getattr(self, field)
            if value is None or not (math.isfinite(value) and value > 0):
                raise ValueError(
                    f"The dot {self.name!r} has {field} {value}: a log axis shows only numbers "
                    f"above 0. Leave the dot out if the figure is unknown."
                )


def roofline(
    roofs: Iterable[Roof], dots: Iterable[Dot] = (), *, title: str = "", alt: str = "",
    x: tuple[float, float] | None = None, y: tuple[float, float] | None = None, unit: str = "FLOP",
) -> Picture:  # fmt: skip
    """Draw one or more roofs, and kernels as dots, each marked by its origin.

    roofs  Roofs, such as `lk.roofline(chip, dtype)` gives; the two sides of a single one are shaded
    dots   Dots
    alt    what there is to see; made from the figures when left out
    x, y   (lowest, highest) intensity and rate; made to fit when left out. Set them where a slider
           moves a roof, or the axes will move instead
    unit   of work: `FLOP`, or `OP` for integers

    Returns a Picture: SVG text that displays itself. Raises ValueError without a roof.
    """
    roofs, dots = list(roofs), list(dots)
    if not roofs:
        raise ValueError("A roofline needs at least one roof: pass a list of Rooflines.")
    lo, hi = x or _reach([roof.ridge_flop_per_byte for roof in roofs], dots)
    rate = Axis("rate", f"{unit}/s", *(y or _rates(roofs, dots, lo)), log=True)
    intensity = Axis("arithmetic intensity", f"{unit}/B", lo, hi, log=True)
    names = ", ".join(roof.name for roof in roofs)
    chart = Chart(intensity, rate, title=title or f"Roofline of {names}")
    if len(roofs) == 1:
        _shade(chart, roofs[0])
        _draw_roof(chart, roofs[0], INK)
        _label_roof(chart, roofs[0], unit)
    else:  # their labels would lie on one another
        for roof, color in zip(roofs, itertools.cycle(LINES)):
            _draw_roof(chart, roof, color)
            chart.key(_figures(roof, unit), color)
    for dot in dots:
        chart.mark(dot.intensity_flop_per_byte, dot.flop_per_s, dot.origin, dot.name)
    return chart.picture(alt or describe(roofs, dots, unit))


def describe(roofs: Iterable[Roof], dots: Iterable[Dot], unit: str = "FLOP") -> str:
    """What a roofline shows, in words, for the alt text."""
    marked = [
        f"{dot.name}: {si(dot.flop_per_s, f'{unit}/s')} at "
        f"{si(dot.intensity_flop_per_byte, f'{unit}/B')} ({dot.origin})"
        for dot in dots
    ]
    return f"Roofline: {'; '.join([_figures(roof, unit) for roof in roofs] + marked)}"


def _reach(ridges, dots):
    """The range of intensity in sight: all ridges and dots, with room on both sides."""
    shown = ridges + [dot.intensity_flop_per_byte for dot in dots]
    return min(shown) / _ROOM**2, max(shown) * _ROOM**2


def _rates(roofs, dots, lowest_intensity):
    """The range of rates in sight: from the foot of the lowest slope to above the highest peak."""
    foot = [roof.attainable_flop_per_s(lowest_intensity) for roof in roofs]
    shown = [dot.flop_per_s for dot in dots]
    top = max([roof.peak_flop_per_s for roof in roofs] + shown)
    return min(foot + shown) / 2, top * _ROOM * len(roofs)


def _shade(chart, roof):
    """Shade what the roof allows, memory-bound and compute-bound apart, and name the two sides."""
    lo, hi, foot = chart.x.lo, chart.x.hi, chart.y.lo
    ridge = min(max(roof.ridge_flop_per_byte, lo), hi)
    for start, end, color, words in (
        (lo, ridge, LAVENDER, "memory-bound"),
        (ridge, hi, LEAF, "compute-bound"),
    ):
        if start < end:
            tops = [roof.attainable_flop_per_s(x) for x in (start, end)]
            chart.band([start, end], [foot, foot], tops, color=color, opacity=0.16)
        if chart.x.fraction(end) - chart.x.fraction(start) > _NAMED_SIDE:
            chart.note(math.sqrt(start * end), foot, words)


def _draw_roof(chart, roof, color):
    """One roof as far as it is in sight: its slope, its flat, and its ridge dashed."""
    slope, flat, ridge = _slope(chart, roof), _flat(chart, roof), roof.ridge_flop_per_byte
    for side in (slope, flat):
        if side:
            chart.line(*zip(*side, strict=True), origin=roof.origin, color=color)
    if chart.x.lo < ridge < chart.x.hi:
        chart.line([ridge, ridge], [chart.y.lo, roof.peak_flop_per_s], color=INK, dash=True)


def _label_roof(chart, roof, unit):
    """The figures of the only roof, where they belong: on the slope, on the flat, at the ridge."""
    slope, flat, ridge = _slope(chart, roof), _flat(chart, roof), roof.ridge_flop_per_byte
    if slope:
        chart.along(*slope, si(roof.peak_bytes_per_s, "B/s"))
    if chart.x.lo < ridge < chart.x.hi and roof.peak_flop_per_s < chart.y.hi:
        chart.label(ridge, roof.peak_flop_per_s, f"ridge {si(ridge, f'{unit}/B')}")
    if flat:
        chart.label(*flat[1], f"{si(roof.peak_flop_per_s, f'{unit}/s')} ({roof.origin})")


def _slope(chart, roof):
    """The two ends of the memory-bound side that are in sight, or None."""
    rate = roof.peak_bytes_per_s
    start = max(chart.x.lo, chart.y.lo / rate)
    end = min(roof.ridge_flop_per_byte, chart.x.hi, chart.y.hi / rate)
    return ((start, start * rate), (end, end * rate)) if start < end else None


def _flat(chart, roof):
    """The two ends of the compute-bound side that are in sight, or None."""
    start, peak = max(roof.ridge_flop_per_byte, chart.x.lo), roof.peak_flop_per_s
    in_sight = start < chart.x.hi and chart.y.lo < peak < chart.y.hi
    return ((start, peak), (chart.x.hi, peak)) if in_sight else None


def _figures(roof, unit):
    """A roof in words: `H100: 989 TFLOP/s, 3.35 TB/s, ridge 295 FLOP/B (published)`."""
    peak, bandwidth = si(roof.peak_flop_per_s, f"{unit}/s"), si(roof.peak_bytes_per_s, "B/s")
    ridge = si(roof.ridge_flop_per_byte, f"{unit}/B")
    return f"{roof.name}: {peak}, {bandwidth}, ridge {ridge} ({roof.origin})"
