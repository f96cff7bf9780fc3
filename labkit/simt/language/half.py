"""`cuda.fp16`: arithmetic in half precision, by the names that CUDA gives it."""

import types

import numpy as np

from labkit.simt.lanes.values import plain, strong
from labkit.simt.language.registry import Intrinsic

_OF_NUMPY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative,
    "abs": np.abs, "sin": np.sin, "cos": np.cos, "log": np.log, "log2": np.log2,
    "log10": np.log10, "exp": np.exp, "exp2": np.exp2, "sqrt": np.sqrt, "ceil": np.ceil,
    "floor": np.floor, "trunc": np.trunc, "rint": np.rint, "tanh": np.tanh, "max": np.fmax,
    "min": np.fmin, "eq": np.equal, "ne": np.not_equal, "ge": np.greater_equal,
    "gt": np.greater, "le": np.less_equal, "lt": np.less,
}  # fmt: skip
_IN_SINGLE = {  # worked out in single precision and rounded once
    "fma": lambda a, b, c: a * b + c, "exp10": lambda x: np.float32(10) ** x,
    "rsqrt": lambda x: 1 / np.sqrt(x), "rcp": lambda x: 1 / x,
}  # fmt: skip


def _rounded(compute):
    return lambda *args: compute(*[arg.astype(np.float32) for arg in args]).astype(np.float16)


def _made(name, compute):
    def run(f, *args):
        return plain(compute(*[strong(arg).astype(np.float16) for arg in args]))

    return Intrinsic(f"fp16.h{name}", run)


_ALL = _OF_NUMPY | {name: _rounded(compute) for name, compute in _IN_SINGLE.items()}
fp16 = types.SimpleNamespace(**{f"h{name}": _made(name, how) for name, how in _ALL.items()})
