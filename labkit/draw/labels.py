"""Where labels go: beside their points, and not on top of one another where that can be helped."""

import dataclasses
import math

# Widths in ems, a little above those of Helvetica and Arial, so that the estimate is safe.
_EM = dict.fromkeys(" .,:;'|!()[]/ijlftIr", 0.33) | dict.fromkeys("mwMW%", 0.88)
_EM_CAPITAL, _EM_OTHER = 0.71, 0.56
# Directions to try, best first: right, left, above, below, then the diagonals.
_DIRECTIONS = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1))
_CROSSED_TEXT = 400  # what a leader through a label costs, in square pixels
_DISTANCES = (10, 22, 38)  # pixels between the point and the edge of its label


@dataclasses.dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other):
        """The shared area in square pixels."""
        # Nearly all pairs are apart, and a chart asks thousands of times: the cheap test first.
        if (
            self.right <= other.left or other.right <= self.left
            or self.bottom <= other.top or other.bottom <= self.top
        ):  # fmt: skip
            return 0
        width = min(self.right, other.right) - max(self.left, other.left)
        return width * (min(self.bottom, other.bottom) - max(self.top, other.top))

    def holds(self, x, y):
        return self.left < x < self.right and self.top < y < self.bottom

    @property
    def width(self):
        return self.right - self.left

    @property
    def height(self):
        return self.bottom - self.top

    @property
    def center(self):
        return (self.left + self.right) / 2


@dataclasses.dataclass(frozen=True, slots=True)
class Spot:
    """A place for a label: its box, where its text is held, whether it needs a leader."""

    box: Box
    anchor: str
    far: bool

    @property
    def x(self):
        """Where the text is held."""
        return {"start": self.box.left, "end": self.box.right}.get(self.anchor, self.box.center)

    def nearest(self, x, y):
        """Where a leader from the point (x, y) meets the label."""
        return (
            min(max(x, self.box.left), self.box.right),
            min(max(y, self.box.top), self.box.bottom),
        )


def text_width(text, size):
    """About how many pixels a text takes in a sans-serif face."""
    return size * sum(_EM.get(c, _EM_CAPITAL if c.isupper() else _EM_OTHER) for c in text)


def around(x, y, text, size):
    """Yield spots for a label of the point (x, y), best first."""
    width, height = text_width(text, size), 1.15 * size
    for distance in _DISTANCES:
        for dx, dy in _DIRECTIONS:
            # A diagonal neighbour may sit closer: its corner, not its edge, faces the point.
            gap = distance * (0.7 if dx and dy else 1)
            left = x + dx * gap - width * (1 - dx) / 2
            top = y + dy * gap - height * (1 - dy) / 2
            anchor = ("end", "middle", "start")[dx + 1]
            yield Spot(Box(left, top, left + width, top + height), anchor, gap > _DISTANCES[0])


def _reach(x, y, text, size):
    """The box of all spots around (x, y)."""
    across, down = _DISTANCES[-1] + text_width(text, size), _DISTANCES[-1] + 1.15 * size
    return Box(x - across, y - down, x + across, y + down)


def _leader_crosses(x, y, spot, boxes):
    """How many boxes, other than the mark's own, a leader runs through: tried at two points."""
    end_x, end_y = spot.nearest(x, y)
    on_it = [(x + part * (end_x - x), y + part * (end_y - y)) for part in (0.5, 0.8)]
    return sum(box.holds(*point) for box in boxes if not box.holds(x, y) for point in on_it)


def place(x, y, text, size, *, inside, boxes, points):
    """The first spot that is free, or else the one that covers least.

    inside  the Box that labels should stay in
    boxes   what is drawn already: marks and labels
    points  pixels along the lines that are drawn
    """
    reach = _reach(x, y, text, size)
    boxes = [box for box in boxes if reach.overlap(box)]
    points = [point for point in points if reach.holds(*point)]
    best, least = None, math.inf
    for spot in around(x, y, text, size):
        # A label that leaves the plot may be cut, one over another is hard to read, one that a
        # line crosses is only ugly.
        outside = spot.box.width * spot.box.height - spot.box.overlap(inside)
        cost = 100 * outside + 4 * sum(spot.box.overlap(box) for box in boxes)
        if spot.far:
            cost += _CROSSED_TEXT * _leader_crosses(x, y, spot, boxes)
        if cost < least:
            cost += 6 * sum(spot.box.holds(*point) for point in points)
        if cost < least:
            best, least = spot, cost
        if cost == 0:
            break
    return best
