"""Checks of lesson 05: how many blocks, a map, a table, a grid stride, less divergence."""

import math

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.registry import always, exercise


@exercise(
    "05.1",
    title="how many blocks",
    solution=lambda n, threads: math.ceil(n / threads),
    wrong=[
        (..., "write your answer", "todo"),
        (always(4), "got 4"),
        (lambda n, threads: n // threads, "left out"),
        (lambda n, threads: n // threads + 1, "nothing to do"),
        (lambda n, threads: n / threads, "a whole number"),
        (lambda n, threads: round(n / threads), "left out"),
        (lambda n, threads: n * threads, "nothing to do"),
        (lambda n, threads: math.ceil(threads / n), "left out"),
    ],
)
def blocks_for(answer, rng):
    sizes = [(1000, 256), (1024, 256), (3 * 32 + 1, 32), (1, 128)]
    sizes += [(rng.randint(1, 10**6), 32 * rng.randint(1, 32)) for _ in range(10)]
    for n, threads in sizes:
        got, right = answer(n, threads), math.ceil(n / threads)
        case = f"{n} elements, {threads} threads in a block: got {got}"
        assert got == int(got), f"{case}; blocks come as a whole number"
        assert got >= right, f"{case}, and {n - int(got) * threads} elements are left out"
        assert got <= right, f"{case}, and a whole block has nothing to do"


def ragged_sizes(rng):
    """(elements, threads): one element, a full grid, and sizes that no block divides."""
    threads = rng.choice((32, 64, 96))
    return [
        (threads * rng.randint(2, 5) - rng.randint(1, threads - 1), threads),
        (4 * threads, threads),
        (threads * rng.randint(2, 5) + 1, threads),
        (1, 32),
    ]


def numbers(rng, *shape):
    return np.random.default_rng(rng.getrandbits(64)).uniform(-10, 10, shape)


@cuda.jit
def _clamp(x, low, high, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = min(max(x[i], low), high)


@cuda.jit
def _clamp_no_guard(x, low, high, out):
    i = cuda.grid(1)
    out[i] = min(max(x[i], low), high)


@cuda.jit
def _clamp_one_too_many(x, low, high, out):
    i = cuda.grid(1)
    if i <= out.size:
        out[i] = min(max(x[i], low), high)


@cuda.jit
def _clamp_one_too_few(x, low, high, out):
    i = cuda.grid(1)
    if i < out.size - 1:
        out[i] = min(max(x[i], low), high)


@cuda.jit
def _clamp_first_block(x, low, high, out):
    i = cuda.threadIdx.x
    if i < out.size:
        out[i] = min(max(x[i], low), high)


@cuda.jit
def _clamp_swapped(x, low, high, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = max(min(x[i], low), high)


@cuda.jit
def _clamp_constant(x, low, high, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = 1.0


@cuda.jit
def _empty(x, low, high, out): ...


@exercise(
    "05.2",
    title="a map with a guard",
    in_place=True,
    solution=_clamp,
    wrong=[
        (..., "write your answer", "todo"),
        (_empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (_clamp_no_guard, "out-of-bounds"),
        (_clamp_one_too_many, "out-of-bounds"),
        (_clamp_one_too_few, "was never written"),
        (_clamp_first_block, "was never written"),
        (_clamp_swapped, "expected"),
        (_clamp_constant, "is 1, expected"),
    ],
)
def clamp(answer, rng):
    for n, threads in ragged_sizes(rng):
        x, out = numbers(rng, n), np.full(n, np.nan)
        low, high = -rng.uniform(4, 6), rng.uniform(4, 6)
        case = f"{n} elements in blocks of {threads}"
        kernels.run(answer, math.ceil(n / threads), threads, x, low, high, out, case=case)
        kernels.assert_equal(out, np.clip(x, low, high), case)


@cuda.jit
def _distances(left, top, out):
    col, row = cuda.grid(2)
    if row < out.shape[0] and col < out.shape[1]:
        out[row, col] = abs(left[row] - top[col])


@cuda.jit
def _distances_no_guard(left, top, out):
    col, row = cuda.grid(2)
    out[row, col] = abs(left[row] - top[col])


@cuda.jit
def _distances_half_guard(left, top, out):
    col, row = cuda.grid(2)
    if row < out.shape[0]:
        out[row, col] = abs(left[row] - top[col])


@cuda.jit
def _distances_swapped_guard(left, top, out):
    row, col = cuda.grid(2)
    if col < out.shape[0] and row < out.shape[1]:
        out[row, col] = abs(left[row] - top[col])


@cuda.jit
def _distances_swapped_axes(left, top, out):
    row, col = cuda.grid(2)
    if row < out.shape[0] and col < out.shape[1]:
        out[row, col] = abs(left[row] - top[col])


@cuda.jit
def _distances_signed(left, top, out):
    col, row = cuda.grid(2)
    if row < out.shape[0] and col < out.shape[1]:
        out[row, col] = left[row] - top[col]


@cuda.jit
def _distances_constant(left, top, out):
    col, row = cuda.grid(2)
    if row < out.shape[0] and col < out.shape[1]:
        out[row, col] = 2.5


@cuda.jit
def _nothing(left, top, out):
    pass


@exercise(
    "05.3",
    title="a table of distances",
    in_place=True,
    solution=_distances,
    wrong=[
        (..., "write your answer", "todo"),
        (_nothing, "your kernel is empty", "todo"),
        (always(None), "@cuda.jit"),
        (_distances_no_guard, "out-of-bounds"),
        (_distances_half_guard, "out-of-bounds"),
        (_distances_swapped_guard, "out-of-bounds"),
        (_distances_swapped_axes, "was never written"),
        (_distances_signed, "expected"),
        (_distances_constant, "is 2.5, expected"),
    ],
)
def distances(answer, rng):
    rows, columns = rng.randint(20, 30), rng.randint(70, 90)
    for shape in ((rows, columns), (columns, rows), (1, columns), (16, 32)):
        left, top, out = numbers(rng, shape[0]), numbers(rng, shape[1]), np.full(shape, np.nan)
        grid = math.ceil(shape[1] / 16), math.ceil(shape[0] / 8)
        case = f"{shape[0]} rows and {shape[1]} columns in blocks of (16, 8)"
        kernels.run(answer, grid, (16, 8), left, top, out, case=case)
        kernels.assert_equal(out, np.abs(left[:, None] - top), case)


@cuda.jit
def _scale_add(a, x, y, out):
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        out[i] = a * x[i] + y[i]


@cuda.jit
def _scale_add_once(a, x, y, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = a * x[i] + y[i]


@cuda.jit
def _scale_add_everybody(a, x, y, out):
    for i in range(out.size):
        out[i] = a * x[i] + y[i]


@cuda.jit
def _scale_add_block_stride(a, x, y, out):
    for i in range(cuda.grid(1), out.size, cuda.blockDim.x):
        out[i] = a * x[i] + y[i]


@cuda.jit
def _scale_add_one_too_many(a, x, y, out):
    for i in range(cuda.grid(1), out.size + 1, cuda.gridsize(1)):
        out[i] = a * x[i] + y[i]


@cuda.jit
def _scale_add_no_guard(a, x, y, out):
    i = cuda.grid(1)
    while True:
        out[i] = a * x[i] + y[i]
        i += cuda.gridsize(1)


@cuda.jit
def _scale_add_constant(a, x, y, out):
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        out[i] = 3.0


@cuda.jit
def _still_empty(a, x, y, out): ...


@exercise(
    "05.4",
    title="few threads, many elements",
    in_place=True,
    solution=_scale_add,
    wrong=[
        (..., "write your answer", "todo"),
        (_still_empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (_scale_add_once, "was never written"),
        (_scale_add_everybody, "stored more than once"),
        (_scale_add_block_stride, "stored more than once"),
        (_scale_add_one_too_many, "out-of-bounds"),
        (_scale_add_no_guard, "out-of-bounds"),
        (_scale_add_constant, "is 3, expected"),
    ],
)
def scale_add(answer, rng):
    for blocks, threads in ((2, 64), (3, 96), (1, 32), (40, 32)):
        n = rng.randint(500, 700)
        a, x, y = rng.uniform(1, 2), numbers(rng, n), numbers(rng, n)
        case = f"{n} elements, {blocks} blocks of {threads} threads"
        out = np.full(n, np.nan)
        kernels.run(answer, blocks, threads, a, x, y, out, case=case)
        kernels.assert_equal(out, a * x + y, case)
        stored = kernels.counts(answer, blocks, threads, a, x, y, out, case=case).global_stores
        assert stored.bytes_requested == out.nbytes, (
            f"{case}: right, but {stored.bytes_requested // out.itemsize} stores were made: some "
            f"elements are stored more than once. How far is it to a thread's next element?"
        )


@cuda.jit
def _parted(x, out):
    thread = cuda.grid(1)
    n_even = (out.size + 1) // 2
    if thread < out.size:
        if thread < n_even:
            i = 2 * thread
            out[i] = x[i] * x[i]
        else:
            i = 2 * (thread - n_even) + 1
            out[i] = -x[i]


@cuda.jit
def _mixed(x, out):
    i = cuda.grid(1)
    if i < out.size:
        if i % 2 == 0:
            out[i] = x[i] * x[i]
        else:
            out[i] = -x[i]


@cuda.jit
def _parted_for_even_sizes(x, out):
    thread = cuda.grid(1)
    n_even = out.size // 2
    if thread < out.size:
        if thread < n_even:
            i = 2 * thread
            out[i] = x[i] * x[i]
        else:
            i = 2 * (thread - n_even) + 1
            out[i] = -x[i]


@cuda.jit
def _parted_no_guard(x, out):
    thread = cuda.grid(1)
    n_even = (out.size + 1) // 2
    if thread < n_even:
        i = 2 * thread
        out[i] = x[i] * x[i]
    else:
        i = 2 * (thread - n_even) + 1
        out[i] = -x[i]


@cuda.jit
def _both_in_one_thread(x, out):
    thread = cuda.grid(1)
    if 2 * thread < out.size:
        out[2 * thread] = x[2 * thread] * x[2 * thread]
        out[2 * thread + 1] = -x[2 * thread + 1]


@cuda.jit
def _halves_in_a_row(x, out):
    i = cuda.grid(1)
    if i < out.size:
        if i < (out.size + 1) // 2:
            out[i] = x[i] * x[i]
        else:
            out[i] = -x[i]


@cuda.jit
def _parted_constant(x, out):
    thread = cuda.grid(1)
    if thread < out.size:
        out[thread] = 0.0


@cuda.jit
def _blank(x, out):
    raise NotImplementedError


@exercise(
    "05.5",
    title="two crowds, kept apart",
    in_place=True,
    solution=_parted,
    wrong=[
        (..., "write your answer", "todo"),
        (_blank, "NotImplementedError", "todo"),
        (always(0), "@cuda.jit"),
        (_mixed, "warps diverge"),
        (_parted_for_even_sizes, "out-of-bounds"),
        (_parted_no_guard, "out-of-bounds"),
        (_both_in_one_thread, "out-of-bounds"),
        (_halves_in_a_row, "expected"),
        (_parted_constant, "is 0, expected"),
    ],
)
def two_crowds(answer, rng):
    for n, threads in ((rng.randrange(401, 600, 2), 64), (rng.randrange(300, 500), 96), (1, 32)):
        blocks, x, out = math.ceil(n / threads), numbers(rng, n), np.full(n, np.nan)
        case = f"{n} elements in blocks of {threads}"
        kernels.run(answer, blocks, threads, x, out, case=case)
        expected = np.where(np.arange(n) % 2 == 0, x * x, -x)
        kernels.assert_equal(out, expected, case)
        counts = kernels.counts(answer, blocks, threads, x, out, case=case)
        assert counts.divergent_branches <= 2, (
            f"{case}: right, but warps diverge {counts.divergent_branches} times. The guard may "
            f"split one warp, and the border between the two crowds another: 2 in all"
        )
