"""Exercise 08.2: a coalesced product."""

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from lessons.lesson_08_matmul_ladder.checks.products import (
    DOUBLE,
    most_sectors,
    sevens,
    shapes,
    try_product,
)

_WIDE = (32, 8)


coalesced = solution("08.2")
_WHO = "column, row = cuda.grid(2)"
_MIXED = (
    "row = cuda.blockIdx.y * 8 + cuda.threadIdx.x % 8\n"
    "    column = cuda.blockIdx.x * 32 + cuda.threadIdx.y * 4 + cuda.threadIdx.x // 8"
)


@cuda.jit
def _block_0_alone(a, b, c):
    if cuda.blockIdx.x + cuda.blockIdx.y == 0:
        for row in range(cuda.threadIdx.y, c.shape[0], 8):
            for column in range(cuda.threadIdx.x, c.shape[1], 32):
                total = cuda.float32(0)
                for k in range(a.shape[1]):
                    total += a[row, k] * b[k, column]
                c[row, column] = total


@exercise(
    "08.2",
    title="a coalesced product",
    in_place=True,
    wrong=[
        (always(0), "@cuda.jit"),
        (kernels.empty, "kernel is empty", "todo"),
        (sevens, "expected"),
        (changed(coalesced, _WHO, "row, column = cuda.grid(2)"), "neighbouring columns"),
        (changed(coalesced, _WHO, _MIXED), "sectors"),
        (_block_0_alone, "an element is its share"),
        (changed(coalesced, "if row < c.shape[0] and column < c.shape[1]:", "if True:"),
         "out-of-bounds"),
        (changed(coalesced, "row < c.shape[0]", "row <= c.shape[0]"), "out-of-bounds"),
        (changed(coalesced, "cuda.float32(0)", DOUBLE), "double precision"),
        (changed(coalesced, "range(a.shape[1])", "range(1, a.shape[1])"), "expected"),
        (changed(changed(coalesced, "total = cuda.float32(0)", "c[row, column] = 0"),
                 "total += a[row, k] * b[k, column]\n        c[row, column] = total",
                 "c[row, column] += a[row, k] * b[k, column]"), "in a register"),
        (changed(coalesced, "c[row, column] = total", "a[row, 0] = c[row, column] = 0"),
         "your kernel changes a"),
    ],
)  # fmt: skip
def product(answer, rng):
    for shape in shapes(rng):
        counts, matrices, case = try_product(answer, shape, _WIDE, _WIDE, rng)
        most = most_sectors(coalesced, _WIDE, _WIDE, *matrices)
        sectors = counts.global_loads.sectors
        assert sectors <= most, (
            f"{case}: the loads touch {sectors} sectors, and {most:.0f} are enough: give "
            f"neighbouring threads neighbouring columns"
        )
