"""Exercise 05.3: a table of distances."""

import math

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise


@cuda.jit
def _distances(left, top, out):
    col, row = cuda.grid(2)
    if row < out.shape[0] and col < out.shape[1]:
        out[row, col] = abs(left[row] - top[col])


@cuda.jit
def _distances_swapped_guard(left, top, out):
    row, col = cuda.grid(2)
    if col < out.shape[0] and row < out.shape[1]:
        out[row, col] = abs(left[row] - top[col])


_INSIDE = "row < out.shape[0] and col < out.shape[1]"
_DISTANCE = "abs(left[row] - top[col])"


@exercise(
    "05.3",
    title="a table of distances",
    in_place=True,
    solution=_distances,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(None), "@cuda.jit"),
        (changed(_distances, _INSIDE, "True"), "out-of-bounds"),
        (changed(_distances, _INSIDE, "row < out.shape[0]"), "out-of-bounds"),
        (_distances_swapped_guard, "out-of-bounds"),
        (changed(_distances, "col, row", "row, col"), "was never written"),
        (changed(_distances, _DISTANCE, "left[row] - top[col]"), "expected"),
        (changed(_distances, _DISTANCE, "2.5"), "is 2.5, expected"),
    ],
)
def distances(answer, rng):
    rows, columns = rng.randint(20, 30), rng.randint(70, 90)
    for shape in ((rows, columns), (columns, rows), (1, columns), (16, 32)):
        left, top = (kernels.numbers(rng, n) for n in shape)
        out = np.full(shape, np.nan)
        grid = math.ceil(shape[1] / 16), math.ceil(shape[0] / 8)
        case = f"{shape[0]} rows and {shape[1]} columns in blocks of (16, 8)"
        kernels.run(answer, grid, (16, 8), left, top, out, case=case)
        kernels.assert_equal(out, np.abs(left[:, None] - top), case)
