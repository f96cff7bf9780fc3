"""Reading probes in the background: one daemon thread, a time for every sample, none dropped."""

import math
import threading
from array import array
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from time import perf_counter_ns, sleep

from labkit.power.probe import POLLED, Probe, Sample
from labkit.units import si

POLLS_PER_UPDATE = 5  # dense enough to tell one update from the next
SHORTEST_POLL_S = 0.005
COUNTER_POLL_S = 0.2  # a counter loses nothing between two readings, but it may get stuck
OLDEST_NS = 1_000_000_000  # a sample whose time lies further back has another clock, or is stale


class RealClock:
    """The monotonic clock, and a daemon thread for what runs in the background."""

    now_ns = staticmethod(perf_counter_ns)
    sleep = staticmethod(sleep)

    def run(self, poll_once: Callable[[], int]) -> "Background":
        """Call `poll_once`, which returns when it wants to be called next in ns; a `Background`."""
        return Background(poll_once)


class Background:
    """A daemon thread that calls `poll_once` whenever it is due, until it is stopped."""

    def __init__(self, poll_once: Callable[[], int]):
        self._poll_once, self._stopped = poll_once, False
        self._wake = threading.Lock()  # waiting for it costs less than waiting for an Event
        self._wake.acquire()
        self._thread = threading.Thread(target=self._loop, name="labkit-power", daemon=True)
        self._thread.start()

    def _loop(self):
        while not self._stopped:
            self._wake.acquire(timeout=max(self._poll_once() - perf_counter_ns(), 0) * 1e-9)

    def wake(self) -> None:
        """Poll now: what is due may have changed."""
        if self._wake.locked():
            self._wake.release()

    def stop(self) -> None:
        """Stop, and wait until the thread has ended."""
        self._stopped = True
        self.wake()
        self._thread.join()


class Trace:
    """All samples of one probe: `times_ns` and `values` (J of a counter or model, else W).

    `failure` says why reading ended early; what was read before stays.
    """

    def __init__(self, probe: Probe, hz: str | float):
        self.probe = probe
        self.times_ns, self.values = array("q"), array("d")
        self.failure: str | None = None
        self.due_ns = self._fast_until_ns = 0
        self._fast_ns, self._slow_ns = (round(s * 1e9) for s in _periods_s(probe, hz))

    def read(self, clock: "RealClock") -> None:
        """Take one sample and plan the next."""
        if self.failure:
            return
        began_ns = clock.now_ns()
        try:
            sample = self.probe.read()
            problem = self._problem(sample, began_ns, clock.now_ns())
        except (Exception, SystemExit) as error:  # whatever a file or a vendor's library raises
            problem = f"{type(error).__name__}: {error}"
        if problem:
            self.failure, self.due_ns = problem, 2**62
            return
        self.times_ns.append(sample.t_ns)
        self.values.append(self._value(sample))
        fast = began_ns < self._fast_until_ns
        self.due_ns = began_ns + (self._fast_ns if fast else self._slow_ns)

    def read_edge(self, clock: "RealClock") -> None:
        """Take one sample, and look closely until the sensor has moved twice."""
        update_ns = round((self.probe.update_period_s or 0.0) * 1e9)
        self._fast_until_ns = clock.now_ns() + 2 * update_ns
        self.read(clock)

    def _value(self, sample):
        return sample.power_w if self.probe.method in POLLED else sample.energy_j

    def _problem(self, sample, began_ns, ended_ns):
        """Why a sample cannot be used, or None."""
        if not isinstance(sample, Sample):
            return f"gave {sample!r}, which isn't a Sample"
        value, t_ns = self._value(sample), sample.t_ns
        what, unit = ("power", "W") if self.probe.method in POLLED else ("energy", "J")
        if value is None:
            return f"showed no {what}, though it is declared as {self.probe.method}"
        # A power that isn't a number is dropped as a glitch; what a counter lost cannot be told.
        if not isinstance(value, Real) or (unit == "J" and not math.isfinite(value)):
            return f"showed {value!r}, which isn't an amount of {what} in {unit}"
        if not isinstance(t_ns, Integral) or not began_ns - OLDEST_NS <= t_ns <= ended_ns:
            return f"gave {t_ns!r} as its time, which isn't when time.perf_counter_ns() was read"
        if self.times_ns and t_ns < self.times_ns[-1]:
            back = si((self.times_ns[-1] - t_ns) * 1e-9, "s")
            return f"gave a time that lies {back} before that of the sample before"
        return None


def _periods_s(probe, hz):
    """How often to read near an edge of the window, and else."""
    update_s = probe.update_period_s or COUNTER_POLL_S
    if hz != "auto":
        return 1 / hz, 1 / hz
    fast_s = max(update_s / POLLS_PER_UPDATE, SHORTEST_POLL_S if update_s > 0.01 else update_s)
    if probe.method in POLLED:
        return fast_s, fast_s
    # Twice before the counter can have wrapped.
    wrap_s = (probe.range_j or 1e12) / (2 * (probe.max_power_w or 1000.0))
    return fast_s, min(COUNTER_POLL_S, wrap_s)


class Sampler:
    """Reads several probes, each at its own pace, until it is stopped."""

    def __init__(self, probes: Iterable[Probe], hz: str | float, clock: "RealClock"):
        self.traces = [Trace(probe, hz) for probe in probes]
        self.clock = clock
        self._lock = threading.Lock()
        self._background: Background | None = None

    def start(self) -> None:
        """Begin to read in the background."""
        if self.traces:
            self._background = self.clock.run(self._poll)

    def mark(self) -> int:
        """Read every probe now, in the caller's thread; returns the time after that, in ns."""
        with self._lock:
            for trace in self.traces:
                trace.read_edge(self.clock)
        marked_ns = self.clock.now_ns()
        if self._background:
            self._background.wake()
        return marked_ns

    def stop(self) -> None:
        """Stop the thread, if one runs; the samples stay."""
        if self._background:
            self._background.stop()
            self._background = None

    def _poll(self):
        """Read what is due; returns when the next one is, in ns."""
        with self._lock:
            now_ns = self.clock.now_ns()
            for trace in self.traces:
                if trace.due_ns <= now_ns:
                    trace.read(self.clock)
            return min(trace.due_ns for trace in self.traces)
