"""A guess and a result on one scale, as HTML that a notebook shows in any theme."""

import html

from labkit.draw.axis import Axis
from labkit.draw.marks import MARKS
from labkit.reading import Origin, Reading
from labkit.units import si

_FAR_APART = 20  # beyond this factor one of the two would vanish on a linear scale
_ROW = "display:flex;align-items:center;margin:1px 0"
_NAME = "width:6em;flex-shrink:0"
_TRACK = "flex-grow:1;max-width:320px;min-width:120px;height:12px;border-bottom:1px solid"
_FIGURE = "width:8em;flex-shrink:0;margin-left:10px;white-space:nowrap"
_ENDS = "display:flex;justify-content:space-between;flex-grow:1;max-width:320px;font-size:12px"
# An untrusted notebook keeps neither calc() nor currentColor: a border has the ink by itself, and
# room of 8 px beside the dot, 4 px on both sides of the bar, puts both on the same places.
_DOT = '<div style="padding-right:8px"><div class="lk-dot" style="{}"></div></div>'
_BAR = '<div style="padding-left:4px;padding-right:4px"><div style="{}"></div></div>'
_ROUND = "width:0px;height:0px;border-radius:4px;border:4px solid"


def scale_bar(guess: float, reading: Reading) -> str:
    """HTML of a guess (in the unit of `reading`) over the result with its interval.

    Empty where one of the two has no place on a scale: an unknown or an infinite value.
    """
    low, high = reading.low, reading.high
    interval = () if low is None or high is None else (low, high)
    values = [value for value in (guess, reading.value, *interval) if value is not None]
    try:
        axis = _axis(reading, values)
    except (ValueError, OverflowError):
        return ""
    if reading.value is None:
        return ""
    color = MARKS[Origin(str(reading.origin))].color
    unit = "B" if reading.unit == "GiB" else reading.unit
    rows = [
        _row("your guess", axis, guess, (), "", si(guess, unit)),
        _row("result", axis, reading.value, interval, color, reading.as_text(reading.value)),
        _ends(axis, reading),
    ]
    return f'<div style="margin:4px 0 6px">{"".join(rows)}</div>'


def _axis(reading, values):
    apart = min(values) > 0 and max(values) / min(values) > _FAR_APART
    return Axis(reading.name, reading.unit, log=apart).fit(values)


def _row(name, axis, value, interval, color, figure):
    """A dot on its track, over the bar of its interval; the colour '' is the page's ink."""
    dot = _DOT.format(f"margin-left:{100 * axis.fraction(value):.1f}%;{_ROUND} {color}".rstrip())
    bar = ""
    if interval:
        low, high = (100 * axis.fraction(end) for end in interval)
        place = f"margin-left:{low:.1f}%;width:{high - low:.1f}%;min-width:2px"
        bar = _BAR.format(f"{place};height:3px;background:{color}")
    return (
        f'<div style="{_ROW}"><span style="{_NAME}">{name}</span>'
        f'<div style="{_TRACK}">{dot}{bar}</div>'
        f'<span style="{_FIGURE}">{html.escape(figure)}</span></div>'
    )


def _ends(axis, reading):
    low, high = (html.escape(reading.as_text(end)) for end in (axis.lo, axis.hi))
    kind = "<span>each step 10 ×</span>" if axis.log else ""
    return (
        f'<div style="{_ROW}"><span style="{_NAME}"></span>'
        f'<div style="{_ENDS}"><span>{low}</span>{kind}<span>{high}</span></div>'
        f'<span style="{_FIGURE}"></span></div>'
    )
