"""`Reading`: a number that remembers its unit and where it came from.

One rule holds for every number that is computed from others. **It is modelled, unless all the
readings in it were measured in the same run and it is only a ratio or a sum of them: then it is
measured.** Plain numbers (how many bytes were moved, how often something ran) are counts, not
readings, and change nothing. Readings keep the rule by themselves:

    >>> copy = Reading("copy", 2e-3, "s", "measured")
    >>> triad = Reading("triad", 3e-3, "s", "measured")
    >>> peak = Reading("peak", 1e12, "B/s", "published", source="data sheet")
    >>> triad / copy
    [measured] triad over copy: 1.5
    >>> moved = Reading("bytes moved", 5e8, "B", "modelled")
    >>> (moved / copy / peak).named("share of the peak", "%")
    [modelled] share of the peak: 25 % (from measured, modelled and published)

What no operator can say, such as a fit, names its inputs: `Reading(..., of=(copy, triad))`.
"""

import dataclasses
import enum
import itertools
import math
import operator
from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar

from labkit.units import binary, dimension, product, quotient, si


class Origin(enum.StrEnum):
    """Where a number comes from. Every number that a student sees has one of these."""

    MEASURED = "measured"  # here, now, in this run
    RECORDED = "recorded"  # on a named machine, dated
    SIMULATED = "simulated"  # counted by an executor
    MODELLED = "modelled"  # a formula
    PUBLISHED = "published"  # quoted from a source


class NotListedError(KeyError):
    """A KeyError whose message is a sentence; a plain one would show its repr."""

    def __str__(self):
        return self.args[0]


_NEEDS_SOURCE = (Origin.RECORDED, Origin.PUBLISHED)
_MAY_BE_NEGATIVE = ("1", "%", "°C")
# Without an interval nobody knows how far these are off; a figure that is quoted or counted is
# taken as it stands.
_UNSURE = (Origin.MEASURED, Origin.RECORDED)


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """One figure: `Reading("bandwidth", 4.8e12, "B/s", Origin.PUBLISHED, source="data sheet")`.

    value   float in base units, or None when it is unknown (then `note` says why)
    unit    `B/s`, `FLOP/s`, `s`, `J`, `W`, ...; `1` for a ratio, `%` for a fraction, `GiB` for a
            capacity in bytes that is shown in binary units
    origin  an Origin or its name; left out where `of` says what the value was computed from
    source  where it was read (published) or which machine, when (recorded): needed for those two
    low, high   a 95 % interval, in the same unit
    of      what the value was computed from: Readings, other things that have an `origin` (a
            Timing, a published result) or names of origins. The reading is then `modelled`

    `a / b`, `a + b`, `a - b` and `a * b` are readings too, whose unit, origin and interval follow
    from those of `a` and `b`. The interval goes from the worst case to the best, so for
    independent errors it is wider than it need be.

    Raises ValueError for a missing unit or source, a negative amount, a value outside of its
    interval, a colon in the name, and an origin that the rule above does not allow.
    """

    name: str
    value: float | None
    unit: str
    origin: Origin | str | None = None
    source: str | None = None
    note: str | None = None
    low: float | None = None
    high: float | None = None
    of: Any = ()

    __array_ufunc__: ClassVar[None] = None  # so that a NumPy number leaves `number * reading` to us

    def __post_init__(self):
        object.__setattr__(self, "of", _origins(self.name, self.of))
        object.__setattr__(self, "origin", _origin(self.name, self.origin, self.of))
        if not isinstance(self.name, str) or not self.name or ":" in self.name or "\n" in self.name:
            raise ValueError(
                f"The name of a reading is one line without a colon, got {self.name!r}: the colon "
                f"parts the name from the figure."
            )
        if not self.unit:
            raise ValueError(
                f"{self.name} has no unit. Give one, such as 'B/s'; a ratio has the unit '1'."
            )
        if self.value is not None:
            may_be_negative = self.of or self.unit in _MAY_BE_NEGATIVE  # a difference, for one
            _refuse_nonsense(self.name, self.value, self.unit, may_be_negative)
        _refuse_outside(self.name, self.low, self.value, self.high)
        if self.origin in _NEEDS_SOURCE and not self.source:
            raise ValueError(
                f"{self.name} is {self.origin} but names no source. Say where it was read, or on "
                f"which machine and when it was recorded."
            )

    def __str__(self):
        return f"[{self.origin}] {self.name}: {self.figure}"

    __repr__ = __str__

    @property
    def origins(self) -> tuple[Origin, ...]:
        """The origins of what the value was computed from; its own where nothing was computed."""
        return self.of or (Origin(str(self.origin)),)

    @property
    def varies(self) -> bool:
        """Does the value differ from run to run, because something in it was measured?"""
        return Origin.MEASURED in self.origins

    @property
    def figure(self) -> str:
        """The figure as a person reads it, without its name: `4.8 TB/s (H200 data sheet)`."""
        text = self.as_text(self.value)
        if self.low is not None and self.high is not None:
            text += f" (95 % interval {self.as_text(self.low)} to {self.as_text(self.high)})"
        return f"{text} ({self.remarks})" if self.remarks else text

    @property
    def remarks(self) -> str:
        """The source, what the value was computed from and the note, as far as there are any."""
        computed = f"from {_listed(self.of)}" if self.of else ""
        return "; ".join(remark for remark in (self.source, computed, self.note) if remark)

    def as_text(self, value: float | None) -> str:
        """A value in the unit of this reading, as a person reads it."""
        return binary(value) if self.unit == "GiB" else si(value, self.unit)

    def named(self, name: str, unit: str | None = None, note: str | None = None) -> "Reading":
        """This reading under another name: `(a / b).named("share of the time", "%")`.

        unit  another way to write the same: `%` for `1`, `GiB` for `B`, or back
        """
        unit = unit or self.unit
        if dimension(unit) != dimension(self.unit):
            raise ValueError(f"{name} is in {self.unit}, which cannot be written in {unit}.")
        return dataclasses.replace(self, name=name, unit=unit, note=note or self.note)

    def __truediv__(self, other: "Reading | float") -> "Reading":
        return _derived(operator.truediv, self, other, quotient, "{} over {}", stays_measured=True)

    def __rtruediv__(self, other: float) -> "Reading":
        return _derived(operator.truediv, other, self, quotient, "{} over {}", stays_measured=True)

    def __mul__(self, other: "Reading | float") -> "Reading":
        counted = _is_number(other)  # so many times a reading is a sum of it
        return _derived(operator.mul, self, other, product, "{} times {}", stays_measured=counted)

    __rmul__ = __mul__

    def __add__(self, other: "Reading | float") -> "Reading":
        if _is_number(other) and other == 0:  # `sum` begins with 0
            return self
        return _derived(operator.add, self, other, _same_unit, "{} and {}", stays_measured=True)

    __radd__ = __add__

    def __sub__(self, other: "Reading | float") -> "Reading":
        return _derived(operator.sub, self, other, _same_unit, "{} less {}", stays_measured=False)


