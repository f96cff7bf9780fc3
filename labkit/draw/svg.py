"""SVG elements as text: what every drawing is made of.

Ink is `currentColor` and there is no ground, so a drawing has the colours of the page it stands on.
"""

import html
from collections.abc import Iterable

FACE = "Helvetica, Arial, sans-serif"
TEXT, TITLE, SMALL = 14, 16, 13  # pixels; nothing is smaller than SMALL
LEAST_TEXT = 12  # pixels, as shown on the page
WIDEN = 1.25  # how much wider than drawn a drawing may be shown
INK = "currentColor"
MUTED = 0.75  # opacity of the ink of what is said aside: 4.5 : 1 on white and on black
GRID = 0.2  # and of lines that only guide the eye

# One rule for pages that hold the drawing itself, and one for pages that show it as an image: an
# image inherits nothing, so it asks for the theme. `:root` is the drawing only in an image.
_STYLE = (
    "svg.lk-drawing:not(:root){display:block;width:100%;height:auto}"
    "svg.lk-drawing:root{color:#1f1f1f}"
    "@media(prefers-color-scheme:dark){svg.lk-drawing:root{color:#e6e6e6}}"
    "@media print{svg.lk-drawing{color:#000}}"
)


def document(width: float, height: float, parts: Iterable[str], alt: str, smallest=SMALL) -> str:
    """A whole drawing of `width` × `height` pixels as SVG text, described by `alt`.

    It is shown as wide as the page allows, but never so narrow that its `smallest` text, in pixels,
    would be smaller than LEAST_TEXT: then the page scrolls.
    """
    width, height = round(width), round(height)
    least, most = -(-width * LEAST_TEXT // smallest), round(width * WIDEN)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lk-drawing" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" style="min-width:{least}px;max-width:{most}px" '
        f'role="img" aria-label="{html.escape(alt)}" font-family="{FACE}" font-size="{TEXT}" '
        f'fill="{INK}">',
        f"<style>{_STYLE}</style>", *parts, "</svg>",
    ])  # fmt: skip


def text(
    x: float, y: float, words: object, anchor: str = "start", *, size: float = TEXT,
    fill: str = INK, bold: bool = False, muted: bool = False, turn: float = 0,
) -> str:  # fmt: skip
    """A line of text; `turn` in degrees, clockwise."""
    style = f' fill="{fill}"' if fill != INK else ""
    style += f' fill-opacity="{MUTED}"' * muted + ' font-weight="bold"' * bold
    style += f' transform="rotate({turn:.1f} {x:.1f} {y:.1f})"' if turn else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}"{style}>'
        f"{html.escape(str(words), quote=False)}</text>"
    )


def rect(
    x: float, y: float, width: float, height: float, *, fill: str = "none", tint: float = 1,
    stroke: str = "none", line: float = 1, stroke_opacity: float = 1, dash: bool = False,
    radius: float = 0,
) -> str:  # fmt: skip
    """A rectangle; `tint` is the opacity of its fill, `line` the width of its frame in pixels."""
    style = f'fill="{fill}"' + (f' fill-opacity="{tint:g}"' if tint < 1 else "")
    if stroke != "none":
        style += f' stroke="{stroke}" stroke-width="{line:g}"' + ' stroke-dasharray="3 3"' * dash
        style += f' stroke-opacity="{stroke_opacity:g}"' if stroke_opacity < 1 else ""
    style += f' rx="{radius:g}"' if radius else ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" {style}/>'


def path(
    d: str, *, stroke: str = INK, line: float = 1, opacity: float = 1, dash: str = "",
    fill: str = "none", tint: float = 1,
) -> str:  # fmt: skip
    """A path along `d`; `opacity` is its line's, `tint` its fill's, `dash` such as `6 4`."""
    style = f'fill="{fill}"' + (f' fill-opacity="{tint:g}"' if tint < 1 else "")
    if stroke != "none":
        style += f' stroke="{stroke}" stroke-width="{line:g}"'
        style += f' stroke-opacity="{opacity:g}"' if opacity < 1 else ""
        style += f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{d}" {style}/>'
