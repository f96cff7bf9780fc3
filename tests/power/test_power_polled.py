"""Energy from a polled power sensor, replayed against loads whose energy is known exactly."""

import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.power import sensors
from labkit.power.estimate import aliasing_risk
from labkit.power.polled import polled_energy

UNIT_W = 0.001


def replay(load, start_s, duration_s, *, update_s=0.1, window_s=0.1, phase_s=0.0, pad_s=0.0,
           seed=0, **options):  # fmt: skip
    """(error, half-width, whether the truth is in the interval); fractions of the truth."""
    sensor = sensors.PowerSensor(load, update_s, window_s, UNIT_W, phase_s)
    poll_s = min(update_s / 5, 0.02)
    around_s = max(pad_s, window_s + 2 * update_s) + poll_s
    stop_s = start_s + duration_s
    samples = sensors.poll(sensor, start_s - around_s, stop_s + around_s, poll_s, 5e-4, seed)
    found = polled_energy(
        *samples, start_s, stop_s, update_s=update_s, window_s=window_s, unit_w=UNIT_W,
        pad_s=pad_s, **options,
    )  # fmt: skip
    truth_j = float(load.energy_j(stop_s) - load.energy_j(start_s))
    half_j = (found.high_j - found.low_j) / 2
    covered = found.low_j <= truth_j <= found.high_j
    return found.energy_j / truth_j - 1, half_j / truth_j, covered


def squares(duty, period_s=2.0, n=200, duration_s=5.37, **sensor):
    """Replays of a 300/60 W square wave, at n random phases of load, sensor and window."""
    random = np.random.default_rng(7)
    update_s = sensor.get("update_s", 0.1)
    for seed in range(n):
        load = sensors.square_wave(300, 60, period_s, duty, start_s=random.uniform(0, period_s))
        phase_s, start_s = random.uniform(0, update_s), 10 + random.uniform(0, 1)
        yield replay(load, start_s, duration_s, phase_s=phase_s, seed=seed, **sensor)


def bursts(duration_s, n=100, padded=True, **sensor):
    """Replays of one 300 W burst over 60 W of idle, the window around the burst."""
    random = np.random.default_rng(8)
    update_s, window_s = sensor.get("update_s", 0.1), sensor.get("window_s", 0.1)
    for seed in range(n):
        start_s, phase_s = 10 + random.uniform(0, 1), random.uniform(0, update_s)
        load = sensors.burst(300, 60, start_s, duration_s)
        pad_s = window_s + 3 * update_s if padded else 0.0
        yield replay(load, start_s, duration_s, phase_s=phase_s, pad_s=pad_s, seed=seed, **sensor)


def test_a_constant_load_is_right_within_a_thousandth():
    errors = [replay(sensors.constant(250), 10 + k * 0.0137, 5.37)[0] for k in range(50)]
    assert max(map(abs, errors)) <= 0.001


@pytest.mark.parametrize("duty", [0.1, 0.5])
def test_square_waves_on_a_100_ms_sensor_keep_the_goal(duty):
    """Mean error 0.5 %, worst 3 %, the truth always inside, half-width at most 3 %."""
    errors, halves, covered = zip(*squares(duty), strict=True)
    assert all(covered)
    assert abs(statistics.fmean(errors)) <= 0.005
    assert max(map(abs, errors)) <= 0.03
    assert statistics.median(halves) <= 0.03


def test_a_load_faster_than_the_sensor_is_averaged_by_it_not_lost():
    errors, _, covered = zip(*squares(0.5, period_s=0.1, n=60), strict=True)
    assert all(covered)
    assert max(map(abs, errors)) <= 0.01


@pytest.mark.parametrize("duration_s", [0.33, 1.07, 5.37])
def test_padding_undoes_an_average_over_one_second(duration_s):
    errors, _, covered = zip(*bursts(duration_s, window_s=1.0), strict=True)
    assert max(map(abs, errors)) <= 0.005
    assert all(covered)


@pytest.mark.parametrize("duration_s", [0.33, 1.07, 5.37])
def test_without_padding_the_interval_of_an_averaging_sensor_covers(duration_s):
    errors, _, covered = zip(*bursts(duration_s, padded=False, window_s=1.0), strict=True)
    assert all(covered)
    assert max(map(abs, errors)) > 0.03, "without padding a mean over 1 s must be off"


def test_the_interval_of_an_averaging_sensor_covers_a_load_that_goes_on():
    assert all(covered for *_, covered in squares(0.1, n=60, window_s=1.0))


@pytest.mark.parametrize("duty", [0.1, 0.5])
def test_the_interval_of_a_part_time_sensor_covers_95_percent_of_phases(duty):
    covered = [covered for *_, covered in squares(duty, window_s=0.025)]
    assert statistics.fmean(covered) >= 0.95


