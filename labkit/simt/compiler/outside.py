"""Names: what an object from outside the kernel is when a kernel calls it or reads it."""

import functools
import types

import numpy as np

from labkit.simt.compiler.views import at, uniform
from labkit.simt.errors import refuse
from labkit.simt.lanes.addresses import locate
from labkit.simt.lanes.arrays import CONST, GLOBAL, Allocation, Array, flatten
from labkit.simt.lanes.dtypes import Type, as_dtype
from labkit.simt.lanes.memory import save
from labkit.simt.lanes.unfilled import still
from labkit.simt.lanes.values import cast, dtype_of, plain, strong
from labkit.simt.language.registry import HOST_FUNCTIONS, Intrinsic

# The only ones that numba compiles for GPUs (0.30.4); np.sqrt and np.exp are not among them.
_UFUNCS = [
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "bitwise_and",
    "bitwise_or", "bitwise_xor", "conjugate", "cos", "cosh", "deg2rad", "degrees", "divide",
    "equal", "fmax", "fmin", "greater", "greater_equal", "hypot", "invert", "isnan", "left_shift",
    "less", "less_equal", "log", "log10", "log2", "logical_and", "logical_not", "logical_or",
    "logical_xor", "maximum", "minimum", "not_equal", "rad2deg", "radians", "right_shift", "sin",
    "sinh", "tan", "tanh",
]  # fmt: skip


def callable_for(found, text):
    """What runs when a kernel calls an object that isn't a device function."""
    if isinstance(found, Intrinsic):
        return found
    if isinstance(found, Type) or (isinstance(found, type) and issubclass(found, np.generic)):
        return _cast_to(as_dtype(found))
    if isinstance(found, type) and issubclass(found, tuple) and hasattr(found, "_fields"):
        return Intrinsic(found.__name__, lambda f, *parts: found(*parts), counts=False)
    try:
        known = HOST_FUNCTIONS.get(found)
    except TypeError:
        known = None
    if known is not None:
        return known
    if isinstance(found, np.ufunc):
        return _ufunc(found)
    if isinstance(found, types.FunctionType):
        refuse(
            f"{text} is a Python function: a kernel calls only functions with "
            f"@cuda.jit(device=True)"
        )
    return refuse(f"{text} cannot be called from a kernel")


@functools.cache
def _cast_to(dtype):
    def run(f, value=0):
        if dtype.kind != "c" and dtype_of(value).kind == "c":
            refuse(f"a complex number does not convert to {dtype}: take its .real")
        return cast(value, dtype)

    return Intrinsic(str(dtype), run)


@functools.cache
def _ufunc(ufunc):
    if ufunc not in [getattr(np, name) for name in _UFUNCS]:
        refuse(f"numba compiles no np.{ufunc.__name__} for a GPU: use an operator or math")

    def run(f, *args):
        if any(isinstance(arg, Array) for arg in args):
            return _ufunc_of_arrays(f, ufunc, args)
        return plain(_computed(ufunc, args))

    return Intrinsic(ufunc.__name__, run)


def _computed(ufunc, args):
    """A ufunc of numbers; NumPy computes with bytes in half precision, and a GPU in single."""
    args = [strong(arg) for arg in args]
    if not any(arg.dtype == np.float16 for arg in args):
        found = ufunc(*args)
        if found.dtype != np.float16:
            return found
    return ufunc(*[arg.astype(np.float32) for arg in args])


def _ufunc_of_arrays(f, ufunc, args):
    """`np.add(x, y, out)` on whole arrays: every thread works through all the elements."""
    *inputs, out = args
    if len(inputs) != ufunc.nin or not isinstance(out, Array):
        refuse(
            f"np.{ufunc.__name__} of arrays needs an array for its result: nothing can be allocated"
        )
    for index in np.ndindex(out.shape):
        values = [at(f, arg, index) if isinstance(arg, Array) else arg for arg in inputs]
        save(
            f,
            f.location,
            out,
            *locate(f, f.location, out, uniform(index)),
            plain(_computed(ufunc, values)),
        )


def constant_array(found, name):
    """A NumPy array from outside is frozen, as numba does; a device array is used as it is."""
    host = getattr(
        found, "host", getattr(found, "_ary", None)
    )  # our device arrays, numba's simulated
    if hasattr(found, "copy_to_host") and host is not None:
        unfilled = still(getattr(found, "unfilled", None))
        return host_array(host, Allocation(GLOBAL, name, host.nbytes, unfilled=unfilled))[0]
    if isinstance(found, np.ndarray):
        return host_array(found.copy(order="K"), Allocation(CONST, name, found.nbytes))[0]
    return found


def host_array(host, allocation, byte0=0):
    """A NumPy array as an array of the kernel -> (array, copy to be written back or None)."""
    store, strides, copy = flatten(host)
    return Array(store, 0, host.shape, strides, allocation, byte0), copy
