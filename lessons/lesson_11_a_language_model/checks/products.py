"""The turn 11.t1: a matrix times a vector, a warp for each row."""

import math

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.teach.shares import assert_loads_spread, assert_spread
from labkit.units import counted
from lessons.lesson_11_a_language_model.checks.near import assert_near, quarters

_WALK = "range(0, x.size, 32)"
_TERM = "w[row, first + lane] * x[first + lane]"
_matvec = solution("11.t1")
_warp_sum = _matvec.py_func.__globals__["warp_sum"]


@cuda.jit
def _by_lane_0(w, x, out):
    thread = cuda.grid(1)
    row, lane = thread // 32, thread % 32
    if row < out.size:
        total = cuda.float32(0)
        if lane == 0:
            for column in range(x.size):
                total += w[row, column] * x[column]
            out[row] = total


@cuda.jit
def _each_lane_all(w, x, out):
    thread = cuda.grid(1)
    row, lane = thread // 32, thread % 32
    if row < out.size:
        total = cuda.float32(0)
        for column in range(x.size):
            total += w[row, column] * x[column]
        if lane == 0:
            out[row] = total


@cuda.jit
def _runs_of_neighbours(w, x, out):
    thread = cuda.grid(1)
    row, lane = thread // 32, thread % 32
    if row < out.size:
        total = cuda.float32(0)
        for n in range(x.size // 32):
            column = lane * (x.size // 32) + n
            total += w[row, column] * x[column]
        total = _warp_sum(total)
        if lane == 0:
            out[row] = total


@exercise(
    "11.t1",
    title="a matrix times a vector",
    in_place=True,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (changed(_matvec, "warp_sum(total)", "total"), "what lane 0 has alone"),
        (changed(_matvec, "if lane == 0:", "if True:"), "several threads write the same element"),
        (changed(_matvec, _WALK, "range(0, 32, 32)"), "the first 32 columns alone"),
        (changed(_matvec, _WALK, "range(0, x.size - 32, 32)"), "expected"),
        (changed(_matvec, _WALK, "range(0, x.size)"), "out-of-bounds"),
        (changed(_matvec, "total +=", "total ="), "the last 32 columns alone"),
        (changed(_matvec, _TERM, "w[row, first + lane] * x[lane]"), "expected"),
        (changed(_matvec, _TERM, "w[row, first + lane] + x[first + lane]"), "expected"),
        (changed(_matvec, _TERM, "w[row, first + lane] * int(x[first + lane])"), "expected"),
        (changed(_matvec, "out[row] = total", "out[row] += total"), "can't rely on what is in out"),
        (changed(_matvec, "lane == 0", "lane == 0 and row < 40"), "never written"),
        (changed(_matvec, "row < out.size", "True"), "out-of-bounds"),
        (
            changed(_matvec, "out[row] = total", "out[row] = total\n            x[0] = 0"),
            "changes x",
        ),
        (changed(_matvec, _WALK, "range(0, min(x.size, 256), 32)"), "expected"),
        (_by_lane_0, "one thread loads"),
        (_each_lane_all, "one thread loads"),
        (_runs_of_neighbours, "neighbouring weights"),
    ],
)
def matvec(answer, rng):
    for rows, columns in ((rng.randint(41, 60), 96), (rng.randint(5, 9), 320)):
        w, x = quarters(rng, rows, columns), quarters(rng, columns)
        out = np.full(rows, np.nan, np.float32)
        blocks = math.ceil(rows / 4)
        case = f"We also tried {counted(rows, 'row')} of {columns} columns"
        kernels.run(answer, blocks, 128, w, x, out, case=case)
        exact = w.astype(float) @ x
        suspects = [
            (w[:, ::32].astype(float) @ x[::32], "that's what lane 0 has alone"),
            (w[:, :32].astype(float) @ x[:32], "these are the first 32 columns alone"),
            (w[:, -32:].astype(float) @ x[-32:], "these are the last 32 columns alone"),
            (32 * exact, "that's 32 times as much: each lane adds up all columns"),
        ]
        assert_near(out, exact, case, suspects)
        assert_spread(answer, blocks, 128, w, x, out, case=case, most=1, what="a row")
        assert_loads_spread(answer, _matvec, blocks, 128, w, x, out, case=case)
        loads, ours = (
            kernels.counts(kernel, blocks, 128, w, x, out, case=case).global_loads.sectors
            for kernel in (answer, _matvec)
        )
        assert loads <= 2 * ours, (
            f"{case}: right, but its loads touch {loads} sectors of memory, and {ours} are enough. "
            f"Let the lanes of a warp read neighbouring weights, then go on together"
        )
