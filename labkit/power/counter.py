"""Energy from a counter: unwrap it, then bound the window's edges by what it showed around them.

Pure functions of samples: `times_s` ascending, `joules` what the counter showed at those times.
"""

import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

from labkit.power.estimate import DEFAULT_MAX_POWER_W, Estimate, Unknown
from labkit.units import si

# A counter that stands still for longer than these isn't a counter: at least one of them, and so
# many of its updates.
STANDS_STILL_S, STANDS_STILL_UPDATES = 0.03, 3  # never moved at all
STUCK_S, STUCK_UPDATES = 0.5, 10  # stopped moving


def wraps_between(
    before_j: float, after_j: float, gap_s: float, range_j: float | None, max_power_w: float
) -> int | None:
    """How often a counter started again between two readings; None if that cannot be told.

    Of all numbers of wraps only those count with which the power stays below `max_power_w`: none
    (a glitch, or the counter was reset) and more than one are both no answer.
    """
    step_j = after_j - before_j
    most_j = max_power_w * gap_s
    if range_j is None:
        return 0 if 0 <= step_j <= most_j else None
    fewest = 0 if step_j >= 0 else 1
    if step_j + fewest * range_j < 0:
        return None  # it showed more than it can, so this isn't its range
    if step_j + fewest * range_j > most_j or step_j + (fewest + 1) * range_j <= most_j:
        return None
    return fewest


def unwrap(
    times_s: Sequence[float],
    joules: Sequence[float],
    range_j: float | None = None,
    max_power_w: float | None = None,
    unit_j: float = 0.0,
    update_s: float = 0.0,
) -> tuple[list[float], int] | tuple[None, None]:
    """The energy since the first sample at every sample, and the wraps: (list, int).

    Where the wraps between two samples cannot be told, (None, None): never a guess, and never a
    negative energy; `why_not` says why. Sample at least every range_j / (2 * max_power_w).
    """
    max_power_w = max_power_w or DEFAULT_MAX_POWER_W
    total_j, n_wraps = [0.0], 0
    for before_j, after_j, gap_s in _steps(times_s, joules, max_power_w, unit_j, update_s):
        wraps = wraps_between(before_j, after_j, gap_s, range_j, max_power_w)
        if wraps is None:
            return None, None
        # The step first: added one by one, a counter that rests would move by its rounding.
        step_j = after_j - before_j + wraps * (range_j or 0.0)
        total_j.append(total_j[-1] + step_j)
        n_wraps += wraps
    return total_j, n_wraps


def why_not(
    times_s: Sequence[float],
    joules: Sequence[float],
    range_j: float | None = None,
    max_power_w: float | None = None,
    unit_j: float = 0.0,
    update_s: float = 0.0,
) -> Unknown:
    """Why `unwrap` cannot tell the energy: which step makes no sense."""
    max_power_w = max_power_w or DEFAULT_MAX_POWER_W
    for before_j, after_j, gap_s in _steps(times_s, joules, max_power_w, unit_j, update_s):
        if wraps_between(before_j, after_j, gap_s, range_j, max_power_w) is not None:
            continue
        step_j = after_j - before_j
        if step_j >= 0 and step_j > max_power_w * gap_s:
            return Unknown(
                f"rose by {si(step_j, 'J')} within {si(gap_s, 's')}, more than the "
                f"{si(max_power_w, 'W')} that are possible: a glitch",
                ("impossible_step",),
            )
        why = f"fell by {si(-step_j, 'J')}" if step_j < 0 else f"was not read for {si(gap_s, 's')}"
        return Unknown(f"{why}, and nothing tells how often it wrapped", ("wrap_ambiguous",))
    raise ValueError("Each step of this counter can be told.")


def stands_still(
    times_s: Sequence[float], joules: Sequence[float], update_s: float
) -> Unknown | None:
    """Why an unwrapped counter that moves about every `update_s` is stuck; None if it moves.

    One that rested and went on has counted meanwhile; one that rests to the end may have stopped.
    """
    if not times_s:
        return None
    still_s = times_s[-1] - times_s[bisect_left(joules, joules[-1])]
    if joules[-1] > joules[0]:
        is_stuck = still_s > max(STUCK_S, STUCK_UPDATES * update_s)
    else:
        is_stuck = still_s > max(STANDS_STILL_S, STANDS_STILL_UPDATES * update_s)
    if not is_stuck:
        return None
    return Unknown(
        f"did not move for {si(still_s, 's')}, though it should every {si(update_s, 's')}: it is "
        f"stuck, or tells of something that is off",
        ("stuck",),
    )


