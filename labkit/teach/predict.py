"""`predict`: a guess before the answer shows, and how far off it was afterwards."""

import dataclasses
from typing import Any

from labkit.teach import store
from labkit.teach.amount import amount, in_words, scale
from labkit.teach.line import line, say
from labkit.teach.scale_bar import scale_bar
from labkit.teach.show import reading_of
from labkit.units import dimension, si

_CLOSE = 1.05  # a guess within this factor counts as right


@dataclasses.dataclass(frozen=True)
class Prediction:
    """A guess, to be held `against` a result.

    value, unit  the guess in base units, or None while there is none
    first        the first guess ever kept under this name, as (value, unit), or None
    """

    name: str
    value: float | None = None
    unit: str | None = None
    first: tuple[float, str] | None = None

    def __repr__(self):
        if self.value is None:
            return f"Prediction({self.name!r}, no guess yet)"
        return f"Prediction({self.name!r}, {si(self.value, self.unit)})"

    def _ipython_display_(self):
        """Show nothing at the end of a cell: `predict` has printed its line."""

    def against(self, result: Any) -> None:
        """Print `result`, a Reading or a Timing, and how far off the guess was, on one line.

        The line begins with the origin and the name of the result, whether there is a guess or not.
        Prints a sentence, and never raises, for a result that does not say its origin.
        """
        try:
            reading = reading_of(result)
        except TypeError as error:
            say(line(f"[error] {self.name}: {error}"))
        else:
            say(self._held_against(reading))

    def _held_against(self, reading):
        comparable = self.value is not None and dimension(self.unit) == dimension(reading.unit)
        bar = scale_bar(self.value, reading) if comparable else ""
        return line(f"{reading}; {self._distance(reading)}", below=bar)

    def _distance(self, reading):
        if self.value is None:
            return f"your guess is missing: write one in {self.name} and run on from there"
        guess = f"you guessed {si(self.value, self.unit)}"
        if self.first != (self.value, self.unit):
            guess += f" (at first {si(*self.first)})"
        if reading.value is None:
            return f"{guess}, and there is nothing to hold it against"
        if dimension(self.unit) != dimension(reading.unit):
            return f"{guess}, which is another unit than the result's: they cannot be compared"
        return f"{guess}, {_how_far(self.value, reading)}"


def predict(name: str, guess: Any, unit: str = "1") -> Prediction:
    """Take a guess before the answer shows, keep it, and return a Prediction to hold `against` it.

    guess  a number of `unit`; `...` while there is none
    unit   a prefix and a unit, such as `GB/s`, `ms`, `FLOP/B`, or `%`, or `1`

    Prints one line and never raises: `[todo]`, `[error]` for nonsense, which keeps nothing, or
    `[guess]`. The first guess of a name stays the first; a later one is kept beside it.
    """
    if not isinstance(name, str) or not name or ":" in name or "\n" in name:
        say(
            line(
                '[error] predict: the name comes first, as in lk.predict("00.a", my_guess, "GB/s")'
            )
        )
        return Prediction("predict")
    try:
        scale(unit)
        if guess is ... or guess is None:
            say(line(f"[todo] {name}: write your guess, {in_words(unit)}, in place of ..."))
            return Prediction(name)
        value, base = amount(guess, unit)
    except ValueError as error:
        say(line(f"[error] {name}: {error}"))
        return Prediction(name)
    first = store.keep_guess(name, value, base)
    remark = "" if first == (value, base) else f" (your first guess, {si(*first)}, is kept too)"
    say(line(f"[guess] {name}: {si(value, base)}{remark}"))
    return Prediction(name, value, base, first)


def _how_far(guess, reading):
    """`3.2 times too high`; by difference where there is no ratio."""
    value = reading.value
    if (
        reading.low is not None
        and reading.high is not None
        and reading.low <= guess <= reading.high
    ):
        return "inside the interval"
    if guess == value:
        return "exactly that"
    side = "high" if guess > value else "low"
    if guess == 0 or value <= 0:
        return f"too {side} by {si(abs(guess - value), reading.unit)}"
    factor = max(guess / value, value / guess)
    return "right within 5 %" if factor <= _CLOSE else f"{si(factor, '1', 2)} times too {side}"
