"""The accelerators that the planner knows, and every constant that it uses, each with its source.

`chips.csv` holds one accelerator a line; peaks and memories that the catalogue of `labkit.hardware`
has are read from there. `constants.csv` holds the rest: how much of a peak a kernel reaches, how
many bytes an operation moves. `physics` marks a constant that comes from kernels, data sheets or
counting, `fitted` one that was fitted to published runs, all runs of a family together.
"""

import csv
import dataclasses
import functools
from pathlib import Path

from labkit.hardware import chip as catalogue_chip

_HERE = Path(__file__).parent


@dataclasses.dataclass(frozen=True, slots=True)
class Constant:
    """One constant: for which family of chips (or `all`), its value, unit, kind and source."""

    of: str
    name: str
    value: float
    unit: str
    kind: str
    source: str


@dataclasses.dataclass(frozen=True, slots=True)
class Accelerator:
    """One chip as a planner sees it.

    peak_flop_per_s    dense 16-bit products
    link_bytes_per_s   what a ring over the chips of one server reaches, per chip and direction
    server_chips       how many chips those fast links join: a server, a rack, a TPU slice
    power_w            of the chip alone under load: mostly its TDP, which isn't a measurement
    """

    name: str
    family: str
    peak_flop_per_s: float
    hbm_bytes_per_s: float
    memory_bytes: float
    power_w: float
    server_chips: int
    link_bytes_per_s: float
    source: str

    def constant(self, name: str) -> float:
        """The constant of this chip's family, or the one that holds for all."""
        return _value(self.family, name)

    @property
    def stream_bytes_per_s(self) -> float:
        """What long reads and writes of HBM reach, in B/s."""
        return self.constant("stream_share") * self.hbm_bytes_per_s

    @property
    def pointwise_bytes_per_s(self) -> float:
        """What operations between the matrix products reach, in B/s of the bytes they need."""
        return self.constant("pointwise_share") * self.hbm_bytes_per_s

    def speedup(self, dtype: str) -> float:
        """How many times faster matrix products get in this number format than in 16 bit."""
        if dtype in ("bf16", "fp16"):
            return 1.0
        try:
            return self.constant(f"{dtype}_speedup")
        except KeyError:
            raise ValueError(
                f"{self.name} has no fast products in {dtype}: choose bf16, or another chip."
            ) from None


def accelerators() -> list[str]:
    """The names of all accelerators that the planner knows."""
    return list(_chips())


def accelerator(name: str) -> Accelerator:
    """The accelerator of this name: `accelerator("h100")`. ValueError names the known ones."""
    if not isinstance(name, str) or name not in _chips():
        known = ", ".join(_chips())
        raise ValueError(f"The planner knows no chip {name!r}. It knows {known}.")
    return _chips()[name]


@functools.cache
def constants() -> tuple[Constant, ...]:
    """Every constant of the planner, with its source."""
    return tuple(
        Constant(**{**row, "value": float(row["value"])}) for row in _rows("constants.csv")
    )


@functools.cache
def _by_name():
    return {(constant.of, constant.name): constant.value for constant in constants()}


@functools.cache
def _value(family, name):
    table = _by_name()
    return table[family, name] if (family, name) in table else table["all", name]


@functools.cache
def _chips():
    return {row["chip"]: _accelerator(row) for row in _rows("chips.csv")}


def _accelerator(row):
    known = catalogue_chip(row["catalogue"])
    return Accelerator(
        name=row["chip"],
        family=row["family"],
        peak_flop_per_s=float(row["peak_flop_per_s"] or known.peak("bf16").value),
        hbm_bytes_per_s=float(row["hbm_bytes_per_s"] or known.bandwidth.value),
        memory_bytes=float(row["memory_bytes"] or known.figures["mem_gb"].value),
        power_w=float(row["power_w"]),
        server_chips=int(row["server_chips"]),
        link_bytes_per_s=float(row["link_bytes_per_s"]),
        source=row["source"],
    )


def _rows(name):
    with (_HERE / name).open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))
