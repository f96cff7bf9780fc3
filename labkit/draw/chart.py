"""`Chart`: a small chart in pure SVG.

A Matplotlib figure takes some 200 ms; a slider has to answer within 100. The same calls always
give the same text, to the byte, so that stored pictures can be compared.
"""

from labkit.draw.marks import BLUE, LINES
from labkit.draw.picture import Picture
from labkit.draw.plot import write
from labkit.reading import Origin


class Chart:
    """A chart that grows by calls: `Chart(Axis("batch"), Axis("time", "s")).line(xs, ys)`.

    x, y           Axis; its ends are made to fit what is drawn, where they are not set
    width, height  in pixels

    Each call takes values in the units of the axes and returns the chart. It raises ValueError for
    series of unequal length; `svg` and `picture` do for what an axis cannot show.
    """

    def __init__(self, x, y, *, title="", width=640, height=400):
        self.x, self.y, self.title, self.width, self.height = x, y, title, width, height
        self.seen_xs, self.seen_ys = [], []
        self.bands, self.lines, self.bars, self.marks = [], [], [], []
        self.labels, self.alongs, self.notes, self.keys = [], [], [], []
        self.measured = False

    @property
    def origins(self):
        """The origins of what is marked, in the order of `Origin`: what the legend shows."""
        used = {origin for _, _, origin, *_ in self.marks + self.bars}
        return [origin for origin in Origin if origin in used]

    def line(self, xs, ys, label="", *, origin=None, color=None, dash=False):
        """Draw a line, with its label and its origin in words at the last point in sight."""
        xs, ys = self._see(xs, ys)
        self.lines.append((xs, ys, color or LINES[len(self.lines) % len(LINES)], dash))
        words = f"{label} ({Origin(origin)})" if label and origin else label
        self.labels.append((xs, ys, words))
        self.measured |= origin == Origin.MEASURED
        return self

    def band(self, xs, lows, highs, *, color=BLUE, opacity=0.15):
        """Shade between two curves: an interval, or one side of a limit."""
        _, lows = self._see(xs, lows)
        xs, highs = self._see(xs, highs)
        self.bands.append((xs + xs[::-1], lows + highs[::-1], color, opacity))
        return self

    def bar(self, x, y, origin, label="", *, width=0.6):
        """Draw a bar from the foot of the chart to `y`; `width` is in the x axis's unit."""
        (x,), (y,) = self._see([x], [y])
        self.measured |= origin == Origin.MEASURED
        self.bars.append((x, y, Origin(origin), label, width))
        return self

    def mark(self, x, y, origin, label="", *, low=None, high=None):
        """Mark a point as of its origin, with an interval if `low` and `high` are given."""
        interval = [low, high] if low is not None and high is not None else []
        (x, *_), (y, *interval) = self._see([x] * (1 + len(interval)), [y, *interval])
        self.measured |= origin == Origin.MEASURED
        self.marks.append((x, y, Origin(origin), label, interval))
        return self

    def along(self, start, end, text):
        """Write on the line from `start` to `end`, two points (x, y), turned as it is."""
        self._see(*zip(start, end, strict=True))
        self.alongs.append((start, end, text))
        return self

    def label(self, x, y, text):
        """Write beside a point, where there is room."""
        self.labels.append((*self._see([x], [y]), text))
        return self

    def note(self, x, y, text):
        """Write plain words just above a point."""
        (x,), (y,) = self._see([x], [y])
        self.notes.append((x, y, text))
        return self

    def key(self, text, color):
        """Name the lines of a colour in the upper left corner, where labels would collide."""
        self.keys.append((text, color))
        return self

    def svg(self, alt=""):
        """The chart as SVG text."""
        return write(self, alt or self.title)

    def picture(self, alt):
        """The chart as a Picture, which knows whether something in it was measured."""
        return Picture(self.svg(alt), alt, measured=self.measured)

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
