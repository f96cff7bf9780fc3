"""Exercise 05.4: few threads, many elements."""

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise


@cuda.jit
def _scale_add(a, x, y, out):
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        out[i] = a * x[i] + y[i]


@cuda.jit
def _scale_add_no_guard(a, x, y, out):
    i = cuda.grid(1)
    while True:
        out[i] = a * x[i] + y[i]
        i += cuda.gridsize(1)


_STRIDES = "cuda.grid(1), out.size, cuda.gridsize(1)"
_EVERY = f"for i in range({_STRIDES}):"


@exercise(
    "05.4",
    title="few threads, many elements",
    in_place=True,
    solution=_scale_add,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (
            changed(_scale_add, _EVERY, "i = cuda.grid(1)\n    if i < out.size:"),
            "was never written",
        ),
        (changed(_scale_add, _STRIDES, "out.size"), "stored more than once"),
        (changed(_scale_add, "cuda.gridsize(1)", "cuda.blockDim.x"), "stored more than once"),
        (changed(_scale_add, "out.size", "out.size + 1"), "out-of-bounds"),
        (_scale_add_no_guard, "out-of-bounds"),
        (changed(_scale_add, "a * x[i] + y[i]", "3.0"), "is 3, expected"),
    ],
)
def scale_add(answer, rng):
    for blocks, threads in ((2, 64), (3, 96), (1, 32), (40, 32)):
        n = rng.randint(500, 700)
        a, x, y = rng.uniform(1, 2), kernels.numbers(rng, n), kernels.numbers(rng, n)
        case = f"{n} elements, {blocks} blocks of {threads} threads"
        out = np.full(n, np.nan)
        kernels.run(answer, blocks, threads, a, x, y, out, case=case)
        kernels.assert_equal(out, a * x + y, case)
        stored = kernels.counts(answer, blocks, threads, a, x, y, out, case=case).global_stores
        assert stored.bytes_requested == out.nbytes, (
            f"{case}: right, but {stored.bytes_requested // out.itemsize} stores were made: some "
            f"elements are stored more than once. How far is it to a thread's next element?"
        )
