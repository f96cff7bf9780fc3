"""Energy, carbon and joules per token: pure formulas, and dated data with sources."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.plan import (
    Decoder,
    Roofline,
    carbon_by_hour,
    carbon_g,
    carbon_intensity,
    carbon_regions,
    j_per_token,
    pareto,
    period_energy_j,
    price,
    roofline,
    run_energy_j,
    settings_to_target,
    tokens_per_s,
)
from labkit.plan.data import _rows
from labkit.reading import Origin
from labkit.results import published
from labkit.workload import Work

AMOUNTS = st.floats(1e-3, 1e9)
PUES = st.floats(1, 3)
LLAMA = Decoder("Llama-3.1-8B", 8_030_000_000, 32, 32, 8, 128)


# Energy and carbon


def test_a_kilowatt_for_an_hour_is_a_kilowatt_hour():
    assert run_energy_j(1, 1000, 3600, pue=1) == 3.6e6


def test_a_kilowatt_hour_at_369_g_is_369_g():
    assert carbon_g(3.6e6, intensity_g_per_kwh=369) == 369


@given(AMOUNTS, AMOUNTS, PUES)
def test_pue_multiplies_once_wherever_it_is_given(power_w, time_s, pue):
    inside = carbon_g(run_energy_j(8, power_w, time_s, pue=pue), intensity_g_per_kwh=100)
    outside = carbon_g(run_energy_j(8, power_w, time_s, pue=1), intensity_g_per_kwh=100, pue=pue)
    assert inside == pytest.approx(outside)


def test_carbon_has_no_default_intensity():
    with pytest.raises(TypeError, match="intensity_g_per_kwh"):
        carbon_g(3.6e6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pue": 0.9}, "pue must be a number from 1, got 0.9: it is the energy of the facility"),
        ({"n_chips": 0}, "n_chips must be a number above 0, got 0"),
        ({"power_w": -1}, "power_w must be a number from 0, got -1"),
        ({"time_s": math.nan}, "time_s must be a number from 0, got nan"),
        ({"time_s": math.inf}, "time_s must be a number from 0, got inf"),
        ({"power_w": "300"}, "power_w must be a number from 0, got '300'"),
        ({"power_w": True}, "power_w must be a number from 0, got True"),
    ],
)
def test_nonsense_is_a_sentence(change, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        run_energy_j(**{"n_chips": 8, "power_w": 300, "time_s": 60, "pue": 1.1} | change)


# Dated data


def test_the_six_intensities_are_those_of_2023():
    values = {region: round(carbon_intensity(region).value) for region in carbon_regions()}
    assert values == {
        "Sweden": 41, "France": 56, "United States": 369, "Germany": 381, "Poland": 662,
        "India": 713,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["France", "FRA", "france"])
def test_a_region_goes_by_name_or_code(name):
    reading = carbon_intensity(name)
    assert (reading.value, reading.origin) == (56.039, Origin.PUBLISHED)
    assert "2023" in reading.source


def test_no_work_makes_no_tokens():
    with pytest.raises(ValueError, match="nothing at all"):
        tokens_per_s(Work(0, 0, 0), 1, Roofline("x", 1e12, 1e9, "measured"))


@pytest.mark.parametrize("point", [(math.nan, 1), (1, math.nan), ("1 s", 1), (1,)])
def test_a_point_that_is_none_is_a_sentence(point):
    """NaN has no place in an order: the front was that point alone."""
    with pytest.raises(ValueError, match="begins with a time and an energy, two numbers"):
        pareto([(1, 2), point, (2, 1)])


@pytest.mark.parametrize(
    ("find", "words"),
    [
        (carbon_intensity, "There is no carbon intensity for 'Mars'. There are: France, Germany"),
        (carbon_by_hour, "There is no hourly carbon intensity for 'Mars'. There are: California"),
        (price, "There is no price 'Mars'. There are: h100-hour-block, "),
    ],
)
def test_what_is_not_listed_is_a_sentence_with_the_known(find, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        find("Mars")


@pytest.mark.parametrize("row", _rows("prices.csv"), ids=lambda row: row["key"])
def test_a_price_says_what_when_and_where_from(row):
    reading = price(row["key"])
    assert reading.value > 0
    assert reading.unit in ("USD/h", "USD/kWh")
    assert row["date"] in reading.note
    assert len(reading.source) > 10


@pytest.mark.parametrize("grid", ["California", "Germany"])
def test_a_day_has_24_hours_that_agree_with_a_year(grid):
    day = carbon_by_hour(grid)
    assert len(day.g_per_kwh) == 24
    assert 30 < min(day.g_per_kwh) < max(day.g_per_kwh) < 1000
    assert day.date == "2023-06-21"


def test_both_grids_are_cleaner_at_noon_than_at_midnight():
    for grid in ("California", "Germany"):
        hours = carbon_by_hour(grid).g_per_kwh
        assert hours[12] < 0.8 * hours[0]


# Race to idle, and the front of time and energy


def test_a_period_is_work_and_waiting():
    assert period_energy_j(10, 4, 300, 50) == 4 * 300 + 6 * 50


def test_racing_pays_only_above_idle():
    """Twice as fast for less than twice the power above idle saves energy, else not."""
    slow = period_energy_j(10, 10, 150, 50)
    assert period_energy_j(10, 5, 249, 50) < slow < period_energy_j(10, 5, 251, 50)


def test_work_that_does_not_fit_is_a_sentence():
    with pytest.raises(ValueError, match="Work of 11 s does not fit into a period of 10 s"):
        period_energy_j(10, 11, 300, 50)


def test_the_front_of_four_points():
    assert pareto([(3, 1, "c"), (1, 5, "a"), (2, 5, "x"), (2, 3, "b")]) == [
        (1, 5, "a"), (2, 3, "b"), (3, 1, "c"),
    ]  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1))
def test_every_point_is_on_the_front_or_beaten_by_one_of_it(points):
    front = pareto(points)
    for time, energy in points:
        assert any(t <= time and e <= energy for t, e in front)
    for a in front:
        assert not any(b != a and b[0] <= a[0] and b[1] <= a[1] for b in front)


TRACE_ROW = {
    "batch_size": 64, "epochs_to_target": [10, None, 12, None],
    "power_limits_w": [100, 200], "time_per_epoch_s": [6.0, 4.0], "power_w": [90.0, 180.0],
}  # fmt: skip


def test_energy_to_a_target_is_epochs_times_time_times_power():
    assert settings_to_target([TRACE_ROW]) == [
        (66.0, 66.0 * 90, 64, 100), (44.0, 44.0 * 180, 64, 200),
    ]  # fmt: skip


@pytest.mark.parametrize("epochs", [[10, None, None], [None, None], []])
def test_a_batch_with_which_fewer_than_half_of_the_runs_got_there_is_left_out(epochs):
    assert settings_to_target([TRACE_ROW | {"epochs_to_target": epochs}]) == []


# Joules per token


def test_prefill_is_two_flop_a_parameter_and_token():
    work = LLAMA.prefill(1, 1000)
    assert work.flop == pytest.approx(2 * 8.03e9 * 1000, rel=0.04)  # the rest is attention
    assert work.read_bytes == 2 * 8_030_000_000


def test_decode_reads_all_weights_and_each_cache():
    """131,072 bytes of keys and values a token: 2 × 8 heads × 128 × 2 bytes × 32 layers."""
    few, many = LLAMA.decode(1, 0), LLAMA.decode(4, 1000)
    assert few.flop == 2 * 8_030_000_000
    queries = 2 * 4 * 32 * 32 * 128 * 2  # read and written by the attention of each layer
    empty = LLAMA.decode(4, 0)
    assert many.bytes - empty.bytes == 4 * 1000 * 131_072
    assert empty.bytes == few.read_bytes - 32 * 32 * 128 * 2 + queries


def test_decoding_one_sequence_is_bound_by_memory_and_prefill_by_compute():
    roof = roofline("h100-sxm", "bf16")
    assert roof.bound_by(LLAMA.decode(1, 500).intensity_flop_per_byte) == "memory"
    assert roof.bound_by(LLAMA.prefill(1, 2000).intensity_flop_per_byte) == "compute"


def test_tokens_per_second_are_tokens_over_the_time_of_the_roof():
    roof = Roofline("chip", 1e12, 1e11, "modelled")
    work = LLAMA.decode(1, 0)
    assert tokens_per_s(work, 1, roof, n_chips=2) == pytest.approx(2 / roof.time_s(work))


@given(st.integers(1, 512), st.integers(1, 8000))
def test_a_larger_batch_never_costs_more_joules_a_token(n_sequences, n_context):
    roof = roofline("h100-sxm", "bf16")
    rates = [
        tokens_per_s(LLAMA.decode(n, n_context), n, roof) for n in (n_sequences, 2 * n_sequences)
    ]
    small, large = (j_per_token(700, rate) for rate in rates)
    assert large <= small * (1 + 1e-9)


def test_joules_per_token_are_watts_over_tokens_per_second():
    assert j_per_token(700, 1000, n_chips=2, pue=1.5) == pytest.approx(2.1)


def test_published_joules_and_rates_give_a_power_below_the_tdp():
    for row in published("ml-energy-llama-3.1-8b").rows:
        assert 400 < row["j_per_token"] * row["tokens_per_s"] < 700
