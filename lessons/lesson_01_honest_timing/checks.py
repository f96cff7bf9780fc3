"""Checks of lesson 01: timers are tried in a simulated world whose true times are known."""

import math
import time

from labkit.teach.labels import assert_labels
from labkit.teach.registry import always, exercise, solution

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
        (LIES | {_REPORTS[0]: "async"}, "is no label here"),
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


_waited = solution("01.3")


def _never_waits(launch, synchronize, clock):
    start = clock()
    launch()
    return clock() - start


def _waits_too_late(launch, synchronize, clock):
    synchronize()
    start = clock()
    launch()
    stop = clock()
    synchronize()
    return stop - start


def _old_work_too(launch, synchronize, clock):
    start = clock()
    launch()
    synchronize()
    return clock() - start


def _two_launches(launch, synchronize, clock):
    launch()
    return _old_work_too(launch, synchronize, clock)


@exercise(
    "01.3",
    title="a stopwatch that waits",
    wrong=[
        (always(0.05), "got 0.05"),
        (_never_waits, "the order, not the work"),
        (_waits_too_late, "the order, not the work"),
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
        assert got < right + 0.5 * device_s or math.isclose(got, 0.05), (
            f"got {got:.3g} s, but one launch takes {right:.3g} s: work that was ordered before "
            f"you is in your window"
        )
        assert math.isclose(got, right, rel_tol=1e-6), f"got {got:.3g} s, expected {right:.3g} s"


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
