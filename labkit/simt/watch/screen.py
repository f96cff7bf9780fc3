"""The screen: clears kernels in which no two threads can be in conflict, at little cost.

Most kernels never let two threads touch one element without a barrier in between, and of these
nothing need be remembered that says who came first: it is enough that every element has one owner.
In global memory an element has one for the whole launch, in shared memory for the time between two
barriers; what is only read, or only updated by atomics, needs none. Where element = thread + c, as
in `out[i]`, a number and two bounds say who owns what; elsewhere a table does.

What the screen cannot clear is a Suspicion, and no verdict: the launch runs anew under the race
check, which knows about warps, fences and equal values, and finds what there is.
"""

import functools

import numpy as np

from labkit.simt.lanes.arrays import GLOBAL, LOCAL, SHARED
from labkit.simt.watch.regions import Regions
from labkit.simt.watch.undo import Undo
from labkit.simt.watch.warps import irregular

MANY = 0xFFFFFFFF  # more than one reader
MOST_KEPT = 128  # loads between two barriers that are remembered one by one
BITS = 32  # an owner in shared memory: the number of the epoch, then that of the thread


class Suspicion(Exception):  # noqa: N818 (nothing need be wrong)
    """Something that only the race check can judge.

    region   number of the region whose loads must be logged for the screen to go on; None if it
             cannot
    """

    def __init__(self, region=None):
        super().__init__()
        self.region = region


def cells_of(address, shift, mask):
    """The elements of a store that the active lanes touch: a slice or a vector."""
    if address.base is None:
        return slice(int(shift), int(shift) + 1)
    run = slice(0, len(mask.bits)) if mask.full else mask.run
    if address.start is not None and run is not None:
        start = address.start + shift
        return slice(start + run.start, start + run.stop)
    cells = address.pick(mask)
    return cells + shift if shift else cells


class Screen(Undo):
    """Raises Suspicion as soon as it can clear a launch no more.

    logged     numbers of the regions whose loads are to be logged, too
    is_clear   whether a launch ran to its end, and nothing is wrong with it
    is_stuck   whether it ended in a livelock
    """

    is_clear = is_stuck = False

    def __init__(self, logged):
        super().__init__()
        self.logged = logged

    def start(self, run, values):
        self.run, self.lanes, self.regions = run, run.lanes_per_block, Regions(values)
        self.epoch, self.globals, self.me = 1, {}, (None, None)

    def batch(self, batch):
        self.epoch += 1
        self.shared, self.locals = {}, {}
        if self.run.plan:  # threads wait for one another: no case for a screen
            raise Suspicion

    # What orders

    def barrier(self, f, location):
        if f.mask.n == f.batch.live.n:
            self.epoch += 1

    def grid_barrier(self, f):
        self.globals = {}

    # What cannot be judged here

    def wrapped(self, f, location, array, axis, index, lane):
        raise Suspicion

    def unset(self, f, location, name, lanes):
        raise Suspicion

    def warp(self, f, location, name, mask, source=None):
        if irregular(f, mask, source) is not None:
            raise Suspicion

    # Accesses

    def access(self, kind, f, location, array, address, shift, value=None):
        super().access(kind, f, location, array, address, shift)
        space = array.allocation.space
        if space == GLOBAL:
            self.touch_global(kind, f, array, address, shift)
        elif space == SHARED:
            self.touch_shared(kind, f, array, address, shift)
        elif space == LOCAL:
            self.touch_local(kind, array, cells_of(address, shift, f.mask))

    def threads(self, batch, mask):
        """The numbers of the active threads in the launch, from 1 on."""
        if self.me[0] is not mask:
            self.me = mask, batch.geometry.lane[mask.lanes] + (batch.first * self.lanes + 1)
        return self.me[1]

    def touch_global(self, kind, f, array, address, shift):
        region, byte0 = self.regions.find(array)
        known = self.globals.get(region)
        if known is None:
            known = self.globals[region] = Owners(region, len(self.globals))
        if array.allocation.unfilled is not None and kind != "store":
            self.touch_unfilled(array, cells_of(address, shift, f.mask))
        if region.number not in self.logged:
            known.kinds.add(kind)
            if len(known.kinds) > 1:
                raise Suspicion(region.number)
            if kind != "store":
                return
        known.claim(f, array, byte0, address, shift, self)

    def touch_unfilled(self, array, cells):
        if array.allocation.unfilled.missing(array.store, cells).any():
            raise Suspicion

    def touch_local(self, kind, array, cells):
        known = self.locals.get(id(array.store))
        if known is None:
            known = self.locals[id(array.store)] = np.zeros(len(array.store), bool), array.store
        if kind == "store":
            known[0][cells] = True
        elif not known[0][cells].all():
            raise Suspicion

    def touch_shared(self, kind, f, array, address, shift):
        known = self.shared.get(array.allocation)
        if known is None:
            known = self.shared[array.allocation] = Epoch(array)
        known.begin(array, self.epoch)
        if kind != "store":
            known.check_written(address, shift, f.mask)
        if kind == "atomic":
            known.has_atomics = True
        if known.has_atomics and (kind != "atomic" or known.has_stores or known.loads):
            raise Suspicion
        if kind != "atomic":
            getattr(known, kind)(Touch(f, address, shift, self))


