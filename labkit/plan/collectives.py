"""Collectives: who sends what to whom, how long that takes, and what a benchmark's figures mean.

The alpha-beta model (Hockney 1994, Parallel Computing 20): a message of B bytes takes alpha_s + B /
bytes_per_s. Ring and tree as in Thakur, Rabenseifner and Gropp 2005 (IJHPCA 19(1)); bus bandwidth
as nccl-tests defines it (NVIDIA/nccl-tests, doc/PERFORMANCE.md).
"""

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from labkit.plan.amounts import checked
from labkit.plan.scaling import INTERVAL_SAMPLES, refuse_unsorted

_N_RESAMPLES = 2000


class Transfer(NamedTuple):
    """One message of a collective: in which step, from whom, to whom, which share of the data."""

    step: int
    sender: int
    receiver: int
    share: float


class AlphaBeta(NamedTuple):
    """What a message costs: alpha_s before its first byte, and then bytes_per_s.

    The intervals are 95 %, or None, None where there were too few samples for one. They know the
    noise of the samples, not whether the model holds.
    """

    alpha_s: float
    bytes_per_s: float
    alpha_low_s: float | None = None
    alpha_high_s: float | None = None
    bytes_per_s_low: float | None = None
    bytes_per_s_high: float | None = None

    def time_s(self, n_bytes: float) -> float:
        """How long it takes to move `n_bytes`. Raises ValueError for nonsense, of the link too."""
        n_bytes, alpha_s, bytes_per_s = checked(
            n_bytes=n_bytes, alpha_s=self.alpha_s, bytes_per_s=self.bytes_per_s
        )
        return alpha_s + n_bytes / bytes_per_s


def through_one(n_ranks: int) -> list[Transfer]:
    """An all-reduce in which all send everything to rank 0, and get the sum back from it."""
    (n_ranks,) = checked(n_ranks=n_ranks)
    others = range(1, n_ranks)
    return [Transfer(0, rank, 0, 1.0) for rank in others] + [
        Transfer(1, 0, rank, 1.0) for rank in others
    ]


def ring(n_ranks: int) -> list[Transfer]:
    """An all-reduce around a ring: a reduce-scatter and an all-gather, n - 1 steps each."""
    (n_ranks,) = checked(n_ranks=n_ranks)
    return [
        Transfer(step, rank, (rank + 1) % n_ranks, 1 / n_ranks)
        for step in range(2 * (n_ranks - 1))
        for rank in range(n_ranks)
    ]


def tree(n_ranks: int) -> list[Transfer]:
    """An all-reduce in a binomial tree: sums travel to rank 0 in log2 n steps, and back again."""
    (n_ranks,) = checked(n_ranks=n_ranks)
    n_levels = (n_ranks - 1).bit_length()
    up = [
        Transfer(level, rank, rank - 2**level, 1.0)
        for level in range(n_levels)
        for rank in range(2**level, n_ranks, 2 ** (level + 1))
    ]
    down = [Transfer(2 * n_levels - 1 - t.step, t.receiver, t.sender, t.share) for t in up]
    return up + sorted(down)


ALL_REDUCES: Mapping[str, Callable[[int], list[Transfer]]] = {
    "all through one": through_one,
    "ring": ring,
    "tree": tree,
}


def busiest_share(transfers: Sequence[Transfer]) -> float:
    """How often all of the data passes the busiest direction of the busiest rank's cable."""
    out, into = {}, {}
    for _, sender, receiver, share in transfers:
        out[sender] = out.get(sender, 0.0) + share
        into[receiver] = into.get(receiver, 0.0) + share
    return max([*out.values(), *into.values()], default=0.0)


def ring_all_reduce_s(n_bytes: float, n_ranks: int, link: AlphaBeta) -> float:
    """Time of an all-reduce around a ring: 2 (n - 1) messages of B / n bytes, one after another."""
    n_ranks, n_bytes = checked(n_ranks=n_ranks, n_bytes=n_bytes)
    return 2 * (n_ranks - 1) * link.time_s(n_bytes / n_ranks)


def tree_all_reduce_s(n_bytes: float, n_ranks: int, link: AlphaBeta) -> float:
    """Time of an all-reduce in a binomial tree: 2 ceil(log2 n) messages of all B bytes.

    Libraries cut the data into pieces that follow one another through the tree, which costs fewer
    bytes in a row and more messages.
    """
    n_ranks, n_bytes = checked(n_ranks=n_ranks, n_bytes=n_bytes)
    return 2 * (n_ranks - 1).bit_length() * link.time_s(n_bytes)


