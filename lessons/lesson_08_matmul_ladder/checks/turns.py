"""The turns of lesson 08: a coalesced product, a tiled one, and a square of sums in registers."""

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from lessons.lesson_08_matmul_ladder.checks.products import (
    DOUBLE,
    assert_fair_loads,
    assert_few_barriers,
    assert_tiled,
    counts_of,
    loads_per_multiply_add,
    sevens,
    shapes,
    try_product,
)

# Who takes which element

_WIDE = (32, 8)
_coalesced = solution("08.t1")
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
    "08.t1",
    title="who takes which element",
    in_place=True,
    wrong=[
        (always(0), "@cuda.jit"),
        (kernels.empty, "kernel is empty", "todo"),
        (sevens, "expected"),
        (changed(_coalesced, _WHO, "row, column = cuda.grid(2)"), "neighbouring columns"),
        (changed(_coalesced, _WHO, _MIXED), "sectors"),
        (_block_0_alone, "an element is its share"),
        (changed(_coalesced, "a[row, k] *", "int(a[row, k]) *"), "expected"),
        (changed(_coalesced, "a[row, k] *", "abs(a[row, k]) *"), "expected"),
        (changed(_coalesced, "if row < c.shape[0] and column < c.shape[1]:", "if True:"),
         "out-of-bounds"),
        (changed(_coalesced, "row < c.shape[0]", "row <= c.shape[0]"), "out-of-bounds"),
        (changed(_coalesced, "cuda.float32(0)", DOUBLE), "double precision"),
        (changed(_coalesced, "range(a.shape[1])", "range(1, a.shape[1])"), "expected"),
        (changed(changed(_coalesced, "total = cuda.float32(0)", "c[row, column] = 0"),
                 "total += a[row, k] * b[k, column]\n        c[row, column] = total",
                 "c[row, column] += a[row, k] * b[k, column]"), "in a register"),
        (changed(_coalesced, "c[row, column] = total", "a[row, 0] = c[row, column] = 0"),
         "your kernel changes a"),
    ],
)  # fmt: skip
def coalesced(answer, rng):
    for shape in shapes(rng):
        counts, matrices, case = try_product(answer, shape, _WIDE, _WIDE, rng)
        most = 1.1 * counts_of(_coalesced, _WIDE, _WIDE, matrices).global_loads.sectors
        sectors = counts.global_loads.sectors
        assert sectors <= most, (
            f"{case}: the loads touch {sectors} sectors, and {most:.0f} are enough: give "
            f"neighbouring threads neighbouring columns"
        )


# A tile in shared memory

_TILED = (32, 32)
_tiled = solution("08.t2")
_INSIDE = "row < c.shape[0] and column < c.shape[1]"
_BARRIER = "        cuda.syncthreads()\n"
_SUM = "            total += tile_a[y, k] * tile_b[k, x]\n"


@exercise(
    "08.t2",
    title="a tile in shared memory",
    in_place=True,
    wrong=[
        (always(0), "@cuda.jit"),
        (kernels.empty, "kernel is empty", "todo"),
        (sevens, "expected"),
        (_coalesced, "row by row"),
        (changed(_tiled, _BARRIER, ""), "race"),
        (changed(_tiled, f"{_SUM}{_BARRIER}", _SUM), "race"),
        (changed(changed(_tiled, _BARRIER, ""), _BARRIER, ""), "race"),
        (changed(_tiled, _BARRIER, f"        if {_INSIDE}:\n            cuda.syncthreads()\n"),
         "divergent-barrier"),
        (changed(_tiled, _BARRIER, f"        if not ({_INSIDE}):\n            return\n{_BARRIER}"),
         "expected"),
        (changed(_tiled, f"{_SUM}{_BARRIER}", f"{_SUM}    {_BARRIER}"), "wait 2112 times"),
        (changed(_tiled, "(TILE, TILE), cuda.float32", "(TILE, TILE), cuda.int32"), "expected"),
        (changed(_tiled, "tile_b[k, x]", "tile_b[x, k]"), "expected"),
        (changed(_tiled, "tile_a[y, k]", "tile_a[k, y]"), "expected"),
        (changed(_tiled, "tile_a[y, k] * tile_b[k, x]", "tile_a[x, k] * tile_b[k, y]"), "expected"),
        (changed(_tiled, _SUM, _SUM.replace("+=", "=")), "expected"),
        (changed(_tiled, "range(TILE)", "range(TILE - 1)"), "expected"),
        (changed(_tiled, _SUM, "            total += a[row, first + k] * b[first + k, column]\n"),
         "row by row"),
        (changed(_tiled, "range(TILE)", "range(a.shape[1])"), "out-of-bounds"),
        (changed(_tiled, _SUM, "            total += tile_a[y, x] * tile_b[y, x]\n"), "expected"),
        (changed(_tiled, f"{_SUM}{_BARRIER}",
                 f"{_SUM}{_BARRIER}        if {_INSIDE}:\n            c[row, column] = total\n"),
         "in a register"),
    ],
)  # fmt: skip
def tiled(answer, rng):
    assert_tiled(answer, _tiled, _TILED, _TILED, rng)


