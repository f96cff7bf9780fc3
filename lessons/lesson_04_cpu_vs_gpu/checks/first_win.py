"""Exercise 04.4: the smallest batch at which the GPU is faster."""

import math

from labkit.teach.registry import always, exercise, solution

_first_win = solution("04.4")


# CPU and GPU, each as start and time for a request, in units of 2**-20 s, so that sums are exact.
_CASES = (
    ((1, 2, 10, 3), math.inf, "but the GPU never wins: return math.inf"),
    ((1, 2, 5, 2), math.inf, "but the GPU never wins: it starts later and gains nothing"),
    ((9, 2, 1, 3), 1, "but the GPU starts earlier, which is enough at batch 1"),
    ((5, 2, 1, 2), 1, "but the GPU starts earlier, which is enough at batch 1"),
    ((9, 3, 1, 2), 1, "but the GPU is ahead from batch 1 on, and there's none before it"),
    ((1, 3, 5, 1), 3, "but at batch 2 both take equally long, so it wins at 3"),
)


def _break_even(cpu_start_s, cpu_each_s, gpu_start_s, gpu_each_s):
    return (gpu_start_s - cpu_start_s) / (cpu_each_s - gpu_each_s)


def _first_win_by(rule):
    """An answer to 04.4, right but for the rule that makes a batch of the break-even."""

    def answer(*times_s):
        right = _first_win(*times_s)
        return right if right in (1, math.inf) else rule(_break_even(*times_s))

    return answer


def _without_guard(cpu_start_s, cpu_each_s, gpu_start_s, gpu_each_s):
    """A wrong answer to 04.4: where the GPU is ahead from the start, its batch is below 1."""
    if gpu_each_s >= cpu_each_s:
        return _first_win(cpu_start_s, cpu_each_s, gpu_start_s, gpu_each_s)
    return math.floor(_break_even(cpu_start_s, cpu_each_s, gpu_start_s, gpu_each_s)) + 1


def _dividing(cpu_start_s, cpu_each_s, gpu_start_s, gpu_each_s):
    """A wrong answer to 04.4: it divides by 0 where both take equally long for a request."""
    if gpu_each_s > cpu_each_s:
        return _first_win(cpu_start_s, cpu_each_s, gpu_start_s, gpu_each_s)
    return max(math.floor(_break_even(cpu_start_s, cpu_each_s, gpu_start_s, gpu_each_s)) + 1, 1)


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
        (_first_win_by(math.ceil), "equally long"),
        (_without_guard, "ahead from batch 1"),
        (_dividing, "ZeroDivisionError", "error"),
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
    for units, right, why in _CASES:
        got = answer(*(unit * 2**-20 for unit in units))
        cpu_start, cpu_each, gpu_start, gpu_each = units
        assert got == right, (
            f"CPU {cpu_start} + b x {cpu_each}, GPU {gpu_start} + b x {gpu_each}: got {got}, {why}"
        )
