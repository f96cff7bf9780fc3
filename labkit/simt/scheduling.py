"""Scheduling: which threads of a launch run in step, and what is done where that gets stuck.

All lanes of a batch run in step, which is one of the orders that a GPU may choose and by far the
quickest here. It gets stuck where a thread waits in a loop for one that has left the loop, is in
another branch or has not started: the holder of a lock, the producer of a value. A GPU goes on with
those. So the launch begins anew, from a copy of its arrays, in groups that run apart: a group is a
coroutine (greenlet) that goes on until it waits, and then the next one does.

Groups aren't finer than they need to be. First the blocks that got stuck are cut into warps; only
where a warp waits for its own lanes is it cut, too, which is just what needs independent thread
scheduling: at first into those who wait and those who do not, then into threads.

To begin anew is simpler than to go on: what a Python interpreter has on its stack cannot be forked,
and if every closure could be left and resumed, all kernels would pay for it. This way only those
pay that wait; a kernel without a loop that could wait is not even copied. Where all groups wait,
nothing can change any more: that is a livelock, for certain.
"""

import collections
import time

import numpy as np

from labkit.simt.compiler.functions import frozen
from labkit.simt.errors import KernelError, refuse
from labkit.simt.lanes.arrays import Array
from labkit.simt.lanes.batch import BATCH_LANES, Batch
from labkit.simt.lanes.groups import Group
from labkit.simt.limits import WARP_SIZE
from labkit.simt.meetings import Meetings

INDEPENDENT = (7, 0)  # the compute capability from which on the threads of a warp run apart