def _derived(
    operation: Callable, left: Any, right: Any, unit: Callable, name: str, stays_measured: bool
):
    """`operation(left, right)` as a Reading: its unit, origin and interval follow from both."""
    pair = (left, right)
    readings = [operand for operand in pair if isinstance(operand, Reading)]
    if not all(isinstance(operand, Reading) or _is_number(operand) for operand in pair):
        return NotImplemented
    measured = stays_measured and all(r.origin is Origin.MEASURED for r in readings)
    value, note = _value(operation, pair)
    low, high = _interval(operation, pair) if value is not None else (None, None)
    return Reading(
        name.format(*(r.name for r in readings)) if len(readings) == 2 else readings[0].name,
        value,
        unit(*(operand.unit if isinstance(operand, Reading) else "1" for operand in pair)),
        Origin.MEASURED if measured else Origin.MODELLED,
        note=note,
        low=low,
        high=high,
        of=() if measured else readings,
    )


def _value(operation, pair):
    """The value of an operation; where there is none, None and why."""
    for operand in pair:
        if isinstance(operand, Reading) and operand.value is None:
            return None, f"{operand.name} is unknown"
    try:
        return operation(*(x.value if isinstance(x, Reading) else x for x in pair)), None
    except ZeroDivisionError:
        return None, "nothing can be divided by zero"


def _interval(operation, pair):
    """The least and the greatest result that both intervals allow; (None, None) for no interval."""
    ends = [_ends(operand) for operand in pair]
    dividing_by_zero = operation is operator.truediv and ends[1] and ends[1][0] <= 0 <= ends[1][-1]
    if None in ends or dividing_by_zero or all(len(end) == 1 for end in ends):
        return None, None
    results = [operation(*corner) for corner in itertools.product(*ends)]
    return min(results), max(results)


def _ends(operand):
    """The ends of an operand's interval; its value alone where it is exact; None if unsure."""
    if not isinstance(operand, Reading):
        return (operand,)
    if operand.low is not None and operand.high is not None:
        return operand.low, operand.high
    return None if any(origin in _UNSURE for origin in operand.origins) else (operand.value,)


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _same_unit(left, right):
    if dimension(left) != dimension(right):
        raise ValueError(
            f"An amount in {left} and one in {right} cannot be added or subtracted: bring both to "
            f"one unit, and give a plain number a unit by making it a reading."
        )
    return left if left == right else dimension(left)


def _origins(name, of):
    """The origins of all inputs, each once, in the order of Origin."""
    things = of if isinstance(of, (tuple, list)) else (of,)
    found = set()
    for thing in things:
        if isinstance(thing, Reading):
            found.update(thing.origins)
        else:
            found.add(_known(name, getattr(thing, "origin", thing)))
    return tuple(origin for origin in Origin if origin in found)


def _listed(words):
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _origin(name, origin, of):
    if origin is None and of:
        return Origin.MODELLED
    if origin is None:
        raise ValueError(
            f"{name} does not say its origin. Use one of: {', '.join(Origin)}; or, for a result "
            f"computed from readings, of=(those readings)."
        )
    origin = _known(name, origin)
    if of and origin is not Origin.MODELLED:
        raise ValueError(
            f"{name} was computed from others, so it is modelled and not {origin}. Only a ratio or "
            f"a sum of readings that were all measured in this run is measured: write it as one, "
            f"a / b or a + b."
        )
    return origin


def _known(name, origin):
    try:
        return Origin(origin)
    except ValueError:
        known = ", ".join(Origin)
        raise ValueError(f"{origin!r} isn't an origin for {name}. Use one of: {known}.") from None


def _refuse_outside(name, low, value, high):
    if None not in (low, value, high) and not low <= value <= high:
        raise ValueError(
            f"{name} lies outside of its own interval: {value!r} is not in {low!r} to {high!r}."
        )


def _refuse_nonsense(name, value, unit, may_be_negative):
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        try:
            value = float(value)  # a NumPy scalar
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be a number or None, got {value!r}.") from None
    if math.isnan(value):
        raise ValueError(
            f"{name} is not a number. Use None, and a note that says why it is unknown."
        )
    if value < 0 and not may_be_negative:
        raise ValueError(f"{name} is {value:g} {unit}: an amount in {unit} cannot be negative.")
