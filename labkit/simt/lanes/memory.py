"""Memory: an array is a flat store and an offset, a shape and strides, just as a GPU pointer is."""

import functools
import math

import numpy as np

from labkit.simt.errors import refuse
from labkit.simt.lanes.values import cast, is_vector, plain
from labkit.simt.limits import WARP_SIZE

_LANES = np.arange(WARP_SIZE)
_LOADS_THAT_PAY = 2  # of one address, before it is worth while to look for even rows

GLOBAL, SHARED, LOCAL, CONST = "global", "shared", "local", "const"


class Allocation:
    """One stretch of memory that arrays are views of: its space, its size, and where it lies.

    name     what the source calls it
    address  of its first byte: in the device's memory, or in the block's shared window
    cell     the finest unit in which the launch can touch it, in bytes
    unfilled   which bytes of a device array were never written; None where that is not known
    """

    def __init__(self, space, name, n_bytes, address=0, cell=1, unfilled=None):
        self.space, self.name, self.n_bytes, self.unfilled = space, name, n_bytes, unfilled
        self.address, self.cell = address, cell


class Array:
    """A view: element (i, j, ...) is `store[offset + i * strides[0] + j * strides[1] + ...]`.

    offset   an int, or a vector with an offset per lane
    strides  in elements of the store
    byte0, pitch   element k of the store lies at byte `byte0 + k * pitch` of the allocation
    """

    __slots__ = ("allocation", "byte0", "offset", "pitch", "shape", "store", "strides")

    def __init__(self, store, offset, shape, strides, allocation, byte0=0, pitch=None):
        self.store, self.offset, self.shape, self.strides = store, offset, shape, strides
        self.allocation, self.byte0 = allocation, byte0
        self.pitch = store.dtype.itemsize if pitch is None else pitch

    @property
    def dtype(self):
        return self.store.dtype

    @property
    def name(self):
        return self.allocation.name

    def __bool__(self):
        raise TypeError(f"the array {self.name} is no condition: compare an element or its size")

    @property
    def size(self):
        return math.prod(self.shape)

    @property
    def ndim(self):
        return len(self.shape)

    def axis_named(self, axis):
        """An axis in words."""
        where = f"axis {axis} of {self.shape[axis]}" if self.ndim > 1 else f"an axis of {self.size}"
        return f"{where} of {self.name}"

    def like(self, **changes):
        """The same memory seen differently."""
        names = ("store", "offset", "shape", "strides", "allocation", "byte0", "pitch")
        return Array(**{name: changes.get(name, getattr(self, name)) for name in names})

    def transposed(self):
        return self.like(shape=self.shape[::-1], strides=self.strides[::-1])

    def reshaped(self, shape):
        shape = tuple(int(n) for n in (shape if type(shape) is tuple else (shape,)))
        if -1 in shape:
            shape = tuple(self.size // -math.prod(shape) if n == -1 else n for n in shape)
        if self.strides != c_strides(self.shape) or int(np.prod(shape)) != self.size:
            refuse(f"{self.name} of shape {self.shape} cannot be seen as {shape}")
        return self.like(shape=shape, strides=c_strides(shape))

    def field(self, name):
        """The field `name` of an array of records, or `real` or `imag` of a complex one."""
        if self.dtype.names is None:
            part = getattr(self.store, name)
            shift = part.itemsize if name == "imag" else 0
            return self.like(store=part, byte0=self.byte0 + shift)
        if name not in self.dtype.names:
            refuse(f"{self.name} has no field {name!r}; its fields are {self.dtype.names}")
        shift = self.byte0 + self.dtype.fields[name][1]
        part = self.store[name]
        if part.ndim == 1:
            return self.like(store=part, byte0=shift)
        return self._nested(part, shift)

    def _nested(self, part, byte0):
        """A field that is itself an array: each record holds `part.shape[1:]` elements."""
        size, inner = part.itemsize, part.shape[1:]
        if self.pitch % size or not len(part):
            refuse(f"the nested array in {self.name} is not aligned, which is not supported")
        per_record, count = self.pitch // size, int(np.prod(inner))
        extent = (len(part) - 1) * per_record + count
        store = np.lib.stride_tricks.as_strided(part, (extent,), (size,))
        offset, shape = self.offset * per_record, self.shape + inner
        strides = tuple(s * per_record for s in self.strides) + c_strides(inner)
        return Array(store, offset, shape, strides, self.allocation, byte0)

    def merged(self, mask, old):
        """This array in the lanes of the mask and `old` in the others: one array at two offsets."""
        same = isinstance(old, Array) and self.store is old.store
        if not same or (self.shape, self.strides) != (old.shape, old.strides):
            refuse("a variable names different arrays in different threads")
        if not is_vector(self.offset) and self.offset is old.offset:
            return self
        return self.like(offset=np.where(mask.bits, self.offset, old.offset))


def c_strides(shape):
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def flatten(host):
    """A NumPy array as (1-D store of the same memory, strides in elements, copy or None).

    Where strides are negative or no multiple of the item, the store is a copy, to be written back.
    """
    if host.flags.c_contiguous:
        return host.reshape(-1), c_strides(host.shape), None
    if host.flags.f_contiguous:
        return host.T.reshape(-1), c_strides(host.shape[::-1])[::-1], None
    size = host.itemsize
    if any(s < 0 or s % size for s in host.strides):
        copy = np.ascontiguousarray(host)
        return copy.reshape(-1), c_strides(host.shape), copy
    strides = tuple(s // size for s in host.strides)
    extent = 1 + sum((n - 1) * s for n, s in zip(host.shape, strides, strict=True))
    extent = extent if host.size else 0
    return np.lib.stride_tricks.as_strided(host, (extent,), (size,)), strides, None


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
    n = array.shape[axis]
    if not -n <= i < n:
        _out_of_bounds(f, location, array, axis, i, int(f.mask.lanes[0]))
    return i + n


def _check_lanes(f, location, array, axis, index_range, shift):
    """Check the active lanes alone -> None, or the vector with negative indices wrapped."""
    n, lanes = array.shape[axis], f.mask.lanes
    low, high = index_range.active(f.mask)
    if low + shift >= 0 and high + shift < n:
        return None
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


def load(f, location, array, address, shift):
    """The value at an address, in all lanes; inactive lanes may read rubbish."""
    f.watch.access("load", f, location, array, address, shift)
    store = array.store
    if f.batch.turn is not None and f.batch.turn.room > 0:
        where, _ = _target(f.mask, address, shift, None)
        f.batch.turn.keep(array, where, store[where], True)
    if address.base is None:
        return plain(store[shift])
    if address.start is not None:
        start, n = address.start + shift, len(address.base)
        if start >= 0 and start + n <= len(store):
            return store[start : start + n].copy()
        if (run := f.mask.run) is not None:
            value = np.empty(n, store.dtype)
            value[run] = store[start + run.start : start + run.stop]
            return value
    if array.pitch != store.itemsize:  # a field of records: `take` would copy it whole
        return store[np.clip(address.base + shift, 0, len(store) - 1)]
    if (rows := address.rows()) is not None and store.flags.c_contiguous:
        value = _even_rows(store, address, shift, *rows)
        if value is not None:
            return value
    if shift >= 0 <= address.low and shift < len(store):
        return (store[shift:] if shift else store).take(address.base, mode="clip")
    return store.take(address.base + shift, mode="clip")


def _even_rows(store, address, shift, start, step):
    """What all lanes load, copied warp by warp; None where an inactive lane is outside."""
    if address.low + shift < 0 or address.index_range.high + shift >= len(store):
        return None
    size = store.itemsize
    shape, strides = (len(address.base) // WARP_SIZE, WARP_SIZE), (step * size, size)
    return np.ndarray(shape, store.dtype, store, (start + shift) * size, strides).flatten()


def save(f, location, array, address, shift, value):
    """Store a value in the active lanes; where lanes collide, the last one wins."""
    if array.allocation.space == CONST:
        refuse(f"{array.name} is constant and cannot be stored to")
    if value is None:
        refuse(f"what is stored to {array.name} is None: a function that returns nothing?")
    if array.dtype.kind != "c" == getattr(getattr(value, "dtype", None), "kind", None):
        refuse(f"{array.name} is real, and what is stored to it is complex")
    if not is_vector(value):
        value = cast(value, array.dtype) if array.dtype.kind in "biufc" else value
    f.watch.access("store", f, location, array, address, shift, value)
    where, value = _target(f.mask, address, shift, value)
    if f.batch.turn is not None:
        before = array.store[where]
        f.batch.wrote(array, where, before, differs(before, value))
    array.store[where] = value
    if array.allocation.unfilled is not None:
        array.allocation.unfilled.fill(array.store, where)


def _target(mask, address, shift, value):
    """Where the active lanes store, as an index into the store, and what."""
    if address.base is None:
        return shift, value[mask.lanes[-1]] if is_vector(value) else value
    run = slice(0, len(mask.bits)) if mask.full else mask.run
    if address.start is not None and run is not None:
        start = address.start + shift
        where = slice(start + run.start, start + run.stop)
        return where, value[run] if is_vector(value) else value
    where = address.pick(mask)
    if is_vector(value) and not mask.full:
        value = value[mask.lanes]
    return where + shift if shift else where, value


def differs(old, value):
    """Whether storing a value over `old` changes a bit."""
    new = np.empty_like(old)
    new[...] = value
    return old.tobytes() != new.tobytes()
