"""Checks of lesson 01: timers are tried in a simulated world whose true times are known."""

import math
import time

import numpy as np

from labkit.teach.labels import assert_labels
from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

LIES = solution("01.1")
_REPORTS = list(LIES)


@exercise(
    "01.1",
    title="which lie",
    wrong=[
        (dict.fromkeys(LIES, ...), "write your answer", "todo"),
        (dict.fromkeys(LIES, "mean"), "does not grow with the work"),
        (LIES | {_REPORTS[1]: "mean"}, "multiple of one step"),
        (LIES | {_REPORTS[2]: "first call"}, "a few very slow"),
        (LIES | {_REPORTS[3]: "mean"}, "paid once"),
        (LIES | {_REPORTS[4]: "clock"}, "fits in"),
        (LIES | {_REPORTS[0]: "async"}, "isn't a label here"),
    ],
)
def which_lie(answer, rng):
    why = {
        "not waited": "a time that does not grow with the work is the time of giving the order",
        "clock": "every answer is a multiple of one step: the clock's tick",
        "mean": "a few very slow ones drag the average; the median is 2 ms",
        "first call": "the compiler's seconds are paid once and smeared over the rest",
        "cache": "64 KiB fits in a cache, so memory was never asked",
    }
    assert_labels(answer, LIES, why)


class World:
    """A simulated machine: `clock` reads its time, and only its own work makes time pass."""

    def __init__(self, rng, tick_s=0.0):
        self.now_s, self.tick_s = rng.uniform(100, 1000), tick_s
        self.device_free_s, self.n_calls, self.n_readings = 0.0, 0, 0

    def clock(self):
        self.n_readings += 1
        if not self.tick_s:
            return self.now_s
        return math.floor(self.now_s / self.tick_s) * self.tick_s

    def worker(self, call_s, compile_s=0.0):
        """Work that takes `call_s`, and `compile_s` more when it is first called."""
        calls = 0

        def work():
            nonlocal calls
            self.now_s += call_s + (compile_s if calls == 0 else 0)
            calls += 1
            self.n_calls += 1

        return work

    def launcher(self, device_s, launch_s=1e-5):
        """An order to the device: it returns soon, and the device is busy for `device_s` more."""

        def launch():
            self.now_s += launch_s
            self.device_free_s = max(self.device_free_s, self.now_s) + device_s
            self.n_calls += 1

        return launch

    def synchronize(self):
        self.now_s = max(self.now_s, self.device_free_s)

    def refuse_another_clock(self, got):
        assert self.n_readings, (
            f"got {got:.3g} s, and `clock()` was never read: this world has a time of its own, "
            f"which no other clock shows"
        )


def _start_at_once(work, clock):
    start = clock()
    work()
    return clock() - start


_warm = solution("01.2")


def _on_the_wall(work, clock):
    return _warm(work, time.perf_counter)


def _both_calls(work, clock):
    start = clock()
    work()
    work()
    return (clock() - start) / 2


def _stop_before(work, clock):
    work()
    start = clock()
    stop = clock()
    work()
    return stop - start


def _reversed(work, clock):
    return -_warm(work, clock)


@exercise(
    "01.2",
    title="a warm stopwatch",
    wrong=[
        (always(0.25), "got 0.25"),
        (_start_at_once, "the compiler"),
        (_both_calls, "the compiler"),
        (_stop_before, "while nothing ran"),
        (_reversed, "below zero"),
        (lambda work, clock: clock(), "a time of day"),
        (_on_the_wall, "was never read"),
    ],
)
def warm_s(answer, rng):
    for _ in range(5):
        world = World(rng)
        call_s, compile_s = rng.uniform(1e-3, 0.1), rng.uniform(0.5, 5)
        got = answer(world.worker(call_s, compile_s), world.clock)
        world.refuse_another_clock(got)
        assert got >= 0, (
            f"got {got:.3g} s, below zero: subtract the earlier reading from the later one"
        )
        assert got < 100, (
            f"got {got:.3g} s: that is a time of day, and you need a difference of two"
        )
        assert got > 0, "got 0 s: the clock was read twice while nothing ran"
        assert got < compile_s / 4 or got < 2 * call_s, (
            f"got {got:.3g} s, but a warm call takes {call_s:.3g} s: the compiler is in your window"
        )
        assert math.isclose(got, call_s, rel_tol=1e-6), f"got {got:.3g} s, expected {call_s:.3g} s"


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


