"""Exercise 05.2: a map with a guard."""

import math

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise


def _ragged_sizes(rng):
    """(elements, threads): one element, a full grid, and sizes that no block divides."""
    threads = rng.choice((32, 64, 96))
    return [
        (threads * rng.randint(2, 5) - rng.randint(1, threads - 1), threads),
        (4 * threads, threads),
        (threads * rng.randint(2, 5) + 1, threads),
        (1, 32),
    ]


@cuda.jit
def _clamp(x, low, high, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = min(max(x[i], low), high)


_GUARD = "i < out.size"
_CLAMPED = "min(max(x[i], low), high)"


@exercise(
    "05.2",
    title="a map with a guard",
    in_place=True,
    solution=_clamp,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (changed(_clamp, _GUARD, "True"), "out-of-bounds"),
        (changed(_clamp, _GUARD, "i <= out.size"), "out-of-bounds"),
        (changed(_clamp, _GUARD, "i < out.size - 1"), "was never written"),
        (changed(_clamp, "cuda.grid(1)", "cuda.threadIdx.x"), "was never written"),
        (changed(_clamp, _CLAMPED, "max(min(x[i], low), high)"), "expected"),
        (changed(_clamp, _CLAMPED, "1.0"), "is 1, expected"),
    ],
)
def clamp(answer, rng):
    for n, threads in _ragged_sizes(rng):
        x, out = kernels.numbers(rng, n), np.full(n, np.nan)
        low, high = -rng.uniform(4, 6), rng.uniform(4, 6)
        case = f"{n} elements in blocks of {threads}"
        kernels.run(answer, math.ceil(n / threads), threads, x, low, high, out, case=case)
        kernels.assert_equal(out, np.clip(x, low, high), case)
