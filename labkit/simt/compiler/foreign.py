"""Numba's objects, and which of ours stands for each inside a kernel."""

import types

_CUDA_MODULES = ("numba.cuda", "numba_cuda.numba.cuda")


def ours(found):
    """An object of numba's as the one that stands for it here; anything else as it is."""
    if isinstance(found, types.ModuleType):
        return _our_module(found)
    module = getattr(found, "__module__", None) or type(found).__module__
    if not isinstance(module, str) or not module.startswith(("numba", "labkit.simt.install")):
        module = type(found).__module__
    if not module.startswith("numba"):
        return found
    if hasattr(found, "py_func"):
        return found
    return _our_object(found)


def _our_module(module):
    from labkit.simt import cuda

    known = {"": cuda, ".types": cuda.types, ".random": cuda.random, ".cg": cuda.cg}
    spelled = {name + part: found for name in _CUDA_MODULES for part, found in known.items()}
    return spelled.get(module.__name__, module)


def _our_object(found):
    from labkit.simt import cuda

    path = getattr(found, "__qualname__", None) or getattr(found, "_name", None)
    value = cuda
    for part in (path if isinstance(path, str) else str(found)).split("."):
        value = getattr(value, part, None)
    return found if value is None else value
