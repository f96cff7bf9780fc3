"""Kinds: what the executor keeps of a static type, and values converted to one.

A kind is the dtype of a number, a tuple of kinds, or None for all else (arrays, functions, None),
whose values are never converted.
"""

import functools

import numpy as np

from labkit.simt.lanes.values import cast, is_vector

_RANKS = "biufc"


def converts(kind, other):
    """Whether a value of a kind may become one of another where paths meet."""
    if kind is None or other is None:
        return kind is other
    if isinstance(kind, tuple) or isinstance(other, tuple):
        alike = isinstance(kind, tuple) and isinstance(other, tuple) and len(kind) == len(other)
        return alike and all(map(converts, kind, other))
    return _RANKS.index(kind.kind.replace("u", "i")) <= _RANKS.index(other.kind.replace("u", "i"))


@functools.cache
def conversion(kind):
    """The function that converts a value to a kind, or None where there is nothing to convert."""
    if kind is None or (isinstance(kind, tuple) and all(part is None for part in kind)):
        return None
    if isinstance(kind, tuple):
        return _to_tuple(kind)
    if kind.kind == "i":
        return _to_integer(kind)
    kept = {np.dtype(np.float64): float, np.dtype(bool): bool, np.dtype(complex): complex}
    python = kept.get(kind)

    def convert(value):
        return value if type(value) is python else cast(value, kind)

    return convert


def _to_integer(kind):
    """Signed integers of any width that are the same in all threads are Python's."""
    least, span = int(np.iinfo(kind).min), 2 ** (8 * kind.itemsize)

    def convert(value):
        if type(value) is int:
            return value if least <= value < -least else (value - least) % span + least
        if is_vector(value):
            return value if value.dtype == kind else value.astype(kind)
        return int(cast(value, kind))

    return convert


@functools.cache
def exactly(kind):
    """The same for what is called, which may ask for the width of an integer."""
    if not isinstance(kind, np.dtype) or kind.kind != "i" or kind.itemsize == 8:
        return conversion(kind)
    return lambda value: cast(value, kind)


def _to_tuple(kind):
    parts = [conversion(part) for part in kind]

    def convert(value):
        if not isinstance(value, tuple) or len(value) != len(parts):
            return value
        found = [v if part is None else part(v) for part, v in zip(parts, value, strict=True)]
        return type(value)(*found) if hasattr(value, "_fields") else tuple(found)

    return convert
