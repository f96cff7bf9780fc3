"""`mma_sync`: the 32 lanes of a warp multiply two small matrices together.

What a GPU makes of it is one instruction of PTX (Turing: two, for m16n8k16), see
`compiler/matrices.py`. Here the products are exact, and each sum is rounded once to float32: PTX
asks for "at least single precision" and leaves the rest to the hardware, whose rounding
`labkit.workload.tensor_core` simulates.
"""

import numpy as np

from labkit.simt.errors import KernelError, refuse
from labkit.simt.lanes.values import dtype_of, is_vector
from labkit.simt.language.fragments import shape_of, taken
from labkit.simt.language.registry import Intrinsic
from labkit.simt.language.warps import ALL, together
from labkit.simt.limits import WARP_SIZE

_EXPONENT = np.uint32(0x7F800000)  # of a float32
_TF32_DROPPED = np.uint32(0x1FFF)  # the bits of its mantissa that a tf32 lacks
_TF32_HALF = np.uint32(0x1000)


def _mma_sync(f, a, b, c):
    shape, location = _shape(a, b, c), f.location
    f, _, values = together(f, "mma_sync", ALL, *a, *b, *c)
    _check_warps(f, location)
    f.watch.matrix(f, location, shape)
    held, matrices = iter(values), {}
    for name in "abc":
        parts = [next(held) for _ in range(shape.lengths[name])]
        matrices[name] = _gathered(f, shape, name, parts)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = (matrices["a"] @ matrices["b"] + matrices["c"]).astype(np.float32)
    rows, columns = shape.elements("d")
    by_lane = sums[:, rows, columns]
    return tuple(by_lane[:, :, i].reshape(-1) for i in range(shape.lengths["c"]))


mma_sync = Intrinsic("mma_sync", _mma_sync, home="labkit")


def _shape(a, b, c):
    """The shape that tuples of such lengths and types are fragments of."""
    if not all(type(value) is tuple for value in (a, b, c)):
        refuse(f"mma_sync takes three tuples: {taken()}")
    names = [{dtype_of(part).name for part in value} for value in (a, b, c)]
    shape = shape_of(names[0], len(a), len(b)) if names[0] == names[1] else None
    if shape is None or names[2] != {"float32"} or len(c) != shape.lengths["c"]:
        given = ", ".join(
            f"{matrix} {len(value)} {' and '.join(sorted(kinds))}"
            for matrix, value, kinds in zip("ABC", (a, b, c), names, strict=True)
        )
        refuse(f"mma_sync takes {taken()}; here a lane holds of {given}")
    return shape


def _check_warps(f, location):
    """Every lane of a warp has to be here: with some of them missing the result is undefined."""
    here = f.mask.bits.reshape(-1, WARP_SIZE)
    n_here = here.sum(axis=1)
    torn = np.flatnonzero((n_here > 0) & (n_here < WARP_SIZE))
    if not len(torn):
        return
    warp = int(torn[0])
    lane, missing = int(np.argmax(here[warp])), int(np.argmin(here[warp]))
    thread, block = f.batch.name_of(warp * WARP_SIZE + lane)
    said = (
        f"{n_here[warp]} of the {WARP_SIZE} lanes of a warp reach mma_sync: thread {thread} of "
        f"block {block} is here, and lane {missing} of its warp is not. All of them multiply "
        f"together, so no branch may part them, and a block needs whole warps"
    )
    details = {"thread": thread, "block": block}
    raise KernelError(said, "divergent-warp", location.function, location.line, **details)


def _gathered(f, shape, name, parts):
    """A matrix for each warp, in double precision, from what its lanes hold."""
    n_warps = f.batch.n_lanes // WARP_SIZE
    matrix = np.zeros((n_warps, *shape.size(name)))
    rows, columns = shape.elements(name)
    for i, part in enumerate(parts):
        value = part.reshape(n_warps, WARP_SIZE) if is_vector(part) else part
        if shape.dtype == "tf32" and name != "c":
            value = as_tf32(value)
        matrix[:, rows[:, i], columns[:, i]] = value
    return matrix


def as_tf32(values):
    """float32 rounded to tf32 as `cvt.rna.tf32.f32` does it: to the nearest, ties away from 0."""
    bits = np.asarray(values, np.float32).view(np.uint32)
    kept = (bits + _TF32_HALF) & ~_TF32_DROPPED
    is_finite = (bits & _EXPONENT) != _EXPONENT
    return np.where(is_finite, kept, bits).view(np.float32)
