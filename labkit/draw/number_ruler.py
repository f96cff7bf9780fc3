"""Number formats on a ruler: how far each reaches, and where its values lie around a number."""

import math
from collections.abc import Sequence

from labkit.draw.labels import text_width
from labkit.draw.marks import BLUE, MAGENTA, SKY
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import GRID, INK, TEXT, path, rect, text
from labkit.units import si
from labkit.workload import number_format, number_formats

_WIDTH, _TOP, _ROW, _FOOT = 760, 96, 44, 32  # pixels
_RANGE = (92, 296)  # from left to right: all magnitudes
_ZOOM = (314, 554)  # the surroundings of x
_WORDS = 566
_DECADES = (-46, 39)  # powers of ten at the ends of the range
_TICKS = (-40, -20, 0, 20)
_AROUND = 0.25  # of x, to either side
_MOST_TICKS = 70


def number_ruler(x: float, formats: Sequence[str] | None = None) -> Picture:
    """Draw number formats around `x`, a number above 0: a Picture.

    formats   names such as `bf16`; all of them when left out

    A row is a format: on the left the magnitudes that it reaches (lighter below its smallest normal
    value), in the middle its values close to `x`, on the right what `x` becomes. Raises ValueError
    for an `x` that is not above 0 and below 1e38, and for a format that is not known.
    """
    if isinstance(x, bool) or not isinstance(x, (int, float)) or not 1e-44 <= x <= 1e38:
        raise ValueError(f"The ruler shows a number from 1e-44 to 1e38, got {x!r}.")
    known = number_formats() if formats is None else [number_format(name) for name in formats]
    foot = _TOP + _ROW * len(known)
    parts = [*_head(x, foot), *_scale(foot)]
    for row, form in enumerate(known):
        y = _TOP + row * _ROW
        parts += [text(12, y + 27, form.name, bold=True), *_reach(form, y), *_zoom(form, x, y)]
        parts.append(text(_WORDS, y + 27, _becomes(form, x)))
    parts += _cursor(x, foot)
    told = "; ".join(f"{form.name} {_becomes(form, x)}" for form in known)
    alt = f"Number formats around {si(x, '1', 4)}: {told}"
    return sheet(_WIDTH, foot + _FOOT, parts, alt, TEXT)


def _head(x, foot):
    yield text(12, 26, f"Where {si(x, '1', 6)} lies in each format", size=17, bold=True)
    low, high = ((1 + side * _AROUND) * x for side in (-1, 1))
    for (left, right), words in (
        (_RANGE, "magnitudes it reaches"), (_ZOOM, "its values near x"),
    ):  # fmt: skip
        yield text((left + right) / 2, 56, words, "middle", muted=True)
    yield text(_WORDS, 56, "x becomes", muted=True)
    for at, value, anchor in ((_ZOOM[0], low, "start"), (_ZOOM[1], high, "end")):
        yield text(at, 80, si(value, "1", 4), anchor, muted=True)


def _scale(foot):
    for decade in _TICKS:
        at = _log_pixel(10.0**decade)
        yield path(f"M{at:.1f},{_TOP:.1f}V{foot:.1f}", opacity=GRID)
        yield text(at, 80, f"1e{decade}" if decade else "1", "middle", muted=True)


def _cursor(x, foot):
    for at in (_log_pixel(x), sum(_ZOOM) / 2):
        yield path(f"M{at:.1f},{_TOP - 8:.1f}V{foot + 4:.1f}", stroke=MAGENTA, line=1.8)
        yield text(at, foot + 20, "x", "middle", bold=True)


def _reach(form, y):
    """The bar of all magnitudes, lighter where a float has fewer bits left."""
    smallest, normal, largest = map(_log_pixel, (form.smallest, form.smallest_normal, form.largest))
    for left, right, color in ((smallest, normal, SKY), (normal, largest, BLUE)):
        if right > left:
            yield rect(left, y + 13, right - left, 18, fill=color)


def _zoom(form, x, y):
    """The values around x as ticks; a bar and their number where they stand too close."""
    low, high = (1 - _AROUND) * x, (1 + _AROUND) * x
    (left, right), n_values = _ZOOM, form.count_between(low, high)
    yield path(f"M{left},{y + 32:.1f}H{right}", opacity=0.6)
    if n_values <= _MOST_TICKS:
        for value in form.values_between(low, high):
            at = left + (value - low) / (high - low) * (right - left)
            yield path(f"M{at:.1f},{y + 14:.1f}V{y + 32:.1f}", line=1.2)
        return
    words, middle = f"{n_values:,} values", left + (right - left) / 4
    half = text_width(words, TEXT) / 2 + 4
    for start, end in ((left, middle - half), (middle + half, right)):  # the words stand between
        if end > start:
            yield rect(start, y + 12, end - start, 20, fill=INK, tint=0.3)
    yield text(middle, y + 27, words, "middle")


def _becomes(form, x):
    rounded = float(form.round(x))
    if not math.isfinite(rounded):
        return "too large: NaN" if math.isnan(rounded) else "too large: infinite"
    if rounded == 0:
        return "0: too small"
    error = abs(rounded - x) / x
    exact = "exact" if error == 0 else f"off by {si(error, '%', 2)}"
    return f"{si(rounded, '1', 6)}, {exact}"


def _log_pixel(value):
    left, right = _RANGE
    low, high = _DECADES
    return left + (math.log10(value) - low) / (high - low) * (right - left)
