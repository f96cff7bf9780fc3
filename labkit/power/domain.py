"""`DomainEnergy`: from the samples of one probe to the energy of one window."""

import dataclasses
from bisect import bisect_right
from itertools import pairwise
from typing import NamedTuple

from labkit.power.counter import counter_energy, counter_power, stands_still, unwrap, why_not
from labkit.power.estimate import DEFAULT_MAX_POWER_W, Estimate, Unknown
from labkit.power.polled import idle_level, polled_energy, possible
from labkit.power.probe import POLLED
from labkit.power.sampler import Trace
from labkit.power.tdp_model import FACTOR
from labkit.reading import Origin, Reading

UNDECLARED_UPDATE_S = 0.1  # of a power sensor that does not say how often it has a new figure
RESTING_UPDATES = 3  # a sensor that shows 0 W for longer shows nothing


class Window(NamedTuple):
    """Where a window lies on the monotonic clock, and how much idle was watched before it."""

    start_ns: int
    stop_ns: int
    pad_s: float = 0.0

    @property
    def elapsed_s(self) -> float:
        """Its length in s."""
        return (self.stop_ns - self.start_ns) * 1e-9


class _Found(NamedTuple):
    """What the samples say."""

    energy: Estimate | Unknown
    idle_w: float | None = None
    wraps: int | None = None


@dataclasses.dataclass(frozen=True, repr=False)
class DomainEnergy:
    """What one probe says of a window.

    estimate               energy and bounds in J; None where `reason` says why it is unknown
    n_samples, max_gap_s   readings in the window, and the longest time between two of them
    wraps                  how often the counter started again; None for a power sensor
    flags                  any of those in `FLAGS`
    """

    id: str
    scope: str
    method: str
    origin: Origin
    estimate: Estimate | None
    idle_power_w: float | None
    n_samples: int
    max_gap_s: float | None
    wraps: int | None
    flags: tuple[str, ...]
    reason: str | None

    @property
    def energy_j(self) -> float | None:
        """The energy in J, between energy_lo_j and energy_hi_j; None if it is unknown."""
        return None if self.estimate is None else self.estimate.energy_j

    @property
    def energy_lo_j(self) -> float | None:
        """At least this much, in J; None if the energy is unknown."""
        return None if self.estimate is None else self.estimate.low_j

    @property
    def energy_hi_j(self) -> float | None:
        """At most this much, in J; None if the energy is unknown."""
        return None if self.estimate is None else self.estimate.high_j

    def reading(self) -> Reading:
        """The energy as a Reading in J."""
        note = "; ".join(filter(None, (self.reason, *self.flags))) or None
        name = f"energy of {self.id.replace(':', ' ')}"
        low, high = self.energy_lo_j, self.energy_hi_j
        of = modelled_from(self.origin)
        return Reading(name, self.energy_j, "J", self.origin, None, note, low, high, of)

    def __repr__(self):
        return str(self.reading())


def modelled_from(origin: Origin) -> tuple[Origin, ...]:
    """What a modelled energy is computed from: the measured load, and so its number varies."""
    return (Origin.MEASURED,) if origin is Origin.MODELLED else ()


def domain_energy(trace: Trace, window: Window, load_period_s: float | None = None) -> DomainEnergy:
    """The energy of `window` by the samples of `trace`."""
    probe = trace.probe
    times_s = [(t_ns - window.start_ns) * 1e-9 for t_ns in trace.times_ns]
    during = [t_s for t_s in times_s if 0 <= t_s <= window.elapsed_s]
    if trace.failure:
        found = _Found(Unknown(trace.failure))
    elif probe.method in POLLED:
        found = _polled(probe, times_s, trace.values, window, load_period_s)
    else:
        found = _counted(probe, times_s, trace.values, window)
    energy = found.energy
    estimate = energy if isinstance(energy, Estimate) else None
    shared = ("shared_gpu",) if probe.shares else ()
    return DomainEnergy(
        probe.id,
        probe.scope,
        probe.method,
        probe.origin,
        estimate=estimate,
        idle_power_w=found.idle_w if estimate else None,
        n_samples=len(during),
        max_gap_s=max((after - before for before, after in pairwise(during)), default=None),
        wraps=found.wraps,
        flags=energy.flags + shared,
        reason=energy.reason if isinstance(energy, Unknown) else None,
    )


def _polled(probe, times_s, watts, window, load_period_s):
    max_power_w = probe.max_power_w or DEFAULT_MAX_POWER_W
    n_shown, shown_w = len(watts), list(watts)
    times_s, watts = possible(times_s, watts, max_power_w + (probe.resolution_w or 0.0))
    if not watts:
        reason = f"showed {shown_w[0]:g} W, and never a power that is possible"
        return _Found(Unknown(reason, ("impossible_step",)))
    update_s = probe.update_period_s or UNDECLARED_UPDATE_S
    if not any(watts) and not probe.rests and times_s[-1] - times_s[0] > RESTING_UPDATES * update_s:
        return _Found(Unknown("showed 0 W all the time, as nothing does that is on", ("stuck",)))
    estimate = polled_energy(
        times_s,
        watts,
        0.0,
        window.elapsed_s,
        update_s=update_s,
        window_s=probe.memory_s,
        shortest_window_s=probe.shortest_window_s,
        pad_s=window.pad_s,
        unit_w=probe.resolution_w or 0.0,
        load_period_s=load_period_s,
        max_power_w=max_power_w,
    )
    if len(watts) < n_shown:
        flags = (*estimate.flags, "impossible_step")
        estimate = dataclasses.replace(estimate, flags=flags)
    sensor = {"update_s": update_s, "window_s": probe.memory_s}
    return _Found(estimate, idle_level(times_s, watts, -window.pad_s, 0.0, **sensor))


def _counted(probe, times_s, values, window):
    unit_j, update_s = probe.resolution_j or 0.0, probe.update_period_s or 0.0
    counter = (probe.range_j, probe.max_power_w, unit_j, update_s)
    joules, wraps = unwrap(times_s, values, *counter)
    if joules is None:
        return _Found(why_not(times_s, values, *counter))
    if probe.method == "model":
        return _modelled(times_s, joules, unit_j, window)
    stuck = None if probe.rests else stands_still(times_s, joules, update_s)
    if stuck:
        return _Found(stuck, wraps=wraps)
    span = (times_s, joules, 0.0, window.elapsed_s, update_s)
    estimate = counter_energy(*span, unit_j, probe.max_power_w)
    idle_w = counter_power(times_s, joules, -window.pad_s, 0.0, update_s)
    return _Found(estimate, idle_w, wraps)


def _modelled(times_s, joules, unit_j, window):
    """Differences of what the model says: it has a value at every instant, up to a tick."""
    padded_j, start_j, stop_j = (
        joules[max(bisect_right(times_s, t_s + 1e-9) - 1, 0)]
        for t_s in (-window.pad_s, 0.0, window.elapsed_s)
    )
    energy_j = stop_j - start_j
    low_j, high_j = max(energy_j - unit_j, 0.0) / FACTOR, (energy_j + unit_j) * FACTOR
    idle_w = (start_j - padded_j) / window.pad_s if window.pad_s else None
    return _Found(Estimate(energy_j, low_j, high_j, ("model",)), idle_w, wraps=0)
