"""Energy from a polled power sensor: a zero-order hold over its updates, shifted, with an interval.

A reading at time t is the mean over the `window_s` before the sensor's last update. Nothing else is
assumed of the load, except that power is never negative. All functions are pure: `times_s`
ascending, `watts` what the sensor showed at those times.

Why not the trapezoid rule: between two updates the sensor shows one figure, and that figure is a
mean over time gone by. A straight line between two polls describes neither.
"""

import dataclasses
import math
import statistics
from bisect import bisect_left
from itertools import pairwise
from typing import NamedTuple

from labkit.power.estimate import Estimate, aliasing_risk


@dataclasses.dataclass(frozen=True)
class Updates:
    """When a sensor had a new figure, and which: figure `watts[k]` is shown from `at_s[k]` on.

    It is the mean over [at_s[k] - window_s, at_s[k]]. `doubt_s` is how far all instants may be off
    together, `jitter_j` what the instants may cost if each is off by itself, `unread` holds the
    numbers of those that nobody read: their `watts` is the one before.
    """

    at_s: tuple[float, ...]
    watts: tuple[float, ...]
    update_s: float
    window_s: float
    doubt_s: float = 0.0
    jitter_j: float = 0.0
    unread: frozenset[int] = frozenset()

    @property
    def shift_s(self):
        """How much a figure lags what it describes: middle of its window to middle of its hold."""
        return (self.window_s + self.update_s) / 2

    def seen(self):
        """Yield (start, end, watts) of each window of time that a figure is the mean over."""
        for at_s, watts in zip(self.at_s, self.watts, strict=True):
            yield at_s - self.window_s, at_s, watts

    def held(self):
        """Yield (start, end, watts) for how long each figure was shown; the last one for ever."""
        ends_s = (*self.at_s[1:], math.inf)
        yield from zip(self.at_s, ends_s, self.watts, strict=True)


class _Move(NamedTuple):
    """Another figure than the poll before showed: an update, known to `half_s` either way."""

    at_s: float
    half_s: float
    from_w: float
    to_w: float


def updates(times_s, watts, update_s, window_s):
    """Find the sensor's updates from polls that are denser than they are.

    A poll that shows another figure than the one before tells an update to within one poll. If all
    of these fit one regular beat, the beat tells the instants far better, and those of updates that
    repeated a figure too; else each stands where it was seen.
    """
    moves = [
        _Move((t_s + next_s) / 2, (next_s - t_s) / 2, before_w, after_w)
        for (t_s, before_w), (next_s, after_w) in pairwise(zip(times_s, watts, strict=True))
        if after_w != before_w
    ]
    beat = _beat(moves, update_s) if moves else (times_s[0], update_s, 0.0)
    if beat is None:
        found = _irregular(times_s, watts, moves, update_s, window_s)
    else:
        found = _regular(times_s, watts, moves, beat, window_s * beat[1] / update_s)
    return dataclasses.replace(found, unread=_unread(times_s, found))


def _unread(times_s, found):
    """The updates that no poll surely fell upon; the first and the last are not asked."""
    return frozenset(
        k
        for k, (at_s, end_s, _) in enumerate(found.held())
        if 0 < k < len(found.at_s) - 1
        and bisect_left(times_s, at_s + found.doubt_s)
        >= bisect_left(times_s, end_s - found.doubt_s)
    )


def _beat(moves, update_s):
    """(first instant, period, doubt) of the one beat that fits all moves, or None.

    Each move leaves its poll's width for the beat's phase, and all together leave little. The
    period is the declared one if that fits: over a short time the polls tell it worse.
    """
    numbers = [0]
    for before, move in pairwise(moves):
        numbers.append(numbers[-1] + max(round((move.at_s - before.at_s) / update_s), 1))
    periods_s = [update_s]
    if len(moves) > 2:
        periods_s.append(statistics.linear_regression(numbers, [m.at_s for m in moves]).slope)
    for period_s in periods_s:
        phases_s = [move.at_s - n * period_s for n, move in zip(numbers, moves, strict=True)]
        earliest_s = max(t_s - move.half_s for t_s, move in zip(phases_s, moves, strict=True))
        latest_s = min(t_s + move.half_s for t_s, move in zip(phases_s, moves, strict=True))
        if earliest_s <= latest_s and abs(period_s / update_s - 1) < 0.1:
            return (earliest_s + latest_s) / 2, period_s, (latest_s - earliest_s) / 2
    return None


def _regular(times_s, watts, moves, beat, window_s):
    first_s, period_s, doubt_s = beat
    figure_at = {round((move.at_s - first_s) / period_s): move.to_w for move in moves}
    first = math.floor((times_s[0] - first_s) / period_s)
    last = math.floor((times_s[-1] - first_s) / period_s)
    at_s, figures_w, figure_w = [], [], watts[0]
    for n in range(first, max(last, first) + 1):
        figure_w = figure_at.get(n, figure_w)
        at_s.append(first_s + n * period_s)
        figures_w.append(figure_w)
    return Updates(tuple(at_s), tuple(figures_w), period_s, window_s, doubt_s)


