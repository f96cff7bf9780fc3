"""`energy()`: how many joules did these lines take, at least and at most?"""

from collections.abc import Iterable
from numbers import Real
from typing import Any, NamedTuple, Self

from labkit.hardware.asynchronous import wait_until_idle
from labkit.power.domain import DomainEnergy, Window, domain_energy, modelled_from
from labkit.power.estimate import FLAGS, Estimate, total
from labkit.power.probe import POLLED, Probe, disjoint
from labkit.power.probes import probes as find_probes
from labkit.power.sampler import RealClock, Sampler
from labkit.reading import Origin, Reading
from labkit.units import si

SHORTEST_PAD_S = 0.2


def energy(
    probes: str | Probe | Iterable[Probe] = "auto",
    *,
    hz: str | float = "auto",
    pad: str | float = "auto",
    load_period_s: float | None = None,
    name: str = "energy",
    clock: Any = None,
) -> "Energy":
    """Measure the energy of a `with` block: `with energy() as e: work()`, then `e.energy_j`.

    probes   "auto": all that `probes()` finds and that add up, the CPU's model only where the CPU
             has no counter; or a list of Probe; or one. Of probes that hold some of the same only
             one is added: the others stand in `by_domain` alone
    hz       how often to read a power sensor; "auto" takes it from the sensor's update period
    pad      seconds of idle to watch before and after the block, for the idle power and to undo
             the sensor's averaging; "auto" takes what the sensors need (0.2 to 1.3 s). 0 if the
             load does not begin and end with the block
    load_period_s   of a load that repeats, to be warned where a sensor always sees the same part
    clock    for simulations: see `SimulatedClock`

    Work that a GPU does behind Python's back is waited for. It never uses the network, nor another
    process; one daemon thread reads the sensors. Raises TypeError or ValueError for an option that
    makes no sense, before anything is measured. The truth lies in the interval whatever the load
    did, but for the error of the sensor itself (`Probe.rel_uncertainty`).
    """
    return Energy(probes, hz, pad, load_period_s, name, clock or RealClock())


