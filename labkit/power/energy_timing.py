"""`bench_energy`: how many joules does one call take?"""

import dataclasses
import math
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from time import perf_counter
from typing import Any

from labkit.hardware.asynchronous import (
    name_of,
    refuse_deferred,
    refuse_unfinished,
    wait_for,
    wait_until_idle,
)  # fmt: skip
from labkit.power.energy import Energy, energy
from labkit.power.probe import Probe
from labkit.reading import Origin, Reading
from labkit.units import si

MIN_TIME_S = 5.0
MIN_CALLS = 32
WINDOWS = 10  # of a sensor's averaging window
TRIAL_S = 0.2


@dataclasses.dataclass(frozen=True, repr=False)
class EnergyTiming:
    """The energy of one call: the energy of `n_calls` in a row, divided.

    window   the Energy of all of them, with its parts, flags and reasons
    """

    name: str
    n_calls: int
    window: Energy

    @property
    def energy_j(self) -> float | None:
        """Of one call, in J; None if a part is unknown."""
        return self._each(self.window.energy_j)

    @property
    def energy_lo_j(self) -> float | None:
        """Of one call, at least, in J."""
        return self._each(self.window.energy_lo_j)

    @property
    def energy_hi_j(self) -> float | None:
        """Of one call, at most, in J."""
        return self._each(self.window.energy_hi_j)

    @property
    def net_energy_j(self) -> float | None:
        """Of one call, above idle, in J."""
        return self._each(self.window.net_energy_j)

    @property
    def time_s(self) -> float:
        """Mean time of one call in s; `bench` measures it better."""
        return self.window.elapsed_s / self.n_calls

    @property
    def kind(self) -> str:
        """`measured`, `mixed`, `modelled` or `unknown`, as of the window."""
        return self.window.kind

    @property
    def flags(self) -> tuple[str, ...]:
        """What is doubtful, in one word each."""
        return self.window.flags

    def energy(self, name: str | None = None) -> Reading:
        """The energy of one call as a Reading in J."""
        total = self.window.readings()[0]
        note = "; ".join(filter(None, (f"mean of {self.n_calls:,} calls", total.note)))
        bounds = self.energy_lo_j, self.energy_hi_j
        name = name or f"energy of {self.name}"
        return Reading(name, self.energy_j, "J", total.origin, None, note, *bounds, total.of)

    def __repr__(self):
        net_j = self.net_energy_j
        note = f"not above idle: {si(net_j, 'J')}" if net_j is not None and net_j < 0 else None
        total = self.window.readings()[0]
        origin, name = total.origin, f"net energy of {self.name}"
        lines = (
            self.energy(),
            Reading(name, None if note else net_j, "J", origin, None, note, of=total.of),
            Reading(f"time of {self.name}", self.time_s, "s", Origin.MEASURED),
        )
        return "\n".join(map(str, lines))

    def _each(self, value):
        return None if value is None else value / self.n_calls


def bench_energy(
    fn: Callable,
    *args: Any,
    name: str | None = None,
    probes: str | Probe | Iterable[Probe] = "auto",
    min_time_s: float = MIN_TIME_S,
    min_calls: int = MIN_CALLS,
    max_time_s: float = 60.0,
) -> EnergyTiming:
    """Measure the energy of one call of `fn(*args)`, over many calls in a row: an `EnergyTiming`.

    The calls last at least `min_time_s`, ten averaging windows of the slowest sensor, and number at
    least `min_calls`, so that what a sensor misses at the edges is small; after `max_time_s` no new
    call begins. The first calls, which may compile, come before the window opens. What a call
    leaves running on a device is waited for. What `fn` raises goes through. Raises TypeError or
    ValueError for an option that makes no sense; TypeError for a coroutine function, a generator
    function, and a function that returns what has not been done yet.
    """
    if not callable(fn):
        raise TypeError(
            f"There is nothing to call in {fn!r}. Pass the function and its arguments, not its "
            f"result: bench_energy(f, x), not bench_energy(f(x))."
        )
    refuse_deferred(fn)
    _refuse_nonsense(min_time_s, min_calls, max_time_s)
    name = str(name or name_of(fn))
    call_s = _call_time_s(fn, args)
    meter = energy(probes, load_period_s=call_s, name=f"energy of {name}")
    at_least_s = max(min_time_s, WINDOWS * meter.longest_window_s)
    n_calls = 0
    with meter:
        start_s = perf_counter()
        while True:
            wait_for(fn(*args))
            n_calls += 1
            elapsed_s = perf_counter() - start_s
            if elapsed_s >= max_time_s or (elapsed_s >= at_least_s and n_calls >= min_calls):
                break
    return EnergyTiming(name, n_calls, meter)


def _call_time_s(fn, args):
    """The time of one call, its compilation apart: the load's period if it is called in a row."""
    result = fn(*args)
    refuse_unfinished(result, name_of(fn))
    wait_for(result)
    wait_until_idle(args)
    start_s, n_calls = perf_counter(), 0
    while perf_counter() - start_s < TRIAL_S:
        wait_for(fn(*args))
        n_calls += 1
    wait_until_idle(args)
    return (perf_counter() - start_s) / n_calls


def _refuse_nonsense(min_time_s, min_calls, max_time_s):
    if not (isinstance(min_time_s, Real) and min_time_s >= 0):
        raise ValueError(f"min_time_s is a time in seconds, at least 0, got {min_time_s!r}.")
    if not (isinstance(min_calls, Integral) and min_calls >= 1):
        raise ValueError(f"min_calls is a whole number, at least 1, got {min_calls!r}.")
    if not (isinstance(max_time_s, Real) and 0 < max_time_s < math.inf):
        raise ValueError(f"max_time_s is a time in seconds above 0, got {max_time_s!r}.")
