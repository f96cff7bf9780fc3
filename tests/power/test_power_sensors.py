"""The simulated sensors report what their definition says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.power import sensors


@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(0.05, 0.95))
def test_a_loads_energy_is_the_integral_of_its_power(start_s, stop_s, duty):
    load = sensors.square_wave(300, 60, 2.0, duty, start_s=0.3)
    start_s, stop_s = sorted((start_s, stop_s))
    middles_s = np.linspace(start_s, stop_s, 20_001)[:-1] + (stop_s - start_s) / 40_000
    integral_j = load.power_w(middles_s).mean() * (stop_s - start_s)
    exact_j = load.energy_j(stop_s) - load.energy_j(start_s)
    assert exact_j == pytest.approx(integral_j, abs=1 + 0.001 * abs(integral_j))


def test_a_burst_uses_its_power_times_its_length_above_idle():
    load = sensors.burst(300, 60, start_s=5, duration_s=2)
    assert load.energy_j(9) - load.energy_j(3) == pytest.approx(4 * 60 + 2 * 300)


def test_an_instantaneous_sensor_shows_the_power_of_its_last_update():
    load = sensors.burst(300, 60, start_s=5, duration_s=2)
    sensor = sensors.PowerSensor(load, update_s=0.1, window_s=0)
    assert sensor.at([4.99, 5.0, 5.05, 7.05, 7.11]).tolist() == [60, 300, 300, 60, 60]


def test_an_averaging_sensor_needs_its_window_to_rise():
    load = sensors.burst(300, 60, start_s=5, duration_s=2)
    sensor = sensors.PowerSensor(load, update_s=0.1, window_s=1.0)
    assert sensor.at([5.0, 5.5, 6.0, 6.5]) == pytest.approx([60, 180, 300, 300])


def test_a_part_time_sensor_never_sees_what_falls_between_its_windows():
    load = sensors.burst(300, 60, start_s=5.01, duration_s=0.05)
    sensor = sensors.PowerSensor(load, update_s=0.1, window_s=0.025)
    assert set(sensor.at(np.arange(4, 7, 0.01)).tolist()) == {60.0}


def test_a_counter_moves_in_steps_and_wraps():
    sensor = sensors.CounterSensor(sensors.constant(100), update_s=0.1, unit_j=0.5, range_j=15)
    assert sensor.at([0.05, 0.1, 0.15, 0.2]).tolist() == [0, 10, 10, 5]


def test_polling_is_the_same_each_time_and_keeps_equal_samples():
    sensor = sensors.PowerSensor(sensors.constant(100))
    first, second = (sensors.poll(sensor, 0, 1, 0.02, 0.005, seed=3) for _ in range(2))
    assert first == second
    assert len(first[0]) == 51


def test_a_simulated_clock_runs_what_is_due_and_no_more():
    clock, called = sensors.SimulatedClock(), []

    def poll_once():
        called.append(clock.now_ns())
        return clock.now_ns() + 300_000_000

    background = clock.run(poll_once)
    clock.sleep(1.0)
    background.stop()
    clock.sleep(1.0)
    assert called == [0, 300_000_000, 600_000_000, 900_000_000]
    assert clock.now_ns() == 2_000_000_000


def test_the_truth_and_two_good_meters_agree_on_a_long_window():
    load = sensors.square_wave(300, 60, 1.0, 0.3)
    true_j = load.energy_between_j(3.0, 33.0)
    assert true_j == pytest.approx(30 * (0.3 * 300 + 0.7 * 60))
    for meter in (sensors.CounterSensor(load, 0.1), sensors.PowerSensor(load, 0.1, 0.1)):
        assert meter.energy_between_j(3.0, 33.0) == pytest.approx(true_j, rel=0.01)


def test_a_counter_that_starts_again_counts_on():
    counter = sensors.CounterSensor(sensors.constant(50), range_j=1000.0, offset_j=900.0)
    assert counter.at(1.0) > counter.at(4.0)
    assert counter.energy_between_j(1.0, 4.0) == pytest.approx(150)
