"""Scheduling: which threads of a launch run in step, and what is done where that gets stuck.

All lanes of a batch run in step (lockstep), which is one of the orders that a GPU may choose and by
far the quickest here. It gets stuck where a thread waits in a loop for one that has already left
the loop, is in another branch, or has not started: the holder of a lock, the producer of a value. A
GPU goes on with those, so the launch begins anew from a copy of its arrays, in groups that run
apart. A group is a coroutine (greenlet): it goes on until it waits, for memory to change or for
others at a barrier, and then the next one does.

Groups are no finer than they need to be. At first the blocks that got stuck are cut into warps; the
others stay in step. Only where that gets stuck within a warp is the warp cut into threads: the one
thing that needs the independent thread scheduling of compute capability 7.0. Nothing is forked:
the stack of a Python interpreter cannot be, and to save and resume each closure of the compiler
would make all kernels pay. Beginning anew costs the kernels that wait, and only them; what cannot
wait is not even copied. Where every group waits, nothing can change any more: a livelock, for sure.
"""

import collections
import time

import numpy as np

from labkit.simt.errors import KernelError, refuse
from labkit.simt.lanes.batch import BATCH_LANES, Batch
from labkit.simt.lanes.groups import Group
from labkit.simt.lanes.masks import WARP_LANES, Mask
from labkit.simt.lanes.memory import Array

PATIENCE_S = 1.0  # how long groups may only change their own variables before it is a livelock
INDEPENDENT = (7, 0)  # the compute capability from which on threads of a warp are scheduled apart


class Stuck(KernelError):
    """No group gets any further: a livelock, unless finer groups help.

    waiting   [(group or batch, mask of its lanes that wait)]
    """

    waiting = ()

    def at(self, function, line):
        found = super().at(function, line)
        found.waiting = self.waiting
        return found


class Copies:
    """The arrays of a launch as they were, to begin anew."""

    def __init__(self, values):
        self.kept = [(array.store, array.store.copy()) for array in _arrays(values)]

    def restore(self):
        for store, copy in self.kept:
            store[...] = copy


def _arrays(values):
    for value in values:
        if isinstance(value, Array):
            yield value
        elif isinstance(value, tuple):
            yield from _arrays(value)


