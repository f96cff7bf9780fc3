"""The race check: for every element, who touched it last, and was that ordered before this?

Threads are numbered block by block and warp by warp. Per element and kind of access we keep the
lowest and the highest thread since the last barrier, and when. "Some other thread touched this" is
then `lowest != me or highest != me`, "some other warp" the same of the number over 32, "some other
block" of the number over the lanes of a block: no sets, no vector clocks.
"""

import collections
import math

import numpy as np

from labkit.simt.lanes.arrays import CONST, LOCAL, SHARED
from labkit.simt.limits import WARP_SIZE
from labkit.simt.watch.fences import Fences
from labkit.simt.watch.regions import Regions
from labkit.simt.watch.report import SITE_BITS, SITES, Access, Report

CONFLICTS = {
    "load": ("store", "atomic"),
    "store": ("store", "load", "atomic"),
    "atomic": ("store", "load"),
}
WARP_BITS = WARP_SIZE.bit_length() - 1

# Per cell: lowest and highest thread (each with its line) of one kind of access; when, 0 for never.
Record = collections.namedtuple("Record", "low high when")


class Table:
    """The records of one stretch of memory, in cells of the fewest bytes that anybody touches."""

    def __init__(self, n_bytes):
        self.n_bytes, self.cell, self.records = n_bytes, 0, {}

    def fit(self, n_bytes):
        """Split the cells if `n_bytes` isn't a multiple of them."""
        old, self.cell = self.cell, math.gcd(self.cell, n_bytes)
        if old > self.cell:
            for kind, record in self.records.items():
                parts = [np.repeat(part, old // self.cell) for part in record]
                self.records[kind] = Record(*parts)

    def record(self, kind):
        if kind not in self.records:
            n, dtypes = -(-self.n_bytes // self.cell), (np.int64, np.int64, np.int32)
            self.records[kind] = Record(*[np.zeros(n, dtype) for dtype in dtypes])
        return self.records[kind]


class RaceCheck(Report):
    """A watcher that orders accesses by barriers, warp barriers, fences and grid barriers."""

    def __init__(self, strict):
        super().__init__()
        self.strict = strict

    def start(self, run, values):
        self.begin(run)
        self.lanes, self.regions = run.lanes_per_block, Regions(values)
        self.clock, self.grid_time, self.tables = 0, 0, {}
        self.block_of = np.repeat(np.arange(run.n_blocks, dtype=np.int32), self.lanes)
        self.barrier_time = np.zeros(run.n_blocks, np.int32)
        self.warp_time = np.zeros(run.n_blocks * self.lanes if self.strict else 0, np.int32)
        self.fences = Fences(self.lanes, self.barrier_time, self.warp_time)

    def batch(self, batch):
        self.shared, self.locals = {}, {}

    def threads(self, f):
        """The numbers of the active threads in the launch."""
        return f.batch.first * self.lanes + f.batch.geometry.lane[f.mask.lanes]

    # What orders

    def tick(self):
        self.clock += 1
        return self.clock

    def barrier(self, f, location):
        now, blocks = self.tick(), np.unique(self.threads(f) // self.lanes)
        self.fences.barrier(blocks)
        self.barrier_time[blocks] = now

    def grid_barrier(self, f):
        self.grid_time = self.tick()
        self.fences = Fences(self.lanes, self.barrier_time, self.warp_time)

    def syncwarp(self, f, members):
        if self.strict:
            numbers = f.batch.geometry.lane + f.batch.first * self.lanes
            self.warp_time[numbers[members]] = self.tick()
            self.fences.syncwarp(numbers[members])

    def fence(self, f, scope):
        self.fences.fence(self.threads(f), scope, self.tick())

    # What is checked

    def access(self, kind, f, location, array, address, shift, value=None):
        if array.allocation.space == CONST:
            return
        lanes = f.mask.lanes
        where = np.full(len(lanes), shift) if address.base is None else address.pick(f.mask) + shift
        step = Access(kind, location, array, self.threads(f), where, self.tick(), f)
        step.warps, step.blocks = step.threads >> WARP_BITS, self.block_of[step.threads]
        step.barrier = self.barrier_time[step.blocks]
        step.is_shared = array.allocation.space == SHARED
        step.since = step.barrier if step.is_shared else self.grid_time
        if kind == "store":
            new = np.empty(len(lanes), array.dtype)
            new[...] = value[lanes] if isinstance(value, np.ndarray) else value
            step.harmless = _same_bits(new, array.store[where])
            self.check_collisions(step, new)
        self.check_filled(step)
        if array.allocation.space == LOCAL:
            return
        table, byte0 = self.table(array)
        table.fit(math.gcd(array.dtype.itemsize, byte0, array.pitch))
        cells = where
        if byte0 or array.pitch != table.cell:
            cells = (byte0 + where * array.pitch) // table.cell
        for extra in range(array.dtype.itemsize // table.cell):
            self.check(step, table, cells + extra)

    def table(self, array):
        """-> (table of the memory that an array lies in, byte offset of its `store[0]`)."""
        if array.allocation.space == SHARED:
            tables, n_bytes, byte0 = self.shared, array.store.size * array.pitch, array.byte0
            key = array.allocation
        else:
            key, byte0 = self.regions.find(array)
            tables, n_bytes = self.tables, key.n_bytes
        if key not in tables:
            tables[key] = Table(n_bytes)
        return tables[key], byte0

    def check(self, step, table, cells):
        if step.kind != "store" and step.array.allocation.space == SHARED:
            self.check_written(step, table, cells)
        if self.fences.is_used:
            self.flag(step, table, cells)
        for other in CONFLICTS[step.kind]:
            if other in table.records:
                self.compare(step, other, table.records[other], cells)
        self.remember(step, table.record(step.kind), cells)

    def flag(self, step, table, cells):
        """Tell the fences what may be a flag; a plain store and a poll of one aren't a conflict."""
        addresses = [(table, place) for place in (cells * table.cell).tolist()]
        if step.kind == "atomic":
            self.fences.atomic(step.threads, addresses, step.now)
        elif step.kind == "store":
            step.flags = self.fences.store(step.threads, addresses, step.now)
        elif step.location.polls:
            step.flags = self.fences.poll(step.threads, addresses)

    def compare(self, step, other, record, cells):
        """Was an earlier access of the other kind ordered before this one? If not, report."""
        when = record.when[cells]
        seen = when > step.since
        if other == step.kind == "store":
            seen &= ~step.harmless
        elif step.flags is not None and other == "store":
            seen &= ~step.flags
        if not seen.any():
            return
        low, high = record.low[cells], record.high[cells]
        if step.kind == "store" and step.flags is not None and other == "load":
            polls = np.array([location.polls for location in self.sites])
            seen &= ~(step.flags & polls[low % SITES] & polls[high % SITES])
        for packed in (low, high):
            bad = np.flatnonzero(seen & self.unordered(step, packed >> SITE_BITS, when))
            if len(bad):
                single = low[bad] >> SITE_BITS == high[bad] >> SITE_BITS
                self.blame(step, other, bad, packed[bad], when[bad], single)

    def blame(self, step, other, lanes, packed, when, single):
        """Report the widest pair for each line among conflicts that no fence orders."""
        them, number = packed >> SITE_BITS, packed % SITES
        width = self.width(step.threads[lanes], them)
        for n in np.unique(number).tolist():
            same = np.flatnonzero(number == n)
            for at in same[np.argsort(-width[same], kind="stable")].tolist():
                if width[at] <= self.known(step, other, n):
                    break
                me, thread = int(step.threads[lanes[at]]), int(them[at])
                if not self.fences.order(thread, int(when[at]), me, single[at]):
                    self.report(step, other, n, int(lanes[at]), thread)

    def width(self, me, them):
        """How far apart threads are: 0 in one warp, 1 in one block, 2 in different blocks."""
        apart = (me >> WARP_BITS) != (them >> WARP_BITS)
        return apart * 1 + (self.block_of[me] != self.block_of[them])

    def unordered(self, step, them, when):
        """Whether nothing orders an access of thread `them` at `when` before this step."""
        apart = (them >> WARP_BITS) != step.warps
        if self.strict:
            met = np.minimum(self.warp_time[step.threads], self.warp_time[them])
            apart |= (them != step.threads) & (when > met)
        apart &= when > step.barrier
        if not step.is_shared:
            apart |= self.block_of[them] != step.blocks
        return apart

    def remember(self, step, record, cells):
        """Add this access; what was ordered before it is forgotten, unless another block did it."""
        me, when = (step.threads << SITE_BITS) + self.number(step.location), record.when[cells]
        # Where several lanes meet, the last assignment wins: forwards that is the highest thread,
        # backwards the lowest.
        if not (when > step.since).any():
            record.high[cells], record.low[cells[::-1]] = me, me[::-1]
        else:
            low, high = record.low[cells], record.high[cells]
            stale = self.stale(step, low >> SITE_BITS, high >> SITE_BITS, when)
            record.high[cells] = np.where(stale, me, np.maximum(high, me))
            record.low[cells[::-1]] = np.where(stale, me, np.minimum(low, me))[::-1]
        record.when[cells] = step.now

    def stale(self, step, low, high, when):
        """Which records are of accesses that were ordered before this one."""
        fresh = self.unordered(step, low, when) | self.unordered(step, high, when)
        stale = (when <= step.since) | ~fresh
        if self.fences.is_used and not stale.all():
            self.find_fenced(step, low, high, when, stale)
        return stale

    def find_fenced(self, step, low, high, when, stale):
        """Mark as stale, too, what fences have ordered before this."""
        for at in np.flatnonzero(~stale).tolist():
            me, time, ends = int(step.threads[at]), int(when[at]), {int(low[at]), int(high[at])}
            stale[at] = all(
                one == me or self.fences.order(one, time, me, len(ends) == 1) for one in ends
            )

    def check_written(self, step, table, cells):
        """Shared memory holds rubbish until somebody of the block stores to it."""
        written = np.zeros(len(cells), bool)
        for kind in ("store", "atomic"):
            if kind in table.records and not written.all():
                written |= table.records[kind].when[cells] > 0
        self.blame_unwritten(step, written)

    def check_filled(self, step):
        """So do local arrays and new device arrays."""
        array, allocation = step.array, step.array.allocation
        if allocation.space == LOCAL:
            known = self.locals.setdefault(
                id(array.store), (np.zeros(len(array.store), bool), array)
            )
            if step.kind == "store":
                known[0][step.where] = True
            else:
                self.blame_unwritten(step, known[0][step.where])
        elif allocation.unfilled is not None and step.kind != "store":
            self.blame_unwritten(step, ~allocation.unfilled.missing(array.store, step.where))

    def check_collisions(self, step, new):
        """Two values stored to one address by one instruction."""
        if (step.where[1:] > step.where[:-1]).all():
            return
        order = np.argsort(step.where, kind="stable")
        where, value, threads = step.where[order], new[order], step.threads[order]
        torn = (where[1:] == where[:-1]) & ~_same_bits(value[1:], value[:-1])
        if not torn.any():
            return
        width = np.where(torn, self.width(threads[1:], threads[:-1]), -1)
        number = self.number(step.location)
        if width.max() > self.known(step, "itself", number):
            at = int(np.argmax(width))
            self.report(step, "itself", number, int(order[at + 1]), int(threads[at]))


def _same_bits(a, b):
    """Element by element: are the two arrays, of one dtype, the same in every bit?"""
    if not len(a):
        return np.zeros(0, bool)
    a, b = (np.ascontiguousarray(v).view(np.uint8).reshape(len(v), -1) for v in (a, b))
    return (a == b).all(axis=1)
