"""What a kernel can call. To add one: write `name(f, *values)` under `@intrinsic`, list it in
cuda.py.

Values are scalars or vectors with one element per lane; `f.mask.bits` says which lanes are active.
"""

import numpy as np

from labkit.simt.dtypes import as_dtype
from labkit.simt.errors import KernelError, refuse
from labkit.simt.registry import Intrinsic, Special, intrinsic
from labkit.simt.values import cast, is_vector, plain, strong, truth

# Where a thread is


def _dim3(read):
    axes = {name: Special(lambda f, axis=axis: read(f, axis)) for axis, name in enumerate("xyz")}
    return type("Dim3", (), axes)


threadIdx = _dim3(lambda f, axis: f.batch.thread(axis))  # noqa: N816 (CUDA's names)
blockIdx = _dim3(lambda f, axis: f.batch.block(axis))  # noqa: N816
blockDim = _dim3(lambda f, axis: f.batch.launch.block[axis])  # noqa: N816
gridDim = _dim3(lambda f, axis: f.batch.launch.grid[axis])  # noqa: N816
laneid = Special(lambda f: f.batch.geometry.lane_of_warp)
warpsize = 32


def _axes(n, value):
    if n not in (1, 2, 3):
        refuse(f"grid and gridsize take 1, 2 or 3 axes, not {n}")
    return value(0) if n == 1 else tuple(value(axis) for axis in range(n))


@intrinsic
def grid(f, ndim):
    return _axes(ndim, f.batch.grid)


@intrinsic
def gridsize(f, ndim):
    launch = f.batch.launch
    return _axes(ndim, lambda axis: launch.grid[axis] * launch.block[axis])


# Arrays in shared, local and constant memory


def _shape(shape):
    shape = shape if isinstance(shape, tuple) else (shape,)
    if not all(isinstance(n, int | np.integer) and n >= 0 for n in shape):
        refuse(f"the shape {shape} is not made of numbers")
    return tuple(int(n) for n in shape)


@intrinsic(counts=False, constant_shape=True)
def shared_array(f, shape, dtype, alignment=None):
    return f.batch.launch.shared.array(f.batch, f.site, _shape(shape), as_dtype(dtype))


@intrinsic(counts=False, constant_shape=True)
def local_array(f, shape, dtype, alignment=None):
    return f.batch.local_array(f.site, _shape(shape), as_dtype(dtype))


@intrinsic(counts=False)
def const_array_like(f, array):
    return array


# Barriers and fences


def _barrier(f):
    """Every live thread of a block, or none, must be here."""
    batch, lanes = f.batch, f.batch.geometry.lanes_per_block
    if f.mask.n != batch.live.n:
        here, live = f.mask.per_block(lanes), batch.live.per_block(lanes)
        torn = np.flatnonzero((here != 0) & (here != live))
        if len(torn):
            _divergent(f, int(torn[0]), here, live)
    if f.watch is not None:
        f.watch.barrier(f, f.site)


def _divergent(f, slot, here, live):
    lanes = f.batch.geometry.lanes_per_block
    window = slice(slot * lanes, (slot + 1) * lanes)
    there = int(np.argmax(f.mask.bits[window])) + slot * lanes
    missing = int(np.argmax((f.batch.live.bits & ~f.mask.bits)[window])) + slot * lanes
    (thread, block), (other, _) = f.batch.name_of(there), f.batch.name_of(missing)
    raise KernelError(
        f"{here[slot]} of {live[slot]} live threads of block {block} reach syncthreads(); thread "
        f"{thread} is here, thread {other} is not",
        "divergent-barrier",
        f.site.function,
        f.site.line,
        thread=thread,
        block=block,
        other_thread=other,
    )


@intrinsic(counts=False)
def syncthreads(f):
    _barrier(f)


def _over_block(f, predicate, combine):
    """A number per block from the active lanes' predicates, given to every lane."""
    _barrier(f)
    geometry = f.batch.geometry
    met = f.mask.bits & truth(predicate)
    count = np.count_nonzero(met.reshape(geometry.n_blocks, -1), axis=1)
    active = f.mask.per_block(geometry.lanes_per_block)
    return np.repeat(combine(count, active), geometry.lanes_per_block)


@intrinsic
def syncthreads_count(f, predicate):
    return _over_block(f, predicate, lambda count, active: count)


@intrinsic
def syncthreads_and(f, predicate):
    return _over_block(f, predicate, lambda count, active: (count == active).astype(np.int64))


@intrinsic
def syncthreads_or(f, predicate):
    return _over_block(f, predicate, lambda count, active: (count > 0).astype(np.int64))


@intrinsic(counts=False)
def syncwarp(f, mask=0xFFFFFFFF):
    if f.watch is not None:
        f.watch.syncwarp(f, _members(f, mask))


@intrinsic(counts=False)
def threadfence(f):
    if f.watch is not None:
        f.watch.fence(f)


@intrinsic(counts=False)
def threadfence_block(f):
    pass  # orders a thread's own accesses for its block, which takes a barrier anyway to be seen


@intrinsic(counts=False)
def nanosleep(f, ns):
    pass


class GridGroup:
    """All threads of the grid: `cuda.cg.this_grid().sync()`."""

    @property
    def sync(self):
        return Intrinsic("grid.sync", _grid_sync, counts=False)


