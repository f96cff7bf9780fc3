"""`Work`: how much a kernel computes and how much it moves."""

import dataclasses
import math
import numbers
import operator
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """Flop and bytes of memory traffic. Add works that follow each other, multiply by a count.

    A fused multiply-add is 2 flop. Raises ValueError for an amount that isn't a number from 0.
    """

    flop: float
    read_bytes: float
    write_bytes: float

    def __post_init__(self):
        for field in dataclasses.fields(self):
            amount = getattr(self, field.name)
            if not isinstance(amount, numbers.Real) or not 0 <= amount < math.inf:
                raise ValueError(f"{field.name} of a Work must be a number from 0, got {amount!r}.")

    @property
    def bytes(self) -> float:
        """Bytes read and written."""
        return self.read_bytes + self.write_bytes

    @property
    def intensity_flop_per_byte(self) -> float:
        """Arithmetic intensity in FLOP/B; infinite for work that touches no memory, 0 for none."""
        if self.bytes:
            return self.flop / self.bytes
        return math.inf if self.flop else 0.0

    def __add__(self, other):
        if not isinstance(other, Work):
            return NotImplemented
        pairs = zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)
        return Work(*map(sum, pairs))

    def __mul__(self, n_times):
        if not isinstance(n_times, numbers.Real):
            return NotImplemented
        return Work(*(amount * n_times for amount in dataclasses.astuple(self)))

    __rmul__ = __mul__


def counts(**sizes: float) -> Any:
    """The sizes as integers, in their order.

    Raises ValueError, a sentence, for a size that isn't an integer or is negative, and for an
    itemsize of 0.
    """
    return [_count(name, size) for name, size in sizes.items()]


def _count(name, size):
    try:
        count = operator.index(size)  # takes NumPy's integers, refuses 2.5 and "3"
    except TypeError:
        raise ValueError(f"{name} must be an integer, got {size!r}.") from None
    least = 1 if name == "itemsize" else 0
    if count < least:
        raise ValueError(f"{name} must be at least {least}, got {count}.")
    return count
