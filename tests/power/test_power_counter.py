"""Energy from counters that move in steps and wrap."""

import dataclasses
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.power import energy, sensors
from labkit.power.counter import counter_energy, counter_power, unwrap, wraps_between

MAX_POWER_W = 400.0


@settings(deadline=None, max_examples=300)
@given(
    unit_j=st.sampled_from([2**-14, 2**-16]),  # ranges of 262,144 and 65,536 J
    start=st.integers(0, 2**32 - 1),
    watts=st.floats(0, MAX_POWER_W),
    gaps=st.lists(st.floats(0.001, 1), min_size=1, max_size=40),
)
def test_wraps_cost_at_most_one_unit_whatever_the_phase(unit_j, start, watts, gaps):
    """Gaps up to what the room allows, range / (2 P_max): up to 20 wraps in a row."""
    range_j = 2**32 * unit_j
    longest_s = range_j / (2 * MAX_POWER_W)
    times_s = [0.0, *accumulate(gap * longest_s for gap in gaps)]
    counts = [(start + int(watts * t_s / unit_j)) % 2**32 for t_s in times_s]
    joules, wraps = unwrap(times_s, [c * unit_j for c in counts], range_j, MAX_POWER_W)
    assert abs(joules[-1] - watts * times_s[-1]) <= unit_j
    assert wraps == (start + int(watts * times_s[-1] / unit_j)) // 2**32
    assert 0 <= joules[-1] <= MAX_POWER_W * times_s[-1]


@settings(deadline=None)
@given(before=st.floats(0, 65_000), after=st.floats(0, 65_000), gap_s=st.floats(0.001, 10_000))
def test_a_difference_is_never_negative_nor_more_than_the_power_allows(before, after, gap_s):
    """Or it is unknown: whatever two readings say."""
    joules, _ = unwrap([0.0, gap_s], [before, after], 65_536, MAX_POWER_W)
    assert joules is None or 0 <= joules[-1] <= MAX_POWER_W * (gap_s + 0.011)


def test_the_wrap_that_breaks_other_libraries():
    """3.0 J over the end of a 262,143 J counter, where three of four report -262,140 J."""
    joules, wraps = unwrap([0.0, 1.0], [262_142.0, 1.67], 262_143.67, 400)
    assert joules[-1] == pytest.approx(3.34, abs=1e-6)
    assert wraps == 1


def test_a_gap_that_could_hold_two_wraps_is_ambiguous():
    assert wraps_between(10.0, 20.0, gap_s=2000, range_j=262_143, max_power_w=400) is None
    assert unwrap([0.0, 2000.0], [10.0, 20.0], 262_143, 400) == (None, None)


def test_a_counter_that_was_reset_is_ambiguous_not_negative():
    assert wraps_between(200_000.0, 5.0, gap_s=1, range_j=262_143, max_power_w=400) is None


def test_a_counter_beyond_its_range_has_another_range():
    """It showed 66 kJ, so it cannot have started again at 65.5 kJ: the step would be negative."""
    assert wraps_between(66_000.0, 50.0, gap_s=1, range_j=65_532, max_power_w=1000) is None


@given(st.lists(st.floats(0, 0.1), min_size=2, max_size=30), st.floats(0, 250_000))
def test_a_counter_that_rests_does_not_move_by_its_rounding(steps_j, start_j):
    """A rest that looked like a move of 2e-13 J moved the lower bound of a window by 19 J."""
    joules = [start_j, *accumulate(steps_j, initial=start_j)]
    shown = [count for count in joules for _ in range(2)]  # each is read twice
    counted, _ = unwrap([0.1 * n for n in range(len(shown))], shown)
    assert counted[::2] == counted[1::2]


def test_without_a_range_a_fall_is_unknown_and_a_rise_is_not():
    assert wraps_between(10.0, 5.0, 1.0, None, 400) is None
    assert wraps_between(5.0, 10.0, 1.0, None, 400) == 0


def counted(load, start_s, stop_s, update_s, poll_s=0.02):
    sensor = sensors.CounterSensor(load, update_s)
    samples = sensors.poll(sensor, start_s - 3 * update_s, stop_s + 3 * update_s, poll_s)
    return counter_energy(*samples, start_s, stop_s, update_s, unit_j=0.001)


def test_the_power_between_moves_holds_nothing_of_what_comes_after():
    sensor = sensors.CounterSensor(sensors.burst(300, 60, 5.0, 2.0), update_s=0.1, phase_s=0.05)
    samples = sensors.poll(sensor, 4.0, 7.0, 0.02)
    assert counter_power(*samples, 4.0, 5.0, 0.1) == pytest.approx(60, rel=0.03)