def _irregular(times_s, watts, moves, update_s, window_s):
    """Updates where they were seen; where a figure stood longer, as many as fit in between."""
    starts = [(times_s[0] - update_s / 2, watts[0]), *((m.at_s, m.to_w) for m in moves)]
    at_s, figures_w = [], []
    for (t_s, figure_w), (next_s, _) in pairwise([*starts, (times_s[-1] + update_s / 2, None)]):
        n = max(round((next_s - t_s) / update_s), 1)
        at_s += [t_s + i * (next_s - t_s) / n for i in range(n)]
        figures_w += [figure_w] * n
    jumps_j = (move.half_s * (move.to_w - move.from_w) for move in moves)
    jitter_j = 2 * math.hypot(*jumps_j) / math.sqrt(3)  # each is uniform within its poll
    doubt_s = max(move.half_s for move in moves)
    return Updates(tuple(at_s), tuple(figures_w), update_s, window_s, doubt_s, jitter_j)


def held_energy(found, start_s, stop_s, shift_s=0.0):
    """Zero-order hold: the energy of what was shown in [start_s + shift_s, stop_s + shift_s], in J.

    Before the first update its figure holds too.
    """
    start_s, stop_s = start_s + shift_s, stop_s + shift_s
    early_j = found.watts[0] * max(min(found.at_s[0], stop_s) - start_s, 0.0)
    return early_j + sum(
        watts * max(min(end_s, stop_s) - max(at_s, start_s), 0.0)
        for at_s, end_s, watts in found.held()
    )


def polled_energy(
    times_s, watts, start_s, stop_s, *, update_s, window_s, pad_s=0.0, unit_w=0.0,
    load_period_s=None, max_power_w=None,
):  # fmt: skip
    """Energy in [start_s, stop_s] from a power sensor, in J, with an interval.

    times_s, watts   polls from before start_s to window_s + update_s after stop_s, or later
    pad_s            how long before start_s and after stop_s nothing ran but idle; 0: not known
    load_period_s    of a periodic load, to warn where the sensor may see always the same part of it
    max_power_w      what cannot be exceeded

    Without padding the interval of a sensor that sees all the time (window_s >= update_s) is
    certain: figures whose windows cover the time are its upper bound, those whose windows lie in
    it the lower one. A part-time sensor never sees some steps; its interval lets every step that it
    saw fall anywhere in the gap before it. With padding, the interval is what the idle varied.
    """
    found = updates(times_s, watts, update_s, window_s)
    estimate = _unpadded(found, start_s, stop_s, max_power_w)
    if pad_s:
        estimate = _narrower(_padded(found, start_s, stop_s, pad_s), estimate)
    # A power is rounded to its unit; sums of floats want no less.
    rounding_j = max(unit_w / 2, 1e-9) * (stop_s - start_s + 4 * found.shift_s)
    energy_j, low_j, high_j, _ = estimate
    low_j, high_j = max(low_j - rounding_j, 0.0), high_j + rounding_j
    flags = ("window_below_update_period",) if stop_s - start_s < update_s else ()
    if _lost_j(found, start_s, stop_s):
        flags += ("dropped_samples",)
    if load_period_s and aliasing_risk(load_period_s, update_s, window_s):
        flags += ("aliasing_risk",)
        low_j, high_j = _unseen(energy_j, found, stop_s - start_s, max_power_w)
    return Estimate(energy_j, low_j, high_j, flags)


def _lost_j(found, start_s, stop_s):
    """What the updates that nobody read, in and around the window, may have hidden, in J."""
    lost = [
        k
        for k, at_s in enumerate(found.at_s)
        if k in found.unread and start_s - found.update_s < at_s < stop_s + 2 * found.shift_s
    ]
    return len(lost) * found.update_s * max(found.watts)


def _unpadded(found, start_s, stop_s, max_power_w):
    energy_j = held_energy(found, start_s, stop_s, found.shift_s)
    if found.window_s < 0.999 * found.update_s:
        spread_j = _gap_steps(found, start_s, stop_s) + found.jitter_j
        spread_j += _lost_j(found, start_s, stop_s)
        return Estimate(energy_j, max(energy_j - spread_j, 0.0), energy_j + spread_j)
    low_j = _packed(found, start_s, stop_s)
    high_j = _covered(found, start_s, stop_s, max_power_w or max(found.watts))
    low_j, high_j = max(low_j - found.jitter_j, 0.0), high_j + found.jitter_j
    return Estimate(min(max(energy_j, low_j), high_j), low_j, high_j)


def _packed(found, start_s, stop_s):
    """The most energy in disjoint windows that lie inside: what must have been used at least."""
    n = math.ceil(found.window_s / found.update_s - 1e-3)
    inside = [
        watts * found.window_s
        if start_s + found.doubt_s <= begin_s
        and end_s <= stop_s - found.doubt_s
        and k not in found.unread
        else 0.0
        for k, (begin_s, end_s, watts) in enumerate(found.seen())
    ]
    return max(sum(inside[first::n]) for first in range(n))


