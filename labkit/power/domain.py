"""`DomainEnergy`: from the samples of one probe to the energy of one window."""

import dataclasses
from bisect import bisect_right
from itertools import pairwise
from typing import NamedTuple

from labkit.power.counter import counter_energy, counter_power, unwrap
from labkit.power.estimate import Estimate
from labkit.power.polled import idle_level, polled_energy
from labkit.power.tdp_model import FACTOR
from labkit.reading import Origin, Reading

POLLED = ("instant_power", "averaged_power")
AMBIGUOUS = (
    "the counter fell, or stood still too long between two readings, to tell how often it wrapped"
)


class Window(NamedTuple):
    """Where a window lies on the monotonic clock, and how much idle was watched before it."""

    start_ns: int
    stop_ns: int
    pad_s: float = 0.0

    @property
    def elapsed_s(self):
        return (self.stop_ns - self.start_ns) * 1e-9


@dataclasses.dataclass(frozen=True, repr=False)
class DomainEnergy:
    """What one probe says of a window; energy and bounds in J are None where `reason` says why.

    n_samples, max_gap_s   readings in the window, and the longest time between two of them
    wraps                  how often the counter started again; None for a power sensor
    """

    id: str
    scope: str
    method: str
    origin: Origin
    energy_j: float | None
    energy_lo_j: float | None
    energy_hi_j: float | None
    idle_power_w: float | None
    n_samples: int
    max_gap_s: float | None
    wraps: int | None
    flags: tuple[str, ...]
    reason: str | None

    def reading(self):
        """The energy as a Reading in J."""
        note = "; ".join(filter(None, (self.reason, *self.flags))) or None
        name = f"energy of {self.id.replace(':', ' ')}"
        low, high = self.energy_lo_j, self.energy_hi_j
        return Reading(name, self.energy_j, "J", self.origin, None, note, low, high)

    def __repr__(self):
        return str(self.reading())


def domain_energy(trace, window, load_period_s=None):
    """The energy of `window` by the samples of `trace`, as a DomainEnergy."""
    probe = trace.probe
    times_s = [(t_ns - window.start_ns) * 1e-9 for t_ns in trace.times_ns]
    during = [t_s for t_s in times_s if 0 <= t_s <= window.elapsed_s]
    estimate, idle_w, wraps, reason = Estimate(None, None, None), None, None, trace.failure
    if reason is None and probe.method in POLLED:
        estimate, idle_w = _polled(probe, times_s, trace.values, window, load_period_s)
    elif reason is None:
        estimate, idle_w, wraps = _counted(probe, times_s, trace.values, window)
        reason = AMBIGUOUS if wraps is None else None
    return DomainEnergy(
        probe.id,
        probe.scope,
        probe.method,
        probe.origin,
        *estimate[:3],
        idle_power_w=idle_w,
        n_samples=len(during),
        max_gap_s=max((after - before for before, after in pairwise(during)), default=None),
        wraps=wraps,
        flags=estimate.flags,
        reason=reason,
    )


def _polled(probe, times_s, watts, window, load_period_s):
    sensor = {"update_s": probe.update_period_s, "window_s": probe.averaging_window_s}
    estimate = polled_energy(
        times_s,
        watts,
        0.0,
        window.elapsed_s,
        **sensor,
        pad_s=window.pad_s,
        unit_w=probe.resolution_w or 0.0,
        load_period_s=load_period_s,
        max_power_w=probe.max_power_w,
    )
    return estimate, idle_level(times_s, watts, -window.pad_s, 0.0, **sensor)


def _counted(probe, times_s, values, window):
    unit_j = probe.resolution_j or 0.0
    joules, wraps = unwrap(times_s, values, probe.range_j, probe.max_power_w, unit_j)
    if joules is None:
        return Estimate(None, None, None, ("wrap_ambiguous",)), None, None
    if probe.method == "model":
        return *_modelled(times_s, joules, unit_j, window), wraps
    counter = {"update_s": probe.update_period_s, "unit_j": unit_j}
    estimate = counter_energy(times_s, joules, 0.0, window.elapsed_s, **counter)
    idle_w = counter_power(times_s, joules, -window.pad_s, 0.0, probe.update_period_s)
    return estimate, idle_w, wraps


def _modelled(times_s, joules, unit_j, window):
    """Differences of what the model says: it has a value at every instant, up to a tick."""
    padded_j, start_j, stop_j = (
        joules[max(bisect_right(times_s, t_s + 1e-9) - 1, 0)]
        for t_s in (-window.pad_s, 0.0, window.elapsed_s)
    )
    energy_j = stop_j - start_j
    low_j, high_j = max(energy_j - unit_j, 0.0) / FACTOR, (energy_j + unit_j) * FACTOR
    idle_w = (start_j - padded_j) / window.pad_s if window.pad_s else None
    return Estimate(energy_j, low_j, high_j, ("model",)), idle_w
