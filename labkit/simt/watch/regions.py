"""Regions: where the arrays of a launch lie in the device's memory, as the watchers see them."""

import numpy as np

from labkit.simt.lanes.arrays import GLOBAL, Array

ALIGN_BYTES = 256  # an allocation starts at a multiple of this


class Region:
    """An allocation of global memory: host pointer, size, device address, the counters' notes."""

    def __init__(self, number, pointer, n_bytes, address):
        self.number, self.pointer, self.n_bytes, self.address = number, pointer, n_bytes, address
        self.notes = {}


class Regions:
    """The global memory of a launch: allocations in the order in which the arguments name them.

    Arrays that share memory lie in one region, whatever names they came under.
    """

    def __init__(self, values):
        self._regions, self._next, self._known = [], 0, {}
        for array in _arrays(values):
            self.find(array)

    def __iter__(self):
        return iter(self._regions)

    def find(self, array):
        """-> (region, byte offset of `store[0]` within it)."""
        if id(array.store) not in self._known:  # the store is kept, so that its id stays its own
            self._known[id(array.store)] = (*self._place(array.store), array.store)
        return self._known[id(array.store)][:2]

    def _place(self, store):
        root = _owner(store)
        pointer, first = _pointer(store), _pointer(root)
        for region in self._regions:
            if region.pointer <= pointer < region.pointer + region.n_bytes:
                return region, pointer - region.pointer
        region = Region(len(self._regions), first, max(root.nbytes, 1), self._next)
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
