"""Kinds: what the executor keeps of a static type, and values converted to one.

A kind is the dtype of a number, a tuple of kinds, MAYBE for what is a value or None, or None for
all else (arrays, functions, None). The last two are never converted.
"""

import functools

import numpy as np

from labkit.simt.lanes.values import cast, is_vector

_RANKS = "biufc"
MAYBE = object()


def same(kind, other):
    """Whether two kinds are one: to NumPy, None equals the dtype of a double."""
    return kind is other or (kind is not None and other is not None and kind == other)


def converts(kind, other):
    """Whether a value of a kind may become one of another where paths meet."""
    if kind is MAYBE or other is MAYBE:
        return True
    if kind is None or other is None:
        return kind is other
    if isinstance(kind, tuple) or isinstance(other, tuple):
        alike = isinstance(kind, tuple) and isinstance(other, tuple) and len(kind) == len(other)
        return alike and all(map(converts, kind, other))
    return _RANKS.index(kind.kind.replace("u", "i")) <= _RANKS.index(other.kind.replace("u", "i"))


@functools.cache
def conversion(kind):
    """The function that converts a value to a kind, or None where there is nothing to convert."""
    if (
        kind is None
        or kind is MAYBE
        or (isinstance(kind, tuple) and all(part is None for part in kind))
    ):
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


def holds(kind, value):
    """Whether a value can be one of a kind: a variable may be an array first and then a number."""
    if kind is None or kind is MAYBE:
        return True
    if isinstance(kind, tuple):
        return isinstance(value, tuple)
    return isinstance(value, np.ndarray | np.generic | int | float | complex)


def _to_integer(kind):
    """Signed integers of any width that are the same in all threads are Python's."""
    least, span = int(np.iinfo(kind).min), 2 ** (8 * kind.itemsize)

    def convert(value):
        if type(value) is int:
            return value if least <= value < -least else (value - least) % span + least
        return cast(value, kind) if is_vector(value) else int(cast(value, kind))

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
