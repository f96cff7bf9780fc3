"""Loops: turns until no lane is left, and the watch over those that may never end."""

import time

from labkit.simt.lanes.masks import NONE
from labkit.simt.lanes.values import is_vector

LOOK_TURNS = 64  # how often a `while` loop is looked at: does it still change anything?
LOOK_S = 0.1  # and how often at least, once it has run a few turns
PATIENCE_S = 1.2  # how long a `while` loop may go on without letting go a lane or changing memory


def loop(f, turn, body, orelse):
    """Turns of a loop until no lane is left in it. `turn(f, number, mask)` gives the lanes that go
    on
    and those that leave; continued lanes rejoin at the end of a turn, broken ones after the
    loop."""
    outer, buckets = f.mask, (f.broke, f.continued)
    f.broke, f.continued = [], []
    ended, mask, number = [], outer, 0
    while mask is not NONE:
        f.mask = mask
        go, left = turn(f, number, mask)
        if left is not NONE:
            ended.append(left)
        if go is NONE:
            break
        f.mask = go
        body(f)
        mask = f.mask
        if f.continued:
            mask = go.join(mask, *f.continued)
            f.continued = []
        number += 1
    broke, (f.broke, f.continued) = f.broke, buckets
    f.mask = outer.join(*ended)
    if ended:
        orelse(f)
    if broke:
        f.mask = outer.join(f.mask, *broke)


class Guard:
    """Looks at a `while` loop now and then, for it may never end.

    A turn in which no lane leaves, no local and no memory changes will repeat for ever: that is
    certain. Behind it stands a guess, by time, for loops that only count.
    """

    def __init__(self, site, test, body, patience_s):
        self.site, self.test, self.body, self.patience_s = site, test, body, patience_s
        self.mask, self.since, self.before = None, time.monotonic(), None
        self.looked = self.since

    def turn(self, f, number, mask):
        if number > 8 and (number % LOOK_TURNS == 0 or time.monotonic() - self.looked > LOOK_S):
            self.looked = time.monotonic()
            if mask is not self.mask:
                self.mask, self.since = mask, self.looked
            self.before = (list(f.vals), f.batch.tracking, f.batch.changed)
            f.batch.tracking, f.batch.changed = True, False
        go, left = mask.split(self.test(f))
        f.watch.branch(f, self.site, mask, go, left)
        return go, left

    def run(self, f):
        start = f.mask
        self.body(f)
        if self.before is None:
            return
        (before, tracking, changed), self.before = self.before, None
        still = not f.batch.changed
        f.batch.tracking, f.batch.changed = tracking, changed or f.batch.changed
        staying = f.mask.n + sum(part.n for part in f.continued)
        if not still:
            self.since = time.monotonic()
        elif start is self.mask and staying == start.n:
            self.judge(f, before, time.monotonic() - self.since)

    def judge(self, f, before, waited_s):
        mask = self.mask
        same = all(_same(old, new, mask) for old, new in zip(before, f.vals, strict=True))
        if not same and waited_s < self.patience_s:
            return
        why = (
            "a turn of this loop changed no variable and no memory, so it repeats for ever"
            if same
            else f"this loop went on for {waited_s:.1f} s without a thread leaving it or changing "
            f"memory; that it never ends is a guess (labkit.simt.compiler.loops.PATIENCE_S)"
        )
        said = (
            f"{why}. {mask.n} threads are in it, among them {{who}}. A thread cannot wait for "
            f"another of its warp, nor for a block that may not have started: use syncthreads() "
            f"within a block and grid.sync() across blocks"
        )
        f.fail("livelock", self.site, mask.lanes[0], said)


def _same(old, new, mask):
    if old is new:
        return True
    if is_vector(old) and is_vector(new) and old.dtype == new.dtype:
        return old[mask.lanes].tobytes() == new[mask.lanes].tobytes()
    return type(old) is type(new) and type(old) in (int, float, bool) and old == new
