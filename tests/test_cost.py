"""Cost: rented or owned, the break-even between them, and what decides a result."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.plan import Ownership, cost_usd, tornado, usd_per_million_tokens

USES = st.floats(0.01, 1)
MACHINE = {
    "capex_usd": 40_000.0, "life_years": 4.0, "power_w": 1000.0, "idle_power_w": 0.0, "pue": 1.25,
    "usd_per_kwh": 0.1, "hosting_usd_per_year": 1000.0, "maintenance_fraction_per_year": 0.05,
}  # fmt: skip
MACHINES = st.builds(
    Ownership,
    capex_usd=st.floats(1e3, 1e5), life_years=st.floats(1, 10), power_w=st.floats(300, 1500),
    idle_power_w=st.floats(0, 300), pue=st.floats(1, 2), usd_per_kwh=st.floats(0, 0.5),
    hosting_usd_per_year=st.floats(0, 1e4), maintenance_fraction_per_year=st.floats(0, 0.2),
    residual_fraction=st.floats(0, 1), interest=st.floats(0, 0.3),
)  # fmt: skip


# Amounts and prices


def test_a_time_costs_hours_times_price():
    assert cost_usd(time_s=7200, usd_per_hour=2.5) == 5


def test_an_energy_costs_kilowatt_hours_times_price():
    assert cost_usd(energy_j=3.6e7, usd_per_kwh=0.1) == pytest.approx(1)


def test_both_add_up():
    both = cost_usd(time_s=3600, usd_per_hour=2, energy_j=3.6e6, usd_per_kwh=0.5)
    assert both == 2.5


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Give time_s with usd_per_hour, or energy_j with usd_per_kwh"),
        ({"time_s": 5}, "time_s is given without usd_per_hour"),
        ({"usd_per_kwh": 5}, "usd_per_kwh is given without energy_j"),
        ({"time_s": -5, "usd_per_hour": 1}, "time_s must be a number from 0, got -5"),
    ],
)
def test_a_cost_without_its_price_is_a_sentence(given, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        cost_usd(**given)


def test_a_million_tokens_at_a_thousand_a_second_take_1000_s():
    assert usd_per_million_tokens(3.6, 1000) == pytest.approx(1)


@given(USES)
def test_half_the_utilisation_doubles_the_price(use):
    full = usd_per_million_tokens(3, 1000, utilisation=use)
    assert usd_per_million_tokens(3, 1000, utilisation=use / 2) == pytest.approx(2 * full)


@pytest.mark.parametrize("use", [0, -0.1, 1.1])
def test_a_utilisation_is_a_share(use):
    with pytest.raises(ValueError, match="utilisation must be a number above 0 to 1, got"):
        usd_per_million_tokens(3, 1000, utilisation=use)


# Owning


def test_a_year_in_the_head():
    """40,000 / 4 + 5 % of 40,000 + 1,000, and 8,760 kWh × 1.25 × 0.10 at full use."""
    machine = Ownership(**MACHINE)
    assert machine.fixed_usd_per_year == 13_000
    assert machine.electricity_usd_per_year(1) == pytest.approx(1095)
    assert machine.usd_per_year(0.5) == pytest.approx(13_000 + 547.5)


def test_a_machine_that_waits_draws_its_idle_power():
    machine = Ownership(**MACHINE | {"idle_power_w": 200.0})
    assert machine.electricity_usd_per_year(0.5) == pytest.approx(0.6 * 1095)


def test_what_is_left_at_the_end_is_not_written_off():
    machine = Ownership(**MACHINE | {"residual_fraction": 0.25})
    assert machine.fixed_usd_per_year == 10_500


@given(st.floats(0, 0.3), st.integers(1, 10), st.floats(0, 1))
def test_the_payments_and_what_is_left_are_worth_the_purchase(interest, life_years, residual):
    changes = {"interest": interest, "life_years": life_years, "residual_fraction": residual}
    free = {"hosting_usd_per_year": 0.0, "maintenance_fraction_per_year": 0.0}
    machine = Ownership(**MACHINE | changes | free)
    payments_usd = sum(
        machine.fixed_usd_per_year * (1 + interest) ** -year for year in range(1, life_years + 1)
    )
    left_usd = machine.capex_usd * residual * (1 + interest) ** -life_years
    assert payments_usd + left_usd == pytest.approx(machine.capex_usd)


@given(MACHINES, USES, USES)
def test_a_used_hour_gets_cheaper_with_use(machine, a, b):
    low, high = sorted((a, b))
    assert machine.usd_per_hour(high) <= machine.usd_per_hour(low) * (1 + 1e-9)


@given(MACHINES, st.floats(0.01, 100))
def test_at_the_break_even_a_used_hour_costs_the_rent(machine, rent):
    even = machine.break_even_utilisation(rent)
    if 1e-6 < even <= 1:
        assert machine.usd_per_hour(even) == pytest.approx(rent)
    elif even > 1:
        assert machine.usd_per_hour(1) >= rent * (1 - 1e-9)


def test_owning_never_pays_when_electricity_alone_costs_the_rent():
    assert Ownership(**MACHINE).break_even_utilisation(0.12) == math.inf


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pue": 0.99}, "pue must be a number from 1, got 0.99"),
        ({"life_years": 0}, "life_years must be a number above 0, got 0"),
        ({"residual_fraction": 1.5}, "residual_fraction must be a number from 0 to 1, got 1.5"),
        ({"interest": -0.01}, "interest must be a number from 0 to 1, got -0.01"),
        ({"interest": 8}, "from 0 to 1, got 8: it is a fraction a year, so 0.08 stands for 8 %"),
        ({"maintenance_fraction_per_year": 5}, "it is a share of the purchase price"),
        ({"capex_usd": -1.0}, "capex_usd must be a number from 0, got -1.0"),
    ],
)
def test_an_impossible_machine_is_a_sentence(change, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Ownership(**MACHINE | change)


# What decides


def test_a_tornado_sorts_by_swing():
    def result(a, b, c):
        return a + 10 * b - c

    swings = tornado(result, {"a": 1, "b": 1, "c": 1}, {"a": (0, 2), "b": (0, 2), "c": (1, 4)})
    assert [swing.name for swing in swings] == ["b", "c", "a"]
    assert swings[1] == ("c", 1, 4, 10, 7)
    assert [swing.size for swing in swings] == [20, 3, 2]


def test_a_tornado_varies_one_input_at_a_time():
    seen = []
    tornado(lambda **inputs: seen.append(inputs) or 0, {"a": 1, "b": 2}, {"b": (0, 5)})
    assert seen == [{"a": 1, "b": 0}, {"a": 1, "b": 5}]


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        ({"d": (0, 1)}, "base has no 'd' to vary. It has: a."),
        ({"a": (2, 1)}, "The range of a runs from 2 to 1: put the lower first."),
        ({"a": 3}, "The range of a is a pair (low, high), got 3."),
    ],
)
def test_a_range_that_cannot_be_is_a_sentence(ranges, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        tornado(lambda a: a, {"a": 1}, ranges)
