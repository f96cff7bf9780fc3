"""Python's and NumPy's own functions as kernels call them: <math.h>, min and max, len,
reductions."""

import builtins
import cmath
import math
import operator

import numpy as np

from labkit.simt import views
from labkit.simt.intrinsics import selp
from labkit.simt.memory import Array
from labkit.simt.registry import intrinsic, replaces
from labkit.simt.values import binary, cast, comparison, dtype_of, is_vector, plain, strong


@intrinsic
def fma(f, a, b, c):
    """a * b + c rounded once: exact for float32, which is computed in double; else rounded
    twice."""
    kind = np.result_type(*[strong(value) for value in (a, b, c)])
    if kind == np.float32:
        a, b, c = (cast(value, np.dtype(np.float64)) for value in (a, b, c))
    return cast(binary("+")(binary("*")(a, b), c), kind)


@intrinsic
def cbrt(f, x):
    return plain(np.cbrt(_real(x)))


@intrinsic
def rsqrt(f, x):
    x = _real(x)
    return plain((1 / np.sqrt(x)).astype(x.dtype))


# Python's own functions


def _real(x):
    """A number as a function of <math.h> takes it: integers become double."""
    x = strong(x)
    return x.astype(np.float64) if x.dtype.kind in "bui" else x


@replaces(cmath.log, math.log)
def _log(f, x, base=None):
    log = np.log(_real(x))
    return plain(log if base is None else log / np.log(_real(base)))


def _cartesian(real, imag):
    """real + imag j, put together part by part: a sum would lose the sign of a zero."""
    single = np.result_type(real, imag) == np.float32
    shape = np.broadcast_shapes(np.shape(real), np.shape(imag))
    value = np.empty(shape, np.complex64 if single else np.complex128)
    value.real, value.imag = real, imag
    return plain(value[()])


def _maths(host, ufunc):
    replaces(host)(lambda f, *args: plain(ufunc(*[_real(arg) for arg in args])))


for _name in [
    "sqrt",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "exp",
    "expm1",
    "log2",
    "log10",
    "log1p",
    "fabs",
    "copysign",
    "fmod",
    "hypot",
    "degrees",
    "radians",
    "isnan",
    "isinf",
    "isfinite",
    "exp2",
    "nextafter",
]:
    _maths(getattr(math, _name), getattr(np, _name))
for _name in ["asin", "acos", "atan", "asinh", "acosh", "atanh", "atan2"]:
    _maths(getattr(math, _name), getattr(np, _name.replace("a", "arc", 1)))
_maths(math.pow, np.power)
for _name, _count in {"erf": 1, "erfc": 1, "gamma": 1, "lgamma": 1}.items():
    _slow = np.frompyfunc(getattr(math, _name), 1, 1)  # NumPy has none of these

    def _call(x, slow=_slow):
        return np.asarray(slow(x), dtype=np.asarray(x).dtype)[()]

    _maths(getattr(math, _name), _call)
for _host, _ufunc in {math.floor: np.floor, math.ceil: np.ceil, math.trunc: np.trunc}.items():
    replaces(_host)(lambda f, x, ufunc=_ufunc: cast(ufunc(_real(x)), np.dtype(np.int64)))


def _two(compute):
    return lambda f, a, b: compute(a, b)


def _remainder(x, y):
    return x - y * np.rint(x / y)


_maths(math.remainder, _remainder)
for _name in [
    "sqrt",
    "exp",
    "log10",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "isnan",
    "isinf",
    "isfinite",
]:
    _maths(getattr(cmath, _name), getattr(np, _name))
for _name in ["asin", "acos", "atan", "asinh", "acosh", "atanh"]:
    _maths(getattr(cmath, _name), getattr(np, _name.replace("a", "arc", 1)))
