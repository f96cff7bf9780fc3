"""Meetings: where groups that run apart wait for one another, at barriers and within warps."""

import collections.abc
import dataclasses
import types

import numpy as np

from labkit.simt.errors import KernelError
from labkit.simt.lanes.groups import Group
from labkit.simt.lanes.masks import Mask
from labkit.simt.lanes.values import dtype_of, is_vector
from labkit.simt.limits import WARP_SIZE

GRID = "grid"


@dataclasses.dataclass(frozen=True, eq=False)
class Arrival:
    """A group that has come to a meeting.

    met      is called with a frame of all lanes that met, once, before any of them goes on
    named    the lanes of its warp that it waits for, as a 32-bit number
    values   what it brings, each a number or a vector over the lanes of the group
    """

    group: Group
    mask: Mask
    name: str
    location: object
    met: collections.abc.Callable
    named: int = 0
    values: tuple = ()

    @property
    def lanes(self):
        """Their numbers in the launch."""
        return self.group.lanes[self.mask.lanes]


def merged(arrivals, number):
    """What threads of one warp bring, lane by lane, as one vector."""
    given = [arrival.values[number] for arrival in arrivals]
    vector = np.zeros(WARP_SIZE, np.result_type(*map(dtype_of, given)))
    for arrival, value in zip(arrivals, given, strict=True):
        bits = arrival.mask.bits
        vector[bits] = value[bits] if is_vector(value) else value
    return vector


class Meetings:
    """The meetings of a launch that have begun.

    open   by block number, `GRID` or (warp number,): the Arrivals that wait there
    """

    def __init__(self, scheduler):
        self.scheduler, self.open, self.blocks = scheduler, {}, {}

    def meet(self, f, key, name, met, named=0, values=()):
        """Wait for those who must be here -> the Arrivals of all who go on together."""
        there = self.open.setdefault(key, [])
        there.append(Arrival(f.batch, f.mask, name, f.location, met, named, values))
        if type(key) is int and there[0].location.source != f.location.source:
            self.fail(key)
        f.batch.turn.is_alone = False
        self.scheduler.progress()
        return self.settle(key, f.batch) or self.scheduler.give_way(f.batch)

    def someone_left(self, group):
        """A group has ended and is awaited no more."""
        for key in (*group.blocks, GRID, (int(group.lanes[0]) // WARP_SIZE,)):
            if key in self.open:
                self.settle(key)

    def settle(self, key, mine=None):
        """Let those go on who are complete -> their Arrivals, or None."""
        here = self.complete(key)
        if not here:
            return None
        self.open[key] = [one for one in self.open[key] if one not in here]
        if not self.open[key]:
            del self.open[key]
        here[0].met(self.frame(key, here))
        others = [one.group for one in here if one.group is not mine]
        self.scheduler.ready.extend((group, here) for group in others)
        return here

    def complete(self, key):
        there = self.open[key]
        if type(key) is tuple:
            return self.complete_warp(there)
        n = sum(arrival.mask.n for arrival in there)
        return there if n == self.awaited(key) else None

    def awaited(self, key):
        """How many lanes a barrier waits for."""
        live = self.scheduler.live
        if key != GRID:
            return sum(group.live.n for group in live[key])
        if self.scheduler.coming:
            return -1
        groups = {group for groups in live.values() for group in groups}
        return sum(group.live.without(group.leaving).n for group in groups)

    def complete_warp(self, there):
        """Those who wait for nobody but one another: by the masks that they gave."""
        warp = [group for group in self.scheduler.live[there[0].group.blocks[0]]
                if group.lanes[0] == there[0].group.lanes[0]]  # fmt: skip
        live = sum(int(group.live.words[0]) for group in warp)
        for one in there:
            here = [two for two in there if two.mask.words[0] & one.named and two.name == one.name]
            if sum(int(two.mask.words[0]) for two in here) == one.named & live:
                return here
        return None

    def frame(self, key, here):
        """What the watcher is shown: all who met, as if they had run in step."""
        batch = self.scheduler.whole if key == GRID else here[0].group
        if type(key) is int:
            batch = self.block(key)
        bits = np.zeros(batch.n_lanes, bool)
        for arrival in here:
            bits[arrival.lanes - batch.geometry.lane[0]] = True
        watch, location = self.scheduler.run.watch, here[0].location
        return types.SimpleNamespace(batch=batch, mask=Mask(bits), location=location, watch=watch)

    def block(self, number):
        if number not in self.blocks:
            n = self.scheduler.plan.lanes_per_block
            lanes = np.arange(number * n, (number + 1) * n)
            self.blocks[number] = Group(self.scheduler.whole, lanes, np.ones(n, bool), None)
        return self.blocks[number]

    def fail(self, key=None):
        """Some wait here for others who will never come. Raises KernelError."""
        key = next(iter(self.open)) if key is None else key
        first, whole = self.open[key][0], self.scheduler.whole
        here = np.concatenate([one.lanes for one in self.open[key]
                               if one.location.source == first.location.source])  # fmt: skip
        awaited = self.lanes_awaited(key, first)
        missing = np.setdiff1d(awaited, here)
        (thread, block), (other, other_block) = map(whole.name_of, (here[0], missing[0]))
        of = {int: f"block {block}", str: "the grid", tuple: f"a warp of block {block}"}[type(key)]
        said = (
            f"{len(here)} of {len(awaited)} live threads of {of} reach {first.name}; thread "
            f"{thread} is here, thread {other}"
            f"{f' of block {other_block}' if key == GRID else ''} is not"
        )
        kind = "divergent-warp" if type(key) is tuple else "divergent-barrier"
        details = {"thread": thread, "block": block, "other_thread": other}
        raise KernelError(said, kind, first.location.function, first.location.line, **details)

    def lanes_awaited(self, key, first):
        """The numbers of the lanes that a meeting waits for."""
        blocks = self.scheduler.live.values() if key == GRID else [
            self.scheduler.live[first.group.blocks[0]]]  # fmt: skip
        lanes = np.unique(np.concatenate([g.lanes[g.live.lanes] for gs in blocks for g in gs]))
        if type(key) is not tuple:
            return lanes
        lane = lanes - first.group.lanes[0]
        in_warp = (lane >= 0) & (lane < WARP_SIZE)
        return lanes[in_warp][first.named >> lane[in_warp] & 1 == 1]
