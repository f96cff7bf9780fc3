"""`DotExplorer`: a scatter of predicted over measured values, whose dots can be clicked."""

import dataclasses
from collections.abc import Sequence

import traitlets

from labkit.draw.axis import Axis
from labkit.draw.labels import text_width
from labkit.draw.marks import LINES, ORANGE
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import GRID, INK, SMALL, TEXT, path, text
from labkit.draw.widget import PictureWidget, javascript

_SIDE, _LEFT, _TOP, _FOOT, _RADIUS = 460, 92, 78, 62, 4.5  # pixels
COLORS = (LINES[2], LINES[1], ORANGE, LINES[0], LINES[3], LINES[4])


@dataclasses.dataclass(frozen=True, slots=True)
class RunDot:
    """A dot: what was measured and predicted, its group (a colour), and what a click shows.

    details   lines of text; the first is its name
    """

    measured: float
    predicted: float
    group: str
    details: tuple[str, ...]


class DotExplorer(PictureWidget):
    """Dots to click: `DotExplorer(dots, axis, band=1.2)` shows what each of them is.

    axis   of both directions, logarithmic; `band` shades predictions within × and ÷ that factor

    A click takes the nearest dot; the arrow keys walk through them in the order given. `chosen` is
    the number of the dot that is shown, -1 for none, and can be set from Python. Raises ValueError
    without dots.
    """

    _esm = javascript("dots.js")
    chosen = traitlets.Int(-1).tag(sync=True)
    details = traitlets.List(traitlets.List(traitlets.Unicode())).tag(sync=True)
    src = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)

    def __init__(self, dots: Sequence[RunDot], axis: Axis, *, band: float, title: str = ""):
        self._picture = scatter(dots, axis, band=band, title=title)
        super().__init__(
            details=[list(dot.details) for dot in dots],
            src=self._picture.src,
            alt=self._picture.alt,
        )

    def __repr__(self):
        shown = f", shown: {self.details[self.chosen][0]}" if self.chosen >= 0 else ""
        return f"DotExplorer({len(self.details)} dots{shown})"

    @traitlets.validate("chosen")
    def _check_chosen(self, proposal):
        if not -1 <= proposal["value"] < len(self.details):
            raise traitlets.TraitError(
                f"There is no dot {proposal['value']}: they are numbered from 0 to "
                f"{len(self.details) - 1}, and -1 shows none."
            )
        return proposal["value"]

    def _still(self):
        return {"text/html": self._picture._repr_html_()}


def scatter(dots: Sequence[RunDot], axis: Axis, *, band: float, title: str = "") -> Picture:
    """Draw predicted over measured values: on the diagonal a prediction is right.

    Each dot is a `<circle>` whose `data-dot` is its number. Raises ValueError without dots.
    """
    if not dots:
        raise ValueError("There is no dot to draw.")
    axis = axis.fit([value for dot in dots for value in (dot.measured, dot.predicted)])
    groups = list(dict.fromkeys(dot.group for dot in dots))
    colors = {group: COLORS[n % len(COLORS)] for n, group in enumerate(groups)}
    inside = [dot for dot in dots if 1 / band <= dot.predicted / dot.measured <= band]
    share = len(inside) / len(dots)
    parts = [
        text(12, 26, title, size=16, bold=True),
        *_legend(colors),
        *_grid(axis),
        *_diagonal(axis, band),
        *(_dot(n, dot, axis, colors[dot.group]) for n, dot in enumerate(dots)),
        *_titles(axis, share, band),
    ]
    alt = (
        f"{title or 'Predicted over measured'}: {len(dots)} runs, {share:.0%} of them predicted "
        f"within a factor of {band:g}"
    )
    return sheet(_LEFT + _SIDE + 24, _TOP + _SIDE + _FOOT, parts, alt)


def _pixel(axis, measured, predicted):
    return (
        _LEFT + axis.fraction(measured) * _SIDE,
        _TOP + (1 - axis.fraction(predicted)) * _SIDE,
    )


def _legend(colors):
    x = 12.0
    for group, color in colors.items():
        yield f'<circle cx="{x + 6:.1f}" cy="47" r="{_RADIUS}" fill="{color}"/>'
        yield text(x + 16, 52, group, size=SMALL, muted=True)
        x += 32 + text_width(group, SMALL)


def _grid(axis):
    for tick in axis.ticks():
        x, y = _pixel(axis, tick, tick)
        yield path(f"M{x:.1f},{_TOP}v{_SIDE}", opacity=GRID)
        yield path(f"M{_LEFT},{y:.1f}h{_SIDE}", opacity=GRID)
        yield text(x, _TOP + _SIDE + 18, axis.text(tick), "middle", size=TEXT)
        yield text(_LEFT - 8, y + 5, axis.text(tick), "end", size=TEXT)


def _diagonal(axis, band):
    """The line on which a prediction is right, and the band around it, cut off at the frame."""
    step = axis.fraction(axis.lo * band)
    low, high = _LEFT, _LEFT + _SIDE
    top, bottom, shift = _TOP, _TOP + _SIDE, step * _SIDE
    corners = (
        (low, bottom), (low, bottom - shift), (high - shift, top), (high, top),
        (high, top + shift), (low + shift, bottom),
    )  # fmt: skip
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    yield f'<polygon points="{points}" fill="{LINES[4]}" fill-opacity="0.2"/>'
    yield path(f"M{low},{bottom}L{high},{top}", opacity=0.7)


def _dot(n, dot, axis, color):
    x, y = _pixel(axis, dot.measured, dot.predicted)
    return (
        f'<circle data-dot="{n}" cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS}" fill="{color}" '
        f'fill-opacity="0.6" stroke="{INK}" stroke-width="0.6" stroke-opacity="0.6"/>'
    )


def _titles(axis, share, band):
    middle, foot = _LEFT + _SIDE / 2, _TOP + _SIDE + 44
    words = f"measured {axis.title}"
    yield text(middle, foot, words, "middle", muted=True)
    side = _TOP + _SIDE / 2
    yield text(20, side, f"predicted {axis.title}", "middle", turn=-90, muted=True)
    inside = f"{share:.0%} lie in the band, × and ÷ {band:g}"
    yield text(_LEFT + _SIDE - 8, _TOP + _SIDE - 12, inside, "end", size=SMALL, muted=True)