_maths(cmath.phase, np.angle)
replaces(cmath.polar)(lambda f, z: (plain(np.abs(_real(z))), plain(np.angle(_real(z)))))
_maths(
    cmath.rect, lambda r, angle: np.asarray(np.frompyfunc(cmath.rect, 2, 1)(r, angle), complex)[()]
)
for _op, _host in {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "**": "pow",
    "&": "and_", "|": "or_", "^": "xor", "<<": "lshift", ">>": "rshift",
}.items():  # fmt: skip
    for _prefix in ("", "i"):
        _function = getattr(operator, _prefix + (_host.rstrip("_") if _prefix else _host))
        replaces(_function)(_two(binary(_op)))
for _op, _host in {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}.items():
    replaces(getattr(operator, _host))(_two(comparison(_op)))


@replaces(math.ldexp)
def _ldexp(f, x, exponent):
    return plain(np.ldexp(_real(x), strong(exponent)))


@replaces(math.frexp)
def _frexp(f, x):
    mantissa, exponent = np.frexp(_real(x))
    return plain(mantissa), plain(exponent)


@replaces(math.modf)
def _modf(f, x):
    return tuple(plain(part) for part in np.modf(_real(x)))


@replaces(abs)
def _abs(f, x):
    return plain(np.abs(strong(x)))


@replaces(pow)
def _pow(f, a, b):
    return binary("**")(a, b)


@replaces(divmod)
def _divmod(f, a, b):
    return binary("//")(a, b), binary("%")(a, b)


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


@replaces(sum)
def _sum(f, values, start=0):
    for value in values:
        start = binary("+")(start, value)
    return start


@replaces(len, counts=False)
def _len(f, value):
    return value.shape[0] if hasattr(value, "shape") else len(value)


@replaces(isinstance, counts=False)
def _isinstance(f, value, kind):
    if isinstance(value, tuple | Array):
        return isinstance(value, kind)
    return isinstance(strong(value).dtype.type(0).item(), kind)


@replaces(range, counts=False)
def _range(f, *bounds):
    return tuple(range(*bounds))


def _listed(f, values):
    return views.elements(f, values) if isinstance(values, Array) else values


@replaces(enumerate, counts=False)
def _enumerate(f, values, start=0):
    return tuple(enumerate(_listed(f, values), start))


@replaces(zip, counts=False)
def _zip(f, *groups):
    return tuple(zip(*[_listed(f, group) for group in groups], strict=False))


@replaces(tuple, counts=False)
def _tuple(f, values=()):
    return tuple(values)


for _python, _dtype in {int: np.int64, float: np.float64, bool: np.bool_}.items():
    replaces(_python)(lambda f, x=0, dtype=_dtype: cast(x, np.dtype(dtype)))


@replaces(complex)
def _complex(f, real=0, imag=0):
    return _cartesian(strong(real), strong(imag))


_WHOLE_ARRAY = [
    "sum",
    "prod",
    "min",
    "max",
    "mean",
    "var",
    "std",
    "any",
    "all",
    "count_nonzero",
    "nansum",
    "nanprod",
    "nanmin",
    "nanmax",
    "nanmean",
    "nanvar",
    "nanstd",
    "nanmedian",
    "median",
]


def whole_array(name):
    """`np.sum(array)` and its like: every thread reduces all the elements by itself."""
    reduce = getattr(np, name)

    def run(f, array):
        values = [views.at(f, array, index) for index in np.ndindex(array.shape)]
        shape = (f.batch.n_lanes,) if any(is_vector(v) for v in values) else ()
        found = np.stack([np.broadcast_to(strong(v), shape) for v in values])
        return plain(np.apply_along_axis(reduce, 0, found)[()] if name == "count_nonzero"
                     else reduce(found, axis=0))  # fmt: skip

    return run


for _name in _WHOLE_ARRAY:
    replaces(getattr(np, _name))(whole_array(_name))


@replaces(builtins.print, counts=False)
def _print(f, *values):
    """Print one line per active thread, in order."""
    for lane in f.mask.lanes:
        print(*[plain(value[lane]) if is_vector(value) else value for value in values])