class Copies:
    """The arrays of a launch as they were, to begin anew."""

    def __init__(self, values, function):
        stores = [array.store for array in _arrays(values)]
        outside = [one for one in frozen(function).values() if hasattr(one, "host")]
        stores += [one.host for one in outside]
        unfilled = [array.allocation.unfilled for array in _arrays(values)]
        unfilled += [getattr(one, "unfilled", None) for one in outside]
        stores += [one.bytes for one in unfilled if one is not None]
        self.kept = [(store, store.copy()) for store in stores]

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
    """How the lanes of a launch are cut into groups; lanes are numbered through all blocks.

    in_warps   blocks whose warps run apart
    in_parts   warp -> the parts of it that run apart, as rows of 32 bools
    torn       what is said of the first warp that waited for its own lanes: a KernelError or None
    """

    torn = None

    def __init__(self, lanes_per_block, n_blocks):
        self.lanes_per_block, self.n_blocks = lanes_per_block, n_blocks
        self.in_warps, self.in_parts = set(), {}

    def is_split(self, lane):
        return lane // WARP_SIZE in self.in_parts

    def refine(self, stuck):
        """Cut finer where the launch got stuck -> whether anything could be cut."""
        lanes = [batch.geometry.lane[mask.lanes] + batch.first * self.lanes_per_block
                 for batch, mask in stuck.waiting]  # fmt: skip
        blocks = set((np.concatenate(lanes) // self.lanes_per_block).tolist())
        if not blocks <= self.in_warps:
            self.in_warps |= set(range(self.n_blocks)) if self.in_warps else blocks
            return True
        groups = [group for group, _ in stuck.waiting]
        torn = [group for group in groups if group.is_torn]
        if torn and self.torn is None:
            self.torn = _needs_independence(stuck)
        if self.in_parts and torn:  # again: then all that wait would be torn, one after the other
            threads = np.eye(WARP_SIZE, dtype=bool)
            self.in_parts |= {int(group.lanes[0]) // WARP_SIZE: threads for group in groups}
        else:
            self.in_parts |= {int(group.lanes[0]) // WARP_SIZE: _parts(group) for group in torn}
        return bool(torn)

    def groups(self):
        """-> (numbers of the lanes, which of them run) of every group, block by block."""
        block, most = 0, max(1, BATCH_LANES // self.lanes_per_block)
        while block < self.n_blocks:
            if block in self.in_warps:
                yield from self._apart(block * self.lanes_per_block)
                block += 1
                continue
            first = block
            while block < min(self.n_blocks, first + most) and block not in self.in_warps:
                block += 1
            lanes = np.arange(first * self.lanes_per_block, block * self.lanes_per_block)
            yield lanes, np.ones(len(lanes), bool)

    def _apart(self, first):
        for lane in range(first, first + self.lanes_per_block, WARP_SIZE):
            rows = np.ones((1, WARP_SIZE), bool)
            rows = self.in_parts.get(lane // WARP_SIZE, rows)
            yield from ((np.arange(lane, lane + WARP_SIZE), row) for row in rows)


def _parts(group):
    """A warp as those who wait and, before them, all others."""
    waits = group.waits_in.bits
    return np.array([~waits, waits])


def _needs_independence(stuck):
    """What is said of a launch that waits within a warp."""
    said = (
        f"thread {stuck.thread} of block {stuck.block} waits in this loop for a thread of its own "
        f"warp. GPUs since compute capability 7.0 schedule the two independently; an older one "
        f"runs a warp in lockstep and stays in the loop for ever"
    )
    details = {"thread": stuck.thread, "block": stuck.block}
    kind = "needs-independent-scheduling"
    return KernelError(said, kind, stuck.function, stuck.line, **details)


class Scheduler:
    """Runs the groups of a plan in turn, each until it waits."""

    def __init__(self, run, plan, resident_blocks):
        self.run, self.plan, self.resident_blocks = run, plan, resident_blocks
        self.version = 0  # of memory: how often it has changed
        self.ready, self.waiting = collections.deque(), {}
        self.live = {}  # block -> its started groups that have not ended
        self.changed_at, self.last_version, self.idle_turns = time.monotonic(), -1, 0
        self.all_counted = False  # since somebody last found that memory had changed

    def __call__(self, values):
        """Run all the groups to their ends. Raises Stuck where they cannot get there."""
        self.values, self.whole = values, Batch(self.run, 0, self.run.n_blocks)
        self.meetings = Meetings(self)
        self.run.shared.renew(self.run.n_blocks)
        self.run.watch.batch(self.whole)
        self.coming = collections.deque(self.plan.groups())
        self.admit()
        while self.ready or self.waiting or self.meetings.open:
            if not self.ready:
                self.wake()
            group, answer = self.ready.popleft()
            group.waits_in = None
            group.greenlet.switch(answer)
            if group.greenlet.dead:
                self.ended(group)

    def admit(self):
        """Start the groups of as many blocks as the device holds at a time."""
        while self.coming:
            lanes, active = self.coming.popleft()
            n = self.plan.lanes_per_block
            is_new = lanes[0] // n not in self.live
            room = max(0, self.resident_blocks - len(self.live)) * n
            room = min(room, len(lanes)) if is_new else len(lanes)
            if room < len(lanes):
                self.coming.appendleft((lanes[room:], active[room:]))
            if not room:
                return
            self.begin(Group(self.whole, lanes[:room], active[:room], self))

    def begin(self, group):
        if group.live.n:
            for block in group.blocks:
                self.live.setdefault(block, set()).add(group)
            group.greenlet = _greenlet()(self.body)
            self.ready.append((group, group))

    def body(self, group):
        self.progress()
        with np.errstate(all="ignore"):  # a coroutine has settings of its own
            self.run.code.run(group, group.live, self.values, {})

    def ended(self, group):
        for block in group.blocks:
            self.live[block].discard(group)
            if not self.live[block]:
                del self.live[block]
        self.progress()
        self.meetings.someone_left(group)
        self.admit()

    def progress(self):
        """Something happened that others may have waited for."""
        self.changed_at, self.idle_turns = time.monotonic(), 0

    def wake(self):
        """Nobody is ready: who waits for memory goes on if it has changed since they looked.

        If none has, those who count in memory what nobody may look at have one turn more.
        """
        # Who waited last comes first: a chain of waiting groups then unwinds in one or two rounds.
        for group, (version, _) in reversed(list(self.waiting.items())):
            if version < self.version and group.looked.may_go_otherwise():
                self.resume(group)
                self.all_counted = False
        if not self.ready and not self.all_counted:
            self.all_counted = True
            for group in [one for one in self.waiting if one.looked.counts]:
                self.resume(group)
        if not self.ready and not self.waiting:
            self.meetings.fail()
        if not self.ready:
            fail = next(iter(self.waiting.values()))[1]
            self.give_up(fail(
                "a turn of this loop changed no variable and no memory that it reads, and all "
                "other threads wait, too, so it repeats for ever"
            ))  # fmt: skip

    def resume(self, group):
        del self.waiting[group]
        self.ready.append((group, None))

    def give_up(self, error):
        error.waiting = [(group, group.waits_in) for group in self.in_loops()]
        raise error

    def in_loops(self):
        """The groups that got no further in a loop when they last had their turn."""
        groups = [*self.waiting, *(group for group, _ in self.ready)]
        return [group for group in groups if group.waits_in is not None]

    # What a group asks

    def give_way(self, group):
        """Let the others go on -> what this group is given when it goes on itself."""
        group.turn.is_alone = False
        return group.greenlet.parent.switch()

    def give_turn(self, group):
        """Let the others have their turns."""
        self.ready.append((group, None))
        self.give_way(group)

    def wait(self, f, mask, version, turn, fail):
        """A turn of a loop changed nothing that it reads: go on when others have, since
        `version`."""
        f.batch.waits_in, f.batch.looked = mask, turn
        self.waiting[f.batch] = version, fail
        self.give_way(f.batch)

    def pause(self, f, mask, patience_s, fail):
        """A turn of a loop changed variables only: let the others go on, but not for ever."""
        f.batch.waits_in = mask
        if self.version != self.last_version:
            self.last_version = self.version
            self.progress()
        waited_s, self.idle_turns = time.monotonic() - self.changed_at, self.idle_turns + 1
        self.ready.append((f.batch, None))
        if waited_s > patience_s and self.idle_turns > len(self.ready):
            self.give_up(fail(
                f"this loop and all others went on for {waited_s:.1f} s without a thread leaving "
                f"one or changing memory; that it never ends is a guess"
            ))  # fmt: skip
        self.give_way(f.batch)


def _greenlet():
    try:
        import greenlet
    except ImportError:
        refuse("threads of this kernel wait for one another, and the package greenlet, with which "
               "they are run apart, is missing: install it")  # fmt: skip
    return greenlet.greenlet
