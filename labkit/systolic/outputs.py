"""The output-stationary array: sums wait in the cells, inputs move right, weights move down.

Cell (i, j) adds up result (i, j) of a tile. Item p of its sum, input (i, p) times weight (p, j),
meets there in cycle start + p + i + j. The finished sum goes to a second register and down a chain
of these, each column one cycle after its left neighbour.
"""

import numpy as np

from labkit.systolic.array import Array, Tile, cut
from labkit.systolic.operands import padded
from labkit.systolic.shift_register import ShiftRegister, skewed, straight, wave


class OutputStationary(Array):
    """One product `a @ w` on a unit that keeps the results in place."""

    def __init__(self, unit, a, w):
        (m, k), n = a.shape, w.shape[1]
        life = k + 2 * unit.rows + unit.columns - 2
        super().__init__(unit, k, life, list(_plan(unit, m, k, n, life)), a.dtype)
        self._m, self._n = m, n
        a, w = padded(a, unit.rows, 1), padded(w, 1, unit.columns)
        rows = {row: skewed(a[row : row + unit.rows].T) for row in range(0, m, unit.rows)}
        columns = {
            column: skewed(w[:, column : column + unit.columns])
            for column in range(0, n, unit.columns)
        }
        self._inputs_of = [rows[tile.row] for tile in self.tiles]
        self._weights_of = [columns[tile.column] for tile in self.tiles]
        self.weights, self.sums = (
            ShiftRegister(self.shape, 0, a.dtype),
            np.zeros(self.shape, a.dtype),
        )
        self.spare = skewed(self.sums)
        self._exit = straight(self.spare)[-1]
        self.received = [skewed(self.sums) for _ in self.tiles]

    @property
    def result(self):
        """What has left the array so far, m × n."""
        result = np.zeros((self._m, self._n), self.sums.dtype)
        for tile, stream in zip(self.tiles, self.received, strict=True):
            upright = straight(stream)[::-1][: tile.n_rows, : tile.n_columns]
            result[tile.row :, tile.column :][: tile.n_rows, : tile.n_columns] = upright
        return result

    @property
    def registers(self):
        """The weights and the sums in the cells."""
        return self.weights.registers, self.sums

    def holding(self, tile):
        """The second registers hold its sums from the first step of a wave to the second."""
        finished = tile.start + self.length - 1
        return finished, finished + self.shape[0]

    def leaves(self, tile):
        """The first row of the tile's results, and the cycles in which they leave the array."""
        rows, columns = np.ogrid[: tile.n_rows, : tile.n_columns]
        return tile.row, tile.start + self.length + 2 * (self.shape[0] - 1) - rows + columns

    def _cells(self):
        for tile in self._in_flight:
            self._send_out(tile, self.cycle - tile.start - self.length - self.shape[0] + 1)
        inputs, weights = self._enter(self._inputs_of), self._enter_weights()
        for tile in self._in_flight:
            self._begin(self.cycle - tile.start)
        np.multiply(inputs, weights, out=self.products)
        self.sums += self.products
        for tile in self._in_flight:
            self._finish(self.cycle - tile.start - self.length + 1)

    def _enter_weights(self):
        values = np.zeros(self.shape[1], self.sums.dtype)
        for tile in self._in_flight:
            step = self.cycle - tile.start
            low, high = wave(step, self.length, self.shape[1])
            if low < high:
                values[low:high] = self._weights_of[tile.number][step, low:high]
                self.weight_words += tile.n_real(low, high)
        return self.weights.step(values)

    def _begin(self, step):
        """Cells that a tile's first inputs reach in this cycle start a new sum."""
        if 0 <= step < len(self.spare):
            cells, _ = self._diagonal(step)
            self.sums.reshape(-1)[cells] = 0

    def _finish(self, step):
        """Cells that have added a tile's last product put the sum into the chain."""
        if 0 <= step < len(self.spare):
            cells, columns = self._diagonal(step)
            self.spare[step, columns] = self.sums.reshape(-1)[cells][::-1]

    def _send_out(self, tile, step):
        """The tile's sums move down by one; the lowest leave."""
        low, high = wave(step, *self.shape)
        if low < high:
            self.received[tile.number][step, low:high] = self._exit[low:high]
            self.sum_words += self._n_real_upwards(tile, step, low, high)
            # Skewed as they are, the sums on the move are a rectangle; the others rest.
            self.spare[step + 1 :, low:high] = self.spare[step:-1, low:high]


def _plan(unit, m, k, n, life):
    """The tiles, each as early as the registers are free."""
    period = max(k, unit.rows) if unit.double_buffered else life
    for number, part in enumerate(cut(unit, m, n)):
        yield Tile(number, number * period, number * period, *part)
