"""Exercise 05.5: two crowds, kept apart."""

import math

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise
from labkit.teach.shares import assert_spread
from labkit.units import counted

_MOST = 3  # divergent branches: the guard, and the border asked for once or twice
_ODD = "If the length is odd, how many of its indices are even?"


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
def _asked_twice(x, out):
    t = cuda.grid(1)
    n_even = (out.size + 1) // 2
    if t < out.size:
        i = 2 * t if t < n_even else 2 * (t - n_even) + 1
        if i % 2 == 0:
            out[i] = x[i] * x[i]
        else:
            out[i] = -x[i]


@cuda.jit
def _by_pairs_of_warps(x, out):
    thread = cuda.grid(1)
    warp = thread // 32
    i = warp // 2 * 64 + 2 * (thread % 32) + warp % 2
    if i < out.size:
        if warp % 2 == 0:
            out[i] = x[i] * x[i]
        else:
            out[i] = -x[i]


@cuda.jit
def _by_arithmetic(x, out):
    i = cuda.grid(1)
    if i < out.size:
        even = 1 - i % 2
        out[i] = even * x[i] * x[i] - (1 - even) * x[i]


@cuda.jit
def _two_each(x, out):
    i = 2 * cuda.grid(1)
    if i < out.size:
        out[i] = x[i] * x[i]
    if i + 1 < out.size:
        out[i + 1] = -x[i + 1]


@cuda.jit
def _all_of_them(x, out):
    for i in range(0, out.size, 2):
        out[i] = x[i] * x[i]
    for i in range(1, out.size, 2):
        out[i] = -x[i]


@exercise(
    "05.5",
    title="two crowds, kept apart",
    in_place=True,
    solution=_parted,
    wrong=[
        (kernels.not_written, "NotImplementedError", "todo"),
        (always(0), "@cuda.jit"),
        (_mixed, "warps diverge"),
        (_by_pairs_of_warps, "never written"),
        (
            changed(_parted, "(out.size + 1) // 2", "out.size // 2"),
            "how many of its indices are even",
        ),
        (changed(_parted, "if thread < out.size", "if True"), "out-of-bounds"),
        (_both_in_one_thread, "out-of-bounds"),
        (_halves_in_a_row, "expected"),
        (_by_arithmetic, "0 times infinity isn't 0"),
        (changed(_asked_twice, "t < n_even", "t < 256"), "out-of-bounds"),
        (changed(_parted, "thread < out.size", "thread < min(out.size, 1500)"), "never written"),
        (
            changed(_parted, "out[i] = x[i] * x[i]", "out[i] = max(out[i], x[i] * x[i])"),
            "can't rely on what is in out",
        ),
        (changed(_parted, "-x[i]", "x[i] = 0"), "your kernel changes x"),
        (_two_each, "one thread writes 2 elements"),
        (_all_of_them, "threads did the work of others"),
        (_parted_constant, "is 0, expected"),
    ],
)
def two_crowds(answer, rng):
    long = rng.randrange(3001, 6000, 2)
    for n, threads in (
        (rng.randrange(401, 600, 2), 64), (long, 256), (300, 96), (rng.randint(70, 90), 32),
        (rng.randint(18, 30), 32), (1, 32),
    ):  # fmt: skip
        blocks, x, out = math.ceil(n / threads), kernels.numbers(rng, n), np.full(n, np.nan)
        x[2:4] = np.inf
        case = f"We also tried {counted(n, 'element')} in blocks of {threads}"
        kernels.run(answer, blocks, threads, x, out, case=case, remedy=_ODD)
        expected = np.where(np.arange(n) % 2 == 0, x * x, -x)
        for i in range(2, min(n, 4)):
            assert not np.isnan(out[i]) or np.isnan(out[i + 2]), (
                f"{case}: out[{i}] is nan, expected {expected[i]}: 0 times infinity isn't 0. "
                f"Choose the element, then do only its own work"
            )
        kernels.assert_equal(out, expected, case)
        assert_spread(answer, blocks, threads, x, out, case=case, most=1, what="an element")
        counts = kernels.counts(answer, blocks, threads, x, out, case=case)
        assert counts.divergent_branches <= _MOST, (
            f"{case}: right, but warps diverge {counts.divergent_branches} times, and {_MOST} are "
            f"enough: the guard may split one warp, and the border between the two crowds another"
        )