def _in_ms(launch, synchronize, clock):
    return 1000 * _waited(launch, synchronize, clock)


def _stops_before_it_waits(launch, synchronize, clock):
    synchronize()
    start = clock()
    launch()
    stop = clock()
    synchronize()
    return stop - start


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
        assert got > 2e-5, f"got {got:.3g} s: that is the order, not the work. Wait before you stop"
        suspects = [
            (device_s, "the clock started after the launch: the order belongs to it"),
            (1000 * right, "answer in seconds"),
        ]
        earlier = "work that was ordered before you is in your window" if got > 2 * right else ""
        assert_right(got, right, "one launch", suspects, earlier)


_window = solution("01.4")


def _one_call(work, clock, tick_s):
    start = clock()
    work()
    return clock() - start


def _thousand_calls(work, clock, tick_s):
    start = clock()
    for _ in range(1000):
        work()
    return (clock() - start) / 1000


def _hundred_ticks(work, clock, tick_s):
    return _window(work, clock, tick_s / 10)


def _far_too_long(work, clock, tick_s):
    return _window(work, clock, 60 * tick_s)


def _forgets_to_divide(work, clock, tick_s):
    start = clock()
    while clock() - start < 1000 * tick_s:
        work()
    return clock() - start


@exercise(
    "01.4",
    title="wider than a tick",
    wrong=[
        (always(1e-4), "got 0.0001"),
        (_one_call, "whole ticks"),
        (_thousand_calls, "waste"),
        (_hundred_ticks, "whole ticks"),
        (_far_too_long, "waste"),
        (_forgets_to_divide, "divide by the number of calls"),
        (lambda work, clock, tick_s: _window(work, time.perf_counter, tick_s), "was never read"),
    ],
)
def per_call_s(answer, rng):
    world = World(rng, tick_s=1e-7)  # whoever waits for 1000 ticks of another clock is back soon
    world.refuse_another_clock(answer(world.worker(3e-6), world.clock, world.tick_s))
    for factor in (300.0, 0.02, 0.4, 7.0, 2.5, 0.1, 40.0, 1.3, 0.7, 12.0):
        tick_s = rng.uniform(0.001, 0.02)
        call_s = tick_s * factor * rng.uniform(0.9, 1.1)
        world = World(rng, tick_s)
        started_s = world.now_s
        got = answer(world.worker(call_s), world.clock, tick_s)
        ticks = (world.now_s - started_s) / tick_s
        case = f"a call of {call_s:.4g} s, a tick of {tick_s:.4g} s: got {got:.4g} s"
        assert world.n_calls < 2 or not math.isclose(got, world.n_calls * call_s, rel_tol=0.01), (
            f"{case}. That is the whole window: divide by the number of calls"
        )
        assert ticks <= 10_000, f"{case}. The window was {ticks:,.0f} ticks wide, which is a waste"
        assert ticks > 900 or math.isclose(got, call_s, rel_tol=0.002), (
            f"{case}. In a window this narrow the clock only shows whole ticks"
        )
        assert math.isclose(got, call_s, rel_tol=0.002), f"{case}, more than 0.2 % wrong"


