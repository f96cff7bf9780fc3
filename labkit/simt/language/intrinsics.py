"""What a kernel can call. To add one: write `name(f, *values)` under `@intrinsic`.

Values are scalars or vectors with one element per lane; `f.mask.bits` says which lanes are active.
"""

import numpy as np

from labkit.simt.errors import refuse
from labkit.simt.lanes.arrays import Array
from labkit.simt.lanes.compaction import taken
from labkit.simt.lanes.dtypes import as_dtype
from labkit.simt.lanes.values import cast, dtype_of, is_vector, need, plain, strong, truth
from labkit.simt.language.registry import Special, intrinsic
from labkit.simt.limits import WARP_SIZE

# The dtypes that numba takes.
WORDS = ("int32", "int64", "uint32", "uint64")
WHOLE = ("int8", "int16", "uint8", "uint16", *WORDS)
SHUFFLED = ("int32", "int64", "float32", "float64")

# Where a thread is


class Dim3:
    """Three coordinates, which are read one by one: numba does not take them apart."""

    def __init__(self, x, y, z):
        self.x, self.y, self.z = x, y, z

    def taken(self, lanes):
        return Dim3(*taken((self.x, self.y, self.z), lanes))


def _dim3(read):
    axes = [Special(lambda f, axis=axis: read(f, axis)) for axis in range(3)]
    whole = Special(lambda f: Dim3(*[axis.read(f) for axis in axes]))
    whole.x, whole.y, whole.z = axes
    return whole


threadIdx = _dim3(lambda f, axis: f.batch.thread(axis))  # noqa: N816 (CUDA's names)
blockIdx = _dim3(lambda f, axis: f.batch.block(axis))  # noqa: N816
blockDim = _dim3(lambda f, axis: f.batch.launch.block[axis])  # noqa: N816
gridDim = _dim3(lambda f, axis: f.batch.launch.grid[axis])  # noqa: N816
laneid = Special(lambda f: f.batch.geometry.lane_of_warp)
warpsize = WARP_SIZE


def _axes(n, value):
    if n not in (1, 2, 3):
        refuse(f"grid and gridsize take 1, 2 or 3 axes, not {n}")
    return value(0) if n == 1 else tuple(value(axis) for axis in range(n))


@intrinsic(constant="ndim")
def grid(f, ndim):
    return _axes(ndim, f.batch.grid)


@intrinsic(constant="ndim")
def gridsize(f, ndim):
    launch = f.batch.launch
    return _axes(ndim, lambda axis: launch.grid[axis] * launch.block[axis])


# Arrays in shared, local and constant memory


def _shape(shape):
    shape = shape if isinstance(shape, tuple) else (shape,)
    if not all(isinstance(n, int | np.integer) and n >= 0 for n in shape):
        refuse(f"the shape {shape} is not made of numbers")
    return tuple(int(n) for n in shape)


def _element(dtype):
    if isinstance(dtype, type) and dtype in (bool, int, float, complex):
        name = dtype.__name__
        refuse(f"Python's {name} isn't a type of elements: write cuda.float32 or its like")
    return as_dtype(dtype)


@intrinsic(name="shared.array", counts=False, constant="shape", together="block")
def shared_array(f, shape, dtype, alignment=None):
    return f.batch.launch.shared.array(f.batch, f.location, _shape(shape), _element(dtype))


@intrinsic(name="local.array", counts=False, constant="shape", together="block")
def local_array(f, shape, dtype, alignment=None):
    return f.batch.local_array(f.location, _shape(shape), _element(dtype))


@intrinsic(name="const.array_like", counts=False)
def const_array_like(f, array):
    return array if isinstance(array, Array) else refuse("const.array_like() takes an array")


# Bits and selection


def _unsigned(what, value):
    need(what, value, *WHOLE)
    value = strong(value)
    return value.astype(f"u{value.dtype.itemsize}")


@intrinsic
def popc(f, x):
    return cast(np.bitwise_count(_unsigned("popc", x)), dtype_of(x))


@intrinsic
def brev(f, x):
    x = _unsigned("brev", x)
    swapped = np.atleast_1d(x).byteswap().view(np.uint8)
    table = np.packbits(np.unpackbits(np.arange(256, dtype=np.uint8)).reshape(-1, 8)[:, ::-1])
    result = table[swapped].view(x.dtype)
    return result if is_vector(x) else plain(result[0])


@intrinsic
def clz(f, x):
    """Leading zeros, by smearing the highest bit downwards."""
    bits = _unsigned("clz", x)
    width, shift = 8 * bits.dtype.itemsize, 1
    while shift < width:
        bits, shift = bits | bits >> bits.dtype.type(shift), 2 * shift
    return cast(width - np.bitwise_count(bits).astype(np.int64), dtype_of(x))


@intrinsic
def ffs(f, x):
    need("ffs", x, *WORDS)
    x = _unsigned("ffs", x)
    lowest = x & (~x + x.dtype.type(1))
    return cast((np.bitwise_count(lowest - x.dtype.type(1)) + 1) * (x != 0), np.dtype(np.uint32))


@intrinsic
def selp(f, condition, yes, no):
    need("the condition of selp", condition, "bool")
    need("selp", yes, "int16", "uint16", *WORDS, "float32", "float64")
    need(f"selp with {dtype_of(yes)}", no, dtype_of(yes).name)
    return select(condition, yes, no)


def select(condition, yes, no):
    """Lane by lane the one or the other value."""
    if not is_vector(condition):
        return yes if condition else no
    return np.where(truth(condition), strong(yes), strong(no))
