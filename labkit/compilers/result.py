"""What the compilers made of a kernel: one `Compiled` a chip, together a `CompiledKernel`."""

import dataclasses
from collections.abc import Iterator, Mapping

from labkit.compilers.assembly import Instruction
from labkit.compilers.table import table
from labkit.reading import NotListedError, Origin
from labkit.simt.occupancy import Occupancy
from labkit.units import binary


@dataclasses.dataclass(frozen=True, repr=False)
class Compiled:
    """A kernel as one chip would run it; nothing was executed.

    instructions   kind -> how many instructions of it the machine code has (see KINDS), zeros left
                   out
    lines          the same for each line of the source; None stands for instructions of no line
    registers      of a thread, 32 bits each: NVIDIA's registers, AMD's vector registers
    spill_bytes    NVIDIA's count: bytes of a thread that are spilled, stored plus loaded
    spilled_registers   AMD's count: vector registers of a thread that are spilled
    local_bytes    bytes of a thread's own memory, for what is spilled and for its arrays
    shared_bytes   of a block, as far as they are known when the kernel is compiled or launched
    threads        of a block, where they are known
    occupancy      of a multiprocessor, modelled; None for AMD and where the threads aren't known
    assembly       the machine code, an Instruction each; empty where it is recorded
    refusal        why it was not compiled, a sentence; "" if it was
    message        the compiler's own words then, shortened
    source         compilers and versions; and the date, if it is recorded
    """

    kernel: str
    chip: str
    architecture: str
    origin: Origin
    source: str
    instructions: Mapping[str, int] = dataclasses.field(default_factory=dict)
    lines: Mapping[int | None, Mapping[str, int]] = dataclasses.field(default_factory=dict)
    registers: int | None = None
    spill_bytes: int | None = None
    spilled_registers: int | None = None
    local_bytes: int | None = None
    shared_bytes: int | None = None
    threads: int | None = None
    occupancy: Occupancy | None = None
    assembly: tuple[Instruction, ...] = ()
    refusal: str = ""
    message: str = ""

    @property
    def spills(self) -> str:
        """What is spilled, as the vendor counts it: `16 B` or `132 registers`."""
        if self.spilled_registers is not None:
            return f"{self.spilled_registers} registers"
        return "unknown" if self.spill_bytes is None else f"{self.spill_bytes:,} B"

    @property
    def is_spilled(self) -> bool:
        return bool(self.spill_bytes or self.spilled_registers)

    @property
    def n_instructions(self) -> int:
        return sum(self.instructions.values())

    def __repr__(self):
        return f"[{self.origin}] {self.kernel} on {self.chip}: {self._said()}"

    def _said(self):
        if self.refusal:
            return f"not compiled, {self.refusal}"
        counts = [f"{n:,} {kind.replace('_', ' ')}" for kind, n in self.instructions.items()]
        said = (
            f"{self.registers} registers, {self.spills} spilled, {binary(self.shared_bytes)} shared"
        )
        if self.occupancy:
            said += f", {self.residence}"
        return f"{said}; instructions: {', '.join(counts)} ({self.architecture}; {self.source})"

    @property
    def residence(self) -> str:
        """The occupancy in words, or why no block of the kernel can be launched."""
        if self.occupancy is None:
            return "unknown"
        if not self.occupancy.blocks_per_sm:
            return f"the launch fails: {' and '.join(self.occupancy.limited_by)}"
        return f"occupancy {self.occupancy.occupancy:.1%}"


@dataclasses.dataclass(frozen=True, repr=False)
class CompiledKernel(Mapping):
    """One kernel for several chips: `found["h100-sxm"]` is its Compiled; it shows as a table.

    first_line, text   of the kernel's source, from its `def` on
    notice             where recorded results differ, or are of the unedited kernel; "" elsewhere
    """

    kernel: str
    chips: Mapping[str, Compiled]
    first_line: int
    text: str
    notice: str = ""

    def __getitem__(self, chip: str) -> Compiled:
        if chip not in self.chips:
            known = ", ".join(self.chips)
            raise NotListedError(f"{self.kernel} was compiled for {known}, not for {chip!r}.")
        return self.chips[chip]

    def __iter__(self) -> Iterator[str]:
        return iter(self.chips)

    def __len__(self) -> int:
        return len(self.chips)

    def __repr__(self):
        origin = next(iter(self.chips.values())).origin
        notice = f"\n[{origin}] {self.kernel}: {self.notice}" if self.notice else ""
        return "\n".join(map(repr, self.chips.values())) + notice

    def _repr_html_(self):
        return table(self)
