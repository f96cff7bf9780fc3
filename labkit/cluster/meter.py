"""The bytes that a host sends, as Linux counts them at its network device."""

import dataclasses
import threading
import time
from pathlib import Path
from typing import NamedTuple

from labkit.reading import Origin, Reading
from labkit.results import recorded

_EVERY_S = 0.004


class LinkTrace(NamedTuple):
    """Bytes sent since the start, at times in s since the start; headers of packets included."""

    times_s: list[float]
    sent_bytes: list[int]


@dataclasses.dataclass(frozen=True)
class LinkTraces:
    """A LinkTrace for each rank, by rank, and their origin: measured, or recorded somewhere."""

    by_rank: list[LinkTrace]
    origin: Origin = Origin.MEASURED
    source: str | None = None

    @property
    def time_s(self) -> Reading:
        """How long it took until the last byte had left."""
        ends = [
            next(t for t, n in zip(*trace, strict=True) if n >= 0.999 * trace.sent_bytes[-1])
            for trace in self.by_rank
        ]
        return Reading("time until the last byte left", max(ends), "s", self.origin, self.source)


def recorded_traces(key: str) -> LinkTraces:
    """A recorded run: rows with `times_s` and `sent_bytes`. Raises KeyError, a sentence."""
    result = recorded(key)
    traces = [LinkTrace(list(row["times_s"]), list(row["sent_bytes"])) for row in result.rows]
    return LinkTraces(traces, Origin.RECORDED, result.source)


class LinkMeter:
    """Watches what this host sends during a `with` block: afterwards `trace` is a LinkTrace.

    In a rank of `hosts=`, whose device is `eth0`; another rank on the same host counts, too.
    """

    def __init__(self, device: str = "eth0"):
        self._device = device
        self._samples: list[tuple[float, int]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def trace(self) -> LinkTrace:
        """What was seen so far."""
        (began, before), *_ = self._samples
        return LinkTrace(
            [when - began for when, _ in self._samples],
            [sent - before for _, sent in self._samples],
        )

    def __enter__(self) -> "LinkMeter":
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def _watch(self):
        while not self._stop.wait(_EVERY_S):
            self._look()

    def _look(self):
        self._samples.append((time.monotonic(), sent_bytes(self._device)))


def sent_bytes(device: str) -> int:
    """The bytes that a network device has sent since it came up."""
    for line in Path("/proc/self/net/dev").read_text().splitlines():
        name, _, counts = line.partition(":")
        if name.strip() == device:
            return int(counts.split()[8])
    raise LookupError(f"This host has no network device {device!r}: a meter needs hosts=.")
