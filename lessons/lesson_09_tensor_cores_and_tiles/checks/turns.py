"""The turns of lesson 09: a fragment's elements, a warp's product, and the registers of sums."""

import itertools

import numpy as np

from labkit.simt import cuda, mma_shape
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution

_SHAPE = mma_shape("m16n8k16")


# Which element


def _place(lane, i, top, left):
    row, column = _SHAPE.element("a", lane, i)
    return top + row, left + column


def _swapped(lane, i, top, left):
    row, column = _SHAPE.element("a", lane, i)
    return left + column, top + row


def _right_before_below(lane, i, top, left):
    group, member = lane // 4, lane % 4
    return top + group + 8 * (i // 4), left + 2 * member + i % 2 + 8 * (i // 2 % 2)


def _upper_half_only(lane, i, top, left):
    group, member = lane // 4, lane % 4
    return top + group, left + 2 * member + i % 2 + 8 * (i // 4)


def _left_half_only(lane, i, top, left):
    row, column = _SHAPE.element("a", lane, i)
    return top + row, left + column % 8


def _no_pairs(lane, i, top, left):
    group, member = lane // 4, lane % 4
    return top + group + 8 * (i // 2 % 2), left + member + 4 * (i % 2) + 8 * (i // 4)


def _from_the_corner(lane, i, top, left):
    return _SHAPE.element("a", lane, i)


def _at_whole_tiles(lane, i, top, left):
    return _place(lane, i, top // 16 * 16, left // 16 * 16)


@exercise(
    "09.t1",
    title="which element a lane holds",
    wrong=[
        (always((0, 0)), "lane 0 holds as a1 the element (0, 1)"),
        (always(3), "(row, column)"),
        (_swapped, "the row comes first"),
        (_right_before_below, "a2 lies below a0, and a4 to the right of it"),
        (_upper_half_only, "a2 lies below a0"),
        (_left_half_only, "a4 to the right of it"),
        (_no_pairs, "side by side"),
        (_from_the_corner, "in the larger matrix"),
        (_at_whole_tiles, "in the larger matrix"),
        (lambda lane, *rest: _place(lane % 16, *rest), "lane 16 holds as a0"),
    ],
)
def place_in_a(answer, rng):
    corners = [(0, 0), (rng.randint(1, 999), 1000), (1001, rng.randint(1, 999))]
    for (top, left), lane, i in itertools.product(corners, range(32), range(8)):
        right, got = _place(lane, i, top, left), np.asarray(answer(lane, i, top, left))
        assert got.shape == (2,), "return two numbers, as in (row, column)"
        got = tuple(got.tolist())
        said = f"lane {lane} holds as a{i} the element {right}, and you say {got}"
        if top:
            said = f"with A from ({top}, {left}) on, {said}: give the place in the larger matrix"
        elif i == 1 and got == right[::-1]:
            said += ": the row comes first"
        elif i:
            beside = "a0 and a1 stand side by side in a row"
            said += f": {beside if i == 1 else 'a2 lies below a0, and a4 to the right of it'}"
        assert got == right, said


# A product by a warp

_product = solution("09.t2")
_HELD_B = "(b[left, group], b[left + 1, group], b[right, group], b[right + 1, group])"


@cuda.jit
def _by_cuda_cores(a, b, d):
    lane = cuda.laneid
    for n in range(lane, 128, 32):
        total = cuda.float32(0)
        for k in range(16):
            total += cuda.float32(a[n // 8, k]) * cuda.float32(b[k, n % 8])
        d[n // 8, n % 8] = total


@exercise(
    "09.t2",
    title="a product by one warp",
    in_place=True,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (_by_cuda_cores, "mma_sync once"),
        (changed(_product, _HELD_B, "(b[group, left - left], b[left + 1, group], b[right, group], "
                 "b[right + 1, group])"), "expected"),
        (changed(_product, _HELD_B, "(b[left, group], b[right, group], b[left + 1, group], "
                 "b[right + 1, group])"), "expected"),
        (changed(_product, "d[low, left] = sums[2]", "d[low, left] = sums[1]"), "expected"),
        (changed(_product, "d[low, left] = sums[2]", "d[group, left] = sums[2]"), "d["),
        (changed(_product, "d[low, left] = sums[2]", "d[low, left] = cuda.int32(sums[2])"),
         "expected"),
        (changed(_product, "    d[low, left + 1] = sums[3]\n", ""), "was never written"),
        (changed(_product, "sums = mma_sync(held_a, held_b, (zero, zero, zero, zero))",
                 "sums = mma_sync(held_a, held_b, mma_sync(held_a, held_b, (zero, zero, zero, "
                 "zero)))"), "expected"),
        (changed(_product, "sums = mma_sync", "b[0, 0] = 0\n    sums = mma_sync"), "changes b"),
        (changed(_product, "(b[left, group],", "(b[left, group + 8],"), "out-of-bounds"),
        (changed(_product, "    sums = mma_sync", "    if cuda.laneid < 31:\n        sums = "
                 "mma_sync"), "31 of the 32 lanes"),
    ],
)  # fmt: skip
def warp_product(answer, rng):
    draw = np.random.default_rng(rng.getrandbits(64))
    for _ in range(2):
        # their sums are exact in float32, and neither in float16 nor in integers
        sizes = (16, 16), (16, 8)
        a, b = ((draw.integers(-99, 100, size) / 8).astype(np.float16) for size in sizes)
        d, case = np.full((16, 8), np.nan, np.float32), "We also tried other matrices"
        kernels.run(answer, 1, 32, a, b, d, case=case)
        kernels.assert_equal(d, (a.astype(float) @ b).astype(np.float32), case, "d")
        counts = kernels.counts(answer, 1, 32, a, b, d, case=case)
        made = counts.matrix_instructions, sum(counts.flop.values())
        assert made == (1, 0), (
            f"{case}: right, but with {made[0]} matrix instructions and {made[1]:,} operations "
            f"beside them: call mma_sync once, and let it do all the arithmetic"
        )


# Registers of the sums

_registers = solution("09.t3")


@exercise(
    "09.t3",
    title="registers of the sums",
    wrong=[
        (always(128), "expected"),
        (lambda rows, columns, warps: rows * columns // warps, "32 lanes"),
        (lambda rows, columns, warps: rows * columns // 32, "all warps of the block share"),
        (lambda rows, columns, warps: 4 * rows * columns // (32 * warps), "those are bytes"),
        (lambda rows, columns, warps: (rows + columns) // warps, "expected"),
        (lambda rows, columns, warps: rows * columns // (16 * warps), "expected"),
        (lambda rows, columns, warps: rows * columns, "32 lanes"),
        (lambda rows, columns, warps: rows * (columns // 32) // warps, "expected"),
        (lambda *tile: min(255, _registers(*tile)), "more than a lane has"),
    ],
)
def registers_of_sums(answer, rng):
    tiles = [(256, 32 * 2 ** rng.randint(0, 3), warps) for warps in (1, 2)]
    for _ in range(12):
        rows, columns = (32 * 2 ** rng.randint(0, 3) for _ in range(2))
        tiles.append((rows, columns, 2 ** rng.randint(0, 4)))
    tiles += [(64, 16, 2), (16, 64, 2), (16, 16, 1)]
    for rows, columns, warps in tiles:
        got, right = answer(rows, columns, warps), rows * columns // (32 * warps)
        case = f"{rows} × {columns} by {warps} warps: got {got}, expected {right}"
        assert got != 255 or right < 255, f"{case}: say how many, also if it's more than a lane has"
        assert got != 4 * right, f"{case}: those are bytes, and a register has four"
        assert got not in (32 * right, rows * columns), f"{case}: a warp has 32 lanes"
        assert warps == 1 or got != right * warps, f"{case}: all warps of the block share the tile"
        assert got == right, case
