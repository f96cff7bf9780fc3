"""Exercise 09.4: FlashAttention on tensor cores."""

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from lessons.lesson_09_tensor_cores_and_tiles.checks.softmax_of_rows import assert_near, unwritten

_attention = solution("09.4")
_UPPER = "largest_of_four(max(max(s[0], s[1]), max(t[0], t[1])))"


@cuda.jit
def _zeros(q, k_turned, v, out):
    for n in range(cuda.laneid, 256, 32):
        out[16 * cuda.blockIdx.x + n // 16, n % 16] = 0


@exercise(
    "09.4",
    title="FlashAttention on tensor cores",
    in_place=True,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (_zeros, "expected"),
        (changed(_attention, "left_sums[0] * shrink_upper", "left_sums[0]"), "expected"),
        (changed(_attention, "total_upper = total_upper * shrink_upper +",
                 "total_upper = total_upper +"), "expected"),
        (changed(_attention, "shrink_lower, lower = math.exp(lower - higher), higher",
                 "lower, shrink_lower = higher, math.exp(higher - lower)"), "expected"),
        (changed(_attention, "math.exp(t[0] - upper)", "math.exp(t[0] - lower)"), "expected"),
        (changed(_attention, "np.float16(s_2), np.float16(s_3)",
                 "np.float16(t_0), np.float16(t_1)"), "expected"),
        (changed(_attention, "right_sums = mma_sync(weights, right_v",
                 "right_sums = mma_sync(weights, left_v"), "expected"),
        (changed(_attention, f"max(upper, {_UPPER})", "max(upper, max(s[0], s[1]))"), "expected"),
        (changed(_attention, f"max(upper, {_UPPER})", _UPPER), "expected"),
        (changed(_attention, "max(max(s[0], s[1]), max(t[0], t[1]))", "max(s[0], s[1])"),
         "expected"),
        (changed(_attention, "max(max(s[2], s[3]), max(t[2], t[3]))", "max(t[2], t[3])"),
         "expected"),
        (changed(_attention, "range(0, v.shape[0], 16)", "range(0, v.shape[0] - 16, 16)"),
         "0 / 0 is nan"),
        (changed(_attention, f"max(upper, {_UPPER})", f"max(max(zero, upper), {_UPPER})"),
         "expected"),
        (changed(_attention, "left_sums = mma_sync(weights, left_v, (",
                 "s = mma_sync(held_q, held_of_b(k_turned, 0, first), (zero, zero, zero, zero))\n"
                 "        left_sums = mma_sync(weights, left_v, ("), "matrix instructions"),
    ],
)  # fmt: skip
def attention(answer, rng):
    draw = np.random.default_rng(rng.getrandbits(64))
    for blocks, tiles, scale in ((1, 1, 1), (2, rng.randint(3, 5), 2), (1, 6, 5)):
        sizes = (16 * blocks, 16), (16, 16 * tiles), (16 * tiles, 16)
        q, k, v = (draw.standard_normal(size) for size in sizes)
        q *= scale / 2
        if scale == 2:
            k[15], q[3, 15] = 1, -200  # all scores of a query far below zero
        if scale == 5:
            # Scores far above those of all later tiles, and of the other half of their own.
            for query, key in ((0, 0), (9, 33), (5, 25), (12, 46)):
                k[:, key] = 200 * q[query] / (q[query] @ q[query])
        q, k, v = (x.astype(np.float16) for x in (q, k, v))
        out, case = (
            unwritten((16 * blocks, 16)),
            (f"We also tried {16 * blocks} queries and {16 * tiles} keys"),
        )
        counts = kernels.clean_counts(answer, blocks, 32, q, k, v, out, case=case)
        scores = q.astype(float) @ k.astype(float)
        weights = np.exp(scores - scores.max(1, keepdims=True))
        weights /= weights.sum(1, keepdims=True)
        assert_near(out, weights @ v.astype(float), 6e-3, case)
        right = 4 * blocks * tiles
        assert counts.matrix_instructions == right, (
            f"{case}: {counts.matrix_instructions} matrix instructions, expected {right}: two for "
            f"the scores of a tile and two for its values"
        )
