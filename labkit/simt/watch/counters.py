"""The counters: a watcher that is told of every access, branch and operation of a launch."""

import functools

import numpy as np

from labkit.simt.lanes.arrays import GLOBAL, SHARED
from labkit.simt.limits import SECTOR_BYTES, WARP_SIZE
from labkit.simt.watch.counts import REMEMBERED, Counts, Event, Sample, Step
from labkit.simt.watch.patterns import sectors, wavefronts
from labkit.simt.watch.regions import Regions
from labkit.simt.watch.watcher import Watcher

FLOP = {"+": 1, "-": 1, "*": 1, "/": 1, "//": 1, "%": 1, "**": 1, "fma": 2}
COMPLEX_FLOP = {"+": 2, "-": 2, "*": 6, "/": 11, "**": 1}  # in real operations


@functools.cache
def _flop(op, dtype):
    """-> (dtype by which an operation is counted or None, how many operations it is)."""
    dtype = np.dtype(dtype)
    if dtype.kind == "c":
        return f"float{dtype.itemsize * 4}", COMPLEX_FLOP.get(op, 0)
    return (dtype.name, FLOP[op]) if dtype.kind == "f" else (None, 0)


class Counter(Watcher):
    """Counts by source line; also keeps, for the pictures, what the first warp and block did."""

    def start(self, run, values):
        self.run, self.regions = run, Regions(values)
        self.lines, self.samples, self.film, self.timeline = {}, {}, [], []
        self.epoch = 0

    def batch(self, batch):
        self.epoch = 0

    def line(self, location):
        found = self.lines.get(location.source)
        if found is None:
            found = self.lines[location.source] = Counts()
        return found

    def operation(self, mask, location, op, value):
        line, n = self.line(location), mask.n
        line.instructions += mask.warps
        line.lanes += n
        if op in FLOP:
            dtype = getattr(value, "dtype", type(value))
            name, per_lane = _flop(op, dtype)
            if name is not None:
                line.flop[name] += n * per_lane

    def branch(self, f, location, outer, yes, no):
        line = self.line(location)
        line.branches += outer.warps
        if yes.n and no.n:
            line.divergent_branches += yes.warps + no.warps - outer.warps
        if f.batch.in_picture and len(self.film) < REMEMBERED:
            words = [int(mask.words[0]) if mask.n else 0 for mask in (outer, yes, no)]
            self.film.append(Step(location.function, location.line, *words))

    def matrix(self, f, location, shape):
        line, n = self.line(location), f.mask.warps
        line.matrix_instructions += n
        line.matrix_flop[shape.dtype] += n * shape.flop

    def barrier(self, f, location):
        self.line(location).barriers += f.mask.warps
        self.epoch += 1
        self.note(f, location, "barrier", "")

    def note(self, f, location, kind, array):
        if f.batch.in_picture and len(self.timeline) < REMEMBERED:
            words = f.mask.words[: f.batch.geometry.lanes_per_block // WARP_SIZE]
            self.timeline.append(
                Event(self.epoch, location.function, location.line, kind, array, words.tobytes())
            )

    def access(self, kind, f, location, array, address, shift, value=None):
        mask, line, space = f.mask, self.line(location), array.allocation.space
        line.instructions += mask.warps
        line.lanes += mask.n
        if f.batch.in_picture:
            self.note(f, location, kind, array.name)
            self.sample(kind, f, location, array, address, shift)
        if kind == "atomic":
            line.atomics += mask.warps
            line.shared_atomics += mask.warps * (space == SHARED)
        elif space == GLOBAL:
            self.count_global(kind, line, mask, array, address, shift)
        elif space == SHARED:
            self.count_shared(kind, line, mask, array, address, shift)
        else:
            line.local_requests += mask.warps

    def count_global(self, kind, line, mask, array, address, shift):
        region, offset = self.regions.find(array)
        size, pitch = array.dtype.itemsize, array.pitch
        traffic = line.global_loads if kind == "load" else line.global_stores
        traffic.requests += mask.warps
        traffic.bytes_requested += mask.n * size
        sector, start = divmod(offset + shift * pitch, SECTOR_BYTES)
        if address.base is None:
            last = (start + size - 1) // SECTOR_BYTES
            total, touched = mask.warps * (last + 1), slice(0, last + 1)
        else:
            answer = address.answers.get(start)
            if answer is None or answer[0] is not mask:
                answer = (mask, *sectors(address, mask, start, pitch, size))
                address.answers[start] = answer
            _, total, touched = answer
        traffic.sectors += total
        seen = region.notes.get(kind)
        if seen is None:
            seen = region.notes[kind] = np.zeros(region.n_bytes // SECTOR_BYTES + 2, bool)
        if type(touched) is slice:
            seen[touched.start + sector : touched.stop + sector] = True
        else:
            seen[touched + sector] = True

    def count_shared(self, kind, line, mask, array, address, shift):
        size, pitch = array.dtype.itemsize, array.pitch
        traffic = line.shared_loads if kind == "load" else line.shared_stores
        traffic.requests += mask.warps
        traffic.bytes_requested += mask.n * size
        start = array.allocation.address + array.byte0 + shift * pitch
        if (
            address.base is None or address.base is array.offset
        ):  # one address in every block: a broadcast
            total, ideal = mask.warps, mask.warps
            if size > 4 and address.base is not None:
                total = ideal = self.groups(mask, size)
        else:
            answer = address.answers.get(start % 4)
            if answer is None or answer[0] is not mask:
                answer = (mask, *wavefronts(address, mask, start, pitch, size))
                address.answers[start % 4] = answer
            _, total, ideal = answer
        traffic.wavefronts += total
        traffic.ideal += ideal

    def groups(self, mask, size):
        """How many half-warps (8-byte items) or quarter-warps (16-byte items) have an active
        lane."""
        return int(mask.bits.reshape(-1, 128 // size).any(axis=1).sum())

    def sample(self, kind, f, location, array, address, shift):
        """The addresses of the first warp that makes an access, for the pictures."""
        key = (location.function, location.line, kind, array.name)
        if key in self.samples:
            return
        warp = int(f.mask.warp_numbers[0])
        lanes = slice(warp * WARP_SIZE, (warp + 1) * WARP_SIZE)
        where = np.full(WARP_SIZE, shift) if address.base is None else address.base[lanes] + shift
        space = array.allocation.space
        if space == GLOBAL:
            region, offset = self.regions.find(array)
            offset += region.address
        else:
            offset = array.allocation.address + array.byte0
        first_byte = where * array.pitch + offset
        if space == SHARED:
            width = len(array.store) * array.pitch // f.batch.geometry.n_blocks
            first_byte = first_byte - f.batch.geometry.slot[lanes] * width
        self.samples[key] = Sample(
            *key,
            space,
            array.dtype.itemsize,
            tuple(first_byte.tolist()),
            tuple(f.mask.bits[lanes].tolist()),
        )

    def touched(self, kind):
        """Distinct sectors of the launch."""
        seen = [r.notes[kind] for r in self.regions if kind in r.notes]
        return sum(int(np.count_nonzero(s)) for s in seen)
