"""Exercise 06.3: mend a stride."""

import math

import numpy as np

from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.teach.shares import assert_spread
from labkit.units import counted
from lessons.lesson_06_memory.checks.sector_budget import assert_sectors

_scale_rows = solution("06.3")
_WHO = "t // out.shape[1], t % out.shape[1]"
_GUARD = "t < out.size"
_RESULT = "factor[row] * a[row, col]"
_IN_TWO_STEPS = "out[row, col] = a[row, col]\n        out[row, col] *= factor[row]"
_CLAMPED = "t = min(cuda.grid(1), out.size - 1)"


_ALONE = """\
    for t in range(cuda.threadIdx.x, out.size * (cuda.blockIdx.x == 0), cuda.blockDim.x):
"""


@exercise(
    "06.3",
    title="mend a stride",
    in_place=True,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (changed(_scale_rows, _WHO, "t % out.shape[0], t // out.shape[0]"), "right, but its loads"),
        (changed(_scale_rows, _GUARD, "True"), "out-of-bounds"),
        (changed(_scale_rows, _WHO, "t % out.shape[1], t // out.shape[1]"), "out-of-bounds"),
        (changed(_scale_rows, "factor[row]", "factor[0]"), "expected"),
        (changed(_scale_rows, _GUARD, "t < out.size - 1"), "was never written"),
        (changed(_scale_rows, _RESULT, "1.5"), "is 1.5, expected"),
        (
            changed(_scale_rows, "    t = cuda.grid(1)\n    if t < out.size:\n", _ALONE),
            "blocks write nothing",
        ),
        (changed(_scale_rows, _RESULT, "0\n        a[row, col] = 0"), "your kernel changes a"),
        (changed(_scale_rows, "t = cuda.grid(1)", _CLAMPED), "several threads write"),
        (
            changed(_scale_rows, f"out[row, col] = {_RESULT}", _IN_TWO_STEPS),
            "load each number once",
        ),
    ],
)
def scale_rows(answer, rng):
    few, many = rng.randint(33, 60), rng.randint(130, 190)
    for shape in ((few, many), (many, few), (1, 64)):
        a = kernels.numbers(rng, *shape).astype(np.float32)
        factor = kernels.numbers(rng, shape[0]).astype(np.float32)
        out = np.full(shape, np.nan, np.float32)
        grid, block = math.ceil(out.size / 128), 128
        case = f"{counted(shape[0], 'row')} and {counted(shape[1], 'column')} in blocks of 128"
        kernels.run(answer, grid, block, a, factor, out, case=case)
        kernels.assert_equal(out, factor[:, None] * a, case)
        assert_sectors(answer, _scale_rows, grid, block, (a, factor, out), case)
        assert_spread(answer, grid, block, a, factor, out, case=case, most=1, what="an element")
