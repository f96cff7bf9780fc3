"""An array is a flat store and an offset, a shape and strides, just as a GPU pointer is."""

import math

import numpy as np

from labkit.simt.errors import refuse
from labkit.simt.lanes.values import is_vector

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
    ragged   whether its length differs from thread to thread, the shape being that of the shortest
    """

    __slots__ = ("allocation", "byte0", "offset", "pitch", "ragged", "shape", "store", "strides")

    def __init__(
        self, store, offset, shape, strides, allocation, byte0=0, pitch=None, ragged=False
    ):
        self.ragged = ragged
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
        raise TypeError(f"the array {self.name} isn't a condition: compare an element or its size")

    @property
    def size(self):
        return math.prod(self.shape)

    @property
    def ndim(self):
        return len(self.shape)

    def even(self):
        """This array, which is refused where its length differs from thread to thread."""
        if self.ragged:
            refuse(
                f"this slice of {self.name} begins elsewhere in every thread and so has another "
                f"length in each, which is not supported: index {self.name} itself, as in "
                f"{self.name}[i + k]"
            )
        return self

    def axis_named(self, axis):
        """An axis in words."""
        where = f"axis {axis} of {self.shape[axis]}" if self.ndim > 1 else f"an axis of {self.size}"
        return f"{where} of {self.name}"

    def like(self, **changes):
        """The same memory seen differently."""
        names = ("store", "offset", "shape", "strides", "allocation", "byte0", "pitch", "ragged")
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
