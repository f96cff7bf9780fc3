"""Python's and NumPy's own functions as kernels call them: min, len, round, reductions."""

import functools
import operator

import numpy as np

from labkit.simt.compiler import views
from labkit.simt.compiler.loops import Ranges, counting
from labkit.simt.errors import refuse
from labkit.simt.lanes.arrays import Array
from labkit.simt.lanes.values import binary, cast, comparison, dtype_of, is_vector, plain, strong
from labkit.simt.language.intrinsics import Dim3, select
from labkit.simt.language.maths import floats
from labkit.simt.language.registry import replaces


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
replaces(bool)(lambda f, x=False: cast(x, np.dtype(np.bool_)))


def _converter(dtype, kept):
    """`int` or `float`, which leave a number alone that is one, whatever its width."""

    def run(f, x=0):
        if dtype is float and isinstance(x, str):  # numba takes "inf" and "nan"
            return float(x)
        if dtype_of(x).kind not in "biuf":
            raise TypeError("a complex number does not convert to a real one")
        return x if dtype_of(x).kind in kept else cast(x, np.dtype(dtype))

    return run


replaces(int)(_converter(np.int64, "iu"))
replaces(float)(_converter(float, "f"))


def _listed(f, values):
    return views.elements(f, values) if isinstance(values, Array) else values


replaces(abs)(lambda f, x: plain(np.abs(strong(x))))
replaces(pow)(_two(binary("**")))
replaces(divmod)(lambda f, a, b: (binary("//")(a, b), binary("%")(a, b)))


@replaces(sum)
def _sum(f, values, start=0):
    return functools.reduce(binary("+"), _listed(f, values), start)


@replaces(round)
def _round(f, x, digits=None):
    (number,) = floats(x)
    if digits is None:
        return cast(np.rint(strong(x)), np.dtype(np.int64))
    digits = strong(digits).astype(np.int64)
    right, rest = digits >= 0, np.maximum(digits - 22, 0)
    scale, more = 10.0 ** (abs(digits) - rest), 10.0**rest
    scaled = np.where(right, number * more * scale, number / scale)
    whole = strong(cast(np.rint(scaled), np.dtype(np.int64))).astype(np.float64)
    rounded = np.where(right, whole / scale / more, whole * scale)
    return cast(np.where(np.isfinite(scaled), rounded, number)[()], number.dtype)


@replaces(complex)
def _complex(f, real=0, imag=None):
    """real + imag j, put together part by part: a sum would lose the sign of a zero."""
    given = [strong(real), *([] if imag is None else [strong(imag)])]
    single = all(part.dtype == np.float32 for part in given)
    value = np.empty(np.broadcast_shapes(*map(np.shape, given)), "c8" if single else "c16")
    value.real, value.imag = given[0].real, given[1].real if len(given) > 1 else given[0].imag
    return plain(value[()])


def _extreme(is_better):
    def run(f, *args):
        args = _listed(f, args[0]) if len(args) == 1 else args
        kinds = [dtype_of(arg) for arg in args]
        if len(args) > 1 and np.dtype(bool) in kinds:
            refuse("min and max take no bool: compare numbers, or use `and` and `or`")
        kind = np.result_type(*kinds)
        quick = len(args) == 2 and all(one.char in "fd" for one in kinds)
        best = cast(args[0], kind)
        for arg in args[1:]:
            other = cast(arg, kind)
            better = is_better(other, best)
            if quick:  # one instruction, where a NaN never wins
                better = np.logical_or(better, np.not_equal(best, best))
            best = select(better, other, best)
        return best

    return run


replaces(min)(_extreme(comparison("<")))
replaces(max)(_extreme(comparison(">")))


@replaces(len, counts=False)
def _len(f, value):
    value = value.even() if isinstance(value, Array) else value
    return value.shape[0] if hasattr(value, "shape") else len(value)


@replaces(isinstance, counts=False)
def _isinstance(f, value, kind):
    if isinstance(value, tuple | Array):
        return isinstance(value, kind)
    return isinstance(strong(value).dtype.type(0).item(), kind)


@replaces(zip, counts=False)
def _zip(f, *groups):
    return tuple(zip(*[_listed(f, group) for group in groups], strict=False))


@replaces(enumerate, counts=False)
def _enumerate(f, values, start=0):
    return tuple(enumerate(_listed(f, values), start))


@replaces(range, counts=False)
def _range(f, *bounds):
    found = counting(*bounds)
    return found if isinstance(found, Ranges) else tuple(found.values)


replaces(tuple, counts=False)(lambda f, values=(): tuple(values))

WHOLE_ARRAY = [
    "sum", "prod", "min", "max", "argmin", "argmax", "mean", "var", "std", "any", "all",
    "count_nonzero", "nansum", "nanprod", "nanmin", "nanmax", "nanmean", "nanvar", "nanstd",
]  # fmt: skip
_ALLOCATING = ("min", "max", "nanmin", "nanmax")  # found by compiling them with numba-cuda 0.30


def whole_array(name):
    """`np.sum(array)` and its like: every thread reduces all the elements by itself."""
    reduce = getattr(np, name)

    def run(f, array):
        if name in _ALLOCATING:
            refuse(
                f"{name} of a whole array needs memory that a kernel may allocate, which numba "
                f"does not give it by default: compare the elements in a loop, with "
                f"{name.removeprefix('nan')}(a, b)"
            )
        values = [views.at(f, array, index) for index in np.ndindex(array.even().shape)]
        shape = (f.batch.n_lanes,) if any(is_vector(v) for v in values) else ()
        values = [np.broadcast_to(strong(v), shape) for v in values]
        return plain(reduce(np.stack(values) if values else np.empty(0, array.dtype), axis=0))

    return run


for _name in WHOLE_ARRAY:
    replaces(getattr(np, _name))(whole_array(_name))


@replaces(print, counts=False)
def _print(f, *values):
    """Print one line per active thread, in order."""
    if any(
        value is None or isinstance(value, Array | complex | np.complexfloating) for value in values
    ):
        refuse("a kernel prints real numbers, text and tuples of these")
    for lane in f.mask.lanes:
        print(*[_of_lane(value, lane) for value in values])


def _of_lane(value, lane):
    if isinstance(value, Dim3):
        value = value.x, value.y, value.z
    if isinstance(value, tuple):
        return tuple(_of_lane(part, lane) for part in value)
    return plain(value[lane]) if is_vector(value) else value