class Energy:
    """The energy of one window. What is unknown is None, and `reasons` says why.

    energy_j, energy_lo_j, energy_hi_j   the total and its bounds in J, always in this order: at
                     least, the energy, at most; None if a part is unknown
    mean_power_w, idle_power_w           in W; idle as watched before the block
    net_energy_j     above idle; noise may put it below 0
    elapsed_s        length of the window
    by_domain        id -> DomainEnergy, of the parts that are added and of those that overlap them
    covers           what is added up: `rapl:package-0 (cpu)`
    leaves_out       what is here and not in the total
    kind             "measured", "mixed", "modelled" or "unknown"
    complete         whether every part is known
    flags            any of those in `FLAGS`
    """

    def __init__(
        self,
        probes: str | Probe | Iterable[Probe],
        hz: str | float,
        pad: str | float,
        load_period_s: float | None,
        name: str,
        clock: Any,
    ):
        _refuse_nonsense(hz, pad, load_period_s)
        Reading(name, None, "J", Origin.MEASURED)  # refuses a bad name
        self.name = name
        self._choice = _choose(probes)
        self._hz, self._clock, self._load_period_s = hz, clock, load_period_s
        self._pad_s = max(map(_pad_s, self._choice.probes), default=0.0) if pad == "auto" else pad
        self._tail_s = max([self._pad_s, *map(_tail_s, self._choice.probes)])
        self._window = Window(0, 0)
        self._domains: dict[str, DomainEnergy] | None = None

    def __enter__(self) -> Self:
        self._domains = None
        self._sampler = Sampler(self._choice.probes, self._hz, self._clock)
        self._sampler.start()
        try:
            wait_until_idle()
            padded_ns = self._sampler.mark()
            if self._sampler.traces:
                self._clock.sleep(self._pad_s)
            self._start_ns = self._sampler.mark()
        except BaseException:
            self._sampler.stop()
            raise
        self._watched_s = (self._start_ns - padded_ns) * 1e-9 if self._pad_s else 0.0
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        try:
            if kind is None:
                wait_until_idle()
            stop_ns = self._sampler.mark()
            if self._sampler.traces and kind is None:
                self._clock.sleep(self._tail_s)
                self._sampler.mark()
        finally:
            self._sampler.stop()
        self._window = Window(self._start_ns, stop_ns, self._watched_s)
        self._domains = {
            trace.probe.id: domain_energy(trace, self._window, self._load_period_s)
            for trace in self._sampler.traces
        }

    @property
    def longest_window_s(self) -> float:
        """The longest time in s that one of the sensors may average over."""
        return max((probe.memory_s for probe in self._choice.probes), default=0.0)

    @property
    def by_domain(self) -> dict[str, DomainEnergy]:
        """What each probe says. Raises RuntimeError while the window is open."""
        if self._domains is None:
            raise RuntimeError(
                "This energy window has not closed yet. Put the work inside `with lk.energy() as "
                "e:` and read e.energy_j after the block."
            )
        return self._domains

    @property
    def elapsed_s(self) -> float:
        """Length of the window in s."""
        self.by_domain  # noqa: B018  refuses a window that is open
        return self._window.elapsed_s

    @property
    def energy_j(self) -> float | None:
        """The total in J; None if a part is unknown."""
        return None if self._total is None else self._total.energy_j

    @property
    def energy_lo_j(self) -> float | None:
        """At least this much, in J."""
        return None if self._total is None else self._total.low_j

    @property
    def energy_hi_j(self) -> float | None:
        """At most this much, in J."""
        return None if self._total is None else self._total.high_j

    @property
    def idle_power_w(self) -> float | None:
        """Mean power before the block, in W; None if none was watched."""
        powers_w = [part.idle_power_w for part in self._parts]
        return None if not self.complete or None in powers_w else sum(powers_w)

    @property
    def mean_power_w(self) -> float | None:
        """The total over the time, in W."""
        return self._per_s(self.energy_j)

    @property
    def net_energy_j(self) -> float | None:
        """The total less what idle would have taken, in J."""
        if self.energy_j is None or self.idle_power_w is None:
            return None
        return self.energy_j - self.idle_power_w * self.elapsed_s

    @property
    def complete(self) -> bool:
        """Whether there is a part, and every part is known."""
        parts = self._parts
        return bool(parts) and not self._choice.missing and all(part.estimate for part in parts)

    @property
    def kind(self) -> str:
        """`measured` if every part is, `modelled` if every part is, else `mixed` or `unknown`."""
        if not self.complete:
            return "unknown"
        origins = {part.origin for part in self._parts}
        return "mixed" if len(origins) > 1 else str(*origins)

    @property
    def flags(self) -> tuple[str, ...]:
        """What is doubtful in the total, in one word each."""
        raised = {flag for part in self._parts for flag in part.flags}
        if self._choice.denied:
            raised.add("permission")
        return tuple(flag for flag in FLAGS if flag in raised)

    @property
    def covers(self) -> tuple[str, ...]:
        """What is in the total: physically disjoint parts."""
        return tuple(probe.covers for probe in self._choice.added)

    @property
    def leaves_out(self) -> tuple[str, ...]:
        """What is here and could draw power, and is not in the total."""
        return tuple(self._choice.left_out)

    @property
    def reasons(self) -> tuple[str, ...]:
        """What is unknown, and why: one text for each missing part."""
        parts = [f"{part.id} {part.reason}" for part in self._parts if part.reason]
        return tuple(parts + [f"{probe.id} {probe.why}" for probe in self._choice.missing])

    def readings(self) -> tuple[Reading, Reading, Reading, Reading]:
        """Energy in J, mean power and idle power in W and net energy in J, always these four."""
        net_j, net_note = self.net_energy_j, None
        if net_j is not None and net_j < 0:
            net_j, net_note = None, f"not above idle: {si(net_j, 'J')}"
        low_w, high_w = map(self._per_s, (self.energy_lo_j, self.energy_hi_j))
        return (
            self._reading("", self.energy_j, "J", self.energy_lo_j, self.energy_hi_j, self._note()),
            self._reading("mean power", self.mean_power_w, "W", low_w, high_w),
            self._reading("idle power", self.idle_power_w, "W"),
            self._reading("net", net_j, "J", note=net_note),
        )

    def __repr__(self):
        if self._domains is None:
            return "an energy window that has not closed"
        return "\n".join(map(str, self.readings()))

    def _reading(self, quantity, value, unit, low=None, high=None, note=None):
        name = ", ".join(filter(None, (self.name, quantity)))
        origin = Origin.MODELLED if self.kind in ("mixed", "modelled") else Origin.MEASURED
        return Reading(
            name, value, unit, origin, None, note or None, low, high, modelled_from(origin)
        )

    def _note(self):
        """What a reader must know of the total: what it holds, leaves out, and what is doubtful."""
        if not self.complete:
            return "; ".join([*self.reasons, *self.flags]) or "there is no power source here"
        notes = [f"covers {', '.join(self.covers)}"]
        if self.leaves_out:
            notes.append(f"leaves out {', '.join(self.leaves_out)}")
        if self.kind == "mixed":
            modelled = [part.id for part in self._parts if part.origin is Origin.MODELLED]
            notes.append(f"modelled part: {', '.join(modelled)}")
        return "; ".join([*notes, *self.flags])

    @property
    def _parts(self):
        """What the probes that are added up say."""
        domains = self.by_domain
        return [domains[probe.id] for probe in self._choice.added]

    @property
    def _total(self) -> Estimate | None:
        return total(part.estimate for part in self._parts) if self.complete else None

    def _per_s(self, joules):
        return None if joules is None or self.elapsed_s <= 0 else joules / self.elapsed_s


