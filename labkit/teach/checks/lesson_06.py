"""Checks of lesson 06: sectors, wavefronts, a mended access, a stencil in a tile, a transpose."""

import math

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.checks.lesson_05 import numbers
from labkit.teach.registry import always, exercise


def _sectors(addresses):
    return len({address // 32 for address in addresses})


@exercise(
    "06.1",
    title="count sectors",
    solution=_sectors,
    wrong=[
        (..., "write your answer", "todo"),
        (always(4), "expected"),
        (len, "may share a sector"),
        (lambda addresses: 4 * len(addresses) // 32, "one address"),
        (lambda addresses: (max(addresses) - min(addresses)) // 32 + 1, "gaps"),
        (lambda addresses: len(set(addresses)), "32 lanes in a row"),
        (lambda addresses: len({a // 128 for a in addresses}), "expected 4"),
        (lambda addresses: len({(a - min(addresses)) // 32 for a in addresses}), "aligned"),
    ],
)
def sectors(answer, rng):
    start = 32 * rng.randint(0, 1000)
    row = [start + 4 * lane for lane in range(32)]
    cases = [
        ("32 lanes in a row", row, "several lanes may share a sector"),
        ("32 lanes, one address", [start] * 32, "several lanes may share a sector"),
        ("8 lanes, 128 bytes apart", row[:1] + [start + 128 * k for k in range(1, 8)], "look at "
         "the addresses: the gaps are not moved"),
        ("32 lanes from one float on", [a + 4 for a in row], "sectors are aligned: they begin at "
         "multiples of 32"),
    ]  # fmt: skip
    for _ in range(10):
        some = [start + 4 * rng.randint(0, 500) for _ in range(rng.randint(1, 32))]
        cases.append(("lanes anywhere", some, "a sector has 32 bytes, from a multiple of 32 on"))
    for name, addresses, hint in cases:
        got, right = answer(addresses), _sectors(addresses)
        assert got == right, f"{name}: got {got}, expected {right}. Hint: {hint}"


def _wavefronts(words):
    return max(len({word for word in words if word % 32 == bank}) for bank in range(32))


@exercise(
    "06.2",
    title="count wavefronts",
    solution=_wavefronts,
    wrong=[
        (..., "write your answer", "todo"),
        (always(1), "expected"),
        (lambda words: max(sum(w % 32 == b for w in words) for b in range(32)), "broadcast"),
        (lambda words: len({word % 32 for word in words}), "The busiest bank"),
        (lambda words: 33 - len({word % 32 for word in words}), "a broadcast: got 32"),
        (lambda words: math.gcd(words[1] - words[0], 32), "a broadcast: got 32"),
        (lambda words: _wavefronts(words) - 1, "conflict-free"),
    ],
)
def wavefronts(answer, rng):
    start = rng.randint(0, 1000)
    cases = [("stride 1, conflict-free", [start + lane for lane in range(32)]),
             ("all lanes on one word, a broadcast", [start] * 32)]  # fmt: skip
    for stride in (2, 32, 33, rng.randint(3, 31)):
        cases.append((f"stride {stride}", [start + stride * lane for lane in range(32)]))
    for _ in range(10):
        words = [start + rng.choice((0, 1, 32, 33, 64, 7 * lane)) for lane in range(32)]
        cases.append(("a mixture, look at every lane", words))
    for name, words in cases:
        got, right = answer(words), _wavefronts(words)
        assert got == right, (
            f"{name}: got {got}, expected {right}. The busiest bank decides, and the lanes that "
            f"want one and the same word are served together"
        )


@cuda.jit
def _scale_rows(a, factor, out):
    t = cuda.grid(1)
    if t < out.size:
        row, col = t // out.shape[1], t % out.shape[1]
        out[row, col] = factor[row] * a[row, col]


@cuda.jit
def _scale_rows_down(a, factor, out):
    t = cuda.grid(1)
    if t < out.size:
        row, col = t % out.shape[0], t // out.shape[0]
        out[row, col] = factor[row] * a[row, col]


@cuda.jit
def _scale_rows_no_guard(a, factor, out):
    t = cuda.grid(1)
    row, col = t // out.shape[1], t % out.shape[1]
    out[row, col] = factor[row] * a[row, col]


@cuda.jit
def _scale_rows_swapped(a, factor, out):
    t = cuda.grid(1)
    if t < out.size:
        row, col = t % out.shape[1], t // out.shape[1]
        out[row, col] = factor[row] * a[row, col]


@cuda.jit
def _scale_rows_wrong_factor(a, factor, out):
    t = cuda.grid(1)
    if t < out.size:
        row, col = t // out.shape[1], t % out.shape[1]
        out[row, col] = factor[0] * a[row, col]


@cuda.jit
def _scale_rows_one_too_few(a, factor, out):
    t = cuda.grid(1)
    if t < out.size - 1:
        row, col = t // out.shape[1], t % out.shape[1]
        out[row, col] = factor[row] * a[row, col]


@cuda.jit
def _scale_rows_constant(a, factor, out):
    t = cuda.grid(1)
    if t < out.size:
        out[t // out.shape[1], t % out.shape[1]] = 1.5


@cuda.jit
def _empty(a, factor, out): ...


@exercise(
    "06.3",
    title="mend a stride",
    in_place=True,
    solution=_scale_rows,
    wrong=[
        (..., "write your answer", "todo"),
        (_empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (_scale_rows_down, "right, but its loads"),
        (_scale_rows_no_guard, "out-of-bounds"),
        (_scale_rows_swapped, "out-of-bounds"),
        (_scale_rows_wrong_factor, "expected"),
        (_scale_rows_one_too_few, "was never written"),
        (_scale_rows_constant, "is 1.5, expected"),
    ],
)
def scale_rows(answer, rng):
    few, many = rng.randint(33, 60), rng.randint(130, 190)
    for shape in ((few, many), (many, few), (1, 64)):
        a = numbers(rng, *shape).astype(np.float32)
        factor, out = numbers(rng, shape[0]).astype(np.float32), np.full(shape, np.nan, np.float32)
        grid, block = math.ceil(out.size / 128), 128
        case = f"{shape[0]} rows and {shape[1]} columns in blocks of 128"
        kernels.run(answer, grid, block, a, factor, out, case=case)
        kernels.assert_equal(out, factor[:, None] * a, case)
        _assert_sectors(answer, _scale_rows, grid, block, (a, factor, out), case)


def _assert_sectors(answer, solution, grid, block, args, case):
    """At most a tenth more sectors than the solution, loads and stores each."""
    theirs = kernels.counts(answer, grid, block, *args, case=case)
    ours = kernels.counts(solution, grid, block, *args, case=case)
    for kind in ("loads", "stores"):
        got, few = (getattr(one, f"global_{kind}").sectors for one in (theirs, ours))
        assert got <= 1.1 * few, (
            f"{case}: right, but its {kind} touch {got} sectors where {few} would do. Which index "
            f"should neighbouring lanes differ in?"
        )


SMOOTH_THREADS = 64  # of a block, as the exercise says
SMOOTH_TILE = SMOOTH_THREADS + 2  # a shared shape must be a constant


@cuda.jit
def _smooth(x, out):
    tile = cuda.shared.array(SMOOTH_TILE, cuda.float64)
    i, t = cuda.grid(1), cuda.threadIdx.x
    last = x.size - 1
    tile[t + 1] = x[min(i, last)]
    if t == 0:
        tile[0] = x[max(i - 1, 0)]
    if t == SMOOTH_THREADS - 1:
        tile[t + 2] = x[min(i + 1, last)]
    cuda.syncthreads()
    if i < x.size:
        out[i] = (tile[t] + tile[t + 1] + tile[t + 2]) / 3


@cuda.jit
def _smooth_no_barrier(x, out):
    tile = cuda.shared.array(SMOOTH_TILE, cuda.float64)
    i, t = cuda.grid(1), cuda.threadIdx.x
    last = x.size - 1
    tile[t + 1] = x[min(i, last)]
    if t == 0:
        tile[0] = x[max(i - 1, 0)]
    if t == SMOOTH_THREADS - 1:
        tile[t + 2] = x[min(i + 1, last)]
    if i < x.size:
        out[i] = (tile[t] + tile[t + 1] + tile[t + 2]) / 3


@cuda.jit
def _smooth_barrier_in_branch(x, out):
    tile = cuda.shared.array(SMOOTH_TILE, cuda.float64)
    i, t = cuda.grid(1), cuda.threadIdx.x
    last = x.size - 1
    if i < x.size:
        tile[t + 1] = x[i]
        if t == 0:
            tile[0] = x[max(i - 1, 0)]
        if t == SMOOTH_THREADS - 1 or i == last:
            tile[t + 2] = x[min(i + 1, last)]
        cuda.syncthreads()
        out[i] = (tile[t] + tile[t + 1] + tile[t + 2]) / 3


@cuda.jit
def _smooth_without_tile(x, out):
    i = cuda.grid(1)
    last = x.size - 1
    if i < x.size:
        out[i] = (x[max(i - 1, 0)] + x[i] + x[min(i + 1, last)]) / 3


@cuda.jit
def _smooth_no_halo(x, out):
    tile = cuda.shared.array(SMOOTH_TILE, cuda.float64)
    i, t = cuda.grid(1), cuda.threadIdx.x
    tile[t + 1] = x[min(i, x.size - 1)]
    cuda.syncthreads()
    if i < x.size:
        out[i] = (tile[t] + tile[t + 1] + tile[t + 2]) / 3


@cuda.jit
def _smooth_no_guard(x, out):
    tile = cuda.shared.array(SMOOTH_TILE, cuda.float64)
    i, t = cuda.grid(1), cuda.threadIdx.x
    last = x.size - 1
    tile[t + 1] = x[min(i, last)]
    if t == 0:
        tile[0] = x[max(i - 1, 0)]
    if t == SMOOTH_THREADS - 1:
        tile[t + 2] = x[min(i + 1, last)]
    cuda.syncthreads()
    out[i] = (tile[t] + tile[t + 1] + tile[t + 2]) / 3


@cuda.jit
def _smooth_off_by_one(x, out):
    tile = cuda.shared.array(SMOOTH_TILE, cuda.float64)
    i, t = cuda.grid(1), cuda.threadIdx.x
    tile[t + 1] = x[min(i, x.size - 1)]
    if t == 0:
        tile[0] = x[max(i - 1, 0)]
    if t == SMOOTH_THREADS - 1:
        tile[t + 2] = x[i + 1]
    cuda.syncthreads()
    if i < x.size:
        out[i] = (tile[t] + tile[t + 1] + tile[t + 2]) / 3


@cuda.jit
def _smooth_constant(x, out):
    i = cuda.grid(1)
    if i < x.size:
        out[i] = 0.5


@cuda.jit
def _smooth_blank(x, out):
    raise NotImplementedError


@exercise(
    "06.4",
    title="smooth through a tile",
    in_place=True,
    solution=_smooth,
    wrong=[
        (..., "write your answer", "todo"),
        (_smooth_blank, "NotImplementedError", "todo"),
        (always(0), "@cuda.jit"),
        (_smooth_no_barrier, "syncthreads()"),
        (_smooth_barrier_in_branch, "divergent-barrier"),
        (_smooth_without_tile, "right, but"),
        (_smooth_no_halo, "uninitialised"),
        (_smooth_no_guard, "out-of-bounds"),
        (_smooth_off_by_one, "out-of-bounds"),
        (_smooth_constant, "is 0.5, expected"),
    ],
)
def smooth(answer, rng):
    threads = SMOOTH_THREADS
    for n in (rng.randint(3, 6) * threads - rng.randint(5, 40), 4 * threads, 2 * threads + 1, 1):
        blocks, x, out = math.ceil(n / threads), numbers(rng, n), np.full(n, np.nan)
        case = f"{n} elements in blocks of {threads}"
        kernels.run(answer, blocks, threads, x, out, case=case)
        edged = np.pad(x, 1, mode="edge")
        kernels.assert_equal(out, (edged[:-2] + x + edged[2:]) / 3, case)
        loads = kernels.counts(answer, blocks, threads, x, out, case=case).global_loads
        budget = blocks * (threads + 2)
        got = loads.bytes_requested // x.itemsize
        assert got <= budget, (
            f"{case}: right, but {got} numbers are loaded from global memory, and each block needs "
            f"its own {threads} and one on either side: {budget} in all"
        )


@cuda.jit
def _transpose(a, out):
    tile = cuda.shared.array((32, 33), cuda.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * 32, cuda.blockIdx.y * 32
    if top + y < a.shape[0] and left + x < a.shape[1]:
        tile[y, x] = a[top + y, left + x]
    cuda.syncthreads()
    if left + y < out.shape[0] and top + x < out.shape[1]:
        out[left + y, top + x] = tile[x, y]


@cuda.jit
def _transpose_naive(a, out):
    col, row = cuda.grid(2)
    if row < a.shape[0] and col < a.shape[1]:
        out[col, row] = a[row, col]


@cuda.jit
def _transpose_unpadded(a, out):
    tile = cuda.shared.array((32, 32), cuda.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * 32, cuda.blockIdx.y * 32
    if top + y < a.shape[0] and left + x < a.shape[1]:
        tile[y, x] = a[top + y, left + x]
    cuda.syncthreads()
    if left + y < out.shape[0] and top + x < out.shape[1]:
        out[left + y, top + x] = tile[x, y]


@cuda.jit
def _transpose_no_barrier(a, out):
    tile = cuda.shared.array((32, 33), cuda.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * 32, cuda.blockIdx.y * 32
    if top + y < a.shape[0] and left + x < a.shape[1]:
        tile[y, x] = a[top + y, left + x]
    if left + y < out.shape[0] and top + x < out.shape[1]:
        out[left + y, top + x] = tile[x, y]


@cuda.jit
def _transpose_no_guard(a, out):
    tile = cuda.shared.array((32, 33), cuda.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * 32, cuda.blockIdx.y * 32
    tile[y, x] = a[top + y, left + x]
    cuda.syncthreads()
    out[left + y, top + x] = tile[x, y]


@cuda.jit
def _transpose_one_guard(a, out):
    tile = cuda.shared.array((32, 33), cuda.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * 32, cuda.blockIdx.y * 32
    inside = top + y < a.shape[0] and left + x < a.shape[1]
    if inside:
        tile[y, x] = a[top + y, left + x]
    cuda.syncthreads()
    if inside:
        out[left + y, top + x] = tile[x, y]


@cuda.jit
def _transpose_tile_stays(a, out):
    tile = cuda.shared.array((32, 33), cuda.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * 32, cuda.blockIdx.y * 32
    if top + y < a.shape[0] and left + x < a.shape[1]:
        tile[y, x] = a[top + y, left + x]
    cuda.syncthreads()
    if left + x < out.shape[0] and top + y < out.shape[1]:
        out[left + x, top + y] = tile[y, x]


@cuda.jit
def _transpose_inside_only(a, out):
    tile = cuda.shared.array((32, 33), cuda.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * 32, cuda.blockIdx.y * 32
    if top + y < a.shape[0] and left + x < a.shape[1]:
        tile[y, x] = a[top + y, left + x]
    cuda.syncthreads()
    if left + y < out.shape[0] and top + x < out.shape[1]:
        out[left + y, top + x] = tile[y, x]


@cuda.jit
def _transpose_constant(a, out):
    col, row = cuda.grid(2)
    if row < a.shape[0] and col < a.shape[1]:
        out[col, row] = 2.0


@cuda.jit
def _transpose_blank(a, out):
    pass


@exercise(
    "06.5",
    title="transpose any shape",
    in_place=True,
    solution=_transpose,
    wrong=[
        (..., "write your answer", "todo"),
        (_transpose_blank, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (_transpose_naive, "right, but its stores"),
        (_transpose_tile_stays, "right, but its stores"),
        (_transpose_unpadded, "bank conflicts"),
        (_transpose_no_barrier, "syncthreads()"),
        (_transpose_no_guard, "out-of-bounds"),
        (_transpose_one_guard, "uninitialised"),
        (_transpose_inside_only, "uninitialised"),
        (_transpose_constant, "is 2, expected"),
    ],
)
def transpose(answer, rng):
    for shape in ((rng.randint(70, 90), rng.randint(33, 60)), (33, 32), (64, 96), (1, 40)):
        a = numbers(rng, *shape).astype(np.float32)
        out = np.full(shape[::-1], np.nan, np.float32)
        grid, block = (math.ceil(shape[1] / 32), math.ceil(shape[0] / 32)), (32, 32)
        case = f"{shape[0]} rows and {shape[1]} columns"
        kernels.run(answer, grid, block, a, out, case=case)
        kernels.assert_equal(out, a.T, case)
        _assert_sectors(answer, _transpose, grid, block, (a, out), case)
        counts = kernels.counts(answer, grid, block, a, out, case=case)
        conflicts = counts.shared_loads.bank_conflicts + counts.shared_stores.bank_conflicts
        assert conflicts == 0, (
            f"{case}: right and coalesced, but with {conflicts} bank conflicts. How far is it in "
            f"the tile from one lane's word to the next?"
        )
