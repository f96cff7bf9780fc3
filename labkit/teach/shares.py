"""Who does how much of a launch's work: counters for each thread, where a profile counts warps."""

from typing import Any

import numpy as np

from labkit.simt.kernel import launch_of
from labkit.simt.lanes.arrays import GLOBAL
from labkit.simt.watch.regions import Regions
from labkit.simt.watch.watcher import Watcher
from labkit.teach.kernels import on_executor


class Shares(Watcher):
    """Accesses of each thread of one launch.

    `of("atomic", "global")` is an array (blocks, threads) of how often each thread did that: kind
    is `load`, `store` or `atomic`, space `global`, `shared` or `local`.
    """

    may_compact = False

    def __init__(self) -> None:
        self._counts = {}
        self._writer = {}  # of each array in global memory: who stored each element last, or -1
        self._written = np.zeros((0, 0), int)
        self.is_written_by_several = False  # is any element of global memory?
        self._shape = (0, 0)

    def start(self, run, values):
        self._counts.clear()
        self._writer.clear()
        self._written = np.zeros(self._shape, int)
        self._regions = Regions(values)

    def access(self, kind, f, location, array, address, shift, value=None):
        geometry = f.batch.geometry
        lanes = geometry.lane[f.mask.bits]
        block = f.batch.first + lanes // geometry.lanes_per_block
        thread, space = lanes % geometry.lanes_per_block, array.allocation.space
        counts = self._counts.setdefault((kind, str(space)), np.zeros(self._shape))
        np.add.at(counts, (block, thread), 1)
        if kind == "store" and space == GLOBAL:
            where = shift if address.base is None else address.pick(f.mask) + shift
            self._note_writer(array, where, block, thread)

    def _note_writer(self, array, where, block, thread):
        region, byte_0 = self._regions.find(array)
        size = array.dtype.itemsize
        key, me = (region.number, size), block * self._shape[1] + thread
        if key not in self._writer:
            self._writer[key] = np.full(region.n_bytes // size, -1)
        writer, element = self._writer[key], (byte_0 + where * array.pitch) // size
        before = np.broadcast_to(writer[element], me.shape)
        writer[element] = me if np.ndim(element) else me[-1]
        is_new = before != me
        np.add.at(self._written, (block[is_new], thread[is_new]), 1)
        self.is_written_by_several |= bool((is_new & (before >= 0)).any())
        self.is_written_by_several |= bool((writer[element] != me).any())

    def written(self) -> np.ndarray:
        """How many elements of global memory each thread stored, (blocks, threads)."""
        return self._written

    def of(self, kind: str, space: str) -> np.ndarray:
        """How often each thread did this, (blocks, threads)."""
        return self._counts.get((kind, space), np.zeros(self._shape)).astype(int)

    def watch(self, launch: Any, *args: Any) -> "Shares":
        """Run the launch under this watch; the arrays are written."""
        launch = launch_of(launch)
        self._shape = int(np.prod(launch.grid)), int(np.prod(launch.block))
        launch.run(args, self)
        return self


def shares(answer: Any, grid: Any, block: Any, *args: Any, case: str) -> Shares:
    """The Shares of `answer[grid, block](*args)`; raises as `kernels.run` does."""
    return on_executor(Shares().watch, answer, grid, block, args, case)


def assert_spread(
    answer: Any,
    grid: Any,
    block: Any,
    *args: Any,
    case: str,
    most: int,
    what: str,
) -> None:
    """No thread of `answer[grid, block](*args)` may write more than `most` elements.

    what   one thread's share in words, such as "an element"

    Raises AssertionError, the hint, where one block or one thread does the work of others, or two
    threads the same work.
    """
    work = shares(answer, grid, block, *args, case=case)
    elements = work.written()
    busiest, idle = elements.max(), int((elements.sum(axis=1) == 0).sum())
    assert 2 * (elements > most).sum() <= elements.size, (
        f"{case}: right, but each of {elements.size:,} threads did the work of others, too: it "
        f"wrote up to {busiest} elements, and {what} is its share. Which one is its own?"
    )
    told = f"; {idle} of {len(elements)} blocks write nothing" if idle else ""
    assert busiest <= most, (
        f"{case}: right, but one thread writes {busiest} elements, and {what} is its share{told}. "
        f"Let every block and every thread do its part"
    )
    assert not work.is_written_by_several, (
        f"{case}: right, but several threads write the same element. Which ones should do nothing?"
    )


def assert_loads_spread(
    answer: Any, fair: Any, grid: Any, block: Any, *args: Any, case: str
) -> None:
    """No thread may load much more than the busiest one of the kernel `fair`, for the others."""
    theirs, ours = (shares(kernel, grid, block, *args, case=case) for kernel in (answer, fair))
    for space in ("global", "shared"):
        got, share = theirs.of("load", space).max(), ours.of("load", space).max()
        assert got <= 2 * share + 2, (
            f"{case}: right, but one thread loads {got} numbers from {space} memory while others "
            f"wait, and {share} are its share. Let every thread load its part"
        )
