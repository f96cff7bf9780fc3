"""What fences order: stores, a fence and an atomic here; an atomic on that address, a fence, loads
there.

The first half is a release: it publishes what its thread did before the fence, and all that was
ordered before that, by barriers or by what the thread itself acquired. The second is an acquire,
from the fence on; a barrier or a `syncwarp` serves as the fence, too, and shares what it brings.
`threadfence_block` orders for threads of the same block only. A plain store straight after a fence,
to an element that a `while` loop polls, is taken for an atomic.
"""

import collections

import numpy as np

from labkit.simt.limits import WARP_SIZE

SCOPES = ("block", "device")


class View:
    """What is known to have happened: `facts` say for a thread, a warp or a block up to when; the
    rest is in the views it was joined from."""

    __slots__ = ("facts", "parts")

    def __init__(self, facts=None, parts=()):
        self.facts, self.parts = facts or {}, tuple(part for part in parts if part is not None)

    def holds(self, keys, when):
        """Whether something that any of the keys did at `when` is known."""
        todo, seen = [self], set()
        while todo:
            view = todo.pop()
            if id(view) in seen:
                continue
            seen.add(id(view))
            if any(view.facts.get(key, 0) > when for key in keys):
                return True
            todo += view.parts
        return False


def joined(*views):
    views = list(dict.fromkeys(view for view in views if view is not None))
    return views[0] if len(views) == 1 else View(parts=views) if views else None


class Known:
    """What one thread, or one block since its last barrier, can rely on.

    acquired   what is ordered before all that it does now
    pending    what it has read the flag of, but no fence stands after that: (view, the block that
               it was released for or None)
    published  by scope, what its next atomic releases
    """

    def __init__(self):
        self.acquired, self.pending, self.published = None, [], dict.fromkeys(SCOPES)

    def take(self, others):
        """Join what others know, at a barrier."""
        for other in others:
            pending = [view for view, _ in other.pending]
            self.acquired = joined(self.acquired, other.acquired, *pending)
            for scope in SCOPES:
                mine, theirs = self.published[scope], other.published[scope]
                self.published[scope] = joined(mine, theirs)


class Fences:
    """Releases and acquires of a launch, in the order in which it ran."""

    def __init__(self, lanes_per_block, barrier_time, warp_time):
        n_threads = len(barrier_time) * lanes_per_block
        self.lanes, self.barrier_time, self.warp_time = lanes_per_block, barrier_time, warp_time
        self.is_used = False
        self.threads = collections.defaultdict(dict)  # block -> {thread: Known}
        self.blocks = collections.defaultdict(Known)
        self.released = {}  # (address, block or None for all) -> View
        self.flags = set()  # addresses that were last stored to as flags
        # By thread: when it last made a fence, and when it last stored.
        self.fenced, self.stored = np.zeros(n_threads, np.int64), np.zeros(n_threads, np.int64)

    def known(self, thread):
        """What a thread knows, besides its block."""
        return self.threads[thread // self.lanes].setdefault(thread, Known())

    # Fences and barriers

    def fence(self, threads, scope, now):
        self.is_used = True
        for thread in threads.tolist():
            block, known = thread // self.lanes, self.known(thread)
            ready = [one for one in known.pending if scope == "device" or one[1] == block]
            known.pending = [one for one in known.pending if one not in ready]
            known.acquired = joined(known.acquired, *[view for view, _ in ready])
            warp_time = self.warp_time[thread] if len(self.warp_time) else now
            facts = {("thread", thread): now, ("warp", thread // WARP_SIZE): int(warp_time) + 1,
                     ("block", block): int(self.barrier_time[block]) + 1}  # fmt: skip
            view = View(facts, (known.acquired, self.blocks[block].acquired))
            self.fenced[thread], known.published["block"] = now, view
            if scope == "device":
                known.published["device"] = view

    def barrier(self, blocks):
        """All threads of a block know what each of them knows."""
        if self.is_used:
            for block in blocks.tolist():
                self.blocks[block].take(self.threads.pop(block, {}).values())

    def syncwarp(self, threads):
        """The same for the threads of warps."""
        if not self.is_used:
            return
        warps = collections.defaultdict(list)
        for thread in threads.tolist():
            warps[thread // WARP_SIZE].append(thread)
        for members in warps.values():
            known = self.threads[members[0] // self.lanes]
            those = [known[thread] for thread in members if thread in known]
            for thread in members if those else ():
                known[thread] = Known()
                known[thread].take(those)

    # Flags

    def store(self, threads, addresses, now):
        """Plain stores -> which of them are flags: nothing was stored since the thread's fence."""
        are_flags = self.fenced[threads] > self.stored[threads]
        self.stored[threads] = now
        for thread, address, is_flag in zip(threads.tolist(), addresses, are_flags, strict=True):
            self.flags.discard(address)
            if is_flag:
                self.flags.add(address)
                self.release(thread, address)
        return are_flags

    def poll(self, threads, addresses):
        """Plain loads of a loop that waits -> which of them read a flag."""
        for thread, address in zip(threads.tolist(), addresses, strict=True):
            self.acquire(thread, address)
        return np.array([address in self.flags for address in addresses])

    def atomic(self, threads, addresses, now):
        """An atomic acquires what was released there, and releases what is published."""
        self.stored[threads] = now
        for thread, address in zip(threads.tolist(), addresses, strict=True):
            self.acquire(thread, address)
            self.release(thread, address)

    def acquire(self, thread, address):
        """Read a flag: what was released there is known from the next fence on."""
        block = thread // self.lanes
        for whom in (None, block):
            view = self.released.get((address, whom))
            if view is not None:
                self.known(thread).pending.append((view, whom))

    def release(self, thread, address):
        """Write a flag: what was published so far can be acquired there."""
        block = thread // self.lanes
        own = self.threads[block].get(thread)
        for scope, whom in (("block", block), ("device", None)):
            view = joined(own and own.published[scope], self.blocks[block].published[scope])
            if view is not None:
                old = self.released.get((address, whom))
                self.released[address, whom] = joined(old, view)

    # The question

    def order(self, them, when, me, single):
        """Whether an access of thread `them` at `when` comes before what `me` does now."""
        keys = [("block", them // self.lanes), ("warp", them // WARP_SIZE)]
        if single:
            keys.append(("thread", them))
        block = me // self.lanes
        own = self.threads[block].get(me)
        view = joined(own and own.acquired, self.blocks[block].acquired)
        return view is not None and view.holds(keys, when)
