"""How a `Chart` becomes SVG text: axes, layers and labels in pixels."""

import itertools
import math

from labkit.draw.labels import Box, place, text_width, wrapped
from labkit.draw.marks import MARKS
from labkit.draw.svg import GRID, INK, document, path, rect, text

TEXT, TITLE = 15, 17  # pixels; larger than in other drawings, as charts are shown smaller
_ROW, _LINE = 22, 18  # pixels from one row of the legend to the next, and between lines of text
_PARTS = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8)  # of a line, where text may lie along it
_MANY = 40  # marks; more of them are drawn smaller
_MARK_REACH = 9  # pixels around a mark that labels keep clear of
_AXIS = 0.6  # opacity of the axes
_SWATCH = "    "  # as wide as the piece of its line that stands before a line's label


def write(chart, alt: str) -> str:
    """The SVG text of a chart; `alt` becomes its accessible name."""
    return _Plot(chart).svg(alt)


class _Plot:
    def __init__(self, chart):
        self.chart = chart
        self.x, self.y = chart.x.fit(chart.seen_xs), chart.y.fit(chart.seen_ys)
        self.left = (
            16
            + 26 * bool(chart.y.label)
            + max((_width(self.y.text(tick)) for tick in self.y.ticks()), default=0)
        )
        self.titles = wrapped(chart.title, chart.width - self.left - 10, TITLE)
        self.legend, top = self._legend(14 + 22 * len(self.titles) * bool(chart.title))
        self.rows = self._tick_rows(chart.width - 26 - self.left)
        foot = 12 + 20 * bool(self.x.title) + _LINE * max(map(len, self.rows), default=1)
        self.area = Box(self.left, top + 12, chart.width - 26, chart.height - foot)
        self.taken = []  # boxes that a label may not cover
        self.worded = []  # those of them in which words stand, where the grid is left out
        self.points = []  # pixels along the lines, which a label may not cover either

    def svg(self, alt):
        chart, area = self.chart, self.area
        # A nested <svg> clips what lies outside the axes and, unlike a clip path, needs no id.
        inside = (
            f'x="{area.left:.1f}" y="{area.top:.1f}" width="{area.width:.1f}" '
            f'height="{area.height:.1f}" viewBox="{area.left:.1f} {area.top:.1f} '
            f'{area.width:.1f} {area.height:.1f}"'
        )
        clipped = [*self._bands(), *self._bars(), *self._lines(), *self._intervals()]
        marks = [*self._marks()]
        words = [*self._notes(), *self._along(), *self._bar_labels(), *self._labels()]
        frame = path(
            f"M{area.left:.1f},{area.top:.1f}V{area.bottom:.1f}H{area.right:.1f}", opacity=_AXIS
        )
        # The grid is drawn first, but worked out last: it leaves out where there are words.
        parts = [
            *self._head(), *self._x_axis(), *self._y_axis(), f"<svg {inside}>", *clipped, "</svg>",
            frame, *marks, *words,
        ]  # fmt: skip
        return document(chart.width, chart.height, parts, alt, TEXT)

    def pixel(self, x, y):
        """Where a point of the chart lies."""
        return (
            self.area.left + self.x.fraction(x) * self.area.width,
            self.area.bottom - self.y.fraction(y) * self.area.height,
        )

    def _legend(self, y):
        """-> (what stands in the legend as (x, y, mark or colour, words), where it ends)."""
        entries = [(MARKS[origin], str(origin)) for origin in self.chart.origins]
        entries += [(color, words) for words, color in self.chart.keys]
        x, placed = self.left, []
        for sign, words in entries:
            wide = 52 + _width(words)
            if x > self.left and x + wide > self.chart.width:
                x, y = self.left, y + _ROW
            placed.append((x, y + 14, sign, words))
            x += wide
        return placed, y + _ROW * bool(placed)

    def _head(self):
        """The title, and below it the legend: each origin's mark, each named colour."""
        if self.chart.title:
            for row, words in enumerate(self.titles):
                yield text(self.left, 24 + 22 * row, words, size=TITLE, bold=True)
        for x, y, sign, words in self.legend:
            if isinstance(sign, str):
                yield path(f"M{x:.1f},{y - 5:.1f}h22", stroke=sign, line=3)
            else:
                yield sign.svg(x + 11, y - 5, 5.5)
            yield text(x + 28, y, words, size=TEXT, muted=True)

    def _tick_rows(self, width):
        """The texts of the ticks on the x axis, in lines that fit `width` pixels together.

        Names are parted between words. Where that is not enough, every second text stands lower.
        """
        texts = [self.x.text(tick) for tick in self.x.ticks()]
        room = width / max(len(texts), 1)
        rows = [wrapped(one, room - 8, TEXT) if self.x.names else [one] for one in texts]
        if max((_width(line) for lines in rows for line in lines), default=0) <= room - 4:
            return rows
        down = max(map(len, rows))
        return [[""] * (down * (n % 2)) + lines for n, lines in enumerate(rows)]

    def _x_axis(self):
        area = self.area
        for n, tick in enumerate(self.x.ticks()):
            x = area.left + self.x.fraction(tick) * area.width
            if not self.x.names:
                yield from self._grid(x, None)
            for row, line in enumerate(self.rows[n]):
                if line:
                    yield text(x, area.bottom + 18 + _LINE * row, line, "middle", size=TEXT)
        middle = (area.left + area.right) / 2
        if self.x.title:
            yield text(middle, self.chart.height - 8, self.x.title, "middle", size=TEXT, muted=True)

    def _y_axis(self):
        area = self.area
        for tick in self.y.ticks():
            y = area.bottom - self.y.fraction(tick) * area.height
            if not self.y.names:
                yield from self._grid(None, y)
            yield text(area.left - 8, y + 5, self.y.text(tick), "end", size=TEXT)
        middle = (area.top + area.bottom) / 2
        if self.y.title:
            yield text(18, middle, self.y.title, "middle", size=TEXT, turn=-90, muted=True)

    def _grid(self, x, y):
        """A grid line at x or at y, left out where words stand."""
        area = self.area
        low, high = (area.top, area.bottom) if y is None else (area.left, area.right)
        gaps = sorted(
            (box.top, box.bottom) if y is None else (box.left, box.right)
            for box in self.worded
            if (box.left - 2 < x < box.right + 2 if y is None else box.top - 2 < y < box.bottom + 2)
        )
        for start, end in [*gaps, (high, high)]:
            if start > low:
                d = (
                    f"M{x:.1f},{low:.1f}V{start:.1f}"
                    if y is None
                    else f"M{low:.1f},{y:.1f}H{start:.1f}"
                )
                yield path(d, opacity=GRID)
            low = max(low, end)

    def _bands(self):
        for xs, ys, color, opacity in self.chart.bands:
            yield (
                f'<polygon points="{_points(self._pixels(xs, ys))}" fill="{color}" '
                f'fill-opacity="{opacity}"/>'
            )

    def _bars(self):
        """Bars from 0, or from a ratio of 1 on a logarithmic axis, which stands out as a line."""
        base = 1 if self.y.log else min(max(0, self.y.lo), self.y.hi)
        for x, y, origin, _, width in self.chart.bars:
            (left, end), (right, foot) = (
                self.pixel(x - width / 2, y), self.pixel(x + width / 2, base)
            )  # fmt: skip
            top, bottom = sorted((end, foot))
            self.taken.append(Box(left, top, right, bottom))
            yield rect(
                left, top, right - left, bottom - top,
                fill=MARKS[origin].color, stroke=INK, line=0.8,
            )  # fmt: skip
        if self.chart.bars:
            y = self.pixel(self.x.lo, base)[1]
            yield path(f"M{self.area.left:.1f},{y:.1f}H{self.area.right:.1f}", opacity=_AXIS)

    def _lines(self):
        for pieces, color, dash in self.chart.lines:
            dashes = ' stroke-dasharray="6 4"' * dash
            for xs, ys in pieces:
                pixels = self._pixels(xs, ys)
                self.points += _along_pixels(pixels)
                yield (
                    f'<polyline points="{_points(pixels)}" fill="none" stroke="{color}" '
                    f'stroke-width="2"{dashes} stroke-linejoin="round"/>'
                )

    def _intervals(self):
        for x, _, _, _, interval in self.chart.marks:
            if interval:
                (px, low), (_, high) = self._pixels([x, x], interval)
                self.points += _along_pixels([(px, low), (px, high)])
                ends = f"M{px - 5:.1f},{low:.1f}h10M{px - 5:.1f},{high:.1f}h10"
                yield path(f"M{px:.1f},{low:.1f}V{high:.1f}{ends}", line=1.4)

    def _marks(self):
        size = 6.5 if len(self.chart.marks) <= _MANY else 4
        for x, y, origin, *_ in self.chart.marks:
            if not self._in_sight(x, y):
                continue
            px, py = self.pixel(x, y)
            reach = _MARK_REACH
            self.taken.append(Box(px - reach, py - reach, px + reach, py + reach))
            yield MARKS[origin].svg(px, py, size)

    def _notes(self):
        """Plain words, centred just above their points."""
        for x, y, words in self.chart.notes:
            px, py = self.pixel(x, y)
            half = _width(words) / 2
            self._word(Box(px - half, py - 24, px + half, py - 4))
            yield text(px, py - 8, words, "middle", size=TEXT, muted=True)

    def _along(self):
        """Text that is turned as its line is, just above it, where it covers least."""
        for start, end, words in self.chart.alongs:
            (x0, y0), (x1, y1) = self.pixel(*start), self.pixel(*end)
            angle, half = math.atan2(y1 - y0, x1 - x0), _width(words) / 2
            dx, dy = math.cos(angle), math.sin(angle)
            middles = [
                (x0 + part * (x1 - x0) + 11 * dy, y0 + part * (y1 - y0) - 11 * dx)
                for part in _PARTS
            ]
            x, y = min(middles, key=lambda at: self._covered(_turned(*at, dx, dy, half)))
            self._word(*_turned(x, y, dx, dy, half))
            yield text(x, y, words, "middle", size=TEXT, turn=math.degrees(angle))

    def _covered(self, boxes):
        return sum(box.overlap(other) for box in boxes for other in self.taken)

    def _labels(self):
        for points, words, color in self._anchors():
            spots, room = [], _SWATCH * bool(color) + words
            for x, y in points:
                px, py = self.pixel(x, y)
                spot = place(
                    px, py, room, TEXT, inside=self.area, boxes=self.taken, points=self.points
                )
                spots.append((spot.cost, len(spots), spot, px, py))
                if not spot.cost:
                    break
            _, _, spot, px, py = min(spots)
            self._word(spot.box)
            if spot.far:
                near_x, near_y = spot.nearest(px, py)
                yield path(f"M{px:.1f},{py:.1f}L{near_x:.1f},{near_y:.1f}", line=0.8, opacity=_AXIS)
            if color:  # a piece of the line that the label is of
                y = spot.box.bottom - 9
                yield path(f"M{spot.box.left + 1:.1f},{y:.1f}h13", stroke=color, line=3)
                yield text(spot.box.left + 19, y + 5, words, size=TEXT)
            else:
                yield text(spot.x, spot.box.bottom - 4, words, spot.anchor, size=TEXT)

    def _bar_labels(self):
        """What a bar is worth, at its end."""
        base = 1 if self.y.log else 0
        for x, y, _, words, _ in self.chart.bars:
            px, py = self.pixel(x, y)
            up, half = y >= base, _width(words) / 2
            top = py - 8 - TEXT if up else py + 6
            if top + TEXT > self.area.bottom - 4:  # no room below the bar: above its foot
                top = self.pixel(x, base)[1] - 8 - TEXT
            if words:
                self._word(Box(px - half, top, px + half, top + TEXT + 3))
                yield text(px, top + TEXT - 1, words, "middle", size=TEXT)

    def _word(self, *boxes):
        """Keep labels and the grid away from words that stand in these boxes."""
        self.taken += boxes
        self.worded += boxes

    def _anchors(self):
        """Yield what has a label: [points where it may be held, best first], words, line colour."""
        for xs, ys, label, color in self.chart.labels:
            seen = [point for point in zip(xs, ys, strict=True) if self._in_sight(*point)]
            if label and seen:
                last = len(seen) - 1
                places = [seen[round(last * part)] for part in (1, 0.9, 0.8, 0.65, 0.5, 0.3)]
                yield list(dict.fromkeys(places)), label, color
        for x, y, _, label, _ in self.chart.marks:
            if label and self._in_sight(x, y):
                yield [(x, y)], label, None

    def _in_sight(self, x, y):
        # A hair outside is the rounding of an axis's own end.
        return all(-1e-9 <= part <= 1 + 1e-9 for part in (self.x.fraction(x), self.y.fraction(y)))

    def _pixels(self, xs, ys):
        return [self.pixel(x, y) for x, y in zip(xs, ys, strict=True)]


def _width(words):
    return text_width(words, TEXT)


def _turned(x, y, dx, dy, half):
    """Boxes that cover a turned text: its middle (x, y), its direction, half of its width."""
    steps = [(x + half * n / 4 * dx, y + half * n / 4 * dy) for n in range(-4, 5)]
    return [Box(px - 8, py - 14, px + 8, py + 5) for px, py in steps]


def _points(pixels):
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pixels)


def _along_pixels(pixels, every=8):
    """Points about every 8 pixels along a path: closer than a letter is high."""
    for (x0, y0), (x1, y1) in itertools.pairwise(pixels):
        n = max(1, math.ceil(math.dist((x0, y0), (x1, y1)) / every))
        yield from ((x0 + (x1 - x0) * k / n, y0 + (y1 - y0) * k / n) for k in range(n + 1))
