"""How a `Chart` becomes SVG text: axes, layers and labels in pixels."""

import html
import itertools
import math

from labkit.draw.labels import Box, place, text_width
from labkit.draw.marks import GRID, INK, MARKS, MUTED

TEXT, TITLE = 13, 15  # pixels
_FACE = "Helvetica, Arial, sans-serif"
_HALO = 'stroke="#ffffff" stroke-width="3" stroke-linejoin="round" paint-order="stroke"'
_PARTS = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8)  # of a line, where text may lie along it
_MANY = 40  # marks; more of them are drawn smaller
_MARK_REACH = 9  # pixels around a mark that labels keep clear of


def write(chart, alt):
    """The SVG text of a chart; `alt` becomes its accessible title."""
    return _Plot(chart).svg(alt)


class _Plot:
    def __init__(self, chart):
        self.chart = chart
        self.x, self.y = chart.x.fit(chart.seen_xs), chart.y.fit(chart.seen_ys)
        widest = max((text_width(self.y.text(tick), TEXT) for tick in self.y.ticks()), default=0)
        top = 14 + 22 * bool(chart.title) + 22 * bool(chart.origins)
        self.area = Box(40 + widest, top, chart.width - 26, chart.height - 50)
        self.taken = []  # boxes that a label may not cover
        self.points = []  # pixels along the lines, which a label had better not cover

    def svg(self, alt):
        chart, area = self.chart, self.area
        title = html.escape(alt)
        # A nested <svg> clips what lies outside the axes and, unlike a clip path, needs no id.
        inside = (
            f'x="{area.left:.1f}" y="{area.top:.1f}" width="{area.width:.1f}" '
            f'height="{area.height:.1f}" viewBox="{area.left:.1f} {area.top:.1f} '
            f'{area.width:.1f} {area.height:.1f}"'
        )
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {chart.width} {chart.height}" '
            f'width="{chart.width}" height="{chart.height}" role="img" aria-label="{title}" '
            f'font-family="{_FACE}" font-size="{TEXT}" fill="{INK}">',
            f"<title>{title}</title>",
            f'<rect width="{chart.width}" height="{chart.height}" fill="#ffffff"/>',
            *self._head(), *self._x_axis(), *self._y_axis(),
            f"<svg {inside}>", *self._bands(), *self._bars(), *self._lines(),
            *self._intervals(), "</svg>",
            f'<path d="M{area.left:.1f},{area.top:.1f}V{area.bottom:.1f}H{area.right:.1f}" '
            f'fill="none" stroke="{MUTED}"/>',
            *self._notes(), *self._key(), *self._marks(), *self._along(), *self._labels(), "</svg>",
        ])  # fmt: skip

    def pixel(self, x, y):
        """Where a point of the chart lies."""
        return (
            self.area.left + self.x.fraction(x) * self.area.width,
            self.area.bottom - self.y.fraction(y) * self.area.height,
        )

    def _head(self):
        """The title, and below it the legend: one mark for each origin that occurs."""
        title, left, y = self.chart.title, self.area.left, 26
        if title:
            room = (self.chart.width - left - 10) / text_width(title, 1)
            size = max(min(TITLE, room), 12)
            yield (
                f'<text x="{left:.1f}" y="{y}" font-size="{size:.1f}" font-weight="bold">'
                f"{_safe(title)}</text>"
            )
            y += 22
        for origin in self.chart.origins:
            yield MARKS[origin].svg(left + 7, y - 4.5, 5.5)
            yield text(left + 18, y, origin, fill=MUTED)
            left += 40 + text_width(origin, TEXT)

    def _x_axis(self):
        area, ticks = self.area, self.x.ticks()
        widest = max((text_width(self.x.text(tick), TEXT) for tick in ticks), default=0)
        crowded = widest * len(ticks) > 0.95 * area.width  # then every second text goes lower
        for n, tick in enumerate(ticks):
            x = area.left + self.x.fraction(tick) * area.width
            if not self.x.names:
                yield f'<path d="M{x:.1f},{area.top:.1f}V{area.bottom:.1f}" stroke="{GRID}"/>'
            down = 16 + 14 * (crowded and n % 2)
            yield text(x, area.bottom + down, self.x.text(tick), "middle")
        middle = (area.left + area.right) / 2
        yield text(middle, area.bottom + 40, self.x.title, "middle", fill=MUTED)

    def _y_axis(self):
        area = self.area
        for tick in self.y.ticks():
            y = area.bottom - self.y.fraction(tick) * area.height
            yield f'<path d="M{area.left:.1f},{y:.1f}H{area.right:.1f}" stroke="{GRID}"/>'
            yield text(area.left - 7, y + 4.5, self.y.text(tick), "end")
        middle = (area.top + area.bottom) / 2
        yield text(16, middle, self.y.title, "middle", turn=-90, fill=MUTED)

    def _bands(self):
        for xs, ys, color, opacity in self.chart.bands:
            yield (
                f'<polygon points="{_points(self._pixels(xs, ys))}" fill="{color}" '
                f'fill-opacity="{opacity}"/>'
            )

    def _bars(self):
        foot = self.area.bottom if self.y.log else self.pixel(self.x.lo, max(0, self.y.lo))[1]
        for x, y, origin, _, width in self.chart.bars:
            (left, end), (right, _) = self.pixel(x - width / 2, y), self.pixel(x + width / 2, y)
            top, bottom = sorted((end, foot))
            self.taken.append(Box(left, top, right, bottom))
            yield (
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
                f'height="{bottom - top:.1f}" fill="{MARKS[origin].color}" stroke="{INK}" '
                f'stroke-width="0.8"/>'
            )

    def _lines(self):
        for xs, ys, color, dash in self.chart.lines:
            pixels = self._pixels(xs, ys)
            self.points += _along_pixels(pixels)
            dashes = ' stroke-dasharray="6 4"' * dash
            yield (
                f'<polyline points="{_points(pixels)}" fill="none" stroke="{color}" '
                f'stroke-width="2"{dashes} stroke-linejoin="round"/>'
            )

    def _intervals(self):
        for x, _, _, _, interval in self.chart.marks:
            if interval:
                (px, low), (_, high) = self._pixels([x, x], interval)
                yield (
                    f'<path d="M{px:.1f},{low:.1f}V{high:.1f}M{px - 5:.1f},{low:.1f}h10'
                    f'M{px - 5:.1f},{high:.1f}h10" stroke="{INK}" stroke-width="1.2"/>'
                )

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
            half = text_width(words, TEXT) / 2
            self.taken.append(Box(px - half, py - 22, px + half, py - 4))
            yield text(px, py - 8, words, "middle", fill=MUTED)

    def _along(self):
        """Text that is turned as its line is, just above it, where it covers least."""
        for start, end, words in self.chart.alongs:
            (x0, y0), (x1, y1) = self.pixel(*start), self.pixel(*end)
            angle, half = math.atan2(y1 - y0, x1 - x0), text_width(words, TEXT) / 2
            dx, dy = math.cos(angle), math.sin(angle)
            middles = [
                (x0 + part * (x1 - x0) + 7 * dy, y0 + part * (y1 - y0) - 7 * dx) for part in _PARTS
            ]
            x, y = min(middles, key=lambda at: self._covered(_turned(*at, dx, dy, half)))
            self.taken += _turned(x, y, dx, dy, half)
            yield text(x, y, words, "middle", turn=math.degrees(angle), halo=True)

    def _covered(self, boxes):
        return sum(box.overlap(other) for box in boxes for other in self.taken)

    def _key(self):
        """Coloured lines and their names, in the upper left corner."""
        x, y = self.area.left + 12, self.area.top + 18
        for words, color in self.chart.keys:
            self.taken.append(Box(x, y - 12, x + 28 + text_width(words, TEXT), y + 5))
            yield f'<path d="M{x:.1f},{y - 4.5:.1f}h20" stroke="{color}" stroke-width="3"/>'
            yield text(x + 27, y, words, halo=True)
            y += 18

    def _labels(self):
        for x, y, words in self._anchors():
            px, py = self.pixel(x, y)
            spot = place(
                px, py, words, TEXT, inside=self.area, boxes=self.taken, points=self.points
            )
            self.taken.append(spot.box)
            if spot.far:
                near_x, near_y = spot.nearest(px, py)
                yield (
                    f'<path d="M{px:.1f},{py:.1f}L{near_x:.1f},{near_y:.1f}" stroke="{MUTED}" '
                    f'stroke-width="0.8"/>'
                )
            yield text(spot.x, spot.box.bottom - 3.5, words, spot.anchor, halo=True)

    def _anchors(self):
        """Yield what has a label: the ends of lines in sight, then marks and tops of bars."""
        for xs, ys, label in self.chart.labels:
            seen = [point for point in zip(xs, ys, strict=True) if self._in_sight(*point)]
            if label and seen:
                yield *seen[-1], label
        for x, y, _, label, _ in self.chart.marks + self.chart.bars:
            if label and self._in_sight(x, y):
                yield x, y, label

    def _in_sight(self, x, y):
        # A hair outside is the rounding of an axis's own end.
        return all(-1e-9 <= part <= 1 + 1e-9 for part in (self.x.fraction(x), self.y.fraction(y)))

    def _pixels(self, xs, ys):
        return [self.pixel(x, y) for x, y in zip(xs, ys, strict=True)]


def text(x, y, words, anchor="start", *, turn=0, halo=False, fill=None):
    """One line of text; `turn` in degrees, clockwise; a halo keeps it readable over lines."""
    style = f' fill="{fill}"' if fill else ""
    style += f' transform="rotate({turn:.1f} {x:.1f} {y:.1f})"' if turn else ""
    style += f" {_HALO}" if halo else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{_safe(words)}</text>'


def _safe(words):
    return html.escape(str(words), quote=False)


def _turned(x, y, dx, dy, half):
    """Boxes that cover a turned text: its middle (x, y), its direction, half of its width."""
    steps = [(x + half * n / 4 * dx, y + half * n / 4 * dy) for n in range(-4, 5)]
    return [Box(px - 8, py - 12, px + 8, py + 5) for px, py in steps]


def _points(pixels):
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pixels)


def _along_pixels(pixels, every=8):
    """Points about every 8 pixels along a path: closer than a letter is high."""
    for (x0, y0), (x1, y1) in itertools.pairwise(pixels):
        n = max(1, math.ceil(math.dist((x0, y0), (x1, y1)) / every))
        yield from ((x0 + (x1 - x0) * k / n, y0 + (y1 - y0) * k / n) for k in range(n + 1))
