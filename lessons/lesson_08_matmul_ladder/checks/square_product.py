"""Exercise 08.5: a square of elements."""

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise
from lessons.lesson_08_matmul_ladder.checks.products import (
    DOUBLE,
    most_sectors,
    sevens,
    shapes,
    try_product,
)

SQUARE = 32
HALF = SQUARE // 2
_BLOCK = (HALF, HALF)


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


_BARRIER = "        cuda.syncthreads()\n"
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
        (always(0), "@cuda.jit"),
        (kernels.empty, "kernel is empty", "todo"),
        (sevens, "expected"),
        (changed(_square, _FOUR_SUMS, _LOADED_AGAIN), "in a register"),
        (changed(_square, _BARRIER, ""), "race"),
        (changed(_square, f"{_BARRIER}    sums", "    sums"), "race"),
        (changed(_square, "            if row < c.shape[0] and column < c.shape[1]:",
                 "            if row < c.shape[0]:"), "out-of-bounds"),
        (changed(_square, "sums[2 * i + j]", "sums[2 * j + i]"), "expected"),
        (changed(_square, "cuda.float32(0)", DOUBLE), "double precision"),
    ],
)  # fmt: skip
def square_product(answer, rng):
    side = (SQUARE, SQUARE)
    for shape in shapes(rng):
        counts, matrices, case = try_product(answer, shape, side, _BLOCK, rng)
        most = most_sectors(_square, side, _BLOCK, *matrices)
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
