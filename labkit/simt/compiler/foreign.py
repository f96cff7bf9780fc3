"""Numba's objects, and which of ours stands for each inside a kernel."""

import types

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
