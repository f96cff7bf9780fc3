"""What both kinds of array share: tiles in flight, inputs that move right, and counters."""

import collections
import dataclasses

import numpy as np

from labkit.reading import Origin
from labkit.systolic.count import Count
from labkit.systolic.shift_register import ShiftRegister, wave


@dataclasses.dataclass(frozen=True, slots=True)
class Tile:
    """One filling of the array.

    begin, start   the cycles in which its load begins and in which its first input enters
    row, column    where it lies in what stands still: the weights or the results
    n_rows, n_columns   how much of it isn't padding
    """

    number: int
    begin: int
    start: int
    row: int
    column: int
    n_rows: int
    n_columns: int

    def n_real(self, low, high):
        """How many of the lanes [low, high) are columns that aren't padding."""
        return max(0, min(high, self.n_columns) - low)


def cut(unit, height, width):
    """Cut a matrix into tiles, down first; yields row, column, n_rows and n_columns of each."""
    for column in range(0, width, unit.columns):
        for row in range(0, height, unit.rows):
            yield row, column, min(unit.rows, height - row), min(unit.columns, width - column)


class Array:
    """Registers of rows × columns cells, moved one cycle at a time by `step`.

    length   of the stream of a tile
    life     cycles from the first input of a tile to its last result

    A subclass says what stands still: its `_cells` moves the registers by one cycle. Its `spare`
    are the second registers, skewed: a wave over the cells is one row of them.
    """

    def __init__(self, unit, length, life, tiles, sums_type):
        self.unit, self.length, self.tiles = unit, length, tiles
        self.shape = unit.rows, unit.columns
        self.cycle = 0  # cycles done
        self.inputs = ShiftRegister(self.shape, 1, sums_type)
        self.products = np.zeros(self.shape, sums_type)
        self.busy_slots = self.useful_macs = 0
        self.input_words = self.weight_words = self.sum_words = 0
        self._life, self._to_come, self._in_flight = life, collections.deque(tiles), []

    @property
    def is_done(self):
        return not self._to_come and not self._in_flight

    def step(self):
        """Do one cycle."""
        while self._to_come and self._to_come[0].begin <= self.cycle:
            self._in_flight.append(self._to_come.popleft())
        self._cells()
        self.cycle += 1
        if self._in_flight and self.cycle >= self._in_flight[0].start + self._life:
            self._in_flight.pop(0)

    def count(self):
        """What was counted so far, as a Count."""
        return Count(
            origin=Origin.SIMULATED,
            n_tiles=len(self.tiles),
            cycles=self.cycle,
            slots=self.cycle * self.unit.rows * self.unit.columns,
            busy_slots=self.busy_slots,
            useful_macs=self.useful_macs,
            input_words=self.input_words,
            weight_words=self.weight_words,
            sum_words=self.sum_words,
        )

    def _enter(self, streams):
        """Move the inputs right; each tile's skewed stream is `streams[tile.number]`."""
        rows, columns = self.shape
        values = np.zeros(rows, self.products.dtype)
        for tile in self._in_flight:
            step = self.cycle - tile.start
            low, high = wave(step, self.length, rows)
            if low == high:
                continue
            values[low:high] = streams[tile.number][step, low:high]
            n_real = max(0, min(high, tile.n_rows) - low)
            self.input_words += n_real
            # An input that enters a row meets all of the row's cells before it leaves.
            self.busy_slots += (high - low) * columns
            self.useful_macs += n_real * tile.n_columns
        return self.inputs.step(values)

    def _n_real_upwards(self, tile, step, low, high):
        """As `tile.n_real`, for a wave that crosses the edge with its lowest row first."""
        n_padding = self.shape[0] - tile.n_rows
        return tile.n_real(low, min(high, step + 1 - n_padding))

    def _diagonal(self, step):
        """The cells (i, j) with i + j = step: their places in a flat grid, from the top down.

        Their second registers are `self.spare[step, columns]`, from right to left.
        """
        n_columns = self.shape[1]
        low, high = wave(step, *self.shape)
        first, last = (step * n_columns - j * (n_columns - 1) for j in (high - 1, low))
        return slice(first, last + 1, max(n_columns - 1, 1)), slice(low, high)