def test_two_readings_far_apart_tell_a_power_and_two_close_ones_do_not():
    assert counter_power([0.0, 1.0], [5.0, 65.0], 0.0, 1.0, 0.001) == 60
    assert counter_power([0.0, 1.0], [5.0, 65.0], 0.0, 1.0, 0.5) is None


@pytest.mark.parametrize("really_s", [0.001, 0.02])
def test_a_counter_that_moves_more_often_than_it_says_tells_its_idle(really_s):
    """Declared 100 ms, as an H100's: its moves were dated half of that too early, 4 % of a pad."""
    clock = sensors.SimulatedClock(10.0)
    sensor = sensors.CounterSensor(sensors.constant(100), update_s=really_s)
    probe = dataclasses.replace(sensors.simulated_probe(sensor, clock), update_period_s=0.1)
    with energy(probe, clock=clock, pad=1.0) as found:
        clock.sleep(1.7)
    assert found.idle_power_w == pytest.approx(100, rel=0.01)


@settings(deadline=None, max_examples=60)
@given(
    start_s=st.floats(2, 4),
    duration_s=st.floats(0.05, 3),
    period_s=st.floats(0.1, 1),
    phase_s=st.floats(0, 0.1),
)
def test_the_truth_lies_in_the_bounds_of_a_whole_measurement(
    start_s, duration_s, period_s, phase_s
):
    """As `energy` reads it, with all its steps between the counter and the bounds."""
    load = sensors.square_wave(300, 60, period_s, 0.5)
    sensor = sensors.CounterSensor(load, update_s=0.1, phase_s=phase_s)
    found = sensors.simulated_energy(sensor, start_s, start_s + duration_s, pad_s=1.0)
    truth_j = load.energy_between_j(start_s, start_s + duration_s)
    rounding_j = 1e-6  # the clock counts whole nanoseconds
    assert found.energy_lo_j - rounding_j <= truth_j <= found.energy_hi_j + rounding_j


def test_a_counter_that_declares_no_steps_has_its_bounds_in_order():
    times_s = [0.1 * n for n in range(60)]
    found = counter_energy(times_s, [100 * t_s for t_s in times_s], 1.0, 3.3, update_s=0.0)
    assert 0 <= found.low_j <= found.energy_j <= found.high_j


@pytest.mark.parametrize("duty", [0.1, 0.5, 1.0])
def test_a_counter_is_right_within_a_thousandth_and_one_step(duty):
    load = sensors.square_wave(300, 60, 2.0, duty)
    for k in range(100):
        start_s = 10 + k * 0.0173
        found = counted(load, start_s, start_s + 5.37, update_s=0.1)
        truth_j = float(load.energy_j(start_s + 5.37) - load.energy_j(start_s))
        assert abs(found.energy_j - truth_j) <= 0.001 * truth_j + 30
        assert found.low_j <= truth_j <= found.high_j


def test_a_short_window_on_a_coarse_counter_widens():
    """0.25 s on 100 ms steps read up to +55 % where only the difference is taken."""
    load = sensors.constant(300)
    found = counted(load, 10.013, 10.263, update_s=0.1)
    assert found.energy_j == pytest.approx(75, rel=0.1)
    assert found.low_j < 0.8 * 75 < 1.2 * 75 < found.high_j


def test_a_window_below_one_step_is_flagged():
    found = counted(sensors.constant(300), 10.02, 10.06, update_s=0.1)
    assert found.flags == ("window_below_update_period",)
    assert found.low_j <= 12 <= found.high_j


@settings(deadline=None, max_examples=100)
@given(
    watts=st.lists(st.floats(0, 500), min_size=1, max_size=10),
    start_s=st.floats(1, 3),
    duration_s=st.floats(0.01, 5),
)
def test_whatever_the_load_the_truth_lies_between_a_counters_bounds(watts, start_s, duration_s):
    load = sensors.Load(tuple(0.7 * k for k in range(len(watts))), tuple(watts))
    found = counted(load, start_s, start_s + duration_s, update_s=0.1)
    truth_j = float(load.energy_j(start_s + duration_s) - load.energy_j(start_s))
    assert found.low_j - 1e-9 <= truth_j <= found.high_j + 1e-9
    assert 0 <= found.low_j <= found.energy_j <= found.high_j
