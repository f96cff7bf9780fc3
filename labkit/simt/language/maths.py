"""`math`, `cmath`, `cuda.fma` and `cuda.cbrt`, typed as numba types them for a GPU."""

import cmath
import math

import numpy as np

from labkit.simt.lanes.values import binary, cast, plain, strong
from labkit.simt.language.registry import intrinsic, replaces

SINGLE = "?bhBef"  # what numba converts to float32, if need be; uint16 it counts as too wide
# Those of one number, by the name of NumPy's; whether float16 stays (else it becomes float32).
_HALF_STAYS = {
    "sqrt": True, "exp": True, "exp2": True, "log": True, "log2": True, "log10": True, "sin": True,
    "cos": True, "floor": True, "ceil": True, "trunc": True, "fabs": True, "isnan": True,
    "isinf": True, "isfinite": True, "tan": False, "sinh": False, "cosh": False, "tanh": False,
    "expm1": False, "log1p": False, "degrees": False, "radians": False, "arcsin": False,
    "arccos": False, "arctan": False, "arcsinh": False, "arccosh": False, "arctanh": False,
}  # fmt: skip


def _numbers(*values):
    values = [strong(value) for value in values]
    if any(value.dtype.kind == "c" for value in values):
        raise TypeError("a function of math takes no complex number: cmath has it")
    return values


def floats(*values):
    """Numbers as float32 if that takes them all, else as float64."""
    values = _numbers(*values)
    single = all(value.dtype.char in SINGLE for value in values)
    return [value.astype(np.float32 if single else np.float64, copy=False) for value in values]


def _of_one(x, half_stays=False):
    """A number as a function of one takes it: integers become double."""
    (x,) = _numbers(x)
    if x.dtype.kind in "bui":
        return x.astype(np.float64)
    return x if half_stays or x.dtype.char != "e" else x.astype(np.float32)


def _of_two(x, y):
    """The same for two numbers, where only integers become double."""
    x, y = _numbers(x, y)
    if x.dtype.kind in "bui" and y.dtype.kind in "bui":
        return x.astype(np.float64), y.astype(np.float64)
    return floats(x, y)


def _complexes(*values):
    """Numbers as complex64 if that takes them all, else as complex128."""
    values = [strong(value) for value in values]
    single = all(value.dtype.char in SINGLE + "F" for value in values)
    return [value.astype(np.complex64 if single else np.complex128) for value in values]


def each(function):
    """A function that NumPy does not have, called for each number; Python raises where C gives an
    infinity or NaN."""

    def safe(x, *y):
        try:
            return function(x, *y)
        except OverflowError:
            return math.inf
        except ValueError:  # a pole
            if function is math.lgamma:
                return math.inf
            return math.copysign(math.inf, x) if x == 0 and not y else math.nan

    def run(*args):
        slow = np.frompyfunc(safe, len(args), 1)
        return np.asarray(slow(*args), dtype=np.asarray(args[0]).dtype)[()]

    return run


def _one(host, compute, half_stays=False):
    replaces(host)(lambda f, x: plain(compute(_of_one(x, half_stays))))


def _two(host, compute, typed=floats):
    replaces(host)(lambda f, x, y: plain(compute(*typed(x, y))))


for _name, _half_stays in _HALF_STAYS.items():
    _one(getattr(math, _name.replace("arc", "a")), getattr(np, _name), _half_stays)
for _name in ("erf", "erfc", "gamma", "lgamma"):
    _one(getattr(math, _name), each(getattr(math, _name)))
for _name in ("copysign", "fmod", "nextafter"):
    _two(getattr(math, _name), getattr(np, _name))
_two(math.remainder, each(math.remainder))
_two(math.atan2, np.arctan2, _of_two)
_two(math.hypot, np.hypot, _of_two)


@replaces(math.pow)
def _pow(f, x, y):
    x, y = _numbers(x, y)
    whole = y.dtype == np.int32 or (x.dtype == np.float32 and y.dtype == np.uint16)
    x, power = (*floats(x), y) if whole else floats(x, y)
    return plain(np.power(x, power.astype(x.dtype)))


@replaces(math.ldexp)
def _ldexp(f, x, exponent):
    (exponent,) = _numbers(exponent)
    return plain(np.ldexp(*floats(x), exponent.astype(np.int32)))


@replaces(math.frexp)
def _frexp(f, x):
    return tuple(map(plain, np.frexp(*floats(x))))


@replaces(math.modf)
def _modf(f, x):
    (x,) = _numbers(x)
    return tuple(map(plain, np.modf(x if x.dtype == np.float32 else x.astype(np.float64))))


def _one_complex(host, compute):
    replaces(host)(lambda f, z: plain(compute(*_complexes(z))))


for _name in (
    "sqrt", "exp", "log10", "sin", "cos", "tan", "sinh", "cosh", "tanh", "isnan", "isinf",
    "isfinite", "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh",
):  # fmt: skip
    _one_complex(getattr(cmath, _name.replace("arc", "a")), getattr(np, _name))


@replaces(cmath.log)
def _log(f, z, base=None):
    z, *base = map(np.log, _complexes(z) if base is None else _complexes(z, base))
    return plain(z / base[0] if base else z)


@replaces(cmath.phase)
def _phase(f, z):
    return plain(np.angle(*_complexes(z)))


@replaces(cmath.polar)
def _polar(f, z):
    (z,) = _complexes(z)
    return plain(np.abs(z)), plain(np.angle(z))


def _rect_or_nan(r, angle):
    """A GPU gives NaN for an infinite angle, where Python raises."""
    try:
        return cmath.rect(r, angle)
    except ValueError:
        return complex(math.nan, math.nan)


@replaces(cmath.rect)
def _rect(f, r, angle):
    slow = np.frompyfunc(_rect_or_nan, 2, 1)
    return plain(np.asarray(slow(*floats(r, angle)), complex)[()])


@intrinsic
def fma(f, a, b, c):
    """a * b + c, rounded once for float32, which is computed in double; else twice."""
    a, b, c = floats(a, b, c)
    wide = [value.astype(np.float64) for value in (a, b, c)]
    return cast(binary("+")(binary("*")(*wide[:2]), wide[2]), a.dtype)


@intrinsic
def cbrt(f, x):
    return plain(np.cbrt(*floats(x)))
