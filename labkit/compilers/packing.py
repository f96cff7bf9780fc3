"""A `@cuda.jit` kernel as plain data, for an environment without labkit."""

import dis
import inspect
import marshal
import textwrap
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from labkit.simt.compiler.functions import frozen, source_of
from labkit.simt.kernel import Kernel
from labkit.simt.lanes.dtypes import Type
from labkit.simt.language.registry import Intrinsic

PLAIN = (int, float, complex, str, tuple, list, dict, np.generic, np.ndarray)


def cuda_job(kernel: Any, arguments: tuple) -> dict:
    """A job for numba-cuda: the kernel and the types of its arguments."""
    return {
        "with": "numba-cuda",
        "kernel": packed(kernel.py_func),
        "arguments": [packed_type(argument) for argument in arguments],
        "spelled": [spelled(argument) for argument in arguments],
    }


def text_of(function: types.FunctionType) -> tuple[int, str]:
    """(The line of a function's `def`, its text from there on, without decorators.)"""
    tree = source_of(function)
    lines, first = inspect.getsourcelines(function)
    return tree.lineno, textwrap.dedent("".join(lines[tree.lineno - first :]))


def packed(function: Callable) -> dict:
    """A function as plain data: its code and all that it names."""
    code, known = function.__code__, frozen(function)
    names = {name: packed_value(name, known[name]) for name in globals_of(code) if name in known}
    return {
        "code": marshal.dumps(code), "module": function.__module__ or "kernel",
        "defaults": function.__defaults__, "names": names,
    }  # fmt: skip


def globals_of(code):
    """The names that a function takes from outside; attributes have names too, but other ones."""
    found = {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    inner = [const for const in code.co_consts if isinstance(const, types.CodeType)]
    return found.union(code.co_freevars, *map(globals_of, inner))


def packed_value(name, value):
    if isinstance(value, types.ModuleType):
        return "module", real(value.__name__)
    if isinstance(value, Type):
        return "name", "numba.cuda", value.name
    if isinstance(value, Kernel) and value.py_func.__module__.startswith("labkit."):
        return "name", real(value.py_func.__module__), value.__name__
    if isinstance(value, Kernel):
        return "device function" if value.device else "kernel", packed(value.py_func)
    if isinstance(value, Intrinsic) and value.home == "labkit":
        return "ours", value.name
    if hasattr(value, "py_func"):
        return "cpu function", packed(value.py_func)
    if isinstance(value, types.FunctionType):
        return "function", packed(value)
    if isinstance(value, PLAIN):
        return "value", value
    raise TypeError(f"{name} is a {type(value).__name__}: teach packed_value() to hand it over.")


def real(module):
    """The module of numba that one of the executor's stands in for; any other as it is."""
    if not module.startswith("labkit.simt"):
        return module
    *_, name = module.removeprefix("labkit.simt").rpartition(".")
    return "numba.cuda" if name in ("", "cuda") else f"numba.cuda.{name}"


def packed_type(argument: Any) -> tuple:
    """The type of an argument; a text is one already, in numba's words."""
    argument = getattr(argument, "host", argument)
    if isinstance(argument, str):
        return "type", argument
    if isinstance(argument, np.ndarray):
        return "array", argument.dtype, argument.ndim, layout(argument)
    return "value", argument


def layout(array):
    flags = array.flags
    return "C" if flags.c_contiguous else "F" if flags.f_contiguous else "A"


def spelled(argument: Any) -> str:
    """A type as numba prints it: `float32[:, ::1]` is an array of two axes in C order."""
    argument = getattr(argument, "host", argument)
    if isinstance(argument, str):
        return argument
    if not isinstance(argument, np.ndarray):
        return np.result_type(argument).name
    axes = [":"] * argument.ndim
    order = layout(argument)
    if axes and order != "A":
        axes[-1 if order == "C" else 0] = "::1"
    dtype = argument.dtype.name if argument.dtype.names is None else "record"
    return f"{dtype}[{', '.join(axes)}]"
