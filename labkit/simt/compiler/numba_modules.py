"""Where numba keeps its modules: in numba-cuda, or in the CUDA target inside numba."""

import contextlib
import importlib
import importlib.util


def either(name):
    """A module of numba-cuda's, or the one of the same name in numba."""
    old, new = ("numba.core", "numba"), ("numba.cuda.core", "numba.cuda", "numba")
    for package in old if is_old() else new:
        with contextlib.suppress(ImportError):
            return importlib.import_module(f"{package}.{name}")
    raise ImportError(f"numba has no module {name}")


def is_old():
    """Whether numba-cuda is missing, and it is the CUDA target inside numba that answers."""
    return importlib.util.find_spec("numba.cuda.core") is None
