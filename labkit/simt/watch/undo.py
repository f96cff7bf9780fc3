"""Undo: what a launch stores can be taken back."""

from labkit.simt.lanes.arrays import GLOBAL
from labkit.simt.watch.watcher import Watcher


class Undo(Watcher):
    """Keeps what is in an array before a launch first writes to it."""

    def __init__(self):
        self._kept, self._copies = {}, []

    def access(self, kind, f, location, array, address, shift, value=None):
        if (
            kind != "load"
            and array.allocation.space == GLOBAL
            and id(array.store) not in self._kept
        ):
            self._keep(array.store)
            if array.allocation.unfilled is not None:
                self._keep(array.allocation.unfilled.bytes)

    def _keep(self, store):
        if id(store) not in self._kept:
            self._kept[id(store)] = store
            self._copies.append((store, store.copy()))

    def restore(self):
        """Put everything back."""
        for store, copy in reversed(self._copies):
            store[...] = copy
