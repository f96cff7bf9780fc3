"""A sheet of drawn things: what pictures that are no charts are made on."""

import html

from labkit.draw.marks import INK
from labkit.draw.picture import Picture

FACE = "Helvetica, Arial, sans-serif"


def sheet(width, height, parts, alt):
    """A white Picture of `width` × `height` pixels from SVG elements, described by `alt`."""
    width, height = round(width), round(height)
    svg = "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" font-family="{FACE}" font-size="13" fill="{INK}">',
        f"<title>{html.escape(alt)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *parts, "</svg>",
    ])  # fmt: skip
    return Picture(svg, alt)


def text(x, y, words, anchor="start", *, size=13, fill=INK, bold=False, halo=False):
    """A line of text as an SVG element; `halo` keeps it readable on lines and colours."""
    style = ' font-weight="bold"' * bold
    if halo:
        style += ' stroke="#ffffff" stroke-width="4" paint-order="stroke"'
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:.3g}" '
        f'fill="{fill}"{style}>{html.escape(str(words), quote=False)}</text>'
    )