def _covered(found, start_s, stop_s, hold_w):
    """The least energy in windows that together cover all of it: what was used at most."""
    start_s, stop_s = start_s - found.doubt_s, stop_s + found.doubt_s
    n = math.floor(found.window_s / found.update_s + 1e-3)
    windows = [
        (begin_s, end_s, max(watts, hold_w) if k in found.unread else watts)
        for k, (begin_s, end_s, watts) in enumerate(found.seen())
    ]
    bounds_j = []
    for first in range(n):
        chain = [w for w in windows[first::n] if w[1] > start_s and w[0] < stop_s]
        if not chain:
            continue
        unseen_s = max(chain[0][0] - start_s, 0.0) + max(stop_s - chain[-1][1], 0.0)
        bounds_j.append(sum(watts for *_, watts in chain) * found.window_s + unseen_s * hold_w)
    return min(bounds_j, default=hold_w * (stop_s - start_s))


def _gap_steps(found, start_s, stop_s):
    """What the steps cost at most that fell, unseen, between two windows of a part-time sensor."""
    gap_s = found.update_s - found.window_s
    steps_w = (
        abs(after_w - before_w)
        for (before_s, before_w), (at_s, after_w) in pairwise(
            zip(found.at_s, found.watts, strict=True)
        )
        if before_s < stop_s + found.update_s and at_s > start_s - found.update_s
    )
    return sum(steps_w) * (gap_s / 2 + found.doubt_s)


def _padded(found, start_s, stop_s, pad_s):
    """All that was shown until the window has passed through the sensor, less the idle's share.

    Every moment of the window then counts in full, so the averaging drops out. None unless two
    figures on either side describe nothing but padding.
    """
    before_w = _level(found, start_s - pad_s, start_s - found.doubt_s)
    after_w = _level(found, stop_s + found.doubt_s, stop_s + pad_s)
    if before_w is None or after_w is None:
        return None
    begin_s, end_s = start_s - found.doubt_s, stop_s + 2 * found.shift_s + found.doubt_s
    before_s, after_s = _idle_shares(found, start_s, stop_s, begin_s, end_s)
    extra_s = (end_s - begin_s) - (stop_s - start_s)
    scale = extra_s / (before_s + after_s) if before_s + after_s else 0.0
    (idle_0, spread_0), (idle_1, spread_1) = before_w, after_w
    idle_j = scale * (before_s * idle_0 + after_s * idle_1)
    energy_j = held_energy(found, begin_s, end_s) - idle_j
    half_j = scale * (before_s * spread_0 + after_s * spread_1) + found.jitter_j
    half_j += found.doubt_s * abs(idle_1 - idle_0) + _lost_j(found, begin_s, end_s)
    if found.window_s < 0.999 * found.update_s:
        half_j += _gap_steps(found, begin_s, end_s)
    return Estimate(max(energy_j, 0.0), max(energy_j - half_j, 0.0), energy_j + half_j)


def idle_level(times_s, watts, start_s, stop_s, *, update_s, window_s):
    """The mean power shown for times wholly in [start_s, stop_s], in W; None if there are none."""
    found = updates(times_s, watts, update_s, window_s)
    level = _level(found, start_s, stop_s - found.doubt_s)
    return level and level[0]


def _level(found, start_s, stop_s):
    """Mean and spread of the figures that describe [start_s, stop_s] only; None below two."""
    # A microsecond: a pad is meant to hold its last window.
    inside = [
        w for begin, end, w in found.seen() if start_s - 1e-6 <= begin and end <= stop_s + 1e-6
    ]
    if len(inside) < 2:
        return None
    return statistics.fmean(inside), max(inside) - min(inside)


def _idle_shares(found, start_s, stop_s, begin_s, end_s):
    """For how long, of all that was shown, it described the time before, and after, the window."""
    before_s = after_s = 0.0
    for (begin_s, at_s, _), (_, gone_s, _) in zip(found.seen(), found.held(), strict=True):
        shown_s = max(min(gone_s, end_s) - max(at_s, begin_s), 0.0)
        length_s = found.window_s or 1.0
        earlier_s = min(max(start_s - begin_s, 0.0), length_s)
        later_s = min(max(at_s - stop_s, 0.0), length_s)
        if not found.window_s:
            earlier_s, later_s = float(at_s < start_s), float(at_s > stop_s)
        before_s += shown_s * earlier_s / length_s
        after_s += shown_s * later_s / length_s
    return before_s, after_s


def _narrower(padded, unpadded):
    """The padded estimate, unless it says less, or what is certain speaks against it."""
    if padded is None:
        return unpadded
    slack_j = 1e-3 * padded.energy_j
    if not unpadded.low_j - slack_j <= padded.energy_j <= unpadded.high_j + slack_j:
        return unpadded
    # A tenth: a part-time sensor's interval is the same either way, and padding has less bias.
    wider = padded.high_j - padded.low_j > 1.1 * (unpadded.high_j - unpadded.low_j)
    return unpadded if wider else padded


def _unseen(energy_j, found, duration_s, max_power_w):
    """Bounds if the load did anything it liked while a part-time sensor did not look."""
    seen = found.window_s / found.update_s
    if max_power_w is None:
        return energy_j * seen, None
    return energy_j * seen, energy_j * seen + (1 - seen) * duration_s * max_power_w
