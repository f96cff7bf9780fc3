"""`Explorer`: sliders and a picture that follows them."""

import base64
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import traitlets

from labkit.draw.marks import NEUTRAL
from labkit.draw.picture import Picture
from labkit.draw.slider import Slider, control
from labkit.draw.widget import PictureWidget, javascript

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLACK = "#000000"  # Matplotlib's ink, as long as nobody chooses another


class Explorer(PictureWidget):
    """Sliders and one picture: `Explorer(draw, n=(1, 50, 5), dtype=["fp32", "bf16"])`.

    draw     called as draw(n=5, dtype="fp32"); returns SVG text, a Picture or a Matplotlib figure.
             Fast is good: the picture should follow within 0.1 s. If it raises, the widget shows
             the message and keeps the last picture
    sliders  for each argument of draw (lowest, highest, start), a Slider, or a list of choices

    `values` holds the present values; setting some of them from Python moves sliders and picture:
    `e.values = {"n": 7}`. Raises ValueError for a slider that cannot be, TraitError for a value
    outside its slider or a name without one.
    """

    _esm = javascript("explorer.js")
    sliders = traitlets.List().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    src = traitlets.Unicode().tag(sync=True)  # the picture as a data URI
    alt = traitlets.Unicode().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        draw: "Callable[..., str | Picture | Figure]",
        /,
        **sliders: Slider | tuple[float, float, float] | list,
    ):
        if not sliders:
            raise ValueError(
                "An Explorer needs at least one slider, such as n=(1, 50, 5): without one, "
                "show the picture itself."
            )
        self._draw = draw
        self._controls = {name: control(name, spec) for name, spec in sliders.items()}
        super().__init__(
            sliders=[one.describe(name) for name, one in self._controls.items()],
            values={name: one.start for name, one in self._controls.items()},
        )
        self._show(draw(**self.values))  # the first time, an exception is the caller's
        self.observe(self._redraw, "values")

    def __repr__(self):
        failed = f" [error] {self.error}" if self.error else ""
        return f"Explorer({self._setting()}){failed}"

    @traitlets.validate("values")
    def _check_values(self, proposal):
        given = proposal["value"]
        unknown = ", ".join(repr(name) for name in given if name not in self._controls)
        if unknown:
            raise traitlets.TraitError(
                f"This explorer has no slider {unknown}. It has: {', '.join(self._controls)}."
            )
        now = {
            name: self.values.get(name, one.start) for name, one in self._controls.items()
        } | given
        try:
            return {name: one.check(name, now[name]) for name, one in self._controls.items()}
        except ValueError as problem:
            raise traitlets.TraitError(str(problem)) from None

    def _redraw(self, _change):
        try:
            self._show(self._draw(**self.values))
        except Exception as problem:  # whatever draw does wrong, the student is told in the widget
            self.error = str(problem) or type(problem).__name__

    def _show(self, drawn):
        """Take over what draw returned, all in one message to the browser."""
        if hasattr(drawn, "savefig"):
            png, svg, alt = _png(drawn), None, f"Explorer({self._setting()})"
            src = f"data:image/png;base64,{png}"
        else:
            png, svg = None, self._picture(drawn)
            src, alt = svg.src, svg.alt
        with self.hold_sync():
            self._png, self._svg = png, svg
            self.src, self.alt, self.error = src, alt, ""

    def _picture(self, drawn):
        """SVG text or a Picture as a Picture whose alt says where the sliders stand."""
        if isinstance(drawn, Picture):
            return Picture(drawn, f"{drawn.alt} ({self._setting()})")
        if isinstance(drawn, str):
            return Picture(drawn, f"Explorer({self._setting()})")
        raise TypeError(
            f"draw returned {type(drawn).__name__}: it must return SVG text, a Picture or a "
            f"Matplotlib figure."
        )

    def _setting(self):
        return ", ".join(
            f"{name}={self._controls[name].text(v)}" for name, v in self.values.items()
        )

    def _still(self):
        return {"image/png": self._png} if self._png else {"text/html": self._svg._repr_html_()}


def _png(figure):
    """A Matplotlib figure as base64 text; the figure is closed, or the cell would show it again.

    Pixels cannot follow a theme: the ground is left out, and what is drawn in Matplotlib's black
    becomes a grey that can be read on white and on black.
    """
    from matplotlib import colors, pyplot, text

    for words in figure.findobj(text.Text):
        if colors.to_hex(words.get_color()) == BLACK:
            words.set_color(NEUTRAL)
    for axes in figure.axes:
        axes.tick_params(which="both", color=NEUTRAL)
        for spine in axes.spines.values():
            if colors.to_hex(spine.get_edgecolor()) == BLACK:
                spine.set_edgecolor(NEUTRAL)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", transparent=True)
    pyplot.close(figure)
    return base64.b64encode(buffer.getvalue()).decode()
