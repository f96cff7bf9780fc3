"""Failures of a fleet, checkpoint intervals and goodput."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.plan import (
    availability,
    chance_of_any,
    daly_interval_s,
    fleet_mttf_s,
    goodput,
    run_through,
    young_interval_s,
)

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400
MTTFS = st.floats(1e3, 1e8)
SAVES = st.floats(1e-3, 0.2)  # as a share of the MTTF


# Fleets


def test_sixteen_thousand_gpus_of_six_years_fail_every_three_hours():
    """Llama 3: 419 failures of 16,384 GPUs in 54 days are one for 50,700 GPU-hours."""
    assert fleet_mttf_s(16_384, 50_700 * HOUR_S) == pytest.approx(3.09 * HOUR_S, rel=0.002)


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_the_chance_of_any_is_that_none_stays_away(n, chance):
    assert chance_of_any(n, chance) == pytest.approx(1 - (1 - chance) ** n, abs=1e-9)


def test_a_tiny_chance_is_not_rounded_away():
    assert chance_of_any(1000, 1e-18) == pytest.approx(1e-15)


@given(st.floats(1, 1e6), st.floats(0, 1e6))
def test_one_part_is_up_for_its_share(mttf_s, repair_s):
    assert availability(mttf_s, repair_s) == pytest.approx(mttf_s / (mttf_s + repair_s))


@given(st.integers(1, 40), st.floats(1, 100))
def test_without_spares_all_must_be_up(n, repair_s):
    one = availability(100, repair_s)
    assert availability(100, repair_s, n) == pytest.approx(one**n)


@given(st.integers(2, 40), st.floats(1, 100), st.data())
def test_a_spare_makes_it_more_available(n, repair_s, data):
    needed = data.draw(st.integers(1, n - 1))
    with_spare = availability(100, repair_s, n, needed)
    assert availability(100, repair_s, needed) < with_spare <= 1


def test_a_large_fleet_with_spares():
    """2,048 nodes of 99.9 %: all of them are up for an eighth of the time, all but 16 nearly
    always."""
    assert availability(999, 1, 2048) == pytest.approx(0.999**2048)
    assert availability(999, 1, 2064, 2048) == pytest.approx(1, abs=1e-6)


# Intervals


def best_interval_s(save_s, restart_s, mttf_s):
    """The interval with the highest goodput, by golden-section search over its logarithm."""
    low, high, ratio = math.log(save_s / 100), math.log(100 * mttf_s), (math.sqrt(5) - 1) / 2

    def value(x):
        return goodput(math.exp(x), save_s, restart_s, mttf_s)

    for _ in range(100):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (left, high) if value(left) < value(right) else (low, right)
    return math.exp((low + high) / 2)


@given(SAVES, MTTFS)
def test_daly_is_within_two_percent_of_the_best_interval(save, mttf_s):
    best = best_interval_s(save * mttf_s, 0, mttf_s)
    assert daly_interval_s(save * mttf_s, mttf_s) == pytest.approx(best, rel=0.02)


@given(st.floats(1e-3, 0.2), MTTFS)
def test_young_is_good_where_saving_is_short_and_too_long_where_not(save, mttf_s):
    best = best_interval_s(save * mttf_s, 0, mttf_s)
    assert best < young_interval_s(save * mttf_s, mttf_s) < best * (1 + math.sqrt(save))


def test_young_by_hand():
    assert young_interval_s(MINUTE_S, 185.6 * MINUTE_S) == pytest.approx(19.3 * MINUTE_S, rel=0.005)


def test_daly_gives_the_mttf_where_saving_takes_longer_than_two_of_them():
    assert daly_interval_s(25, 10) == 10


# Goodput


@given(st.floats(0.001, 5), SAVES, st.floats(0, 1), MTTFS)
def test_goodput_is_a_share(interval, save, restart, mttf_s):
    assert 0 <= goodput(*(part * mttf_s for part in (interval, save, restart)), mttf_s) <= 1


@given(MTTFS)
def test_the_first_terms_are_those_that_people_quote(mttf_s):
    """1 - save / interval - interval / 2 MTTF - restart / MTTF, where all are short."""
    interval_s, save_s, restart_s = 1e-3 * mttf_s, 1e-6 * mttf_s, 1e-4 * mttf_s
    quoted = 1 - save_s / interval_s - interval_s / (2 * mttf_s) - restart_s / mttf_s
    assert goodput(interval_s, save_s, restart_s, mttf_s) == pytest.approx(quoted, abs=3e-6)


def test_llama_3_needs_losses_of_minutes():
    """15 s to save and 5 min to restart leave 92 %, 1 min and 10 min 84 %, by their MTTF."""
    for save_s, restart_s, left in ((15, 300, 0.92), (60, 600, 0.85)):
        best = daly_interval_s(save_s, 3.09 * HOUR_S)
        assert goodput(best, save_s, restart_s, 3.09 * HOUR_S) == pytest.approx(left, abs=0.01)


def test_an_interval_of_a_thousand_mttfs_leaves_nothing():
    assert goodput(1e6, 1, 1, 1e3) == 0


def test_writing_in_the_background_costs_what_it_may_undo():
    blocking, background = goodput(600, 60, 300, HOUR_S), goodput(600, 1, 300, HOUR_S, write_s=60)
    assert blocking < background < goodput(600, 1, 300, HOUR_S)


# A run, failure by failure


@given(st.lists(st.floats(1, 1e5), min_size=1, max_size=30), st.floats(1, 1e4), st.floats(0, 100))
def test_no_second_is_lost_or_counted_twice(gaps, interval_s, save_s):
    run = run_through(gaps, interval_s, save_s, restart_s=30, write_s=min(interval_s, 20))
    assert run.total_s == pytest.approx(sum(gaps))
    assert min(run.kept_s, run.saving_s, run.lost_s, run.restarting_s) >= 0


@pytest.mark.parametrize(
    ("interval_s", "save_s", "restart_s", "write_s"),
    [(600, 30, 120, 0), (60, 30, 120, 0), (5000, 30, 600, 0), (600, 1, 120, 300)],
)
def test_a_long_run_comes_to_the_formula(interval_s, save_s, restart_s, write_s):
    gaps = np.random.default_rng(0).exponential(2 * HOUR_S, 200_000)
    run = run_through(gaps, interval_s, save_s, restart_s, write_s)
    expected = goodput(interval_s, save_s, restart_s, 2 * HOUR_S, write_s)
    assert run.goodput == pytest.approx(expected, abs=0.004)


def test_failures_that_come_faster_than_checkpoints_let_nothing_through():
    run = run_through([59.0] * 1000, interval_s=60, save_s=0, restart_s=0)
    assert run.kept_s == 0


def test_one_run_by_hand():
    """Restart 10, then 3 periods of 20 + 5, then 4 are lost; the second dies in its restart."""
    run = run_through([89, 7], interval_s=20, save_s=5, restart_s=10)
    assert (run.kept_s, run.saving_s, run.lost_s, run.restarting_s) == (60, 15, 4, 17)


def test_a_checkpoint_counts_only_once_it_is_written():
    assert run_through([29], 20, 5, 0, write_s=5).kept_s == 0
    assert run_through([31], 20, 5, 0, write_s=5).kept_s == 20


# Nonsense


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: fleet_mttf_s(0, 10), "at least one part"),
        (lambda: fleet_mttf_s(4, 0), "part_mttf_s"),
        (lambda: fleet_mttf_s(4, math.nan), "part_mttf_s"),
        (lambda: young_interval_s(-1, 10), "save_s"),
        (lambda: daly_interval_s(1, math.inf), "mttf_s"),
        (lambda: goodput(0, 1, 1, 10), "interval_s"),
        (lambda: goodput(1, 1, "1", 10), "restart_s"),
        (lambda: goodput(1, 1, 1, 10, write_s=3), "longer interval"),
        (lambda: chance_of_any(3, 1.2), "probability"),
        (lambda: availability(1, 1, 2, 3), "n_needed"),
        (lambda: availability(1, 1, 2.5), "n_parts"),
        (lambda: run_through([], 1, 1, 1), "one or more positive"),
        (lambda: run_through([1, -1], 1, 1, 1), "one or more positive"),
        (lambda: run_through("ab", 1, 1, 1), "one or more positive"),
        (lambda: run_through([[1], [2, 3]], 1, 1, 1), "one or more positive"),
    ],
)
def test_nonsense_gets_a_sentence(call, word):
    with pytest.raises(ValueError, match=word):
        call()
