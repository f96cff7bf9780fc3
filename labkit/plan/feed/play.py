"""A loader, followed batch by batch: when each is read, decoded and computed on."""

import dataclasses
import heapq
import itertools
import math
from collections.abc import Sequence

from labkit.plan.feed.loader import Loader

Span = tuple[float, float, str, str]  # start, end, what was done, the number of the batch


@dataclasses.dataclass(frozen=True, slots=True)
class Played:
    """What everybody did: `rows`, a name -> its spans (start, end, kind, batch), in s.

    taken_s   when the training process took each batch
    """

    rows: dict[str, list[Span]]
    taken_s: tuple[float, ...]

    @property
    def batch_s(self) -> float:
        """The mean time from step to step over the second half, when the pipeline is full."""
        half = len(self.taken_s) // 2
        return (self.taken_s[-1] - self.taken_s[half]) / (len(self.taken_s) - 1 - half)


def play(loader: Loader, n_steps: int, decode_times_s: Sequence[float] | None = None) -> Played:
    """Follow the first `n_steps` batches, at least 3, through a loader.

    decode_times_s   CPU time for each batch, where they differ; `n_steps` of them

    As in PyTorch's `DataLoader`, batch i belongs to worker i modulo their number, batches are taken
    in their order, and a worker is sent its next batch when one of its own is taken. Raises
    ValueError for too few steps, or times.
    """
    if n_steps < 3:
        raise ValueError(f"Follow at least 3 batches, got {n_steps}.")
    times_s = [loader.batch * loader.decode_s] * n_steps if decode_times_s is None else [
        float(time_s) for time_s in decode_times_s
    ]  # fmt: skip
    if len(times_s) != n_steps or not all(0 <= time_s < math.inf for time_s in times_s):
        raise ValueError(f"decode_times_s must be {n_steps} times in s, one for each batch.")
    if loader.workers:
        return _Pipeline(loader, times_s).run()
    return _in_turns(loader, times_s)


def _in_turns(loader, times_s):
    """Without workers one process does it all."""
    loads, steps, taken, now = [], [], [], 0.0
    for number, decode_s in enumerate(times_s):
        read, decoded = now + loader.read_s, now + loader.read_s + decode_s
        loads += _span(now, read, "read", number) + _span(read, decoded, "decode", number)
        taken.append(decoded)
        now = decoded + loader.step_s
        steps += _span(decoded, now, "compute", number)
    return Played({"loading": loads, "accelerator": steps}, tuple(taken))


def _span(start, end, kind, number):
    return [(start, end, kind, str(number))] if end > start else []


class _Queue:
    """`n` servers and one queue; requests come in the order of time."""

    def __init__(self, n):
        self._free_s = None if math.isinf(n) else [0.0] * max(1, int(n))

    def serve(self, now_s, for_s):
        """When a request that comes now is served: its start and end."""
        if self._free_s is None:
            return now_s, now_s + for_s
        start = max(now_s, heapq.heappop(self._free_s))
        heapq.heappush(self._free_s, start + for_s)
        return start, start + for_s


class _Pipeline:
    """Events in the order of time: a worker asks the storage, then a core, and a batch is ready."""

    def __init__(self, loader, times_s):
        self.loader, self.times_s = loader, times_s
        self.storage, self.cores = _Queue(1), _Queue(loader.cores)
        self.events, self.order = [], itertools.count()
        self.sent = [0] * loader.workers  # batches sent to each worker, and those it has begun
        self.begun = [0] * loader.workers
        self.is_busy = [False] * loader.workers
        self.ready, self.taken_s, self.is_computing = set(), [], False
        self.rows = {f"worker {w}": [] for w in range(loader.workers)} | {"accelerator": []}

    def run(self):
        for worker in range(self.loader.workers):
            self._send(0.0, worker, self.loader.prefetch)
        while self.events and len(self.taken_s) < len(self.times_s):
            now, _, action, args = heapq.heappop(self.events)
            action(now, *args)
        return Played(self.rows, tuple(self.taken_s))

    def _at(self, time_s, action, *args):
        heapq.heappush(self.events, (time_s, next(self.order), action, args))

    def _send(self, now, worker, n_batches):
        self.sent[worker] += n_batches
        self._begin(now, worker)

    def _begin(self, now, worker):
        number = worker + self.begun[worker] * self.loader.workers
        is_sent = self.begun[worker] < self.sent[worker]
        if self.is_busy[worker] or not is_sent or number >= len(self.times_s):
            return
        self.begun[worker] += 1
        self.is_busy[worker] = True
        latency_s = self.loader.read_s - self.loader.storage_s
        self._at(now + latency_s, self._read, worker, number, now)

    def _read(self, now, worker, number, began):
        _, end = self.storage.serve(now, self.loader.storage_s)
        self.rows[f"worker {worker}"] += _span(began, end, "read", number)
        self._at(end, self._decode, worker, number)

    def _decode(self, now, worker, number):
        start, end = self.cores.serve(now, self.times_s[number])
        self.rows[f"worker {worker}"] += _span(start, end, "decode", number)
        self._at(end, self._finish, worker, number)

    def _finish(self, now, worker, number):
        self.is_busy[worker] = False
        self.ready.add(number)
        self._begin(now, worker)
        self._take(now)

    def _take(self, now):
        number = len(self.taken_s)
        if self.is_computing or number not in self.ready:
            return
        self.is_computing = True
        self.taken_s.append(now)
        self._send(now, number % self.loader.workers, 1)
        computes = now + self.loader.handover_s
        end = computes + self.loader.step_s
        self.rows["accelerator"] += _span(now, computes, "take over", number)
        self.rows["accelerator"] += _span(computes, end, "compute", number)
        self._at(end, self._step_done)

    def _step_done(self, now):
        self.is_computing = False
        self._take(now)
