"""The real GPU compilers on a machine without a GPU: what they make of a kernel, chip by chip.

`compile_for` takes a `@cuda.jit` or a `@triton.jit` kernel. The compilers are an optional extra
(`requirements-compilers.txt`, Linux); without it the course's own kernels show what was recorded.
`triton` and `tl` are Triton and its language, or stand-ins with which a kernel can be written and
compiled for, but not run.
"""

import importlib
from typing import TYPE_CHECKING, Any

from labkit.compilers.compile import compile_for
from labkit.compilers.kinds import KINDS
from labkit.compilers.result import Compiled, CompiledKernel, Instruction

if TYPE_CHECKING:
    from labkit.compilers.tile_language import tl as tl
    from labkit.compilers.tile_language import triton as triton

__all__ = ["KINDS", "Compiled", "CompiledKernel", "Instruction", "compile_for", "tl", "triton"]


def __getattr__(name: str) -> Any:
    if name not in ("tl", "triton"):  # loaded when used: Triton is heavy
        known = ", ".join(__all__)
        raise AttributeError(f"labkit.compilers has no name {name!r}. It has: {known}.")
    return getattr(importlib.import_module("labkit.compilers.tile_language"), name)
