"""Trying a student's kernel on the executor, also where a GPU is: what is wrong becomes a hint."""

import inspect
import linecache
import random
from typing import Any

import numpy as np

from labkit.simt import KernelError, Profile, cuda, profile, sanitize
from labkit.simt.host import DeviceArray
from labkit.simt.lanes.unfilled import Unfilled
from labkit.teach.answer import BlankError, is_empty

Shape = int | tuple[int, ...]  # of a grid in blocks, of a block in threads
_BEGIN = "store each element before you read it"
_TO_WRITE = "replace the line that raises NotImplementedError by your code"


def run(
    answer: Any, grid: Shape, block: Shape, *args: Any, case: str, remedy: str = "",
    begin: str = _BEGIN, adds: bool = False,
) -> None:  # fmt: skip
    """Run `answer[grid, block](*args)` with every race and bound checked; the arrays are written.

    case    what was tried, in words, such as "1,000 elements": the hint begins with it
    remedy  what to think about, a sentence without its full stop: the hint of a finding ends on it
    begin   the same where the kernel reads what it writes before it has stored anything there
    adds    the kernel adds to what the last argument holds, and so it may read that

    The last argument is what the kernel writes; it only reads the others, but for the states of
    random numbers. Raises AssertionError with the first finding or refusal, also where an input has
    changed, BlankError for an empty kernel.
    """
    given = args if adds else (*args[:-1], _unwritten(args[-1]))
    found = on_executor(sanitize, answer, grid, block, given, case)
    for one in found:
        if one.is_error:
            if one.kind == "uninitialised" and one.space == "global":
                remedy = f"A kernel can't rely on what is in {one.array}: {begin}"
            raise AssertionError(f"{case}: {_quoted(one, answer)}" + f". {remedy}" * bool(remedy))


def _unwritten(array):
    """The same memory, as a device array in which nothing was stored yet: to read it is found."""
    return DeviceArray(array, Unfilled(array))


def counts(answer: Any, grid: Shape, block: Shape, *args: Any, case: str) -> Profile:
    """The Profile of `answer[grid, block](*args)`; raises as `run` does."""
    return on_executor(profile, answer, grid, block, args, case)


def clean_counts(
    answer: Any, grid: Shape, block: Shape, *arrays: np.ndarray, case: str, adds: bool = False
) -> Profile:
    """The Profile of a kernel that `run` let pass on copies; the arrays are written."""
    run(answer, grid, block, *(array.copy() for array in arrays), case=case, adds=adds)
    return counts(answer, grid, block, *arrays, case=case)


def numbers(rng: random.Random, *shape: int) -> np.ndarray:
    """Random float64 from -10 to 10, for a kernel to read."""
    return np.random.default_rng(rng.getrandbits(64)).uniform(-10, 10, shape)


def assert_equal(got: np.ndarray, expected: np.ndarray, case: str, name: str = "out") -> None:
    """Hold an array that began as NaN against what it should be; the hint names one element.

    Apart from rounding: an array of float32 may be off by 1e-6 of its value, float64 by 1e-9.
    """
    rtol, atol = (1e-6, 1e-8) if got.dtype == np.float32 else (1e-9, 1e-12)
    wrong = ~np.isclose(got, expected, rtol, atol)
    if wrong.any():
        at = tuple(int(axis[0]) for axis in np.nonzero(wrong))
        place = f"{case}: {name}[{', '.join(map(str, at))}]"
        assert not np.isnan(got[at]), f"{place} was never written, expected {expected[at]:.6g}"
        told = ((f"{got[at]:.{n}g}", f"{expected[at]:.{n}g}") for n in (6, 9, 12, 17))
        one, other = next(pair for pair in told if pair[0] != pair[1])  # digits enough to differ
        raise AssertionError(f"{place} is {one}, expected {other}")


@cuda.jit
def empty(*args):
    """A wrong answer: a kernel without a body."""


@cuda.jit
def not_written(x, out):
    """A wrong answer: a kernel that is left as the exercise gives it."""
    raise NotImplementedError


def changed(kernel: Any, old: str, new: str) -> Any:
    """A wrong answer: the kernel with `old` replaced by `new` in its source."""
    head, code = _parted(inspect.getsource(kernel.py_func), kernel.py_func.__doc__)
    if old not in code:
        raise ValueError(f"{kernel.__name__} has no {old!r} to replace.")
    source, name = head + code.replace(old, new, 1), f"<{kernel.__name__}: {old!r} to {new!r}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    scope = dict(kernel.py_func.__globals__)
    exec(compile(source, name, "exec"), scope)
    return scope[kernel.__name__]


def counted_from_one(kernel: Any) -> Any:
    """The same kernel with its lines counted from its own first one, as in a cell of its own."""
    return changed(kernel, "", "")


def _parted(source, docstring):
    """The source of a kernel up to the end of its docstring, and its code after that."""
    end = source.index(docstring) + len(docstring) if docstring else 0
    return source[:end], source[end:]


def on_executor(watch, answer, grid, block, args, case):
    _refuse_function(answer, args)
    if is_empty(answer.py_func):
        raise BlankError("the body of your kernel is empty: write it in place of ...")
    if "NotImplementedError" in answer.py_func.__code__.co_names:  # before names that it lacks
        raise BlankError(_TO_WRITE)
    before = {at: arg.copy() for at, arg in enumerate(args[:-1]) if _only_read(arg)}
    try:
        seen = watch(answer[grid, block], *args)
    except NotImplementedError:  # in a device function
        raise BlankError(_TO_WRITE) from None
    except KernelError as error:
        raise AssertionError(f"{case}: {error}") from None
    for at, values in before.items():
        name = list(inspect.signature(answer.py_func).parameters)[at]
        assert args[at].tobytes() == values.tobytes(), (
            f"{case}: your kernel changes {name}, which it should only read"
        )
    return seen


def _only_read(arg):
    """An array of numbers; the states of random numbers are records, and change when drawn from."""
    return isinstance(arg, np.ndarray) and arg.dtype.names is None


def _quoted(finding, answer):
    """A finding in words, with the text of its line where that is a line of the kernel itself."""
    words = str(finding)
    if finding.function != answer.py_func.__name__:
        return words
    text = linecache.getline(answer.py_func.__code__.co_filename, finding.lines[0]).strip()
    place = f"line {finding.lines[0]}:"
    return words.replace(place, f"{place[:-1]} ({text}):", 1) if text else words


def _refuse_function(answer, args):
    """A function that isn't a kernel: blank, or its decorator is missing."""
    if hasattr(answer, "__getitem__") and hasattr(answer, "py_func"):
        return
    try:
        answer(*args)
    except (BlankError, NotImplementedError):
        raise
    except Exception:
        pass  # whatever else it does, it is no kernel
    raise AssertionError("this is a plain function: write @cuda.jit in the line above it")
