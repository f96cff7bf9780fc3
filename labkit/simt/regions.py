"""Regions: where the arrays of a launch lie in the device's memory, as the watchers see them."""

import math

import numpy as np

from labkit.simt.memory import GLOBAL, Array

ALIGN_BYTES = 256  # an allocation starts at a multiple of this


class Region:
    """One allocation of global memory: host pointer, size, device address, and the watchers'
    notes."""

    def __init__(self, pointer, n_bytes, address):
        self.pointer, self.n_bytes, self.address = pointer, n_bytes, address
        self.notes = {}


class Regions:
    """The global memory of a launch: allocations in the order in which the arguments name them.

    Arrays that share memory lie in one region, whatever names they came under.
    """

    def __init__(self, values):
        self._regions, self._next, self._known = [], 0, {}
        self._dtypes = []
        for array in _arrays(values):
            region, offset = self.find(array)
            self._dtypes.append((region, array.dtype, offset))

    def __iter__(self):
        return iter(self._regions)

    def find(self, array):
        """-> (region, byte offset of `store[0]` within it)."""
        known = self._known.get(id(array.store))
        if known is None:
            region, offset = self._place(array.store)
            known = self._known[id(array.store)] = (array.store, region, offset)
        return known[1:]

    def cell(self, region, finest):
        """The finest unit in which the arguments of a launch touch a region, in bytes."""
        parts = [n for r, dtype, at in self._dtypes if r is region for n in (finest(dtype), at)]
        return math.gcd(*parts) or 8

    def _place(self, store):
        pointer = _pointer(store)
        root = _owner(store)
        first = _pointer(root)
        last = first + max(root.nbytes, 1)
        for region in self._regions:
            if region.pointer <= pointer < region.pointer + region.n_bytes:
                return region, pointer - region.pointer
        region = Region(first, last - first, self._next)
        self._regions.append(region)
        self._next += -(-region.n_bytes // ALIGN_BYTES) * ALIGN_BYTES
        return region, pointer - first


def _arrays(values):
    for value in values:
        if isinstance(value, Array) and value.allocation.space == GLOBAL:
            yield value
        elif isinstance(value, tuple):
            yield from _arrays(value)


def _pointer(array):
    return array.__array_interface__["data"][0]


def _owner(array):
    """The array that owns the memory of a view."""
    owner = base = array
    while base is not None:
        base = getattr(base, "base", None)
        if isinstance(base, np.ndarray):
            owner = base
    return owner
