"""Whatever the load and the sensor: the truth is between the bounds, and so is the energy."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.power import sensors
from labkit.power.bounds import Stretch, least_j, most_j
from labkit.power.estimate import Estimate, total
from labkit.power.polled import polled_energy

UNIT_W = 0.001
ROUNDING_J = 1e-9  # of the truth, which is a difference of two integrals
square_waves = st.builds(
    sensors.square_wave,
    high_w=st.floats(0, 600),
    low_w=st.floats(0, 600),
    period_s=st.floats(0.01, 4),
    duty=st.floats(0.01, 0.99),
    start_s=st.floats(0, 4),
)


def found(sensor, start_s, duration_s, poll_s, pad_s=0.0, seed=0, **options):
    """(estimate, true energy) of a window that is polled every `poll_s`, from before to after."""
    stop_s, around_s = start_s + duration_s, sensor.window_s + 3 * sensor.update_s + pad_s
    samples = sensors.poll(sensor, start_s - around_s, stop_s + around_s, poll_s, 5e-4, seed)
    options = {"update_s": sensor.update_s, "window_s": sensor.window_s, **options}
    estimate = polled_energy(*samples, start_s, stop_s, pad_s=pad_s, unit_w=UNIT_W, **options)
    return estimate, float(sensor.load.energy_j(stop_s) - sensor.load.energy_j(start_s))


@settings(deadline=None, max_examples=200)
@given(
    load=square_waves,
    update_s=st.sampled_from([0.02, 0.1, 0.137]),
    window_s=st.floats(0.005, 1.5),
    phase_s=st.floats(0, 0.1),
    start_s=st.floats(2, 4),
    duration_s=st.floats(0.05, 4),
    is_padded=st.booleans(),
    seed=st.integers(0, 99),
)
def test_the_truth_of_a_square_wave_is_between_the_bounds(
    load, update_s, window_s, phase_s, start_s, duration_s, is_padded, seed
):
    """Of a sensor whose window is known, part-time or not; with idle around the window or not."""
    sensor = sensors.PowerSensor(load, update_s, window_s, UNIT_W, phase_s)
    pad_s = window_s + 3 * update_s if is_padded else 0.0
    estimate, truth_j = found(sensor, start_s, duration_s, update_s / 5, pad_s, seed)
    assert estimate.low_j - ROUNDING_J <= truth_j <= estimate.high_j + ROUNDING_J
    assert 0 <= estimate.low_j <= estimate.energy_j <= estimate.high_j


@settings(deadline=None, max_examples=150)
@given(
    load=square_waves,
    window_s=st.floats(0.025, 1.0),
    phase_s=st.floats(0, 0.1),
    duration_s=st.floats(0.05, 3),
    is_padded=st.booleans(),
)
def test_the_truth_is_between_the_bounds_where_the_window_is_not_known(
    load, window_s, phase_s, duration_s, is_padded
):
    """The driver's documents say 1 s or 25 ms; this sensor has a window of its own."""
    sensor = sensors.PowerSensor(load, 0.1, window_s, UNIT_W, phase_s)
    options = {"window_s": 1.0, "shortest_window_s": 0.025, "pad_s": 1.3 if is_padded else 0.0}
    estimate, truth_j = found(sensor, 3.0, duration_s, 0.02, **options)
    assert estimate.low_j - ROUNDING_J <= truth_j <= estimate.high_j + ROUNDING_J
    assert 0 <= estimate.low_j <= estimate.energy_j <= estimate.high_j


@settings(deadline=None, max_examples=100)
@given(
    load=square_waves,
    update_s=st.floats(0.05, 0.3),
    poll_s=st.floats(0.01, 0.7),
    duration_s=st.floats(0.1, 3),
)
def test_a_sensor_that_is_read_too_rarely_is_covered(load, update_s, poll_s, duration_s):
    sensor = sensors.PowerSensor(load, update_s, update_s, UNIT_W)
    estimate, truth_j = found(sensor, 3.0, duration_s, poll_s)
    assert estimate.low_j - ROUNDING_J <= truth_j <= estimate.high_j + ROUNDING_J


