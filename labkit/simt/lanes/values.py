"""Values: a scalar while all lanes agree, else a vector with one element per lane.

Also the rule that types an operation. Literals are strong: an int is int64, a float float64, so
NumPy's weak promotion of Python scalars never applies.
"""

import functools
import operator

import numpy as np

from labkit.simt.errors import KernelError, refuse

_STRONG = {int: np.int64, float: np.float64, bool: np.bool_, complex: np.complex128}
_PLAIN = {kind: python for python, kind in _STRONG.items()}
_PYTHON_DTYPE = {python: np.dtype(kind) for python, kind in _STRONG.items()}
_MANY = 0x10000  # the largest exponent that numba multiplies out
_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
_INT64, _UINT64 = np.dtype(np.int64), np.dtype(np.uint64)

UFUNCS = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.true_divide, "//": np.floor_divide,
    "%": np.remainder, "**": np.power, "&": np.bitwise_and,
    "|": np.bitwise_or, "^": np.bitwise_xor, "<<": np.left_shift, ">>": np.right_shift,
}  # fmt: skip
# Quick for two Python scalars, and for two ints of which the second is not 0.
_EXACT = {"+": operator.add, "-": operator.sub, "*": operator.mul}
_WHOLE = {"//": operator.floordiv, "%": operator.mod, "&": operator.and_, "|": operator.or_}
COMPARISONS = {
    "<": (np.less, operator.lt), "<=": (np.less_equal, operator.le), ">": (np.greater, operator.gt),
    ">=": (np.greater_equal, operator.ge), "==": (np.equal, operator.eq),
    "!=": (np.not_equal, operator.ne),
}  # fmt: skip


def is_vector(value):
    return type(value) is np.ndarray


def dtype_of(value):
    """The dtype of a scalar or vector."""
    found = getattr(value, "dtype", None) or _PYTHON_DTYPE.get(type(value))
    if found is None:
        remedy = ": for infinity write math.inf or -math.inf" if isinstance(value, str) else ""
        raise TypeError(f"a {type(value).__name__} isn't a number{remedy}")
    return found


def need(what, value, *names):
    """Refuse a value whose dtype is not among those that numba takes."""
    if dtype_of(value).name not in names:
        refuse(f"{what} takes {', '.join(names)}; this is {dtype_of(value)}: convert it first")


def strong(value):
    """A Python scalar as the NumPy scalar of its strong type; anything else as it is."""
    convert = _STRONG.get(type(value))
    return convert(value) if convert else value


def plain(value):
    """The reverse: int64, float64, bool and complex128 scalars become Python's, which are
    faster."""
    convert = _PLAIN.get(type(value))
    return convert(value) if convert else value


def literal(value):
    """A number as it enters a kernel: an int from 2**63 on is uint64, else it must fit int64."""
    if type(value) is int and not -(2**63) <= value < 2**63:
        if not 0 <= value < 2**64:
            raise KernelError(f"{value} does not fit in 64 bits", "refused")
        return np.uint64(value)
    return plain(value)


def result_dtype(op, a, b):
    """The dtype of `a op b`, as numba types it; raises TypeError where NumPy has no such
    operation."""
    if op in ("<<", ">>"):
        b = a
    if a.kind in "bui" and b.kind in "bui":
        if op == "/":
            return _FLOAT64
        if a.kind == b.kind == "b" and op in "&|^":
            return a
        return _UINT64 if a.kind == b.kind == "u" else _INT64
    if op == "**" and a.char in "ef" and b.kind in "iu":
        return _FLOAT32
    # numba counts an unsigned integer as too wide for a float of its own size, NumPy of half of it
    for wide, narrow in ((a, b), (b, a)):
        if wide == np.uint16 and narrow.char in "efF":
            return np.result_type(narrow, _FLOAT64)
        if wide == np.uint8 and narrow == np.float16:
            return _FLOAT32
    found = np.result_type(a, b)
    return _FLOAT32 if found == np.float16 and op not in "+-*/" else found


