"""Python's and NumPy's own functions as kernels call them: <math.h>, min, len, reductions."""

import cmath
import functools
import math
import operator

import numpy as np

from labkit.simt.compiler import views
from labkit.simt.lanes.memory import Array
from labkit.simt.lanes.values import binary, cast, comparison, dtype_of, is_vector, plain, strong
from labkit.simt.language.intrinsics import selp
from labkit.simt.language.registry import intrinsic, replaces


@intrinsic
def fma(f, a, b, c):
    """a * b + c, rounded once for float32, which is computed in double; else twice."""
    kind = np.result_type(*[strong(value) for value in (a, b, c)])
    if kind == np.float32:
        a, b, c = (cast(value, np.dtype(np.float64)) for value in (a, b, c))
    return cast(binary("+")(binary("*")(a, b), c), kind)


@intrinsic
def cbrt(f, x):
    return plain(np.cbrt(_real(x)))


# <math.h>


def _real(x):
    """A number as a function of <math.h> takes it: integers become double."""
    x = strong(x)
    return x.astype(np.float64) if x.dtype.kind in "bui" else x


def _maths(host, ufunc):
    replaces(host)(lambda f, *args: plain(ufunc(*[_real(arg) for arg in args])))


def _each(function):
    """A function that NumPy does not have, called for each number."""
    slow = np.frompyfunc(function, 1, 1)
    return lambda x: np.asarray(slow(x), dtype=np.asarray(x).dtype)[()]


_ARCS = ["asin", "acos", "atan", "asinh", "acosh", "atanh"]
_BOTH = [
    "sqrt", "exp", "log10", "sin", "cos", "tan", "sinh", "cosh", "tanh", "isnan", "isinf",
    "isfinite",
]  # fmt: skip
_REAL = [
    "expm1", "log2", "log1p", "fabs", "copysign", "fmod", "hypot", "degrees", "radians", "exp2",
    "nextafter",
]  # fmt: skip
for _module, _names in {math: [*_BOTH, *_REAL, *_ARCS, "atan2"], cmath: _BOTH + _ARCS}.items():
    for _name in _names:
        _same = _name.replace("a", "arc", 1) if _name in (*_ARCS, "atan2") else _name
        _maths(getattr(_module, _name), getattr(np, _same))
for _name in ("erf", "erfc", "gamma", "lgamma"):
    _maths(getattr(math, _name), _each(getattr(math, _name)))
for _host, _ufunc in {math.floor: np.floor, math.ceil: np.ceil, math.trunc: np.trunc}.items():
    replaces(_host)(lambda f, x, ufunc=_ufunc: cast(ufunc(_real(x)), np.dtype(np.int64)))
for _host, _ufunc in {math.frexp: np.frexp, math.modf: np.modf}.items():
    replaces(_host)(lambda f, x, ufunc=_ufunc: tuple(map(plain, ufunc(_real(x)))))
replaces(math.ldexp)(lambda f, x, exponent: plain(np.ldexp(_real(x), strong(exponent))))
_maths(math.pow, np.power)
_maths(math.remainder, lambda x, y: x - y * np.rint(x / y))


@replaces(cmath.log, math.log)
def _log(f, x, base=None):
    log = np.log(_real(x))
    return plain(log if base is None else log / np.log(_real(base)))


@replaces(complex)
def _complex(f, real=0, imag=0):
    """real + imag j, put together part by part: a sum would lose the sign of a zero."""
    real, imag = strong(real), strong(imag)
    single = np.result_type(real, imag) == np.float32
    shape = np.broadcast_shapes(np.shape(real), np.shape(imag))
    value = np.empty(shape, np.complex64 if single else np.complex128)
    value.real, value.imag = real, imag
    return plain(value[()])


_rect = np.frompyfunc(cmath.rect, 2, 1)
_maths(cmath.rect, lambda r, angle: np.asarray(_rect(r, angle), complex)[()])
_maths(cmath.phase, np.angle)
replaces(cmath.polar)(lambda f, z: (plain(np.abs(_real(z))), plain(np.angle(_real(z)))))