@settings(deadline=None, max_examples=100)
@given(load=square_waves, declared=st.floats(0.97, 1.03), duration_s=st.floats(0.1, 3))
def test_a_beat_that_is_not_quite_the_declared_one_is_covered(load, declared, duration_s):
    sensor = sensors.PowerSensor(load, 0.1, 0.1, UNIT_W)
    options = {"update_s": 0.1 * declared, "window_s": 0.1 * max(1.0, declared),
               "shortest_window_s": 0.1 * min(1.0, declared)}  # fmt: skip
    estimate, truth_j = found(sensor, 3.0, duration_s, 0.02, **options)
    assert estimate.low_j - ROUNDING_J <= truth_j <= estimate.high_j + ROUNDING_J


def test_the_square_wave_that_put_the_low_bound_above_the_high_one():
    """A mean over 100 ms that was taken for one over 1 s: 337 above 200, around a truth of 175."""
    load = sensors.square_wave(300, 50, 0.9, 0.5)
    sensor = sensors.PowerSensor(load, 0.1, 0.1, UNIT_W)
    for start_s in (3.0, 3.2, 3.4, 3.6):
        estimate, truth_j = found(
            sensor, start_s, 1.0, 0.02, window_s=1.0, shortest_window_s=0.025, max_power_w=600
        )
        assert estimate.low_j - ROUNDING_J <= truth_j <= estimate.high_j + ROUNDING_J
        assert estimate.energy_j == pytest.approx(truth_j, rel=0.2)


def test_an_idle_that_is_level_makes_the_lower_bound_of_a_burst_close():
    """60 W before and after bound what of a figure may lie outside of the window."""
    sensor = sensors.PowerSensor(sensors.burst(300, 60, 5.0, 2.0), 0.1, 0.1, UNIT_W, 0.03)
    estimate, truth_j = found(sensor, 5.0, 2.0, 0.02, pad_s=0.4)
    assert truth_j == pytest.approx(600)
    assert 565 < estimate.low_j <= 600 <= estimate.high_j < 610


def test_an_instantaneous_sensor_proves_nothing_and_says_so():
    sensor = sensors.PowerSensor(sensors.constant(100), 0.1, 0.0, UNIT_W)
    estimate, _ = found(sensor, 3.0, 1.0, 0.02, max_power_w=250)
    assert estimate.low_j == 0
    assert estimate.high_j == pytest.approx(250, rel=0.01)
    assert estimate.energy_j == pytest.approx(100, rel=0.01)


def stretch(begin_s, end_s, joules):
    return Stretch(begin_s, end_s, begin_s, end_s, joules, joules)


def test_the_least_is_that_of_the_best_stretches_side_by_side():
    stretches = [stretch(0, 2, 10), stretch(1, 3, 50), stretch(3, 5, 10)]
    assert least_j(stretches, 0, 5, max_power_w=100) == 60
    assert least_j(stretches, 0, 2.9, max_power_w=100) == pytest.approx(40)  # 0.1 s may be outside


def test_the_most_is_that_of_the_cheapest_cover_with_gaps_at_full_power():
    stretches = [stretch(0, 2, 10), stretch(1, 3, 50), stretch(4, 5, 5)]
    assert most_j(stretches, 0, 3, max_power_w=100) == 60
    assert most_j(stretches, 0, 3, max_power_w=20) == 30  # a second of gap is cheaper than 50 J
    assert most_j(stretches, 4, 6, max_power_w=7) == 12
    assert most_j([], 1, 3, max_power_w=7) == 14


@pytest.mark.parametrize(
    "bounds", [(5, 4, 6), (5, 6, 4), (-1, -1, 0), (math.nan, 0, 1), (1, 0, math.inf), (1, 2, 3)]
)
def test_an_estimate_outside_of_its_bounds_cannot_be_made(bounds):
    low_j, energy_j, high_j = bounds
    if low_j <= energy_j <= high_j < math.inf and low_j >= 0:
        assert Estimate(energy_j, low_j, high_j).low_j == low_j
    else:
        with pytest.raises(ValueError, match="lies between its bounds"):
            Estimate(energy_j, low_j, high_j)


parts = st.lists(
    st.tuples(*[st.floats(0, 1e12)] * 3).map(sorted).map(lambda b: Estimate(b[1], b[0], b[2])),
    max_size=8,
)


@given(parts=parts)
def test_a_sum_of_estimates_is_one(parts):
    """Also where the sums of floats round."""
    found = total(parts)
    assert found.low_j <= found.energy_j <= found.high_j
