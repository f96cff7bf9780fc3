"""What a product costs on a matrix unit: cycles, multiplier slots, words over the array's edges.

A simulation counts these; `modelled` here calculates them from the sizes alone.
"""

import dataclasses
import math
from typing import TYPE_CHECKING

from labkit.reading import Origin

if TYPE_CHECKING:
    from labkit.systolic.unit import MatrixUnit


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Count:
    """Cycles and multiplier slots of one product; a slot is one cell for one cycle.

    slots        rows × columns × cycles
    busy_slots   slots in which a cell multiplied, by a padding zero or not; the rest are bubbles
    useful_macs  slots that multiplied what was asked for: m × k × n
    input_words, weight_words, sum_words   numbers that crossed the array's edges, padding left out
    """

    origin: Origin
    n_tiles: int
    cycles: int
    slots: int
    busy_slots: int
    useful_macs: int
    input_words: int
    weight_words: int
    sum_words: int

    @property
    def utilisation(self) -> float:
        """Useful MACs ÷ slots: the share of the peak that the product gets."""
        return self.useful_macs / self.slots

    @property
    def padding_fraction(self) -> float:
        """The share of slots that multiply padding."""
        return (self.busy_slots - self.useful_macs) / self.slots

    @property
    def bubble_fraction(self) -> float:
        """The share of slots that have nothing to multiply."""
        return 1 - self.busy_slots / self.slots

    @property
    def words(self) -> int:
        """All numbers that crossed the array's edges."""
        return self.input_words + self.weight_words + self.sum_words

    def __repr__(self):
        mark, plural = f"[{self.origin}]", "s" * (self.n_tiles > 1)
        return "\n".join([
            f"{mark} cycles: {self.cycles:,} for {self.n_tiles:,} tile{plural}",
            f"{mark} multiplier slots: {self.slots:,}, of them {self.utilisation:.1%} useful, "
            f"{self.padding_fraction:.1%} padding, {self.bubble_fraction:.1%} bubbles",
            f"{mark} words over the edges: {self.input_words:,} inputs, {self.weight_words:,} "
            f"weights, {self.sum_words:,} sums",
        ])  # fmt: skip


def modelled(unit: "MatrixUnit", m: int, k: int, n: int) -> "Count":
    """The Count of an (m, k) by (k, n) product, by formula.

    Tiles follow each other `period` cycles apart. The first needs its load before it, and the last
    its stream and the way through the array after it:

        cycles = load + (n_tiles - 1) × period + length + rows + columns - 2

    Double-buffered, the load hides behind the stream: period = max(length, load). Otherwise tiles
    wait for each other: period = load + length + rows + columns - 2, which is the time of one fold
    in Samajdar et al., "SCALE-Sim", ISPASS 2020: 2 R + C + T - 2.
    """
    across = math.ceil(n / unit.columns)
    if unit.stationary == "weights":
        length, down = m, math.ceil(k / unit.rows)
        words = (m * k * across, k * n, m * n * down)
    else:
        length, down = k, math.ceil(m / unit.rows)
        words = (m * k * across, k * n * down, m * n)
    n_tiles, way = across * down, unit.rows + unit.columns - 2
    alone = unit.load_cycles + length + way
    period = max(length, unit.load_cycles) if unit.double_buffered else alone
    cycles = (n_tiles - 1) * period + alone
    cells = unit.rows * unit.columns
    return Count(
        origin=Origin.MODELLED,
        n_tiles=n_tiles,
        cycles=cycles,
        slots=cycles * cells,
        busy_slots=n_tiles * length * cells,
        useful_macs=m * k * n,
        **dict(zip(("input_words", "weight_words", "sum_words"), words, strict=True)),
    )
