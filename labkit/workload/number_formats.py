"""Number formats: how far they reach, how far apart their values lie, and how they round.

fp32, tf32, bf16 and fp16 have IEEE 754's rules with other widths. The fp8 formats are those of the
Open Compute Project (OFP8, 2023): e5m2 has infinities; e4m3 has none, and reaches 448 in return.
Rounding is that of NumPy and of `ml_dtypes`; tf32, which only exists inside tensor cores (NVIDIA,
A100 whitepaper: 8 bits of exponent, 10 of mantissa), is rounded here.
"""

import dataclasses
import functools
import math
import numbers
from typing import Any

_MOST_VALUES = 100_000


@dataclasses.dataclass(frozen=True)
class NumberFormat:
    """A format of `bits`; the sign takes one of them, exponent and mantissa the others.

    largest         the largest finite value
    exponent_bits   0 for an integer, whose values all lie 1 apart
    dtype           its name in NumPy or ml_dtypes, or None
    """

    name: str
    bits: int
    exponent_bits: int
    mantissa_bits: int
    largest: float
    dtype: str | None

    @property
    def is_integer(self) -> bool:
        return not self.exponent_bits

    @property
    def smallest_normal(self) -> float:
        """The smallest value with all bits of the mantissa; 1 for an integer."""
        return 1.0 if self.is_integer else 2.0 ** (2 - 2 ** (self.exponent_bits - 1))

    @property
    def smallest(self) -> float:
        """The smallest value above 0, with one bit left."""
        return 1.0 if self.is_integer else self.smallest_normal * 2.0**-self.mantissa_bits

    @property
    def relative_error(self) -> float:
        """The worst rounding error of a normal value, relative to it; None for an integer."""
        return None if self.is_integer else 2.0 ** -(self.mantissa_bits + 1)

    def spacing(self, x: float) -> float:
        """How far apart the values are at `x`, a number within the format's range."""
        if not isinstance(x, numbers.Real) or not abs(x) <= self.largest:
            raise ValueError(f"{self.name} reaches {self.largest:g}: it has no values at {x!r}.")
        if self.is_integer:
            return 1.0
        _, exponent = math.frexp(max(abs(x), self.smallest_normal))
        return 2.0 ** (exponent - 1 - self.mantissa_bits)

    def round(self, values: Any) -> Any:
        """The nearest values of the format, as float64; between two, the one with an even mantissa.

        values   a number or an array; what isn't an fp32 number is rounded to one first
        What is too large becomes infinite, NaN in e4m3, which has no infinity, and the largest or
        lowest value in an integer format. (Hardware often saturates fp8 too.)
        """
        import numpy as np

        with np.errstate(over="ignore", invalid="ignore"):
            values = np.asarray(values, np.float64).astype(np.float32)
            if self.is_integer:
                return np.clip(np.rint(values), -self.largest - 1, self.largest).astype(np.float64)
            if self.dtype is None:
                return _round_mantissa(values, 23 - self.mantissa_bits)
            return values.astype(_numpy_dtype(self.dtype)).astype(np.float64)

    def count_between(self, low: float, high: float) -> int:
        """How many values lie from `low` to `high`, both above 0."""
        return sum(last - first + 1 for _, first, last in self._runs(low, high))

    def values_between(self, low: float, high: float) -> Any:
        """The values from `low` to `high`, both above 0, in order: a list of floats.

        Raises ValueError where there are more than 100,000 of them.
        """
        n_values = self.count_between(low, high)
        if n_values > _MOST_VALUES:
            raise ValueError(
                f"{self.name} has {n_values:,} values from {low:g} to {high:g}: count_between "
                f"counts them, a list of them would be too long."
            )
        return [
            n * step for step, first, last in self._runs(low, high) for n in range(first, last + 1)
        ]

    def _runs(self, low, high):
        """(spacing, first, last) of each stretch of evenly spaced values, in multiples of it."""
        if not 0 < low <= high < math.inf:
            raise ValueError(f"Give two numbers above 0, the lower first, got {low!r}, {high!r}.")
        high = min(high, self.largest)
        while low <= high:
            step = self.spacing(low)
            end = math.inf if self.is_integer else 2 ** (self.mantissa_bits + 1) * step
            last = math.floor(high / step) if high < end else round(end / step) - 1
            first = math.ceil(low / step)
            if first <= last:
                yield step, first, last
            low = end


def number_format(name: str) -> "NumberFormat":
    """The format called `fp32`, `tf32`, `bf16`, `fp16`, `fp8_e4m3`, `fp8_e5m2`, `int8` or `int4`.

    Raises ValueError, a sentence with the known ones, for another name.
    """
    for known in number_formats():
        if known.name == name:
            return known
    names = ", ".join(known.name for known in number_formats())
    raise ValueError(f"There is no number format {name!r} here. There are: {names}.")


@functools.cache
def number_formats() -> list["NumberFormat"]:
    """All formats, from the widest to the narrowest, as a tuple."""
    return (
        _ieee("fp32", 32, 8, 23, "float32"),
        _ieee("tf32", 19, 8, 10, None),
        _ieee("bf16", 16, 8, 7, "bfloat16"),
        _ieee("fp16", 16, 5, 10, "float16"),
        _ieee("fp8_e5m2", 8, 5, 2, "float8_e5m2"),
        NumberFormat("fp8_e4m3", 8, 4, 3, 448.0, "float8_e4m3fn"),
        NumberFormat("int8", 8, 0, 7, 127.0, "int8"),
        NumberFormat("int4", 4, 0, 3, 7.0, "int4"),
    )


def _ieee(name, bits, exponent_bits, mantissa_bits, dtype):
    """A format whose highest exponent is kept for infinities and NaN."""
    largest = (2 - 2.0**-mantissa_bits) * 2.0 ** (2 ** (exponent_bits - 1) - 1)
    return NumberFormat(name, bits, exponent_bits, mantissa_bits, largest, dtype)


def _numpy_dtype(name):
    import ml_dtypes
    import numpy as np

    return np.dtype(getattr(ml_dtypes, name, name))


def _round_mantissa(values, n_dropped):
    """float32 values without the lowest bits of their mantissas, rounded to even, as float64."""
    import numpy as np

    bits = values.view(np.uint32)
    half = np.uint32(2 ** (n_dropped - 1) - 1)
    is_odd = (bits >> np.uint32(n_dropped)) & np.uint32(1)
    kept = (bits + half + is_odd) >> np.uint32(n_dropped) << np.uint32(n_dropped)
    rounded = np.where(np.isfinite(values), kept.view(np.float32), values)
    return rounded.astype(np.float64)
