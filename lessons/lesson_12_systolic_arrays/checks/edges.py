"""Exercise 12.1: the numbers that cross the edges of a weight-stationary array."""

import math

import numpy as np

from labkit.systolic import MatrixUnit
from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_words = solution("12.1")


def _with(inputs=lambda down, across: across, sums=lambda down, across: down):
    """A wrong answer: inputs and sums cross the edges another number of times."""

    def wrong(m, k, n, rows, columns):
        down, across = math.ceil(k / rows), math.ceil(n / columns)
        return m * k * inputs(down, across) + k * n + m * n * sums(down, across)

    return wrong


def _padded(m, k, n, rows, columns):
    return _words(m, -(-k // rows) * rows, -(-n // columns) * columns, rows, columns)


def _streamed_weights(m, k, n, rows, columns):
    return _words(m, k, n, rows, columns) - k * n + m * k * n


@exercise(
    "12.1",
    title="what crosses the edges",
    wrong=[
        (always(1000), "got 1000"),
        (lambda m, k, n, r, c: m * k + k * n + m * n, "once for each tile"),
        (lambda m, k, n, r, c: 3 * m * k * n, "handed on"),
        (_with(inputs=lambda down, across: 1), "inputs come again"),
        (_with(sums=lambda down, across: 1), "sums leave"),
        (_with(lambda down, across: down, lambda down, across: across), "the other way round"),
        (_with(lambda down, across: down * across, lambda down, across: down * across),
         "of one kind only"),
        (_padded, "padding"),
        (_streamed_weights, "weights stay"),
        (lambda m, k, n, r, c: _words(m, k, n, r, c) - k * n, "weights have to come in"),
        (lambda m, k, n, r, c: m * k * (n / c) + k * n + m * n * (k / r), "a whole tile"),
        (lambda m, k, n, r, c: m * k * (n // c) + k * n + m * n * (k // r), "a whole tile"),
    ],
)  # fmt: skip
def edge_words(answer, rng):
    for _ in range(5):
        _one_case(answer, *_telling_sizes(rng))
    rows, columns = rng.sample(range(3, 9), 2)  # one tile, which need not be full
    _one_case(answer, rng.randint(5, 40), rng.randint(1, rows), columns, rows, columns)


def _telling_sizes(rng):
    """m, k, n, rows and columns for which each known wrong turn ends at a number of its own."""
    while True:
        rows, columns = rng.sample(range(3, 9), 2)
        down, across = rng.sample(range(2, 5), 2)
        k = down * rows - rng.randint(1, rows - 1)
        n = across * columns - rng.randint(1, columns - 1)
        sizes = rng.randint(20, 40), k, n, rows, columns
        values = [value for value, _ in _suspects(*sizes)]
        if len(set(values)) == len(values):
            return sizes


def _suspects(m, k, n, rows, columns):
    down, across = math.ceil(k / rows), math.ceil(n / columns)
    return [
        (m * k + k * n + m * n, "inputs and sums cross the edges once for each tile they meet"),
        (3 * m * k * n, "inside the array numbers are handed on: only its edges count"),
        (_with(inputs=lambda *_: 1)(m, k, n, rows, columns),
         "inputs come again for each tile that lies beside the first"),
        (_with(sums=lambda *_: 1)(m, k, n, rows, columns),
         "sums leave each tile, also those that lie one below the other"),
        (m * k * down + k * n + m * n * across,
         "tiles beside each other share their inputs, tiles below each other their sums: you have "
         "it the other way round"),
        (m * k * down * across + k * n + m * n * down * across,
         "a row of inputs meets the tiles of one kind only, those that lie beside each other"),
        (_padded(m, k, n, rows, columns), "padding isn't counted"),
        (_streamed_weights(m, k, n, rows, columns), "the weights stay, so each crosses once"),
        (_words(m, k, n, rows, columns) - k * n, "the weights have to come in, too"),
        (m * k * (n / columns) + k * n + m * n * (k / rows), "part of a tile is a whole tile"),
        (m * k * (n // columns) + k * n + m * n * (k // rows), "part of a tile is a whole tile"),
    ]  # fmt: skip


def _one_case(answer, m, k, n, rows, columns):
    a, w = np.ones((m, k), np.int8), np.ones((k, n), np.int8)
    right = MatrixUnit(rows, columns).run(a, w).count.words
    case = f"{m} × {k} times {k} × {n} on {rows} × {columns} cells"
    got, suspects = answer(m, k, n, rows, columns), _suspects(m, k, n, rows, columns)
    assert_right(got, right, case, suspects, "count inputs, weights and sums, one after the other")
