"""`Chart`: a small chart in pure SVG.

A Matplotlib figure takes some 200 ms; a slider has to answer within 100. The same calls always
give the same text, to the byte, so that stored pictures can be compared.
"""

from collections.abc import Sequence

from labkit.draw.axis import Axis
from labkit.draw.marks import LAVENDER, LINES
from labkit.draw.picture import Picture
from labkit.draw.plot import write
from labkit.reading import Origin

_LEVEL = 0.3  # half of the width that a level has on an axis of named places


class Chart:
    """A chart that grows by calls: `Chart(Axis("batch"), Axis("time", "s")).line(xs, ys)`.

    x, y           Axis; its ends are made to fit what is drawn, where they are not set
    width, height  in pixels

    Lines show models and series, marks show single results (a scatter, with intervals where there
    are some), bars show amounts. Each call takes values in the units of the axes and returns the
    chart. It raises ValueError for series of unequal length; `svg` and `picture` do for what an
    axis cannot show.
    """

    def __init__(self, x: Axis, y: Axis, *, title: str = "", width: int = 600, height: int = 380):
        self.x, self.y, self.title, self.width, self.height = x, y, title, width, height
        self.seen_xs, self.seen_ys = [], []
        self.bands, self.lines, self.bars, self.marks = [], [], [], []
        self.labels, self.alongs, self.notes, self.keys = [], [], [], []
        self.measured = False

    @property
    def origins(self) -> list[Origin]:
        """The origins of what is marked, in the order of `Origin`: what the legend shows."""
        used = {origin for _, _, origin, *_ in self.marks + self.bars}
        return [origin for origin in Origin if origin in used]

    def line(
        self, xs: Sequence[float], ys: Sequence[float], label: str = "", *,
        origin: Origin | str | None = None, color: str | None = None, dash: bool = False,
    ) -> "Chart":  # fmt: skip
        """Draw a line, with its label and its origin in words at the last point in sight.

        Over named places that are not `ordered`, where nothing lies between two of them, each value
        is a level of its own and no line joins them.
        """
        color = color or LINES[len(self.lines) % len(LINES)]
        if self.x.names and not self.x.ordered and set(xs) <= set(range(len(self.x.names))):
            return self._levels(xs, ys, label, origin, color, dash)
        xs, ys = self._see(xs, ys)
        self.lines.append(([(xs, ys)], color, dash))
        self._label_line(xs, ys, label, origin, color)
        return self

    def step(
        self, xs: Sequence[float], ys: Sequence[float], label: str = "", *,
        origin: Origin | str | None = None, color: str | None = None, dash: bool = False,
    ) -> "Chart":  # fmt: skip
        """Draw a line that keeps each value until the next one comes, as a meter's reading does."""
        xs, ys = list(xs), list(ys)
        stairs_xs = [x for x in xs for _ in (0, 1)][1:]
        stairs_ys = [y for y in ys for _ in (0, 1)][: len(stairs_xs)]
        return self.line(stairs_xs, stairs_ys, label, origin=origin, color=color, dash=dash)

    def band(
        self, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], *,
        color: str = LAVENDER, opacity: float = 0.2,
    ) -> "Chart":  # fmt: skip
        """Shade between two curves: an interval, or one side of a limit."""
        _, lows = self._see(xs, lows)
        xs, highs = self._see(xs, highs)
        self.bands.append((xs + xs[::-1], lows + highs[::-1], color, opacity))
        return self

    def bar(
        self, x: float, y: float, origin: Origin | str, label: str = "", *, width: float = 0.6
    ) -> "Chart":
        """Draw a bar from 0 to `y`; `width` is in the x axis's unit.

        A logarithmic axis has no 0. There a ratio (unit `1` or `%`) gets a bar that begins at 1,
        where nothing differs; anything else is a mark, since a bar's length would say nothing.
        """
        if self.y.log and self.y.unit not in ("1", "%"):
            return self.mark(x, y, origin, label)
        (x, *_), (y, *_) = self._see([x, x], [y, 1 if self.y.log else 0])
        self.measured |= origin == Origin.MEASURED
        self.bars.append((x, y, Origin(origin), label, width))
        return self

    def mark(
        self, x: float, y: float, origin: Origin | str, label: str = "", *,
        low: float | None = None, high: float | None = None,
    ) -> "Chart":  # fmt: skip
        """Mark a point as of its origin, with an interval if `low` and `high` are given."""
        interval = [low, high] if low is not None and high is not None else []
        (x, *_), (y, *interval) = self._see([x] * (1 + len(interval)), [y, *interval])
        self.measured |= origin == Origin.MEASURED
        self.marks.append((x, y, Origin(origin), label, interval))
        return self

    def along(self, start: tuple[float, float], end: tuple[float, float], text: str) -> "Chart":
        """Write beside the line from `start` to `end`, two points (x, y), turned as it is."""
        self._see(*zip(start, end, strict=True))
        self.alongs.append((start, end, text))
        return self

    def label(self, x: float, y: float, text: str) -> "Chart":
        """Write beside a point, where there is room."""
        self.labels.append((*self._see([x], [y]), text, None))
        return self

    def note(self, x: float, y: float, text: str) -> "Chart":
        """Write plain words just above a point."""
        (x,), (y,) = self._see([x], [y])
        self.notes.append((x, y, text))
        return self

    def key(self, text: str, color: str) -> "Chart":
        """Name the lines of a colour above the chart, where labels beside them would collide."""
        self.keys.append((text, color))
        return self

    def svg(self, alt: str = "") -> str:
        """The chart as SVG text."""
        return write(self, alt or self.title)

    def picture(self, alt: str, varies: bool = False) -> Picture:
        """The chart as a Picture, which knows whether something in it was measured.

        varies  a modelled value in it was computed from a measured one (`reading.varies`)
        """
        return Picture(self.svg(alt), alt, measured=self.measured or varies)

    def _levels(self, xs, ys, label, origin, color, dash):
        """A short level line at each named place."""
        xs, ys = self._see(xs, ys)
        levels = [
            ([x - _LEVEL, x + _LEVEL], [y, y]) for x, y in zip(xs, ys, strict=True)
        ]  # fmt: skip
        self.lines.append((levels, color, dash))
        self._label_line(*levels[-1], label, origin, color)
        return self

    def _label_line(self, xs, ys, label, origin, color):
        words = f"{label} ({Origin(origin)})" if label and origin else label
        self.labels.append((xs, ys, words, color))
        self.measured |= origin == Origin.MEASURED

    def _see(self, xs, ys):
        xs, ys = [float(x) for x in xs], [float(y) for y in ys]
        if len(xs) != len(ys) or not xs:
            raise ValueError(
                f"A series of a chart needs as many x as y, and at least one: got {len(xs)} x and "
                f"{len(ys)} y."
            )
        self.seen_xs += xs
        self.seen_ys += ys
        return xs, ys
