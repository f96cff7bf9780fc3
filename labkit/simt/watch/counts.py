"""What is counted, in the words of Nsight Compute, and what is kept for the pictures."""

import collections
import dataclasses
import operator
import typing

from labkit.simt.limits import SECTOR_BYTES

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
        return self.bytes_requested / (SECTOR_BYTES * self.sectors) if self.sectors else None


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
    matrix_instructions       `mma_sync`, one for every warp; they are among `instructions`
    matrix_flop               their operations by the dtype that is multiplied, and not in `flop`
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
    matrix_instructions: int = 0
    matrix_flop: collections.Counter = dataclasses.field(default_factory=collections.Counter)

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
