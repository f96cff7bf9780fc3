"""`cuda`, spelled as numba spells it: kernels for `numba.cuda` run on the executor unchanged."""

# ruff: noqa: F401 (this module is a list of names)

import sys as _sys
import types as _types

from labkit.simt import host as _host
from labkit.simt.kernel import jit
from labkit.simt.lanes.dtypes import TYPES as _TYPES
from labkit.simt.lanes.dtypes import void
from labkit.simt.language import barriers as _barriers
from labkit.simt.language import intrinsics as _intrinsics
from labkit.simt.language import random
from labkit.simt.language import warps as _warps  # it registers what kernels call
from labkit.simt.language.atomics import ATOMICS as _ATOMICS
from labkit.simt.language.half import fp16
from labkit.simt.language.intrinsics import blockDim, blockIdx, gridDim, laneid, threadIdx, warpsize
from labkit.simt.language.libdevice import libdevice
from labkit.simt.language.registry import INTRINSICS as _INTRINSICS
from labkit.simt.language.registry import MODULES as _MODULES
from labkit.simt.reduce import Reduce, reduce

_ELSEWHERE = ("float16", "f2", "float_")  # numba's cuda lacks these: np.float16 is there

globals().update({name: found for name, found in _INTRINSICS.items() if "." not in name})
globals().update({name: getattr(_host, name) for name in _host.PUBLIC})
globals().update({name: kind for name, kind in _TYPES.items() if name not in _ELSEWHERE})
types = _types.SimpleNamespace(**_TYPES, void=void)
shared = _types.SimpleNamespace(array=_intrinsics.shared_array)
local = _types.SimpleNamespace(array=_intrinsics.local_array)
const = _types.SimpleNamespace(array_like=_intrinsics.const_array_like)
atomic = _types.SimpleNamespace(**_ATOMICS)
cg = _types.SimpleNamespace(this_grid=_INTRINSICS["cg.this_grid"])
threadfence_system = _barriers.threadfence

for _name in ("numba.cuda", "numba_cuda.numba.cuda"):
    _MODULES[_name] = _sys.modules[__name__]
    _MODULES |= {
        f"{_name}.types": types,
        f"{_name}.random": random,
        f"{_name}.cg": cg,
        f"{_name}.libdevice": libdevice,
    }


def __getattr__(name):
    raise AttributeError(
        f"cuda.{name} is not available without a GPU: the executor runs kernels, device arrays, "
        f"streams and events, and no foreign code."
    )
