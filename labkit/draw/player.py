"""`Player`: frames that are stepped in the browser."""

import contextlib
import json
import zlib
from collections.abc import Iterable, Iterator

import traitlets
from IPython.display import display

from labkit.draw.picture import Picture
from labkit.draw.widget import PictureWidget, javascript


class Player(PictureWidget):
    """Frames to play and to step through: `Player(frames, alt="an array, cycle by cycle")`.

    frames  SVG texts, or Pictures, which then keep their own alt
    ms      how long each frame stands while it plays
    alt     what there is to see; the step is added to it

    All frames travel to the browser once, compressed, so a step needs no kernel. `i` is the present
    frame, from 0, where the player opens; setting it from Python moves the player. `add` shows one
    more frame while a cell still runs. Raises ValueError without frames or without an alt,
    TraitError for an `i` or `ms` out of range.
    """

    _esm = javascript("player.js")
    packed = traitlets.Bytes().tag(sync=True)  # zlib over the JSON list of (svg, alt)
    i = traitlets.Int(0).tag(sync=True)
    ms = traitlets.Int(400).tag(sync=True)
    _has_grown = False

    def __init__(self, frames: Iterable[str], ms: int = 400, alt: str = "") -> None:
        frames = list(frames)
        if not frames:
            raise ValueError("A player needs at least one frame: the list of frames is empty.")
        self.frames = tuple(
            _framed(frame, alt, n, len(frames)) for n, frame in enumerate(frames, 1)
        )
        super().__init__(packed=self._pack(), ms=ms)

    def add(self, frame: Picture) -> None:
        """Show one more frame, behind the others: what a cell has come to so far."""
        self.frames, self._has_grown = (*self.frames, frame), True
        with self.hold_sync():  # both at once, so that the browser never lacks the frame
            self.packed, self.i = self._pack(), len(self.frames) - 1

    def _pack(self):
        pairs = [(frame.svg, frame.alt) for frame in self.frames]
        return zlib.compress(json.dumps(pairs).encode())

    def __repr__(self):
        words = f"{len(self.frames)} frame{'s' * (len(self.frames) != 1)}"
        # How many there were when a stored notebook first showed it isn't compared.
        return f"[measured] Player: {words}" if self._has_grown else f"Player({words})"

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


@contextlib.contextmanager
def live(player: Player) -> Iterator[Player]:
    """Display a player at once, to `add` frames to: `with live(Player([first])) as player: ...`.

    At the end its still picture, which a stored notebook shows, becomes that of the last frame.
    """
    player._has_grown = True
    shown = display(player, display_id=True)
    try:
        yield player
    finally:
        if shown is not None:
            shown.update(player)


def _framed(frame, alt, step, n_steps):
    """A frame as a Picture; a Picture keeps its alt, SVG text gets the player's and the step."""
    if isinstance(frame, Picture):
        return frame
    return Picture(frame, alt and f"{alt}, step {step} of {n_steps}")
