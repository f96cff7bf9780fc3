"""A `@triton.jit` kernel as plain data: its source, all that it names, and what it is called with.

A type may also be given in the words of Triton: `"*fp16"` is a pointer to float16, `"i32"` an
integer, and `"i32:16"` one that 16 divides. Pointers are taken as aligned, as every allocator has
them.
"""

import ast
import copy
import inspect
import re
import types
from typing import Any

import numpy as np

from labkit.compilers.packing import text_of
from labkit.compilers.tile_language import Constant, DType, TileKernel
from labkit.simt.compiler.functions import source_of

# NumPy's and torch's names -> Triton's
TYPES = {
    "float16": "fp16", "bfloat16": "bf16", "float32": "fp32", "float64": "fp64", "bool": "i1",
    "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "uint8": "u8", "uint16": "u16",
    "uint32": "u32", "uint64": "u64", "float8_e4m3fn": "fp8e4nv", "float8_e5m2": "fp8e5",
}  # fmt: skip
# Of a launch, on NVIDIA's GPUs or on AMD's
OPTIONS = (
    "num_warps", "num_stages", "num_ctas", "maxnreg", "enable_fp_fusion", "waves_per_eu",
    "matrix_instr_nonkdim", "kpack", "schedule_hint",
)  # fmt: skip
_WORDS = re.compile(r"(\*?)(\w+)(:16)?")
_PLAIN = (bool, int, float, str, type(None))


def is_tile_kernel(kernel: Any) -> bool:
    """Whether a kernel is one of Triton's: compiled, interpreted, tuned, or a stand-in."""
    is_theirs = type(kernel).__module__.startswith("triton.") and hasattr(kernel, "fn")
    return is_theirs or isinstance(kernel, TileKernel)


def function_of(kernel: Any) -> types.FunctionType:
    """The Python function under Triton's decorators."""
    while not isinstance(kernel, types.FunctionType):
        kernel = kernel.fn  # autotuned and heuristic kernels wrap another
    return kernel


def tile_job(kernel: Any, args: tuple, keywords: dict) -> dict:
    """A job for Triton: kernel, types, constants and options.

    Raises TypeError for arguments that don't fit the kernel and for a type that it can't have.
    """
    function = function_of(kernel)
    parameters = inspect.signature(function).parameters
    given = {name: value for name, value in keywords.items() if name in parameters}
    options = {name: value for name, value in keywords.items() if name not in parameters}
    if unknown := options.keys() - OPTIONS:
        raise TypeError(
            f"{function.__name__} has no argument {min(unknown)!r}, and Triton no such option. Its "
            f"arguments are {', '.join(parameters)}; options are {', '.join(OPTIONS)}."
        )
    values = _bound(function, args, given)
    constants = set(_constants(source_of(function)))
    kernel = packed(function)
    job = {
        "with": "triton", "kernel": kernel, "options": options,
        "signature": {}, "constants": {}, "divisible_by_16": [],
        "name": kernel["name"], "file": f"<{kernel['name']}>",
        "first_line": kernel["line"], "text": kernel["text"],
    }  # fmt: skip
    for n, (name, value) in enumerate(values.items()):
        kind, divisible = ("constexpr", False) if name in constants else typed(name, value)
        job["signature"][name] = kind
        if kind == "constexpr":
            job["constants"][name] = _constant(name, value)
        elif divisible:
            job["divisible_by_16"].append(n)
    return job


def _bound(function, args, given):
    try:
        bound = inspect.signature(function).bind(*args, **given)
    except TypeError as error:
        parameters = ", ".join(inspect.signature(function).parameters)
        raise TypeError(
            f"{function.__name__}({parameters}) cannot be compiled for these arguments: {error}."
        ) from None
    bound.apply_defaults()
    return bound.arguments


def _constants(tree):
    """The parameters that are annotated as constexpr."""
    annotated = {
        one.arg: ast.unparse(one.annotation)
        for one in tree.args.posonlyargs + tree.args.args + tree.args.kwonlyargs
        if one.annotation
    }
    return [name for name, annotation in annotated.items() if "constexpr" in annotation]


def typed(name: str, value: Any) -> tuple[str, bool]:
    """(Triton's type of an argument, whether it is known that 16 divides it).

    As in a launch: an integer 1, or None, is a constant.
    """
    if isinstance(value, str):
        pointer, kind, divisible = _typed_words(name, value)
        return pointer + kind, bool(pointer or divisible)
    if getattr(value, "shape", ()) != () or hasattr(value, "data_ptr"):
        return "*" + _known(name, str(value.dtype).removeprefix("torch.")), True
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (value == 1 and type(value) is int):
        return "constexpr", False
    if isinstance(value, bool):
        return "i1", False
    if isinstance(value, int):
        kind = "i32" if -(2**31) <= value < 2**31 else "i64" if value < 2**63 else "u64"
        return kind, value % 16 == 0
    if isinstance(value, float):
        return "fp32", False
    raise TypeError(
        f"{name} is a {type(value).__name__}: give an array, a number, or a type in Triton's "
        f"words, such as '*fp16' or 'i32'."
    )


def _typed_words(name, words):
    found = _WORDS.fullmatch(words.replace(" ", ""))
    if not found or found[2] not in (*TYPES.values(), "fp8e4b8", "fp8e5b16", "fp8e4b15"):
        raise TypeError(
            f"{name} is given as {words!r}, which is not a type of Triton's. Write '*fp16' for a "
            f"pointer or 'i32' for a number; known are {', '.join(TYPES.values())}."
        )
    return found.groups()


def _known(name, dtype):
    if dtype not in TYPES:
        raise TypeError(f"{name} is an array of {dtype}: Triton knows {', '.join(TYPES)}.")
    return TYPES[dtype]


def _constant(name, value):
    kind, *rest = _packed_value(name, value)
    if kind in ("value", "constant"):
        return "value", *rest
    if kind == "dtype":
        return kind, *rest
    raise TypeError(f"{name} is a constant of the kernel: give a number, not {value!r}.")


def packed(function: types.FunctionType) -> dict:
    """A function as plain data: its text, where that stands, and all that it names."""
    line, text = text_of(function)
    return {
        "name": function.__name__,
        "module": function.__module__ or "kernel",
        "line": line,
        "text": text,
        "names": _names(function),
    }


def _names(function):
    tree = copy.copy(source_of(function))
    tree.decorator_list = []
    known = inspect.getclosurevars(function)
    known = {**function.__globals__, **known.nonlocals}
    local = set(function.__code__.co_varnames)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - local
    used.discard(function.__name__)
    return {name: _packed_value(name, known[name]) for name in sorted(used) if name in known}


def _packed_value(name, value):
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, types.ModuleType):
        return "module", value.__name__
    if isinstance(value, DType) or hasattr(value, "primitive_bitwidth"):
        return "dtype", value.name
    if isinstance(value, Constant) or type(value).__name__ == "constexpr":
        return "constant", value.value
    if is_tile_kernel(value):
        inner = function_of(value)
        if not inner.__module__.startswith("triton."):
            return "function", packed(inner)
        value = inner
    if str(getattr(value, "__module__", "")).startswith("triton."):
        return "name", value.__module__, value.__qualname__
    if isinstance(value, _PLAIN):
        return "value", value
    raise TypeError(
        f"{name} is a {type(value).__name__}, which a Triton kernel cannot name: use a number, "
        f"tl.constexpr(...) or another @triton.jit function."
    )