def _kind(value):
    return value.dtype.name if hasattr(value, "dtype") else type(value).__name__


def _whole_power(a, b, dtype):
    """a to the power b in whole numbers: 1 / a**-b, rounded towards 0, where b is negative, and the
    least number there is for 1 / 0. numba's function for it may end in `math.pow`, so it gives
    float64, which a large number does not survive unrounded."""
    many, a, b = b > _MANY, a.astype(dtype), b.astype(dtype)
    inverse = np.where(abs(a) == 1, np.where(b % 2 == 1, a, 1), 0)
    inverse = np.where(a == 0, np.iinfo(dtype).min, inverse)
    power = np.where(b < 0, inverse, np.power(a, np.maximum(b, 0))).astype(dtype)
    power = power.astype(np.float64)
    if many.any():
        power = np.where(many, np.power(a.astype(np.float64), b), power)
    return cast(power[()], dtype)


def _whole_quotient(a, b, dtype):
    """Rounded down; 0 for a division by 0, and for the one quotient that does not fit."""
    value = np.floor_divide(a, b, dtype=dtype, casting="unsafe")
    least = np.iinfo(dtype).min
    if least and value.min() == least:
        value = np.where((value == least) & (b.astype(dtype) == -1), 0, value)[()]
    return value


def _float_rest(x, y):
    """What is left of x when y is taken from it, with the sign of x, as a GPU computes it: the
    quotient is rounded before it is cut, so a large one leaves nothing, and infinity leaves NaN."""
    a, b = abs(x), abs(y)
    rest = a - np.floor(a / b) * b
    return np.where(x < 0, -rest, rest)


def _float_modulo(x, y, dtype):
    x, y = x.astype(dtype), y.astype(dtype)
    rest = _float_rest(x, y)
    turned = np.where((y < 0) != (rest < 0), rest + y, rest)
    found = np.where(rest != 0, turned, np.copysign(dtype.type(0), y))
    return np.where(y == 0, rest, found)[()]


def _float_quotient(x, y, dtype):
    x, y = x.astype(dtype), y.astype(dtype)
    rest = _float_rest(x, y)
    quotient = (x - rest) / y
    one_less = (rest != 0) & ((y < 0) != (rest < 0))
    quotient = np.where(one_less, quotient - dtype.type(1), quotient)
    low = np.floor(quotient)
    low = np.where(quotient - low > 0.5, low + dtype.type(1), low)
    zero = quotient * quotient * x / y
    return np.where(y == 0, x / y, np.where(quotient != 0, low, zero))[()]


_FLOAT_DIVISIONS = {"//": _float_quotient, "%": _float_modulo}


def _wrap(value):
    return (value + 2**63) % 2**64 - 2**63


@functools.cache
def binary(op):
    """The function that computes `a op b` on scalars and vectors with numba's types."""
    ufunc, exact, whole, plans = UFUNCS[op], _EXACT.get(op), _WHOLE.get(op), {}

    def plan(a, b):
        target = result_dtype(op, a, b)
        if op == "**" and target.kind in "iu":
            return functools.partial(_whole_power, dtype=target)
        if op == "//" and target.kind in "iu":
            return functools.partial(_whole_quotient, dtype=target)
        if op in _FLOAT_DIVISIONS and target.kind == "f":
            return functools.partial(_FLOAT_DIVISIONS[op], dtype=target)
        natural = np.result_type(a, b) == target and op not in ("/", "<<", ">>", "**")
        if not natural or target.kind == "b":
            return functools.partial(ufunc, dtype=target, casting="unsafe")
        return ufunc

    def apply(a, b):
        if exact is not None and type(a) is type(b):
            if type(a) is int:
                value = exact(a, b)
                return value if -(2**63) <= value < 2**63 else _wrap(value)
            if type(a) is float:
                return exact(a, b)
        elif whole is not None and type(a) is int and type(b) is int and b:
            value = whole(a, b)
            return value if value < 2**63 else 0  # -2**63 // -1, which numba makes 0
        if type(a) is tuple and exact is not None:
            return exact(a, b)
        a = a if type(a) is np.ndarray else strong(a)
        b = b if type(b) is np.ndarray else strong(b)
        try:
            key = (a.dtype, b.dtype)
        except AttributeError:
            raise TypeError(f"there is no {op} for {_kind(a)} and {_kind(b)}") from None
        run = plans.get(key)
        if run is None:
            run = plans[key] = plan(*key)
        value = run(a, b)
        return value if type(value) is np.ndarray else plain(value)

    return apply


