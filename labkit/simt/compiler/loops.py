"""Loops: turns until no lane is left, and the watch over those that may never end."""

import functools
import time

import numpy as np

from labkit.simt.errors import Stuck
from labkit.simt.lanes.compaction import Compaction, fewer_lanes, taken
from labkit.simt.lanes.masks import NONE
from labkit.simt.lanes.turns import Turn
from labkit.simt.lanes.values import binary, cast, comparison, is_vector

LOOK_TURNS = 64  # how often a `while` loop is looked at: does it still change anything?
LOOK_S = 0.1  # and how often at least, once it has run a few turns
COMPACT_TURNS = 16  # how often a loop is asked whether few of its warps are still active
PATIENCE_S = 1.2  # how long a `while` loop may go on without letting go a lane or changing memory
TRYING_S = 0.2  # the same for a loop that tries to change memory in each turn, as for a lock


def loop(f, turns, orelse, may_compact):
    """Turns of a loop until no lane is left in it; broken lanes rejoin after it.

    turns   has `test(f, number, mask)`, which gives the lanes that go on and those that leave, and
            `run(f)`, the body
    """
    outer, buckets = f.mask, (f.broke, f.continued)
    f.broke, f.continued = [], []
    ended = _turns(f, turns, outer, 0, may_compact)
    broke, (f.broke, f.continued) = f.broke, buckets
    f.mask = outer.join(*ended)
    if ended:
        orelse(f)
    if broke:
        f.mask = outer.join(f.mask, *broke)


def _turns(f, turns, mask, number, may_compact):
    """-> the masks of the lanes that left by the test; continued lanes rejoin after each turn."""
    ended = []
    while mask is not NONE:
        if may_compact and number % COMPACT_TURNS == COMPACT_TURNS - 1:
            lanes = fewer_lanes(f, mask)
            if lanes is not None:
                compacted = Compaction(f, mask, lanes)
                turns.take(lanes)
                rest = _turns(f, turns, compacted.mask, number, may_compact)
                return ended + compacted.undo(rest)
        f.mask = mask
        go, left = turns.test(f, number, mask)
        if left is not NONE:
            ended.append(left)
        if go is NONE:
            break
        f.mask = go
        turns.run(f)
        mask = f.mask
        if f.continued:
            mask = go.join(mask, *f.continued)
            f.continued = []
        number += 1
    return ended


def counting(*bounds):
    """range(), whose bounds may differ between lanes -> what `Counted` steps through."""
    start, stop, step = (0, *bounds, 1) if len(bounds) == 1 else (*bounds, 1)[:3]
    start, stop, step = (cast(bound, np.dtype(np.int64)) for bound in (start, stop, step))
    if any(is_vector(bound) for bound in (start, stop, step)):
        return Ranges(start, stop, step)
    return Elements(range(int(start), int(stop), int(step)))


class Elements:
    """One value after the other, as many in every lane."""

    def __init__(self, values):
        self.values = values

    def __call__(self, number):
        more = number < len(self.values)
        return more, self.values[number] if more else None

    def taken(self, lanes):
        if isinstance(self.values, range):
            return self
        return Elements(taken(tuple(self.values), lanes))


class Ranges:
    """A range() that differs between lanes: `step(number)`, as every lane has it."""

    def __init__(self, *bounds):
        self.bounds = bounds

    def __call__(self, number):
        start, stop, step = self.bounds
        value = binary("+")(start, binary("*")(step, number))
        if is_vector(step):
            ordered = np.where(step > 0, value, stop), np.where(step > 0, stop, value)
        else:
            ordered = (value, stop) if step > 0 else (stop, value)
        return comparison("<")(*ordered), value

    def tell(self, batch, value, number):
        """An index that moves by the same step in all lanes has the addresses of its start."""
        start, _, step = self.bounds
        if is_vector(start) and not is_vector(step):
            batch.moved(value, start, int(step) * number)

    def taken(self, lanes):
        return Ranges(*taken(self.bounds, lanes))


class Counted:
    """The turns of a `for` loop: `step(number)` gives whether there is more, and the next value."""

    def __init__(self, location, step, assign, body):
        self.location, self.step, self.assign, self.run = location, step, assign, body

    def take(self, lanes):
        self.step = taken(self.step, lanes)

    def test(self, f, number, mask):
        more, value = self.step(number)
        go, left = mask.split(more)
        f.watch.branch(f, self.location, mask, go, left)
        if go is not NONE:
            f.mask = go
            if type(self.step) is Ranges and number:
                self.step.tell(f.batch, value, number)
            self.assign(f, value)
        return go, left


