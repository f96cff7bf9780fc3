"""`Picture`: SVG text with a description, which any notebook shows, trusted or not."""

import base64
import html

_MEASURED = "[measured] "


class Picture(str):
    """SVG text that displays itself: `Picture(svg, "a roofline: the ridge is at 206 FLOP/B")`.

    alt       says what there is to see, for who cannot see it; it is the picture's plain text
    measured  whether anything in it was measured here: its alt then begins with `[measured] `, so
              that a test of stored outputs can leave it out; a picture of a measured picture is
              measured too

    It goes out as an HTML image, because JupyterLab hides bare SVG in a notebook that is not
    trusted. Raises ValueError for text that is no SVG and for an empty alt.
    """

    def __new__(cls, svg, alt, measured=False):
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

    def __repr__(self):
        return self.alt

    @property
    def svg(self):
        """The SVG as plain text."""
        return str.__str__(self)

    @property
    def src(self):
        """The picture as a data URI."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.encode()).decode()

    def _repr_html_(self):
        return f'<img alt="{html.escape(self.alt)}" src="{self.src}">'


def _brief(value):
    text = repr(value)
    return text if len(text) <= 40 else text[:40] + "..."
