"""Exercise 08.3: a tiled product with the second matrix transposed."""

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from lessons.lesson_08_matmul_ladder.checks.products import DOUBLE, assert_tiled, sevens

TILE = 32
_TILED = (TILE, TILE)

_turned = solution("08.3")
_LOOP = "    for first in range(0, a.shape[1], TILE):\n"
_INSIDE = "row < c.shape[0] and column < c.shape[1]"
_LOAD_B = """\
        tile_b[y, x] = 0
        if left + y < b.shape[0] and first + x < b.shape[1]:
            tile_b[y, x] = b[left + y, first + x]
"""
_DOWN_B = """\
        tile_b[x, y] = 0
        if column < b.shape[0] and first + y < b.shape[1]:
            tile_b[x, y] = b[column, first + y]
"""
_STRAIGHT = """\
        tile_b[x, y] = 0
        if first + y < b.shape[0] and column < b.shape[1]:
            tile_b[x, y] = b[first + y, column]
"""
_EACH_LOADS = f"""\
        tile_a[y, x] = 0
        if row < a.shape[0] and first + x < a.shape[1]:
            tile_a[y, x] = a[row, first + x]
{_LOAD_B}"""
_ONE_ROW_LOADS = """\
        for i in range(TILE if y == 0 else 0):
            tile_a[i, x] = tile_b[i, x] = 0
            if row + i < a.shape[0] and first + x < a.shape[1]:
                tile_a[i, x] = a[row + i, first + x]
            if left + i < b.shape[0] and first + x < b.shape[1]:
                tile_b[i, x] = b[left + i, first + x]
"""
_BARRIER = "        cuda.syncthreads()\n"
_SUM = "            total += tile_a[y, k] * tile_b[x, k]\n"


@cuda.jit
def _without_tiles(a, b, c):
    column, row = cuda.grid(2)
    if row < c.shape[0] and column < c.shape[1]:
        total = cuda.float32(0)
        for k in range(a.shape[1]):
            total += a[row, k] * b[column, k]
        c[row, column] = total


@exercise(
    "08.3",
    title="transposed weights",
    in_place=True,
    wrong=[
        (always(0), "@cuda.jit"),
        (kernels.empty, "kernel is empty", "todo"),
        (sevens, "expected"),
        (changed(_turned, "(TILE, 33)", "(TILE, TILE)"), "or pad it"),
        (changed(_turned, "(TILE, 33)", "(TILE, 34)"), "or pad it"),
        (changed(_turned, _LOAD_B, _DOWN_B), "row by row"),
        (_without_tiles, "row by row"),
        (changed(_turned, _LOAD_B, _STRAIGHT), "expected"),
        (changed(_turned, "tile_b[x, k]", "tile_b[k, x]"), "expected"),
        (changed(_turned, f"{_SUM}{_BARRIER}", f"{_SUM}    {_BARRIER}"), "wait 2112 times"),
        (changed(_turned, "(TILE, 33), cuda.float32", "(TILE, 33), cuda.int32"), "expected"),
        (changed(_turned, "c[row, column] = total", "c[row, column] = abs(total)"), "expected"),
        (changed(_turned, _BARRIER, ""), "race"),
        (changed(_turned, f"{_SUM}{_BARRIER}", _SUM), "race"),
        (changed(_turned, _LOOP, f"    if not ({_INSIDE}):\n        return\n{_LOOP}"), "rubbish"),
        (changed(_turned, _BARRIER, f"        if {_INSIDE}:\n            cuda.syncthreads()\n"),
         "divergent-barrier"),
        (changed(_turned, "        tile_b[y, x] = 0\n", ""), "rubbish"),
        (changed(_turned, " and first + x < b.shape[1]", ""), "out-of-bounds"),
        (changed(_turned, "column, row = cuda.grid(2)", "row, column = cuda.grid(2)"), "expected"),
        (changed(_turned, "cuda.float32(0)", DOUBLE), "double precision"),
        (changed(_turned, f"{_SUM}{_BARRIER}",
                 f"{_SUM}{_BARRIER}        if {_INSIDE}:\n            c[row, column] = total\n"),
         "in a register"),
        (changed(_turned, _EACH_LOADS, _ONE_ROW_LOADS), "one thread loads"),
    ],
)  # fmt: skip
def turned_product(answer, rng):
    assert_tiled(answer, _turned, _TILED, _TILED, rng, is_b_turned=True)
