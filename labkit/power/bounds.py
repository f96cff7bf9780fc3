"""What a power sensor's figures prove about the energy of a window: at least, and at most.

Each figure is the mean power over one stretch of time, its averaging window. Nothing is assumed of
the load but that its power lies between 0 and a maximum. So the energy is at least that of any
figures whose stretches lie side by side, and at most that of any whose stretches cover the window,
with the maximum power wherever there is none. Of all these the best are taken.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from labkit.power.updates import Updates

FINEST_RATIO = 1.2  # between the averaging windows that are tried where it is not known
_ROUNDING = 1e-9  # of floats, as a fraction and in W


class Stretch(NamedTuple):
    """The mean power of a figure: over less than [begin_s, end_s], and all of [sure_s, until_s].

    low_j, high_j   the energy in that time
    """

    begin_s: float
    end_s: float
    sure_s: float
    until_s: float
    low_j: float
    high_j: float


def energy_bounds(
    found: Updates,
    start_s: float,
    stop_s: float,
    shortest_window_s: float,
    longest_window_s: float,
    max_power_w: float,
    unit_w: float = 0.0,
) -> tuple[float, float]:
    """(least, most) energy in J in [start_s, stop_s], for any load of 0 to `max_power_w`.

    The sensor averages over one window, of which only `shortest_window_s` to `longest_window_s` is
    known. Windows are tried in cells, each as if it were its longest and its shortest at once, so
    that what holds for a cell holds for all windows in it.
    """
    low_j, high_j = math.inf, 0.0
    for cell in _cells(shortest_window_s, longest_window_s):
        stretches = _stretches(found, *cell, unit_w)
        doubt_s = found.doubt_s
        low_j = min(low_j, least_j(stretches, start_s + doubt_s, stop_s - doubt_s, max_power_w))
        high_j = max(high_j, most_j(stretches, start_s - doubt_s, stop_s + doubt_s, max_power_w))
    # A figure may be above the maximum by its rounding.
    high_j = max(min(high_j, max_power_w * (stop_s - start_s)), low_j)
    slack_j = _ROUNDING * (1 + high_j)
    return max(low_j - slack_j, 0.0), high_j + slack_j


def least_j(stretches: list[Stretch], start_s: float, stop_s: float, max_power_w: float) -> float:
    """The most energy of stretches side by side, less what of them may lie outside the window."""
    if start_s >= stop_s:
        return 0.0
    first = bisect_right(stretches, start_s, key=lambda stretch: stretch.end_s)
    last = bisect_left(stretches, stop_s, key=lambda stretch: stretch.begin_s)
    within = stretches[first:last]
    ends_s = [stretch.end_s for stretch in within]
    best_j = [0.0]  # of the first k stretches
    for k, stretch in enumerate(within):
        outside_j = sum(
            most_j(stretches, *span, max_power_w)
            for span in ((stretch.begin_s, start_s), (stop_s, stretch.end_s))
            if span[0] < span[1]
        )
        before = bisect_right(ends_s, stretch.begin_s + _ROUNDING, hi=k)
        best_j.append(max(best_j[k], best_j[before] + max(stretch.low_j - outside_j, 0.0)))
    return best_j[-1]


def most_j(stretches: list[Stretch], start_s: float, stop_s: float, max_power_w: float) -> float:
    """The least energy of stretches that cover the window, gaps at the maximum power."""
    first = bisect_right(stretches, start_s, key=lambda stretch: stretch.until_s)
    last = bisect_left(stretches, stop_s, key=lambda stretch: stretch.sure_s)
    covering = [s for s in stretches[first:last] if s.sure_s < s.until_s]
    lead_j = -max_power_w * start_s
    # cost_j[k]: at most this much until stretch k begins. lead_j + max_power_w * t: until t, if
    # after the last stretch that has ended there is a gap.
    cost_j: list[float] = []
    ended = 0
    for stretch in (*covering, Stretch(0, 0, stop_s, stop_s, 0, 0)):
        at_s = max(stretch.sure_s, start_s)
        while ended < len(cost_j) and covering[ended].until_s <= at_s:
            end_j = cost_j[ended] + covering[ended].high_j
            lead_j = min(lead_j, end_j - max_power_w * covering[ended].until_s)
            ended += 1
        under_way = (cost_j[k] + covering[k].high_j for k in range(ended, len(cost_j)))
        cost_j.append(min(lead_j + max_power_w * at_s, *under_way, math.inf))
    return max(cost_j[-1], 0.0)


def _cells(shortest_s, longest_s) -> Iterable[tuple[float, float]]:
    """(shortest, longest) of each cell; one, if the window is known."""
    n = math.ceil(math.log(longest_s / shortest_s) / math.log(FINEST_RATIO)) if shortest_s else 0
    if n == 0:
        return [(shortest_s, longest_s)]
    edges_s = [shortest_s * (longest_s / shortest_s) ** (k / n) for k in range(n)]
    return pairwise([*edges_s, longest_s])


def _stretches(found, shortest_s, longest_s, unit_w):
    off_s, off_w = found.jitter_s, unit_w / 2 + _ROUNDING
    return [
        Stretch(
            at_s - longest_s - off_s,
            at_s + off_s,
            at_s - shortest_s + off_s,
            at_s - off_s,
            max(watts - off_w, 0.0) * shortest_s,
            (watts + off_w) * longest_s,
        )
        for at_s, watts in zip(found.at_s, found.watts, strict=True)
    ]
