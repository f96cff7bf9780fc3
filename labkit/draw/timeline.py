"""A timeline: who does what when, as bars on rows over one axis of time."""

import dataclasses
from collections.abc import Mapping, Sequence

from labkit.draw.axis import Axis
from labkit.draw.labels import text_width
from labkit.draw.marks import LINES
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import GRID, INK, SMALL, TEXT, path, rect, text

# start, end, kind, and perhaps the words that stand in the bar in place of the kind
Span = tuple[float, float, str] | tuple[float, float, str, str]

_WIDTH, _ROW, _TOP, _TINT = 760, 34, 84, 0.45


def timeline(
    rows: Mapping[str, Sequence[Span]], *, title: str, alt: str = "", unit: str = "s",
    label: str = "time", measured: bool = False,
) -> Picture:  # fmt: skip
    """Draw spans of time as bars: a Picture with a row for each name.

    rows      name -> its spans (start, end, kind), in `unit`; spans of one kind have one colour. A
              fourth entry is the words of a bar, where they are not the kind
    measured  whether these times were measured here

    The words stand in a bar where there is room, and the kind in the legend always. Raises
    ValueError without spans, and for a span that ends before it starts.
    """
    spans = [span for some in rows.values() for span in some]
    if not spans:
        raise ValueError("There is nothing to draw: no row of the timeline has a span.")
    for start, end, kind, *_ in spans:
        if not start <= end:
            raise ValueError(f"The span {kind!r} ends at {end:g} {unit}, before it starts.")
    edges = [edge for start, end, *_ in spans for edge in (start, end)]
    axis = Axis(label, unit).fit(edges)
    if max(edges) - axis.lo > (axis.hi - axis.lo) / 10:  # else nothing is long enough to see
        axis = dataclasses.replace(axis, hi=max(edges))  # so that bars use the whole width
    colors = {
        kind: LINES[n % len(LINES)] for n, kind in enumerate(dict.fromkeys(s[2] for s in spans))
    }
    left = 24 + max(text_width(name, TEXT) for name in rows)
    wide, foot = _WIDTH - left - 24, _TOP + _ROW * len(rows)

    def pixel(value):
        return left + axis.fraction(value) * wide

    parts = [text(12, 26, title, size=16, bold=True), *_legend(colors, left)]
    for tick in axis.ticks():
        parts.append(path(f"M{pixel(tick):.1f},{_TOP}V{foot}", opacity=GRID))
        parts.append(text(pixel(tick), foot + 18, axis.text(tick), "middle"))
    for n, (name, some) in enumerate(rows.items()):
        y = _TOP + n * _ROW
        parts.append(text(left - 10, y + 21, name, "end"))
        for start, end, kind, *own in some:
            words = own[0] if own else kind
            x, width = pixel(start), pixel(end) - pixel(start)
            parts.append(
                rect(x, y + 4, width, _ROW - 8, fill=colors[kind], tint=_TINT, stroke=INK, line=0.6)
            )
            if text_width(words, SMALL) < width - 4:
                parts.append(text(x + width / 2, y + 21, words, "middle", size=SMALL))
    parts.append(text(left + wide / 2, foot + 40, axis.title, "middle", muted=True))
    drawn = sheet(_WIDTH, foot + 52, parts, alt or _told(rows, axis, title))
    return Picture(drawn.svg, drawn.alt, measured=measured)


def _legend(colors, x):
    for kind, color in colors.items():
        yield rect(x, 48, 22, 14, fill=color, tint=_TINT, stroke=INK, line=0.6)
        yield text(x + 28, 60, kind, muted=True)
        x += 52 + text_width(kind, TEXT)


def _told(rows, axis, title):
    ends = [
        f"{name} until {axis.text(max(s[1] for s in some))}" for name, some in rows.items() if some
    ]
    return f"{title}: {', '.join(ends)}"
