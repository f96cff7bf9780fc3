"""What the race check has to say: findings, the widest pair of threads for each pair of lines."""

import numpy as np

from labkit.simt.limits import WARP_SIZE
from labkit.simt.watch.warps import ABSENT, MISMATCH, NO_SOURCE, STRANGER, irregular
from labkit.simt.watch.watcher import Watcher

VERBS = {"load": "loads", "store": "stores to", "atomic": "atomically updates"}
WHY = (  # by how far apart the two threads are
    "no syncwarp() stands between them",
    "no syncthreads() stands between them",
    "nothing orders the two blocks",
)
RUBBISH = {
    "shared": "no thread of the block has stored to it: shared memory starts with rubbish",
    "local": "it has not stored to it: a local array starts with rubbish",
    "global": "nothing was ever stored to it: a new device array starts with rubbish",
}
IRREGULAR = {  # of the lanes that execute a warp intrinsic
    ABSENT: (
        "divergent-warp",
        "the mask that thread {thread} of block {block} gives to {name} names thread {other}, "
        "which is not here: all live threads that it names must execute the same call with it",
    ),
    STRANGER: (
        "divergent-warp",
        "thread {thread} of block {block} executes {name} with a mask that does not name itself "
        "(bit {lane})",
    ),
    MISMATCH: (
        "divergent-warp",
        "threads {thread} and {other} of block {block} execute {name} with different masks, though "
        "one names the other",
    ),
    NO_SOURCE: (
        "absent-lane",
        "thread {thread} of block {block} reads from lane {lane} of its warp by {name}, which "
        "takes no part in it: the value is undefined",
    ),
}
SITE_BITS = 12  # a thread and the number of a line are kept as one integer
SITES = 1 << SITE_BITS


class Report(Watcher):
    """Findings of a launch, each once.

    findings   by kinds of access and lines: (how far apart the threads are, a Finding's fields)
    """

    def __init__(self):
        self.findings = {}

    def begin(self, run):
        self.run, self.findings, self.sites, self.numbers = run, {}, [], {}

    def number(self, location):
        """The number of a source line, to be kept with a thread in one integer."""
        if location.source not in self.numbers:
            self.numbers[location.source] = len(self.sites) % SITES
            self.sites.append(location)
        return self.numbers[location.source]

    def key(self, step, other, number):
        return other, step.kind, number, self.number(step.location), step.array.name

    def known(self, step, other, number):
        """How far apart the threads of the finding about these lines are; -1 if there is none."""
        return self.findings.get(self.key(step, other, number), (-1,))[0]

    def report(self, step, other, number, lane, them):
        lines = self.sites[number].line, step.location.line
        kind = "store" if other == "itself" else other
        (a, a_block), (b, b_block) = self.run.name_of(them), self.run.name_of(step.threads[lane])
        width = int(self.width(int(step.threads[lane]), them))
        sentence = (
            f"{kind}/{step.kind} on {step.array.allocation.space} memory, lines {lines[0]} and "
            f"{lines[1]}: thread {a} of block {a_block} {VERBS[kind]} {step.element(lane)}, "
            f"thread {b} of block {b_block} {VERBS[step.kind]} it, and {WHY[width]}"
        )
        self.add(
            step, other, number, lane, width, kind="race", sentence=sentence, lines=lines,
            threads=((a, a_block), (b, b_block)), accesses=(kind, step.kind),
        )  # fmt: skip

    def add(self, step, other, number, lane, width, **found):
        found |= {"array": step.array.name, "index": step.index(lane)}
        found["space"] = step.array.allocation.space
        self.findings[self.key(step, other, number)] = width, found

    def blame_unwritten(self, step, written):
        number = self.number(step.location)
        if written.all() or self.known(step, "nothing", number) >= 0:
            return
        lane = int(np.argmin(written))
        thread, block = self.run.name_of(step.threads[lane])
        sentence = (
            f"thread {thread} of block {block} {VERBS[step.kind]} {step.element(lane)} in line "
            f"{step.location.line}, and {RUBBISH[step.array.allocation.space]}"
        )
        self.add(
            step, "nothing", number, lane, 1, kind="uninitialised", sentence=sentence,
            lines=(step.location.line,), threads=((thread, block),), accesses=(step.kind,),
        )  # fmt: skip

    def unset(self, f, location, name, bits):
        """A variable is read by lanes that have not assigned it."""
        lane = int(np.argmax(bits))
        thread, block = f.batch.name_of(lane)
        sentence = (
            f"line {location.line}: thread {thread} of block {block} reads {name}, which only "
            f"other threads have assigned: on a GPU its value is undefined"
        )
        self.remark("uninitialised", ("unset", name, location.source), location, sentence,
                    ((thread, block),))  # fmt: skip

    def warp(self, f, location, name, mask, source=None):
        """A warp intrinsic is executed; by the right lanes?"""
        found = irregular(f, mask, source)
        if found is None:
            return
        what, *lanes = found
        (thread, block), (other, _) = map(f.batch.name_of, lanes)
        kind, said = IRREGULAR[what]
        sentence = f"line {location.line}: " + said.format(
            name=name, thread=thread, block=block, other=other, lane=lanes[1] % WARP_SIZE
        )
        self.remark(kind, (what, name, location.source), location, sentence,
                    ((thread, block), (other, block)))  # fmt: skip

    def remark(self, kind, key, location, sentence, threads):
        """A finding that is about no address."""
        found = {"kind": kind, "sentence": sentence, "lines": (location.line,), "threads": threads}
        self.findings.setdefault(key, (0, found))

    def wrapped(self, f, location, array, axis, index, lane):
        """A negative index that differs from thread to thread is seldom meant, though numba takes
        it."""
        thread, block = f.batch.name_of(lane)
        sentence = (
            f"line {location.line}: index {index} in {array.axis_named(axis)}, by thread {thread} "
            f"of block {block}: numba counts it from the end, and CUDA C would leave the array"
        )
        found = {"kind": "out-of-bounds", "sentence": sentence, "lines": (location.line,)}
        found |= {"threads": ((thread, block),), "array": array.name, "index": index}
        self.findings.setdefault(("wrapped", location.source, array.name, axis), (2, found))


class Access:
    """One executed load, store or atomic: its threads and the elements they touch."""

    def __init__(self, kind, location, array, threads, where, now, f):
        self.kind, self.location, self.array, self.threads = kind, location, array, threads
        self.where, self.now, self.f = where, now, f
        self.harmless = self.flags = None

    def index(self, lane):
        """The index of a lane's element in its array: an int, or a tuple."""
        array, offset = self.array, self.array.offset
        if isinstance(offset, np.ndarray):
            offset = offset[self.f.mask.lanes[lane]]
        rest, index = int(self.where[lane] - offset), [0] * array.ndim
        for axis in sorted(range(array.ndim), key=lambda axis: -array.strides[axis]):
            if array.strides[axis] and array.shape[axis] > 1:
                index[axis], rest = divmod(rest, array.strides[axis])
        return index[0] if array.ndim == 1 else tuple(index)

    def element(self, lane):
        return f"{self.array.name}[{str(self.index(lane)).strip('()')}]"