def _grid_sync(f):
    _barrier(f)
    if f.mask.n != f.batch.live.n:
        raise KernelError(
            f"{f.mask.n} of {f.batch.live.n} live threads of the grid reach grid.sync()",
            "divergent-barrier",
        )
    if f.watch is not None:
        f.watch.grid_barrier(f)


@intrinsic(counts=False, cooperative=True)
def this_grid(f):
    return GridGroup()


# Warps: a vector is a matrix with one row per warp


def _rows(f, value):
    if not is_vector(value):
        value = np.full(f.batch.n_lanes, strong(value))
    return value.reshape(-1, 32)


def _members(f, mask):
    """The active lanes among those that a warp mask names."""
    if mask == 0xFFFFFFFF if not is_vector(mask) else False:
        return f.mask.bits
    bits = _rows(f, mask).astype(np.uint64) >> np.arange(32, dtype=np.uint64) & np.uint64(1)
    return f.mask.bits & bits.astype(bool).reshape(-1)


def _bits(rows):
    """Rows of bool as a 32-bit number for every lane of the warp."""
    words = np.packbits(rows, axis=1, bitorder="little").view("<u4").astype(np.uint32)
    return np.repeat(words[:, 0], 32)


def _shuffle(f, value, source):
    """The value of another lane of the warp, or one's own where the source is outside 0 to 31."""
    if isinstance(value, tuple):
        return tuple(_shuffle(f, part, source) for part in value)
    lane = np.arange(32)
    source = np.where((source >= 0) & (source < 32), source, lane)
    source = np.broadcast_to(source, (f.batch.n_lanes // 32, 32))
    return np.take_along_axis(_rows(f, value), source, axis=1).reshape(-1)


def _lanes(f, number):
    return _rows(f, number).astype(np.int64)


@intrinsic
def shfl_sync(f, mask, value, source):
    return _shuffle(f, value, _lanes(f, source) % 32)


@intrinsic
def shfl_up_sync(f, mask, value, delta):
    return _shuffle(f, value, np.arange(32) - _lanes(f, delta))


@intrinsic
def shfl_down_sync(f, mask, value, delta):
    return _shuffle(f, value, np.arange(32) + _lanes(f, delta))


@intrinsic
def shfl_xor_sync(f, mask, value, other):
    return _shuffle(f, value, np.arange(32) ^ _lanes(f, other))


def _votes(f, mask, predicate):
    members = _members(f, mask).reshape(-1, 32)
    return members, members & _rows(f, truth(predicate))


@intrinsic
def ballot_sync(f, mask, predicate):
    return _bits(_votes(f, mask, predicate)[1])


@intrinsic
def all_sync(f, mask, predicate):
    members, yes = _votes(f, mask, predicate)
    return np.repeat((members == yes).all(axis=1), 32)


@intrinsic
def any_sync(f, mask, predicate):
    return np.repeat(_votes(f, mask, predicate)[1].any(axis=1), 32)


@intrinsic
def eq_sync(f, mask, predicate):
    members, yes = _votes(f, mask, predicate)
    return np.repeat((members == yes).all(axis=1) | ~yes.any(axis=1), 32)


def _matches(f, mask, value):
    members, rows = _members(f, mask).reshape(-1, 32), _rows(f, value)
    return members, (rows[:, :, None] == rows[:, None, :]) & members[:, None, :]


@intrinsic
def match_any_sync(f, mask, value):
    _, same = _matches(f, mask, value)
    return np.packbits(same, axis=2, bitorder="little").view("<u4").reshape(-1).astype(np.uint32)


@intrinsic
def match_all_sync(f, mask, value):
    members, same = _matches(f, mask, value)
    all_same = (same == members[:, None, :]).all(axis=2) & members
    agree = np.repeat((all_same == members).all(axis=1), 32)
    return np.where(agree, _bits(members), 0).astype(np.uint32), agree


@intrinsic
def activemask(f):
    return np.repeat(f.mask.words, 32)


@intrinsic
def lanemask_lt(f):
    return ((np.uint64(1) << f.batch.geometry.lane_of_warp.astype(np.uint64)) - 1).astype(np.uint32)


# Bits and selection


def _unsigned(value):
    value = strong(value)
    return value.astype(f"u{value.dtype.itemsize}")


@intrinsic
def popc(f, x):
    return cast(np.bitwise_count(_unsigned(x)), np.dtype(np.int64))


@intrinsic
def brev(f, x):
    x = _unsigned(x)
    swapped = np.atleast_1d(x).byteswap().view(np.uint8)
    table = np.packbits(np.unpackbits(np.arange(256, dtype=np.uint8)).reshape(-1, 8)[:, ::-1])
    result = table[swapped].view(x.dtype)
    return result if is_vector(x) else plain(result[0])


@intrinsic
def clz(f, x):
    """Leading zeros, by smearing the highest bit downwards."""
    x = _unsigned(x)
    width, shift = 8 * x.dtype.itemsize, 1
    while shift < width:
        x, shift = x | x >> x.dtype.type(shift), 2 * shift
    return cast(width - np.bitwise_count(x).astype(np.int64), np.dtype(np.int64))


@intrinsic
def ffs(f, x):
    x = _unsigned(x)
    lowest = x & (~x + x.dtype.type(1))
    return cast(np.bitwise_count(lowest - x.dtype.type(1)) + np.int64(1), np.int64) * plain(x != 0)


@intrinsic
def selp(f, condition, yes, no):
    if not is_vector(condition):
        return yes if condition else no
    return np.where(truth(condition), strong(yes), strong(no))
