"""`Reading`: a number that remembers its unit and where it came from."""

import dataclasses
import enum
import math

from labkit.units import binary, si


class Origin(enum.StrEnum):
    """Where a number comes from. Every number that a student sees has one of these."""

    MEASURED = "measured"  # here, now
    RECORDED = "recorded"  # on a named machine, dated
    SIMULATED = "simulated"  # counted by an executor
    MODELLED = "modelled"  # a formula
    PUBLISHED = "published"  # quoted from a source


class NotListedError(KeyError):
    """A KeyError whose message is a sentence; a plain one would show its repr."""

    def __str__(self):
        return self.args[0]


_NEEDS_SOURCE = (Origin.RECORDED, Origin.PUBLISHED)


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """One figure: `Reading("bandwidth", 4.8e12, "B/s", Origin.PUBLISHED, source="data sheet")`.

    value   float in base units, or None when it is unknown (then `note` says why)
    unit    `B/s`, `FLOP/s`, `s`, `J`, `W`, ...; `1` for a ratio, `%` for a fraction, `GiB` for a
            capacity in bytes that is shown in binary units
    source  where it was read (published) or which machine, when (recorded): needed for those two
    low, high   a 95 % interval, in the same unit

    Raises ValueError for a missing unit or source, a negative amount, a colon in the name.
    """

    name: str
    value: float | None
    unit: str
    origin: Origin
    source: str | None = None
    note: str | None = None
    low: float | None = None
    high: float | None = None

    def __post_init__(self):
        object.__setattr__(self, "origin", _origin(self.name, self.origin))
        if not self.name or ":" in self.name or "\n" in self.name:
            raise ValueError(
                f"The name of a reading is one line without a colon, got {self.name!r}: the colon "
                f"parts the name from the figure."
            )
        if not self.unit:
            raise ValueError(
                f"{self.name} has no unit. Give one, such as 'B/s'; a ratio has the unit '1'."
            )
        if self.value is not None:
            _refuse_nonsense(self.name, self.value, self.unit)
        if self.origin in _NEEDS_SOURCE and not self.source:
            raise ValueError(
                f"{self.name} is {self.origin} but names no source. Say where it was read, or on "
                f"which machine and when it was recorded."
            )

    def __str__(self):
        return f"[{self.origin}] {self.name}: {self.figure}"

    __repr__ = __str__

    @property
    def figure(self):
        """The figure as a person reads it, without its name: `4.8 TB/s (H200 data sheet)`."""
        text = self.show(self.value)
        if self.low is not None and self.high is not None:
            text += f" (95 % interval {self.show(self.low)} to {self.show(self.high)})"
        remarks = "; ".join(remark for remark in (self.source, self.note) if remark)
        return f"{text} ({remarks})" if remarks else text

    def show(self, value: float | None) -> str:
        """A value in the unit of this reading, as a person reads it."""
        return binary(value) if self.unit == "GiB" else si(value, self.unit)


def _origin(name, origin):
    try:
        return Origin(origin)
    except ValueError:
        known = ", ".join(Origin)
        raise ValueError(f"{origin!r} is no origin for {name}. Use one of: {known}.") from None


def _refuse_nonsense(name, value, unit):
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        try:
            value = float(value)  # a NumPy scalar
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be a number or None, got {value!r}.") from None
    if math.isnan(value):
        raise ValueError(
            f"{name} is not a number. Use None, and a note that says why it is unknown."
        )
    if value < 0 and unit not in ("1", "%", "°C"):
        raise ValueError(f"{name} is {value:g} {unit}: an amount in {unit} cannot be negative.")
