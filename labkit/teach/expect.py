"""`expect`: after a measurement, the sentence that is true on this machine."""

import math
from numbers import Real
from typing import Any, NamedTuple

from labkit.reading import Origin, Reading
from labkit.results import Recorded
from labkit.results import recorded as find_recorded
from labkit.teach.line import Line, line, say
from labkit.teach.show import reading_of


class Outcome(str):
    """Which sentence `expect` showed; it equals the plain text, so `found == "inside"` works.

    `below`, `inside` or `above` when the whole interval lies there, `straddles` when a bound lies
    inside the interval, `unknown` without a value, `cannot` when this machine can't show it.
    """

    __slots__ = ()

    def _ipython_display_(self):
        """Show nothing at the end of a cell: `expect` has shown its line."""


class _Range(NamedTuple):
    """Where the expected values lie, in the base unit of the reading."""

    low: float
    high: float


def expect(
    reading: Any,
    low: float | None,
    high: float | None,
    *,
    below: str = "",
    inside: str = "",
    above: str = "",
    cannot: Any = None,
    control: Any = None,
    recorded: str | Recorded | Reading | None = None,
) -> Outcome:
    """Show the sentence that is true for `reading` on this machine, and return which it is.

    reading    a Reading, or what has one (a Timing, a Comparison); None for one that there is not
    low, high  what is expected lies between, in the base unit of the reading; None isn't a bound
    below, inside, above   the sentence for a reading whose *whole* interval lies there. When a
               bound lies inside the interval, the line says so with both numbers instead
    cannot     `condition and "why"`: why this machine can't show the effect. A condition that is
               false is no reason
    control    the same measurement of the same code against itself, a ratio that should be 1: an
               interval wider than the effect, which is the distance from 1 to the nearer bound, is
               a reason why this machine can't show it
    recorded   the run to show beside the sentence wherever the reading is not `inside`: the key of
               `lk.recorded(...)`, or a Reading from one

    Shows one line that begins with `[here]`. A measured reading without an interval is judged by
    its value, and the line says so. Raises TypeError for a bare number and for a reason that isn't
    a text, ValueError for bounds that aren't a range, KeyError for a recorded run that nobody kept.
    """
    expected, beside = _range(low, high), _beside(recorded)
    why = _why_not(cannot, control, expected)
    reading = None if reading is None else _reading(reading)
    outcome = "cannot" if why else _outcome(reading, expected)
    said = {"below": below, "inside": inside, "above": above}.get(outcome)
    text = said or _in_words(outcome, reading, expected, why)
    if said and reading.low is None and reading.origin is Origin.MEASURED:
        text += " (Judged by one value without an interval.)"
    say(_line(text, None if outcome == "inside" else beside))
    return Outcome(outcome)


def _line(text, beside):
    shown = line(f"[here] {text}")
    if beside is None:
        return shown
    shown = line(shown.text, below=line(str(beside).partition("\n")[0]).html)
    name, figure = (
        (beside.title, f"{len(beside.rows)} rows ({beside.source})")
        if isinstance(beside, Recorded)
        else (beside.name, beside.figure)
    )
    return Line(f"{shown.text} Recorded: {name}: {figure}", shown.html)


def _reading(thing):
    ratio = getattr(thing, "time_ratio", None)  # a Comparison
    return reading_of(ratio() if callable(ratio) else thing)


def _range(low, high):
    low, high = -math.inf if low is None else low, math.inf if high is None else high
    if not (isinstance(low, Real) and isinstance(high, Real)):
        raise TypeError(f"Bounds are numbers in the unit of the reading, got {low!r} and {high!r}.")
    if not low <= high:
        raise ValueError(f"The expected range runs from {low} to {high}: write the lower end first")
    return _Range(low, high)


def _outcome(reading, expected):
    if reading is None or reading.value is None:
        return "unknown"
    low = reading.value if reading.low is None else reading.low
    high = reading.value if reading.high is None else reading.high
    if high < expected.low:
        return "below"
    if low > expected.high:
        return "above"
    if expected.low <= low and high <= expected.high:
        return "inside"
    return "straddles"


def _why_not(cannot, control, expected):
    """Why this machine cannot show the effect, as a sentence; empty when it can."""
    if cannot is not None and not isinstance(cannot, str) and cannot:
        raise TypeError(f'{cannot!r} says no reason: write cannot=condition and "why"')
    if cannot:
        return str(cannot)
    if control is None:
        return ""
    control = _reading(control)
    if control.low is None or control.high is None:
        return f"The control, {control.name}, has no interval, so nobody knows how noisy this is."
    effect = min(abs(bound - 1) for bound in expected)
    if control.high - control.low > effect:
        return (
            f"The same code against itself gave {control.as_text(control.low)} to "
            f"{control.as_text(control.high)}, which is further apart than the effect."
        )
    return ""


def _in_words(outcome, reading, expected, why):
    """The sentence where the lesson has none of its own."""
    if outcome == "cannot":
        return f"This machine can't show it. {why}"
    if outcome == "unknown":
        if reading is None:
            return "There is no measurement here, so there is nothing to compare."
        reason = f" ({reading.note})" if reading.note else ""
        return f"{reading.name} is unknown here{reason}, so there is nothing to compare."
    if outcome == "straddles":
        inside = [b for b in expected if reading.low <= b <= reading.high]
        bounds = " and ".join(map(reading.as_text, inside))
        return (
            f"{reading.name} lies between {reading.as_text(reading.low)} and "
            f"{reading.as_text(reading.high)}, on both sides of {bounds}: this run can't decide."
        )
    if outcome == "inside":
        return f"{reading.name} is as expected: {_bounds(reading, expected)}."
    return f"{reading.name} is {outcome} what is expected: {_bounds(reading, expected)}."


def _bounds(reading, expected):
    if math.isinf(expected.low):
        return f"at most {reading.as_text(expected.high)}"
    if math.isinf(expected.high):
        return f"at least {reading.as_text(expected.low)}"
    return f"{reading.as_text(expected.low)} to {reading.as_text(expected.high)}"


def _beside(recorded):
    """The recorded run; raises KeyError for one that there is not."""
    if isinstance(recorded, str):
        return find_recorded(recorded)
    if isinstance(recorded, Reading) and recorded.varies:
        raise ValueError(f"{recorded.name} was measured here: give a recorded reading instead.")
    return recorded
