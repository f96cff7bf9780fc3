"""One piece of work in several settings, timed in turns: what disturbs one disturbs them all."""

import dataclasses
import functools
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from numbers import Real
from typing import Any

from labkit.hardware.asynchronous import name_of, refuse_deferred, refuse_unfinished
from labkit.measure import statistics, stopwatch
from labkit.measure.timing import TOO_SHORT
from labkit.reading import Origin, Reading
from labkit.results import Recorded, recorded

MAX_TIME_S = 3.0
_MIN_ROUNDS, _MAX_ROUNDS = 7, 101


@dataclasses.dataclass(frozen=True)
class TimesInTurns:
    """The times of one piece of work by setting, such as the number of threads.

    samples_s   setting -> seconds of each run, in the order of the rounds
    origin      measured, or recorded with its `source`
    """

    samples_s: Mapping[Any, tuple[float, ...]]
    origin: Origin = Origin.MEASURED
    source: str | None = None

    @property
    def medians_s(self) -> dict[Any, float]:
        """Setting -> the median of its times in s."""
        return {setting: statistics.median(s) for setting, s in self.samples_s.items()}

    def speedup(self, setting: Any, over: Any = 1, name: str | None = None) -> Reading:
        """How many times faster `setting` is than `over`, with its 95 % interval.

        Each round of a measured run gives one ratio; a recorded run keeps its fastest times, which
        aren't pairs. Raises KeyError, a sentence, for a setting that was not timed.
        """
        base_s, these_s = self._samples(over), self._samples(setting)
        value: float | None
        interval: tuple[float, float] | None
        if setting == over:
            value, interval = 1.0, (1.0, 1.0)
        elif self.origin is Origin.MEASURED:
            value, interval = statistics.paired_ratio(base_s, these_s)
        else:
            value, interval = statistics.ratio(base_s, these_s)
        low, high = interval or (None, None)
        name = name or f"{setting} over {over}"
        note = TOO_SHORT if value is None else None
        return Reading(name, value, "1", self.origin, self.source, note, low, high)

    def _samples(self, setting):
        try:
            return self.samples_s[setting]
        except KeyError:
            timed = ", ".join(map(str, self.samples_s))
            raise KeyError(
                f"Nothing was timed for {setting!r}. There are times for {timed}."
            ) from None

    def __repr__(self):
        ways = ", ".join(f"{s}: {t * 1e3:.3g} ms" for s, t in self.medians_s.items())
        return f"[{self.origin}] times in turns: {ways}"


def times_in_turns(
    run: Callable[[Any], Any], settings: Iterable, max_time_s: float = MAX_TIME_S
) -> TimesInTurns:
    """Time `run(setting)` for each setting, round after round, for about `max_time_s` in all.

    Each setting runs once before the rounds begin, so that compiling and first touches stay out. At
    least 7 rounds are made, for fewer give no 95 % interval, and at most 101. A setting that is
    given twice counts once. What a call leaves running on a device is waited for, as by `bench`.

    Raises ValueError where there is no setting or a time that makes no sense, TypeError for a
    function whose call runs none of its lines, and what `run` raises.
    """
    settings = _checked(run, settings, max_time_s)
    calls = {setting: functools.partial(run, setting) for setting in settings}
    watches = {setting: _watch(call, setting) for setting, call in calls.items()}
    samples_s: dict[Any, list[float]] = {setting: [] for setting in calls}
    end_s = time.monotonic() + max_time_s
    for n_rounds in range(_MAX_ROUNDS):
        if n_rounds >= _MIN_ROUNDS and time.monotonic() > end_s:
            break
        for setting, call in calls.items():
            samples_s[setting].append(watches[setting].block_ns(call, 1) * 1e-9)
    return TimesInTurns({setting: tuple(samples) for setting, samples in samples_s.items()})


def _checked(run, settings, max_time_s):
    """The settings as a list. Raises where there is nothing to time, or no way to."""
    if not callable(run):
        raise TypeError(f"There is nothing to call in {run!r}: pass a function of one setting.")
    refuse_deferred(run)
    if not isinstance(settings, Iterable):
        raise TypeError(f"The settings are a list such as [1, 2, 4], got {settings!r}.")
    settings = list(settings)
    if not all(isinstance(setting, Hashable) for setting in settings):
        raise TypeError(f"Times are kept by setting, so each must be hashable, got {settings!r}.")
    if not settings:
        raise ValueError("There is nothing to time: give at least one setting.")
    if not (isinstance(max_time_s, Real) and 0 <= max_time_s < float("inf")):
        raise ValueError(f"max_time_s is a time in seconds from 0, got {max_time_s!r}.")
    return settings


def _watch(call, setting):
    """The stopwatch for a setting, after a first call that isn't timed."""
    result = call()
    refuse_unfinished(result, name_of(call.func))
    return stopwatch.choose("auto", "auto", (setting,), result)


def recorded_times(key: str, setting: str = "n_threads") -> TimesInTurns:
    """A recorded run as TimesInTurns: rows with a column `setting` and one `samples_s`.

    Raises KeyError, a sentence, for an unknown key.
    """
    result: Recorded = recorded(key)
    samples_s = {row[setting]: tuple(row["samples_s"]) for row in result.rows}
    return TimesInTurns(samples_s, Origin.RECORDED, result.source)
