"""The turns 11.t2 and 11.t5: RMSNorm, and the gate of the MLP."""

import math

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.teach.shares import assert_loads_spread, assert_spread
from labkit.units import counted
from lessons.lesson_11_a_language_model.checks.near import assert_near, floats

_MEAN = "warp_sum(squares) / x.size"
_rms_norm = solution("11.t2")


@cuda.jit
def _norm_by_lane_0(x, weight, epsilon, out):
    if cuda.threadIdx.x == 0:
        squares = cuda.float32(0)
        for i in range(x.size):
            squares += x[i] * x[i]
        for i in range(x.size):
            out[i] = x[i] / math.sqrt(squares / x.size + epsilon) * weight[i]


@cuda.jit
def _each_lane_sums_all(x, weight, epsilon, out):
    squares = cuda.float32(0)
    for i in range(x.size):
        squares += x[i] * x[i]
    for i in range(cuda.threadIdx.x, x.size, 32):
        out[i] = x[i] / math.sqrt(squares / x.size + epsilon) * weight[i]


@exercise(
    "11.t2",
    title="RMSNorm",
    in_place=True,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (changed(_rms_norm, "warp_sum(squares)", "squares"), "each lane divides by its own"),
        (changed(_rms_norm, _MEAN, "warp_sum(squares)"), "the mean of the squares, not their sum"),
        (changed(_rms_norm, " + epsilon", ""), "epsilon"),
        (changed(_rms_norm, f"{_MEAN} + epsilon)", f"{_MEAN}) + epsilon"), "inside the root"),
        (changed(_rms_norm, " * weight[first + lane]", ""), "weight"),
        (changed(_rms_norm, "/ root * weight", "/ root / weight"), "expected"),
        (changed(_rms_norm, "math.sqrt(warp_sum", "(warp_sum"), "the root of the mean"),
        (changed(_rms_norm, "** 2", "** 4"), "expected"),
        (changed(_rms_norm, "squares +=", "squares ="), "expected"),
        (changed(_rms_norm, "x.size + epsilon", "576 + epsilon"), "expected"),
        (changed(_rms_norm, "range(0, x.size, 32):\n        out", "range(0, 32, 32):\n        out"),
         "NaN: either it was never written"),
        (_norm_by_lane_0, "one thread writes"),
        (_each_lane_sums_all, "one thread loads"),
    ],
)  # fmt: skip
def rms_norm(answer, rng):
    for size, most in ((96, 3.0), (576, 0.01), (32, 1e-3), (32 * rng.randint(4, 9), 50.0)):
        x, weight = floats(rng, size, most=most), floats(rng, size) + np.float32(3)
        epsilon, out = np.float32(rng.uniform(1e-6, 1e-5)), np.full(size, np.nan, np.float32)
        case = f"We also tried {size} numbers up to {most:g}, epsilon {epsilon:.1e}"
        kernels.run(answer, 1, 32, x, weight, epsilon, out, case=case)
        exact, scale = x.astype(float), weight.astype(float)
        mean = (exact**2).mean()
        own = np.tile((exact.reshape(-1, 32) ** 2).sum(axis=0), size // 32) / size
        suspects = [
            (exact / math.sqrt(mean) * scale, "epsilon is missing"),
            (exact / (math.sqrt(mean) + epsilon) * scale, "epsilon belongs inside the root"),
            (exact / math.sqrt(mean + epsilon), "the weight is missing"),
            (exact / (mean + epsilon) * scale, "divide by the root of the mean"),
            (exact / math.sqrt(mean * size + epsilon) * scale,
             "it's the mean of the squares, not their sum"),
            (exact / np.sqrt(own + epsilon) * scale,
             "each lane divides by its own sum: which function adds them up?"),
        ]  # fmt: skip
        assert_near(out, exact / math.sqrt(mean + epsilon) * scale, case, suspects)
        most_each = size // 32
        what = counted(most_each, "element")
        args = (x, weight, epsilon, out)
        assert_spread(answer, 1, 32, *args, case=case, most=most_each, what=what)
        assert_loads_spread(answer, _rms_norm, 1, 32, *args, case=case)


_GATED = "gate[i] * up[i] / (1 + math.exp(-gate[i]))"
_swiglu = solution("11.t5")


@exercise(
    "11.t5",
    title="SwiGLU",
    in_place=True,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (changed(_swiglu, "i < out.size", "True"), "out-of-bounds"),
        (changed(_swiglu, "i < out.size", "i < 200"), "never written"),
        (changed(_swiglu, "-gate[i]", "gate[i]"), "the sign in the exponent"),
        (changed(_swiglu, _GATED, "up[i] / (1 + math.exp(-gate[i]))"), "by the gate itself"),
        (changed(_swiglu, _GATED, "gate[i] / (1 + math.exp(-gate[i]))"), "up is missing"),
        (changed(_swiglu, _GATED, "gate[i] * up[i] / (1 + math.exp(-up[i]))"), "gate and up"),
        (changed(_swiglu, _GATED, "gate[i] * up[i] / 1 + math.exp(-gate[i])"), "brackets"),
        (changed(_swiglu, _GATED, "max(gate[i], 0) * up[i]"), "expected"),
        (changed(_swiglu, "out[i] =", "out[i] +="), "can't rely on what is in out"),
        (changed(_swiglu, "if i < out.size:", "for i in range(out.size):"),
         "did the work of others"),
    ],
)  # fmt: skip
def swiglu(answer, rng):
    for size in (rng.randint(201, 250), rng.randint(130, 190), 1):
        gate, up = floats(rng, size, most=6.0), floats(rng, size, most=4.0)
        out, blocks = np.full(size, np.nan, np.float32), math.ceil(size / 128)
        case = f"We also tried {counted(size, 'element')} in blocks of 128"
        kernels.run(answer, blocks, 128, gate, up, out, case=case)
        g, u = gate.astype(float), up.astype(float)
        suspects = [
            (g * u / (1 + np.exp(g)), "look at the sign in the exponent"),
            (u / (1 + np.exp(-g)), "multiply by the gate itself, too: gate times its share"),
            (g / (1 + np.exp(-g)), "up is missing"),
            (g * u / (1 + np.exp(-u)), "gate and up have changed places"),
            (g * u / 1 + np.exp(-g), "brackets: Python divides by 1 alone"),
        ]  # fmt: skip
        assert_near(out, g * u / (1 + np.exp(-g)), case, suspects)
        assert_spread(answer, blocks, 128, gate, up, out, case=case, most=1, what="an element")
