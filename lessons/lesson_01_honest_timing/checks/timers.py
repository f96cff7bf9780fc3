"""Exercises 01.2 and 01.4: a warm stopwatch, and a window wider than a tick."""

import math
import time

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right
from lessons.lesson_01_honest_timing.checks.world import World


def _start_at_once(work, clock):
    start = clock()
    work()
    return clock() - start


_warm = solution("01.2")
_ALL_OF_THEM = "that's {} warm calls: divide by their number"


def _on_the_wall(work, clock):
    return _warm(work, time.perf_counter)


def _both_calls(work, clock):
    start = clock()
    work()
    work()
    return (clock() - start) / 2


def _many_with_the_first(work, clock):
    start = clock()
    for _ in range(1000):
        work()
    return (clock() - start) / 1000


def _stop_before(work, clock):
    work()
    start = clock()
    stop = clock()
    work()
    return stop - start


def _forgets_the_number(work, clock):
    work()
    start = clock()
    for _ in range(10):
        work()
    return clock() - start


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
        (_many_with_the_first, "warm calls only"),
        (_forgets_the_number, "10 warm calls: divide"),
        (lambda work, clock: 1e3 * _warm(work, clock), "answer in seconds"),
        (lambda work, clock: round(_warm(work, clock), 4), "got"),
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
        suspects = [(n * call_s, _ALL_OF_THEM.format(n)) for n in range(2, world.n_calls)]
        suspects += [(factor * call_s, "answer in seconds") for factor in (1e3, 1e6)]
        hint = "time warm calls only, and divide by their number"
        if got >= max(compile_s / 4, 2 * call_s):
            hint = "the compiler is in your window"
        assert_right(got, call_s, "a warm call, in seconds", suspects, hint)


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


def _one_call_too_many(work, clock, tick_s):
    start, calls = clock(), 1
    while clock() - start < 1000 * tick_s:
        work()
        calls += 1
    return (clock() - start) / calls


def _a_window_of_1000_ticks(work, clock, tick_s):
    start, calls = clock(), 0
    while clock() - start < 1000 * tick_s:
        work()
        calls += 1
    return 1000 * tick_s / calls


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
        (_one_call_too_many, "by the calls that were made"),
        (_a_window_of_1000_ticks, "Divide the time that passed"),
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
        assert math.isclose(got, call_s, rel_tol=0.002), (
            f"{case}, more than 0.2 % wrong. Divide the time that passed by the calls that were "
            f"made in it"
        )