@functools.cache
def comparison(op):
    """The function that compares two values; the result is bool."""
    (ufunc, quick), ordered = COMPARISONS[op], op not in ("==", "!=")

    def apply(a, b):
        if type(a) in (int, float) and type(a) is type(b):
            return quick(a, b)
        a, b = strong(a), strong(b)
        if ordered and "c" in (a.dtype.kind, b.dtype.kind):
            raise TypeError("complex numbers have no order")
        if type(a) is not np.ndarray and type(b) is not np.ndarray:
            return bool(quick(a, b))
        return ufunc(a, b)

    return apply


def cast(value, dtype):
    """The value converted to a dtype, as a GPU does. Raises TypeError for what isn't a number."""
    found = dtype_of(value)
    if found == dtype:
        return value
    value = strong(value)
    converted = cut(value, dtype) if found.kind == "f" and dtype.kind in "iu" else None
    converted = value.astype(dtype) if converted is None else converted
    return converted if is_vector(value) else plain(converted)


def cut(value, dtype):
    """Floats cut to integers as PTX's `cvt` does it (PTX ISA, 9.7.9): what does not fit becomes the
    nearest that does, and NaN 0, or the highest bit alone if either side has 64 bits. A byte is the
    lower half of a 16-bit integer. numba rounds a float16, and to a byte at once."""
    is_half = value.dtype == np.float16
    value = np.rint(value) if is_half else value
    wide = np.dtype(f"{dtype.kind}{max(dtype.itemsize, 1 if is_half else 2)}")
    limits = np.iinfo(wide)
    least, end = float(limits.min), float(limits.max + 1)
    if value.min() >= least and value.max() < end:
        return value.astype(dtype)
    of_nan = 0
    if 8 in (value.itemsize, wide.itemsize):
        of_nan = limits.min or limits.max // 2 + 1
    fits = (value >= least) & (value < end)
    edge = np.where(value >= end, limits.max, limits.min)
    edge = np.where(np.isnan(value), of_nan, edge)
    return np.where(fits, np.where(fits, value, 0).astype(wide), edge.astype(wide)).astype(dtype)[
        ()
    ]


def negative(value):
    value = strong(value)
    if value.dtype.kind in "bui":
        value = cast(value, result_dtype("-", value.dtype, value.dtype))
    return plain(np.negative(strong(value)))


def invert(value):
    value = strong(value)
    return plain(np.invert(strong(cast(value, result_dtype("+", value.dtype, value.dtype)))))


def truth(value):
    """A value as a condition: a Python bool, or a vector of bool."""
    if getattr(value, "dtype", None) == np.float16:
        refuse("numba compiles no float16 as a condition: compare it with 0")
    if type(value) is np.ndarray:
        return value if value.dtype == np.bool_ else value != 0
    return bool(value)


def merge(mask, new, old):
    """`new` in the lanes of the mask, `old` in the others."""
    if new is old:
        return old
    if type(new) in (int, bool) and type(new) is type(old) and new == old:
        return old
    if type(new) is tuple and type(old) is tuple and len(new) == len(old):
        return tuple(merge(mask, n, o) for n, o in zip(new, old, strict=True))
    if hasattr(new, "merged"):
        return new.merged(mask, old)
    if new is None or old is None or hasattr(old, "merged"):
        raise KernelError("a variable has different types in different threads", "refused")
    return np.where(mask.bits, strong(new), strong(old))
