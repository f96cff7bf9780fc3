"""The kind of an answer: plain values, whatever they came dressed as, in the form asked for.

A check compares with `==` and `<=`, and an object may define these as it likes. So nothing but
plain Python values and arrays reach a check. Between a list, a tuple and an array no check insists.
"""

import fractions
import functools
import numbers
import sys
import types
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np

FUNCTION, CLASS, NUMBER, TEXT = "a function", "a class", "a number", "a text in quotes"
TRUTH, SEQUENCE = "True or False", "a list, tuple or array"
# Arrays, tracers and futures of these go to a check as they are, and so does what labkit made.
_TRUSTED = (
    "numpy", "ml_dtypes", "jax", "jaxlib", "torch", "numba", "concurrent", "labkit", "lessons",
)  # fmt: skip
_HELP = "hand in plain numbers, texts, lists, tuples, dictionaries or arrays"


class OddKindError(AssertionError):
    """A value that no check can judge; the message is the hint."""


def kind(value: Any) -> str:
    """What a value is in a student's words; what counts as the same kind has the same words."""
    if is_class(value):
        return CLASS
    if isinstance(value, (bool, np.bool_)):
        return TRUTH
    if isinstance(value, str):  # before the numbers: NumPy's texts have the shape of one
        return TEXT
    if isinstance(value, numbers.Real) or getattr(value, "shape", None) == ():
        return NUMBER
    if isinstance(value, (list, tuple)) or hasattr(value, "shape"):
        return SEQUENCE
    if callable(value):
        return FUNCTION
    return f"of type {type(value).__name__}"


def is_class(value: Any) -> bool:
    """Is it a class? Asked of its type, as `isinstance` would ask the object itself."""
    return issubclass(type(value), type)


def plain(value: Any) -> Any:
    """`value` made of plain Python and NumPy values only, so that `==` means what it says.

    A subclass of a number, a text or a container becomes the plain one. Raises OddKindError for a
    masked array and for objects of any class that neither Python nor an array library has.
    """
    if value is None or value is ... or type(value) in (bool, int, float, complex, str, bytes):
        return value
    for base, as_base in _BASES.items():
        if issubclass(type(value), base):
            try:
                return as_base(value)
            except RecursionError:
                raise OddKindError("the answer holds itself: hand in a list that ends") from None
    if type(value) in (types.GeneratorType, map, filter, zip):
        return (plain(item) for item in value)
    if type(value) in _FUNCTIONS or _is_trusted(value if is_class(value) else type(value)):
        return value
    raise OddKindError(f"the answer holds an object of type {type(value).__name__}: {_HELP}")


def fitted(value: Any, like: Any) -> Any:
    """`value`, a plain one, in the form of `like`: a list becomes a tuple, nested lists an array.

    What has another form, such as three items for a pair, comes back as it is.
    """
    if type(like) is np.ndarray:
        return _as_array(value) if type(value) in (list, tuple) else value
    if type(like) not in (list, tuple):
        return value
    if type(value) in (list, tuple):
        if len(value) != len(like):
            return type(like)(value)
        return type(like)(fitted(item, one) for item, one in zip(value, like, strict=True))
    if type(value) is not np.ndarray or value.ndim == 0 or len(value) != len(like):
        return value
    same_depth = all(_ndim(one) == value.ndim - 1 for one in like)
    return type(like)(value if value.ndim > 1 else value.tolist()) if same_depth else value


def _ndim(value):
    return getattr(value, "ndim", 0)


def _as_array(value):
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        return value
    return value if array.dtype == object else array


def _plain_array(array):
    if isinstance(array, np.ma.MaskedArray):
        raise OddKindError("the answer is a masked array, which hides elements: fill or drop them")
    array = np.asarray(array)
    if array.dtype != object:
        return array
    array = np.array([plain(item) for item in array.flat]).reshape(array.shape)
    if array.dtype == object:
        raise OddKindError("the answer is an array of objects: make it an array of numbers")
    return array


def _plain_numpy(scalar):
    return scalar if _is_trusted(type(scalar)) else np.generic.item(scalar)


def _items(container: Any) -> Callable:
    return lambda value: container(plain(item) for item in container.__iter__(value))


# In this order: a NumPy float64 is a float too, True is an int.
_BASES = {
    np.ndarray: _plain_array,
    np.generic: _plain_numpy,
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
    fractions.Fraction: lambda value: value.numerator / value.denominator,
    Decimal: Decimal.__float__,
    str: str.__str__,
    bytes: bytes.__bytes__,
    list: _items(list),
    tuple: _items(tuple),
    set: _items(set),
    frozenset: _items(frozenset),
    dict: lambda value: {plain(key): plain(item) for key, item in dict.items(value)},
    range: lambda value: value,
}


_FUNCTIONS = (
    types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial,
)  # fmt: skip


def _is_trusted(cls):
    """Is it a class of a trusted library, and does that library know it under its name?"""
    if cls.__module__.partition(".")[0] not in _TRUSTED:
        return False
    found = sys.modules.get(cls.__module__)
    for name in cls.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is cls
