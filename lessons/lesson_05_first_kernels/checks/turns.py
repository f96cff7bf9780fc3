"""The turns of lesson 05: a map, a table, a loop of any length, a grid of any size."""

import math

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.teach.shares import assert_spread, shares
from labkit.units import counted

_GUARD = "i < out.size"
_NO_ELEMENT = "Which threads should do nothing? The index of the last element is out.size - 1"
_DEGREES = "1.8 * celsius[i] + 32"
_EACH = "for i in range(out.size):"
_CLAMPED, _WRAPPED = "min(cuda.grid(1), out.size - 1)", "cuda.grid(1) % out.size"
_fahrenheit = solution("05.t1")


@cuda.jit
def _fahrenheit_of_all(celsius, out):
    for j in range(len(out)):
        out[j] = 1.8 * celsius[j] + 32


@cuda.jit
def _fahrenheit_in_thread_0(celsius, out):
    if cuda.grid(1) == 0:
        for j in range(out.size):
            out[j] = 1.8 * celsius[j] + 32


@exercise(
    "05.t1",
    title="a map with a guard",
    in_place=True,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (changed(_fahrenheit, _GUARD, "True"), "out-of-bounds"),
        (changed(_fahrenheit, _GUARD, "i <= out.size"), "last element is out.size - 1"),
        (changed(_fahrenheit, _GUARD, "i < out.size - 1"), "was never written"),
        (changed(_fahrenheit, _GUARD, "i < 1000"), "out-of-bounds"),
        (changed(_fahrenheit, _DEGREES, "1.8 * (celsius[i] + 32)"), "expected"),
        (changed(_fahrenheit, _DEGREES, "50.0"), "is 50, expected"),
        (_fahrenheit_of_all, "threads did the work of others"),
        (changed(_fahrenheit, f"if {_GUARD}:", _EACH), "threads did the work of others"),
        (_fahrenheit_in_thread_0, "one thread writes"),
        (
            changed(_fahrenheit, _DEGREES, "32\n        celsius[i] = 0"),
            "your kernel changes celsius",
        ),
        (changed(_fahrenheit, "32", "32.000001"), "expected"),
        (changed(_fahrenheit, _GUARD, f"{_GUARD} and i < 512"), "was never written"),
        (changed(_fahrenheit, _GUARD, f"{_GUARD} and i < 20_000"), "was never written"),
        (changed(_fahrenheit, "out[i] =", "out[i] +="), "can't rely on what is in out"),
        (
            changed(_fahrenheit, _DEGREES, f"max(out[i], {_DEGREES})"),
            "can't rely on what is in out",
        ),
        (changed(_fahrenheit, "cuda.grid(1)", _CLAMPED), "several threads write the same element"),
        (changed(_fahrenheit, "cuda.grid(1)", _WRAPPED), "several threads write the same element"),
    ],
)
def fahrenheit(answer, rng):
    for n, threads in _ragged_sizes(rng):
        celsius, out = kernels.numbers(rng, n), np.full(n, np.nan)
        case = f"We also tried {counted(n, 'element')} in blocks of {threads}"
        grid = math.ceil(n / threads)
        kernels.run(answer, grid, threads, celsius, out, case=case, remedy=_NO_ELEMENT)
        kernels.assert_equal(out, 1.8 * celsius + 32, case)
        assert_spread(answer, grid, threads, celsius, out, case=case, most=1, what="an element")


def _ragged_sizes(rng):
    """(elements, threads): one element, a full grid, and sizes that no block divides, one large."""
    threads = rng.choice((32, 64, 96))
    return [
        (threads * rng.randint(2, 5) - rng.randint(1, threads - 1), threads),
        (4 * threads, threads),
        (threads * rng.randint(2, 5) + 1, threads),
        (1, 32),
        (rng.randint(20_001, 30_000), 256),
    ]


_INSIDE = "row < out.shape[0] and col < out.shape[1]"
_SWAPPED = "col < out.shape[0] and row < out.shape[1]"
_NO_CELL = "Guard each axis: row counts along out.shape[0], and col along out.shape[1]"
_PRODUCT = "left[row] * top[col]"
_times_table = solution("05.t2")