class _Choice(NamedTuple):
    """What to measure, and what of it makes up the total."""

    probes: list[Probe]  # to read
    added: list[Probe]  # of these, to add up: they are physically disjoint
    missing: list[Probe]  # belong into the total and cannot be read
    left_out: list[str]  # are here and in no total
    denied: bool  # a counter was there, and only a permission was missing


def _choose(probes):
    """The probes of a total: each part of the machine once, and what is missing for it."""
    if isinstance(probes, str) and probes == "auto":
        return _automatic(find_probes())
    given, is_several = probes, isinstance(probes, Iterable) and not isinstance(probes, str)
    probes = list(probes) if is_several else [probes]
    for probe in probes:
        if not isinstance(probe, Probe):
            inside = " in it" if is_several else ""
            wanted = given if isinstance(given, str) else "nvml:0"
            raise TypeError(
                f"probes is 'auto', a Probe or a list of them, got {probe!r}{inside}. Take them "
                f"from lk.probes(), such as lk.probes()[{wanted!r}]."
            )
    added = disjoint(probes)
    readable = list({probe.id: probe for probe in probes if probe.available}.values())
    missing = [probe for probe in added if not probe.available]
    denied = any(probe.permission for probe in missing)
    return _Choice(readable, [probe for probe in added if probe.available], missing, [], denied)


def _automatic(found):
    """All that adds up; the CPU's model takes the place of CPU counters that cannot be read."""
    parts = disjoint(probe for probe in found if probe.adds and probe.present)
    models = [probe for probe in parts if probe.method == "model"]
    counters = [probe for probe in parts if probe.method != "model"]
    cpu = [probe for probe in counters if "cpu" in probe.includes]
    denied = any(probe.permission for probe in counters)
    if not cpu or not all(probe.available for probe in cpu):
        replaced = cpu if any(probe.available for probe in models) else []
        counters = [probe for probe in counters if probe not in replaced]
        parts = counters if cpu and not replaced else counters + models
    else:
        parts = counters
    missing = [probe for probe in parts if not probe.available]
    added = [probe for probe in parts if probe.available]
    return _Choice(added, added, missing, _left_out(found, added), denied)


def _left_out(found, added):
    """Of what is here and can be read, all that neither adds nor overlaps what does."""
    held = {id for probe in added for id in (probe.id, *probe.overlaps)}  # noqa: A001
    return [
        f"{probe.id} ({probe.note})" if probe.note else probe.id
        for probe in found
        if probe.available and probe.method != "model" and probe not in added
        if probe.may_overlap or not held & {probe.id, *probe.overlaps}
    ]


def _pad_s(probe):
    """As long as the sensor's memory and three updates, or ten of a counter; at least 0.2 s."""
    update_s = probe.update_period_s or 0.0
    if probe.method in POLLED:
        return max(probe.memory_s + 3 * update_s, SHORTEST_PAD_S)
    return min(max(10 * update_s, SHORTEST_PAD_S), 1.0)


def _tail_s(probe):
    """How long after a window the sensor still speaks of it."""
    return probe.memory_s + 2 * (probe.update_period_s or 0.0)


def _refuse_nonsense(hz, pad, load_period_s):
    if hz != "auto" and not (_is_number(hz) and 0 < hz <= 1000):
        raise ValueError(f"hz is 'auto' or readings per second, 0 to 1000, got {hz!r}.")
    if pad != "auto" and not (_is_number(pad) and 0 <= pad <= 60):
        raise ValueError(f"pad is 'auto' or seconds of idle, 0 to 60, got {pad!r}.")
    if load_period_s is not None and not (_is_number(load_period_s) and load_period_s > 0):
        raise ValueError(f"load_period_s is a time in seconds above 0, got {load_period_s!r}.")


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool)
