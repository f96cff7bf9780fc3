"""Turns of a loop: what one reads and writes, to tell whether the next will be just the same."""

import numpy as np

ROOM = 2**20  # how many values of a turn are kept, an access counting as 32 more


class Turn:
    """The accesses to memory in a turn of a loop, while somebody asks what it changes.

    changed    whether memory was changed, be it put back later or not
    tried      whether an atomic wrote and looked at what it found, as a lock does
    is_alone   whether it ran through: no other group had a turn meanwhile or met this one
    """

    def __init__(self, room=ROOM):
        self.room, self.accesses = room, []
        self.changed, self.tried, self.is_alone = False, False, True

    def keep(self, array, where, before, is_read):
        """An access was made to some elements: what they held before, and whether it looked."""
        self.room -= 32 + np.size(before)
        if self.room >= 0:
            self.accesses.append((array, where, np.array(before), is_read))

    def add(self, inner):
        """What a turn of an inner loop did is a part of this one."""
        self.room = -1 if inner.room < 0 else self.room - (ROOM - inner.room)
        if self.room >= 0:
            self.accesses += inner.accesses
        self.changed, self.tried = self.changed | inner.changed, self.tried | inner.tried
        self.is_alone &= inner.is_alone

    def differs(self, only_read):
        """Whether an element (that the turn read) holds other bits than before it; True where
        that is not known."""
        dtypes = {}
        for array, where, before, is_read in self.accesses:
            known = dtypes.setdefault(id(array.allocation), set())
            # What the first access to an array found is what was there before: quick to compare.
            if not known and (is_read or not only_read) and _differ(before, array.store[where]):
                return True
            known.add(array.store.dtype)
        if self.room < 0 or any(len(found) > 1 for found in dtypes.values()):
            return True
        return any(self._differs(dtype, only_read) for dtype in set().union(*dtypes.values()))

    @property
    def counts(self):
        """Whether it changed memory that it did not read."""
        return self.changed and self.differs(only_read=False)

    def may_go_otherwise(self):
        """Whether the same turn, if it were taken now, might not go as this one went."""
        return not self.is_alone or self.differs(only_read=True)

    def _differs(self, dtype, only_read):
        places, old, new, read = [], [], [], []
        for array, where, before, is_read in self.accesses:
            store = array.store
            if store.dtype == dtype:
                places.append(_addresses(store, where))
                old.append(_bytes(before))
                new.append(_bytes(store[where]))
                read.append(np.full(len(places[-1]), is_read))
        _, first, place = np.unique(np.concatenate(places), return_index=True, return_inverse=True)
        differ = (np.concatenate(old)[first] != np.concatenate(new)[first]).any(axis=1)
        if only_read:
            differ &= np.bincount(place, np.concatenate(read)) > 0
        return bool(differ.any())


def _addresses(store, where):
    """The addresses in bytes of some elements."""
    number = np.arange(where.start, where.stop) if isinstance(where, slice) else where
    first = store.__array_interface__["data"][0]
    return np.ravel(np.asarray(number, np.int64)) * store.strides[0] + first


def _differ(old, new):
    return old.tobytes() != new.tobytes()


def _bytes(values):
    """A row of bytes per value."""
    flat = np.ascontiguousarray(values).reshape(-1)
    return flat.view(np.uint8).reshape(len(flat), -1)
