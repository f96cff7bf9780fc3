"""Order statistics: the interval of the median, and of a ratio of medians, under skewed noise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.measure.statistics import (
    median,
    median_interval,
    median_ranks,
    paired_ratio,
    quantile,
    ratio,
)

TRIALS = 2000


def skewed(rng, *shape):
    """Log-normal noise of 2 %; one sample in ten is stretched by half again on average."""
    late = 1 + np.where(rng.random(shape) < 0.1, rng.exponential(0.5, shape), 0)
    return np.exp(0.02 * rng.standard_normal(shape)) * late


TRUE_MEDIAN = float(np.median(skewed(np.random.default_rng(0), 2_000_000)))


def covers_median(n, ranks):
    """The exact probability that the samples of these ranks enclose the median."""
    low, high = ranks
    return sum(math.comb(n, k) for k in range(low, high)) / 2**n


@given(st.integers(6, 400), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_the_ranks_cover_the_median_and_no_narrower_ranks_do(n, confidence):
    """Distribution-free: how many samples fall below the median is a count of coin flips."""
    ranks = median_ranks(n, confidence)
    if ranks is None:
        assert covers_median(n, (1, n)) < confidence
    else:
        low, high = ranks
        assert covers_median(n, (low, high)) >= confidence
        assert covers_median(n, (low + 1, high - 1)) < confidence


@pytest.mark.parametrize("n", range(6))
def test_five_samples_or_fewer_have_no_interval(n):
    assert median_interval(range(n)) is None


def test_known_ranks():
    """Six and seven samples need their whole range; 31 drop nine at each end."""
    assert [median_ranks(n) for n in (6, 7, 31)] == [(1, 6), (1, 7), (10, 22)]


def test_the_interval_covers_the_true_median_under_skewed_noise():
    """At least 94 % of 2,000 seeded trials, for every n from 7 to 101."""
    rng = np.random.default_rng(2)
    for n in range(7, 102):
        samples = np.sort(skewed(rng, TRIALS, n), axis=1)
        low, high = (samples[:, rank - 1] for rank in median_ranks(n))
        assert np.mean((low <= TRUE_MEDIAN) & (high >= TRUE_MEDIAN)) >= 0.94, n


def test_the_interval_is_made_of_the_ranked_samples():
    samples = [5.0, 1.0, 4.0, 7.0, 2.0, 3.0, 6.0, 9.0, 8.0]
    low, high = median_ranks(9)
    assert median_interval(samples) == (low, high) == (2, 8)


def test_mean_and_normal_interval_miss_the_median():
    """Why ranks: the mean of this noise lies 5 % above its median."""
    samples = skewed(np.random.default_rng(3), TRIALS, 101)
    half = 1.96 * samples.std(axis=1, ddof=1) / math.sqrt(101)
    assert np.mean(np.abs(samples.mean(axis=1) - TRUE_MEDIAN) <= half) < 0.5


@pytest.mark.parametrize("of", [paired_ratio, ratio])
@pytest.mark.parametrize("n", [7, 15, 31, 61])
def test_a_against_a_contains_1(of, n):
    """At least 95 % of comparisons of a thing with itself, with room for 2,000 seeded trials."""
    pairs = skewed(np.random.default_rng(5), TRIALS, 2, n)
    holds = [low <= 1 <= high for _, (low, high) in (of(*pair) for pair in pairs.tolist())]
    assert np.mean(holds) >= 0.95


def test_the_paired_interval_stays_exact_while_both_drift():
    """A drift of 20 % widens the unpaired interval; the pairs do not see it."""
    rng, drift = np.random.default_rng(7), np.linspace(1, 1.2, 31)
    pairs = [(skewed(rng, 2, 31) * drift).tolist() for _ in range(TRIALS)]
    intervals = np.array([[paired_ratio(*pair)[1], ratio(*pair)[1]] for pair in pairs])
    holds = (intervals[:, :, 0] <= 1) & (intervals[:, :, 1] >= 1)
    widths = np.median(intervals[:, :, 1] - intervals[:, :, 0], axis=0)
    assert holds[:, 0].mean() >= 0.95
    assert widths[0] < widths[1] / 2


def test_a_planted_slowdown_of_3_percent_is_found():
    """With 101 pairs in every one of 20 trials."""
    pairs = skewed(np.random.default_rng(8), 20, 2, 101)
    assert all(paired_ratio(1.03 * a, b)[1][0] > 1 for a, b in pairs)


def test_pairs_of_different_number_are_refused():
    with pytest.raises(ValueError, match="in pairs: got 2 of one and 1 of the other"):
        paired_ratio([1.0, 2.0], [1.0])


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0, 1))
def test_quantile_agrees_with_numpy(samples, fraction):
    assert quantile(samples, fraction) == pytest.approx(np.quantile(samples, fraction), rel=1e-9)


def test_the_median_of_an_even_number_lies_between():
    assert median([4, 1, 3, 2]) == 2.5


@pytest.mark.parametrize("confidence", [0, 1, 95, -0.1])
def test_a_confidence_outside_0_to_1_is_a_sentence(confidence):
    with pytest.raises(ValueError, match=r"written 0\.95"):
        median_ranks(31, confidence)


@pytest.mark.parametrize("fraction", [95, -0.1, 1.01, math.nan, "0.5"])
def test_a_quantile_outside_of_the_samples_is_a_sentence(fraction):
    """quantile([1, 2, 3], 95) was 191: a line drawn on beyond the samples."""
    with pytest.raises(ValueError, match="fraction from 0 to 1"):
        quantile([1.0, 2.0, 3.0], fraction)


@pytest.mark.parametrize("n", [-1, 7.5, "7", None])
def test_a_number_of_samples_that_is_none_is_a_sentence(n):
    with pytest.raises(ValueError, match="whole number from 0"):
        median_ranks(n)


@pytest.mark.parametrize("summary", [median, median_interval, lambda s: paired_ratio(s, [1.0] * 7)])
def test_a_sample_that_is_no_number_is_a_sentence(summary):
    """NaN has no place in an order: the median depended on where it stood."""
    with pytest.raises(ValueError, match="must be a number, got nan"):
        summary([math.nan, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])


def test_no_samples_is_a_sentence():
    with pytest.raises(ValueError, match="at least one"):
        median([])