def hierarchical_all_reduce_s(
    n_bytes: float, n_hosts: int, n_per_host: int, inside: AlphaBeta, between: AlphaBeta
) -> float:
    """Time of an all-reduce by rings in rings, where each rank has a network link of its own.

    A reduce-scatter inside each host; then rank i of each host all-reduces its part with the rank i
    of the other hosts, all parts at the same time; then an all-gather inside each host.
    """
    n_hosts, n_per_host, n_bytes = checked(n_hosts=n_hosts, n_per_host=n_per_host, n_bytes=n_bytes)
    inner = ring_all_reduce_s(n_bytes, n_per_host, inside)  # a reduce-scatter and an all-gather
    return inner + ring_all_reduce_s(n_bytes / n_per_host, n_hosts, between)


_BUS_FACTORS: Mapping[str, Callable[[int], float]] = {
    "all-reduce": lambda n: 2 * (n - 1) / n,
    "all-reduce in the network": lambda n: (n - 1) / (n + 1),
    "reduce-scatter": lambda n: (n - 1) / n,
    "all-gather": lambda n: (n - 1) / n,
    "all-to-all": lambda n: (n - 1) / n,
    "broadcast": lambda n: 1.0,
    "reduce": lambda n: 1.0,
}


def bus_factor(n_ranks: int, collective: str = "all-reduce") -> float:
    """What nccl-tests multiplies algorithm bandwidth (bytes over time) by, to get bus bandwidth.

    collective  `all-reduce`, `all-reduce in the network`, `reduce-scatter`, `all-gather`,
                `all-to-all`, `broadcast` or `reduce`. Raises ValueError for another, and for
                nonsense.
    """
    (n_ranks,) = checked(n_ranks=n_ranks)
    if collective not in _BUS_FACTORS:
        known = ", ".join(_BUS_FACTORS)
        raise ValueError(f"No bus factor is known for {collective!r}. There are: {known}.")
    return _BUS_FACTORS[collective](n_ranks)


def fit_alpha_beta(samples_s: Mapping[int, Sequence[float]]) -> AlphaBeta:
    """The alpha and beta that fit measured times: n_bytes -> times in s, two sizes at least.

    Fits T(B) = alpha + B / beta to the medians by least *relative* squares, so that small messages
    count as much as large ones; alpha is never below 0. The intervals are the middle 95 % of 2000
    fits to samples drawn again. Raises ValueError for nonsense, and where time does not grow with
    the bytes.
    """
    import numpy as np

    _refuse_samples(samples_s)
    n_bytes = np.array(list(samples_s), float)
    groups = [np.asarray(group, float) for group in samples_s.values()]
    alpha_s, beta = _fit(n_bytes, np.array([[np.median(group) for group in groups]]))
    if not beta[0] < math.inf:
        raise ValueError("The times do not grow with the bytes, so no rate fits them.")
    if min(map(len, groups)) < INTERVAL_SAMPLES:
        return AlphaBeta(float(alpha_s[0]), float(beta[0]))
    rng = np.random.default_rng(0)
    again = [np.median(rng.choice(group, (_N_RESAMPLES, len(group))), axis=1) for group in groups]
    ends = [np.quantile(values, (0.025, 0.975)) for values in _fit(n_bytes, np.stack(again, 1))]
    (alpha_low, alpha_high), (beta_low, beta_high) = ends
    return AlphaBeta(*map(float, (alpha_s[0], beta[0], alpha_low, alpha_high, beta_low, beta_high)))


def _fit(n_bytes, times_s):
    """(alpha, beta) of each row of times, from the normal equations of a / T + b B / T = 1."""
    import numpy as np

    x, y = 1 / times_s, n_bytes / times_s
    xx, xy, yy = (x * x).sum(1), (x * y).sum(1), (y * y).sum(1)
    alpha = (x.sum(1) * yy - y.sum(1) * xy) / (xx * yy - xy * xy)
    alpha = np.maximum(alpha, 0.0)
    slope = (y.sum(1) - alpha * xy) / yy  # the best one for that alpha
    return alpha, np.divide(1.0, slope, out=np.full_like(slope, math.inf), where=slope > 0)


def _refuse_samples(samples):
    refuse_unsorted(samples)
    if len(samples) < 2 or any(not _is_positive(size) for size in samples):
        sizes = ", ".join(map(str, samples)) or "none"
        raise ValueError(f"A fit needs the times of two or more sizes in bytes, got {sizes}.")
    for size, group in samples.items():
        if not len(group) or not all(_is_positive(sample) for sample in group):
            raise ValueError(f"The times of {size} bytes must be positive numbers, one or more.")


def _is_positive(value):
    return isinstance(value, numbers.Real) and 0 < value < math.inf
