"""Simulated sensors: what a counter, an instantaneous, an averaging and a part-time meter report.

A `Load` is the truth: power as a function of time, with its exact energy. A sensor turns it into
what a driver would answer when asked at time t. `poll` asks like a program does. All of it is
deterministic; times are seconds and may be NumPy arrays. The truth and the sensors answer the same
question, `energy_between_j`, so that one can be held against the other.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labkit.power.energy import Energy, energy
from labkit.power.probe import Probe, Sample

_ASK_S = 0.01  # how often a program that watches a power sensor asks it


@dataclasses.dataclass(frozen=True)
class Load:
    """A power in W that is constant between `times_s[i]` and `times_s[i + 1]`: `watts[i]`.

    Before the first time it is `watts[0]`, after the last one `watts[-1]`. With `period_s` the
    pattern from times_s[0] on repeats.
    """

    times_s: tuple[float, ...]
    watts: tuple[float, ...]
    period_s: float | None = None

    def power_w(self, t_s: ArrayLike) -> np.ndarray:
        """Power in W at time `t_s`: of its shape."""
        _, phase_s = self._cycle(t_s)
        return np.asarray(self.watts)[self._segment(phase_s)]

    def energy_j(self, t_s: ArrayLike) -> np.ndarray:
        """Energy in J from times_s[0] to `t_s` (negative before it): exact, and of its shape."""
        cycle, phase_s = self._cycle(t_s)
        segment = self._segment(phase_s)
        starts_s, watts = np.asarray(self.times_s), np.asarray(self.watts)
        before_j = np.concatenate([[0.0], np.cumsum(np.diff(starts_s) * watts[:-1])])
        in_cycle_j = before_j[segment] + watts[segment] * (phase_s - starts_s[segment])
        return in_cycle_j if self.period_s is None else in_cycle_j + cycle * self._cycle_j(before_j)

    def energy_between_j(self, start_s: float, stop_s: float) -> float:
        """The true energy in J between two times."""
        return float(self.energy_j(stop_s) - self.energy_j(start_s))

    def _cycle_j(self, before_j):
        last_s = self.times_s[0] + self.period_s - self.times_s[-1]
        return before_j[-1] + last_s * self.watts[-1]

    def _cycle(self, t_s):
        t_s = np.asarray(t_s, dtype=float)
        if self.period_s is None:
            return 0, t_s
        cycle = np.floor((t_s - self.times_s[0]) / self.period_s)
        return cycle, t_s - cycle * self.period_s

    def _segment(self, phase_s):
        index = np.searchsorted(self.times_s, phase_s, side="right") - 1
        return np.clip(index, 0, len(self.watts) - 1)


def constant(watts: float) -> Load:
    """The same power all the time."""
    return Load((0.0,), (watts,))


def square_wave(
    high_w: float, low_w: float, period_s: float, duty: float, start_s: float = 0.0
) -> Load:
    """`high_w` for the first `duty` (0 to 1) of every period, `low_w` for the rest."""
    return Load((start_s, start_s + duty * period_s), (high_w, low_w), period_s)


def burst(high_w: float, idle_w: float, start_s: float, duration_s: float) -> Load:
    """Idle, then `high_w` for `duration_s`, then idle again."""
    times_s = (start_s - 1.0, start_s, start_s + duration_s)
    return Load(times_s, (idle_w, high_w, idle_w))


@dataclasses.dataclass(frozen=True)
class CounterSensor:
    """An energy counter in J that moves every `update_s`, in units of `unit_j`, and wraps.

    range_j   where it starts again at 0, or None
    phase_s   an instant at which it moves
    """

    load: Load
    update_s: float = 0.001
    unit_j: float = 0.001
    range_j: float | None = None
    phase_s: float = 0.0
    offset_j: float = 0.0

    def at(self, t_s: ArrayLike) -> np.ndarray:
        """What the counter shows at `t_s`, in J."""
        moved_s = _last_update(t_s, self.update_s, self.phase_s)
        counted_j = (
            self.offset_j + np.floor(self.load.energy_j(moved_s) / self.unit_j) * self.unit_j
        )
        return counted_j if self.range_j is None else counted_j % self.range_j

    def energy_between_j(self, start_s: float, stop_s: float) -> float:
        """The energy in J that it counted between two times; it may have wrapped once."""
        counted_j = float(self.at(stop_s) - self.at(start_s))
        return counted_j if self.range_j is None else counted_j % self.range_j


@dataclasses.dataclass(frozen=True)
class PowerSensor:
    """A power sensor in W: every `update_s` it shows the mean of the last `window_s`.

    window_s = 0          instantaneous
    window_s < update_s   part-time: what happens in between is never seen
    window_s > update_s   averaging: a short kernel is smeared over the window
    """

    load: Load
    update_s: float = 0.1
    window_s: float = 0.1
    unit_w: float = 0.001
    phase_s: float = 0.0

    def at(self, t_s: ArrayLike) -> np.ndarray:
        """What the sensor shows at `t_s`, in W."""
        seen_s = _last_update(t_s, self.update_s, self.phase_s)
        if self.window_s == 0:
            watts = self.load.power_w(seen_s)
        else:
            seen_j = self.load.energy_j(seen_s) - self.load.energy_j(seen_s - self.window_s)
            watts = seen_j / self.window_s
        return np.round(watts / self.unit_w) * self.unit_w

    def energy_between_j(self, start_s: float, stop_s: float) -> float:
        """The energy in J of what it showed: asked about every 10 ms, power × time added up."""
        n = round((stop_s - start_s) / _ASK_S) + 1
        middles_s = start_s + (np.arange(n) + 0.5) * (stop_s - start_s) / n
        return float(self.at(middles_s).mean() * (stop_s - start_s))


def _last_update(t_s, update_s, phase_s):
    t_s = np.asarray(t_s, dtype=float)
    # A billionth of a period: an instant that is meant to be an update counts as one.
    return phase_s + np.floor((t_s - phase_s) / update_s + 1e-9) * update_s


def poll(
    sensor: CounterSensor | PowerSensor,
    start_s: float,
    stop_s: float,
    period_s: float,
    jitter_s: float = 0.0,
    seed: int = 0,
) -> tuple[list[float], list[float]]:
    """Ask a sensor about every `period_s` from start to stop; returns (times_s, values), lists.

    Each time is off by up to `jitter_s` either way, as a busy machine makes it.
    """
    n = int(np.ceil((stop_s - start_s) / period_s)) + 1
    late_s = np.random.default_rng(seed).uniform(-jitter_s, jitter_s, n)
    times_s = np.sort(start_s + np.arange(n) * period_s + late_s)
    return times_s.tolist(), np.asarray(sensor.at(times_s)).tolist()


class SimulatedClock:
    """A clock that stands still until `sleep`: what polls in the background runs inside `sleep`.

    It takes the place of the real clock of `energy`, so that a simulated measurement is instant
    and always the same.
    """

    def __init__(self, start_s: float = 0.0):
        self._now_ns = round(start_s * 1e9)
        self._running: list[_Simulated] = []

    def now_ns(self) -> int:
        """The time of this clock, in ns."""
        return self._now_ns

    def sleep(self, seconds: float) -> None:
        """Let time pass, and everything happen that is due meanwhile."""
        end_ns = self._now_ns + round(seconds * 1e9)
        while self._running and (first := min(self._running, key=_due_ns)).due_ns <= end_ns:
            self._now_ns = max(self._now_ns, first.due_ns)
            first.wake()
        self._now_ns = end_ns

    def run(self, poll_once: Callable[[], int]) -> "_Simulated":
        """Call `poll_once`, which returns when it wants to be called next in ns."""
        return _Simulated(poll_once, self._running)


class _Simulated:
    """What a real clock does in a thread."""

    def __init__(self, poll_once, running):
        self._poll_once, self._running = poll_once, running
        self.wake()
        running.append(self)

    def wake(self):
        self.due_ns = self._poll_once()

    def stop(self):
        self._running.remove(self)


def _due_ns(simulated):
    return simulated.due_ns


def simulated_probe(
    sensor: CounterSensor | PowerSensor,
    clock: SimulatedClock,
    id: str = "simulated:0",  # noqa: A002
) -> Probe:
    """A probe that reads `sensor` at the time of `clock`."""
    is_counter = isinstance(sensor, CounterSensor)

    def read():
        now_ns = clock.now_ns()
        value = float(sensor.at(now_ns * 1e-9))
        return Sample(now_ns, value, None) if is_counter else Sample(now_ns, None, value)

    declared: dict[str, Any]
    if isinstance(sensor, CounterSensor):
        method = "energy_counter"
        declared = {"resolution_j": sensor.unit_j, "range_j": sensor.range_j}
    else:
        method = _method(sensor)
        declared = {"averaging_window_s": sensor.window_s, "resolution_w": sensor.unit_w}
    return Probe(
        id=id,
        scope="device",
        method=method,
        update_period_s=sensor.update_s,
        **declared,
        max_power_w=max(sensor.load.watts) or None,
        includes=("simulated load",),
        reader=read,
    )


def simulated_energy(
    sensor: CounterSensor | PowerSensor,
    start_s: float,
    stop_s: float,
    *,
    pad_s: float = 0.0,
    **options: Any,
) -> Energy:
    """What `energy` says of a window of simulated time that it reads by `sensor`.

    pad_s    how long to watch idle before and after; 0 where the load runs on
    options  others of `energy`, such as `load_period_s`
    """
    clock = SimulatedClock(start_s - pad_s)
    probe = simulated_probe(sensor, clock)
    with energy(probe, clock=clock, pad=pad_s, **options) as found:
        clock.sleep(stop_s - start_s)
    return found


def _method(sensor):
    return "averaged_power" if sensor.window_s > 0 else "instant_power"
