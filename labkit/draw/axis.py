"""One axis of a chart: its range, its ticks, and how its values are written."""

import dataclasses
import math
from collections.abc import Sequence

from labkit.units import binary, si

_STEPS = (1, 2, 5, 10)
_FEWEST_TICKS = 4  # fewer say too little of a scale
_LEAST_SPAN = 1e-290  # below it floats have no steps to take: such values are shown as 0


@dataclasses.dataclass(frozen=True)
class Axis:
    """An axis: `Axis("arithmetic intensity", "FLOP/B", log=True)`.

    unit    of the values, in base units; `1` for a ratio, `%` for a fraction, `GiB` for a capacity
            in bytes that is shown in binary units
    lo, hi  the range; left out, it is made to fit what is drawn (a linear axis then shows 0)
    names   makes the axis a row of named places, at 0, 1, 2, ...
    ordered whether these places follow one another, so that a line may join them

    Raises ValueError for an empty or infinite range, and for a log axis that should show 0 or less.
    """

    label: str
    unit: str = "1"
    lo: float | None = None
    hi: float | None = None
    log: bool = False
    names: Sequence[str] = ()
    ordered: bool = False

    def __post_init__(self):
        for value in (self.lo, self.hi):
            if value is not None:
                self._check(value)
        if self.lo is not None and self.hi is not None and not self.lo < self.hi:
            raise ValueError(
                f"The axis {self.label!r} would run from {self.lo:g} to {self.hi:g}: "
                f"its lower end must be below its upper end."
            )

    @property
    def title(self) -> str:
        """What stands beside the axis: `arithmetic intensity (FLOP/B)`."""
        return self.label if self.unit in ("1", "%", "GiB") else f"{self.label} ({self.unit})"

    def fit(self, values: Sequence[float]) -> "Axis":
        """This axis with both ends set, so that it shows `values`."""
        if self.names:
            return dataclasses.replace(self, lo=-0.5, hi=len(self.names) - 0.5)
        for value in values:
            self._check(value)
        if not values and (self.lo is None or self.hi is None):
            raise ValueError(
                f"The axis {self.label!r} has nothing to show: draw first, or set lo and hi."
            )
        lo, hi = self._decades(values) if self.log else self._round_range(values)
        return dataclasses.replace(
            self, lo=lo if self.lo is None else self.lo, hi=hi if self.hi is None else self.hi
        )

    def fraction(self, value: float) -> float:
        """Where on the axis a value lies: 0 at the lower end, 1 at the upper end."""
        if self.log:
            self._check(value)
            return math.log(value / self.lo) / math.log(self.hi / self.lo)
        return (value - self.lo) / (self.hi - self.lo)

    def ticks(self) -> list[float]:
        """The values that get a grid line and a text: at least four, but for named places."""
        if self.names:
            return list(range(len(self.names)))
        candidates = self._log_ticks() if self.log else self._linear_ticks(self.lo, self.hi)
        for ticks in candidates:
            if len(ticks) >= _FEWEST_TICKS:
                return ticks
        raise AssertionError("unreachable: the steps get ever finer")

    def text(self, value: float) -> str:
        """A value as a tick shows it: a short unit is repeated, a long one stands in the title."""
        if self.names:
            return self.names[value]
        if self.unit == "GiB":
            return binary(value)
        digits = self._digits()
        if self.unit == "%" or (len(self.unit) <= 2 and self.unit != "1"):
            return si(value, self.unit, digits)
        plain = abs(value) < (1e4 if self.unit == "1" else 1)  # 0.1 and 2000, but 20 k and 2 T
        return si(value, "1" if plain else "", digits)

    def _digits(self):
        """Enough digits to tell a tick from the next on a short axis far from 0."""
        if self.lo is None or self.hi is None:
            return 3
        far = max(abs(self.lo), abs(self.hi)) / (self.hi - self.lo)
        return max(3, math.ceil(math.log10(max(far, 1))) + 2)

    def _check(self, value):
        if not math.isfinite(value):
            raise ValueError(f"The axis {self.label!r} cannot show {value}: give finite numbers.")
        if self.log and value <= 0:
            raise ValueError(
                f"The axis {self.label!r} is logarithmic and cannot show {value:g} {self.unit}: "
                f"give values above 0, or a linear axis."
            )

    def _decades(self, values):
        lo = 10.0 ** math.floor(math.log10(min(values, default=self.lo)))
        hi = 10.0 ** math.ceil(math.log10(max(values, default=self.hi)))
        return lo, hi if hi > lo else 10 * lo

    def _round_range(self, values):
        lo, hi = min(0, *values, *self._ends()), max(0, *values, *self._ends())
        step = self._step(hi - lo if hi - lo > _LEAST_SPAN else 1)
        return step * math.floor(lo / step), step * math.ceil(hi / step) or step

    def _ends(self):
        return [end for end in (self.lo, self.hi) if end is not None]

    def _step(self, span):
        """The round step that makes about five of `span`; binary for capacities."""
        base = 1024 ** max(math.floor(math.log(span / 2, 1024)), 0) if self.unit == "GiB" else 1
        raw = span / base / 5
        decade = 10.0 ** math.floor(math.log10(raw))
        return base * next(decade * step for step in _STEPS if raw <= decade * step * (1 + 1e-9))

    def _log_ticks(self):
        """Sets of ticks, ever denser: whole decades, parts of decades, then even steps."""
        lo, hi = math.log10(self.lo), math.log10(self.hi)
        decades = range(math.floor(lo), math.floor(hi + 1e-9) + 1)
        every = math.ceil(len(decades) / 8)
        for leading in ((1,), (1, 3), (1, 2, 5)):
            ticks = [d * 10.0**power for power in decades if power % every == 0 for d in leading]
            yield [tick for tick in ticks if self._shows(tick)]
        yield from self._linear_ticks(self.lo, self.hi)

    def _linear_ticks(self, lo, hi):
        """Sets of ticks at round steps, ever denser."""
        for halvings in range(10):
            step = self._step((hi - lo) / 2**halvings)
            first, last = math.ceil(lo / step - 1e-9), math.floor(hi / step + 1e-9)
            yield [n * step for n in range(first, last + 1)]

    def _shows(self, tick):
        return self.lo * (1 - 1e-9) <= tick <= self.hi * (1 + 1e-9)
