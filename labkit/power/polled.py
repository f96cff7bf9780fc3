"""Energy from a polled power sensor: a zero-order hold over its updates, shifted, with an interval.

A reading at time t is the mean over the averaging window before the sensor's last update. Nothing
else is assumed of the load, except that its power lies between 0 and a maximum. All functions are
pure: `times_s` ascending, `watts` what the sensor showed at those times.

Why not the trapezoid rule: between two updates the sensor shows one figure, and that figure is a
mean over time gone by. A straight line between two polls describes neither.
"""

import statistics
from collections.abc import Sequence

from labkit.power.bounds import energy_bounds
from labkit.power.estimate import DEFAULT_MAX_POWER_W, Estimate, aliasing_risk
from labkit.power.updates import Updates, find_updates


def held_energy(found: Updates, start_s: float, stop_s: float, shift_s: float = 0.0) -> float:
    """Zero-order hold: the energy of what was shown in [start_s + shift_s, stop_s + shift_s], in J.

    Before the first update its figure holds too.
    """
    start_s, stop_s = start_s + shift_s, stop_s + shift_s
    early_j = found.watts[0] * max(min(found.at_s[0], stop_s) - start_s, 0.0)
    return early_j + sum(
        watts * max(min(end_s, stop_s) - max(at_s, start_s), 0.0)
        for at_s, end_s, watts in found.held()
    )


def possible(
    times_s: Sequence[float], watts: Sequence[float], max_power_w: float
) -> tuple[list[float], list[float]]:
    """The polls (times, watts) that show a power which can be: the others are glitches.

    What is a little below 0 is an amplifier's error around 0, and counts as 0.
    """
    kept = [
        (t_s, max(shown_w, 0.0))
        for t_s, shown_w in zip(times_s, watts, strict=True)
        if -0.01 * max_power_w <= shown_w <= max_power_w
    ]
    return [t_s for t_s, _ in kept], [shown_w for _, shown_w in kept]


def polled_energy(
    times_s: Sequence[float],
    watts: Sequence[float],
    start_s: float,
    stop_s: float,
    *,
    update_s: float,
    window_s: float,
    shortest_window_s: float | None = None,
    pad_s: float = 0.0,
    unit_w: float = 0.0,
    load_period_s: float | None = None,
    max_power_w: float | None = None,
) -> Estimate:
    """Energy in [start_s, stop_s] from a power sensor, in J, with an interval.

    times_s, watts   polls from before start_s to window_s + update_s after stop_s, or later; at
                     least one
    window_s         the sensor's averaging window, in s
    shortest_window_s   where that is not sure: it lies between this and window_s
    pad_s            how long before start_s and after stop_s only idle ran; 0: not known
    load_period_s    of a periodic load, to warn where the sensor may see always the same part of it
    max_power_w      what cannot be exceeded, in W; by default 1 kW, or the most that was shown

    The interval is certain, whatever the load did: see `energy_bounds`. So it is wide where a
    sensor is blind for a part of the time, or where its window is not known. The energy itself is
    the likely one, with padding that of all that was shown less the idle's share.
    """
    max_power_w = max_power_w or max(DEFAULT_MAX_POWER_W, *watts)
    shortest_s = window_s if shortest_window_s is None else shortest_window_s
    found = find_updates(times_s, watts, update_s)
    # A beat that is not the declared one: the window may be as declared, or scale with it.
    scale = found.update_s / update_s
    low_j, high_j = energy_bounds(
        found, start_s, stop_s, shortest_s * min(scale, 1.0), window_s * max(scale, 1.0),
        max_power_w, unit_w,
    )  # fmt: skip
    likely_s = found.likely_window_s(shortest_s, window_s)
    energy_j = held_energy(found, start_s, stop_s, (likely_s + found.update_s) / 2)
    if pad_s:
        energy_j = _padded_j(found, start_s, stop_s, pad_s, likely_s, (low_j, high_j), energy_j)
    flags: tuple[str, ...] = ()
    if stop_s - start_s < update_s:
        flags += ("window_below_update_period",)
    if _has_lost(found, start_s, stop_s, window_s):
        flags += ("dropped_samples",)
    if load_period_s and aliasing_risk(load_period_s, update_s, shortest_s):
        flags += ("aliasing_risk",)
    return Estimate.within(low_j, energy_j, high_j, flags)


