"""Groups: lanes of a launch that run in step with one another, and apart from all other groups."""

import math

import numpy as np

from labkit.simt.lanes.arrays import LOCAL, Allocation, Array, c_strides
from labkit.simt.lanes.batch import Batch, coordinates
from labkit.simt.lanes.masks import Mask
from labkit.simt.lanes.turns import Turn
from labkit.simt.lanes.values import is_vector


class Group(Batch):
    """Whole blocks, one warp, or part of one (whose other lanes are there, and never active).

    lanes      their numbers within `whole`, the batch of all blocks of the launch: whole warps
    active     which of these run, as bool
    blocks     the blocks it has lanes of, as a range
    waits_in   the mask of the lanes that waited in a loop when it last gave way; else None
    looked     the Turn after which it waited last
    """

    in_picture = False

    def __init__(self, whole, lanes, active, scheduler):
        self.whole, self.lanes, self.n_lanes = whole, lanes, len(lanes)
        self.launch, self.first, self.scheduler = whole.launch, whole.first, scheduler
        self.geometry = whole.geometry.taken(lanes)
        per_block = self.geometry.lanes_per_block
        self.geometry.n_blocks = max(1, self.n_lanes // per_block)
        self.blocks = range(int(lanes[0]) // per_block, int(lanes[-1]) // per_block + 1)
        self.live = Mask(whole.geometry.entry.bits[lanes] & active)
        self.leaving = self.live.without(self.live)
        self.turn, self.memo, self._shared = Turn(room=0), {}, {}
        self.greenlet, self.waits_in, self.else_first = None, None, whole.else_first
        self.forget()

    @property
    def is_whole(self):
        """Whether it is made of whole blocks, which wait for nobody at a barrier."""
        return self.n_lanes % self.geometry.lanes_per_block == 0

    @property
    def is_split(self):
        """Whether it is part of a warp, which meets the others of it."""
        return self.scheduler.plan.is_split(int(self.lanes[0]))

    @property
    def is_torn(self):
        """Whether some of its lanes wait in a loop for others of them."""
        return self.waits_in is not None and self.waits_in.n < self.live.n

    def block(self, axis):
        if axis not in self._blocks:
            self._blocks[axis] = self._block(axis)
        return self._blocks[axis]

    def _block(self, axis):
        if len(self.blocks) == 1:
            return int(coordinates(self.first + self.blocks[0], self.launch.grid)[axis])
        value = self.whole.block(axis)
        return value[self.lanes] if is_vector(value) else value

    def seen(self, array):
        """A shared array, as these lanes have it."""
        if is_vector(array.offset) and array not in self._shared:
            offset = array.offset[self.lanes]
            offset = int(offset[0]) if len(self.blocks) == 1 else offset
            self._shared[array] = array.like(offset=offset)
        return self._shared.get(array, array)

    def name_of(self, lane):
        return self.whole.name_of(int(self.lanes[lane]))

    def wrote(self, array, where, before, changed, is_read=False):
        super().wrote(array, where, before, changed, is_read)
        self.scheduler.version += changed

    def local_array(self, location, shape, dtype):
        store = np.empty(math.prod(shape) * self.n_lanes, dtype)
        store.view(np.uint8).fill(0xFF)
        strides = tuple(s * self.n_lanes for s in c_strides(shape))
        allocation = Allocation(LOCAL, location.name or "a local array", store.nbytes)
        return Array(store, np.arange(self.n_lanes), shape, strides, allocation)