# Python's own functions


def _two(compute):
    return lambda f, a, b: compute(a, b)


for _op, _host in {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "**": "pow",
    "&": "and_", "|": "or_", "^": "xor", "<<": "lshift", ">>": "rshift",
}.items():  # fmt: skip
    _functions = getattr(operator, _host), getattr(operator, f"i{_host.rstrip('_')}")
    replaces(*_functions)(_two(binary(_op)))
for _op, _host in {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}.items():
    replaces(getattr(operator, _host))(_two(comparison(_op)))
for _python, _dtype in {int: np.int64, float: np.float64, bool: np.bool_}.items():
    replaces(_python)(lambda f, x=0, dtype=_dtype: cast(x, np.dtype(dtype)))
replaces(abs)(lambda f, x: plain(np.abs(strong(x))))
replaces(pow)(_two(binary("**")))
replaces(divmod)(lambda f, a, b: (binary("//")(a, b), binary("%")(a, b)))
replaces(sum)(lambda f, values, start=0: functools.reduce(binary("+"), values, start))


@replaces(round)
def _round(f, x, digits=None):
    x = strong(x)
    if digits is not None:
        return cast(np.round(x.astype(np.float64), digits), x.dtype)
    return cast(np.rint(x), np.dtype(np.int64))


def _extreme(is_better):
    def run(f, *args):
        args = args[0] if len(args) == 1 else args
        kind = np.result_type(*[dtype_of(arg) for arg in args])
        best = cast(args[0], kind)
        for arg in args[1:]:
            other = cast(arg, kind)
            best = selp.run(f, is_better(other, best), other, best)
        return best

    return run


replaces(min)(_extreme(comparison("<")))
replaces(max)(_extreme(comparison(">")))


@replaces(len, counts=False)
def _len(f, value):
    return value.shape[0] if hasattr(value, "shape") else len(value)


@replaces(isinstance, counts=False)
def _isinstance(f, value, kind):
    if isinstance(value, tuple | Array):
        return isinstance(value, kind)
    return isinstance(strong(value).dtype.type(0).item(), kind)


def _listed(f, values):
    return views.elements(f, values) if isinstance(values, Array) else values


@replaces(zip, counts=False)
def _zip(f, *groups):
    return tuple(zip(*[_listed(f, group) for group in groups], strict=False))


@replaces(enumerate, counts=False)
def _enumerate(f, values, start=0):
    return tuple(enumerate(_listed(f, values), start))


replaces(range, counts=False)(lambda f, *bounds: tuple(range(*bounds)))
replaces(tuple, counts=False)(lambda f, values=(): tuple(values))

WHOLE_ARRAY = [
    "sum", "prod", "min", "max", "mean", "var", "std", "any", "all", "count_nonzero", "nansum",
    "nanprod", "nanmin", "nanmax", "nanmean", "nanvar", "nanstd",
]  # fmt: skip


def whole_array(name):
    """`np.sum(array)` and its like: every thread reduces all the elements by itself."""
    reduce = getattr(np, name)

    def run(f, array):
        values = [views.at(f, array, index) for index in np.ndindex(array.shape)]
        shape = (f.batch.n_lanes,) if any(is_vector(v) for v in values) else ()
        values = [np.broadcast_to(strong(v), shape) for v in values]
        return plain(reduce(np.stack(values) if values else np.empty(0, array.dtype), axis=0))

    return run


for _name in WHOLE_ARRAY:
    replaces(getattr(np, _name))(whole_array(_name))


@replaces(print, counts=False)
def _print(f, *values):
    """Print one line per active thread, in order."""
    for lane in f.mask.lanes:
        print(*[_of_lane(value, lane) for value in values])


def _of_lane(value, lane):
    if isinstance(value, tuple):
        return tuple(_of_lane(part, lane) for part in value)
    return plain(value[lane]) if is_vector(value) else value
