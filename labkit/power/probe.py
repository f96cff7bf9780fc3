"""`Probe`: one power source, what it declares about itself, and how to read it."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from labkit.reading import Origin
from labkit.units import si

METHODS = ("energy_counter", "instant_power", "averaged_power", "model")


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
    resolution_j, resolution_w   the smallest step of a counter, of a power
    range_j              where a counter starts again at 0
    max_power_w          more than this it cannot draw: says when a counter may have wrapped twice
    rel_uncertainty      of the sensor itself, as a fraction; not part of an energy's interval
    includes             what the figure holds
    adds                 whether it belongs into a total; False for a part or a whole of another
    reason, fix          why it cannot be read, and what to do; None for one that can
    present              the hardware is there, readable or not
    permission           only a permission is missing

    Anything unknown is None.
    """

    id: str
    scope: str
    method: str
    update_period_s: float | None = None
    averaging_window_s: float | None = None
    resolution_j: float | None = None
    resolution_w: float | None = None
    range_j: float | None = None
    max_power_w: float | None = None
    rel_uncertainty: float | None = None
    includes: tuple[str, ...] = ()
    adds: bool = True
    note: str | None = None
    reason: str | None = None
    fix: str | None = None
    present: bool = True
    permission: bool = False
    reader: Callable[[], Sample] | None = dataclasses.field(default=None, repr=False)

    @property
    def available(self):
        """Whether it can be read."""
        return self.reason is None

    @property
    def origin(self):
        return Origin.MODELLED if self.method == "model" else Origin.MEASURED

    def read(self):
        """Read it now: a `Sample`. Raises RuntimeError with the reason if it cannot be read."""
        if not self.available:
            raise RuntimeError(f"{self.id} cannot be read: {self.why}.")
        return self.reader()

    @property
    def why(self):
        """The reason and the fix, as one text."""
        return "; ".join(text for text in (self.reason, self.fix) if text)

    def __repr__(self):
        return f"[{self.origin}] {self.id.replace(':', ' ')}: {self.summary}"

    @property
    def summary(self):
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
        if self.note:
            yield self.note


def missing(id, reason, fix=None, *, scope="device", method="energy_counter", **more):  # noqa: A002
    """A probe that cannot be read, with the reason and the fix."""
    return Probe(id, scope, method, reason=reason, fix=fix, **more)
