"""The floor plan of a chip on paper: what its area and its power go into, and what it then does."""

import math
from collections.abc import Mapping
from typing import Protocol

from labkit.draw.marks import BROWN, LEAF, MAGENTA, VIOLET
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import INK, SMALL, path, rect, text
from labkit.units import si

_WIDTH, _TOP, _DIE = 760, 78, 250  # pixels
_LEFT, _RIGHT = 16, 300  # where the die and the tables begin
_COLUMNS = (_RIGHT, 440, 528, 616, 676)  # of the table of runs
_ROW, _TINT = 24, 0.5
_COLORS = (MAGENTA, LEAF, VIOLET, BROWN)


class Design(Protocol):
    """What a design has to have: `labkit.plan.ChipDesign` is one."""

    @property
    def name(self) -> str:
        """What the chip is called."""

    @property
    def die_mm2(self) -> float:
        """The area that there is."""

    @property
    def power_limit_w(self) -> float:
        """The power that there is."""

    @property
    def areas_mm2(self) -> Mapping[str, float]:
        """Part -> its area."""

    @property
    def wanted_w(self) -> Mapping[str, float]:
        """Part -> its power without a limit."""

    @property
    def powers_w(self) -> Mapping[str, float]:
        """Part -> its power under the limit."""


class Run(Protocol):
    """What a design needs for a workload: `labkit.plan.Run` is one."""

    time_s: float
    n_chips: int
    energy_j: float
    bound_by: str


def floorplan(design: Design, runs: Mapping[str, Run], words: str = "") -> Picture:
    """Draw a chip design and what it does with each workload: a Picture.

    runs   name of a workload -> its Run
    words  a line under the title, such as peak and bandwidth

    The square is the die; a strip's share of it is a part's share of the area, and what is left
    blank is unused. The bar is the power at full rate; what lies beyond the line is over the limit,
    so the MACs slow down.
    """
    areas, wanted = design.areas_mm2, design.wanted_w
    parts = [text(_LEFT, 26, design.name, size=17, bold=True)]
    parts += [text(_LEFT, 52, words, muted=True)] if words else []
    parts += _die(areas, design.die_mm2)
    parts += _costs(areas, wanted)
    parts += _power(wanted, design.power_limit_w)
    parts += _runs(runs)
    height = max(_TOP + _DIE + 150, _TOP + 130 + _ROW * (len(runs) + 1))
    return sheet(_WIDTH, height, parts, _told(design, runs, words))


def _die(areas, die_mm2):
    yield rect(_LEFT, _TOP, _DIE, _DIE, stroke=INK, line=1.5)
    y = _TOP
    for (part, area), color in zip(areas.items(), _COLORS, strict=True):
        strip = area / die_mm2 * _DIE
        yield rect(_LEFT, y, _DIE, strip, fill=color, tint=_TINT, stroke=INK, line=0.5)
        if strip > 18:
            yield text(_LEFT + _DIE / 2, y + strip / 2 + 5, part, "middle")
        y += strip
    if _TOP + _DIE - y > 18:
        yield text(_LEFT + _DIE / 2, (y + _TOP + _DIE) / 2 + 5, "unused", "middle", muted=True)


def _costs(areas, wanted):
    """Under the die: what each part costs."""
    top = _TOP + _DIE + 26
    for x, head in ((_LEFT + 130, "area"), (_LEFT + _DIE, "full power")):
        yield text(x, top, head, "end", size=SMALL, muted=True)
    for n, (part, color) in enumerate(zip(areas, _COLORS, strict=True), start=1):
        y = top + n * _ROW
        yield rect(_LEFT, y - 12, 18, 14, fill=color, tint=_TINT, stroke=INK, line=0.5)
        yield text(_LEFT + 26, y, part)
        yield text(_LEFT + 130, y, f"{areas[part]:,.0f} mm²", "end")
        yield text(_LEFT + _DIE, y, f"{wanted[part]:,.0f} W", "end")


def _power(wanted, limit_w):
    wide, total = _WIDTH - _RIGHT - 24, math.fsum(wanted.values())
    scale = wide / max(total, limit_w)
    yield text(_RIGHT, _TOP + 4, f"power: {total:,.0f} W wanted, {limit_w:,.0f} W allowed")
    x = _RIGHT
    for (_, watts), color in zip(wanted.items(), _COLORS, strict=True):
        bar = watts * scale
        yield rect(x, _TOP + 20, bar, 26, fill=color, tint=_TINT, stroke=INK, line=0.5)
        x += bar
    limit = _RIGHT + limit_w * scale
    yield path(f"M{limit:.1f},{_TOP + 14}V{_TOP + 54}", line=2, dash="5 3")
    yield text(min(limit, _RIGHT + wide), _TOP + 70, "limit", "end", size=SMALL, muted=True)


def _runs(runs):
    top = _TOP + 108
    for x, head in zip(_COLUMNS, ("workload", "time", "energy", "chips", "bound by"), strict=True):
        yield text(x, top, head, size=SMALL, muted=True)
    for n, (name, run) in enumerate(runs.items(), start=1):
        y = top + n * _ROW
        amounts = si(run.time_s, "s"), si(run.energy_j, "J"), f"{run.n_chips:,}"
        for x, word in zip(_COLUMNS, (name, *amounts, run.bound_by), strict=True):
            yield text(x, y, word)


def _told(design, runs, words):
    spent = ", ".join(f"{part} {area:,.0f} mm²" for part, area in design.areas_mm2.items())
    done = "; ".join(
        f"{name} in {si(run.time_s, 's')} on {run.n_chips:,}, bound by {run.bound_by}"
        for name, run in runs.items()
    )
    watts = f"{math.fsum(design.wanted_w.values()):,.0f} W wanted of {design.power_limit_w:,.0f}"
    return ". ".join(filter(None, (f"{design.name}: {spent}; {watts}", words, done)))
