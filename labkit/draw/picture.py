"""`Picture`: SVG text with a description, which any notebook shows, trusted or not."""

import base64
import html
import re

_MEASURED = "[measured] "
_STYLE = re.compile(r'\s*<svg [^>]*?style="([^"]*)"')  # how wide the drawing may be shown

# Runs where the page is trusted: the image becomes the drawing itself, which then has the colours
# of the page, in its theme and in print. Elsewhere the image stays, and asks for the theme.
_INLINE = (
    '<script>(s=>{const i=s.parentNode.querySelector("img.lk-drawing"),'
    'd=document.createElement("div");d.style.overflowX="auto";'
    'd.innerHTML=new TextDecoder().decode(Uint8Array.from(atob(i.src.split(",")[1]),'
    "c=>c.charCodeAt()));i.replaceWith(d)})(document.currentScript)</script>"
)


class Picture(str):
    """SVG text that displays itself: `Picture(svg, "a roofline: the ridge is at 206 FLOP/B")`.

    alt       says what there is to see, for a reader who cannot see it; the picture's plain text
    measured  whether anything in it was measured here: its alt then begins with `[measured] `, so
              that a test of stored outputs can leave it out; a picture of a measured picture is
              measured too

    It goes out as an HTML image, because JupyterLab hides bare SVG in a notebook that is not
    trusted; in one that is, the image becomes the drawing itself. Raises ValueError for text that
    isn't SVG and for an empty alt.
    """

    measured: bool
    alt: str

    def __new__(cls, svg: str, alt: str, measured: bool = False) -> "Picture":
        if not isinstance(svg, str) or not svg.lstrip().startswith("<svg"):
            raise ValueError(
                f"A picture is made of SVG text that begins with <svg, got {_brief(svg)}."
            )
        words = " ".join(str(alt or "").split())
        described = words.removeprefix(_MEASURED.strip()).strip()
        if not described:
            raise ValueError(
                "A picture needs an alt text: say in a sentence what there is to see, for a reader "
                "who cannot see it."
            )
        picture = super().__new__(cls, svg)
        picture.measured = bool(
            measured or words.startswith(_MEASURED) or getattr(svg, "measured", False)
        )
        picture.alt = _MEASURED * picture.measured + described
        return picture

    def __repr__(self) -> str:
        return self.alt

    @property
    def svg(self) -> str:
        """The SVG as plain text."""
        return str.__str__(self)

    @property
    def src(self) -> str:
        """The picture as a data URI."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.encode()).decode()

    def _repr_html_(self) -> str:
        style = _STYLE.match(self.svg)
        width = f' style="width:100%;{style[1]}"' if style else ""
        return (
            f'<img alt="{html.escape(self.alt)}" class="lk-drawing" src="{self.src}"{width}>'
            f"{_INLINE}"
        )


def _brief(value):
    text = repr(value)
    return text if len(text) <= 40 else text[:40] + "..."
