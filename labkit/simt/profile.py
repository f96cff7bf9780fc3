"""`profile`: run a kernel on the executor and count what the hardware would do."""

import collections
import dataclasses
import linecache
import operator
import typing

from labkit.simt.bound import time_bound

# The words are those of Nsight Compute's Metrics Decoder.

REMEMBERED = 256  # steps of the film, and of the timeline: what comes after them is left out


class Summed:
    """Figures that add up, each to its own."""

    def __iadd__(self, other):
        for name, theirs in vars(other).items():
            setattr(self, name, operator.iadd(getattr(self, name), theirs))
        return self


@dataclasses.dataclass
class GlobalTraffic(Summed):
    """Accesses to global memory. A request is one access by one warp; a sector is 32 aligned
    bytes."""

    requests: int = 0
    bytes_requested: int = 0
    sectors: int = 0

    def __str__(self):
        if not self.requests:
            return "no requests"
        per = f"{self.sectors_per_request:.4g} sectors per request"
        return f"{self.requests:,} requests, {self.sectors:,} sectors, {per}"

    @property
    def sectors_per_request(self):
        """None if nothing was requested."""
        return self.sectors / self.requests if self.requests else None

    @property
    def efficiency(self):
        """Bytes asked for by bytes moved; above 1 where lanes share an address. None without a
        request."""
        return self.bytes_requested / (32 * self.sectors) if self.sectors else None


@dataclasses.dataclass
class SharedTraffic(Summed):
    """Accesses to shared memory. A wavefront is one pass over the 32 banks; `ideal` is the
    fewest."""

    requests: int = 0
    bytes_requested: int = 0
    wavefronts: int = 0
    ideal: int = 0

    def __str__(self):
        if not self.requests:
            return "no requests"
        ways = f"{self.bank_conflicts:,} bank conflicts ({self.ways:.4g}-way)"
        return f"{self.requests:,} requests, {self.wavefronts:,} wavefronts, {ways}"

    @property
    def bank_conflicts(self):
        return self.wavefronts - self.ideal

    @property
    def ways(self):
        """By how much the conflicts stretch an access; 1 is none. None without a request."""
        return self.wavefronts / self.ideal if self.ideal else None


@dataclasses.dataclass
class Counts(Summed):
    """What was counted on one source line, or on all of them.

    atomics, local_requests   requests, as of the traffic; shared_atomics are those of the atomics
                              that stay in shared memory
    branches, barriers        one for every warp that meets one
    instructions, lanes       executed operations of the source by warps, and by threads
    flop                      floating-point operations by dtype; `a * b + c` is two
    """

    global_loads: GlobalTraffic = dataclasses.field(default_factory=GlobalTraffic)
    global_stores: GlobalTraffic = dataclasses.field(default_factory=GlobalTraffic)
    shared_loads: SharedTraffic = dataclasses.field(default_factory=SharedTraffic)
    shared_stores: SharedTraffic = dataclasses.field(default_factory=SharedTraffic)
    atomics: int = 0
    shared_atomics: int = 0
    local_requests: int = 0
    branches: int = 0
    divergent_branches: int = 0
    barriers: int = 0
    instructions: int = 0
    lanes: int = 0
    flop: collections.Counter = dataclasses.field(default_factory=collections.Counter)

    @property
    def threads_per_instruction(self):
        """Active lanes per executed warp instruction, at most 32; None if nothing was executed."""
        return self.lanes / self.instructions if self.instructions else None

    @property
    def branch_efficiency(self):
        """The share of branches in which the lanes of a warp agree; None without a branch."""
        return 1 - self.divergent_branches / self.branches if self.branches else None


@dataclasses.dataclass(frozen=True)
class Line:
    """A source line: the function it is in, its number and its text."""

    function: str
    number: int
    text: str = dataclasses.field(compare=False, default="")


@dataclasses.dataclass(frozen=True)
class Sample:
    """The first access made on a line: a byte address per lane of one warp, and which are
    active."""

    function: str
    line: int
    kind: str
    array: str
    space: str
    itemsize: int
    addresses: tuple
    active: tuple


