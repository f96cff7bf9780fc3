"""Who does how much of a launch's work: counters for each thread, where a profile counts warps."""

from typing import Any

import numpy as np

from labkit.simt.kernel import launch_of
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
        self._shape = (0, 0)

    def start(self, run, values):
        self._counts.clear()

    def access(self, kind, f, location, array, address, shift, value=None):
        geometry = f.batch.geometry
        lanes = geometry.lane[f.mask.bits]
        block = f.batch.first + lanes // geometry.lanes_per_block
        counts = self._counts.setdefault((kind, str(array.allocation.space)), np.zeros(self._shape))
        np.add.at(counts, (block, lanes % geometry.lanes_per_block), 1)

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
    answer: Any, grid: Any, block: Any, *args: Any, case: str, most: int, what: str
) -> None:
    """No thread of `answer[grid, block](*args)` may write more than `most` elements.

    what   one thread's share in words, such as "an element"

    Raises AssertionError, the hint, where one block or one thread does the work of others.
    """
    stores = shares(answer, grid, block, *args, case=case).of("store", "global")
    busiest, idle = stores.max(), int((stores.sum(axis=1) == 0).sum())
    assert 2 * (stores > most).sum() <= stores.size, (
        f"{case}: right, but each of {stores.size:,} threads did the work of others, too: it wrote "
        f"up to {busiest} elements, and {what} is its share. Which one is its own?"
    )
    told = f"; {idle} of {len(stores)} blocks write nothing" if idle else ""
    assert busiest <= most, (
        f"{case}: right, but one thread writes {busiest} elements, and {what} is its share{told}. "
        f"Let every block and every thread do its part"
    )
