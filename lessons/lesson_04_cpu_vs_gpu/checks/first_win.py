"""Exercise 04.4: the smallest batch at which the GPU is faster."""

import math

from labkit.teach.registry import always, exercise, solution

_first_win = solution("04.4")


def _break_even(cpu_start_s, cpu_each_s, gpu_start_s, gpu_each_s):
    return (gpu_start_s - cpu_start_s) / (cpu_each_s - gpu_each_s)


@exercise(
    "04.4",
    title="the first win",
    wrong=[
        (always(32), "got 32"),
        (lambda cs, ce, gs, ge: math.floor(_break_even(cs, ce, gs, ge)), "not faster yet"),
        (lambda cs, ce, gs, ge: _break_even(cs, ce, gs, ge), "whole number"),
        (lambda cs, ce, gs, ge: math.ceil(gs / ce), "still takes its time"),
        (lambda cs, ce, gs, ge: max(math.floor(abs(_break_even(cs, ce, gs, ge))) + 1, 1), "never"),
        (
            lambda cs, ce, gs, ge: math.inf if ge >= ce else _first_win(cs, ce, gs, ge),
            "at batch 1",
        ),
        (lambda cs, ce, gs, ge: 1 if ge < ce else _first_win(cs, ce, gs, ge), "not faster yet"),
    ],
)
def first_win(answer, rng):
    for _ in range(20):
        cpu_start_s, cpu_each_s = rng.uniform(1e-6, 9e-6), rng.uniform(1e-6, 9e-6)
        gpu_each_s = cpu_each_s * rng.uniform(0.3, 0.7)
        # The break-even lies between two whole batches, away from rounding.
        batch = rng.randint(5, 200) + rng.uniform(0.2, 0.8)
        gpu_start_s = cpu_start_s + batch * (cpu_each_s - gpu_each_s)
        args = (cpu_start_s, cpu_each_s, gpu_start_s, gpu_each_s)
        got, right = answer(*args), _first_win(*args)
        case = (
            f"CPU {cpu_start_s * 1e6:.2f} + b x {cpu_each_s * 1e6:.2f} µs, "
            f"GPU {gpu_start_s * 1e6:.2f} + b x {gpu_each_s * 1e6:.2f} µs: got {got}"
        )
        assert got == math.inf or got == int(got), f"{case}: answer with a whole number"
        assert got != math.ceil(gpu_start_s / cpu_each_s) or got == right, (
            f"{case}: the GPU still takes its time for each request, and the CPU has a start, too"
        )
        assert got >= right, f"{case}, where the GPU is not faster yet: expected {right}"
        assert got == right, f"{case}, but it wins earlier: expected {right}"
    never = answer(1e-6, 2e-6, 1e-5, 3e-6)
    assert never == math.inf, (
        f"CPU 1 + b x 2 µs, GPU 10 + b x 3 µs: got {never}, but the GPU never wins: return math.inf"
    )
    early = answer(9e-6, 2e-6, 1e-6, 3e-6)
    assert early == 1, (
        f"CPU 9 + b x 2 µs, GPU 1 + b x 3 µs: got {early}, but the GPU starts earlier, which is "
        f"enough at batch 1"
    )
