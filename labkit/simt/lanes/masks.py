"""Masks: which lanes of a batch are active. Control flow is set arithmetic on one of these."""

import functools

import numpy as np


class Mask:
    """A set of lanes. `split` and `join` hand back the same object where nothing changes: that
    identity is what makes assignment cheap."""

    def __init__(self, bits, n=None):
        self.bits = bits
        self.n = int(np.count_nonzero(bits)) if n is None else n

    def split(self, condition):
        """-> (lanes where the condition holds, lanes where it does not)."""
        if type(condition) is not np.ndarray:
            return (self, NONE) if condition else (NONE, self)
        yes = self.bits & condition
        n = int(np.count_nonzero(yes))
        if n == self.n:
            return self, NONE
        if n == 0:
            return NONE, self
        return Mask(yes, n), Mask(yes ^ self.bits, self.n - n)

    def join(self, *parts):
        """The union of disjoint parts of this mask."""
        parts = [part for part in parts if part.n]
        n = sum(part.n for part in parts)
        if n == self.n:
            return self
        if len(parts) < 2:
            return parts[0] if parts else NONE
        return Mask(functools.reduce(np.bitwise_or, (part.bits for part in parts)), n)

    def without(self, part):
        return Mask(self.bits & ~part.bits, self.n - part.n)

    def within(self, other):
        return self.n <= other.n and np.count_nonzero(self.bits & other.bits) == self.n

    @functools.cached_property
    def full(self):
        return self.n == len(self.bits)

    @functools.cached_property
    def lanes(self):
        """The numbers of the active lanes, ascending."""
        return np.flatnonzero(self.bits)

    @functools.cached_property
    def run(self):
        """The active lanes as a slice, where they are consecutive; else None."""
        first, last = int(self.lanes[0]), int(self.lanes[-1])
        return slice(first, last + 1) if last - first == self.n - 1 else None

    @functools.cached_property
    def words(self):
        """The active lanes of every warp as a 32-bit number."""
        return np.packbits(self.bits, bitorder="little").view("<u4")

    @functools.cached_property
    def warp_numbers(self):
        """The warps with an active lane."""
        return np.flatnonzero(self.words)

    @functools.cached_property
    def warps(self):
        """How many warps have an active lane."""
        return int(np.count_nonzero(self.words)) if self.n else 0

    @functools.cached_property
    def kinds_of_warps(self):
        """[(32-bit number of the active lanes, how many warps have these)]."""
        words, counts = np.unique(self.words, return_counts=True)
        return [(w, n) for w, n in zip(words.tolist(), counts.tolist(), strict=True) if w]

    def per_block(self, lanes_per_block):
        """How many lanes are active in each block."""
        return np.count_nonzero(self.bits.reshape(-1, lanes_per_block), axis=1)


NONE = Mask(np.zeros(0, np.bool_))
