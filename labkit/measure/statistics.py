"""Order statistics: what a few noisy samples say about the median, without a normal curve.

Times are skewed: a sample can be late by any amount but never early. The mean follows the late ones
and a normal interval around it misses the median; ranks do not care how late a late sample was.
"""

import functools
from collections.abc import Iterable, Sequence
from math import floor, isnan
from numbers import Integral, Real


def median_ranks(n: int, confidence: float = 0.95) -> tuple[int, int] | None:
    """The ranks (counted from 1) of the two sorted samples that enclose the median, or None.

    n independent samples fall below the median like n coin flips, so [x(k), x(n + 1 - k)] misses it
    with probability 2 P(Bin(n, 1/2) < k), whatever the distribution. Returns (k, n + 1 - k) for the
    largest k that keeps this at or below 1 - confidence. None when even the whole range is not
    enough, as for 95 % and n < 6. Raises ValueError for a confidence outside 0 to 1, and for an n
    that isn't a whole number from 0.
    """
    if not (isinstance(n, Integral) and n >= 0):
        raise ValueError(f"n is how many samples there are, a whole number from 0, got {n!r}.")
    if not (isinstance(confidence, Real) and 0 < confidence < 1):
        raise ValueError(
            f"A confidence lies between 0 and 1, got {confidence!r}: 95 % is written 0.95."
        )
    return _median_ranks(int(n), float(confidence))


@functools.cache
def _median_ranks(n, confidence):
    numerator, denominator = (1 - confidence).as_integer_ratio()
    allowed = (numerator << n) // (2 * denominator)  # per side, in units of 1 / 2**n; exact
    k, below, n_ways = 0, 0, 1  # n_ways = comb(n, k)
    while below + n_ways <= allowed:
        below += n_ways
        n_ways = n_ways * (n - k) // (k + 1)
        k += 1
    return (k, n + 1 - k) if k else None


def median_interval(
    samples: Iterable[float], confidence: float = 0.95
) -> tuple[float, float] | None:
    """The order-statistic interval (low, high) of the median, or None when n is too small for one.

    It covers the median of the distribution with at least `confidence`, for any distribution, as
    long as the samples are independent. See `median_ranks`. Raises ValueError for a sample that
    isn't a number.
    """
    samples = _in_order(samples)
    ranks = median_ranks(len(samples), confidence)
    return ranks and (samples[ranks[0] - 1], samples[ranks[1] - 1])


def quantile(samples: Iterable[float], fraction: float) -> float:
    """The value below which `fraction` (0 to 1) of the samples lie, linear between neighbours.

    Raises ValueError for another fraction, for no samples and for one that isn't a number.
    """
    samples = _in_order(samples)
    if not (isinstance(fraction, Real) and 0 <= fraction <= 1):
        raise ValueError(
            f"A quantile is for a fraction from 0 to 1, got {fraction!r}: 95 % is written 0.95."
        )
    if not samples:
        raise ValueError("There is no quantile of no samples: give at least one.")
    place = fraction * (len(samples) - 1)
    left = min(floor(place), max(len(samples) - 2, 0))
    low, high = samples[left], samples[min(left + 1, len(samples) - 1)]
    return low + (place - left) * (high - low)


def _in_order(samples):
    """The samples, sorted; one that is NaN would leave them in no order at all."""
    samples = list(samples)
    for sample in samples:
        if not isinstance(sample, Real) or isnan(sample):
            raise ValueError(f"A sample must be a number, got {sample!r}.")
    return sorted(samples)


def median(samples: Iterable[float]) -> float:
    """The middle sample, or the mean of the two in the middle."""
    return quantile(samples, 0.5)


def paired_ratio(
    a: Sequence[float], b: Sequence[float]
) -> tuple[float | None, tuple[float, float] | None]:
    """Median of a[i] / b[i] and its 95 % interval, for samples that were taken in turns.

    If a and b have one distribution and each pair's order is drawn by lot, a[i] > b[i] is a fair
    coin, so the interval holds 1 in at least 95 % of such comparisons, even while both drift.
    (None, None) if a sample is not above 0: a time that the clock cannot tell has no ratio. Raises
    ValueError where a sample has no partner.
    """
    if len(a) != len(b):
        raise ValueError(
            f"Samples that were taken in turns come in pairs: got {len(a)} of one and {len(b)} of "
            f"the other."
        )
    if any(sample <= 0 for sample in (*a, *b)):
        return None, None
    ratios = [x / y for x, y in zip(a, b, strict=True)]
    return median(ratios), median_interval(ratios)


def ratio(
    a: Sequence[float], b: Sequence[float]
) -> tuple[float | None, tuple[float, float] | None]:
    """Median of a over median of b and its 95 % interval, for independent samples.

    Each median lies in its own interval with probability sqrt(0.95), so both do with 0.95, and then
    the ratio lies between the extreme quotients. (None, None) if a sample is not above 0.
    """
    if any(sample <= 0 for sample in (*a, *b)):
        return None, None
    of_a, of_b = (median_interval(samples, 0.95**0.5) for samples in (a, b))
    interval = of_a and of_b and (of_a[0] / of_b[1], of_a[1] / of_b[0])
    return median(a) / median(b), interval
