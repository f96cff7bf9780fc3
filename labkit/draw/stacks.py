"""Stacked bars: amounts that add up, and the limit that their sum should stay below."""

import math
from collections.abc import Mapping

from labkit.draw.axis import Axis
from labkit.draw.labels import text_width
from labkit.draw.marks import LINES
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import GRID, INK, SMALL, TEXT, path, rect, text

_WIDTH, _ROW, _TOP, _TINT = 760, 44, 84, 0.45  # pixels, but for the tint


def stacks(
    rows: Mapping[str, Mapping[str, float]], axis: Axis, *, title: str,
    limit: float | None = None, limit_words: str = "", measured: bool = False,
) -> Picture:  # fmt: skip
    """Draw a bar for each row, made of its parts one after the other: a Picture.

    rows      name -> part -> amount, in the unit of `axis`; a part has one colour in all rows
    limit     an amount that is marked by a dashed line, named by `limit_words`
    measured  whether an amount was measured here

    The sum stands behind each bar. Raises ValueError without rows, for a negative amount and for a
    logarithmic axis, on which lengths do not add up.
    """
    if not any(rows.values()):
        raise ValueError("There is nothing to draw: no row has a part.")
    if axis.log:
        raise ValueError("Amounts do not add up on a logarithmic axis: take a linear one.")
    for name, parts in rows.items():
        for part, amount in parts.items():
            if not amount >= 0:
                raise ValueError(f"{part} of {name!r} is {amount:g}: a bar needs 0 or more.")
    sums = {name: math.fsum(parts.values()) for name, parts in rows.items()}
    axis = axis.fit([*sums.values(), *([limit] if limit is not None else [])])
    names = dict.fromkeys(part for parts in rows.values() for part in parts)
    colors = {part: LINES[n % len(LINES)] for n, part in enumerate(names)}
    left = 24 + max(text_width(name, TEXT) for name in rows)
    right = 24 + max(text_width(axis.text(total), TEXT) for total in sums.values())
    wide, foot = _WIDTH - left - right, _TOP + _ROW * len(rows)

    def pixel(value):
        return left + axis.fraction(value) * wide

    drawn = [text(12, 26, title, size=16, bold=True), *_legend(colors, left)]
    for tick in axis.ticks():
        drawn.append(path(f"M{pixel(tick):.1f},{_TOP}V{foot}", opacity=GRID))
        drawn.append(text(pixel(tick), foot + 18, axis.text(tick), "middle"))
    for n, (name, parts) in enumerate(rows.items()):
        y, end = _TOP + n * _ROW, 0.0
        drawn.append(text(left - 10, y + 26, name, "end"))
        for part, amount in parts.items():
            start, end = end, end + amount
            x, width = pixel(start), pixel(end) - pixel(start)
            drawn.append(rect(x, y + 8, width, _ROW - 16, fill=colors[part], tint=_TINT))
            drawn.append(rect(x, y + 8, width, _ROW - 16, stroke=INK, line=0.6))
        drawn.append(text(pixel(end) + 8, y + 26, axis.text(sums[name])))
    if limit is not None:
        drawn.append(path(f"M{pixel(limit):.1f},{_TOP - 6}V{foot}", line=2, dash="6 4"))
        anchor = "end" if axis.fraction(limit) > 0.5 else "start"
        drawn.append(text(pixel(limit), _TOP - 10, limit_words, anchor, size=SMALL))
    drawn.append(text(left + wide / 2, foot + 40, axis.title, "middle", muted=True))
    told = ", ".join(f"{name} {axis.text(total)}" for name, total in sums.items())
    picture = sheet(_WIDTH, foot + 52, drawn, f"{title}: {told}")
    return Picture(picture.svg, picture.alt, measured=measured)


def _legend(colors, x):
    for part, color in colors.items():
        yield rect(x, 40, 22, 14, fill=color, tint=_TINT, stroke=INK, line=0.6)
        yield text(x + 28, 52, part, muted=True)
        x += 52 + text_width(part, TEXT)
