"""Numba's objects and ours: which stands for which."""

import functools
import types

from labkit.simt.lanes.dtypes import Type
from labkit.simt.language.registry import MODULES


def ours(found):
    """An object of numba's as the one that stands for it here; anything else as it is."""
    if isinstance(found, types.ModuleType):
        return MODULES.get(found.__name__, found)
    module = getattr(found, "__module__", None) or type(found).__module__
    if not isinstance(module, str) or not module.startswith(("numba", "labkit.simt.install")):
        module = type(found).__module__
    if not module.startswith("numba"):
        return found
    if hasattr(found, "py_func"):
        return found
    path = getattr(found, "__qualname__", None) or getattr(found, "_name", None)
    value = MODULES["numba.cuda"]
    for part in (path if isinstance(path, str) else str(found)).split("."):
        value = getattr(value, part, None)
    return found if value is None else value


def theirs(found):
    """numba's object for one of ours; anything else as it is."""
    if isinstance(found, Type):
        return _type_of_theirs(found)
    known = _counterparts().get(id(found))
    return found if known is None else known[1]


def name_of(found):
    """(numba's namespace, the name in it) of one of our functions, or None."""
    known = _counterparts().get(id(found))
    return known[2:] if known and known[2:] else None


def _type_of_theirs(found):
    from numba import types

    scalar = getattr(types, "boolean" if found.name == "bool_" else found.name)
    return types.Array(scalar, found.ndim, "A") if found.ndim else scalar


@functools.cache
def _counterparts():
    """id -> (an object of ours, numba's of that name, the namespace and the name)."""
    from numba import cuda

    mine, found = MODULES["numba.cuda"], {}
    _pair(mine, cuda, found)
    for name in ("atomic", "shared", "local", "const", "cg", "fp16", "libdevice"):
        if hasattr(mine, name) and hasattr(cuda, name):
            _pair(getattr(mine, name), getattr(cuda, name), found)
    found[id(mine.types)] = mine.types, cuda.types
    return found


def _pair(mine, other, found):
    found[id(mine)] = mine, other
    for name, value in vars(mine).items():
        if not name.startswith("_") and hasattr(other, name) and not isinstance(value, int | Type):
            found[id(value)] = value, getattr(other, name), other, name
