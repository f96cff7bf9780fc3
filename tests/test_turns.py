"""Times in turns: each setting in each round, ratios by pairs, recorded runs in the same shape."""

import sys
import time

import pytest

from labkit.measure import TimesInTurns, recorded_times, times_in_turns
from labkit.reading import Origin


def test_each_setting_runs_once_before_the_rounds_and_once_in_each():
    ran = []
    times = times_in_turns(ran.append, (1, 2), max_time_s=0)
    n_rounds = len(times.samples_s[1])
    assert n_rounds == len(times.samples_s[2]) == 7
    assert ran == [1, 2] * (1 + n_rounds)


def test_a_drift_does_not_touch_the_ratio_of_a_pair():
    slow = tuple(2.0 * (1 + n) for n in range(9))
    times = TimesInTurns({1: slow, 4: tuple(t / 3 for t in slow)})
    gain = times.speedup(4, name="four over one")
    assert (gain.value, gain.low, gain.high) == pytest.approx((3, 3, 3))
    assert gain.origin is Origin.MEASURED


def test_a_setting_over_itself_is_one():
    assert TimesInTurns({1: (1.0,)}).speedup(1).value == 1


def test_a_recorded_run_says_so():
    times = recorded_times("cpu-read")
    assert times.origin is Origin.RECORDED
    assert "2 cores" in times.speedup(2).source


def test_an_unknown_setting_is_a_sentence():
    with pytest.raises(KeyError, match=r"Nothing was timed for 3\. There are times for 1"):
        TimesInTurns({1: (1.0,)}).speedup(3)


async def coroutine(setting):
    """Never run."""


@pytest.mark.parametrize(
    ("run", "settings", "words"),
    [
        (coroutine, (1, 2), "coroutine is a coroutine function"),
        (lambda n: (i for i in range(n)), (1, 2), "returned a generator"),
        (3, (1, 2), "nothing to call in 3"),
        (print, 4, r"a list such as \[1, 2, 4\], got 4"),
        (print, ([1], [2]), "must be hashable"),
    ],
)
def test_what_cannot_be_timed_is_a_sentence(run, settings, words):
    with pytest.raises(TypeError, match=words):
        times_in_turns(run, settings)


@pytest.mark.parametrize("max_time_s", [-1, float("nan"), float("inf"), "1"])
def test_a_time_that_makes_no_sense_is_a_sentence(max_time_s):
    with pytest.raises(ValueError, match="a time in seconds from 0"):
        times_in_turns(print, (1, 2), max_time_s)


def test_a_setting_given_twice_counts_once():
    times = times_in_turns(lambda n: sum(range(1000)), (1, 1, 2), max_time_s=0)
    assert [len(samples_s) for samples_s in times.samples_s.values()] == [7, 7]
    assert times.speedup(2).value > 0


class Computing:
    """A result that is ready 2 ms after the call came back, as JAX's arrays are."""

    def __init__(self):
        self.ready_s = time.perf_counter() + 2e-3

    def block_until_ready(self):
        time.sleep(max(self.ready_s - time.perf_counter(), 0))


def test_a_result_that_is_still_computed_is_waited_for(monkeypatch):
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    times = times_in_turns(lambda n: Computing(), (1,), max_time_s=0)
    assert min(times.samples_s[1]) > 1.9e-3


def test_no_setting_is_a_sentence():
    with pytest.raises(ValueError, match="at least one setting"):
        times_in_turns(print, ())