class Step(typing.NamedTuple):
    """A branch as the first warp met it: the lanes before it and on its two sides, as 32-bit
    numbers."""

    function: str
    line: int
    before: int
    taken: int
    not_taken: int


class Event(typing.NamedTuple):
    """An access or a barrier of the first block, in the epoch between two barriers.

    words   which threads took part: 32 bits for each warp
    """

    epoch: int
    function: str
    line: int
    kind: str
    array: str
    words: bytes

    @property
    def threads(self):
        """How many threads took part."""
        return int.from_bytes(self.words, "little").bit_count()


@dataclasses.dataclass
class Profile(Counts):
    """The counters of one launch, all simulated: counted by running it, not measured.

    dram_bytes_lower   32 bytes for each distinct sector, loads and stores apart: caches catch the
    rest
    dram_bytes_upper   32 bytes for each sector of each request: caches catch nothing
    lines              Line -> Counts; `line(12)` or `line("text")` finds one
    samples, film, timeline   what the first warp and block did, for the pictures; of the last two
    the first REMEMBERED steps
    """

    kernel: str = ""
    grid: tuple = ()
    block: tuple = ()
    shared_bytes: int = 0
    dram_bytes_lower: int = 0
    dram_bytes_upper: int = 0
    lines: dict = dataclasses.field(default_factory=dict)
    samples: list = dataclasses.field(default_factory=list)
    film: list = dataclasses.field(default_factory=list)
    timeline: list = dataclasses.field(default_factory=list)

    def is_cut(self, steps):
        """Whether the film or the timeline ends before the kernel did."""
        return len(steps) == REMEMBERED

    def line(self, which):
        """The counts of one line, by its number or by a part of its text."""
        found = [
            counts
            for line, counts in self.lines.items()
            if line.number == which or (isinstance(which, str) and which in line.text)
        ]
        if len(found) != 1:
            raise LookupError(
                f"{len(found)} counted lines of {self.kernel} match {which!r}; name one."
            )
        return found[0]

    def time_bound_s(self, chip):
        """A lower bound of the time on a chip of the catalogue; its note names the bottleneck."""
        return time_bound(self, chip)

    def __str__(self):
        rows = [("counted (simulated)", f"{self.kernel}, grid {self.grid}, block {self.block}")]
        for name in ("global_loads", "global_stores", "shared_loads", "shared_stores"):
            if getattr(self, name).requests:
                rows.append((name, str(getattr(self, name))))
        if self.branches:
            rows.append(("branches", f"{self.branches:,}, {self.divergent_branches:,} divergent"))
        rows += [(n, f"{getattr(self, n):,}") for n in ("atomics", "barriers") if getattr(self, n)]
        rows.append(("threads per instruction", f"{self.threads_per_instruction or 0:.4g}"))
        rows += [(f"flop {name}", f"{n:,}") for name, n in self.flop.items()]
        rows.append(("DRAM bytes", f"{self.dram_bytes_lower:,} to {self.dram_bytes_upper:,}"))
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:{width}}  {text}" for name, text in rows)

    __repr__ = __str__


def profile(launch, *args):
    """Run `kernel[grid, block]` on the executor with counters -> Profile. The arrays are written.

    launch   of our `cuda.jit` or of numba's: its Python function is what runs
    """
    from labkit.simt.kernel import launch_of
    from labkit.simt.watch.counters import Counter

    launch, counter = launch_of(launch), Counter()
    run = launch.run(args, counter)
    found = Profile(kernel=launch.kernel.__name__, grid=launch.grid, block=launch.block)
    found.shared_bytes = run.shared.static_bytes + run.shared.dynamic_bytes
    for (function, number, file), counts in sorted(counter.lines.items(), key=lambda i: i[0][1]):
        found.lines[Line(function, number, linecache.getline(file, number).strip())] = counts
        found += counts
    found.dram_bytes_lower = 32 * (counter.touched("load") + counter.touched("store"))
    found.dram_bytes_upper = 32 * (found.global_loads.sectors + found.global_stores.sectors)
    found.samples = list(counter.samples.values())
    found.film, found.timeline = counter.film, counter.timeline
    return found