class Guard:
    """The turns of a `while` loop, which is looked at now and then, for it may never end.

    A turn in which no lane leaves and after which all locals and all memory that it read are as
    before will repeat for ever, unless others change what it waits for: that is certain. What it
    put back or only counts in memory isn't a change. Behind it stands a guess, by time, for loops
    that count in a local. A lane that runs apart is looked at in each turn, and
    gives way to others.
    """

    def __init__(self, location, condition, body, patience_s):
        self.location, self.condition, self.body = location, condition, body
        self.patience_s = patience_s
        self.mask, self.since, self.before = None, time.monotonic(), None
        self.looked = self.since

    def take(self, lanes):
        pass

    def is_due(self, f, number):
        """Whether to look at this turn."""
        if f.batch.scheduler:
            return True
        long_ago = time.monotonic() - self.looked > LOOK_S
        return number > 8 and (number % LOOK_TURNS == 0 or long_ago)

    def test(self, f, number, mask):
        if self.is_due(f, number):
            self.looked, self.number = time.monotonic(), number
            if mask is not self.mask:
                self.mask, self.since = mask, self.looked
            version = f.batch.scheduler and f.batch.scheduler.version
            self.before = (list(f.vals), f.batch.turn, version)
            f.batch.turn = Turn()
        go, left = mask.split(self.condition(f))
        f.watch.branch(f, self.location, mask, go, left)
        return go, left

    def run(self, f):
        start = f.mask
        self.body(f)
        if self.before is None:
            return
        (before, outer, version), self.before = self.before, None
        turn, f.batch.turn = f.batch.turn, outer
        if outer is not None:
            outer.add(turn)
        staying = f.mask.n + sum(part.n for part in f.continued)
        still_there = start is self.mask and staying == start.n
        repeats = still_there and self.repeats(f, before, turn)
        still = not turn.changed or (turn.is_alone and not turn.differs(only_read=False))
        if f.batch.scheduler:
            self.give_way(f, turn, still_there, still, repeats, version)
        elif repeats:
            raise self.failure(
                f,
                "a turn of this loop changed no variable and no memory that it reads, so it "
                "repeats for ever",
            )
        elif not still:
            self.since = time.monotonic()
        elif still_there:
            self.judge(f, turn, time.monotonic() - self.since)

    def patience(self, f, turn):
        """How long the guess waits. To put memory back may be honest work, and not only a try."""
        if f.batch.launch.is_known_stuck:
            return TRYING_S
        live = f.batch.live if f.batch.scheduler else f.batch.whole.live
        if turn.changed and not turn.tried and self.mask.n == live.n:
            return 10 * PATIENCE_S
        return TRYING_S if turn.tried and not turn.changed else self.patience_s

    def give_way(self, f, turn, still_there, still, repeats, version):
        """Let other groups go on: at once where this one gets no further, else now and then."""
        scheduler, fail = f.batch.scheduler, functools.partial(self.failure, f)
        if still and turn.is_alone:  # then what it changed is as it was
            scheduler.version = version
        if repeats:
            scheduler.wait(f, self.mask, version, turn, fail)
        elif still_there and still:
            scheduler.pause(f, self.mask, self.patience(f, turn), fail)
        else:
            if not still_there:
                scheduler.progress()
            if self.number % LOOK_TURNS == LOOK_TURNS - 1:
                scheduler.give_turn(f.batch)

    def repeats(self, f, before, turn):
        """Whether the next turn will be just the same, as far as these lanes decide."""
        if not all(_same(old, new, self.mask) for old, new in zip(before, f.vals, strict=True)):
            return False
        return not turn.changed or (turn.is_alone and not turn.differs(only_read=True))

    def judge(self, f, turn, waited_s):
        if waited_s > self.patience(f, turn):
            raise self.failure(
                f,
                f"this loop went on for {waited_s:.1f} s without a thread leaving it or changing "
                f"memory; that it never ends is a guess (labkit.simt.compiler.loops.PATIENCE_S)",
            )

    def failure(self, f, why):
        mask = self.mask
        said = (
            f"{why}. {mask.n} threads are in it, among them {{who}}. Nobody is left who could let "
            f"them go: a lock that is never released, a flag that is never set, or a block that "
            f"cannot start before this one ends"
        )
        error = f.complaint("livelock", self.location, mask.lanes[0], said, Stuck)
        error.waiting = [(f.batch, mask)]
        return error


def _same(old, new, mask):
    if old is new:
        return True
    if is_vector(old) and is_vector(new) and old.dtype == new.dtype:
        return old[mask.lanes].tobytes() == new[mask.lanes].tobytes()
    return type(old) is type(new) and type(old) in (int, float, bool) and old == new
