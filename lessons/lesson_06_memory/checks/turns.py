"""The turns of lesson 06: count sectors, and turn a tile in shared memory."""

from itertools import pairwise

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.teach.shares import assert_loads_spread, assert_spread
from lessons.lesson_06_memory.checks.sector_budget import assert_sectors

_sectors = solution("06.t1")


@exercise(
    "06.t1",
    title="count sectors",
    wrong=[
        (always(4), "expected"),
        (len, "may share a sector"),
        (lambda addresses: 4 * len(addresses) // 32, "one address"),
        (lambda addresses: (max(addresses) - min(addresses)) // 32 + 1, "gaps"),
        (lambda addresses: len(set(addresses)), "32 lanes in a row"),
        (lambda addresses: len({a // 128 for a in addresses}), "expected 4"),
        (lambda addresses: len({(a - min(addresses)) // 32 for a in addresses}), "aligned"),
        (lambda addresses: len({a / 32 for a in addresses}), "may share a sector"),
        (lambda addresses: max(4, _sectors(addresses)), "one address"),
        (lambda addresses: {a // 32 for a in addresses}, "a number"),
        (lambda addresses: len({round(a / 32) for a in addresses}), "from 32 k to"),
        (
            lambda addresses: 1 + sum(a // 32 != b // 32 for a, b in pairwise(addresses)),
            "in any order",
        ),
    ],
)
def sectors(answer, rng):
    start = 32 * rng.randint(0, 1000)
    row = [start + 4 * lane for lane in range(32)]
    cases = [
        ("32 lanes in a row", row, "several lanes may share a sector: the bytes from 32 k to "
         "32 k + 31, for a whole number k"),
        ("32 lanes, one address", [start] * 32, "several lanes may share a sector"),
        ("8 lanes, 128 bytes apart", row[:1] + [start + 128 * k for k in range(1, 8)], "each lane "
         "needs a sector of its own, and the gaps between them aren't moved"),
        ("32 lanes from one float on", [a + 4 for a in row], "sectors are aligned: they begin at "
         "multiples of 32"),
    ]  # fmt: skip
    for _ in range(10):
        some = [start + 4 * rng.randint(0, 500) for _ in range(rng.randint(1, 32))]
        cases.append(("lanes anywhere", some, "the lanes may come in any order, and those of one "
                      "sector needn't be neighbours"))  # fmt: skip
    for name, addresses, hint in cases:
        got, right = answer(addresses), _sectors(addresses)
        assert got == right, f"{name}: got {got}, expected {right}. Hint: {hint}"


_loaded = solution("06.t2")
_READ, _WRITE = "tile[y, x] = a[top + y, left + x]", "out[left + y, top + x] = tile[x, y]"


_ALL_BY_ONE_WARP = """\
if y == 0:
        for row in range(32):
            tile[row, x] = a[top + row, left + x]"""


@cuda.jit
def _without_the_tile(a, out):
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * 32, cuda.blockIdx.y * 32
    out[left + x, top + y] = a[top + y, left + x]


@exercise(
    "06.t2",
    title="turn a tile",
    in_place=True,
    wrong=[
        (kernels.not_written, "replace the line", "todo"),
        (always(0), "@cuda.jit"),
        (changed(_loaded, "    cuda.syncthreads()\n", ""), "syncthreads()"),
        (changed(_loaded, "(32, 32)", "(32, 33)"), "leave the tile"),
        (changed(_loaded, "tile[x, y]", "tile[y, x]"), "not turned"),
        (changed(_loaded, _WRITE, "out[left + x, top + y] = tile[y, x]"), "right, but its stores"),
        (changed(_loaded, _READ, "tile[y, x] = a[top + x, left + y]"), "not turned"),
        (changed(_loaded, _READ, "tile[x, y] = a[top + x, left + y]"), "right, but its loads"),
        (
            changed(
                changed(_loaded, "tile[y, x] =", "tile[x, y] ="), "= tile[x, y]", "= tile[y, x]"
            ),
            "turn it on the way out",
        ),
        (_without_the_tile, "right, but its stores"),
        (
            changed(_loaded, "out[left + y, top + x]", "out[top + y, left + x]"),
            "out-of-bounds",
        ),
        (changed(_loaded, "tile[x, y]", "1.0"), "expected"),
        (changed(_loaded, _READ, f"{_READ}\n    {_READ}"), "load each number once"),
        (changed(_loaded, _READ, f"out[left + y, top + x] = 0\n    {_READ}"), "store each once"),
        (
            changed(_loaded, _READ, _ALL_BY_ONE_WARP),
            "one thread loads 32 numbers from global memory",
        ),
    ],
)
def loaded_by_columns(answer, rng):
    block = (32, 32)
    for rows, columns in ((rng.choice((2, 3)), 1), (1, rng.choice((2, 3))), (2, 3)):
        a = kernels.numbers(rng, 32 * rows, 32 * columns)
        out, grid = np.full(a.shape[::-1], np.nan), (columns, rows)
        case = f"{32 * rows} rows and {32 * columns} columns"
        kernels.run(answer, grid, block, a, out, case=case)
        assert not _not_turned(out, a), (
            f"{case}: each tile is at its place in out, and it's not turned: which number of the "
            f"tile belongs to out[left + y, top + x]?"
        )
        kernels.assert_equal(out, a.T, case)
        counts = kernels.counts(answer, grid, block, a, out, case=case)
        for kind in ("loads", "stores"):
            assert getattr(counts, f"global_{kind}").efficiency == 1, (
                f"{case}: right, but its {kind} aren't coalesced: x, the lane, has to be in the "
                f"last place of both a and out"
            )
        assert_spread(answer, grid, block, a, out, case=case, most=1, what="an element")
        assert_loads_spread(answer, _loaded, grid, block, a, out, case=case)
        assert_sectors(answer, _loaded, grid, block, (a, out), case)
        assert counts.shared_loads.bank_conflicts or counts.shared_stores.bank_conflicts, (
            f"{case}: right, and ahead of the lesson: leave the tile at 32 by 32 for now, because "
            f"what comes next is about what that costs"
        )
        assert counts.shared_stores.bank_conflicts == 0, (
            f"{case}: right, but store in tile[y, x], as the text asks, and turn it on the way "
            f"out: the lesson goes on with that"
        )


def _not_turned(out, a):
    """Does out hold each tile of a at the tile's new place, but its numbers in the old order?"""
    tiles = a.reshape(a.shape[0] // 32, 32, -1, 32).transpose(2, 1, 0, 3)
    return np.array_equal(out, tiles.reshape(a.shape[1], a.shape[0]))
