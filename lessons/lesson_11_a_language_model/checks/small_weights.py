"""Exercises 11.2 and 11.3: products with weights of 8 and of 4 bits."""

import math

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.teach.shares import assert_loads_spread, assert_spread
from labkit.units import counted
from lessons.lesson_11_a_language_model.checks.near import assert_near, quarters, wholes

_int8, _int4 = solution("11.2"), solution("11.3")
_warp_sum = _int4.py_func.__globals__["warp_sum"]
_WALK = "range(0, x.size, 32)"


def _tried(answer, ours, rows, args, exact, case, suspects):
    """Run a product, and hold results, spread and traffic against what they should be."""
    out, blocks = np.full(rows, np.nan, np.float32), math.ceil(rows / 4)
    kernels.run(answer, blocks, 128, *args, out, case=case)
    assert_near(out, exact, case, suspects)
    assert_spread(answer, blocks, 128, *args, out, case=case, most=1, what="a row")
    assert_loads_spread(answer, ours, blocks, 128, *args, out, case=case)
    found, enough = (
        kernels.counts(kernel, blocks, 128, *args, out, case=case).global_loads
        for kernel in (answer, ours)
    )
    assert found.sectors <= 2 * enough.sectors, (
        f"{case}: right, but its loads touch {found.sectors} sectors of memory, and "
        f"{enough.sectors} are enough: let the lanes of a warp read neighbours"
    )
    return found, enough


@exercise(
    "11.2",
    title="eight bits a weight",
    in_place=True,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (changed(_int8, "total * scales[row]", "total"), "the scale is missing"),
        (changed(_int8, "total * scales[row]", "total / scales[row]"), "expected"),
        (changed(_int8, "scales[row]", "scales[0]"), "each row has its own scale"),
        (changed(_int8, "warp_sum(total)", "total"), "expected"),
        (changed(_int8, "row < out.size", "True"), "out-of-bounds"),
        (changed(_int8, "if lane == 0:", "if True:"), "several threads write the same element"),
        (changed(_int8, _WALK, "range(0, 32, 32)"), "expected"),
        (changed(_int8, "total +=", "total ="), "expected"),
        (changed(_int8, "w[row, first + lane] * x", "scales[row] * w[row, first + lane] * x"),
         "twice"),
        (changed(_int8, "out[row] = ", "out[row] += "), "can't rely on what is in out"),
        (changed(_int8, "w[row, first + lane] * x", "abs(w[row, first + lane]) * x"), "expected"),
        (changed(_int8, "* x[first + lane]", "* int(x[first + lane])"), "whole numbers of x"),
        (changed(_int8, "lane == 0", "lane == 0 and row < 40"), "never written"),
    ],
)  # fmt: skip
def int8_matvec(answer, rng):
    for rows, columns in ((rng.randint(9, 15), 192), (rng.randint(41, 47), 64)):
        w = wholes(rng, rows, columns, most=127).astype(np.int8)
        scales = (wholes(rng, rows, most=7) + 9) / np.float32(256)
        x = quarters(rng, columns, most=4)
        case = f"We also tried {counted(rows, 'row')} of {columns} columns"
        raw = w.astype(float) @ x
        suspects = [
            (raw, "the scale is missing"),
            (raw * scales[0], "each row has its own scale"),
            (raw * scales**2, "the scale is applied twice"),
            (w.astype(float) @ np.trunc(x) * scales, "don't make whole numbers of x"),
        ]
        args = (w, scales, x)
        found, enough = _tried(answer, _int8, rows, args, raw * scales, case, suspects)
        assert found.requests <= 1.3 * enough.requests + 4, (
            f"{case}: right, but your warps make {found.requests} loads, and {enough.requests} are "
            f"enough: read the scale of a row once, after the loop"
        )


@cuda.jit
def _a_column_for_each_lane(packed, scales, x, out):
    thread = cuda.grid(1)
    row, lane = thread // 32, thread % 32
    if row < out.size:
        total = cuda.float32(0)
        for column in range(lane, x.size, 32):
            byte = packed[row, column // 2]
            if column % 2 == 1:
                byte = byte >> 4
            total += scales[row, column // 32] * ((byte & 15) - 8) * x[column]
        total = _warp_sum(total)
        if lane == 0:
            out[row] = total


_LOW, _HIGH = "((byte & 15) - 8)", "((byte >> 4) - 8)"


@exercise(
    "11.3",
    title="four bits a weight",
    in_place=True,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (changed(_int4, _LOW, "(byte & 15)"), "expected"),
        (changed(_int4, _HIGH, "(byte >> 4)"), "expected"),
        (changed(_int4, f"{_LOW} * x[column] + {_HIGH}", f"{_HIGH} * x[column] + {_LOW}"),
         "halves of a byte have changed places"),
        (changed(_int4, "column = 2 * (first + lane)", "column = first + lane"), "expected"),
        (changed(_int4, "scales[row, column // 32]", "scales[row, 0]"),
         "have a scale of their own"),
        (changed(_int4, "column // 32", "first // 32"), "expected"),
        (changed(_int4, "scales[row, column // 32] * two", "two"), "the scales are missing"),
        (changed(_int4, "row < out.size", "True"), "out-of-bounds"),
        (changed(_int4, "warp_sum(total)", "total"), "expected"),
        (changed(_int4, "range(0, packed.shape[1], 32)", "range(0, x.size, 32)"), "out-of-bounds"),
        (changed(_int4, "if lane == 0:", "if True:"), "several threads write the same element"),
        (changed(_int4, f" + {_HIGH} * x[column + 1]", ""), "the upper half of each byte"),
        (changed(_int4, f"{_LOW} * x[column]", f"{_LOW} * int(x[column])"), "expected"),
        (changed(_int4, f"{_HIGH} * x[column + 1]", f"{_HIGH} * int(x[column + 1])"), "expected"),
        (_a_column_for_each_lane, "can use both of its weights"),
    ],
)  # fmt: skip
def int4_matvec(answer, rng):
    for rows, columns in ((rng.randint(9, 15), 192), (rng.randint(21, 27), 64)):
        w = np.clip(wholes(rng, rows, columns), -8, 7)
        biased = (w + 8).astype(np.uint8)
        packed = biased[:, ::2] | biased[:, 1::2] << 4
        scales = (wholes(rng, rows, columns // 32, most=7) + 9) / np.float32(256)
        x = quarters(rng, columns, most=4)
        case = f"We also tried {counted(rows, 'row')} of {columns} columns"
        wide = scales.astype(float).repeat(32, axis=1)
        swapped = w.reshape(rows, -1, 2)[:, :, ::-1].reshape(rows, columns)
        lower = np.where(np.arange(columns) % 2 == 0, w, 0)
        suspects = [
            ((wide * (w + 8)) @ x, "8 stands for zero: subtract 8"),
            ((wide * swapped) @ x, "the halves of a byte have changed places"),
            ((scales[:, :1] * w.astype(float)) @ x, "each 32 columns have a scale of their own"),
            (w.astype(float) @ x, "the scales are missing"),
            ((wide * lower) @ x, "the upper half of each byte is a weight, too"),
        ]
        args = (packed, scales, x)
        found, enough = _tried(answer, _int4, rows, args, (wide * w) @ x, case, suspects)
        assert found.requests <= 1.3 * enough.requests + 4, (
            f"{case}: right, but your warps make {found.requests} loads, and {enough.requests} are "
            f"enough: a lane that has read a byte can use both of its weights"
        )
