"""What a kernel can call. To add one: write `name(f, *values)` under `@intrinsic`.

Values are scalars or vectors with one element per lane; `f.mask.bits` says which lanes are active.
"""

import numpy as np

from labkit.simt.errors import KernelError, refuse
from labkit.simt.lanes.compaction import taken
from labkit.simt.lanes.dtypes import as_dtype
from labkit.simt.lanes.memory import Array
from labkit.simt.lanes.values import cast, dtype_of, is_vector, need, plain, strong, truth
from labkit.simt.language.registry import Intrinsic, Special, intrinsic
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
        refuse(f"Python's {dtype.__name__} is no type of elements: write cuda.float32 or its like")
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


# Barriers and fences


def _barrier(f, name="syncthreads()", awaited=None):
    """Every live thread of a block, or none, must be here."""
    awaited, lanes = awaited or f.batch.live, f.batch.geometry.lanes_per_block
    if f.mask.n != awaited.n:
        here, live = f.mask.per_block(lanes), awaited.per_block(lanes)
        torn = np.flatnonzero((here != 0) & (here != live))
        if len(torn):
            _divergent(f, name, int(torn[0]), here, live, awaited)
    f.watch.barrier(f, f.location)


def _divergent(f, name, slot, here, live, awaited):
    lanes = f.batch.geometry.lanes_per_block
    window = slice(slot * lanes, (slot + 1) * lanes)
    there = int(np.argmax(f.mask.bits[window])) + slot * lanes
    missing = int(np.argmax((awaited.bits & ~f.mask.bits)[window])) + slot * lanes
    (thread, block), (other, _) = f.batch.name_of(there), f.batch.name_of(missing)
    said = (
        f"{here[slot]} of {live[slot]} live threads of block {block} reach {name}; thread {thread} "
        f"is here, thread {other} is not"
    )
    f.fail("divergent-barrier", f.location, there, said, other_thread=other)


@intrinsic(counts=False, together="block")
def syncthreads(f):
    _barrier(f)


def _over_block(combine):
    """A number per block from the active lanes' predicates, given to every lane."""

    def run(f, predicate):
        need("syncthreads with a predicate", predicate, *WHOLE)
        _barrier(f)
        geometry = f.batch.geometry
        met = (f.mask.bits & truth(predicate)).reshape(geometry.n_blocks, -1)
        active = f.mask.per_block(geometry.lanes_per_block)
        found = combine(np.count_nonzero(met, axis=1), active).astype(np.int64)
        return np.repeat(found, geometry.lanes_per_block)

    return run


for _name, _combine in {
    "syncthreads_count": lambda count, active: count,
    "syncthreads_and": lambda count, active: count == active,
    "syncthreads_or": lambda count, active: count > 0,
}.items():
    intrinsic(_over_block(_combine), name=_name, together="block")


@intrinsic(counts=False)
def syncwarp(f, mask=0xFFFFFFFF):
    f.watch.syncwarp(f, _members(f, mask))


@intrinsic(counts=False)
def threadfence(f):
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
    """A thread that has nothing left to do is not awaited: numba's own example counts on that."""
    awaited = f.batch.live.without(f.batch.leaving)
    _barrier(f, "grid.sync()", awaited)
    if f.mask.n != awaited.n:
        raise KernelError(
            f"{f.mask.n} of {awaited.n} live threads of the grid reach grid.sync()",
            "divergent-barrier",
        )
    f.watch.grid_barrier(f)


@intrinsic(name="cg.this_grid", counts=False, together="grid")
def this_grid(f):
    return GridGroup()


# Warps: a vector is a matrix with one row per warp


def _rows(f, value):
    if not is_vector(value):
        value = np.full(f.batch.n_lanes, value, dtype_of(value))
    return value.reshape(-1, WARP_SIZE)


def _members(f, mask):
    """The active lanes among those that a warp mask names."""
    if not is_vector(mask) and mask == 0xFFFFFFFF:
        return f.mask.bits
    bits = _rows(f, mask).astype(np.uint64) >> np.arange(WARP_SIZE, dtype=np.uint64) & np.uint64(1)
    return f.mask.bits & bits.astype(bool).reshape(-1)


def _words(rows):
    """Rows of bool as 32-bit numbers, one per warp."""
    return np.packbits(rows, axis=-1, bitorder="little").view("<u4")[..., 0].astype(np.uint32)


def _shuffle(source_of):
    """The value of another lane of the warp, or one's own where the source is outside 0 to 31."""

    def run(f, mask, value, number):
        need("a shuffle", value, *SHUFFLED)
        need("the lane of a shuffle", number, *WHOLE)
        need("the mask of a shuffle", mask, *WHOLE)
        lane = np.arange(WARP_SIZE)
        source = source_of(lane, _rows(f, number).astype(np.int64))
        source = np.where((source >= 0) & (source < WARP_SIZE), source, lane)
        return np.take_along_axis(_rows(f, value), source, axis=1).reshape(-1)

    return run


for _name, _source in {
    "shfl_sync": lambda lane, number: number % WARP_SIZE,
    "shfl_up_sync": lambda lane, number: lane - number,
    "shfl_down_sync": lambda lane, number: lane + number,
    "shfl_xor_sync": lambda lane, number: lane ^ number,
}.items():
    intrinsic(_shuffle(_source), name=_name)


def _vote(decide):
    """What the warp's members decide together, given to every lane."""

    def run(f, mask, predicate):
        need("a vote", predicate, "bool", *WHOLE)
        need("the mask of a vote", mask, *WHOLE)
        members = _members(f, mask).reshape(-1, WARP_SIZE)
        return np.repeat(decide(members, members & _rows(f, truth(predicate))), WARP_SIZE)

    return run


for _name, _decide in {
    "ballot_sync": lambda members, yes: _words(yes),
    "all_sync": lambda members, yes: (members == yes).all(axis=1),
    "any_sync": lambda members, yes: yes.any(axis=1),
    "eq_sync": lambda members, yes: (members == yes).all(axis=1) | ~yes.any(axis=1),
}.items():
    intrinsic(_vote(_decide), name=_name)


def _matches(f, mask, value):
    need("a match", value, *SHUFFLED)
    members, rows = _members(f, mask).reshape(-1, WARP_SIZE), _rows(f, value)
    return members, (rows[:, :, None] == rows[:, None, :]) & members[:, None, :]


@intrinsic
def match_any_sync(f, mask, value):
    return _words(_matches(f, mask, value)[1]).reshape(-1)


@intrinsic
def match_all_sync(f, mask, value):
    members, same = _matches(f, mask, value)
    all_same = (same == members[:, None, :]).all(axis=2) & members
    agree = np.repeat((all_same == members).all(axis=1), WARP_SIZE)
    return np.where(agree, np.repeat(_words(members), WARP_SIZE), 0).astype(np.uint32), agree


@intrinsic
def activemask(f):
    return np.repeat(f.mask.words, WARP_SIZE)


@intrinsic
def lanemask_lt(f):
    return ((np.uint64(1) << f.batch.geometry.lane_of_warp.astype(np.uint64)) - 1).astype(np.uint32)


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
