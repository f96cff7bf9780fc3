"""Triton where it is installed; elsewhere stand-ins with which its kernels can be written.

Without a GPU Triton interprets: a launch runs the kernel here, on CPU tensors.
"""

import dataclasses
import importlib.util
import os
import types
from collections.abc import Callable
from typing import Any

from labkit.hardware.cuda_engine import cuda_engine

NOT_HERE = (
    "Triton is not installed here, so {name} cannot be run; lk.compile_for shows what was recorded "
    "of the course's own kernels. On Linux: pip install -r requirements-compilers.txt, and restart."
)
# The name of a type in Triton's language -> its short name
DTYPES = {
    "float16": "fp16", "bfloat16": "bf16", "float32": "fp32", "float64": "fp64", "int1": "int1",
    "int8": "int8", "int16": "int16", "int32": "int32", "int64": "int64", "uint8": "uint8",
    "uint16": "uint16", "uint32": "uint32", "uint64": "uint64", "float8e5": "fp8e5",
    "float8e4nv": "fp8e4nv",
}  # fmt: skip


class TileKernel:
    """A `@triton.jit` function where Triton is missing: it has its source, and cannot run."""

    def __init__(self, function: Callable):
        self.fn, self.__name__, self.__doc__ = function, function.__name__, function.__doc__

    def __getitem__(self, _grid):
        raise ModuleNotFoundError(NOT_HERE.format(name=self.__name__))

    def __call__(self, *_args, **_keywords):
        raise ModuleNotFoundError(NOT_HERE.format(name=self.__name__))


@dataclasses.dataclass(frozen=True)
class Constant:
    """Stands in for `tl.constexpr`: an annotation, or a constant outside of the kernel."""

    value: Any = None


@dataclasses.dataclass(frozen=True)
class DType:
    """Stands in for a type such as `tl.float16`; its name is Triton's short one."""

    name: str


class StandIn(types.ModuleType):
    """Stands in for a module of Triton, or for a function of it: any name can be written down."""

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(f"{self.__name__}.{name}")

    def __call__(self, *_args, **_keywords):
        raise ModuleNotFoundError(NOT_HERE.format(name=self.__name__))


def is_installed() -> bool:
    """Whether Triton can be imported here."""
    return importlib.util.find_spec("triton") is not None


def _jit(function=None, **_options):
    return TileKernel(function) if function is not None else TileKernel


def _stand_ins():
    root, language = StandIn("triton"), StandIn("triton.language")
    root.jit, root.language, language.constexpr = _jit, language, Constant
    root.cdiv = lambda x, y: -(-x // y)
    root.next_power_of_2 = lambda n: 1 << max(0, n - 1).bit_length()
    vars(language).update({name: DType(short) for name, short in DTYPES.items()})
    return root, language


def _real():
    if cuda_engine().module is None:
        os.environ.setdefault("TRITON_INTERPRET", "1")  # read when a kernel is defined
    import triton
    import triton.language

    return triton, triton.language


triton, tl = _real() if is_installed() else _stand_ins()
