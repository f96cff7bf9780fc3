"""The controls of an `Explorer`: sliders for numbers, a list for choices."""

import dataclasses
import math

from labkit.units import binary, si

# Parts of names that are written in their own way.
_WRITTEN = {
    "usd": "USD", "kwh": "kWh", "wh": "Wh", "w": "W", "j": "J", "s": "s", "pue": "PUE",
    "gib": "GiB", "kib": "KiB", "bytes": "bytes", "flop": "FLOP", "years": "years", "cpu": "CPU",
    "gpu": "GPU",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Slider:
    """A slider: `Slider(1e12, 1e15, 1e14, unit="FLOP/s", log=True, label="peak")`.

    lo, hi, start  in base units; if all three are whole numbers, the slider gives whole numbers
    unit           written with an SI prefix behind the value; `GiB` for a capacity in bytes
    log            equal ways multiply by equal factors: for ranges of more than a decade
    label          what stands beside it; the name of the argument when left out

    Raises ValueError for an empty range, a start outside it, or a log slider that reaches 0.
    """

    lo: float
    hi: float
    start: float
    unit: str = "1"
    log: bool = False
    label: str = ""

    def __post_init__(self):
        span = f"from {self.lo} to {self.hi}, starting at {self.start}"
        if not all(_is_number(value) for value in (self.lo, self.hi, self.start)):
            raise ValueError(f"A slider runs between finite numbers, got {span}.")
        if not (self.lo < self.hi and self.lo <= self.start <= self.hi):
            raise ValueError(f"A slider needs lowest < highest, and a start between: got {span}.")
        if self.log and self.lo <= 0:
            raise ValueError(f"A logarithmic slider must stay above 0: got {span}.")

    @property
    def whole(self) -> bool:
        """Whether the slider gives whole numbers."""
        return all(isinstance(value, int) for value in (self.lo, self.hi, self.start))

    def check(self, name: str, value: object) -> object:
        """`value` as the slider gives it, int or float, or ValueError with a sentence."""
        if not _is_number(value) or not self.lo <= value <= self.hi:
            raise ValueError(
                f"{name} = {value!r} is outside its slider: give a number from "
                f"{self.text(self.lo)} to {self.text(self.hi)}."
            )
        if self.whole and value != int(value):
            raise ValueError(f"{name} = {value!r} isn't a whole number, which its slider needs.")
        return int(value) if self.whole else float(value)

    def text(self, value: object) -> str:
        """The value as a person reads it."""
        if self.unit == "GiB":
            return binary(value)
        return _as_count(value) if self.whole and self.unit == "1" else si(value, self.unit)

    def describe(self, name: str) -> dict:
        """What the browser has to know."""
        return {"name": name, **dataclasses.asdict(self), "label": self.label or in_words(name),
                "whole": self.whole}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of several: in an Explorer, a list such as `["fp32", "bf16"]`; the first is the start."""

    options: tuple

    @property
    def start(self) -> object:
        return self.options[0]

    def check(self, name: str, value: object) -> object:
        """`value` if it is one of the options, or ValueError with a sentence."""
        if value not in self.options:
            known = ", ".join(repr(option) for option in self.options)
            raise ValueError(f"{name} = {value!r} isn't a choice here: use one of {known}.")
        return value

    def text(self, value: object) -> str:
        """The option as a person reads it."""
        return _as_count(value)

    def describe(self, name: str) -> dict:
        """What the browser has to know."""
        return {"name": name, "label": in_words(name), "options": list(self.options),
                "written": [self.text(option) for option in self.options]}  # fmt: skip


def control(name: str, spec: "Slider | tuple | list") -> "Slider | Choice":
    """The control that an argument of `Explorer` asks for.

    spec  a Slider, a tuple (lowest, highest, start), or a list of choices. Raises ValueError with
          a sentence for anything else.
    """
    if isinstance(spec, Slider):
        return spec
    if isinstance(spec, list) and spec:
        return Choice(tuple(spec))
    if isinstance(spec, tuple) and len(spec) == 3:
        return Slider(*spec)
    raise ValueError(
        f"{name} = {spec!r} makes no control. Give (lowest, highest, start), a Slider, or a list "
        f"of choices."
    )


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _as_count(value):
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return f"{value:,}" if is_count else str(value)


def in_words(name: str) -> str:
    """The name of an argument as a label: `usd_per_kwh` is `USD per kWh`, `power_w` `power (W)`."""
    *words, last = [_WRITTEN.get(word, word) for word in name.split("_")]
    if words and last in _WRITTEN.values() and "per" not in words:
        return f"{' '.join(words)} ({last})"
    return " ".join([*words, last])
