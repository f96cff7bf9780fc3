"""Reading probes in the background: one daemon thread, a time for every sample, none dropped."""

import threading
from array import array
from collections.abc import Callable, Iterable
from time import perf_counter_ns, sleep

from labkit.power.probe import POLLED, Probe

POLLS_PER_UPDATE = 5  # dense enough to tell one update from the next
SHORTEST_POLL_S = 0.005
COUNTER_POLL_S = 0.2  # a counter loses nothing between two readings, but it may get stuck


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

    def read(self) -> None:
        """Take one sample and plan the next."""
        if self.failure:
            return
        try:
            sample = self.probe.read()
        except (Exception, SystemExit) as error:  # whatever a file or a vendor's library raises
            self.failure, self.due_ns = f"{type(error).__name__}: {error}", 2**62
            return
        value = sample.power_w if sample.energy_j is None else sample.energy_j
        if value is None:
            self.failure, self.due_ns = "showed neither energy nor power", 2**62
            return
        self.times_ns.append(sample.t_ns)
        self.values.append(value)
        fast = sample.t_ns < self._fast_until_ns
        self.due_ns = sample.t_ns + (self._fast_ns if fast else self._slow_ns)

    def read_edge(self, now_ns: int) -> None:
        """Take one sample, and look closely until the sensor has moved twice."""
        self._fast_until_ns = now_ns + 2 * round((self.probe.update_period_s or 0.0) * 1e9)
        self.read()


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
                trace.read_edge(self.clock.now_ns())
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
                    trace.read()
            return min(trace.due_ns for trace in self.traces)
