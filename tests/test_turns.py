"""Times in turns: each setting in each round, ratios by pairs, recorded runs in the same shape."""

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


def test_no_setting_is_a_sentence():
    with pytest.raises(ValueError, match="at least one setting"):
        times_in_turns(print, ())
