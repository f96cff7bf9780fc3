"""Exercise 08.5: a square of elements."""

from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from lessons.lesson_08_matmul_ladder.checks.products import (
    DOUBLE,
    assert_cheap,
    assert_fair_loads,
    counts_of,
    loads_per_multiply_add,
    sevens,
    shapes,
    try_product,
)

SQUARE = 32
HALF = SQUARE // 2
_BLOCK = (HALF, HALF)


_square = solution("08.5")
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


def _adjacent(kernel):
    """Wrong: the four elements of a thread lie side by side."""
    for old, new in (
        ("tile_a[y, k], tile_a[y + HALF, k]", "tile_a[2 * y, k], tile_a[2 * y + 1, k]"),
        ("tile_b[k, x], tile_b[k, x + HALF]", "tile_b[k, 2 * x], tile_b[k, 2 * x + 1]"),
        ("top + y + i * HALF, left + x + j * HALF", "top + 2 * y + i, left + 2 * x + j"),
    ):
        kernel = changed(kernel, old, new)
    return kernel


def _in_columns(kernel, tile, reads):
    """Wrong: a tile that is stored and read along its columns, half a warp in one bank."""
    for place in ("[i, j] = 0", f"[i, j] = {tile[-1]}[", *reads):
        row, _, column = place.partition("]")[0].strip("[").partition(", ")
        kernel = changed(
            kernel, f"{tile}{place}", f"{tile}[{column}, {row}]{place.partition(']')[2]}"
        )
    return kernel


@exercise(
    "08.5",
    title="a square of elements",
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
        (changed(_square, "    sum_00 = ",
                 "    if top + y >= c.shape[0] or left + x >= c.shape[1]:\n        return\n"
                 "    sum_00 = "), "rubbish"),
        (changed(_square, "cuda.float32(0)", DOUBLE), "double precision"),
        (changed(changed(_square, "a_0, a_1 = tile_a[y, k], tile_a[y + HALF, k]",
                         "a_0, a_1 = int(tile_a[y, k]), int(tile_a[y + HALF, k])"),
                 "= cuda.float32(0)", "= cuda.float64(0)"), "expected"),
        (changed(_square, "sum_11 += a_1 * b_1", "sum_11 += abs(a_1 * b_1)"), "expected"),
        (changed(_square, f"sum_11 += a_1 * b_1\n{_BARRIER}",
                 f"sum_11 += a_1 * b_1\n    {_BARRIER}"), "wait 528 times"),
        (_in_columns(_square, "tile_a", ("[y, k]", "[y + HALF, k]")), "wavefronts for each"),
        (_in_columns(_square, "tile_b", ("[k, x]", "[k, x + HALF]")), "wavefronts for each"),
        (_adjacent(_square), "neighbours stay neighbours"),
        (changed(changed(_square, "tile_b[k, x], tile_b[k, x + HALF]",
                         "tile_b[k, 2 * x], tile_b[k, 2 * x + 1]"),
                 "left + x + j * HALF", "left + 2 * x + j"), "neighbours stay neighbours"),
        (changed(_square, "for i in range(y, SIDE, HALF):",
                 "for i in range(0, SIDE if y == 0 else 0):"), "one thread loads"),
    ],
)  # fmt: skip
def square_product(answer, rng):
    side = (SQUARE, SQUARE)
    for shape in shapes(rng):
        counts, matrices, case = try_product(answer, shape, side, _BLOCK, rng)
        ours = counts_of(_square, side, _BLOCK, matrices)
        assert_cheap(counts, ours, case)
        stores, few = counts.global_stores.sectors, 1.1 * ours.global_stores.sectors
        assert stores <= few, (
            f"{case}: the stores touch {stores} sectors, and {few:.0f} are enough: let the rows "
            f"and columns of a thread lie {HALF} apart, so that neighbours stay neighbours"
        )
        loads = loads_per_multiply_add(counts, ours)
        assert loads <= 1.2, (
            f"{case}: {loads:.2f} loads from shared memory for each multiply-add, and 1 is enough: "
            f"load two numbers of each tile, keep each in a register and use it twice"
        )
        for what, traffic in (("loads", counts.shared_loads), ("stores", counts.shared_stores)):
            assert traffic.wavefronts <= 2 * traffic.requests, (
                f"{case}: {traffic.wavefronts / traffic.requests:.1f} wavefronts for each request "
                f"of the {what} in shared memory, and 2 are enough: let x run along a tile's rows"
            )
        assert_fair_loads(answer, _square, side, _BLOCK, matrices, case)
