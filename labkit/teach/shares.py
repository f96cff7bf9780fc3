"""Who does how much of a launch's work: counters for each thread, where a profile counts warps."""

from typing import Any

import numpy as np

from labkit.simt.kernel import launch_of
from labkit.simt.lanes.memory import GLOBAL
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
        self._stored = []  # of each store to global memory: (thread, byte address) of each lane
        self._shape = (0, 0)

    def start(self, run, values):
        self._counts.clear()
        self._stored.clear()
        self._regions = Regions(values)

    def access(self, kind, f, location, array, address, shift, value=None):
        geometry = f.batch.geometry
        lanes = geometry.lane[f.mask.bits]
        block = f.batch.first + lanes // geometry.lanes_per_block
        thread, space = lanes % geometry.lanes_per_block, array.allocation.space
        counts = self._counts.setdefault((kind, str(space)), np.zeros(self._shape))
        np.add.at(counts, (block, thread), 1)
        if kind == "store" and space == GLOBAL:
            region, byte_0 = self._regions.find(array)
            where = shift if address.base is None else address.pick(f.mask) + shift
            stored = region.address + byte_0 + where * array.pitch
            whose = block * self._shape[1] + thread
            self._stored.append(np.stack((whose, np.broadcast_to(stored, whose.shape)), axis=1))

    def written(self) -> np.ndarray:
        """(thread, byte address) of each element of global memory, once for each who stores it."""
        return np.unique(np.concatenate([np.zeros((0, 2), int), *self._stored]), axis=0)

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
    threads, addresses = work.written().T
    stores = work.of("store", "global")
    elements = np.bincount(threads, minlength=stores.size)
    busiest, idle = elements.max(), int((stores.sum(axis=1) == 0).sum())
    told = f"; {idle} of {len(stores)} blocks write nothing" if idle else ""
    assert busiest <= most, (
        f"{case}: right, but one thread writes {busiest} elements, and {what} is its share{told}. "
        f"Let every block and every thread do its part"
    )
    n_twice = len(addresses) - len(np.unique(addresses))
    assert not n_twice, (
        f"{case}: right, but several threads write the same element, {n_twice} times in all. Which "
        f"threads should do nothing?"
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
