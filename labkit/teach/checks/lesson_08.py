"""Checks of lesson 08: sectors of tiles, a coalesced, a tiled and a square product, what fits."""

import numpy as np

from labkit.simt import cuda, profile
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise

TILE, SQUARE = 16, 32
_PLAIN = "0.0"  # a sum that begins with it is in double precision


def _up(n, unit):
    return -(-n // unit)


def _shapes(rng):
    """(m, k, n): all whole tiles, then shapes that divide evenly nowhere, then a thin one."""
    yield 32, 64, 32
    yield tuple(1 + 2 * rng.randint(17, 29) for _ in range(3))
    yield rng.randint(1, 7), rng.randint(33, 45), rng.randint(65, 75)


def _try_product(answer, shape, tile, block, rng):
    """Run a student's product on new matrices; returns its counters, the matrices and the case."""
    (m, k, n), draw = shape, np.random.default_rng(rng.getrandbits(64))
    a, b = (draw.integers(1, 9, size).astype(np.float32) for size in ((m, k), (k, n)))
    c, grid = np.full((m, n), np.nan, np.float32), (_up(n, tile[0]), _up(m, tile[1]))
    case = f"A {m} × {k}, B {k} × {n}"
    kernels.run(answer, grid, block, a, b, c.copy(), case=case)
    counts = kernels.counts(answer, grid, block, a, b, c, case=case)
    kernels.assert_equal(c, a @ b, case, "c")
    assert "float64" not in counts.flop, (
        f"{case}: the sum is in double precision, which most GPUs do slowly: begin it with "
        f"cuda.float32(0)"
    )
    return counts, (a, b), case


def _most_sectors(kernel, tile, block, a, b):
    """Load sectors of our own solution on the same matrices, and a tenth more."""
    c = np.zeros((a.shape[0], b.shape[1]), np.float32)
    grid = _up(b.shape[1], tile[0]), _up(a.shape[0], tile[1])
    return 1.1 * profile(kernel[grid, block], a, b, c).global_loads.sectors


@cuda.jit
def _empty(a, b, c):
    pass


@cuda.jit
def _sevens(a, b, c):
    column, row = cuda.grid(2)
    if row < c.shape[0] and column < c.shape[1]:
        c[row, column] = 7


# 08.1


def _tile_sectors(n, tile):
    return 2 * (n // tile) ** 3 * tile * tile * 4 // 32


@exercise(
    "08.1",
    title="sectors of a tiled product",
    solution=_tile_sectors,
    wrong=[
        (..., "write your answer", "todo"),
        (always(16384), "expected"),
        (lambda n, tile: 2 * (n // tile) ** 3 * tile * tile * 4, "32 bytes"),
        (lambda n, tile: (n // tile) ** 3 * tile * tile * 4 // 32, "a tile of A and a tile of B"),
        (lambda n, tile: 5 * n**3 // 32, "once a block"),
        (lambda n, tile: 2 * (n // tile) ** 2 * tile * tile * 4 // 32, "steps"),
        (lambda n, tile: 2 * (n // tile) ** 3 * tile * tile // 32, "4 bytes"),
    ],
)
def tile_sectors(answer, rng):
    for _ in range(10):
        tile = 8 * rng.randint(1, 8)
        n = tile * rng.randint(2, 40)
        got, right = answer(n, tile), _tile_sectors(n, tile)
        case = f"n = {n}, tiles of {tile} × {tile}: got {got}, expected {right}"
        assert got != 32 * right, f"{case}. Those are bytes; a sector has 32 bytes"
        assert 4 * got not in range(right - 3, right + 4), f"{case}. A number has 4 bytes"
        assert 2 * got != right, f"{case}. Each step brings a tile of A and a tile of B"
        assert got != 5 * n**3 // 32, f"{case}. A number of a tile is loaded once a block"
        assert got * (n // tile) != right, f"{case}. A block goes through n / tile steps"
        assert got == right, case


# 08.2

_WIDE = (32, 8)


@cuda.jit
def _product(a, b, c):
    column, row = cuda.grid(2)
    if row < c.shape[0] and column < c.shape[1]:
        total = cuda.float32(0)
        for k in range(a.shape[1]):
            total += a[row, k] * b[k, column]
        c[row, column] = total


_WHO = "column, row = cuda.grid(2)"
_MIXED = (
    "row = cuda.blockIdx.y * 8 + cuda.threadIdx.x % 8\n"
    "    column = cuda.blockIdx.x * 32 + cuda.threadIdx.y * 4 + cuda.threadIdx.x // 8"
)


@exercise(
    "08.2",
    title="a coalesced product",
    solution=_product,
    in_place=True,
    wrong=[
        (..., "write your answer", "todo"),
        (always(0), "@cuda.jit"),
        (_empty, "kernel is empty", "todo"),
        (_sevens, "expected"),
        (changed(_product, _WHO, "row, column = cuda.grid(2)"), "neighbouring columns"),
        (changed(_product, _WHO, _MIXED), "sectors"),
        (changed(_product, "if row < c.shape[0] and column < c.shape[1]:", "if True:"),
         "out-of-bounds"),
        (changed(_product, "row < c.shape[0]", "row <= c.shape[0]"), "out-of-bounds"),
        (changed(_product, "cuda.float32(0)", _PLAIN), "double precision"),
        (changed(_product, "range(a.shape[1])", "range(1, a.shape[1])"), "expected"),
    ],
)  # fmt: skip
def product(answer, rng):
    for shape in _shapes(rng):
        counts, matrices, case = _try_product(answer, shape, _WIDE, _WIDE, rng)
        most = _most_sectors(_product, _WIDE, _WIDE, *matrices)
        sectors = counts.global_loads.sectors
        assert sectors <= most, (
            f"{case}: the loads touch {sectors} sectors, and {most:.0f} are enough: give "
            f"neighbouring threads neighbouring columns"
        )


# 08.3

_TILED = (TILE, TILE)


@cuda.jit
def _tiled(a, b, c):
    tile_a = cuda.shared.array((TILE, TILE), cuda.float32)
    tile_b = cuda.shared.array((TILE, TILE), cuda.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    column, row = cuda.grid(2)
    total = cuda.float32(0)
    for first in range(0, a.shape[1], TILE):
        tile_a[y, x] = 0
        if row < a.shape[0] and first + x < a.shape[1]:
            tile_a[y, x] = a[row, first + x]
        tile_b[y, x] = 0
        if first + y < b.shape[0] and column < b.shape[1]:
            tile_b[y, x] = b[first + y, column]
        cuda.syncthreads()
        for k in range(TILE):
            total += tile_a[y, k] * tile_b[k, x]
        cuda.syncthreads()
    if row < c.shape[0] and column < c.shape[1]:
        c[row, column] = total


_LOOP = "    for first in range(0, a.shape[1], TILE):\n"
_INSIDE = "row < c.shape[0] and column < c.shape[1]"
_BARRIER = "        cuda.syncthreads()\n"


@exercise(
    "08.3",
    title="a tiled product",
    solution=_tiled,
    in_place=True,
    wrong=[
        (..., "write your answer", "todo"),
        (always(0), "@cuda.jit"),
        (_empty, "kernel is empty", "todo"),
        (_sevens, "expected"),
        (_product, "sectors"),
        (changed(_tiled, _BARRIER, ""), "race"),
        (changed(_tiled, f"{_BARRIER}    if", "    if"), "race"),
        (changed(_tiled, _LOOP, f"    if not ({_INSIDE}):\n        return\n{_LOOP}"), "rubbish"),
        (changed(_tiled, _BARRIER, f"        if {_INSIDE}:\n            cuda.syncthreads()\n"),
         "divergent-barrier"),
        (changed(_tiled, "        tile_a[y, x] = 0\n", ""), "rubbish"),
        (changed(_tiled, " and first + x < a.shape[1]", ""), "out-of-bounds"),
        (changed(_tiled, "column, row = cuda.grid(2)", "row, column = cuda.grid(2)"), "expected"),
        (changed(_tiled, "cuda.float32(0)", _PLAIN), "double precision"),
    ],
)  # fmt: skip
def tiled_product(answer, rng):
    for shape in _shapes(rng):
        counts, matrices, case = _try_product(answer, shape, _TILED, _TILED, rng)
        most = _most_sectors(_tiled, _TILED, _TILED, *matrices)
        sectors = counts.global_loads.sectors
        assert sectors <= most, (
            f"{case}: the loads touch {sectors} sectors, and {most:.0f} are enough: bring each "
            f"tile to shared memory once, row by row"
        )
        conflicts = counts.shared_loads.bank_conflicts + counts.shared_stores.bank_conflicts
        assert not conflicts, f"{case}: {conflicts} bank conflicts: let x run along the rows"


# 08.4


def _largest_tile(itemsize, elements_a_thread, shared_bytes, n_blocks):
    tile = 1
    while (2 * tile) ** 2 <= 1024 * elements_a_thread and (
        n_blocks * 2 * (2 * tile) ** 2 * itemsize <= shared_bytes
    ):
        tile *= 2
    return tile


def _by_memory_alone(itemsize, elements_a_thread, shared_bytes, n_blocks):
    return _largest_tile(itemsize, 10**9, shared_bytes, n_blocks)


def _by_threads_alone(itemsize, elements_a_thread, shared_bytes, n_blocks):
    return _largest_tile(itemsize, elements_a_thread, 10**18, n_blocks)


def _of_one_tile(itemsize, elements_a_thread, shared_bytes, n_blocks):
    return _largest_tile(itemsize, elements_a_thread, 2 * shared_bytes, n_blocks)


def _of_one_block(itemsize, elements_a_thread, shared_bytes, n_blocks):
    return _largest_tile(itemsize, elements_a_thread, shared_bytes, 1)


@exercise(
    "08.4",
    title="the largest tile",
    solution=_largest_tile,
    wrong=[
        (..., "write your answer", "todo"),
        (always(32), "expected"),
        (_by_memory_alone, "1024 threads"),
        (_by_threads_alone, "shared memory"),
        (_of_one_tile, "shared memory"),
        (_of_one_block, "shared memory"),
        (lambda *args: 2 * _largest_tile(*args), "too"),
        (lambda *args: _largest_tile(*args) // 2, "would fit"),
        (lambda *args: _largest_tile(*args) + 1, "a power of two"),
    ],
)
def largest_tile(answer, rng):
    kib, cases = 1024, [(4, 4, 228, 1), (4, 64, 100, 1), (4, 1024, 164, 4)]  # each limit binds
    for _ in range(20):
        limits = rng.choice((4, 64, 1024)), rng.choice((9, 100, 164, 228)), rng.randint(1, 4)
        cases.append((rng.choice((2, 4, 8)), *limits))
    for itemsize, elements, shared_kib, n_blocks in cases:
        shared_bytes = shared_kib * kib
        got = answer(itemsize, elements, shared_bytes, n_blocks)
        right = _largest_tile(itemsize, elements, shared_bytes, n_blocks)
        case = (
            f"{itemsize} bytes a number, {elements} elements a thread, {shared_kib} KiB "
            f"for {n_blocks} blocks: got {got}, expected {right}"
        )
        assert got in [2**exponent for exponent in range(31)], f"{case}. Answer a power of two"
        assert got**2 <= 1024 * elements, (
            f"{case}. A block has at most 1024 threads, and {got**2 // elements} is too many"
        )
        assert n_blocks * 2 * got**2 * itemsize <= shared_bytes, (
            f"{case}. Two tiles for each block are too much for the shared memory"
        )
        assert got == right, f"{case}. A larger one would fit"


# 08.5

_BLOCK = (SQUARE // 2, SQUARE // 2)
HALF = SQUARE // 2


@cuda.jit
def _square(a, b, c):
    tile_a = cuda.shared.array((SQUARE, SQUARE), cuda.float32)
    tile_b = cuda.shared.array((SQUARE, SQUARE), cuda.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * SQUARE, cuda.blockIdx.y * SQUARE
    sum_00 = sum_01 = sum_10 = sum_11 = cuda.float32(0)
    for first in range(0, a.shape[1], SQUARE):
        for i in range(y, SQUARE, HALF):
            for j in range(x, SQUARE, HALF):
                tile_a[i, j] = 0
                if top + i < a.shape[0] and first + j < a.shape[1]:
                    tile_a[i, j] = a[top + i, first + j]
                tile_b[i, j] = 0
                if first + i < b.shape[0] and left + j < b.shape[1]:
                    tile_b[i, j] = b[first + i, left + j]
        cuda.syncthreads()
        for k in range(SQUARE):
            a_0, a_1 = tile_a[y, k], tile_a[y + HALF, k]
            b_0, b_1 = tile_b[k, x], tile_b[k, x + HALF]
            sum_00 += a_0 * b_0
            sum_01 += a_0 * b_1
            sum_10 += a_1 * b_0
            sum_11 += a_1 * b_1
        cuda.syncthreads()
    sums = (sum_00, sum_01, sum_10, sum_11)
    for i in range(2):
        for j in range(2):
            row, column = top + y + i * HALF, left + x + j * HALF
            if row < c.shape[0] and column < c.shape[1]:
                c[row, column] = sums[2 * i + j]


_FOUR_SUMS = """\
            a_0, a_1 = tile_a[y, k], tile_a[y + HALF, k]
            b_0, b_1 = tile_b[k, x], tile_b[k, x + HALF]
            sum_00 += a_0 * b_0
            sum_01 += a_0 * b_1
            sum_10 += a_1 * b_0
            sum_11 += a_1 * b_1
"""
_LOADED_AGAIN = """\
            sum_00 += tile_a[y, k] * tile_b[k, x]
            sum_01 += tile_a[y, k] * tile_b[k, x + HALF]
            sum_10 += tile_a[y + HALF, k] * tile_b[k, x]
            sum_11 += tile_a[y + HALF, k] * tile_b[k, x + HALF]
"""


@exercise(
    "08.5",
    title="a square of elements",
    solution=_square,
    in_place=True,
    wrong=[
        (..., "write your answer", "todo"),
        (always(0), "@cuda.jit"),
        (_empty, "kernel is empty", "todo"),
        (_sevens, "expected"),
        (changed(_square, _FOUR_SUMS, _LOADED_AGAIN), "in a register"),
        (changed(_square, _BARRIER, ""), "race"),
        (changed(_square, f"{_BARRIER}    sums", "    sums"), "race"),
        (changed(_square, "            if row < c.shape[0] and column < c.shape[1]:",
                 "            if row < c.shape[0]:"), "out-of-bounds"),
        (changed(_square, "sums[2 * i + j]", "sums[2 * j + i]"), "expected"),
        (changed(_square, "cuda.float32(0)", _PLAIN), "double precision"),
    ],
)  # fmt: skip
def square_product(answer, rng):
    side = (SQUARE, SQUARE)
    for shape in _shapes(rng):
        counts, matrices, case = _try_product(answer, shape, side, _BLOCK, rng)
        most = _most_sectors(_square, side, _BLOCK, *matrices)
        sectors = counts.global_loads.sectors
        assert sectors <= most, (
            f"{case}: the loads touch {sectors} sectors, and {most:.0f} are enough: bring each "
            f"tile to shared memory once, row by row"
        )
        loads = counts.shared_loads.requests / (counts.flop["float32"] / 2 / 32)
        assert loads <= 1.2, (
            f"{case}: {loads:.2f} loads from shared memory for each multiply-add, and 1 is enough: "
            f"load two numbers of each tile, keep each in a register and use it twice"
        )
