"""Checks of lesson 04: throughput, a batch on a GPU, a limit, the first win, a batch in time."""

import math

from labkit.teach.registry import always, exercise, solution


@exercise(
    "04.1",
    title="throughput",
    wrong=[
        (always(1000.0), "expected"),
        (lambda b, t: 1 / t, "batches"),
        (lambda b, t: t / b, "seconds a request"),
        (lambda b, t: b * t, "expected"),
        (lambda b, t: b // t, "whole number"),
    ],
)
def throughput(answer, rng):
    for _ in range(10):
        batch, time_s = rng.randint(2, 500), rng.uniform(0.31, 7.0)
        got, right = answer(batch, time_s), batch / time_s
        case = f"a batch of {batch} in {time_s:.3f} s: got {got:.4g}, expected {right:.4g}"
        assert not math.isclose(got, 1 / time_s), f"{case}. These are batches, not requests"
        assert not math.isclose(got, time_s / batch), f"{case}. These are seconds a request"
        assert got != right // 1 or got == right, f"{case}. A rate is no whole number: use /"
        assert math.isclose(got, right), case


_gpu_time_s = solution("04.2")


@exercise(
    "04.2",
    title="a batch on a GPU",
    wrong=[
        (always(1e-4), "expected"),
        (lambda n, s, b, k, f, p, m, w: s + b / k + max(f / p, m / w), "every launch"),
        (lambda n, s, b, k, f, p, m, w: n * s + max(f / p, m / w), "road is missing"),
        (lambda n, s, b, k, f, p, m, w: n * s + b / k + f / p + m / w, "overlap"),
        (lambda n, s, b, k, f, p, m, w: max(n * s, b / k, f / p, m / w), "one after the other"),
        (lambda n, s, b, k, f, p, m, w: n * s + b / k + min(f / p, m / w), "longer of the two"),
        (lambda n, s, b, k, f, p, m, w: b / k + max(f / p, m / w), "every launch"),
    ],
)  # fmt: skip
def gpu_time_s(answer, rng):
    for _ in range(20):
        # All parts are of one size, so that none hides behind another.
        parts_s = [10 ** rng.uniform(-5, -4.3) for _ in range(4)]
        n, link = rng.randint(3, 12), 10 ** rng.uniform(10, 11)
        peak, bandwidth = 10 ** rng.uniform(12, 15), 10 ** rng.uniform(11, 12.6)
        args = (n, parts_s[0] / n, parts_s[1] * link, link, parts_s[2] * peak, peak,
                parts_s[3] * bandwidth, bandwidth)  # fmt: skip
        launches_s, road_s, math_s, memory_s = parts_s
        work_s = max(math_s, memory_s)
        got, right = answer(*args), _gpu_time_s(*args)
        case = f"got {got * 1e6:.2f} µs, expected {right * 1e6:.2f} µs"
        for less_s in (launches_s, launches_s * (1 - 1 / n)):
            assert not math.isclose(got, right - less_s), f"{case}: count every launch"
        assert not math.isclose(got, launches_s + work_s), f"{case}: the road is missing"
        assert not math.isclose(got, sum(parts_s)), (
            f"{case}: computing and moving on the GPU overlap, so only the longer one counts"
        )
        assert not math.isclose(got, launches_s + road_s + min(math_s, memory_s)), (
            f"{case}: the longer of the two is what one waits for"
        )
        assert not math.isclose(got, max(parts_s)), (
            f"{case}: launches, road and work come one after the other: add them"
        )
        assert math.isclose(got, right), case


_best_batch = solution("04.3")


def _largest_allowed(measured, limit_s):
    return max((batch for batch, p99_s in measured if p99_s <= limit_s), default=0)


@exercise(
    "04.3",
    title="under a limit",
    wrong=[
        (always(16), "got 16"),
        (lambda rows, limit: max(rows, key=lambda row: row[0] / row[1])[0], "breaks the limit"),
        (_largest_allowed, "largest batch need not"),
        (lambda rows, limit: _best_batch(rows, limit * 1.0001 - 1e-4), "exactly the limit"),
        (
            lambda rows, limit: min(
                (row for row in rows if row[1] <= limit), key=lambda row: row[1], default=(0, 0)
            )[0],
            "least wait",
        ),
        (
            lambda rows, limit: _best_batch(rows, limit) or min(rows)[0],
            "none keeps the limit",
        ),
    ],
)
def best_batch(answer, rng):
    for _ in range(10):
        limit_s = rng.uniform(0.005, 0.02)
        base = rng.randint(10, 20)
        rows = [
            (base, 0.3 * limit_s),  # the least wait
            (4 * base, limit_s),  # the best of those allowed, at exactly the limit
            (4 * base - 1, 0.99 * limit_s),
            (20 * base, 2 * limit_s),  # the best of all, too slow
        ]
        crowd = (5 * base, 0.9999 * limit_s)  # larger than the best in the second table
        for case_rows, right in (
            (rows, 4 * base),
            ([*rows[:1], (3 * base, 0.5 * limit_s), crowd], 3 * base),
        ):
            shuffled = rng.sample(case_rows, len(case_rows))
            got = answer(shuffled, limit_s)
            p99_s = dict(case_rows).get(got)
            case = f"limit {limit_s * 1e3:.2f} ms: got {got}, expected {right}"
            assert p99_s is None or p99_s <= limit_s, f"{case}: {got} breaks the limit"
            assert got != _largest_allowed(case_rows, limit_s) or got == right, (
                f"{case}: the largest batch need not have the most throughput, batch over time"
            )
            assert got != base, f"{case}: that is the least wait, not the most throughput"
            assert got != 4 * base - 1 or got == right, (
                f"{case}: a wait of exactly the limit still keeps it"
            )
            assert got == right, case
    none = answer([(8, 0.5), (16, 0.9)], 0.1)
    assert none == 0, f"if none keeps the limit, return 0: got {none}"


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


_largest_batch = solution("04.5")


def _largest_with(rate, start_s, each_s, limit_s, *, waits=True, keeps_up=True):
    """A wrong answer to 04.5: one of its two conditions is left out."""
    for b in range(10_000, 0, -1):
        run_s = start_s + b * each_s
        waited_s = (b - 1) / rate if waits else 0
        if waited_s + run_s <= limit_s and (run_s <= b / rate or not keeps_up):
            return b
    return 0


def _smallest_batch(rate, start_s, each_s, limit_s):
    for b in range(1, 10_001):
        if start_s + b * each_s <= b / rate:
            return b
    return 0


@exercise(
    "04.5",
    title="waiting for the batch",
    wrong=[
        (always(8), "got 8"),
        (lambda r, s, e, m: _largest_with(r, s, e, m, waits=False), "has waited"),
        (lambda r, s, e, m: _largest_with(r, s, e, m, keeps_up=False), "does not keep up"),
        (_smallest_batch, "larger one"),
        (lambda r, s, e, m: _largest_batch(r, s, e, m) - 1, "larger one"),
        (lambda r, s, e, m: _largest_batch(r, s, e, m) + 1, "has waited"),
    ],
)
def largest_batch(answer, rng):
    for _ in range(8):
        rate = 10 ** rng.uniform(2.5, 3.5)
        each_s = rng.uniform(0.2, 0.5) / rate
        fewest = rng.randint(4, 12)  # with this batch the machine just keeps up
        start_s = (fewest - 0.5) * (1 / rate - each_s)
        most = fewest + rng.randint(5, 40)
        limit_s = (most - 0.5) / rate + start_s + most * each_s
        args = (rate, start_s, each_s, limit_s)
        got, right = answer(*args), _largest_batch(*args)
        case = (
            f"{rate:.0f} a second, {start_s * 1e3:.2f} + b x {each_s * 1e3:.3f} ms, limit "
            f"{limit_s * 1e3:.1f} ms: got {got}, expected {right}"
        )
        assert got <= right, (
            f"{case}. Before the batch runs, its first request has waited for b - 1 others"
        )
        assert got == right, f"{case}: a larger one keeps the limit and keeps up as well"
        tight = (rate, start_s, each_s, 0.5 / rate + start_s + each_s)
        assert answer(*tight) == 0, (
            f"limit {tight[3] * 1e3:.2f} ms: got {answer(*tight)}, which does not keep up: its "
            f"batch is not done when the next one is complete, so return 0"
        )
