"""What fences order between blocks: store, fence, atomic here; atomic on the same address, load
there.

That is the "last block" pattern: every block publishes its part with `threadfence`, counts itself
with an atomic, and the block that sees the full count reads all parts. A fence publishes what its
own thread did before, and what a barrier had ordered before it in the block; no more.
"""

import collections

Release = collections.namedtuple("Release", "when thread own block_wide")


class Fences:
    """Releases and acquires of a launch; (clock, thread) puts the lanes of one instruction in
    order."""

    def __init__(self, lanes_per_block, barrier_time):
        self.lanes, self.barrier_time = lanes_per_block, barrier_time
        self.fenced = {}  # thread -> (time of its fence, barrier of its block before that)
        self.shown = {}  # thread -> (time of its fence, barrier that showed the block that fence)
        self.block_wide = {}  # block -> barrier before which everything is published for the block
        self.releases = collections.defaultdict(list)  # address -> Releases
        self.acquires = collections.defaultdict(list)  # block -> (time, address)

    def fence(self, threads, now):
        for thread in threads.tolist():
            self.fenced[thread] = now, int(self.barrier_time[thread // self.lanes])

    def barrier(self, blocks, now):
        """A barrier shows every thread of the block what the others' fences have published."""
        blocks = set(blocks.tolist())
        for thread, fence in self.fenced.items():
            block = thread // self.lanes
            if block in blocks and self.shown.get(thread, (0,))[0] != fence[0]:
                self.shown[thread] = fence[0], now
                self.block_wide[block] = max(self.block_wide.get(block, 0), fence[1])

    def atomic(self, threads, places, table, now):
        """An atomic releases what was published before it, and acquires what others released."""
        if not self.fenced:
            return
        for thread, place in zip(threads.tolist(), places.tolist(), strict=True):
            own, before = self.fenced.get(thread, (0, 0))
            block, address = thread // self.lanes, (table, place)
            wide = max(before, self.block_wide.get(block, 0))
            self.releases[address].append(Release((now, thread), thread, own, wide))
            self.acquires[block].append(((now, thread), address))

    def order(self, them, when, me, single):
        """Whether an access of thread `them` at `when` comes before one of `me` in another block.

        single   whether `them` alone made the access; else only what is published for its whole
        block counts
        """
        met = self.barrier_time[me // self.lanes]
        return any(
            release.when < acquired and self.covers(release, them, when, single)
            for acquired, address in self.acquires[me // self.lanes]
            if acquired[1] == me or acquired[0] <= met  # another's acquire is seen at a barrier
            for release in self.releases[address]
        )

    def covers(self, release, them, when, single):
        if release.thread // self.lanes != them // self.lanes:
            return False
        fence, shown = self.shown.get(them, (0, 0))
        own = release.own if release.thread == them else 0
        by_itself = when < own or (when < fence and shown < release.when[0])
        return when < release.block_wide or (single and by_itself)
