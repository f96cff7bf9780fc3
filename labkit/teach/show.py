"""`show`: readings as lines that begin with their origin."""

import numbers
from typing import Any

from labkit.reading import Origin, Reading
from labkit.teach.line import line, say

_MARKS = tuple(f"[{word}] " for word in (*Origin, "here"))
_REMEDY = (
    "make a reading that says what it is and where it is from, as in "
    'lk.Reading("ridge point", 12.5, "FLOP/B", "modelled")'
)


def show(*readings: Any) -> None:
    """Show each Reading, or what has one (a Timing), or what prints as marked lines, on its line.

    A marked line begins with an origin, or with `[here]` where it is true of one machine only.

    In a notebook: a badge by origin, the value, its interval, and the source as a link. Elsewhere,
    and beside it, the line of text, `[measured] copy bandwidth: 12.3 GB/s`.

    Raises TypeError for a bare number and for anything else that does not say its origin; then
    nothing is shown.
    """
    say(*[line(text) for thing in readings for text in _marked(thing).splitlines()])


def reading_of(thing: Any) -> Reading:
    """A Reading as it is, the time of a Timing as a Reading. Raises TypeError for anything else."""
    reading = thing.time() if callable(getattr(thing, "time", None)) else thing
    if not isinstance(reading, Reading):
        raise TypeError(f"{_what(thing)} does not say its origin: {_REMEDY}")
    return reading


def _marked(thing):
    try:
        return str(reading_of(thing))
    except TypeError:
        text = str(thing)
        if not text or not all(line.startswith(_MARKS) for line in text.splitlines()):
            raise
        return text


def _what(thing):
    if isinstance(thing, numbers.Number):
        return f"a bare number, {thing},"
    return f"a {type(thing).__name__}"
