"""The race check: for every element, who touched it last, and was that ordered before this?

Threads are numbered block by block and warp by warp. Per element and kind of access we keep the
lowest and the highest thread since the last barrier, and when. "Some other thread touched this" is
then `lowest != me or highest != me`, "some other warp" the same of the number over 32, "some other
block" of the number over the lanes of a block: no sets, no vector clocks.
"""

import math

import numpy as np

from labkit.simt.fences import Fences
from labkit.simt.masks import WARP_LANES
from labkit.simt.memory import GLOBAL, SHARED
from labkit.simt.regions import Regions

CONFLICTS = {
    "load": ("store", "atomic"),
    "store": ("store", "load", "atomic"),
    "atomic": ("store", "load"),
}
VERBS = {"load": "loads", "store": "stores to", "atomic": "atomically updates"}
SITES = 1 << 12  # a thread and the number of a line are kept as one integer


class Record:
    """Per cell: lowest and highest thread (each with its line) of one kind of access, and when."""

    def __init__(self, n_cells):
        self.low, self.high = np.zeros(n_cells, np.int64), np.zeros(n_cells, np.int64)
        self.when = np.zeros(n_cells, np.int32)  # 0 is never


class Table:
    """The records of one stretch of memory, in cells of as many bytes as anybody touches at
    least."""

    def __init__(self, n_bytes, cell):
        self.cell, self.n_cells, self.records = cell, -(-n_bytes // cell), {}

    def record(self, kind):
        if kind not in self.records:
            self.records[kind] = Record(self.n_cells)
        return self.records[kind]


class RaceCheck:
    """A watcher that orders accesses by barriers, warp barriers, fences and grid barriers."""

    def __init__(self, strict):
        self.strict, self.findings = strict, {}

    def start(self, run, values):
        self.run, self.regions = run, Regions(values)
        self.clock, self.grid_time, self.sites = 0, 0, []
        self.lanes = run.lanes_per_block
        self.barrier_time = np.zeros(run.n_blocks, np.int32)
        self.warp_time = np.zeros(run.n_blocks * self.lanes if self.strict else 0, np.int32)
        self.fences = Fences(self.lanes)
        self.numbers, self.shared = {}, {}

    def batch(self, batch):
        self.shared = {}
        self.first = batch.first * self.lanes

    def operation(self, mask, site, op, value):
        pass

    def branch(self, f, site, outer, yes, no):
        pass

    # What orders

    def tick(self):
        self.clock += 1
        return self.clock

    def barrier(self, f, site):
        now, blocks = self.tick(), np.unique((self.first + f.mask.lanes) // self.lanes)
        self.fences.barrier(blocks, now)
        self.barrier_time[blocks] = now

    def grid_barrier(self, f):
        self.grid_time = self.tick()

    def syncwarp(self, f, members):
        if self.strict:
            self.warp_time[self.first + np.flatnonzero(members)] = self.tick()

    def fence(self, f):
        threads = self.first + f.mask.lanes
        self.fences.fence(threads, self.tick(), self.barrier_time)

    # What is checked

    def access(self, kind, f, site, array, place, shift, value=None):
        if array.allocation.space not in (GLOBAL, SHARED):
            return
        lanes, now = f.mask.lanes, self.tick()
        where = np.full(len(lanes), shift) if place.base is None else place.pick(f.mask) + shift
        table, byte0 = self.table(f, array)
        cells = (byte0 + where * array.pitch) // table.cell
        step = Access(kind, site, array, self.first + lanes, where, now, f)
        if kind == "store":
            new = np.empty(len(lanes), array.dtype)
            new[...] = value[lanes] if isinstance(value, np.ndarray) else value
            step.harmless = _same_bits(new, array.store[where])
            self.check_collisions(step, where, new)
        for extra in range(max(1, array.dtype.itemsize // table.cell)):
            self.check(step, table, cells + extra)

    def table(self, f, array):
        """-> (table of the memory that an array lies in, byte offset of its `store[0]`)."""
        if array.allocation.space == SHARED:
            table = self.shared.get(array.allocation)
            if table is None:
                cell = math.gcd(4, finest(array.dtype))
                table = self.shared[array.allocation] = Table(array.store.size * array.pitch, cell)
            return table, array.byte0
        region, byte0 = self.regions.find(array)
        if "table" not in region.notes:
            cell = self.regions.cell(region, finest)
            region.notes["table"] = Table(region.n_bytes, min(cell, finest(array.dtype)))
        return region.notes["table"], byte0

    def check(self, step, table, cells):
        if step.kind == "load" and step.array.allocation.space == SHARED:
            self.check_written(step, table, cells)
        for other in CONFLICTS[step.kind]:
            record = table.records.get(other)
            if record is not None:
                self.compare(step, other, record, cells)
        self.remember(step, table.record(step.kind), cells)
        if step.kind == "atomic" and step.array.allocation.space == GLOBAL:
            self.fences.atomic(step.threads, cells, id(table), step.now, self.barrier_time)

    def compare(self, step, other, record, cells):
        """Was an earlier access of the other kind ordered before this one? If not, report."""
        when = record.when[cells]
        seen = when > self.grid_time
        if not seen.any():
            return
        for packed in (record.low[cells], record.high[cells]):
            bad = seen & self.unordered(step.threads, packed // SITES, when)
            if other == step.kind == "store":
                bad &= ~step.harmless
            for lane in np.flatnonzero(bad):
                them, number = divmod(int(packed[lane]), SITES)
                if self.known(step, other, number):
                    continue
                me = int(step.threads[lane])
                single = record.low[cells[lane]] // SITES == record.high[cells[lane]] // SITES
                if me // self.lanes != them // self.lanes and self.fences.order(
                    them, int(when[lane]), me, single, self.barrier_time
                ):
                    continue
                self.report(step, other, number, lane, them)

    def unordered(self, me, them, when):
        """Whether nothing orders an access of thread `them` at `when` before one of `me` now."""
        foreign = them // self.lanes != me // self.lanes
        fresh = when > self.barrier_time[me // self.lanes]
        apart = them // WARP_LANES != me // WARP_LANES
        if self.strict:
            met = np.minimum(self.warp_time[me], self.warp_time[them])
            apart |= (them != me) & (when > met)
        return foreign | (fresh & apart)

    def remember(self, step, record, cells):
        """Add this access; what was ordered before it is forgotten, unless another block did it."""
        me = step.threads * SITES + self.number(step.site)
        low, high, when = record.low[cells], record.high[cells], record.when[cells]
        stale = (when <= self.grid_time) | ~(
            self.unordered(step.threads, low // SITES, when)
            | self.unordered(step.threads, high // SITES, when)
        )
        # Where several lanes meet, the last assignment wins: forwards that is the highest thread,
        # backwards the lowest.
        record.high[cells] = np.where(stale, me, np.maximum(high, me))
        record.low[cells[::-1]] = np.where(stale, me, np.minimum(low, me))[::-1]
        record.when[cells] = step.now

    def check_written(self, step, table, cells):
        """Shared memory holds rubbish until somebody of the block stores to it."""
        written = np.zeros(len(cells), bool)
        for kind in ("store", "atomic"):
            if kind in table.records:
                written |= table.records[kind].when[cells] > 0
        if written.all() or self.known(step, "nothing", self.number(step.site)):
            return
        lane = int(np.argmin(written))
        name, (thread, block) = step.element(lane), self.run.name_of(step.threads[lane])
        sentence = (
            f"thread {thread} of block {block} loads {name} in line {step.site.line}, and no "
            f"thread of the block has stored to it: shared memory starts with rubbish"
        )
        self.add(step, "nothing", self.number(step.site), "uninitialised", sentence, lane, ())

    def check_collisions(self, step, where, new):
        """Two values stored to one address by one instruction."""
        order = np.argsort(where, kind="stable")
        same = where[order][1:] == where[order][:-1]
        torn = same & ~_same_bits(new[order][1:], new[order][:-1])
        if torn.any() and not self.known(step, "itself", self.number(step.site)):
            at = int(np.argmax(torn))
            them = int(step.threads[order[at]])
            self.report(step, "itself", self.number(step.site), int(order[at + 1]), them)

    # What is reported

    def number(self, site):
        """The number of a source line, to be kept with a thread in one integer."""
        found = self.numbers.get(site.source)
        if found is None:
            found = self.numbers[site.source] = len(self.sites) % SITES
            self.sites.append(site)
        return found

    def key(self, step, other, number):
        return (other, step.kind, number, self.number(step.site), step.array.name)

    def known(self, step, other, number):
        return self.key(step, other, number) in self.findings

    def report(self, step, other, number, lane, them):
        first = self.sites[number]
        kind = "store" if other == "itself" else other
        (a, a_block), (b, b_block) = self.run.name_of(them), self.run.name_of(step.threads[lane])
        me = int(step.threads[lane])
        sentence = (
            f"{kind}/{step.kind} on {step.array.allocation.space} memory, lines {first.line} and "
            f"{step.site.line}: thread {a} of block {a_block} {VERBS[kind]} {step.element(lane)}, "
            f"thread {b} of block {b_block} {VERBS[step.kind]} it, and {self.why(them, me)}"
        )
        self.add(step, other, number, "race", sentence, lane, ((a, a_block),))

    def why(self, them, me):
        if them // self.lanes != me // self.lanes:
            return "nothing orders the two blocks"
        if them // WARP_LANES != me // WARP_LANES:
            return "no syncthreads() stands between them"
        return "no syncwarp() stands between them"

    def add(self, step, other, number, kind, sentence, lane, threads):
        earlier = (self.sites[number].line,) if threads else ()
        kinds = () if other == "nothing" else ("store" if other == "itself" else other,)
        self.findings[self.key(step, other, number)] = {
            "kind": kind,
            "sentence": sentence,
            "lines": (*earlier, step.site.line),
            "threads": (*threads, self.run.name_of(step.threads[lane])),
            "array": step.array.name,
            "index": step.index(lane),
            "accesses": (*kinds, step.kind),
            "space": step.array.allocation.space,
        }


class Access:
    """One executed load, store or atomic: its threads and the elements they touch."""

    def __init__(self, kind, site, array, threads, where, now, f):
        self.kind, self.site, self.array, self.threads = kind, site, array, threads
        self.where, self.now, self.f, self.harmless = where, now, f, None

    def index(self, lane):
        """The index of a lane's element in its array: an int, or a tuple."""
        array, offset = self.array, self.array.offset
        if isinstance(offset, np.ndarray):
            offset = offset[self.f.mask.lanes[lane]]
        rest, found = int(self.where[lane] - offset), []
        for n, stride in sorted(zip(array.shape, array.strides, strict=True), key=lambda a: -a[1]):
            i, rest = divmod(rest, stride) if stride and n > 1 else (0, rest)
            found.append((stride, i))
        found = dict(found)
        index = tuple(found[stride] for stride in array.strides)
        return index[0] if len(index) == 1 else index

    def element(self, lane):
        index = self.index(lane)
        text = ", ".join(map(str, index)) if isinstance(index, tuple) else index
        return f"{self.array.name}[{text}]"


def finest(dtype):
    """The smallest piece of an item that a kernel can touch, in bytes."""
    if dtype.subdtype is not None:
        return finest(dtype.subdtype[0])
    if dtype.names is not None:
        parts = [dtype.fields[name] for name in dtype.names]
        return math.gcd(dtype.itemsize, *[n for part in parts for n in (finest(part[0]), part[1])])
    return dtype.itemsize // 2 if dtype.kind == "c" else dtype.itemsize


def _same_bits(a, b):
    """Element by element: are the two arrays, of one dtype, the same in every bit?"""
    if not len(a):
        return np.zeros(0, bool)
    a, b = (np.ascontiguousarray(v).view(np.uint8).reshape(len(v), -1) for v in (a, b))
    return (a == b).all(axis=1)
