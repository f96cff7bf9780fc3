"""`Timing` and `Comparison`: what `bench` and `compare` found."""

import dataclasses
import math
from numbers import Real
from typing import ClassVar

from labkit.hardware.asynchronous import NAMELESS
from labkit.measure.statistics import median, median_interval, paired_ratio, quantile, ratio
from labkit.reading import Origin, Reading
from labkit.units import counted, si

TOO_SHORT = "shorter than the clock can tell"


@dataclasses.dataclass(frozen=True, slots=True)
class Timing:
    """How long one call takes, in seconds; a sample is the mean over a block of `block_size` calls.

    samples_s      all samples, in the order they were taken, `overhead_s` already subtracted
    first_call_s   the first call, apart: it may compile, load or allocate
    warmup_s       calls that were made and thrown away before the first sample
    overhead_s     what the loop and the clock cost for each call
    clock          "perf_counter_ns", "block_until_ready" (the host's clock, each result waited for)
                   or "cuda_event"
    flags          any of "noisy", "drift", "below_resolution", "few_samples", "throttled"
    """

    name: str
    samples_s: tuple[float, ...]
    block_size: int
    device: str
    clock: str
    first_call_s: float
    warmup_s: float
    overhead_s: float
    flags: tuple[str, ...] = ()

    origin: ClassVar[Origin] = Origin.MEASURED

    @property
    def median_s(self) -> float:
        """The median of the samples, in s."""
        return median(self.samples_s)

    @property
    def ci95_s(self) -> tuple[float, float] | None:
        """The 95 % order-statistic interval (low, high) of the median; None below 6 samples."""
        return median_interval(self.samples_s)

    @property
    def iqr_s(self) -> float | None:
        """The interquartile range; None below 4 samples."""
        if len(self.samples_s) < 4:
            return None
        return quantile(self.samples_s, 0.75) - quantile(self.samples_s, 0.25)

    @property
    def min_s(self) -> float:
        """The fastest sample, in s."""
        return min(self.samples_s)

    def time(self, name: str | None = None) -> Reading:
        """The median time of one call as a Reading in s, with its 95 % interval."""
        low_s, high_s = self.ci95_s or (None, None)
        # What the empty loop costs varies, so a sample may be below 0; a time isn't.
        low_s = None if low_s is None else max(low_s, 0.0)
        return self._reading(name, self.median_s, "s", low_s, high_s)

    def bytes_per_s(self, n_bytes: float, name: str | None = None) -> Reading:
        """The bandwidth of a call that moves `n_bytes`, as a Reading in B/s."""
        return self._rate(name, n_bytes, "B/s")

    def flop_per_s(self, n_flop: float, name: str | None = None) -> Reading:
        """The rate of a call that does `n_flop` operations, as a Reading in FLOP/s."""
        return self._rate(name, n_flop, "FLOP/s")

    def __repr__(self):
        return str(self.time())

    def _rate(self, name, amount, unit):
        if not (isinstance(amount, Real) and 0 <= amount < math.inf):
            raise ValueError(
                f"{amount!r} isn't an amount of work: give the {unit.removesuffix('/s')} of one "
                f"call of {self.name} as a number."
            )
        slowest_s, fastest_s = reversed(self.ci95_s or (0, 0))
        rate, low, high = (
            amount / time_s if time_s > 0 else None
            for time_s in (self.median_s, slowest_s, fastest_s)
        )
        return self._reading(name, rate, unit, low, high)

    def _reading(self, name, value, unit, low, high):
        note = "; ".join([_samples_in_words(self), *map(in_words, self.flags)])
        if self.median_s <= 0:  # the empty loop took as long
            value, low, high, note = None, None, None, f"{TOO_SHORT}; {note}"
        return Reading(name or self.name, value, unit, Origin.MEASURED, None, note, low, high)


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """How long `a` takes against `b`.

    a, b        their Timings
    paired      the samples were taken in turns, so the i-th of `a` belongs to the i-th of `b`
    tolerance   a difference below this fraction counts as none
    """

    a: Timing
    b: Timing
    paired: bool
    tolerance: float

    origin: ClassVar[Origin] = Origin.MEASURED

    @property
    def ratio(self) -> float | None:
        """Time of `a` over time of `b`: the median over the pairs; unpaired, median over median.

        None if a sample of either is shorter than the clock can tell.
        """
        return self._ratio()[0]

    @property
    def ci95_ratio(self) -> tuple[float, float] | None:
        """The interval (low, high) that holds the true ratio in at least 95 % of comparisons.

        Order statistics of the pairs' ratios: exact whatever the noise, and blind to a drift that
        both share. Unpaired, from the intervals of both medians: at least as sure, but wider, and
        it cannot know what changed between the two runs. None below 6 samples (7 unpaired), and
        where the ratio is unknown.
        """
        return self._ratio()[1]

    @property
    def verdict(self) -> str:
        """SAME, FAST (`a` takes less time), SLOW (`a` takes more) or AMBIGUOUS."""
        if not self.ci95_ratio:
            return "AMBIGUOUS"
        low, high = self.ci95_ratio
        if 1 - self.tolerance <= low and high <= 1 + self.tolerance:
            return "SAME"
        if low <= 1 <= high:
            return "AMBIGUOUS"
        return "FAST" if high < 1 else "SLOW"

    def time_ratio(self, name: str | None = None) -> Reading:
        """The ratio as a Reading, with its 95 % interval."""
        low, high = self.ci95_ratio or (None, None)
        named = (self.a.name, self.b.name)
        first, second = ("the first", "the second") if NAMELESS in named else named
        name, note = name or f"time of {first} over {second}", "; ".join(self._remarks())
        return Reading(name, self.ratio, "1", Origin.MEASURED, None, note, low, high)

    def __repr__(self):
        # Four digits: 1.004 is not 1.
        interval = "no interval"
        if self.ci95_ratio:
            interval = "95 % interval {} to {}".format(*(si(x, "1", 4) for x in self.ci95_ratio))
        name = self.time_ratio().name
        remarks = "; ".join([self.verdict, *self._remarks()])
        return f"[measured] {name}: {si(self.ratio, '1', 4)} ({interval}) ({remarks})"

    def _ratio(self):
        return (paired_ratio if self.paired else ratio)(self.a.samples_s, self.b.samples_s)

    def _remarks(self):
        flags = dict.fromkeys([*self.a.flags, *self.b.flags])
        samples = f"{len(self.a.samples_s)} pairs" if self.paired else _samples_in_words(self.a)
        too_short = [TOO_SHORT] if self.ratio is None else []
        return [*too_short, samples, *map(in_words, flags)]


def in_words(flag: str) -> str:
    """A flag as a reader sees it: `few samples`."""
    return flag.replace("_", " ")


def _samples_in_words(timing):
    n, size = len(timing.samples_s), timing.block_size
    samples = counted(n, "sample")
    return samples if size == 1 else f"{samples} of {size:,} calls"
