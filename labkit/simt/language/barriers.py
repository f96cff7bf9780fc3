"""Barriers and fences: where threads of a block or of the grid wait for one another."""

import numpy as np

from labkit.simt.errors import KernelError
from labkit.simt.lanes.values import need, truth
from labkit.simt.language.intrinsics import WHOLE
from labkit.simt.language.registry import Intrinsic, intrinsic
from labkit.simt.meetings import GRID


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


def _meet_block(f, *values):
    """The same for a block whose warps run apart -> the Arrivals of all of them."""

    def met(all_of_block):
        f.watch.barrier(all_of_block, all_of_block.location)

    meetings = f.batch.scheduler.meetings
    return meetings.meet(f, f.batch.blocks[0], "syncthreads()", met, values=values)


@intrinsic(counts=False, together="block")
def syncthreads(f):
    if f.batch.is_whole:
        _barrier(f)
    else:
        _meet_block(f)


def _over_block(combine):
    """A number per block from the active lanes' predicates, given to every lane."""

    def run(f, predicate):
        need("syncthreads with a predicate", predicate, *WHOLE)
        if not f.batch.is_whole:
            here = _meet_block(f, truth(predicate))
            n_true = sum(np.count_nonzero(one.mask.bits & one.values[0]) for one in here)
            return int(combine(n_true, sum(one.mask.n for one in here)))
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
def threadfence(f):
    f.watch.fence(f, "device")


@intrinsic(counts=False)
def threadfence_block(f):
    f.watch.fence(f, "block")


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
    if f.batch.scheduler:

        def met(everybody):
            f.watch.barrier(everybody, everybody.location)
            f.watch.grid_barrier(everybody)

        f.batch.scheduler.meetings.meet(f, GRID, "grid.sync()", met)
        return
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