@cuda.jit
def _table_of_all(left, top, out):
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            out[row, col] = left[row] * top[col]


@cuda.jit
def _table_by_rows(left, top, out):
    col, row = cuda.grid(2)
    if col == 0 and row < out.shape[0]:
        for j in range(out.shape[1]):
            out[row, j] = left[row] * top[j]


@cuda.jit
def _table_of_swapped_strides(left, top, out):
    first_row, first_col = cuda.grid(2)
    n_rows, n_cols = cuda.gridsize(2)
    for row in range(first_row, out.shape[0], n_rows):
        for col in range(first_col, out.shape[1], n_cols):
            out[row, col] = left[row] * top[col]


@exercise(
    "05.t2",
    title="a table with two guards",
    in_place=True,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(None), "@cuda.jit"),
        (changed(_times_table, _INSIDE, "True"), "out-of-bounds"),
        (changed(_times_table, _INSIDE, "row < out.shape[0]"), "out-of-bounds"),
        (
            changed(_times_table, _INSIDE, "col < out.shape[0] and row < out.shape[1]"),
            "Guard each axis",
        ),
        (changed(_times_table, "col, row = ", "row, col = "), "x is the column"),
        (changed(_times_table, "out[row, col]", "out[col, row]"), "out-of-bounds"),
        (changed(_times_table, _PRODUCT, "left[col] * top[row]"), "out-of-bounds"),
        (changed(_times_table, _PRODUCT, "left[row] + top[col]"), "expected"),
        (_table_of_all, "threads did the work of others"),
        (_table_by_rows, "one thread writes"),
        (_table_of_swapped_strides, "one thread writes"),
        (changed(_times_table, _PRODUCT, "0\n        left[row] = 0"), "your kernel changes left"),
        (changed(_times_table, _INSIDE, f"{_INSIDE} and row < 100"), "nobody writes"),
        (changed(_times_table, _INSIDE, f"{_INSIDE} and col < 100"), "nobody writes"),
        (
            changed(_times_table, _PRODUCT, f"max(out[row, col], {_PRODUCT})"),
            "can't rely on what is in out",
        ),
    ],
)
def times_table(answer, rng):
    rows, columns = rng.randint(10, 14), rng.randint(35, 44)
    long = (rng.randint(2, 5), rng.randint(150, 400))
    for shape in ((rows, columns), (columns, rows), (1, columns), (16, 32), long, long[::-1]):
        left, top = (kernels.numbers(rng, n) for n in shape)
        out = np.full(shape, np.nan)
        grid = math.ceil(shape[1] / 16), math.ceil(shape[0] / 8)
        case = f"We also tried {counted(shape[0], 'row')} and {counted(shape[1], 'column')}"
        kernels.run(answer, grid, (16, 8), left, top, out, case=case, remedy=_NO_CELL)
        n_missing = int(np.isnan(out).sum())
        assert not n_missing, (
            f"{case}, in blocks of (16, 8): nobody writes {counted(n_missing, 'element')} of out. "
            f"x is the column, and cuda.grid(2) gives x first"
        )
        kernels.assert_equal(out, left[:, None] * top, case)
        assert_spread(answer, grid, (16, 8), left, top, out, case=case, most=1, what="an element")


_LARGE = 2 * (2**54 + 113)  # 169 steps, but 337 where n is a float64, which cannot hold it
_LONG, _LONG_STEPS = 63_728_127, 949  # more than any other number below a hundred million
_WHOLE = ". Is n a whole number all the time? / makes it a float, and // does not"
_collatz = solution("05.t3")


@cuda.jit
def _collatz_of_all(numbers, steps):
    for i in range(numbers.size):
        n = numbers[i]
        count = 0
        while n != 1:
            if n % 2 == 0:
                n //= 2
            else:
                n = 3 * n + 1
            count += 1
        steps[i] = count