class Plan:
    """How the lanes of a launch are cut into groups; lanes are numbered through all blocks."""

    def __init__(self, lanes_per_block, n_blocks, capability):
        self.lanes_per_block, self.n_blocks, self.capability = lanes_per_block, n_blocks, capability
        self.in_warps, self.in_threads, self.all_threads = set(), set(), False

    def is_split(self, lane):
        return lane // WARP_LANES in self.in_threads

    def refine(self, stuck):
        """Cut finer where a launch got stuck -> whether there was anything to cut."""
        blocks = {b for batch, mask in stuck.waiting for b in self.blocks_of(batch, mask)}
        if not blocks <= self.in_warps:
            self.in_warps |= blocks
            return True
        warps = set()
        for group, mask in stuck.waiting:
            if not group.is_split and (group.live.n > mask.n or self.in_threads):
                warps.add(int(group.lanes[0]) // WARP_LANES)
        mixed = any(g.live.n > mask.n for g, mask in stuck.waiting if not g.is_split)
        if mixed and self.capability < INDEPENDENT:
            raise _needs_independence(stuck, self.capability)
        self.in_threads |= warps if mixed else set()
        return mixed

    def blocks_of(self, batch, mask):
        lanes = batch.first * self.lanes_per_block + batch.geometry.lane[mask.lanes]
        return set((lanes // self.lanes_per_block).tolist())

    def groups(self):
        """-> [(numbers of the lanes, which of them run)], in the order of the blocks."""
        step, block = [], 0
        most = max(1, BATCH_LANES // self.lanes_per_block)
        while block < self.n_blocks:
            if block in self.in_warps:
                yield from self._apart(block)
                block += 1
                continue
            first = block
            while block < self.n_blocks and block - first < most and block not in self.in_warps:
                block += 1
            lanes = np.arange(first * self.lanes_per_block, block * self.lanes_per_block)
            yield lanes, np.ones(len(lanes), bool)
        return step

    def _apart(self, block):
        first = block * self.lanes_per_block
        for lane in range(first, first + self.lanes_per_block, WARP_LANES):
            lanes = np.arange(lane, lane + WARP_LANES)
            if self.is_split(lane):
                yield from ((lanes, row) for row in np.eye(WARP_LANES, dtype=bool))
            else:
                yield lanes, np.ones(WARP_LANES, bool)


def _needs_independence(stuck, capability):
    said = (
        f"{stuck.sentence.split('. ')[0]}. The threads that it waits for are of the same warp, and "
        f"a GPU of compute capability {capability[0]}.{capability[1]} runs a warp in lockstep, so "
        f"it never ends there; from 7.0 on threads are scheduled independently"
    )
    details = {"thread": stuck.thread, "block": stuck.block}
    return KernelError(
        said, "needs-independent-scheduling", stuck.function, stuck.line, **details
    )


class Scheduler:
    """Runs the groups of a plan in turn, each until it waits."""

    def __init__(self, run, plan, resident_blocks):
        self.run, self.plan, self.resident_blocks = run, plan, resident_blocks
        self.version = 0  # of memory: how often it has changed
        self.ready, self.waiting, self.meetings = collections.deque(), {}, {}
        self.live = {}  # block -> its started groups that have not finished
        self.idle_since, self.at_version = None, 0

    def __call__(self, values):
        """Run all the groups to their ends. Raises Stuck where they cannot get there."""
        self.values, self.whole = values, Batch(self.run, 0, self.run.n_blocks)
        self.run.shared.renew(self.run.n_blocks)
        self.run.watch.batch(self.whole)
        self.coming = collections.deque(self.plan.groups())
        self.awaited = self.whole.live.n  # lanes, for grid.sync()
        self.admit()
        while self.ready or self.waiting or self.meetings:
            if not self.ready:
                self.wake()
            self.go_on(self.ready.popleft())

    # Which group goes on

    def admit(self):
        """Start the groups of as many blocks as are resident at a time."""
        import greenlet

        while self.coming:
            lanes, active = self.coming[0]
            blocks = {int(lanes[0]) // self.plan.lanes_per_block,
                      int(lanes[-1]) // self.plan.lanes_per_block}  # fmt: skip
            if len(self.live) >= self.resident_blocks and not blocks <= self.live.keys():
                return
            self.coming.popleft()
            group = Group(self.whole, lanes, active, self)
            if group.live.n:
                for block in group.blocks:
                    self.live.setdefault(block, set()).add(group)
                group.greenlet = greenlet.greenlet(self.body)
                self.ready.append((group, group))

    def body(self, group):
        with np.errstate(all="ignore"):  # a coroutine has settings of its own
            self.run.code.run(group, group.live, self.values, {})

    def go_on(self, entry):
        group, answer = entry
        group.greenlet.switch(answer)
        if group.greenlet.dead:
            self.finished(group)

    def finished(self, group):
        for block in group.blocks:
            self.live[block].discard(group)
            if not self.live[block]:
                del self.live[block]
        for meeting in list(self.meetings.values()):
            self.settle(meeting)
        self.idle_since = None
        self.admit()

    def wake(self):
        """Nobody is ready: those who wait for memory go on if it has changed since they looked."""
        for group, (version, _) in list(self.waiting.items()):
            if version < self.version:
                del self.waiting[group]
                self.ready.append((group, None))
        if not self.ready:
            self.stuck()

    def stuck(self):
        if not self.waiting:
            raise self.unmet()
        fails = [fail for _, fail in self.waiting.values()]
        error = fails[0]("a turn of this loop changed no variable and no memory, and every other "
                         "thread waits, too, so it repeats for ever")  # fmt: skip
        self.give_up(error)

    def give_up(self, error):
        error.waiting = [(group, group.waits_in) for group in self.waiting]
        raise error

    # What a group asks

    def wait(self, f, version, fail):
        """A turn of a loop changed nothing: go on when memory has changed since `version`."""
        group, group.waits_in = f.batch, f.mask
        self.waiting[group] = version, fail
        group.greenlet.parent.switch()

    def pause(self, f, fail, idle):
        """Let the others go on. `idle`: the loop changed its own variables only."""
        group, group.waits_in = f.batch, f.mask
        if not idle or self.version != self.at_version or self.idle_since is None:
            self.idle_since, self.at_version = time.monotonic(), self.version
        waited_s = time.monotonic() - self.idle_since
        if waited_s > PATIENCE_S:
            self.waiting[group] = self.version, fail
            self.waiting |= {other: (0, fail) for other, _ in self.ready if other.waits_in}
            self.give_up(fail(
                f"this loop and all others went on for {waited_s:.1f} s without a thread leaving "
                f"one or changing memory; that it never ends is a guess"
            ))  # fmt: skip
        self.ready.append((group, None))
        group.greenlet.parent.switch()

    def meet(self, f, name, key, is_met, payload=None):
        """Wait until `is_met({group: (mask, payload, name, site)}, ...)` gives those who go on,
        this one among them -> what they brought."""
        group = f.batch
        meeting = self.meetings.setdefault(key, Meeting(key, is_met))
        meeting.here[group] = f.mask, payload, name, f.site
        self.idle_since = None
        gone = self.settle(meeting)
        return gone if gone is not None and group in gone else group.greenlet.parent.switch()

    def settle(self, meeting):
        """Let those go on who have met -> them, if any."""
