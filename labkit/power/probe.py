"""`Probe`: one power source, what it declares about itself, and how to read it."""

import dataclasses
import math
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any, NamedTuple

from labkit.reading import Origin
from labkit.units import si

POLLED = ("instant_power", "averaged_power")
METHODS = ("energy_counter", *POLLED, "model")
_ABOVE_0 = ("update_period_s", "range_j", "max_power_w")
_FROM_0 = (
    "averaging_window_s", "shortest_window_s", "longest_window_s", "resolution_j", "resolution_w",
    "rel_uncertainty",
)  # fmt: skip


class Sample(NamedTuple):
    """One reading: the time after it in ns (monotonic), and energy in J or power in W."""

    t_ns: int
    energy_j: float | None
    power_w: float | None


@dataclasses.dataclass(frozen=True, eq=False)
class Probe:
    """One power source, or one that cannot be read and the reason.

    id      "nvml:0", "rapl:package-0", "rapl:dram-0", "jetson:VDD_IN", "model:cpu-tdp", ...
    scope   "device", "package", "dram", "board" or "system"
    method  "energy_counter", "instant_power", "averaged_power" or "model"
    update_period_s      how often the sensor has a new figure
    averaging_window_s   how long it averages for a figure; below the update period it sees only a
                         part of the time
    shortest_window_s, longest_window_s   where that window is not sure: the bounds that hold
    resolution_j, resolution_w   the least step of a counter, of a power
    range_j              where a counter starts again at 0
    max_power_w          more than this it cannot draw: what shows more is a glitch
    rel_uncertainty      of the sensor itself, as a fraction; not part of an energy's interval
    includes             what the figure holds
    adds                 whether it belongs into a total; False for a part or a whole of another
    overlaps             the ids of probes that hold some of the same: of these one is added
    may_overlap          nothing tells whether it really overlaps them
    shares               what of others the figure holds, in words; None if nothing
    rests                whether it may stand still or show 0 W though it works, as of a unit that
                         is switched off while it has nothing to do
    reason, fix          why it cannot be read, and what to do; None for one that can
    present              the hardware is there, readable or not
    permission           only a permission is missing

    Times in s, energies in J, powers in W. Anything unknown is None. Raises ValueError for another
    method, and for an amount that cannot be.
    """

    id: str
    scope: str
    method: str
    update_period_s: float | None = None
    averaging_window_s: float | None = None
    shortest_window_s: float | None = None
    longest_window_s: float | None = None
    resolution_j: float | None = None
    resolution_w: float | None = None
    range_j: float | None = None
    max_power_w: float | None = None
    rel_uncertainty: float | None = None
    includes: tuple[str, ...] = ()
    adds: bool = True
    overlaps: tuple[str, ...] = ()
    may_overlap: bool = False
    shares: str | None = None
    rests: bool = False
    note: str | None = None
    reason: str | None = None
    fix: str | None = None
    present: bool = True
    permission: bool = False
    reader: Callable[[], Sample] | None = dataclasses.field(default=None, repr=False)

    def __post_init__(self):
        if self.method not in METHODS:
            known = ", ".join(METHODS)
            raise ValueError(
                f"{self.id} has the method {self.method!r}, and it must be one of {known}."
            )
        for name in (*_ABOVE_0, *_FROM_0):
            amount = getattr(self, name)
            floor = "above 0" if name in _ABOVE_0 else "from 0"
            is_fit = isinstance(amount, Real) and (amount > 0 if name in _ABOVE_0 else amount >= 0)
            if amount is not None and not (is_fit and amount < math.inf):
                raise ValueError(
                    f"{name} of {self.id} must be a number {floor}, or None where it is not "
                    f"known: got {amount!r}."
                )

    @property
    def available(self) -> bool:
        """Whether it can be read."""
        return self.reason is None

    @property
    def origin(self) -> Origin:
        """Measured, or modelled."""
        return Origin.MODELLED if self.method == "model" else Origin.MEASURED

    def read(self) -> Sample:
        """Read it now: a `Sample`. Raises RuntimeError with the reason if it cannot be read."""
        if self.reader is None or not self.available:
            raise RuntimeError(f"{self.id} cannot be read: {self.why or 'it has no reader'}.")
        return self.reader()

    @property
    def memory_s(self) -> float:
        """How long, at most, the sensor goes on to speak of a moment, but for its updates, in s."""
        return self.longest_window_s or self.averaging_window_s or 0.0

    @property
    def why(self) -> str:
        """The reason and the fix, as one text."""
        return "; ".join(text for text in (self.reason, self.fix) if text)

    @property
    def covers(self) -> str:
        """Its id and what its figure holds: `rapl:package-0 (cpu)`."""
        held = ", ".join(filter(None, (*self.includes, self.shares)))
        return f"{self.id} ({held})" if held else self.id

    def __repr__(self):
        return f"[{self.origin}] {self.id.replace(':', ' ')}: {self.summary}"

    @property
    def summary(self) -> str:
        """What it declares, in one line; of one that cannot be read, why."""
        if not self.available:
            return f"unknown ({self.why})"
        return ", ".join(self._declared())

    def _declared(self):
        yield self.method.replace("_", " ")
        yield f"of the {self.scope}"
        if self.update_period_s:
            yield f"every {si(self.update_period_s, 's')}"
        if self.averaging_window_s:
            yield f"mean of {si(self.averaging_window_s, 's')}"
        if self.range_j:
            yield f"wraps at {si(self.range_j, 'J')}"
        yield from filter(None, (self.shares, self.note))


def missing(
    id: str,  # noqa: A002
    reason: str,
    fix: str | None = None,
    *,
    scope: str = "device",
    method: str = "energy_counter",
    **more: Any,
) -> Probe:
    """A probe that cannot be read, with the reason and the fix."""
    return Probe(id, scope, method, reason=reason, fix=fix, **more)


def disjoint(probes: Iterable[Probe]) -> list[Probe]:
    """The probes that may be added up: of those that overlap, the first; those that add go first.

    Each probe counts once. Raises ValueError where two different ones have the same id.
    """
    by_id: dict[str, Probe] = {}
    for probe in probes:
        if by_id.setdefault(probe.id, probe) is not probe:
            raise ValueError(
                f"Two probes are called {probe.id!r}, and nothing tells whether they are one "
                f"sensor. Give each an id of its own."
            )
    kept: list[Probe] = []
    for probe in sorted(by_id.values(), key=lambda probe: not probe.adds):
        if not any(other.id in probe.overlaps or probe.id in other.overlaps for other in kept):
            kept.append(probe)
    return kept
