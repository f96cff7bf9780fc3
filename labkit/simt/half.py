"""`cuda.fp16`: arithmetic in half precision, by the names that CUDA gives it."""

import types

import numpy as np

from labkit.simt.registry import Intrinsic
from labkit.simt.values import plain, strong

_UFUNCS = {
    "hadd": np.add, "hsub": np.subtract, "hmul": np.multiply, "hdiv": np.divide,
    "hneg": np.negative,
    "habs": np.abs, "hsin": np.sin, "hcos": np.cos, "hlog": np.log, "hlog2": np.log2,
    "hlog10": np.log10, "hexp": np.exp, "hexp2": np.exp2, "hsqrt": np.sqrt, "hceil": np.ceil,
    "hfloor": np.floor, "htrunc": np.trunc, "hrint": np.rint, "htanh": np.tanh,
    "hmax": np.fmax, "hmin": np.fmin,
}  # fmt: skip
_COMPARISONS = {
    "heq": np.equal, "hne": np.not_equal, "hge": np.greater_equal, "hgt": np.greater,
    "hle": np.less_equal, "hlt": np.less,
}  # fmt: skip


def _half(value):
    return strong(value).astype(np.float16)


def _made(name, compute):
    return Intrinsic(f"fp16.{name}", lambda f, *args: plain(compute(*[_half(arg) for arg in args])))


def _in_single(compute):
    """Worked out in single precision and rounded once."""
    return lambda *args: compute(*[arg.astype(np.float32) for arg in args]).astype(np.float16)


_OTHERS = {
    "hfma": _in_single(lambda a, b, c: a * b + c),
    "hexp10": _in_single(lambda x: np.float32(10) ** x),
    "hrsqrt": _in_single(lambda x: 1 / np.sqrt(x)),
    "hrcp": _in_single(lambda x: 1 / x),
}
fp16 = types.SimpleNamespace(
    **{
        name: _made(name, compute)
        for name, compute in {**_UFUNCS, **_COMPARISONS, **_OTHERS}.items()
    }
)
