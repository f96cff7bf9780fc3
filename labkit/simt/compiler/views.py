"""The parts of a value: attributes, items, fields and views."""

import math
import operator

import numpy as np

from labkit.simt.compiler.foreign import ours
from labkit.simt.errors import refuse
from labkit.simt.lanes.addresses import locate
from labkit.simt.lanes.arrays import Array
from labkit.simt.lanes.dtypes import as_dtype
from labkit.simt.lanes.memory import load
from labkit.simt.lanes.values import comparison, dtype_of, is_vector, plain, strong
from labkit.simt.language.registry import HOST_FUNCTIONS, Intrinsic


def attribute(f, location, value, name):
    """`value.name` inside a kernel."""
    if isinstance(value, Array):
        return _array_attribute(f, location, value, name)
    if name in ("real", "imag") and not isinstance(value, tuple):
        return plain(np.array(getattr(value, name))[()])
    if name in _METHODS_OF_NUMBERS:
        return Intrinsic(name, lambda f: plain(_METHODS_OF_NUMBERS[name](strong(value))))
    try:
        return ours(getattr(value, name))
    except AttributeError:
        return refuse(f"{type(value).__name__} has no attribute {name!r} in a kernel")


_METHODS_OF_NUMBERS = {
    "conjugate": np.conjugate,
    "bit_count": lambda v: np.bitwise_count(v).astype(np.int64),
}
_ATTRIBUTES = {
    **{name: operator.attrgetter(name) for name in ("shape", "size", "ndim", "dtype")},
    "itemsize": lambda a: a.dtype.itemsize,
    "nbytes": lambda a: a.size * a.dtype.itemsize,
    "strides": lambda a: tuple(s * a.pitch for s in a.strides),
    "T": Array.transposed,
}
_OF_LENGTH = ("shape", "size", "nbytes")
_REDUCTIONS = (
    "sum", "prod", "min", "max", "argmin", "argmax", "mean", "var", "std", "any", "all",
)  # fmt: skip
_METHODS = {
    "transpose": lambda a: a.transposed(),
    "reshape": lambda a, *shape: a.reshaped(shape if len(shape) > 1 else shape[0]),
    "view": lambda a, dtype: _retyped(a, as_dtype(dtype)),
}


def _array_attribute(f, location, array, name):
    if array.dtype.names and name in array.dtype.names:
        part = array.field(name)
        return _loaded(f, location, part) if part.ndim == 0 and not part.dtype.names else part
    if name in _ATTRIBUTES:
        return _ATTRIBUTES[name](array.even() if name in _OF_LENGTH else array)
    if name in ("real", "imag") and array.dtype.kind == "c":
        return array.field(name)
    if name == "real":
        return array
    if name in _REDUCTIONS:
        reduce = HOST_FUNCTIONS[getattr(np, name)].run
        return Intrinsic(name, lambda f: reduce(f, array))
    if name in _METHODS:
        method = _METHODS[name]
        return Intrinsic(name, lambda f, *args: method(array, *args), counts=False)
    return refuse(f"an array has no attribute {name!r} in a kernel")


def _retyped(array, dtype):
    old, new = array.pitch, dtype.itemsize
    if is_vector(array.offset) or array.strides != (1,) or (array.size * old) % new:
        refuse("only a whole one-dimensional array can be viewed as another dtype")
    n = array.size * old // new
    first = array.store[array.offset : array.offset + array.size].view(dtype)
    byte0 = array.byte0 + array.offset * old
    return Array(first, 0, (n,), (1,), array.allocation, byte0)


def _loaded(f, location, array):
    return load(f, location, array, *locate(f, location, array, []))


def item(f, value, index):
    """`value[index]` of a tuple, whose index may differ from thread to thread."""
    if len(index) != 1 or not isinstance(value, tuple):
        refuse(f"a {type(value).__name__} cannot be indexed")
    vector, i = index[0]
    if vector is None:
        return value[i]
    low, high = f.batch.index_range(vector).active(f.mask)
    if low + i < -len(value) or high + i >= len(value):
        raise IndexError("tuple index out of range")
    if not value or any(isinstance(part, tuple | Array) for part in value):
        refuse("a tuple of arrays or tuples is indexed by a number that is the same in all threads")
    alike(value)
    return np.choose(np.clip(vector + i, -len(value), len(value) - 1) % len(value), value)


def parts(value):
    if isinstance(value, tuple):
        return value
    return refuse(f"a {type(value).__name__} cannot be taken apart")


def alike(values):
    """Refuse a tuple of several types where numba wants one: in a loop, or with an index that isn't
    a constant."""
    numbers = [v for v in values if isinstance(v, int | float | complex | np.generic | np.ndarray)]
    kinds = {dtype_of(value).name for value in numbers}
    if len(kinds) > 1:
        refuse(f"a tuple of {' and '.join(sorted(kinds))} is read by constant indices only")


def elements(f, array):
    """The elements of an array along its first axis, as iteration needs them."""
    found = []
    for i in range(array.even().shape[0]):
        part, address, shift = view(f, f.location, array, [(None, i)])
        found.append(part if address is None else load(f, f.location, part, address, shift))
    return found


