"""`Player`: frames that are stepped in the browser."""

import json
import zlib
from collections.abc import Iterable

import traitlets

from labkit.draw.picture import Picture
from labkit.draw.widget import PictureWidget, javascript


class Player(PictureWidget):
    """Frames to play and to step through: `Player(frames, alt="an array, cycle by cycle")`.

    frames  SVG texts, or Pictures, which then keep their own alt
    ms      how long each frame stands while it plays
    alt     what there is to see; the step is added to it

    All frames travel to the browser once, compressed, so a step needs no kernel. `i` is the present
    frame, from 0, where the player opens; setting it from Python moves the player. Raises
    ValueError without frames or without an alt, TraitError for an `i` or `ms` out of range.
    """

    _esm = javascript("player.js")
    packed = traitlets.Bytes().tag(sync=True)  # zlib over the JSON list of (svg, alt)
    i = traitlets.Int(0).tag(sync=True)
    ms = traitlets.Int(400).tag(sync=True)

    def __init__(self, frames: Iterable[str], ms: int = 400, alt: str = ""):
        frames = list(frames)
        if not frames:
            raise ValueError("A player needs at least one frame: the list of frames is empty.")
        self.frames = tuple(
            _framed(frame, alt, n, len(frames)) for n, frame in enumerate(frames, 1)
        )
        packed = json.dumps([(frame.svg, frame.alt) for frame in self.frames])
        super().__init__(packed=zlib.compress(packed.encode()), ms=ms)

    def __repr__(self):
        return f"Player({len(self.frames)} frame{'s' * (len(self.frames) != 1)})"

    @traitlets.validate("i")
    def _check_i(self, proposal):
        if not 0 <= proposal["value"] < len(self.frames):
            raise traitlets.TraitError(
                f"This player has no frame {proposal['value']}: its frames are 0 to "
                f"{len(self.frames) - 1}."
            )
        return proposal["value"]

    @traitlets.validate("ms")
    def _check_ms(self, proposal):
        if proposal["value"] < 1:
            raise traitlets.TraitError(
                f"A frame must stand at least 1 ms, got {proposal['value']}."
            )
        return proposal["value"]

    def _still(self):
        return {"text/html": self.frames[self.i]._repr_html_()}


def _framed(frame, alt, step, n_steps):
    """A frame as a Picture; a Picture keeps its alt, SVG text gets the player's and the step."""
    if isinstance(frame, Picture):
        return frame
    return Picture(frame, alt and f"{alt}, step {step} of {n_steps}")
