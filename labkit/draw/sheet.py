"""A sheet of drawn things: what a picture that isn't a chart is made on."""

from collections.abc import Iterable

from labkit.draw.picture import Picture
from labkit.draw.svg import SMALL, document


def sheet(
    width: float, height: float, parts: Iterable[str], alt: str, smallest: float = SMALL
) -> Picture:
    """A Picture of `width` × `height` pixels from SVG elements, described by `alt`."""
    return Picture(document(width, height, parts, alt, smallest), alt)
