"""`cuda`, spelled as numba spells it: kernels for `numba.cuda` run on the executor unchanged."""

# ruff: noqa: F401 (this module is a list of names)

import types as _types

from labkit.simt import intrinsics as _intrinsics
from labkit.simt import random
from labkit.simt.atomics import ATOMICS as _ATOMICS
from labkit.simt.dtypes import TYPES as _TYPES
from labkit.simt.dtypes import void
from labkit.simt.half import fp16
from labkit.simt.host import (
    DeviceArray,
    Event,
    Stream,
    close,
    default_stream,
    defer_cleanup,
    detect,
    device_array,
    device_array_like,
    event,
    get_current_device,
    gpus,
    is_available,
    legacy_default_stream,
    list_devices,
    managed_array,
    mapped_array,
    mapped_array_like,
    per_thread_default_stream,
    pinned,
    pinned_array,
    pinned_array_like,
    select_device,
    stream,
    synchronize,
    to_device,
)
from labkit.simt.intrinsics import (
    activemask,
    all_sync,
    any_sync,
    ballot_sync,
    blockDim,
    blockIdx,
    brev,
    clz,
    eq_sync,
    ffs,
    grid,
    gridDim,
    gridsize,
    laneid,
    lanemask_lt,
    match_all_sync,
    match_any_sync,
    nanosleep,
    popc,
    selp,
    shfl_down_sync,
    shfl_sync,
    shfl_up_sync,
    shfl_xor_sync,
    syncthreads,
    syncthreads_and,
    syncthreads_count,
    syncthreads_or,
    syncwarp,
    threadfence,
    threadfence_block,
    threadIdx,
    warpsize,
)
from labkit.simt.kernel import jit
from labkit.simt.maths import cbrt, fma, rsqrt

shared = _types.SimpleNamespace(array=_intrinsics.shared_array)
local = _types.SimpleNamespace(array=_intrinsics.local_array)
const = _types.SimpleNamespace(array_like=_intrinsics.const_array_like)
atomic = _types.SimpleNamespace(**_ATOMICS)
cg = _types.SimpleNamespace(this_grid=_intrinsics.this_grid)
threadfence_system = threadfence
globals().update(_TYPES)


def __getattr__(name):
    raise AttributeError(
        f"cuda.{name} is not available without a GPU: the executor runs kernels, device arrays, "
        f"streams and events, and no foreign code."
    )
