"""Where labels go: beside their points, and not on top of one another where that can be helped."""

import dataclasses
import math
from collections.abc import Iterator, Sequence

# Widths in ems, a little above those of Helvetica and Arial, so that the estimate is safe.
_EM = dict.fromkeys(" .,:;'|!()[]/ijlftIr", 0.33) | dict.fromkeys("mwMW%", 0.88)
_EM_CAPITAL, _EM_OTHER = 0.71, 0.56
# Directions to try, best first: right, left, above, below, then the diagonals.
_DIRECTIONS = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1))
_CROSSED_LINE = 60  # what a point of a line under a label costs, in square pixels
_CROSSED_TEXT = 400  # what a leader through a label costs, in square pixels
_DISTANCES = (10, 18, 28, 42, 60, 84)  # pixels between the point and the edge of its label


@dataclasses.dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: "Box") -> float:
        """The shared area in square pixels."""
        # Nearly all pairs are apart, and a chart asks thousands of times: the cheap test first.
        if (
            self.right <= other.left or other.right <= self.left
            or self.bottom <= other.top or other.bottom <= self.top
        ):  # fmt: skip
            return 0
        width = min(self.right, other.right) - max(self.left, other.left)
        return width * (min(self.bottom, other.bottom) - max(self.top, other.top))

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies inside."""
        return self.left < x < self.right and self.top < y < self.bottom

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def center(self) -> float:
        return (self.left + self.right) / 2


@dataclasses.dataclass(frozen=True, slots=True)
class Spot:
    """A place for a label: its box, where its text is held, whether it needs a leader.

    `cost` is 0 where the label covers nothing, else it grows with what is covered.
    """

    box: Box
    anchor: str
    far: bool
    cost: float = 0

    @property
    def x(self) -> float:
        """Where the text is held."""
        return {"start": self.box.left, "end": self.box.right}.get(self.anchor, self.box.center)

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """Where a leader from the point (x, y) meets the label."""
        return (
            min(max(x, self.box.left), self.box.right),
            min(max(y, self.box.top), self.box.bottom),
        )


def wrapped(words: str, width: float, size: float) -> list[str]:
    """A text in lines of at most `width` pixels, parted between words only.

    A word that is wider than that has a line of its own.
    """
    lines = []
    for word in words.split():
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def text_width(text: str, size: float) -> float:
    """About how many pixels a text takes in a sans-serif face."""
    # Rounded once, so that every Python draws the same: from 3.12 on, `sum` adds otherwise.
    return size * math.fsum(_EM.get(c, _EM_CAPITAL if c.isupper() else _EM_OTHER) for c in text)


def around(x: float, y: float, text: str, size: float) -> Iterator[Spot]:
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
    """How many boxes, other than the mark's own, a leader runs through: tried at four points."""
    end_x, end_y = spot.nearest(x, y)
    on_it = [(x + part * (end_x - x), y + part * (end_y - y)) for part in (0.2, 0.4, 0.6, 0.8)]
    return sum(box.holds(*point) for box in boxes if not box.holds(x, y) for point in on_it)


def place(
    x: float, y: float, text: str, size: float, *, inside: Box, boxes: Sequence[Box],
    points: Sequence[tuple[float, float]],
) -> Spot:  # fmt: skip
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
        # A label that leaves the plot may be cut, and one over another is hard to read; one that a
        # line crosses is next.
        outside = spot.box.width * spot.box.height - spot.box.overlap(inside)
        cost = 100 * outside + 4 * sum(spot.box.overlap(box) for box in boxes)
        if spot.far:
            cost += _CROSSED_TEXT * _leader_crosses(x, y, spot, boxes)
        if cost < least:
            cost += _CROSSED_LINE * sum(spot.box.holds(*point) for point in points)
        if cost < least:
            best, least = dataclasses.replace(spot, cost=cost), cost
        if cost == 0:
            break
    return best
