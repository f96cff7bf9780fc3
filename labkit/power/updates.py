"""When a polled power sensor had a new figure, found from polls that are denser than its updates.

All functions are pure: `times_s` ascending, `watts` what the sensor showed at those times.
"""

import dataclasses
import math
import statistics
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple


@dataclasses.dataclass(frozen=True)
class Updates:
    """When a sensor had a new figure, and which: figure `watts[k]` is shown from `at_s[k]` on.

    update_s   the time from one update to the next
    doubt_s    how far all instants may be off, together
    jitter_s   how far each may be off by itself
    lost_s     instants of updates that nobody read: the figure before is held through them
    """

    at_s: tuple[float, ...]
    watts: tuple[float, ...]
    update_s: float
    doubt_s: float = 0.0
    jitter_s: float = 0.0
    lost_s: tuple[float, ...] = ()

    def held(self) -> Iterator[tuple[float, float, float]]:
        """Yield (start, end, watts) for how long each figure was shown; the last one for ever."""
        ends_s = (*self.at_s[1:], math.inf)
        yield from zip(self.at_s, ends_s, self.watts, strict=True)

    def likely_window_s(self, shortest_s: float, longest_s: float) -> float:
        """The averaging window that fits best: a mean over ten updates cannot turn within one.

        A figure that goes from one end of all that was shown to the other within one update is a
        mean over no more than that; one that takes ten updates for it, over ten.
        """
        jump_w = max((abs(b - a) for a, b in pairwise(self.watts)), default=0.0)
        if jump_w == 0:
            return longest_s
        span_w = max(self.watts) - min(self.watts)
        return min(max(self.update_s * span_w / jump_w, shortest_s), longest_s)


class _Move(NamedTuple):
    """Another figure than the poll before showed: an update, known to `half_s` either way."""

    at_s: float
    half_s: float
    watts: float


class _Beat(NamedTuple):
    """A regular beat, all its instants known to `doubt_s`."""

    first_s: float
    period_s: float
    doubt_s: float


def find_updates(times_s: Sequence[float], watts: Sequence[float], update_s: float) -> Updates:
    """The updates of a sensor that has one about every `update_s`.

    A poll that shows another figure than the one before tells an update to within one poll. If all
    of these fit one regular beat, the beat tells the instants far better, and those of updates that
    repeated a figure too. Else each stands where it was seen, or, where polls are too rare to tell
    one update from the next, within an update before its poll.
    """
    moves = [
        _Move((t_s + next_s) / 2, (next_s - t_s) / 2, after_w)
        for (t_s, before_w), (next_s, after_w) in pairwise(zip(times_s, watts, strict=True))
        if after_w != before_w
    ]
    if not moves:  # all figures are one, so it does not matter which poll fell upon which
        found = _regular(times_s, watts, _Beat(times_s[0], update_s, 0.0))
        return dataclasses.replace(found, doubt_s=update_s / 2)
    sharp = [move for move in moves if move.half_s < update_s / 4]
    beat = _beat(sharp, update_s) if sharp else None
    found = _regular(times_s, watts, beat) if beat else None
    if found is None and len(sharp) == len(moves):
        found = _irregular(times_s, watts, moves, update_s)
    return found or _rare(times_s, watts, update_s)


def _beat(moves, update_s):
    """The one beat that fits all moves, or None.

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
            half_s = (latest_s - earliest_s) / 2
            return _Beat(earliest_s + half_s, period_s, half_s)
    return None


def _regular(times_s, watts, beat):
    """The updates of a beat, each with the figure of the polls that surely fell upon it.

    None if two such polls disagree, or if there is none: then it is not the sensor's beat.
    """
    figure_at = {}
    for t_s, shown_w in zip(times_s, watts, strict=True):
        n = math.floor((t_s - beat.first_s) / beat.period_s)
        since_s = t_s - beat.first_s - n * beat.period_s
        is_sure = beat.doubt_s <= since_s <= beat.period_s - beat.doubt_s
        if is_sure and figure_at.setdefault(n, shown_w) != shown_w:
            return None
    if not figure_at:
        return None
    lost = [n for n in range(min(figure_at), max(figure_at)) if n not in figure_at]
    at_s, lost_s = (
        tuple(beat.first_s + n * beat.period_s for n in numbers) for numbers in (figure_at, lost)
    )
    return Updates(at_s, tuple(figure_at.values()), beat.period_s, beat.doubt_s, lost_s=lost_s)


def _irregular(times_s, watts, moves, update_s):
    """Updates where they were seen; where a figure stood longer, as many as fit in between."""
    starts = [(times_s[0] - update_s / 2, watts[0]), *((m.at_s, m.watts) for m in moves)]
    at_s, figures_w = [], []
    for (t_s, figure_w), (next_s, _) in pairwise([*starts, (times_s[-1] + update_s / 2, None)]):
        n = max(round((next_s - t_s) / update_s), 1)
        at_s += [t_s + i * (next_s - t_s) / n for i in range(n)]
        figures_w += [figure_w] * n
    jitter_s = max(move.half_s for move in moves)
    lost_s = _gaps(times_s, update_s)
    return Updates(tuple(at_s), tuple(figures_w), update_s, jitter_s=jitter_s, lost_s=lost_s)


def _rare(times_s, watts, update_s):
    """What a poll showed came with an update in the period before it, give or take a tenth."""
    at_s = tuple(t_s - update_s / 2 for t_s in times_s)
    lost_s = _gaps(times_s, update_s)
    return Updates(at_s, tuple(watts), update_s, jitter_s=0.55 * update_s, lost_s=lost_s)


def _gaps(times_s, update_s):
    """Where polls are further apart than updates, so that one of these may have passed unseen."""
    return tuple((a + b) / 2 for a, b in pairwise(times_s) if b - a > update_s)
