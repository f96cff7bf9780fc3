"""Triton where it is installed; elsewhere stand-ins with which its kernels can be written.

Without a GPU Triton interprets: a launch runs the kernel here, on CPU tensors.
"""

import importlib.util
import os
import types

from labkit.hardware.cuda_engine import cuda_engine

NOT_HERE = (
    "Triton is not installed here, so {name} cannot be run; lk.compile_for shows what was recorded "
    "of the course's own kernels. On Linux: pip install -r requirements-compilers.txt, and restart."
)


class TileKernel:
    """A `@triton.jit` function where Triton is missing: it has its source, and cannot run."""

    def __init__(self, function):
        self.fn, self.__name__, self.__doc__ = function, function.__name__, function.__doc__

    def __getitem__(self, grid):
        raise ModuleNotFoundError(NOT_HERE.format(name=self.__name__))

    def __call__(self, *args, **kwargs):
        raise ModuleNotFoundError(NOT_HERE.format(name=self.__name__))


class StandIn(types.ModuleType):
    """A module of Triton that is not there: any name of it can be written down."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(f"{self.__name__}.{name}")

    def __call__(self, *args, **kwargs):
        raise ModuleNotFoundError(NOT_HERE.format(name=self.__name__))


def _jit(function=None, **options):
    return TileKernel(function) if function is not None else TileKernel


def is_installed() -> bool:
    """Whether Triton can be imported here."""
    return importlib.util.find_spec("triton") is not None


def _modules():
    if not is_installed():
        language = StandIn("triton.language")
        root = StandIn("triton")
        root.jit, root.language = _jit, language
        root.cdiv = lambda x, y: -(-x // y)
        root.next_power_of_2 = lambda n: 1 << max(0, n - 1).bit_length()
        return root, language
    if cuda_engine().module is None:
        os.environ.setdefault("TRITON_INTERPRET", "1")  # read when a kernel is defined
    import triton
    import triton.language

    return triton, triton.language


triton, tl = _modules()
