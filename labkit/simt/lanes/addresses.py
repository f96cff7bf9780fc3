"""Where an index leads: an address for each lane, checked against the bounds of the array."""

import functools

import numpy as np

from labkit.simt.lanes.values import is_vector
from labkit.simt.limits import WARP_SIZE

_LANES = np.arange(WARP_SIZE)
_LOADS_THAT_PAY = 2  # of one address, before it is worth while to look for even rows


class IndexRange:
    """What is known of a vector: its bounds, and where it starts if it goes up by one per lane."""

    def __init__(self, vector):
        self.vector = vector
        self.low, self.high = int(vector.min()), int(vector.max())
        self.start = None
        if self.high - self.low == len(vector) - 1 == int(vector[-1]) - self.low:
            ramp = np.arange(self.low, self.high + 1, dtype=vector.dtype)
            self.start = self.low if (vector == ramp).all() else None
        self._active = (None, None)

    @functools.cached_property
    def by_warp(self):
        """-> (rows, the pattern of a warp relative to its first lane if all have the same, else
        None)."""
        rows = self.vector.reshape(-1, WARP_SIZE)
        pattern = rows[0] - rows[0, 0]
        if len(rows) > 1 and not (rows[1] - rows[1, 0] == pattern).all():
            return rows, None
        alike = len(rows) == 1 or (rows - rows[:, :1] == pattern).all()
        return rows, pattern.tobytes() if alike else None

    @functools.cached_property
    def even_rows(self):
        """-> (start, step) if each warp goes up by one per lane, from a start that moves by the
        same step from warp to warp; else None."""
        rows = self.vector.reshape(-1, WARP_SIZE)
        starts = rows[:, 0]
        step = int(starts[1] - starts[0]) if len(rows) > 1 else 0
        if int(starts[-1] - starts[0]) != step * (len(rows) - 1):
            return None
        expected = int(starts[0]) + step * np.arange(len(rows))[:, None] + _LANES
        return (int(starts[0]), step) if (rows == expected).all() else None

    def active(self, mask):
        """The bounds over the active lanes alone."""
        if self._active[0] is not mask:
            found = self.vector[mask.lanes if mask.run is None else mask.run]
            self._active = (mask, (int(found.min()), int(found.max())))
        return self._active[1]


class Address:
    """The varying part of an index: `store[base + shift]`, the shift being uniform.

    key      the objects it was made from: while they are the same, so is the address
    base     None if the index is uniform, else an offset per lane, whose `index_range` is known
    axes     (axis, what is known of the index) for every varying index, to check bounds
    answers  what the counters worked out for this address
    """

    __slots__ = (
        "answers",
        "axes",
        "base",
        "index_range",
        "key",
        "low",
        "n_loads",
        "picked",
        "start",
    )

    def __init__(self, batch, array, vectors):
        self.key, self.axes, base = (array, *vectors), [], None
        for axis, vector in enumerate(vectors):
            if vector is not None:
                index_range = batch.index_range(vector)
                self.axes.append((axis, index_range))
                moved = batch.times(index_range.vector, array.strides[axis])
                base = moved if base is None else batch.plus(base, moved)
        base = array.offset if base is None else batch.plus(base, array.offset)
        self.base = base if is_vector(base) else None
        self.start, self.low = None, 0
        if self.base is not None:
            self.index_range = batch.index_range(base)
            self.base, self.start, self.low = (
                self.index_range.vector,
                self.index_range.start,
                self.index_range.low,
            )
        self.picked, self.answers, self.n_loads = (None, None), {}, 0

    def made_from(self, array, vectors):
        key = (array, *vectors)
        if len(key) != len(self.key):
            return False
        return not [1 for old, new in zip(self.key, key, strict=True) if old is not new]

    def rows(self):
        """The base as (start, step) of even rows, or None; asked for where that may pay."""
        self.n_loads += 1
        return self.index_range.even_rows if self.n_loads > _LOADS_THAT_PAY else None

    def pick(self, mask):
        """The offsets of the active lanes."""
        if self.picked[0] is not mask:
            self.picked = (mask, self.base if mask.full else self.base[mask.lanes])
        return self.picked[1]


def locate(f, location, array, index):
    """Find `array[index]` and check its bounds -> (address, shift).

    index   one (vector or None, int) per axis: the index is their sum
    """
    vectors = tuple([vector for vector, _ in index])
    address = f.memo.get(location)
    if address is None or not address.made_from(array, vectors):
        address = f.memo[location] = Address(f.batch, array, vectors)
    shift = 0 if address.base is not None else array.offset
    for axis, (vector, i) in enumerate(index):
        if vector is None:
            n = array.shape[axis]
            if not 0 <= i < n:
                i = _wrap_uniform(f, location, array, axis, i)
        if i:
            shift += i * array.strides[axis]
    for axis, index_range in address.axes:
        i = index[axis][1]
        if index_range.low + i < 0 or index_range.high + i >= array.shape[axis]:
            wrapped = _check_lanes(f, location, array, axis, index_range, i)
            if wrapped is not None:
                return locate(f, location, array, [*index[:axis], (wrapped, 0), *index[axis + 1 :]])
    return address, shift


def _wrap_uniform(f, location, array, axis, i):
    n = array.even().shape[axis]
    if not -n <= i < n:
        _out_of_bounds(f, location, array, axis, i, int(f.mask.lanes[0]))
    return i + n


def _check_lanes(f, location, array, axis, index_range, shift):
    """Check the active lanes alone -> None, or the vector with negative indices wrapped."""
    n, lanes = array.shape[axis], f.mask.lanes
    low, high = index_range.active(f.mask)
    if low + shift >= 0 and high + shift < n:
        return None
    array.even()
    active = index_range.vector[lanes] + shift
    bad = (active < -n) | (active >= n)
    if bad.any():
        first = int(np.argmax(bad))
        _out_of_bounds(f, location, array, axis, int(active[first]), int(lanes[first]))
    first = int(np.argmax(active < 0))
    f.watch.wrapped(f, location, array, axis, int(active[first]), int(lanes[first]))
    whole = index_range.vector + shift
    return np.clip(np.where(whole < 0, whole + n, whole), 0, n - 1)


def _out_of_bounds(f, location, array, axis, i, lane):
    said = f"index {i} in {array.axis_named(axis)}, by {{who}}"
    f.fail("out-of-bounds", location, lane, said, array=array.name, index=i)
