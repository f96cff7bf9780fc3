"""The colours of all drawings, and one mark for each origin, the same in every picture.

Every colour is a middle tone: at least 3 : 1 against a white page and against a dark one (#111111),
so that a drawing needs no ground of its own. The origins' colours follow Okabe and Ito (2008), with
sky blue and orange made darker; each origin has a shape of its own as well, and the lines of a
chart have other colours, so that no picture speaks by colour alone.
"""

import dataclasses
import math

from labkit.draw.svg import INK
from labkit.reading import Origin


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
    """A mark: Matplotlib's letter for the shape (`o s ^ D P`), and a colour."""

    marker: str
    color: str

    def svg(self, x: float, y: float, size: float) -> str:
        """The mark as an SVG element centred on (x, y); `size` is its radius in pixels."""
        style = f'fill="{self.color}" stroke="{INK}" stroke-width="0.8"'
        if self.marker == "o":
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" {style}/>'
        corners = " ".join(
            f"{x + size * dx:.1f},{y + size * dy:.1f}" for dx, dy in _OUTLINE[self.marker]
        )
        return f'<polygon points="{corners}" {style}/>'


def _turn(n, start_degrees, radius=1.0):
    """The corners of a regular n-gon; 90 degrees points down, as SVG's y does."""
    angles = (math.radians(start_degrees + 360 * corner / n) for corner in range(n))
    return tuple((radius * math.cos(a), radius * math.sin(a)) for a in angles)


_ARM = 0.4  # half the width of the plus sign's arms
_OUTLINE = {
    "s": _turn(4, 45, 1.25),
    "^": _turn(3, -90, 1.3),
    "D": _turn(4, 0, 1.3),
    "P": tuple(
        (sx * dx, sy * dy)
        for sx, sy, corner in ((1, -1, 1), (1, 1, -1), (-1, 1, 1), (-1, -1, -1))
        for dx, dy in ((_ARM, 1.15), (_ARM, _ARM), (1.15, _ARM))[::corner]
    ),
}

BLUE, SKY, GREEN = "#0072B2", "#1A9AD7", "#009E73"
ORANGE, VERMILLION = "#BF7E00", "#D55E00"
NEUTRAL = "#777777"  # ink of pixel pictures, which cannot follow a theme

MARKS = {
    Origin.MEASURED: Mark("o", BLUE),
    Origin.RECORDED: Mark("s", SKY),
    Origin.SIMULATED: Mark("^", GREEN),
    Origin.MODELLED: Mark("D", ORANGE),
    Origin.PUBLISHED: Mark("P", VERMILLION),
}
MAGENTA, LEAF, VIOLET, BROWN, LAVENDER = "#DC058A", "#41A509", "#940EF4", "#945D41", "#8F78EA"
LINES = (MAGENTA, LEAF, VIOLET, BROWN, LAVENDER)  # colours of lines, in turn