def idle_level(
    times_s: Sequence[float],
    watts: Sequence[float],
    start_s: float,
    stop_s: float,
    *,
    update_s: float,
    window_s: float,
) -> float | None:
    """The mean power shown for times wholly in [start_s, stop_s], in W; None if there are none."""
    found = find_updates(times_s, watts, update_s)
    level = _level(found, start_s, stop_s - found.doubt_s - found.jitter_s, window_s)
    return level and level[0]


def _has_lost(found, start_s, stop_s, window_s):
    """Whether updates that tell of the window were not read."""
    told_s = start_s - found.update_s, stop_s + window_s + found.update_s
    return any(told_s[0] < lost_s < told_s[1] for lost_s in found.lost_s)


def _padded_j(found, start_s, stop_s, pad_s, window_s, bounds_j, otherwise_j):
    """All that was shown until the window has passed through the sensor, less the idle's share.

    Every moment of the window then counts in full, so the averaging drops out. It needs an idle
    that is level: where two figures on either side do not tell it, where they vary too much, or
    where what is certain speaks against it, it is `otherwise_j`.
    """
    off_s = found.doubt_s + found.jitter_s
    before_w = _level(found, start_s - pad_s, start_s - off_s, window_s)
    after_w = _level(found, stop_s + off_s, stop_s + pad_s, window_s)
    if before_w is None or after_w is None:
        return otherwise_j
    begin_s, end_s = start_s - off_s, stop_s + window_s + found.update_s + off_s
    before_s, after_s = _idle_shares(found, start_s, stop_s, begin_s, end_s, window_s)
    extra_s = (end_s - begin_s) - (stop_s - start_s)
    scale = extra_s / (before_s + after_s) if before_s + after_s else 0.0
    (idle_0, spread_0), (idle_1, spread_1) = before_w, after_w
    idle_j = scale * (before_s * idle_0 + after_s * idle_1)
    energy_j = held_energy(found, begin_s, end_s) - idle_j
    spread_j = scale * (before_s * spread_0 + after_s * spread_1) + off_s * abs(idle_1 - idle_0)
    low_j, high_j = bounds_j
    slack_j = 1e-3 * abs(energy_j)
    is_likely = low_j - slack_j <= energy_j <= high_j + slack_j and 2 * spread_j <= high_j - low_j
    return energy_j if is_likely else otherwise_j


def _level(found, start_s, stop_s, window_s):
    """Mean and spread of the figures that describe [start_s, stop_s] only; None below two."""
    # A microsecond: a pad is meant to hold its last window.
    inside = [
        watts
        for at_s, watts in zip(found.at_s, found.watts, strict=True)
        if start_s - 1e-6 <= at_s - window_s and at_s <= stop_s + 1e-6
    ]
    if len(inside) < 2:
        return None
    return statistics.fmean(inside), max(inside) - min(inside)


def _idle_shares(found, start_s, stop_s, begin_s, end_s, window_s):
    """For how long, of all that was shown, it described the time before, and after, the window."""
    before_s = after_s = 0.0
    for at_s, gone_s, _ in found.held():
        shown_s = max(min(gone_s, end_s) - max(at_s, begin_s), 0.0)
        length_s = window_s or 1.0
        earlier_s = min(max(start_s - (at_s - window_s), 0.0), length_s)
        later_s = min(max(at_s - stop_s, 0.0), length_s)
        if not window_s:
            earlier_s, later_s = float(at_s < start_s), float(at_s > stop_s)
        before_s += shown_s * earlier_s / length_s
        after_s += shown_s * later_s / length_s
    return before_s, after_s
