"""The names of types: `cuda.float32`, which converts a value, names a dtype and builds a
signature."""

import numpy as np

from labkit.simt.errors import refuse
from labkit.simt.lanes.values import plain

_NAMES = (
    "bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "float32", "float64", "complex64", "complex128",
)  # fmt: skip
_ALIASES = {
    "boolean": "bool_", "bool": "bool_", "b1": "bool_", "byte": "uint8", "intp": "int64",
    "int_": "int64", "uintp": "uint64", "intc": "int32", "uintc": "uint32", "short": "int16",
    "ushort": "uint16", "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64", "u1": "uint8",
    "u2": "uint16", "u4": "uint32", "u8": "uint64", "f2": "float16", "f4": "float32",
    "f8": "float64", "float_": "float64", "double": "float64", "c8": "complex64",
    "c16": "complex128",
}  # fmt: skip


class Type:
    """A scalar type, or an array type of so many axes. `float32(x)` converts, `float32[:, :]` is an
    array type, `float32(int32, ...)` with types is a signature."""

    def __init__(self, name, ndim=0):
        self.name, self.ndim = name, ndim

    @property
    def dtype(self):
        return np.dtype(self.name)

    def __call__(self, *args):
        if args and all(isinstance(arg, Type) for arg in args):
            return Signature(args)
        return plain(self.dtype.type(*args))

    def __getitem__(self, axes):
        return Type(self.name, len(axes) if isinstance(axes, tuple) else 1)

    def __repr__(self):
        return self.name + (f"[{', '.join([':'] * self.ndim)}]" if self.ndim else "")


class Signature:
    """The types that a kernel declares for its arguments."""

    def __init__(self, args):
        self.args = tuple(args)


TYPES = {name: Type(name) for name in _NAMES}
TYPES |= {alias: TYPES[name] for alias, name in _ALIASES.items()}


def void(*args):
    """The type of a kernel's result: `void(float32[:], int32)` is a signature."""
    return Signature(args)


def as_dtype(found):
    """The NumPy dtype of a type as a kernel may spell it: ours, NumPy's, Python's or numba's."""
    if isinstance(found, Type):
        return found.dtype
    try:
        return np.dtype(found)
    except (TypeError, ValueError):
        name = str(found)
    if name in TYPES:
        return TYPES[name].dtype
    if hasattr(found, "dtype") and hasattr(found, "fields"):  # a numba record
        return found.dtype
    return refuse(f"{name} is not a type of array elements that is supported")


def parse_signatures(found):
    """One or several of `void(float32[:], int32)`, a text of it or a tuple of types: Signatures."""
    if isinstance(found, list):
        return tuple(signature for part in found for signature in parse_signatures(part))
    if isinstance(found, str):
        found = eval(
            found, {**TYPES, "void": void, "none": void, "Tuple": _opaque, "UniTuple": _opaque}
        )
    if isinstance(found, Type):
        found = (found,)
    args = getattr(found, "args", found)
    return (Signature([_type_of(arg) for arg in args]),)


def _opaque(*args):
    return None


def _type_of(found):
    if isinstance(found, Type) or found is None:
        return found
    name, ndim = str(getattr(found, "dtype", found)), getattr(found, "ndim", 0)
    return Type(TYPES[name].name, ndim) if name in TYPES else None
