"""Energy from a counter: unwrap it, then bound the window's edges by what it showed around them.

Pure functions of samples: `times_s` ascending, `joules` what the counter showed at those times.
"""

from bisect import bisect_left, bisect_right
from itertools import pairwise

from labkit.power.estimate import Estimate

DEFAULT_MAX_POWER_W = 1000.0  # of a CPU package that declares no limit


def wraps_between(before_j, after_j, gap_s, range_j, max_power_w):
    """How often a counter started again between two readings; None if that cannot be told.

    Of all numbers of wraps only those count with which the power stays below `max_power_w`: none
    (the counter was reset) and more than one are both no answer.
    """
    step_j = after_j - before_j
    if range_j is None:
        return 0 if step_j >= 0 else None
    most_j = max_power_w * gap_s
    fewest = 0 if step_j >= 0 else 1
    if step_j + fewest * range_j > most_j or step_j + (fewest + 1) * range_j <= most_j:
        return None
    return fewest


def unwrap(times_s, joules, range_j=None, max_power_w=None, unit_j=0.0):
    """The energy since the first sample at every sample, and the wraps: (list, int).

    Where the wraps between two samples cannot be told, (None, None): never a guess, and never a
    negative energy. Sample at least every range_j / (2 * max_power_w).
    """
    max_power_w = max_power_w or DEFAULT_MAX_POWER_W
    total_j, n_wraps = [0.0], 0
    for (t_s, before_j), (next_s, after_j) in pairwise(zip(times_s, joules, strict=True)):
        # A counter moves in steps: two quick readings may lie on either side of one.
        slack_s = 0.01 + unit_j / max_power_w
        wraps = wraps_between(before_j, after_j, next_s - t_s + slack_s, range_j, max_power_w)
        if wraps is None:
            return None, None
        total_j.append(total_j[-1] + after_j - before_j + wraps * (range_j or 0.0))
        n_wraps += wraps
    return total_j, n_wraps


def counter_energy(times_s, joules, start_s, stop_s, update_s, unit_j=0.0):
    """Energy in [start_s, stop_s] from an unwrapped counter that moves about every `update_s`.

    What the counter shows was true at its last move. So the energy at an edge is at least what is
    shown then, and at most what it shows after it has moved again: one step at each edge, and the
    truth between them whatever the power did. The estimate is a line between the moves around it.
    """
    moves = _moves(times_s, joules, update_s)
    low_0, at_0, high_0 = _edge(times_s, joules, start_s, update_s, moves)
    low_1, at_1, high_1 = _edge(times_s, joules, stop_s, update_s, moves)
    low_j, high_j = max(low_1 - high_0 - unit_j, 0.0), high_1 - low_0 + unit_j
    flags = ("window_below_update_period",) if stop_s - start_s < update_s else ()
    return Estimate(min(max(at_1 - at_0, low_j), high_j), low_j, high_j, flags)


def counter_power(times_s, joules, start_s, stop_s, update_s):
    """Mean power in W between the first and the last move that was seen in [start_s, stop_s].

    So nothing of what came before or after is in it. Where fewer than two were seen, between the
    first and the last reading, if those lie ten updates apart; else None.
    """
    first, last = max(bisect_right(times_s, start_s) - 1, 0), bisect_right(times_s, stop_s)
    times_s, joules = times_s[first:last], joules[first:last]
    points = _moves(times_s, joules, update_s)
    if len(points) < 2:
        points = list(zip(times_s, joules, strict=True))
        if len(points) < 2 or times_s[-1] - times_s[0] < 9.5 * update_s:
            return None
    (first_s, first_j), (last_s, last_j) = points[0], points[-1]
    return (last_j - first_j) / (last_s - first_s)


def _moves(times_s, joules, update_s):
    """(time, energy) of each move that was seen: since the sample before, in the last update."""
    return [
        ((max(before_s, t_s - update_s) + t_s) / 2, after_j)
        for (before_s, before_j), (t_s, after_j) in pairwise(zip(times_s, joules, strict=True))
        if after_j > before_j
    ]


def _edge(times_s, joules, t_s, update_s, moves):
    """The energy counted at time `t_s`: at least, probably, at most."""
    low_j = joules[max(bisect_right(times_s, t_s) - 1, 0)]
    later = _surely_later(times_s, joules, t_s, update_s)
    if later is None:  # nothing was read later that would tell: one update at the mean power
        mean_w = (joules[-1] - joules[0]) / max(times_s[-1] - times_s[0], update_s)
        high_j = joules[-1] + mean_w * update_s
    else:
        high_j = joules[later]
    return low_j, min(max(_on_the_line(moves, t_s, (low_j + high_j) / 2), low_j), high_j), high_j


def _on_the_line(moves, t_s, otherwise_j):
    """The energy at `t_s` on the line through the two moves next to it."""
    if len(moves) < 2:
        return otherwise_j
    right = min(max(bisect_right(moves, (t_s,)), 1), len(moves) - 1)
    (left_s, left_j), (right_s, right_j) = moves[right - 1 : right + 1]
    return left_j + (t_s - left_s) * (right_j - left_j) / max(right_s - left_s, 1e-9)


def _surely_later(times_s, joules, t_s, update_s):
    """The first sample that counts all energy up to `t_s`, or None.

    Either the counter moved since a sample that was taken at `t_s` or later, or two updates passed.
    """
    first = max(bisect_left(times_s, t_s), 1)
    for i in range(first, len(joules)):
        moved = i > first and joules[i] > joules[i - 1]
        if moved or times_s[i] >= t_s + 2 * update_s:
            return i
    return None
