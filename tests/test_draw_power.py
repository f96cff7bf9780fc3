"""Power over time, meters beside the truth, and settings of time and energy, as pictures."""

import pytest

from labkit.draw import meters, power_over_time, time_and_energy
from labkit.plan import Setting
from labkit.power import sensors

BURST = sensors.burst(300, 60, 1.5, 0.4)
SETTINGS = [
    Setting(100.0, 9e3, 64, 250), Setting(120.0, 7e3, 64, 150), Setting(180.0, 6e3, 128, 100),
    Setting(900.0, 1e3, 256, 100),
]  # fmt: skip


def test_a_figure_stays_until_the_next_one():
    """Two figures make a line of three points: no slope between them."""
    picture = power_over_time({"meter": ([0, 1], [100, 200])}, title="t", until_s=2, most_w=300)
    (points,) = [part.split('"')[0] for part in picture.svg.split('points="')[1:]]
    assert len(points.split()) == 3


def test_each_meter_says_its_joules_and_its_error():
    slow = sensors.PowerSensor(BURST, 0.1, 1.0, phase_s=0.037)
    counter = sensors.CounterSensor(BURST, 0.1)
    alt = meters(BURST, {"counter": counter, "mean": slow}, (1.5, 1.9)).alt
    assert "Truly 120.0 J" in alt
    assert "counter: 120.0 J (+0 %)" in alt
    assert f"mean: {slow.energy_between_j(1.5, 1.9):.1f} J (-68 %)" in alt


def test_the_least_energy_within_the_limit_is_named_and_slow_settings_are_left_out():
    picture = time_and_energy(SETTINGS, SETTINGS[0], 150.0, title="A network")
    assert "least: batch 64, 150 W" in picture.svg
    assert "default: batch 64, 250 W" in picture.svg
    assert "78% of the default's" in picture.alt
    assert "256" not in picture.svg


def test_more_time_finds_less_energy():
    assert "batch 128 and 100 W" in time_and_energy(SETTINGS, SETTINGS[0], 200.0, title="t").alt


def test_no_setting_in_time_is_an_error():
    with pytest.raises(ValueError, match="No setting"):
        time_and_energy(SETTINGS, SETTINGS[0], 50.0, title="t")
