"""Energy of one operation or memory access, at 45 nm and at 7 nm, with source and mark.

The master is `data/energy_per_op.csv`: Horowitz (ISSCC 2014) for 45 nm, Jouppi et al. (ISCA 2021,
Table 2) for 7 nm; neither PDF was opened, two transcriptions agree. Marks as in the catalogue.
A range that a source prints stays a range.
"""

import csv
import dataclasses
import functools
from pathlib import Path

from labkit.reading import NotListedError, Origin
from labkit.units import si

FACTS = Path(__file__).parent / "data" / "energy_per_op.csv"
NODES_NM = (45, 7)
_PJ = 1e-12
_MARK_IN_WORDS = {"U": "unverified"}


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class OpEnergy:
    """Energy of one operation in J, as its source prints it: one figure, or a range.

    low_j, high_j   the ends of a range, the same figure twice, or None where none was published
    per             what one operation is: `op`, `64-bit access`, `32-bit access`
    verification    the mark; `note` says what the figure leaves open
    """

    op: str
    kind: str
    node_nm: int
    low_j: float | None
    high_j: float | None
    per: str
    source: str
    verification: str
    note: str

    @property
    def energy_j(self) -> float | None:
        """The figure, or None where there is none or only a range: a range has no true middle."""
        return self.low_j if self.low_j == self.high_j else None

    @property
    def figure(self) -> str:
        """The figure or the range as a person reads it, with its unit."""
        if self.low_j is None:
            return f"unknown (not published for {self.node_nm} nm)"
        span = [si(end, "J") for end in dict.fromkeys((self.low_j, self.high_j))]
        return f"{' to '.join(span)} per {self.per}"

    def __repr__(self):
        remarks = (self.source, _MARK_IN_WORDS.get(self.verification), self.note)
        told = "; ".join(filter(None, remarks))
        name = f"[{Origin.PUBLISHED}] {self.op} {self.kind}, {self.node_nm} nm"
        return f"{name}: {self.figure}" + (f" ({told})" if told else "")


def op_energy(op: str, kind: str, node_nm: int = 7) -> "OpEnergy":
    """Energy of one operation: `op_energy("mul", "fp32", node_nm=7).energy_j` is 1.31e-12.

    op, kind   such as `mul` `fp32`, `sram_64b` `8KB`, `dram_64b` `HBM2`; op_energies() lists them
    node_nm    45 or 7

    Raises ValueError for another node, KeyError (a sentence with the known ones) for another
    operation. What was not published is an OpEnergy whose figure is unknown.
    """
    if node_nm not in NODES_NM:
        raise ValueError(f"There are figures for 45 nm and 7 nm, not for {node_nm!r} nm.")
    figures = {(found.op, found.kind): found for found in op_energies(node_nm)}
    if (str(op), str(kind)) not in figures:
        known = ", ".join(f"{op} {kind}" for op, kind in figures)
        raise NotListedError(f"There is no energy of {op!r} {kind!r}. There are: {known}.")
    return figures[op, kind]


@functools.cache
def op_energies(node_nm: int = 7) -> tuple["OpEnergy", ...]:
    """All operations at one node, in the order of the table, unknown ones too."""
    with FACTS.open(encoding="utf-8", newline="") as file:
        return tuple(_figure(row, node_nm) for row in csv.DictReader(file))


def _figure(row, node_nm):
    ends = [float(end) * _PJ for end in row[f"pj_{node_nm}nm"].split("-") if end]
    low, high = (ends[0], ends[-1]) if ends else (None, None)
    source = row[f"source_{node_nm}nm"].split(";")[0]
    return OpEnergy(
        row["op"], row["type_or_size"], node_nm, low, high, row["unit"].removeprefix("pJ per "),
        source, row["verification"], row["note"],
    )  # fmt: skip