# A square of sums in registers

_SQUARE, _THREADS = (128, 128), (16, 16)
_square = solution("08.t3")
_ROUND = "        for k in range(DEPTH):\n"
_KEPT = """\
            for i in range(EACH):
                column[i] = tile_a[k, y + APART * i]
                row[i] = tile_b[k, x + APART * i]
"""
_PRODUCT = "sums[i, j] += column[i] * row[j]"
_LOADED_AGAIN = "sums[i, j] += tile_a[k, y + APART * i] * tile_b[k, x + APART * j]"
_INNER = """\
            for i in range(EACH):
                for j in range(EACH):
                    sums[i, j] += column[i] * row[j]
"""

_FROM_AFAR = """\
            for i in range(EACH):
                from_a = a[top + y + APART * i, first + k]
                for j in range(EACH):
                    sums[i, j] += from_a * b[first + k, left + x + APART * j]
"""


def _inside_out(kernel):
    """Wrong: the row's numbers are loaded again for each of the column's."""
    again = """\
            for i in range(EACH):
                column[i] = tile_a[k, y + APART * i]
                for j in range(EACH):
                    row[j] = tile_b[k, x + APART * j]
                    sums[i, j] += column[i] * row[j]
"""
    return changed(kernel, _KEPT + _INNER, again)


@exercise(
    "08.t3",
    title="a square of sums",
    in_place=True,
    wrong=[
        (always(0), "@cuda.jit"),
        (kernels.empty, "kernel is empty", "todo"),
        (changed(_square, _KEPT + _INNER, "            pass\n"), "expected"),
        (changed(_square, _PRODUCT, _LOADED_AGAIN), "keep each"),
        (_inside_out(_square), "keep each"),
        (changed(_square, _KEPT + _INNER, _FROM_AFAR), "one thread loads"),
        (changed(_square, _INNER, f"{_INNER}            cuda.syncthreads()\n"), "wait 80 times"),
        (changed(_square, _PRODUCT, "sums[i, j] += int(column[i]) * row[j]"), "expected"),
        (changed(_square, _PRODUCT, "sums[i, j] += column[i] * abs(row[j])"), "expected"),
        (changed(_square, _PRODUCT, "sums[j, i] += column[i] * row[j]"), "expected"),
        (changed(_square, _PRODUCT, "sums[i, j] = column[i] * row[j]"), "expected"),
        (changed(_square, _PRODUCT, "sums[i, j] += column[i] * row[i]"), "expected"),
        (changed(_square, "tile_a[k, y + APART * i]", "tile_a[k, x + APART * i]"), "expected"),
        (changed(_square, "tile_a[k, y + APART * i]", "tile_a[k, EACH * y + i]"), "expected"),
        (changed(_square, "tile_a[k, y + APART * i]", "tile_a[y + APART * i, k]"), "out-of-bounds"),
        (changed(_square, "tile_b[k, x + APART * i]", "tile_b[k, APART * x + i]"), "out-of-bounds"),
        (changed(_square, "tile_b[k, x + APART * i]", "tile_b[k, x + i]"), "expected"),
        (changed(_square, _KEPT, _KEPT.replace("range(EACH)", "range(EACH - 1)")), "local"),
    ],
)  # fmt: skip
def square_tile(answer, rng):
    for shape in ((128, 8, 128), (128, 8 * rng.randint(2, 4), 256)):
        counts, matrices, case = try_product(answer, shape, _SQUARE, _THREADS, rng)
        ours = counts_of(_square, _SQUARE, _THREADS, matrices)
        loads = loads_per_multiply_add(counts, ours)
        assert loads <= 0.26, (
            f"{case}: {loads:.2f} loads from shared memory for each multiply-add, and 0.25 are "
            f"enough: load eight numbers of each tile, keep each, and use it eight times"
        )
        assert_few_barriers(counts, ours.barriers, case)
        assert_fair_loads(answer, _square, _SQUARE, _THREADS, matrices, case)
