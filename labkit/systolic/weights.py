"""The weight-stationary array: weights wait in the cells, inputs move right, sums move down.

Cell (i, j) holds weight (i, j) of a tile. Row t of the inputs enters row i of the array in cycle
start + t + i, so it meets the sum that comes down column j in cell (i, j) at start + t + i + j.
The next weights move down a chain of second registers, each column one cycle after its left
neighbour, and are taken over as the first input of their tile comes by.
"""

import numpy as np

from labkit.systolic.array import Array, Tile, cut
from labkit.systolic.operands import padded
from labkit.systolic.shift_register import ShiftRegister, skewed, straight, wave


class WeightStationary(Array):
    """One product `a @ w` on a unit, as the TPU v1 does it."""

    def __init__(self, unit, a, w):
        (m, k), n = a.shape, w.shape[1]
        life = m + unit.rows + unit.columns - 2
        super().__init__(unit, m, life, list(_plan(unit, m, k, n, life)), a.dtype)
        self._n = n
        a, w = padded(a, 1, unit.rows), padded(w, *self.shape)
        streams = {row: skewed(a[:, row : row + unit.rows]) for row in range(0, k, unit.rows)}
        self._streams = [streams[tile.row] for tile in self.tiles]
        # The lowest row of a tile goes in first.
        self._loads = [
            skewed(w[tile.row :, tile.column :][: unit.rows, : unit.columns][::-1])
            for tile in self.tiles
        ]
        self.spare = skewed(np.zeros(self.shape, w.dtype))
        self._entrance = straight(self.spare)[0]
        self.weights, self.sums = (
            np.zeros(self.shape, a.dtype),
            ShiftRegister(self.shape, 0, a.dtype),
        )
        self.accumulators = {
            column: skewed(np.zeros((m, unit.columns), a.dtype))
            for column in range(0, n, unit.columns)
        }

    @property
    def result(self):
        """What the accumulators hold now, m × n."""
        columns = [straight(stream) for stream in self.accumulators.values()]
        return np.hstack(columns)[:, : self._n]

    @property
    def registers(self):
        """The weights and the sums in the cells."""
        return self.weights, self.sums.registers

    def holding(self, tile):
        """The second registers hold its weights from the first step of a wave to the second."""
        return tile.begin, tile.start

    def leaves(self, tile):
        """The first row of the results to which the tile adds, and the cycles in which it does."""
        items, columns = np.ogrid[: self.length, : tile.n_columns]
        return 0, tile.start + self.shape[0] - 1 + items + columns

    def _cells(self):
        inputs = self._enter(self._streams)
        sums = self.sums.step(0)
        for tile in self._in_flight:
            self._take_over(self.cycle - tile.start)
        np.multiply(inputs, self.weights, out=self.products)
        sums += self.products
        for tile in self._in_flight:
            self._load(tile, self.cycle - tile.begin)
            self._collect(tile, self.cycle - tile.start - self.shape[0] + 1)

    def _take_over(self, step):
        """Cells that a tile's first inputs reach in this cycle take their next weights."""
        if 0 <= step < len(self.spare):
            cells, columns = self._diagonal(step)
            self.weights.reshape(-1)[cells] = self.spare[step, columns][::-1]

    def _load(self, tile, step):
        """The tile's weights move down by one, and one more enters each column that has begun."""
        low, high = wave(step, *self.shape)
        if low < high:
            # Skewed as they are, the weights on the move are a rectangle; the others rest.
            self.spare[low + 1 : step + 1, low:high] = self.spare[low:step, low:high]
            self._entrance[low:high] = self._loads[tile.number][step, low:high]
            self.weight_words += self._n_real_upwards(tile, step, low, high)

    def _collect(self, tile, step):
        """The accumulators add what leaves the last row."""
        low, high = wave(step, self.length, self.shape[1])
        if low < high:
            leaving = self.sums.registers[-1, low:high]
            self.accumulators[tile.column][step, low:high] += leaving
            self.sum_words += tile.n_real(low, high)


def _plan(unit, m, k, n, life):
    """The tiles, each as early as data and registers allow."""
    start = unit.load_cycles
    free = 0  # from here on the second registers can take the next tile
    for number, part in enumerate(cut(unit, k, n)):
        yield Tile(number, free + unit.load_cycles - unit.rows, start, *part)
        free = start if unit.double_buffered else start + life
        start = max(start + m, free + unit.load_cycles)