class Touch:
    """One load or store: which threads touch which elements, worked out when it is asked."""

    def __init__(self, f, address, shift, screen):
        self.address, self.shift, self.mask = address, shift, f.mask
        self.batch, self.screen = f.batch, screen

    def is_like(self, other):
        """Whether every thread touches the same element in both."""
        mine, theirs = (self.address, self.mask), (other.address, other.mask)
        return self.shift == other.shift and mine[0] is theirs[0] and mine[1] is theirs[1]

    @functools.cached_property
    def cells(self):
        return cells_of(self.address, self.shift, self.mask)

    @functools.cached_property
    def threads(self):
        return self.screen.threads(self.batch, self.mask)


class Owners:
    """Which thread owns each element of a region: threads by `lines` (element = thread + c, from
    low to high), or by a table."""

    def __init__(self, region, number):
        self.region, self.kinds, self.unit = region, set(), None
        self.lines, self.table = {}, None

    def claim(self, f, array, byte0, address, shift, screen):
        """Give the active threads what they touch. Raises Suspicion if another has it."""
        unit = array.pitch, array.dtype.itemsize
        self.unit = self.unit or unit
        if unit != self.unit:
            raise Suspicion
        shift += byte0 // array.pitch
        if self.table is None:
            if self.claim_line(f, address, shift, screen):
                return
            self.tabulate()
        cells, me = cells_of(address, shift, f.mask), screen.threads(f.batch, f.mask)
        if address.base is None and len(me) > 1:
            raise Suspicion
        owners = self.table[cells]
        if owners.any() and ((owners != me) & (owners != 0)).any():
            raise Suspicion
        self.table[cells] = me
        if type(cells) is np.ndarray and (self.table.take(cells) != me).any():
            raise Suspicion

    def claim_line(self, f, address, shift, screen):
        """Whether the elements go up with the threads, and no other line crosses this one."""
        if address.base is None or address.start is None or f.batch.whole is not f.batch:
            return False
        first = address.start + shift
        c = first - f.batch.first * screen.lanes
        lanes = f.mask.lanes if f.mask.run is None else f.mask.run
        low, high = (lanes.start, lanes.stop) if type(lanes) is slice else (lanes[0], lanes[-1] + 1)
        low, high = first + int(low), first + int(high)
        if c in self.lines:
            low, high = min(low, self.lines[c][0]), max(high, self.lines[c][1])
        crossing = (other != c and bounds[0] < high and low < bounds[1]
                    for other, bounds in self.lines.items())  # fmt: skip
        if len(self.lines) > (c in self.lines) and any(crossing):
            return False
        self.lines[c] = low, high
        return True

    def tabulate(self):
        """A table in place of lines."""
        self.table = np.zeros(-(-self.region.n_bytes // self.unit[0]), np.int32)
        for c, (low, high) in self.lines.items():
            self.table[low:high] = np.arange(low - c + 1, high - c + 1)


class Epoch:
    """What happened to a shared array since the last barrier.

    written   which elements somebody has stored to, since the block began
    loads     those that the table of readers does not hold yet: a store may never come
    """

    def __init__(self, array):
        self.dtype, self.number, self.checked = array.dtype, 0, {}
        n = len(array.store)
        self.written = np.zeros(n, bool)
        self.writer, self.reader = np.zeros(n, np.int64), np.zeros(n, np.int64)

    def begin(self, array, number):
        if array.dtype != self.dtype or array.byte0 or array.pitch != array.dtype.itemsize:
            raise Suspicion
        if self.number != number:
            self.number, self.base, self.loads = number, number << BITS, []
            self.has_stores = self.has_atomics = False

    def check_written(self, address, shift, mask):
        """Shared memory holds rubbish until it is stored to; what was found written stays so."""
        key = id(address), shift
        known = self.checked.get(key)
        if known is not None and known[0] is address and known[1] is mask:
            return
        if not self.written[cells_of(address, shift, mask)].all():
            raise Suspicion
        if len(self.checked) > MOST_KEPT:
            self.checked.clear()
        self.checked[key] = address, mask

    def load(self, touch):
        if self.has_stores:
            self.check(self.writer, touch)
        self.loads.append(touch)
        if len(self.loads) > MOST_KEPT:
            self.enter_loads()

    def enter_loads(self, but=None):
        """Enter loads in the table, but for those that touch what one store touches."""
        kept = []
        for load in self.loads:
            if but is not None and load.is_like(but):
                kept.append(load)
            else:
                self.read(load)
        self.loads = kept

    def read(self, load):
        """Enter readers: the thread where it is one, else MANY."""
        cells, me = load.cells, self.base + load.threads
        if load.address.base is None and len(me) > 1:
            me = np.array([self.base + MANY])
        found = self.reader[cells]
        new = np.where((found > self.base) & (found != me), self.base + MANY, me)
        self.reader[cells] = new
        if type(cells) is np.ndarray:
            met = self.reader.take(cells) != new
            self.reader[cells[met]] = self.base + MANY

    def store(self, touch):
        cells, me = touch.cells, self.base + touch.threads
        if touch.address.base is None and len(me) > 1:
            raise Suspicion
        self.enter_loads(but=touch)
        self.check(self.reader, touch)
        self.check(self.writer, touch)
        self.writer[cells], self.written[cells], self.has_stores = me, True, True
        if type(cells) is np.ndarray and (self.writer.take(cells) != me).any():
            raise Suspicion

    def check(self, table, touch):
        """Nobody else may be in the table since the barrier."""
        found = table[touch.cells]
        if ((found > self.base) & (found != self.base + touch.threads)).any():
            raise Suspicion
