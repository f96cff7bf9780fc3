"""Exercise 05.3: max pooling in overlapping squares, as AlexNet does it."""

import math

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.teach.shares import assert_spread
from labkit.units import counted

_INSIDE = "row < out.shape[0] and col < out.shape[1]"
_CORNER = "image[2 * row, 2 * col]"
_WRITE = (
    "Guard what you write: row counts along out.shape[0], and col along out.shape[1]. If they do, "
    "look at the square: it begins at image[2 * row, 2 * col] and goes 2 further each way"
)
_NEXT = "image[2 * row + down, 2 * col + right]"
_BEGIN = "begin with one of the nine elements"
_max_pool = solution("05.3")


@cuda.jit
def _by_method(image, out):
    col, row = cuda.grid(2)
    if row < out.shape[0] and col < out.shape[1]:
        out[row, col] = image[2 * row : 2 * row + 3, 2 * col : 2 * col + 3].max()


@cuda.jit
def _from_nothing(image, out):
    col, row = cuda.grid(2)
    if row < out.shape[0] and col < out.shape[1]:
        for down in range(3):
            for right in range(3):
                out[row, col] = max(out[row, col], image[2 * row + down, 2 * col + right])


@cuda.jit
def _from_the_image(image, out):
    x, y = cuda.grid(2)
    row, col = y // 2, x // 2
    if x % 2 == 0 and y % 2 == 0 and row < out.shape[0] and col < out.shape[1]:
        largest = image[y, x]
        for down in range(3):
            for right in range(3):
                largest = max(largest, image[y + down, x + right])
        out[row, col] = largest


@cuda.jit
def _pool_all(image, out):
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            largest = image[2 * row, 2 * col]
            for down in range(3):
                for right in range(3):
                    largest = max(largest, image[2 * row + down, 2 * col + right])
            out[row, col] = largest


@exercise(
    "05.3",
    title="max pooling",
    in_place=True,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (changed(_max_pool, _INSIDE, "True"), "out-of-bounds"),
        (changed(_max_pool, _INSIDE, _INSIDE.replace("out", "image")), "Guard what you write"),
        (changed(_max_pool, "col, row = ", "row, col = "), "x is the column"),
        (changed(_max_pool, f"largest = {_CORNER}", "largest = 0.0"), "you can't start from 0"),
        (changed(_max_pool, "range(3)", "range(2)"), "expected"),
        (changed(_max_pool, "range(3)", "range(4)"), "out-of-bounds"),
        (changed(_max_pool, _NEXT, _CORNER), "expected"),
        (
            changed(_max_pool, _NEXT, "image[row + down, col]"),
            "expected",
        ),
        (changed(_max_pool, f"largest = {_CORNER}", "largest = -1e6"), "can't start from -1e+06"),
        (changed(_max_pool, f"largest = {_CORNER}", "largest = -3.4e38"), "can't start from -3.4e"),
        (
            changed(_max_pool, "row < out.shape[0]", "2 * row + 2 < image.shape[0]"),
            "Guard what you write",
        ),
        (
            changed(_max_pool, "row < out.shape[0]", "row < image.shape[0] // 2"),
            "Guard what you write",
        ),
        (changed(_max_pool, _NEXT, "image[2 * row + down - 1, 2 * col + right - 1]"), "the square"),
        (changed(_max_pool, _NEXT, "image[3 * row + down, 3 * col + right]"), "the square"),
        (changed(_max_pool, "= largest\n", "= image[2 * row, 2 * col] = 0\n"), "changes image"),
        (_by_method, "compare the elements in a loop"),
        (_from_nothing, "begin with one of the nine elements"),
        (_from_the_image, "from the elements of image"),
        (changed(_max_pool, "in range(3)", "in range(0)"), "expected"),
        (changed(_max_pool, _INSIDE, f"{_INSIDE} and row < 100"), "nobody writes"),
        (changed(_max_pool, _INSIDE, f"{_INSIDE} and col < 100"), "nobody writes"),
        (
            changed(_max_pool, _CORNER, "max(image[2 * row : 2 * row + 3, 2 * col : 2 * col + 3])"),
            "one thread, one element",
        ),
        (_pool_all, "threads did the work of others"),
    ],
)
def max_pool(answer, rng):
    rows, columns = rng.randint(10, 14), rng.randint(35, 44)
    long = (rng.randint(2, 5), rng.randint(150, 400))
    for shape, n_more in (
        ((rows, columns), 0), ((columns, rows), 20), ((1, 1), 2), ((8, 16), 0), (long, 0),
        (long[::-1], 0),
    ):  # fmt: skip
        image = kernels.numbers(rng, *(2 * size + 1 + n_more for size in shape))
        image[:3, :3] = -1e300 * np.abs(image[:3, :3]) - 1e300  # below the least float32, too
        out = np.full(shape, np.nan)
        n_rows, n_columns = counted(shape[0], "row"), counted(shape[1], "column")
        case = f"We also tried an output of {n_rows} and {n_columns}"
        grid = math.ceil(shape[1] / 16), math.ceil(shape[0] / 8)
        kernels.run(answer, grid, (16, 8), image, out, case=case, remedy=_WRITE, begin=_BEGIN)
        n_missing = int(np.isnan(out).sum())
        assert not n_missing, (
            f"{case}: nobody writes {counted(n_missing, 'element')} of out. x is the column, and "
            f"cuda.grid(2) gives x first; or did you start from the elements of image?"
        )
        squares = np.lib.stride_tricks.sliding_window_view(image, (3, 3))[::2, ::2]
        squares = squares[: shape[0], : shape[1]]
        began = out[0, 0]
        assert began in image or began <= squares[0, 0].max(), (
            f"{case}: out[0, 0] is {began:g}, and all nine elements there are smaller. They may be "
            f"any negative numbers, so you can't start from {began:g}"
        )
        kernels.assert_equal(out, squares.max(axis=(2, 3)), case)
        assert_spread(answer, grid, (16, 8), image, out, case=case, most=1, what="an element")
