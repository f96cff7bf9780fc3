"""The clock that fits the device: the host's, or CUDA events on the GPU.

A window opens only when the device is idle and closes only when it is idle again, for a kernel
launch returns before the kernel has run.
"""

import functools
from collections.abc import Callable, Iterable
from itertools import pairwise, repeat
from time import perf_counter_ns
from types import ModuleType

from labkit.hardware.asynchronous import (
    TORCH_KINDS,
    accelerators,
    computing,
    torch_with_accelerator,
    wait_for,
    waits,
)  # fmt: skip

FLUSH_BYTES = 256 * 2**20  # more than the last-level cache of today's CPUs and GPUs
_CUDA_EVENT_RESOLUTION_NS = 500
_MOST_READS = 1_000_000  # of a clock that doesn't move: longer than the steps of Windows' old one


class Stopwatch:
    """Times a block of calls on the host's clock, from an idle device to an idle device.

    device   the name that a Timing shows
    waits    functions without arguments, each of which returns when its library is idle
    each     wait for the arrays of each call before the next one starts (JAX may run independent
             computations at the same time)
    """

    def __init__(self, device: str, waits: Iterable[Callable[[], object]] = (), each: bool = False):
        self.device, self.waits = device, tuple(waits)
        self.clock = "block_until_ready" if each else "perf_counter_ns"
        self._loop = _call_and_wait if each else _call

    def wait(self) -> None:
        """Return when the device is idle."""
        for wait in self.waits:
            wait()

    def block_ns(self, call: Callable[[], object], n: int) -> int:
        """Nanoseconds that `n` calls take, the loop and the clock included."""
        return self._window_ns(self._loop, call, n)

    def empty_ns(self, n: int) -> int:
        """Nanoseconds that the same loop takes around nothing."""
        return self._window_ns(_pass, None, n)

    def settled(self, call: Callable[[], object], n: int) -> "Stopwatch":
        """The stopwatch for blocks of `n` calls, once such a block can be tried."""
        return self

    def resolution_ns(self) -> int:
        """The shortest time between two readings that differ.

        That is what a reading costs; only of a clock coarser than that is it the clock's step.
        """
        reads = [perf_counter_ns() for _ in range(100)]
        steps_ns = [b - a for a, b in pairwise(reads) if b > a]
        return min(steps_ns, default=None) or _step_ns()

    def _window_ns(self, loop, call, n):
        self.wait()
        start_ns = perf_counter_ns()
        loop(call, n)
        self.wait()
        return perf_counter_ns() - start_ns


class CudaStopwatch(Stopwatch):
    """Changes to the GPU's clock, two CUDA events on the current stream, if that sees the work."""

    def __init__(self, device: str, waits: Iterable[Callable[[], object]], torch: ModuleType):
        super().__init__(device, waits)
        self._torch = torch

    def settled(self, call: Callable[[], object], n: int) -> "Stopwatch":
        """Events that miss a tenth of a block are no use: it ran on streams of its own."""
        events = CudaEventStopwatch(self.device, self.waits, self._torch)
        start_ns = perf_counter_ns()
        event_ns = events.block_ns(call, n)
        return events if event_ns > 0.9 * (perf_counter_ns() - start_ns) else self


class CudaEventStopwatch(Stopwatch):
    """Times a block of calls on the GPU's clock, between two CUDA events on the current stream."""

    def __init__(self, device: str, waits: Iterable[Callable[[], object]], torch: ModuleType):
        super().__init__(device, waits)
        self.clock = "cuda_event"
        self._event = functools.partial(torch.cuda.Event, enable_timing=True)
        self._stream = functools.partial(torch.cuda.current_stream, device)

    def resolution_ns(self) -> int:
        """The step of CUDA's events, as its documentation tells it."""
        return _CUDA_EVENT_RESOLUTION_NS

    def _window_ns(self, loop, call, n):
        start, stop = self._event(), self._event()
        self.wait()
        start.record(self._stream())
        loop(call, n)
        stop.record(self._stream())
        self.wait()
        return round(start.elapsed_time(stop) * 1e6)  # CUDA counts milliseconds


def _step_ns():
    """The step of a clock that stands still for many readings: from one move to the next."""
    moves_ns = [perf_counter_ns()]
    for _ in range(_MOST_READS):
        now_ns = perf_counter_ns()
        if now_ns > moves_ns[-1]:
            moves_ns.append(now_ns)
        if len(moves_ns) == 3:
            break
    return moves_ns[-1] - moves_ns[-2] if len(moves_ns) > 2 else 1_000_000_000


def _call(call, n):
    for _ in repeat(None, n):
        call()


def _call_and_wait(call, n):
    for _ in repeat(None, n):
        wait_for(call())


def _pass(call, n):
    for _ in repeat(None, n):
        pass


def choose(
    device: str, sync: str | Callable[[], object], args: object, result: object = None
) -> Stopwatch:
    """The stopwatch for a callable that was given `args` and returned `result`.

    device  "auto", "cpu", "jax", or an accelerator as torch names it ("cuda:1", "mps")
    sync    "auto", or a function without arguments that returns when the device is idle; it takes
            the place of torch's and Numba's own
    """
    arrays = computing(result)
    used = accelerators(device, (args, result))
    name = device
    if device == "auto":
        name = _jax_name(arrays[0]) if arrays else (used or ["cpu"])[0]
    if not isinstance(sync, str):
        return Stopwatch(name, [sync], each=bool(arrays))
    idle = () if device == "cpu" else waits(used)
    torch = torch_with_accelerator()
    if torch and used and used[0].startswith("cuda") and not arrays:
        return CudaStopwatch(name, idle, torch)
    return Stopwatch(name, idle, each=bool(arrays))


def refuse_unknown(device: object, sync: object) -> None:
    """Raise ValueError, with a sentence, for a device that cannot be waited for here."""
    if not isinstance(device, str):
        raise ValueError(f"device is a name such as 'auto' or 'cuda:0', got {device!r}.")
    if sync != "auto":
        return  # the caller knows how to wait for it
    kind = device.partition(":")[0]
    if kind not in ("auto", "cpu", "jax", *TORCH_KINDS):
        raise ValueError(
            f"bench knows no device {device!r}. Use 'auto', 'cpu', 'jax', 'cuda', 'cuda:1', 'mps' "
            f"or 'xpu'; for any other, also give sync=, a function that returns when it is idle."
        )
    if kind in TORCH_KINDS and not waits([device]):
        raise ValueError(
            f"device={device!r} cannot be reached: no imported library sees an accelerator here. "
            f"Import torch first, or leave device='auto'."
        )


def flusher(device: str) -> Callable[[], object]:
    """A function that pushes everything else out of the caches of `device` and waits for that."""
    if device.startswith("jax") and device not in ("jax", "jax:cpu"):
        raise ValueError(f"flush_cache cannot reach the caches of {device}. Leave it False.")
    if device.partition(":")[0] in TORCH_KINDS and (torch := torch_with_accelerator()):
        buffer = torch.empty(FLUSH_BYTES // 4, device=device)
        return buffer.zero_  # the next window opens only when the device is idle again
    import numpy as np

    buffer = np.ones(FLUSH_BYTES // 4, np.float32)
    # Reads and writes in place: a mere fill may go past the caches.
    return functools.partial(np.negative, buffer, out=buffer)


def _jax_name(array):
    """`jax:cpu`, `jax:gpu`, `jax:tpu`; just `jax` for an array that does not say."""
    devices = getattr(array, "devices", set)()
    return ":".join(["jax", *{device.platform for device in devices}])
