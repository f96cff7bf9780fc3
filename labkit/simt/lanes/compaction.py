"""Compaction: a loop that few warps still run goes on with these alone, side by side.

A warp stays whole, so shuffles, votes and counters do not notice. Barriers would: a loop with one
in it is never compacted.
"""

import functools

import numpy as np

from labkit.simt.lanes.batch import Batch
from labkit.simt.lanes.frames import UNSET
from labkit.simt.lanes.masks import Mask
from labkit.simt.lanes.values import dtype_of, is_vector
from labkit.simt.limits import WARP_SIZE

LEAST_LANES = 2048  # of a batch that is worth it
LEAST_GAIN = 2  # how many times as many warps as are active it must have


class CompactBatch(Batch):
    """Some lanes of a batch, in whole warps."""

    def __init__(self, whole, lanes):
        self.whole, self.lanes, self.n_lanes = whole, lanes, len(lanes)
        self.launch, self.first, self.turn = whole.launch, whole.first, whole.turn
        self.geometry, self.memo = whole.geometry.taken(lanes), whole.memo
        self.forget()

    @functools.cached_property
    def live(self):
        """The lanes that have not left the kernel, which none does in such a loop."""
        return Mask(self.whole.live.bits[self.lanes])

    def block(self, axis):
        return taken(self.whole.block(axis), self.lanes)

    def grid(self, axis):
        if axis not in self._global:
            self._global[axis] = taken(self.whole.grid(axis), self.lanes)
        return self._global[axis]

    def name_of(self, lane):
        return self.whole.name_of(int(self.lanes[lane]))


def fewer_lanes(f, mask):
    """The lanes of the warps that a loop still needs, where it gains from going on with these; else
    None."""
    n = f.batch.n_lanes
    if n < LEAST_LANES or LEAST_GAIN * mask.n > n or f.parent is not None or f.batch.scheduler:
        return None
    # The pictures are of the first block, which therefore stays.
    first = np.arange(f.batch.geometry.lanes_per_block // WARP_SIZE)
    warps = np.union1d(first, mask.warp_numbers)
    if LEAST_GAIN * WARP_SIZE * len(warps) > n or not f.watch.may_compact:
        return None
    return (warps[:, None] * WARP_SIZE + np.arange(WARP_SIZE)).ravel()


class Compaction:
    """A frame that holds only some lanes; `undo` gives it back all of them."""

    def __init__(self, f, mask, lanes):
        self.f, self.lanes, self.before = f, lanes, (f.batch, f.entry, f.vals, f.defs, f.broke)
        f.batch = CompactBatch(f.batch, self.lanes)
        self.mask = Mask(mask.bits[self.lanes], mask.n)
        f.entry = Mask(f.entry.bits[self.lanes])
        f.vals = [taken(value, self.lanes) for value in f.vals]
        f.defs = [self._defined(known, mask) for known in f.defs]
        f.broke, self.vals = [], list(f.vals)

    def _defined(self, known, mask):
        """Where a local is defined, among the lanes that are left."""
        if known is None:
            return None
        return self.mask if known is mask else self.f.entry

    def undo(self, ended):
        """Put everything back -> the masks `ended`, of all lanes."""
        f, broke, vals = self.f, self.f.broke, self.f.vals
        f.batch, f.entry, old, f.defs, f.broke = self.before
        f.vals = list(map(self._whole, vals, self.vals, old))
        # What was assigned meanwhile counts as defined everywhere: that is always safe.
        f.defs = [
            known if new is was else f.entry
            for known, new, was in zip(f.defs, vals, self.vals, strict=True)
        ]
        f.broke += map(self._mask, broke)
        return [self._mask(mask) for mask in ended]

    def _mask(self, mask):
        bits = np.zeros(self.f.batch.n_lanes, np.bool_)
        bits[self.lanes] = mask.bits
        return Mask(bits, mask.n)

    def _whole(self, new, was, old):
        """A value of all lanes: `new` in those that were left, `old` in the others."""
        if new is was:
            return old
        if isinstance(new, tuple):
            known = old if isinstance(old, tuple) and len(old) == len(new) else [UNSET] * len(new)
            parts = [
                self._whole(part, UNSET, other) for part, other in zip(new, known, strict=True)
            ]
            return type(new)(*parts) if hasattr(new, "_fields") else tuple(parts)
        if hasattr(new, "offset"):
            other = getattr(old, "offset", UNSET)
            return new.like(offset=self._whole(new.offset, UNSET, other))
        if not isinstance(new, int | float | complex | np.generic | np.ndarray):
            return new
        if not isinstance(old, int | float | complex | np.generic | np.ndarray):
            old = np.zeros(1, dtype_of(new))
        value = np.empty(self.f.batch.n_lanes, np.result_type(dtype_of(new), dtype_of(old)))
        value[:], value[self.lanes] = old, new
        return value


def taken(value, lanes):
    """A value as some lanes have it."""
    if is_vector(value):
        return value[lanes]
    if isinstance(value, tuple):
        parts = [taken(part, lanes) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if is_vector(getattr(value, "offset", None)):
        return value.like(offset=value.offset[lanes])
    return value.taken(lanes) if hasattr(value, "taken") else value
