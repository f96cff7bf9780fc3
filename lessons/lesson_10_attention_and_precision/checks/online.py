"""Turn 10.t1: online softmax, which reads its scores twice and not three times."""

import math

import numpy as np

from labkit.simt import cuda, profile
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.teach.shares import assert_spread

THREADS = 32


_softmax = solution("10.t1")


@cuda.jit
def _three_passes(x, out):
    i = cuda.grid(1)
    if i < x.shape[1]:
        largest, total = cuda.float32(-math.inf), cuda.float32(0)
        for j in range(x.shape[0]):
            largest = max(largest, x[j, i])
        for j in range(x.shape[0]):
            total += math.exp(x[j, i] - largest)
        for j in range(x.shape[0]):
            out[j, i] = math.exp(x[j, i] - largest) / total


@cuda.jit
def _parked(x, out):
    i = cuda.grid(1)
    if i < x.shape[1]:
        largest, total = cuda.float32(-math.inf), cuda.float32(0)
        for j in range(x.shape[0]):
            largest = max(largest, x[j, i])
        for j in range(x.shape[0]):
            weight = math.exp(x[j, i] - largest)
            out[j, i] = weight
            total += weight
        for j in range(x.shape[0]):
            out[j, i] = out[j, i] / total


@cuda.jit
def _sevenths(x, out):
    i = cuda.grid(1)
    if i < x.shape[1]:
        for j in range(x.shape[0]):
            out[j, i] = 1 / 7


_ALONE = """\
    for i in range(cuda.threadIdx.x, x.shape[1] * (cuda.blockIdx.x == 0), 32):
"""
_SHRINK = "total * math.exp(largest - higher)"


@exercise(
    "10.t1",
    title="online softmax",
    in_place=True,
    wrong=[
        (always(0), "@cuda.jit"),
        (kernels.empty, "kernel is empty", "todo"),
        (_sevenths, "expected"),
        (_three_passes, "two reads"),
        (_parked, "two reads"),
        (changed(_softmax, _SHRINK, "total"), "expected"),
        (changed(_softmax, "higher = max(largest, score)", "higher = cuda.float32(0)"),
         "largest score"),
        (changed(_softmax, "higher = max(largest, score)", "higher = score"), "largest score"),
        (changed(_softmax, "cuda.float32(-math.inf)", "cuda.float32(0)"), "largest score"),
        (changed(_softmax, "cuda.float32(-math.inf)", "cuda.float32(-95)"), "expected"),
        (changed(_softmax, "i < x.shape[1]", "i <= x.shape[1]"), "out-of-bounds"),
        (changed(_softmax, "cuda.float32(0)", "0.0"), "double precision"),
        (changed(_softmax, " / total", ""), "expected"),
        (changed(_softmax, "    i = cuda.grid(1)\n    if i < x.shape[1]:\n", _ALONE),
         "a column is its share"),
        (changed(_softmax, "out[j, i] = math.exp(x[j, i] - largest) / total",
                 "x[j, i] = 0\n            out[j, i] = 1 / x.shape[0]"), "your kernel changes x"),
    ],
)  # fmt: skip
def online(answer, rng):
    for n_rows, n_columns in ((64, 64), (rng.randint(33, 90), 2 * rng.randint(17, 40) + 1), (1, 7)):
        draw = np.random.default_rng(rng.getrandbits(64))
        x = draw.normal(0, 3, (n_rows, n_columns)) + draw.uniform(-190, 190, n_columns)
        x[:, ::3] = draw.uniform(-200, 200, x[:, ::3].shape)  # far apart, so the order matters
        x[:, 1] = draw.uniform(-200, -195, n_rows)  # no score is near the largest of the others
        _try_softmax(answer, x.astype(np.float32))


def _try_softmax(answer, x):
    case = f"{x.shape[0]} × {x.shape[1]} scores"
    out, grid = np.full(x.shape, np.nan, np.float32), -(-x.shape[1] // THREADS)
    counts = kernels.clean_counts(answer, grid, THREADS, x, out, case=case)
    _compare_softmax(out, x, case)
    assert "float64" not in counts.flop, (
        f"{case}: sums in double precision are slow on most GPUs: begin with cuda.float32(0)"
    )
    budget = profile(_softmax[grid, THREADS], x, out)
    for name, few in (("global_loads", "two reads of x"), ("global_stores", "one write of out")):
        sectors, enough = (getattr(each, name).sectors for each in (counts, budget))
        assert sectors <= 1.05 * enough, (
            f"{case}: {sectors} sectors in {name.replace('_', ' ')}, and {enough} are enough: "
            f"{few} is the budget, so two reads and one write in all"
        )
    assert_spread(answer, grid, THREADS, x, out, case=case, most=len(x), what="a column")


def _compare_softmax(out, x, case):
    exact = np.exp(x.astype(np.float64) - x.max(0))
    exact /= exact.sum(0)
    wrong = ~np.isclose(out, exact, rtol=1e-4, atol=1e-7)
    if not wrong.any():
        return
    worst = wrong & ~np.isfinite(out)
    j, i = (int(axis[0]) for axis in np.nonzero(worst if worst.any() else wrong))
    told = f"{case}: out[{j}, {i}] is {out[j, i]:.4g}, expected {exact[j, i]:.4g}"
    assert np.isfinite(out[j, i]), (
        f"{told}; the scores of that column go from {x[:, i].min():.0f} to {x[:, i].max():.0f}: "
        f"was it written, and is the largest score so far subtracted before exp?"
    )
    raise AssertionError(told)
