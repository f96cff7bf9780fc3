"""`cuda.libdevice`: NVIDIA's mathematical functions by their own names; in f, those of float32."""

import math
import types

import numpy as np

from labkit.simt.lanes.values import cast, plain, strong
from labkit.simt.language.maths import each
from labkit.simt.language.registry import Intrinsic

_OF_NUMPY = {
    "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin, "asinh": np.arcsinh,
    "atan": np.arctan, "atan2": np.arctan2, "atanh": np.arctanh, "cbrt": np.cbrt, "ceil": np.ceil,
    "copysign": np.copysign, "cos": np.cos, "cosh": np.cosh, "exp": np.exp, "exp2": np.exp2,
    "expm1": np.expm1, "fabs": np.fabs, "floor": np.floor, "fmax": np.fmax, "fmin": np.fmin,
    "fmod": np.fmod, "hypot": np.hypot, "log": np.log, "log10": np.log10, "log1p": np.log1p,
    "log2": np.log2, "nextafter": np.nextafter, "pow": np.power, "rint": np.rint, "sin": np.sin,
    "sinh": np.sinh, "sqrt": np.sqrt, "tan": np.tan, "tanh": np.tanh, "trunc": np.trunc,
    "exp10": lambda x: x.dtype.type(10) ** x, "rsqrt": lambda x: 1 / np.sqrt(x),
    "fdim": lambda x, y: np.where(x > y, x - y, np.where(np.isnan(x + y), x + y, 0)),
    "fma": lambda x, y, z: x * y + z, "erf": each(math.erf), "erfc": each(math.erfc),
    "lgamma": each(math.lgamma), "tgamma": each(math.gamma),
    "sinpi": lambda x: np.sin(math.pi * x), "cospi": lambda x: np.cos(math.pi * x),
    "round": lambda x: np.copysign(np.floor(np.abs(x) + 0.5), x),
}  # fmt: skip
_FAST = ("sin", "cos", "tan", "exp", "exp10", "log", "log2", "log10", "pow")  # fast_sinf, ...
_OF_INTEGERS = {
    "abs": (np.abs, np.int32), "llabs": (np.abs, np.int64), "max": (np.maximum, np.int32),
    "min": (np.minimum, np.int32), "llmax": (np.maximum, np.int64),
    "llmin": (np.minimum, np.int64), "umax": (np.maximum, np.uint32),
    "umin": (np.minimum, np.uint32), "popc": (np.bitwise_count, np.int32),
    "popcll": (np.bitwise_count, np.int64),
}  # fmt: skip


def _made(name, compute, dtype):
    def run(f, *args):
        values = [cast(strong(arg), np.dtype(dtype)) for arg in args]
        return plain(np.asarray(compute(*map(strong, values))).astype(dtype)[()])

    return Intrinsic(f"libdevice.{name}", run)


def _all():
    for name, compute in _OF_NUMPY.items():
        yield name, compute, np.float64
        yield f"{name}f", compute, np.float32
    for name in _FAST:
        yield f"fast_{name}f", _OF_NUMPY[name], np.float32
    for name, (compute, dtype) in _OF_INTEGERS.items():
        yield name, compute, dtype


libdevice = types.SimpleNamespace(**{name: _made(name, *how) for name, *how in _all()})
