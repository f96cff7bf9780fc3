"""Unfilled memory: which bytes of a device array nobody has written yet."""

import numpy as np

_DTYPES = {1: "u1", 2: "u2", 4: "u4", 8: "u8", 16: "c16"}  # in which zero bytes are a zero


class Unfilled:
    """The bytes of an allocation, as ones where they were never written; `store`, a view of the
    allocation, says how an index counts."""

    def __init__(self, host):
        self.first, self.bytes = _pointer(host), np.full(host.nbytes, 0xFF, np.uint8)
        self._seen = None, None

    @property
    def is_over(self):
        """Whether all was written."""
        return not self.bytes.any()

    def fill(self, store, where):
        """Elements of the store were written."""
        flags = self.flags(store)
        if flags is not None:
            flags[where] = 0

    def missing(self, store, where):
        """Which elements of the store were not."""
        flags = self.flags(store)
        return np.zeros(np.shape(store[where]), bool) if flags is None else flags[where] != 0

    def flags(self, store):
        """An element per element of the store, not 0 where it was not written; None where the store
        is a copy, or its elements are records."""
        if self._seen[0] is not store:
            self._seen = store, self._flags(store)
        return self._seen[1]

    def _flags(self, store):
        offset, dtype = _pointer(store) - self.first, _DTYPES.get(store.itemsize)
        if dtype is None or store.dtype.names or not 0 <= offset < max(1, len(self.bytes)):
            return None
        return np.ndarray(store.shape, dtype, self.bytes, offset, store.strides)


def still(unfilled):
    """The same, or None where there is nothing left of it."""
    return None if unfilled is None or unfilled.is_over else unfilled


def _pointer(array):
    return array.__array_interface__["data"][0]