def view(f, location, array, index):
    """An index that is not one number per axis -> (view, None, None), or the element it names."""
    if len(index) == 1 and type(index[0][1]) is tuple:
        index = [(i, 0) if is_vector(i) else (None, i) for i in index[0][1]]
    if len(index) == 1 and isinstance(index[0][1], str):
        array, index = array.field(index[0][1]), []
        if array.ndim:
            return array, None, None
    index = [(vector, _integer(array, vector, i)) for vector, i in index]
    if array.dtype.names and array.ndim == 0 and len(index) == 1:  # a field by its number
        return view(f, location, array, [(None, array.dtype.names[index[0][1]])])
    if any(i is Ellipsis for _, i in index):
        at = next(n for n, (_, i) in enumerate(index) if i is Ellipsis)
        fill = [(None, slice(None))] * (array.ndim - len(index) + 1)
        index = [*index[:at], *fill, *index[at + 1 :]]
    if len(index) > array.ndim:
        refuse(f"{array.name} has {array.ndim} axes and is indexed with {len(index)}")
    if len(index) == array.ndim and not any(isinstance(i, slice) for _, i in index):
        address, shift = locate(f, location, array, index)
        if not array.dtype.names:
            return array, address, shift
        return array.like(offset=_offset(address, shift), shape=(), strides=()), None, None
    return _sub_array(f, location, array, index), None, None


def _integer(array, vector, i):
    if isinstance(i, slice | type(Ellipsis)) or type(i) is int:
        if vector is not None and vector.dtype.kind not in "iu":
            refuse(f"{array.name} is indexed with {vector.dtype} values: an index is an integer")
        return i
    if isinstance(i, np.integer):
        return int(i)
    kind = type(i).__name__
    return refuse(f"{array.name} is indexed with {kind}: an index is an integer, as int() gives")


def _offset(address, shift):
    return shift if address.base is None else address.base + shift


def _sub_array(f, location, array, index):
    """Indexing with fewer numbers than axes, or with slices, only moves the offset."""
    index = [*index, *[(None, slice(None))] * (array.ndim - len(index))]
    known = f.memo.get((location, "view"))
    if known is not None and known[0] is array and _same_index(known[1], index):
        return known[2]
    axes = [axis for axis, (_, i) in enumerate(index) if not isinstance(i, slice)]
    fixed = array.like(
        shape=tuple(array.shape[a] for a in axes), strides=tuple(array.strides[a] for a in axes)
    )
    offset = _offset(*locate(f, location, fixed, [index[a] for a in axes]))
    shape, strides, ragged = [], [], array.ragged
    for axis, (_, i) in enumerate(index):
        if isinstance(i, slice):
            if not (i.start is i.stop is i.step is None):
                array.even()
            i, moved, uneven = _uniform_slice(f, i, array.shape[axis])
            ragged |= uneven
            start, stop, step = i.indices(array.shape[axis])
            offset = offset + (start + moved) * array.strides[axis]
            shape.append(len(range(start, stop, step)))
            strides.append(step * array.strides[axis])
    found = array.like(offset=offset, shape=tuple(shape), strides=tuple(strides), ragged=ragged)
    f.memo[(location, "view")] = (array, index, found)
    return found


def _uniform_slice(f, part, n):
    """A slice that may begin elsewhere in every thread -> (uniform slice, vector of shifts or 0,
    whether its length differs too).

    Its length is the same in all: without an end, that of the shortest.
    """
    if not any(is_vector(bound) for bound in (part.start, part.stop, part.step)):
        return part, 0, False
    start, stop = part.start or 0 if not is_vector(part.start) else part.start, part.stop
    low, high = (
        (start, start) if not is_vector(start) else f.batch.index_range(start).active(f.mask)
    )
    lengths = n - high if stop is None else stop - start
    lengths = np.unique(lengths[f.mask.lanes] if is_vector(lengths) else lengths)
    if part.step is not None or len(lengths) > 1:
        refuse("a slice may begin elsewhere in every thread, but has one length and no step")
    if low < 0 or not 0 <= lengths[0] <= n - high:
        refuse("a slice that differs between threads must lie inside the array")
    return slice(0, int(lengths[0])), np.clip(start, 0, n), stop is None and low != high


def _same_index(old, new):
    return len(old) == len(new) and all(
        a[0] is b[0] and _same_part(a[1], b[1]) for a, b in zip(old, new, strict=True)
    )


def _same_part(a, b):
    if isinstance(a, slice) and isinstance(b, slice):
        parts = ((a.start, b.start), (a.stop, b.stop), (a.step, b.step))
        return all(x is y or (not is_vector(x) and not is_vector(y) and x == y) for x, y in parts)
    return type(a) is type(b) and a == b


def compare_tuples(test, a, b):
    equal = comparison("==")
    if test(0, 0) == test(0, 1) or len(a) != len(b):  # an order, or unequal lengths
        return test(a, b) if len(a) == len(b) else test(0, 1)
    return math.prod(equal(x, y) for x, y in zip(a, b, strict=True)) == test(0, 0)


def uniform(index):
    """A tuple of ints as `locate` takes an index."""
    return [(None, int(i)) for i in index]


def at(f, array, index):
    """The element of an array that broadcasts to an index of more axes."""
    index = index[len(index) - array.ndim :]
    index = [i if n > 1 else 0 for i, n in zip(index, array.shape, strict=True)]
    return load(f, f.location, array, *locate(f, f.location, array, uniform(index)))
