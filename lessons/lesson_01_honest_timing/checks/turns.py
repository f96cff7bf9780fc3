"""The turns of lesson 01: a stopwatch that waits, and intervals counted."""

import math
import time

import numpy as np

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right
from lessons.lesson_01_honest_timing.checks.world import World

_waited = solution("01.t1")


def _never_waits(launch, synchronize, clock):
    start = clock()
    launch()
    return clock() - start


def _old_work_too(launch, synchronize, clock):
    start = clock()
    launch()
    synchronize()
    return clock() - start


def _two_launches(launch, synchronize, clock):
    launch()
    return _old_work_too(launch, synchronize, clock)


def _launches_twice(launch, synchronize, clock):
    synchronize()
    start = clock()
    launch()
    launch()
    synchronize()
    return clock() - start


def _in_ms(launch, synchronize, clock):
    return 1000 * _waited(launch, synchronize, clock)


def _stops_before_it_waits(launch, synchronize, clock):
    synchronize()
    start = clock()
    launch()
    stop = clock()
    synchronize()
    return stop - start


def _launches_again(launch, synchronize, clock):
    synchronize()
    start = clock()
    launch()
    synchronize()
    launch()
    synchronize()
    return clock() - start


def _ten_launches(launch, synchronize, clock):
    synchronize()
    start = clock()
    for _ in range(10):
        launch()
    synchronize()
    return (clock() - start) / 10


def _starts_after_the_launch(launch, synchronize, clock):
    synchronize()
    launch()
    start = clock()
    synchronize()
    return clock() - start


@exercise(
    "01.t1",
    title="a stopwatch that waits",
    wrong=[
        (always(0.05), "got 0.05"),
        (_never_waits, "the order, not the work"),
        (_stops_before_it_waits, "the order, not the work"),
        (_starts_after_the_launch, "after the launch"),
        (_in_ms, "in seconds"),
        (_old_work_too, "is in your window"),
        (_two_launches, "is in your window"),
        (_ten_launches, "time one launch by itself"),
        (_launches_twice, "two launches"),
        (_launches_again, "two launches"),
        (lambda *args: 1e6 * _waited(*args), "in seconds"),
        (lambda *args: round(_waited(*args), 3), "stop when yours is"),
        (lambda *args: -_waited(*args), "below zero"),
        (lambda launch, wait, clock: _waited(launch, wait, clock) + clock(), "a time of day"),
        (lambda launch, wait, clock: _waited(launch, wait, time.perf_counter), "was never read"),
    ],
)
def waited_s(answer, rng):
    for _ in range(5):
        world = World(rng)
        device_s, earlier_s = rng.uniform(0.01, 0.04), rng.uniform(0.1, 1)
        world.launcher(earlier_s)()
        launch = world.launcher(device_s)
        got, right = answer(launch, world.synchronize, world.clock), device_s + 1e-5
        world.refuse_another_clock(got)
        assert got >= 0, f"got {got:.3g} s, below zero: subtract the earlier from the later reading"
        is_day = got > 100 and not math.isclose(got, 1e6 * right)
        assert not is_day, f"got {got:.3g} s, a time of day: subtract one reading from another"
        assert got > 2e-5, f"got {got:.3g} s: that is the order, not the work. Wait before you stop"
        suspects = [
            (device_s, "the clock started after the launch: the order belongs to it"),
            (2 * device_s + 1e-5, "your window holds two launches"),
            (2 * right, "your window holds two launches"),
            (1e3 * right, "answer in seconds"),
            (1e6 * right, "answer in seconds"),
        ]
        hint = "start when all earlier work is done, and stop when yours is"
        if got > 2 * right:
            hint = "work that was ordered before you is in your window"
        if device_s < got < right:
            hint = "time one launch by itself: of several, only the first order is waited for"
        assert_right(got, right, "one launch, in seconds", suspects, hint)


_coverage = solution("01.t2")


def _one_end(low_end):
    """Looks at one end of the interval only."""

    def coverage(interval, truth, benchmarks):
        ends = [interval(samples) for samples in benchmarks]
        hits = [low <= truth if low_end else truth <= high for low, high in ends]
        return sum(hits) / len(hits)

    return coverage


def _pooled(interval, truth, benchmarks):
    low, high = interval(np.concatenate(benchmarks))
    return float(low <= truth <= high)


def _of_the_first(interval, truth, benchmarks):
    low, high = interval(benchmarks[0])
    return float(low <= truth <= high)


def _against_its_own_mean(interval, truth, benchmarks):
    hits = 0
    for samples in benchmarks:
        low, high = interval(samples)
        hits += low <= samples.mean() <= high
    return hits / len(benchmarks)


def _by_the_samples(interval, truth, benchmarks):
    return _coverage(interval, truth, benchmarks) * len(benchmarks) / len(benchmarks[0])


def _samples_inside(interval, truth, benchmarks):
    shares = []
    for samples in benchmarks:
        low, high = interval(samples)
        shares.append(((low <= samples) & (samples <= high)).mean())
    return float(np.mean(shares))


@exercise(
    "01.t2",
    title="intervals counted",
    wrong=[
        (always(0.95), "was never called"),
        (lambda *args: 1 - _coverage(*args), "those that miss it"),
        (lambda *args: 100 * _coverage(*args), "not in percent"),
        (lambda *args: _coverage(*args) * len(args[2]), "divide by the number of benchmarks"),
        (_one_end(True), "both ends"),
        (_one_end(False), "both ends"),
        (_pooled, "once for each benchmark"),
        (_of_the_first, "once for each benchmark"),
        (_against_its_own_mean, "both ends"),
        (_by_the_samples, "not by the number of samples"),
        (_samples_inside, "both ends"),
    ],
)
def coverage(answer, rng):
    for n_benchmarks in (rng.randint(40, 60), rng.randint(200, 300)):
        draw = np.random.default_rng(rng.getrandbits(64))
        benchmarks = [draw.normal(10, 3, 5) for _ in range(n_benchmarks)]
        truth = rng.uniform(10.2, 10.8)
        calls = []

        def interval(samples, calls=calls):
            calls.append(samples.tobytes())
            return samples.mean() - 1.3, samples.mean() + 1.1

        right = _coverage(interval, truth, benchmarks)
        calls.clear()
        got = answer(interval, truth, benchmarks)
        case = f"{n_benchmarks} benchmarks of 5 samples"
        assert calls, f"{case}: got {got:.4g}, and interval was never called"
        assert set(calls) == {samples.tobytes() for samples in benchmarks}, (
            f"{case}: call interval once for each benchmark, with its samples: you called it for "
            f"{len(set(calls))}"
        )
        suspects = [
            (1 - right, "that's the share of those that miss it"),
            (100 * right, "a share from 0 to 1, not in percent"),
            (right * n_benchmarks, "that's how many: divide by the number of benchmarks"),
            (right * n_benchmarks / 5, "divide by the benchmarks, not by the number of samples"),
        ]
        hint = "the truth has to lie between both ends, low <= truth <= high"
        assert_right(got, right, case, suspects, hint)
