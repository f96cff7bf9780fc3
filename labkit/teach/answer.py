"""A student's function as a check sees it: called with care, its slips turned into hints."""

import dis
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from labkit.teach.kinds import NUMBER, SEQUENCE, TEXT, fitted, kind, plain


class BlankError(Exception):
    """Nothing is written yet; the message says what to replace."""


class Tried:
    """A student's function: it gets copies, and a wrong call, no result or a change is a hint.

    Lists, dictionaries, sets and arrays are copied; any other object is handed over as it is.
    A result is made of plain values and given the form of the solution's: a list where that
    returns a tuple will do. A hint is an AssertionError, as from a check; an empty body raises
    BlankError. What the function itself raised last is kept in `raised`.

    example   gives one result of the solution, or None where its results are of several kinds
    """

    raised = None
    misfit = None  # what is wrong with the kind of a result

    def __init__(
        self,
        function: Callable,
        solution: Callable,
        in_place: bool = False,
        example: Callable[[], Any] = lambda: None,
    ):
        functools.update_wrapper(self, function)
        self._function, self._solution, self._in_place = function, solution, in_place
        self._example = example

    def __call__(self, *args, **kwargs):
        if is_empty(self._function):
            raise BlankError("the body of your function is empty: write it in place of ...")
        self._refuse_misfit(args, kwargs)
        if self._in_place:
            result = self._called(args, kwargs)
            _keep_plain((args, kwargs))
            return result
        given = (args, kwargs)
        mine, theirs = _copy(given), _copy(given)
        result = self._called(*theirs)
        if result is ...:
            raise BlankError("your function returns ...: write the result in its place")
        assert result is not None, "your function returns None: does it end in a return line?"
        assert _same(mine, theirs), (
            "your function changes what it is given: leave its arguments as they are "
            "and return a new value"
        )
        return self._as_asked(plain(result))

    def _as_asked(self, result):
        example = self._example()
        if example is None:
            return result
        wanted, got = kind(example), kind(result)
        if wanted != got:
            what = f"the text {result!r}" if got == TEXT else got
            self.misfit = f"your function returns {what}, and what is asked for is {wanted}"
            if wanted == SEQUENCE and isinstance(result, Iterator):  # as pool.map and map give
                self.misfit = "your function returns an iterator: make it a list by list(...)"
            # A number for a pair, or a pair for a number: the check itself may know better words.
            assert {wanted, got} == {NUMBER, SEQUENCE}, self.misfit
        return fitted(result, example)

    def _called(self, args, kwargs):
        try:
            return self._function(*args, **kwargs)
        except BaseException as error:
            self.raised = error
            raise

    def _refuse_misfit(self, args, kwargs):
        """Say how the function is called when its signature does not fit."""
        try:
            theirs, ours = map(inspect.signature, (self._function, self._solution))
        except ValueError:  # some built-in functions have none
            return
        try:
            theirs.bind(*args, **kwargs)
        except TypeError:
            raise AssertionError(
                f"your function takes ({', '.join(theirs.parameters)}), "
                f"but it is called with ({', '.join(ours.parameters)})"
            ) from None


def _keep_plain(value):
    """Make what a function wrote into lists and dictionaries plain, where it stands."""
    if type(value) is list:
        value[:] = plain(value)
    elif type(value) is dict:
        value.update(plain(value))
    elif type(value) is tuple:
        for item in value:
            _keep_plain(item)


def is_empty(function: Any) -> bool:
    """Is the body nothing but `...`, `pass` or a docstring?"""
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    return all(
        step.opname in ("RESUME", "NOP", "RETURN_VALUE")
        or (step.opname in ("LOAD_CONST", "RETURN_CONST") and step.argval is None)
        for step in dis.get_instructions(code)
    )


def _copy(value):
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) in (list, tuple, set):
        return type(value)(_copy(item) for item in value)
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    return value


def _same(a, b):
    """Is `b`, made by `_copy` as `a` was, still equal to it?"""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, set):
        return a == b
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    return a is b or (isinstance(a, (int, float, complex, str, bytes)) and a == b)
