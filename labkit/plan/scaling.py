"""How speed-up grows with workers, and the serial share that fits what was measured.

Amdahl 1967 (AFIPS 30): the same work for more workers; the serial share is that of the run on one
worker. Gustafson 1988 (CACM 31(5)): work that grows with the workers; the serial share is that of
the parallel run.
"""

import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

INTERVAL_SAMPLES = 6  # with fewer no 95 % interval of a median exists
_N_RESAMPLES = 2000


class SerialShare(NamedTuple):
    """A fitted serial share, and its 95 % interval; None, None with fewer than 6 samples a point.

    A share lies between 0 and 1: where the times fit a law only with less or more, the nearest end
    is given. The interval knows the noise of the samples, not whether the law holds.
    """

    value: float
    low: float | None
    high: float | None


def amdahl(n_workers: float, serial_share: float) -> float:
    """Speed-up of the same work on `n_workers`: 1 / (s + (1 - s) / n); never above 1 / s.

    serial_share   of the time on one worker, 0 to 1. Raises ValueError for nonsense.
    """
    _refuse_nonsense(n_workers, serial_share)
    return 1 / (serial_share + (1 - serial_share) / n_workers)


def gustafson(n_workers: float, serial_share: float) -> float:
    """Scaled speed-up of work that grows with `n_workers`: n - (n - 1) s.

    serial_share   of the time on `n_workers`, 0 to 1. Raises ValueError for nonsense.
    """
    _refuse_nonsense(n_workers, serial_share)
    if n_workers == math.inf:
        raise ValueError("The work grows with its workers, so n_workers must be finite.")
    return n_workers - (n_workers - 1) * serial_share


def fit_amdahl(samples_s: Mapping[int, Sequence[float]]) -> SerialShare:
    """The serial share that fits the times of the same work on several numbers of workers.

    samples_s   n_workers -> times in s, at least two numbers of workers

    Fits T(n) = a + b / n to the medians by least relative squares; the share is a / (a + b). The
    interval is the middle 95 % of 2000 fits to samples drawn again. Raises ValueError for nonsense.
    """
    return _fit(samples_s, _amdahl_share, least=2)


def fit_gustafson(speedups: Mapping[int, Sequence[float]]) -> SerialShare:
    """The serial share that fits scaled speed-ups.

    speedups   n_workers -> scaled speed-ups, at least one number of workers above 1

    Fits S(n) = n - (n - 1) s to the medians by least relative squares; the interval is as in
    `fit_amdahl`. Raises ValueError for nonsense.
    """
    return _fit(speedups, _gustafson_share, least=1)


def _fit(samples, share, least):
    import numpy as np

    _refuse_samples(samples, least)
    n_workers = np.array(list(samples), float)
    groups = [np.asarray(group, float) for group in samples.values()]
    medians = np.array([[np.median(group) for group in groups]])
    value = np.clip(share(n_workers, medians)[0], 0, 1)
    if min(map(len, groups)) < INTERVAL_SAMPLES:
        return SerialShare(float(value), None, None)
    rng = np.random.default_rng(0)
    again = [np.median(rng.choice(group, (_N_RESAMPLES, len(group))), axis=1) for group in groups]
    shares = np.clip(share(n_workers, np.stack(again, axis=1)), 0, 1)
    low, high = np.quantile(shares, (0.025, 0.975))
    return SerialShare(float(value), float(low), float(high))


def _amdahl_share(n_workers, times_s):
    """a / (a + b) of each row of times, from the normal equations of a / T + b / (n T) = 1."""
    x, y = 1 / times_s, 1 / (n_workers * times_s)
    xx, xy, yy = (x * x).sum(1), (x * y).sum(1), (y * y).sum(1)
    a, b = x.sum(1) * yy - y.sum(1) * xy, y.sum(1) * xx - x.sum(1) * xy
    return a / (a + b)


def _gustafson_share(n_workers, speedups):
    """The slope of each row of n - S over n - 1, both relative to n."""
    x, y = 1 - 1 / n_workers, 1 - speedups / n_workers
    return (x * y).sum(1) / (x * x).sum()


def _refuse_nonsense(n_workers, serial_share):
    if not (isinstance(n_workers, numbers.Real) and n_workers >= 1):
        raise ValueError(f"Work needs at least one worker, got {n_workers}.")
    if not (isinstance(serial_share, numbers.Real) and 0 <= serial_share <= 1):
        raise ValueError(f"A serial share lies between 0 and 1, got {serial_share}.")


def refuse_unsorted(samples: object) -> None:
    """Raise TypeError for what isn't a dict from a number to a list of samples."""
    is_fit = isinstance(samples, Mapping) and all(
        isinstance(key, numbers.Real) and isinstance(group, Iterable) and hasattr(group, "__len__")
        for key, group in samples.items()
    )
    if not is_fit:
        raise TypeError(
            f"Samples come as a dict from a number to a list of times, such as "
            f"{{1: [2.0, 2.1], 4: [0.6, 0.5]}}, got {samples!r}."
        )


def _refuse_samples(samples, least):
    refuse_unsorted(samples)
    several = [n for n in samples if n > 1]
    if any(not n >= 1 for n in samples) or not several or len(samples) < least:
        numbers_given = ", ".join(map(str, samples)) or "none"
        raise ValueError(
            f"A fit needs {least} or more numbers of workers, one of them above 1, and none below: "
            f"got {numbers_given}."
        )
    for n, group in samples.items():
        if not len(group) or not all(_is_positive(sample) for sample in group):
            raise ValueError(f"The samples of {n} workers must be positive numbers, one or more.")


def _is_positive(sample):
    return isinstance(sample, numbers.Real) and 0 < sample < math.inf