@exercise(
    "01.3",
    title="one slow request in a hundred",
    wrong=[
        (always(0.63), "got 0.63"),
        (lambda slow, n: slow * n, "more than one of its requests may be slow"),
        (lambda slow, n: min(1, slow * n), "more than one of its requests may be slow"),
        (lambda slow, n: (1 - slow) ** n, "the pages that are *not* slow"),
        (lambda slow, n: slow**n, "all of its requests"),
        (lambda slow, n: 1 - slow**n, "at least one of its requests is fast"),
        (lambda slow, n: 100 * (1 - (1 - slow) ** n), "not in percent"),
        (lambda slow, n: n * slow * (1 - slow) ** (n - 1), "exactly one"),
        (lambda slow, n: 1 - (1 - slow) ** (n - 1), "all n_requests"),
        (lambda slow, n: 1 - (1 - slow) * n, "all n_requests"),
        (lambda slow, n: slow, "one request"),
    ],
)
def slow_pages(answer, rng):
    all_of_them = "a page is not slow if all n_requests are fast"
    for n in (rng.randint(3, 5), rng.randint(6, 60), rng.randint(100, 2000), 1):
        slow = rng.uniform(0.2, 0.8) / n
        fast = (1 - slow) ** n
        suspects = [
            (n * slow, "more than one of its requests may be slow"),
            (fast, "that's the share of the pages that are *not* slow"),
            (slow**n, "that's the share of pages with all of its requests slow"),
            (1 - slow**n, "that's the share of pages where at least one of its requests is fast"),
            (100 * (1 - fast), "a share from 0 to 1, not in percent"),
            (n * slow * (1 - slow) ** (n - 1), "that's the share with exactly one slow request"),
            (slow, "that's the share for one request"),
        ]
        case = f"{n} requests, each slow with probability {slow:.4g}"
        assert_right(answer(slow, n), 1 - fast, case, suspects if n > 1 else [], all_of_them)
    for slow, right in ((0.0, 0), (1.0, 1)):
        case = f"20 requests, each slow with probability {slow:g}"
        assert_right(answer(slow, 20), right, case, hint=all_of_them)


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
            calls.append(len(samples))
            return samples.mean() - 1.3, samples.mean() + 1.1

        right = _coverage(interval, truth, benchmarks)
        calls.clear()
        got = answer(interval, truth, benchmarks)
        case = f"{n_benchmarks} benchmarks of 5 samples"
        assert calls, f"{case}: got {got:.4g}, and interval was never called"
        assert calls == [5] * n_benchmarks, (
            f"{case}: call interval once for each benchmark, with its samples: you called it "
            f"{len(calls)} times"
        )
        suspects = [
            (1 - right, "that's the share of those that miss it"),
            (100 * right, "a share from 0 to 1, not in percent"),
            (right * n_benchmarks, "that's how many: divide by the number of benchmarks"),
            (right * n_benchmarks / 5, "divide by the benchmarks, not by the number of samples"),
        ]
        hint = "the truth has to lie between both ends, low <= truth <= high"
        assert_right(got, right, case, suspects, hint)


_rank = solution("01.5")


def _one_sided(n, confidence):
    missed, k = 0.0, 0
    while k < n and missed + math.comb(n, k) / 2**n <= 1 - confidence + 1e-12:
        missed += math.comb(n, k) / 2**n
        k += 1
    return k


def _at_least_one(n, confidence):
    return max(_rank(n, confidence), 1)


def _counted_from_zero(n, confidence):
    return _rank(n, confidence) - 1


def _normal_rule(n, confidence):
    return max(round(n / 2 - 0.98 * math.sqrt(n)), 1)


@exercise(
    "01.5",
    title="the honest interval",
    wrong=[
        (always(1), "return 0"),
        (_one_sided, "each of its two sides"),
        (_at_least_one, "return 0"),
        (lambda n, confidence: _rank(n, confidence) or None, "returns None"),
        (_counted_from_zero, "counted from 1"),
        (_normal_rule, "return 0"),
        (lambda n, confidence: _rank(n, 0.95), "another confidence"),
    ],
)
def interval_rank(answer, rng):
    assert answer(7, 0.95) != 0, "n = 7: ranks are counted from 1, the smallest sample's rank"
    for n in (11, 31, 101):
        assert answer(n, 0.95) != _one_sided(n, 0.95) or _rank(n, 0.95) == _one_sided(n, 0.95), (
            f"n = {n}: the interval misses on each of its two sides, and both count"
        )
    assert answer(5, 0.95) == 0, "five samples have no 95 % interval: return 0"
    for _ in range(30):
        n, confidence = rng.randint(7, 400), rng.choice((0.5, 0.8, 0.9, 0.95, 0.98))
        right = _rank(n, confidence)
        assert answer(n, 0.95) == _rank(n, 0.95), f"n = {n}, 95 %: got {answer(n, 0.95)}"
        assert answer(n, confidence) == right, (
            f"n = {n}, another confidence, {confidence:.0%}: got {answer(n, confidence)}, "
            f"expected {right}"
        )
