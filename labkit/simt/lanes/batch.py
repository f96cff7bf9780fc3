"""A batch: some blocks of a launch, side by side, each padded to whole warps, as one row of
lanes."""

import copy
import functools
import math

import numpy as np

from labkit.simt.errors import refuse
from labkit.simt.lanes.addresses import IndexRange
from labkit.simt.lanes.arrays import LOCAL, SHARED, Allocation, Array, c_strides
from labkit.simt.lanes.masks import Mask
from labkit.simt.limits import STATIC_SHARED_BYTES, WARP_SIZE

BATCH_LANES = 32768  # the vectors stay in the second-level cache, and interpreting costs little
SHARED_ALIGN = 16
SHARED_WINDOW = 128  # a block's share of a store is a multiple: banks come out right


def coordinates(number, shape):
    """The number of a thread or block as (x, y, z); of a vector, three vectors."""
    x, y, _ = shape
    return number % x, number // x % y, number // (x * y)


class Geometry:
    """The lanes of `n_blocks` blocks of a shape: what is the same for every batch of that size."""

    def __init__(self, block, n_blocks):
        self.block, self.n_blocks = block, n_blocks
        self.threads = math.prod(block)
        self.lanes_per_block = -(-self.threads // WARP_SIZE) * WARP_SIZE
        self.n_lanes = n_blocks * self.lanes_per_block
        lane = np.arange(self.lanes_per_block)
        self.entry = Mask(np.tile(lane < self.threads, n_blocks))
        self.nobody = self.entry.without(self.entry)
        # A padding lane repeats the last thread, so that its indices are harmless.
        self._lane = np.minimum(lane, self.threads - 1)

    @functools.cached_property
    def thread(self):
        """`threadIdx` as (x, y, z): an int where it is the same everywhere."""
        return tuple(
            np.tile(part, self.n_blocks) if n > 1 else 0
            for part, n in zip(coordinates(self._lane, self.block), self.block, strict=True)
        )

    @functools.cached_property
    def lane(self):
        return np.arange(self.n_lanes)

    def taken(self, lanes):
        """The same for some of the lanes, which stand where they stood."""
        found = copy.copy(self)
        for name in ("slot", "lane_of_warp"):
            vars(found).pop(name, None)
        found.n_lanes, found.lane = len(lanes), self.lane[lanes]
        found.thread = tuple(p if isinstance(p, int) else p[lanes] for p in self.thread)
        return found

    @functools.cached_property
    def slot(self):
        """The number of the lane's block within the batch."""
        return self.lane // self.lanes_per_block

    @functools.cached_property
    def lane_of_warp(self):
        return self.lane % WARP_SIZE


@functools.lru_cache(maxsize=16)
def geometry(block, n_blocks):
    return Geometry(block, n_blocks)


class Batch:
    """Blocks `first` to `first + n_blocks - 1` of a launch while they run.

    turn                the Turn of a loop that somebody watches; None while nobody does
    scheduler           whom to ask where lanes wait for others; None while all run in step
    is_whole, is_split  whether it is made of whole blocks, or only of part of a warp
    else_first          whether of the two sides of a branch the second runs first
    in_picture          whether the first block runs here as the pictures show it
    """

    scheduler, is_whole, is_split, turn = None, True, False, None
    else_first = False

    def __init__(self, launch, first, n_blocks):
        self.launch, self.first, self.geometry = launch, first, geometry(launch.block, n_blocks)
        self.live = self.geometry.entry  # the lanes that have not left the kernel
        self.leaving = self.geometry.nobody  # those that have nothing left to do in it
        self.n_lanes, self.whole, self.memo = self.geometry.n_lanes, self, launch.memo
        self.else_first = launch.else_first
        self.forget()

    def forget(self):
        """Begin without anything worked out."""
        self._index_ranges, self._blocks, self._global, self._sums = {}, {}, {}, {}
        self._moved = {}

    def block(self, axis):
        """`blockIdx` along an axis."""
        if axis not in self._blocks:
            number = self.first + np.arange(self.geometry.n_blocks)
            part = coordinates(number, self.launch.grid)[axis]
            same = bool((part == part[0]).all())
            value = int(part[0]) if same else np.repeat(part, self.geometry.lanes_per_block)
            self._blocks[axis] = value
        return self._blocks[axis]

    def thread(self, axis):
        return self.geometry.thread[axis]

    def grid(self, axis):
        """The position of the thread in the whole grid along an axis."""
        if axis not in self._global:
            self._global[axis] = self.block(axis) * self.launch.block[axis] + self.thread(axis)
        return self._global[axis]

    @property
    def in_picture(self):
        return self.first == 0

    def seen(self, array):
        """A shared array, as the lanes of this batch have it."""
        return array

    def wrote(self, array, where, before, changed, is_read=False):
        """Memory was written, while somebody asks whether that changed it."""
        self.turn.keep(array, where, before, is_read)
        self.turn.changed |= changed
        self.turn.tried |= is_read

    def index_range(self, vector):
        """Bounds of a vector of indices, remembered while the batch runs."""
        known = self._index_ranges.get(id(vector))
        if known is not None and known[0] is vector:
            return known[1]
        if len(self._index_ranges) > 64:
            self._index_ranges.clear()
        whole = vector if vector.dtype == np.int64 else vector.astype(np.int64)
        index_range = IndexRange(whole)
        self._index_ranges[id(vector)] = (vector, index_range)
        self._index_ranges[id(whole)] = (whole, index_range)
        return index_range

    def moved(self, vector, start, shift):
        """Remember that a vector is `start + shift`, so that its addresses are those of `start`."""
        if len(self._moved) > 16:
            self._moved.clear()
        self._moved[id(vector)] = (vector, start, shift)

    def apart(self, vector):
        """A vector of indices as (vector, shift), whose sum it is."""
        known = self._moved.get(id(vector))
        return known[1:] if known is not None and known[0] is vector else (vector, 0)

    def plus(self, a, b):
        """a + b, remembered: the offsets of many lines are the same sum of the same vectors."""
        if not isinstance(b, np.ndarray) and b == 0:
            return a
        return self._remembered(np.add, a, b)

    def times(self, vector, stride):
        return vector if stride == 1 else self._remembered(np.multiply, vector, stride)

    def _remembered(self, compute, a, b):
        key = (compute, id(a), b if isinstance(b, int) else id(b))
        known = self._sums.get(key)
        if known is None:
            if len(self._sums) > 64:
                self._sums.clear()
            known = self._sums[key] = (a, b, compute(a, b))
        return known[2]

    def name_of(self, lane):
        """The thread and block of a lane as a student writes them: an int, or a tuple if 2-D or
        3-D."""
        return self.launch.name_of(self.first * self.geometry.lanes_per_block + lane)

    def local_array(self, location, shape, dtype):
        """An array per lane. Element k of all lanes lies together, as in a GPU's local memory."""
        store = np.empty(math.prod(shape) * self.n_lanes, dtype)
        store.view(np.uint8).fill(0xFF)
        strides = tuple(s * self.n_lanes for s in c_strides(shape))
        allocation = Allocation(LOCAL, location.name or "a local array", store.nbytes)
        return Array(store, self.geometry.lane, shape, strides, allocation)


class SharedMemory:
    """The shared arrays of a launch: one per place in the source, fresh for every block."""

    def __init__(self, dynamic_bytes):
        self.dynamic_bytes, self.static_bytes = dynamic_bytes, 0
        self._allocations, self._stores, self._arrays = {}, {}, {}

    def renew(self, n_blocks):
        """Memory for the next batch, uninitialised: all ones, which is NaN for floats."""
        if any(len(store) != n_blocks for store in self._stores.values()):
            self._stores, self._arrays = {}, {}
        for store in self._stores.values():
            store.fill(0xFF)

    def array(self, batch, location, shape, dtype):
        """The array of a place in the source. Shape 0 is the dynamic memory, which all such
        share."""
        dynamic = shape == (0,)
        key = (None if dynamic else location, dtype)
        if key not in self._arrays:
            n_bytes = self.dynamic_bytes if dynamic else math.prod(shape) * dtype.itemsize
            shape = (n_bytes // dtype.itemsize,) if dynamic else shape
            self._arrays[key] = self._view(batch.whole, key[0], location, shape, dtype, n_bytes)
        return batch.seen(self._arrays[key])

    def _view(self, batch, key, location, shape, dtype, n_bytes):
        n_blocks = batch.geometry.n_blocks
        window = math.lcm(SHARED_WINDOW, dtype.itemsize)
        if key not in self._stores:
            width = -(-max(n_bytes, 1) // window) * window
            self._stores[key] = np.full((n_blocks, width), 0xFF, np.uint8)
        store = self._stores[key].reshape(-1)
        width = len(store) // n_blocks
        if width % dtype.itemsize:
            refuse(f"dynamic shared memory as items of {dtype.itemsize} bytes is not supported")
        offset = batch.geometry.slot * (width // dtype.itemsize) if n_blocks > 1 else 0
        allocation = self._allocate(key, location.name or "a shared array", n_bytes)
        return Array(store.view(dtype), offset, shape, c_strides(shape), allocation)

    def _allocate(self, key, name, n_bytes):
        if key not in self._allocations:
            address = 0 if key is None else self.static_bytes
            self._allocations[key] = Allocation(SHARED, name, n_bytes, address)
            if key is not None:
                self.static_bytes = -(-(address + n_bytes) // SHARED_ALIGN) * SHARED_ALIGN
        if self.static_bytes > STATIC_SHARED_BYTES:
            refuse(
                f"the shared arrays need {self.static_bytes} bytes of each block; a GPU gives "
                f"{STATIC_SHARED_BYTES}, and more only as dynamic shared memory"
            )
        return self._allocations[key]