def _longest_rest_s(times_s, joules):
    """The longest time between two readings between which nothing was counted."""
    longest_s, since_s = 0.0, times_s[0]
    for (_, before_j), (t_s, after_j) in pairwise(zip(times_s, joules, strict=True)):
        if after_j > before_j:
            since_s = t_s
        longest_s = max(longest_s, t_s - since_s)
    return longest_s


def _steps(times_s, joules, max_power_w, unit_j, update_s):
    """Yield (before, after, time) of each two readings; the time allows for the counter's steps."""
    # Two quick readings may lie on either side of a step, which holds the energy of an update.
    slack_s = max(0.01, 2 * update_s) + unit_j / max_power_w
    for (t_s, before_j), (next_s, after_j) in pairwise(zip(times_s, joules, strict=True)):
        yield before_j, after_j, next_s - t_s + slack_s


def counter_energy(
    times_s: Sequence[float],
    joules: Sequence[float],
    start_s: float,
    stop_s: float,
    update_s: float,
    unit_j: float = 0.0,
    max_power_w: float | None = None,
) -> Estimate:
    """Energy in [start_s, stop_s] from an unwrapped counter that moves about every `update_s`.

    What the counter shows was true at its last move. So the energy at an edge is at least what is
    shown then, and at most what it shows after it has moved again: one step at each edge, and the
    truth between them whatever the power did. The estimate is a line between the moves around it.
    """
    max_power_w = max_power_w or DEFAULT_MAX_POWER_W
    # Sure is only what the slowest step that was seen allows.
    slowest_s = max(update_s, _longest_rest_s(times_s, joules))
    moves = _moves(times_s, joules, update_s)
    low_0, high_0 = _edge(times_s, joules, start_s, slowest_s, max_power_w)
    low_1, high_1 = _edge(times_s, joules, stop_s, slowest_s, max_power_w)
    at_0, at_1 = (_at_j(times_s, joules, t_s, update_s, moves) for t_s in (start_s, stop_s))
    low_j = max(low_1 - high_0 - unit_j, 0.0)
    high_j = max(high_1 - low_0 + unit_j, low_j)  # equal but for rounding where no step is declared
    flags = ("window_below_update_period",) if stop_s - start_s < update_s else ()
    return Estimate.within(low_j, at_1 - at_0, high_j, flags)


def counter_power(
    times_s: Sequence[float],
    joules: Sequence[float],
    start_s: float,
    stop_s: float,
    update_s: float,
) -> float | None:
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
    moved = [
        (before_s, t_s, after_j)
        for (before_s, before_j), (t_s, after_j) in pairwise(zip(times_s, joules, strict=True))
        if after_j > before_j
    ]
    # Some counters move far more often than they are declared to: where polls are dense they show.
    gaps_s = [t_s - before_s for (_, before_s, _), (_, t_s, _) in pairwise(moved)]
    dense_s = [gap_s for gap_s in gaps_s if gap_s <= 1.2 * update_s]
    update_s = min(update_s, statistics.median(dense_s)) if dense_s else update_s
    return [
        ((max(before_s, t_s - update_s) + t_s) / 2, after_j) for before_s, t_s, after_j in moved
    ]


def _edge(times_s, joules, t_s, update_s, max_power_w):
    """The energy counted at time `t_s`: at least, at most."""
    low_j = joules[max(bisect_right(times_s, t_s) - 1, 0)]
    later = _surely_later(times_s, joules, t_s, update_s)
    if later is None:  # nothing was read later that would tell: two updates at the highest power
        return low_j, joules[-1] + 2 * update_s * max_power_w
    return low_j, joules[later]


def _at_j(times_s, joules, t_s, update_s, moves):
    """The energy counted at time `t_s`, probably."""
    low_j = joules[max(bisect_right(times_s, t_s) - 1, 0)]
    later = _surely_later(times_s, joules, t_s, update_s)
    if later is None:  # one update at the mean power
        mean_w = (joules[-1] - joules[0]) / max(times_s[-1] - times_s[0], update_s)
        high_j = joules[-1] + mean_w * update_s
    else:
        high_j = joules[later]
    return min(max(_on_the_line(moves, t_s, (low_j + high_j) / 2), low_j), high_j)


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
