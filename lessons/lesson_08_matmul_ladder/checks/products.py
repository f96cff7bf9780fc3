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


def try_product(answer, shape, tile, block, rng, is_b_turned=False):
    """Run a student's product on new matrices; returns its counters, the matrices and the case.

    shape         (m, k, n): A is m × k, and B is k × n, or n × k where it `is_b_turned`
    tile, block   the (columns, rows) of C that a block makes, and its threads
    """
    (m, k, n), draw = shape, np.random.default_rng(rng.getrandbits(64))
    a, b = _numbers(draw, m, np.arange(k) % 2), _numbers(draw, n, 1 - np.arange(k) % 2)
    b = b if is_b_turned else np.ascontiguousarray(b.T)
    c, grid = np.full((m, n), np.nan, np.float32), _grid((m, n), tile)
    case = f"A {m} × {k}, B {b.shape[0]} × {b.shape[1]}"
    counts = kernels.clean_counts(answer, grid, block, a, b, c, case=case)
    kernels.assert_equal(c, a @ (b.T if is_b_turned else b), case, "c")
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
    return counts, (a, b, c), case


def _numbers(draw, rows, is_fine):
    """Rows of float32 whose columns are quarters up to 2, or fine: too fine for whole numbers and
    for float16. A quarter times a fine number is exact, and so are sums of a hundred of them.
    """
    size = rows, len(is_fine)
    sizes = np.where(is_fine, draw.integers(4097, 8192, size) / 1024, draw.integers(1, 9, size) / 4)
    return (sizes * draw.choice((-1, 1), size)).astype(np.float32)


def assert_tiled(answer, ours, tile, block, rng, is_b_turned=False):
    """A product by tiles: right, each tile brought once and by all threads, no bank conflict."""
    for shape in shapes(rng):
        counts, matrices, case = try_product(answer, shape, tile, block, rng, is_b_turned)
        assert_cheap(counts, counts_of(ours, tile, block, matrices), case)
        conflicts = counts.shared_loads.bank_conflicts + counts.shared_stores.bank_conflicts
        assert not conflicts, (
            f"{case}: {conflicts} bank conflicts: let x run along the rows of a tile, or pad it"
        )
        assert_fair_loads(answer, ours, tile, block, matrices, case)


def assert_cheap(counts, ours, case):
    """At most a tenth more load sectors and twice the barriers of our own solution's counts."""
    sectors, most = counts.global_loads.sectors, 1.1 * ours.global_loads.sectors
    assert sectors <= most, (
        f"{case}: the loads touch {sectors} sectors, and {most:.0f} are enough: bring each "
        f"tile to shared memory once, row by row"
    )
    assert_few_barriers(counts, ours.barriers, case)


def assert_few_barriers(counts, enough, case):
    """At most twice the barriers that are enough, each counted once for every warp."""
    assert counts.barriers <= 2 * enough, (
        f"{case}: right, but your warps wait {counts.barriers} times at barriers, and {enough} "
        f"times are enough: once when the tiles have come, and once when all have used them"
    )


def loads_per_multiply_add(counts, ours):
    """Numbers that threads load from shared memory, for each multiply-add of our own solution.

    Of ours, because a thread at the edge may well leave out elements that don't exist.
    """
    return counts.shared_loads.bytes_requested / 4 / (ours.flop["float32"] / 2)


def assert_fair_loads(answer, ours, tile, block, matrices, case):
    """No thread loads much more than the busiest one of our own solution."""
    *given, c = matrices
    grid = _grid(c.shape, tile)
    assert_loads_spread(answer, ours, grid, block, *given, np.zeros_like(c), case=case)


def counts_of(kernel, tile, block, matrices):
    """The counters of a kernel on (a, b, c), whose c stays as it is."""
    *given, c = matrices
    return profile(kernel[_grid(c.shape, tile), block], *given, np.zeros_like(c))


def _grid(shape, tile):
    """Blocks that cover an array (rows, columns), each with a tile (columns, rows) of it."""
    return math.ceil(shape[1] / tile[0]), math.ceil(shape[0] / tile[1])


@cuda.jit
def sevens(a, b, c):
    column, row = cuda.grid(2)
    if row < c.shape[0] and column < c.shape[1]:
        c[row, column] = 7
