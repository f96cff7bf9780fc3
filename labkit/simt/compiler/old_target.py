"""What numba-cuda has and the CUDA target inside numba lacks, declared with numba-cuda's types."""

import functools
import math

import numpy as np

from labkit.simt.lanes.dtypes import TYPES
from labkit.simt.language.builtins import WHOLE_ARRAY
from labkit.simt.language.registry import MODULES

_OF_MATH = {"nextafter", "exp2"}
_KINDS = {"any": bool, "all": bool, "argmin": np.int64, "argmax": np.int64, "count_nonzero": int}
_MEANS = ("mean", "var", "std", "nanmean", "nanvar", "nanstd")


@functools.lru_cache(maxsize=256)
def module_attribute(context, numba, module, name):
    """The type of `module.name`, or None where it is not one of those that are lacking."""
    if module.__name__ == "numba.cuda":
        found = getattr(MODULES["numba.cuda"], name, None)
        if (name in TYPES and not hasattr(module, name)) or isinstance(found, int):
            return context.resolve_value_type(found)
    host = getattr(module, name, None)
    if module is np and name in WHOLE_ARRAY:
        return numba.types.Function(_template(numba, host, _reduced(numba, name)))
    if module is np and name == "isnan":
        return numba.types.Function(_template(numba, host, lambda x: numba.types.boolean))
    if module is math and name in _OF_MATH:
        return numba.types.Function(_template(numba, host, _floating(numba)))
    return None


@functools.lru_cache(maxsize=256)
def array_method(numba, array, name):
    """The type of `array.name`, for a method that reduces a whole array; else None."""
    if not isinstance(array, numba.types.Array) or name not in WHOLE_ARRAY[:11]:
        return None
    template = _template(numba, f"array.{name}", lambda: _reduced(numba, name)(array), array)
    return numba.types.BoundFunction(template, array)


def _template(numba, key, result, receiver=None):
    """numba's template of a function whose type is `result(*types of arguments)`."""
    from numba.core.typing.templates import AbstractTemplate

    def generic(self, args, kws):
        found = result(*args)
        return None if found is None else numba.typing.signature(found, *args, recvr=receiver)

    return type("Lacking", (AbstractTemplate,), {"key": key, "generic": generic})


@functools.cache
def _reduced(numba, name):
    def result(array):
        if not isinstance(array, numba.types.Array):
            return None
        kind = np.dtype(str(array.dtype)) if str(array.dtype) != "bool" else np.dtype(bool)
        if name in _KINDS:
            kind = np.dtype(_KINDS[name])
        elif name in _MEANS:
            kind = np.dtype(np.float64)
        elif name.endswith(("sum", "prod")) and kind.kind in "biu":
            kind = np.dtype(np.uint64 if kind.kind == "u" else np.int64)
        return numba.numpy.from_dtype(kind)

    return result


def _floating(numba):
    def result(*args):
        single = all(arg == numba.types.float32 for arg in args)
        return numba.types.float32 if single else numba.types.float64

    return result
