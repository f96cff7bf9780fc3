"""Registers that move: all at once along a shift register, or as a skewed wave, lane after lane."""

import numpy as np


class ShiftRegister:
    """A grid of registers that all hand on what they hold, each cycle, in one direction.

    shape  (rows, columns) of the grid
    axis   0 to move down, 1 to move right

    The grid is a window on a longer buffer. Each cycle the window moves one place against the
    direction of the shift, so nothing is copied until it comes to the end.
    """

    def __init__(self, shape, axis, dtype):
        self._length, self._axis = shape[axis], axis
        longer = [size * 2 if n == axis else size for n, size in enumerate(shape)]
        self._buffer = np.zeros(longer, dtype)
        self._start = self._length
        self.registers = self._window()

    def step(self, entering):
        """Move on by one; the first row or column takes `entering`. Returns the registers."""
        if self._start == 0:
            held, self._start = self.registers, self._length
            self._window()[...] = held
        self._start -= 1
        self.registers = self._window()
        first = self.registers[0] if self._axis == 0 else self.registers[:, 0]
        first[...] = entering
        return self.registers

    def _window(self):
        place = slice(self._start, self._start + self._length)
        return self._buffer[place] if self._axis == 0 else self._buffer[:, place]


def wave(step, length, n_lanes):
    """The lanes [low, high) that are inside a skewed stream: lane x is at item `step - x`."""
    low = step - length + 1 if step >= length else 0
    high = step + 1 if step < n_lanes else n_lanes
    return low, high if high > low else low


def skewed(matrix):
    """The matrix as a stream: item t of lane x stands in row t + x, so that a wave is one row."""
    length, n_lanes = matrix.shape
    stream = np.zeros((length + n_lanes - 1, n_lanes), matrix.dtype)
    straight(stream)[...] = matrix
    return stream


def straight(stream):
    """The matrix in a stream that `skewed` made, as a view."""
    length, n_lanes = len(stream) - stream.shape[1] + 1, stream.shape[1]
    down, right = stream.strides
    return np.lib.stride_tricks.as_strided(stream, (length, n_lanes), (down, down + right))
