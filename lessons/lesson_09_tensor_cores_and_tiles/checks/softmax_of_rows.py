"""Exercise 09.3: a softmax in fragments."""

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution

_softmax = solution("09.3")
_PAIR = "cuda.shfl_xor_sync(0xFFFFFFFF, max(x_0, x_1), 1)"


@cuda.jit
def _sevens(x, out):
    row, column = 16 * cuda.blockIdx.x + cuda.laneid // 4, cuda.laneid % 4 * 2
    for down in range(0, 16, 8):
        for right in range(2):
            out[row + down, column + right] = 7 * x[row + down, column + right]


@exercise(
    "09.3",
    title="a fused softmax",
    in_place=True,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (_sevens, "expected"),
        (changed(_softmax, "largest_of_four(max(x_0, x_1)), largest_of_four(max(x_2, x_3))",
                 "cuda.float32(0), cuda.float32(0)"), "overflow"),
        (changed(_softmax, "largest_of_four(max(x_0, x_1))", "max(x_0, x_1)"), "expected"),
        (changed(_softmax, "largest_of_four(max(x_0, x_1))", f"max(max(x_0, x_1), {_PAIR})"),
         "expected"),
        (changed(_softmax, "sum_of_four(w_0 + w_1)", "w_0 + w_1"), "expected"),
        (changed(_softmax, "w_2 / total_lower", "w_2 / total_upper"), "expected"),
        (changed(_softmax, "16 * cuda.blockIdx.x", "8 * cuda.blockIdx.x"), "was never written"),
        (changed(_softmax, "out[row + 8, column + 1] = w_3 / total_lower", "pass"),
         "was never written"),
        (changed(_softmax, "math.exp(x_1 - upper)", "math.exp(x[row, column + 1] - upper)"),
         "one load of each score"),
        (changed(_softmax, "= w_0 / total_upper",
                 "= w_0\n    out[row, column] = w_0 / total_upper"), "one store of each result"),
        (changed(_softmax, "    upper, lower =",
                 "    kept = cuda.shared.array(32, cuda.float32)\n    kept[cuda.laneid] = x_0\n"
                 "    upper, lower ="), "without shared memory"),
        (changed(_softmax, "largest_of_four(max(x_0, x_1))",
                 "max(cuda.float32(0), largest_of_four(max(x_0, x_1)))"), "expected"),
        (changed(_softmax, "largest_of_four(max(x_0, x_1))", "largest_of_four(x_0)"), "overflow"),
        (changed(_softmax, "w_0 / total_upper", "w_0 / total_upper\n    x[row, column] = 0"),
         "changes x"),
    ],
)  # fmt: skip
def softmax_of_rows(answer, rng):
    draw = np.random.default_rng(rng.getrandbits(64))
    for blocks, scale in ((1, 1), (rng.randint(2, 4), 30), (1, 70)):
        x = np.clip(scale * draw.standard_normal((16 * blocks, 8)), -200, 200).astype(np.float32)
        if scale > 1:
            x[1] = 200 - np.arange(8)
            x[2] = np.arange(8) - 200
            x[3] = 200 * (np.arange(8) % 2)
        out, case = unwritten(x.shape), f"We also tried {16 * blocks} rows of scores"
        counts = kernels.clean_counts(answer, blocks, 32, x, out, case=case)
        weights = np.exp(x.astype(float) - x.max(1, keepdims=True))
        assert_near(out, weights / weights.sum(1, keepdims=True), 1e-5, case)
        requests = counts.global_loads.requests
        assert requests <= 4 * blocks, (
            f"{case}: {requests} requests to load, and {4 * blocks} are enough: one load of each "
            f"score"
        )
        stores = counts.global_stores.requests
        assert stores <= 4 * blocks, (
            f"{case}: {stores} requests to store, and {4 * blocks} are enough: one store of each "
            f"result"
        )
        assert not counts.shared_loads.requests + counts.shared_stores.requests, (
            f"{case}: right, but do it without shared memory: the lanes can give one another "
            f"their values"
        )


_NEVER_WRITTEN = 0x7FC0DEAD  # the bits of a NaN that no arithmetic gives


def unwritten(shape):
    """An array of float32 for `assert_near`, which then knows what was never written."""
    return np.full(shape, _NEVER_WRITTEN, np.uint32).view(np.float32)


def assert_near(out, expected, tolerance, case):
    """The first element that is further off than the tolerance becomes the hint."""
    for at in np.argwhere(~(abs(out - expected) <= tolerance)):
        row, column = at.tolist()
        place = f"{case}: out[{row}, {column}]"
        got, right = float(out[row, column]), float(expected[row, column])
        is_written = out.view(np.uint32)[row, column] != _NEVER_WRITTEN
        assert is_written, f"{place} was never written, expected {right:.6g}"
        assert not np.isnan(got), (
            f"{place} is nan, expected {right:.6g}: scores reach 200, whose exponential overflows, "
            f"and -200, whose exponential is 0; and 0 / 0 is nan, too"
        )
        raise AssertionError(f"{place} is {got:.6g}, expected {right:.6g}")