@exercise(
    "05.t3",
    title="a loop that ends when its thread is done",
    in_place=True,
    max_time_s=4,  # for a loop that never ends; right answers take a tenth of a second
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (changed(_collatz, "n != 1", "n > 2"), "your kernel counts"),
        (changed(_collatz, "count = 0", "count = 1"), "for 1 your kernel counts 1, expected 0"),
        (changed(_collatz, "n //= 2", "n //= 1"), "does a loop end?", "error"),
        (changed(_collatz, "n //= 2", "n /= 2"), "/ makes it a float"),
        (changed(_collatz, "n //= 2", "n = n / 2"), "/ makes it a float"),
        (_collatz_of_all, "threads did the work of others"),
        (changed(_collatz, "n != 1", "n != 1 and count < 180"), "your kernel counts 180"),
        (changed(_collatz, "n != 1", "n != 1 and count < 600"), "your kernel counts 600"),
        (changed(_collatz, "steps[i] = count", "steps[i] = max(steps[i], count)"), "can't rely on"),
        (
            changed(
                _collatz,
                "while n != 1:",
                "for _ in range(949):\n            if n == 1:\n                break",
            ),
            "your kernel counts 949",
        ),
        (
            changed(_collatz, "steps[i] = count", "steps[i] = count\n        numbers[i] = 1"),
            "your kernel changes numbers",
        ),
        (changed(_collatz, "        count += 1", "            count += 1"), "your kernel counts"),
        (changed(_collatz, "while n != 1:", "if n != 1:"), "your kernel counts"),
        (changed(_collatz, "count += 1", "count = 7"), "for 2 your kernel counts 7"),
    ],
)
def collatz(answer, rng):
    for n, threads in ((rng.randint(100, 150), 32), (rng.randint(200, 250), 96), (1, 32)):
        numbers = np.random.default_rng(rng.getrandbits(64)).integers(1, 1000, n)
        numbers[:6], steps = np.arange(1, 7)[:n], np.full(n, -1, np.int32)
        if n > 6:
            numbers[6:8] = _LARGE, _LONG << rng.randint(1, 30)  # so many steps more
        case, grid = (
            f"We also tried {counted(n, 'number')} in blocks of {threads}",
            math.ceil(n / threads),
        )
        kernels.run(answer, grid, threads, numbers, steps, case=case)
        for number, got in sorted(zip(numbers.tolist(), steps.tolist(), strict=True)):
            right = _steps(number)
            assert got == right, (
                f"{case}: for {number} your kernel counts {got}, expected {right}"
                + _WHOLE * (number == _LARGE)
            )
        assert_spread(answer, grid, threads, numbers, steps, case=case, most=1, what="a number")


def _steps(n):
    """The number of Collatz steps from n to 1."""
    count = 0
    while n != 1:
        n, count = n // 2 if n % 2 == 0 else 3 * n + 1, count + 1
    return count


_STRIDES = "cuda.grid(1), out.size, cuda.gridsize(1)"
_EVERY = f"for i in range({_STRIDES}):"
_STOP = "A thread that steps on has to stop before out.size"
_scale_add = solution("05.t4")


_40_ROUNDS = "min(out.size, 40 * cuda.gridsize(1)), cuda.gridsize(1)"
_ALL_IN_0 = "range(0 if cuda.grid(1) == 0 else out.size, out.size)"


@cuda.jit
def _scale_add_of_8(a, x, y, out):
    first = 8 * cuda.grid(1)
    for i in range(first, min(first + 8, out.size)):
        out[i] = a * x[i] + y[i]


@cuda.jit
def _scale_add_of_neighbours(a, x, y, out):
    share = math.ceil(out.size / cuda.gridsize(1))
    first = share * cuda.grid(1)
    for i in range(first, min(first + share, out.size)):
        out[i] = a * x[i] + y[i]


@cuda.jit
def _scale_add_no_guard(a, x, y, out):
    i = cuda.grid(1)
    while True:
        out[i] = a * x[i] + y[i]
        i += cuda.gridsize(1)


