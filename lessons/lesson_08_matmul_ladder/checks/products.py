"""What the products of lesson 08 are tried on, and what they may cost."""

import math

import numpy as np

from labkit.simt import cuda, profile
from labkit.teach import kernels
from labkit.teach.shares import assert_loads_spread, assert_spread

DOUBLE = "0.0"  # a sum that begins with it is in double precision


def shapes(rng):
    """(m, k, n): all whole tiles, then shapes that divide evenly nowhere, then a thin one."""
    yield 32, 64, 32
    yield tuple(1 + 2 * rng.randint(17, 29) for _ in range(3))
    yield rng.randint(1, 7), rng.randint(33, 45), rng.randint(65, 75)


def try_product(answer, shape, tile, block, rng):
    """Run a student's product on new matrices; returns its counters, the matrices and the case."""
    (m, k, n), draw = shape, np.random.default_rng(rng.getrandbits(64))
    a, b = (draw.integers(1, 9, size).astype(np.float32) for size in ((m, k), (k, n)))
    c, grid = np.full((m, n), np.nan, np.float32), _grid((m, n), tile)
    case = f"A {m} × {k}, B {k} × {n}"
    counts = kernels.clean_counts(answer, grid, block, a, b, c, case=case)
    kernels.assert_equal(c, a @ b, case, "c")
    assert counts.global_stores.bytes_requested <= c.nbytes, (
        f"{case}: c is written {counts.global_stores.bytes_requested / c.nbytes:.0f} times for "
        f"each element: keep the sum in a register, and store it once, at the end"
    )
    assert "float64" not in counts.flop, (
        f"{case}: the sum is in double precision, which most GPUs do slowly: begin it with "
        f"cuda.float32(0)"
    )
    most = math.prod(tile) // math.prod(block)
    what = "an element" if most == 1 else f"{most} elements"
    assert_spread(answer, grid, block, a, b, c, case=case, most=most, what=what)
    return counts, (a, b), case


def _grid(shape, tile):
    """Blocks that cover an array (rows, columns), each with a tile (columns, rows) of it."""
    return math.ceil(shape[1] / tile[0]), math.ceil(shape[0] / tile[1])


def most_sectors(kernel, tile, block, a, b):
    """Load sectors of our own solution on the same matrices, and a tenth more."""
    return 1.1 * _ours(kernel, tile, block, a, b).global_loads.sectors


def most_store_sectors(kernel, tile, block, a, b):
    """The same for its stores."""
    return 1.1 * _ours(kernel, tile, block, a, b).global_stores.sectors


def assert_fair_loads(answer, kernel, tile, block, a, b, case):
    """No thread loads much more than the busiest one of our own solution."""
    c = np.zeros((a.shape[0], b.shape[1]), np.float32)
    assert_loads_spread(answer, kernel, _grid(c.shape, tile), block, a, b, c, case=case)


def _ours(kernel, tile, block, a, b):
    c = np.zeros((a.shape[0], b.shape[1]), np.float32)
    return profile(kernel[_grid(c.shape, tile), block], a, b, c)


@cuda.jit
def sevens(a, b, c):
    column, row = cuda.grid(2)
    if row < c.shape[0] and column < c.shape[1]:
        c[row, column] = 7