@pytest.mark.parametrize("duration_s", [0.33, 1.07, 5.37])
def test_a_burst_on_a_part_time_sensor_is_covered_with_padding(duration_s):
    errors, _, covered = zip(*bursts(duration_s, window_s=0.025), strict=True)
    assert statistics.fmean(covered) >= 0.95
    assert abs(statistics.fmean(errors)) <= 0.02


def test_a_load_at_the_update_period_is_flagged_and_its_interval_holds_what_was_not_seen():
    sensor = {"window_s": 0.025, "load_period_s": 0.1, "max_power_w": 300}
    results = list(squares(0.5, period_s=0.1, n=60, **sensor))
    assert all(covered for *_, covered in results)
    assert max(abs(error) for error, *_ in results) > 0.5, "aliasing must be able to mislead"


@pytest.mark.parametrize(
    ("load_period_s", "window_s", "risk"),
    [
        (0.1, 0.025, True),
        (0.103, 0.025, True),
        (0.2, 0.025, True),
        (0.05, 0.025, True),
        (0.13, 0.025, False),
        (0.1, 0.1, False),  # sees everything
        (2.0, 0.025, False),  # slow enough to be followed
        (0.01, 0.025, False),  # every figure holds whole periods
    ],
)
def test_aliasing_is_a_risk_near_multiples_of_the_update_period(load_period_s, window_s, risk):
    assert aliasing_risk(load_period_s, 0.1, window_s) is risk


def test_the_flag_comes_with_the_period_of_the_load():
    t, w = sensors.poll(sensors.PowerSensor(sensors.constant(100), 0.1, 0.025), 0, 7, 0.02)
    sensor = {"update_s": 0.1, "window_s": 0.025}
    assert polled_energy(t, w, 1, 6, load_period_s=0.1, **sensor).flags == ("aliasing_risk",)
    assert polled_energy(t, w, 1, 6, **sensor).flags == ()


def test_a_window_below_one_update_is_flagged_and_covered():
    load = sensors.burst(300, 60, 10.0, 0.05)
    sensor = sensors.PowerSensor(load, 0.1, 0.1, UNIT_W, phase_s=0.03)
    samples = sensors.poll(sensor, 9.5, 10.6, 0.02)
    found = polled_energy(*samples, 10.0, 10.05, update_s=0.1, window_s=0.1, unit_w=UNIT_W)
    assert found.flags == ("window_below_update_period",)
    assert found.low_j <= 15.0 <= found.high_j


def test_a_sensor_that_is_read_too_rarely_is_flagged_and_still_covered():
    """Read twice a second, it hides most of a 2 s square wave."""
    load = sensors.square_wave(300, 60, 2.0, 0.1, start_s=0.77)
    t, w = sensors.poll(sensors.PowerSensor(load, 0.1, 0.1, UNIT_W), 4.0, 11.0, 0.5)
    found = polled_energy(t, w, 5.0, 10.0, update_s=0.1, window_s=0.1, unit_w=UNIT_W)
    assert found.flags == ("dropped_samples",)
    assert found.low_j <= load.energy_j(10.0) - load.energy_j(5.0) <= found.high_j


def test_a_gap_longer_than_an_update_is_flagged():
    times_s = [0.0, 0.02, 0.04, 0.5, 0.52, 0.6, 0.7, 0.8, 0.9, 1.0]
    found = polled_energy(times_s, [100.0] * 10, 0.0, 0.8, update_s=0.1, window_s=0.1)
    assert found.flags == ("dropped_samples",)


loads = st.lists(st.tuples(st.floats(0.005, 1.5), st.floats(0, 500)), min_size=1, max_size=12)


@settings(deadline=None, max_examples=150)
@given(
    steps=loads,
    phase_s=st.floats(0, 0.1),
    start_s=st.floats(0, 1),
    duration_s=st.floats(0.11, 6),
    window_updates=st.sampled_from([1, 2, 10]),
)
def test_whatever_the_load_the_truth_is_in_the_interval(
    steps, phase_s, start_s, duration_s, window_updates
):
    """Of a sensor that sees all the time: no assumption about the load is needed."""
    lengths_s, watts = zip(*steps, strict=True)
    times_s = tuple(np.cumsum((0.0, *lengths_s[:-1])))
    load = sensors.Load(times_s, watts)
    sensor = sensors.PowerSensor(load, 0.1, 0.1 * window_updates, UNIT_W, phase_s)
    stop_s = start_s + duration_s
    samples = sensors.poll(sensor, start_s - 0.3, stop_s + sensor.window_s + 0.3, 0.02, 5e-4)
    found = polled_energy(
        *samples, start_s, stop_s, update_s=0.1, window_s=sensor.window_s, unit_w=UNIT_W
    )
    truth_j = float(load.energy_j(stop_s) - load.energy_j(start_s))
    assert found.low_j <= truth_j <= found.high_j
