"""What can be wrong with a set of samples, each as one word that a Timing carries."""

from collections.abc import Sequence

from labkit.measure.statistics import median, median_interval, quantile

INTERVAL_SAMPLES = 6  # with fewer no 95 % interval of the median exists
NOISY_FRACTION = 0.1  # interquartile range over median, as in torch.utils.benchmark
DRIFT_FRACTION = 0.02  # between the medians of the first and the second half
RESOLUTION_STEPS = 100  # a block as short as fewer readings of the clock is off by 1 % or more
THROTTLED_FRACTION = 0.01  # of the time that the samples took


def noisy(blocks_ns: Sequence[float]) -> bool:
    """The middle half of the samples is wider than a tenth of the median."""
    spread_ns = quantile(blocks_ns, 0.75) - quantile(blocks_ns, 0.25)
    return spread_ns > NOISY_FRACTION * median(blocks_ns)


def drift(blocks_ns: Sequence[float]) -> bool:
    """The second half differs from the first by 2 % or more, and by more than chance allows."""
    half = len(blocks_ns) // 2
    first, second = blocks_ns[:half], blocks_ns[-half:]
    interval, later = median_interval(first), median_interval(second)
    if interval is None or later is None:
        return False  # too few to tell
    change_ns = abs(median(second) - median(first))
    return change_ns >= DRIFT_FRACTION * median(first) and (
        later[0] > interval[1] or later[1] < interval[0]
    )


def below_resolution(block_ns: float, overhead_ns: float, resolution_ns: float) -> bool:
    """The block is a few readings of the clock, or less than the empty loop that is subtracted.

    resolution_ns   the shortest time between two readings that differ
    """
    return block_ns - overhead_ns < max(RESOLUTION_STEPS * resolution_ns, overhead_ns)


def few_samples(n: int, min_samples: int) -> bool:
    """Fewer than were asked for, or too few for an interval."""
    return n < max(min_samples, INTERVAL_SAMPLES)


def throttled(
    before_ns: int | None, after_ns: int | None, blocks_ns: Sequence[float]
) -> bool | None:
    """A CPU quota held the process back meanwhile; None where nobody counts it."""
    if before_ns is None or after_ns is None:
        return None
    return after_ns - before_ns > THROTTLED_FRACTION * sum(blocks_ns)