@exercise(
    "05.t4",
    title="a grid of any size",
    in_place=True,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (
            changed(_scale_add, _EVERY, "i = cuda.grid(1)\n    if i < out.size:"),
            "at most 1 element and stops",
        ),
        (_scale_add_of_8, "at most 8 elements and stops"),
        (changed(_scale_add, "out.size, cuda.gridsize(1)", _40_ROUNDS), "at most 40 elements"),
        (changed(_scale_add, "a * x[i] + y[i]", "0\n        x[i] = y[i] = 0"), "changes x"),
        (changed(_scale_add, f"range({_STRIDES})", _ALL_IN_0), "one thread writes"),
        (changed(_scale_add, _STRIDES, "out.size"), "stored more than once"),
        (changed(_scale_add, "cuda.gridsize(1)", "cuda.blockDim.x"), "stored more than once"),
        (changed(_scale_add, "cuda.gridsize(1)", "cuda.gridDim.x"), "stored more than once"),
        (changed(_scale_add, "out.size", "out.size + 1"), "out-of-bounds"),
        (_scale_add_no_guard, "out-of-bounds"),
        (changed(_scale_add, "a * x[i] + y[i]", "3.0"), "is 3, expected"),
        (changed(_scale_add, "out.size", "out.size - 1"), "stops before its second number"),
        (changed(_scale_add, "range(cuda.grid(1)", "range(0"), "though later ones were"),
        (changed(_scale_add, "cuda.grid(1)", "cuda.threadIdx.x"), "though later ones were"),
        (changed(_scale_add, "cuda.gridsize(1)", "128"), "though later ones were"),
        (changed(_scale_add, "out.size", "min(out.size, 5000)"), "and stops"),
        (changed(_scale_add, "out[i] =", "out[i] +="), "can't rely on what is in out"),
        (_scale_add_of_neighbours, "a run of neighbours"),
    ],
)
def scale_add(answer, rng):
    few, many, most = (500, 700), (3500, 3900), (20_001, 30_000)
    for blocks, threads, size in (
        (1, 32, few),
        (2, 64, few),
        (3, 96, few),
        (40, 32, few),
        (1, 32, many),
        (40, 64, most),
    ):
        n = rng.randint(*size)
        a, x, y = rng.uniform(1, 2), kernels.numbers(rng, n), kernels.numbers(rng, n)
        case = f"We also tried {counted(n, 'element')} on {counted(blocks, 'block')} of {threads}"
        out = np.full(n, np.nan)
        kernels.run(answer, blocks, threads, a, x, y, out, case=case, remedy=_STOP)
        missing = np.nonzero(np.isnan(out))[0]
        if missing.size:
            work = shares(answer, blocks, threads, a, x, y, out, case=case).of("store", "global")
            raise AssertionError(f"{case}: {_of_the_missing(missing, n, work.max())}")
        kernels.assert_equal(out, a * x + y, case)
        stored = kernels.counts(answer, blocks, threads, a, x, y, out, case=case).global_stores
        assert stored.bytes_requested == out.nbytes, (
            f"{case}: right, but {stored.bytes_requested // out.itemsize:,} stores were made: some "
            f"elements are stored more than once. Think how far it is to a thread's next element"
        )
        most = math.ceil(n / (blocks * threads))
        what = f"{most} of {n}"
        assert_spread(answer, blocks, threads, a, x, y, out, case=case, most=most, what=what)
        dealt = kernels.counts(_scale_add, blocks, threads, a, x, y, out, case=case).global_stores
        assert stored.sectors <= 2 * dealt.sectors, (
            f"{case}: right, but each thread takes a run of neighbours: deal the elements out like "
            f"cards. Lesson 06 shows what a run costs"
        )


def _of_the_missing(missing, n, most):
    """Which turn was wrong, from the indices nobody wrote and the stores of the busiest thread."""
    first, last = missing[0], missing[-1]
    if first == n - 1:
        return f"out[{first}], the last, was never written: range stops before its second number"
    if last - first + 1 > missing.size or last < n - 1:
        return (
            f"out[{first}] was never written, though later ones were: where does each thread "
            f"begin, and how far is it to its next element?"
        )
    return (
        f"nobody writes the last {counted(missing.size, 'element')}: a thread of yours does at "
        f"most {counted(most, 'element')} and stops. It should go on to the end of the array, "
        f"however few threads there are"
    )
