"""Exercise 09.2: a warp with four fragments of sums."""

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution

_four = solution("09.2")


@cuda.jit
def _by_cuda_cores(a, b, c):
    top, left = 32 * cuda.blockIdx.y, 16 * cuda.blockIdx.x
    for n in range(cuda.laneid, 512, 32):
        total = cuda.float32(0)
        for k in range(a.shape[1]):
            total += cuda.float32(a[top + n // 16, k]) * cuda.float32(b[k, left + n % 16])
        c[top + n // 16, left + n % 16] = total


@exercise(
    "09.2",
    title="a warp with four sums",
    in_place=True,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (_by_cuda_cores, "0 matrix instructions"),
        (changed(_four, "c_11 = mma_sync(a_1, b_1, c_11)",
                 "c_11 = mma_sync(held_of_a(a, top + 16, first), b_1, c_11)"), "requests to load"),
        (changed(_four, "c_11 = mma_sync(a_1, b_1, c_11)",
                 "c_11 = mma_sync(a_1, b_1, (zero, zero, zero, zero))"), "expected"),
        (changed(_four, "c_01 = mma_sync(a_0, b_1, c_01)", "c_01 = mma_sync(a_1, b_0, c_01)"),
         "expected"),
        (changed(_four, "    store(c, top + 16, left + 8, c_11)\n", ""), "was never written"),
        (changed(_four, "range(0, a.shape[1], 16)", "range(0, 16, 16)"), "expected"),
        (changed(_four, "range(0, a.shape[1], 16)", "range(0, a.shape[1] + 16, 16)"),
         "out-of-bounds"),
        (changed(_four, "32 * cuda.blockIdx.y, 16 * cuda.blockIdx.x",
                 "32 * cuda.blockIdx.x, 16 * cuda.blockIdx.y"), "out-of-bounds"),
        (changed(_four, "left + 8, c_01", "left, c_01"), "c["),
        (changed(_four, "store(c, top, left, c_00)",
                 "store(c, top, left, (cuda.int32(c_00[0]), c_00[1], c_00[2], c_00[3]))"),
         "expected"),
        (changed(_four, "        c_11 = mma_sync(a_1, b_1, c_11)\n",
                 "        c_11 = mma_sync(a_1, b_1, c_11)\n        store(c, top, left, c_00)\n"),
         "after the last step"),
    ],
)  # fmt: skip
def four_sums(answer, rng):
    draw = np.random.default_rng(rng.getrandbits(64))
    for down, across, steps in ((1, 1, 2), (3, 2, rng.randint(2, 4)), (1, 4, 1)):
        m, n, k = 32 * down, 16 * across, 16 * steps
        # their sums are exact in float32, and neither in float16 nor in integers
        sizes = (m, k), (k, n)
        a, b = ((draw.integers(-99, 100, size) / 8).astype(np.float16) for size in sizes)
        c, grid = np.full((m, n), np.nan, np.float32), (across, down)
        case = f"A {m} × {k}, B {k} × {n}"
        counts = kernels.clean_counts(answer, grid, 32, a, b, c, case=case)
        kernels.assert_equal(c, (a.astype(float) @ b).astype(np.float32), case, "c")
        right = 4 * down * across * steps
        assert counts.matrix_instructions == right, (
            f"{case}: {counts.matrix_instructions} matrix instructions, expected {right}: four in "
            f"each step of each warp"
        )
        requests, most = counts.global_loads.requests, 6 * right
        assert requests <= most, (
            f"{case}: {requests} requests to load, and {most} are enough: load each fragment once "
            f"in a step, keep it, and use it twice"
        )
        stores, most = counts.global_stores.requests, 16 * down * across
        assert stores <= most, (
            f"{case}: {stores} requests to store, and {most} are enough: store each sum once, "
            f"after the last step"
        )
