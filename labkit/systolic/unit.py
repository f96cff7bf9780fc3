"""`MatrixUnit`: the design of a systolic array, and what can be asked of it."""

import dataclasses
from typing import Any

import numpy as np

from labkit.systolic.count import Count, modelled
from labkit.systolic.operands import operands, size
from labkit.systolic.outputs import OutputStationary
from labkit.systolic.state import state_of
from labkit.systolic.weights import WeightStationary

_ARRAYS = {"weights": WeightStationary, "outputs": OutputStationary}


@dataclasses.dataclass(frozen=True, repr=False)
class Run:
    """What a simulation gave: the result, equal to `a @ w`, and its Count."""

    result: np.ndarray
    count: Count

    def __repr__(self):
        return repr(self.count)


@dataclasses.dataclass(frozen=True)
class MatrixUnit:
    """A systolic array of rows × columns cells: `MatrixUnit(256, 256)` is the TPU v1's.

    stationary       what stands still in the cells: "weights", or "outputs"
    double_buffered  a second register in each cell, so that a tile's weights come in (or its
                     results go out) while the cell works on another tile
    load_cycles      cycles that memory takes to bring one tile of weights; at least the rows, which
                     is the default: one row a cycle

    Products are `a @ w`, a of m × k, w of k × n. Sizes that aren't multiples of the array's are
    padded with zeros. Accumulators are not limited (the TPU v1 has 4096 for each column).
    Raises ValueError, a sentence, for a design that cannot be.
    """

    rows: int
    columns: int
    stationary: str = "weights"
    double_buffered: bool = True
    load_cycles: int | None = None

    def __post_init__(self):
        for name in ("rows", "columns"):
            object.__setattr__(self, name, size(name, getattr(self, name)))
        if self.stationary not in _ARRAYS:
            raise ValueError(
                f"{self.stationary!r} cannot stand still here: stationary is one of "
                f"{', '.join(map(repr, _ARRAYS))}."
            )
        object.__setattr__(self, "load_cycles", self._load())

    def count(self, *, m: int, k: int, n: int) -> "Count":
        """The Count of an (m, k) by (k, n) product by formula: origin modelled."""
        return modelled(self, size("m", m), size("k", k), size("n", n))

    def run(self, a: np.ndarray, w: np.ndarray) -> Any:
        """Simulate `a @ w` cycle by cycle and return a Run: origin simulated.

        Raises TypeError for anything but integers, ValueError for shapes that do not fit,
        OverflowError where a sum might not fit its register (32 bits for 8-bit operands, else 64).
        """
        array = self._array(a, w)
        while not array.is_done:
            array.step()
        return Run(array.result.copy(), array.count())

    def watch(self, a: np.ndarray, w: np.ndarray) -> Any:
        """Simulate `a @ w` and yield a State after each cycle; for arrays that fit on a page."""
        array = self._array(a, w)
        while not array.is_done:
            array.step()
            yield state_of(array)

    def _array(self, a, w):
        return _ARRAYS[self.stationary](self, *operands(a, w))

    def _load(self):
        if self.load_cycles is None:
            return self.rows
        if self.stationary != "weights":
            raise ValueError("load_cycles is for stationary weights: here no tile is loaded.")
        cycles = size("load_cycles", self.load_cycles)
        if cycles < self.rows:
            raise ValueError(
                f"load_cycles is {cycles}, but weights come in through one row of cells: a tile "
                f"of {self.rows} rows takes at least {self.rows} cycles."
            )
        return cycles
