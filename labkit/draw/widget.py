"""What `Player` and `Explorer` share: a picture that stays where widgets do not run."""

import pathlib

import anywidget

HERE = pathlib.Path(__file__).parent  # the JavaScript and the style sheet lie beside the Python


def javascript(name: str) -> str:
    """The module of a widget: what all of them share, then the file of this one."""
    return "\n".join((HERE / file).read_text(encoding="utf-8") for file in ("shared.js", name))


class PictureWidget(anywidget.AnyWidget):
    """A widget whose output also holds a still picture, for GitHub and for untrusted notebooks."""

    _css = HERE / "widgets.css"
    _ipython_display_ = None  # ipywidgets 7 would call it and bypass _repr_mimebundle_

    def _still(self):
        """The still picture as {MIME type: data}."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs):
        # The metadata is kept: Colab's widget manager needs what anywidget puts there.
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, "text/plain": repr(self), **self._still()}, metadata
