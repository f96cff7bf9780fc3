"""`bench` times a callable on any device; `compare` times two in turns."""

import dataclasses
import functools
import random
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

from labkit.hardware.asynchronous import name_of, refuse_deferred, refuse_unfinished, wait_for
from labkit.hardware.cgroup import throttled_ns
from labkit.hardware.system_files import SystemFiles
from labkit.measure import flags, stopwatch
from labkit.measure.statistics import median
from labkit.measure.time_limit import OutOfTime, time_limit
from labkit.measure.timing import Comparison, Timing
from labkit.reading import Origin, Reading
from labkit.units import si

BLOCK_NS = 1_000_000  # no block is shorter: the clock's step and cost are then below 0.01 %
GIVE_UP = 10  # times max_time_s: a call that lasts longer counts as one that never returns
WARMUP_S = 0.1
ACCELERATOR_WARMUP_S = 0.3  # its clock rises slowly; 25 ms misled Triton's do_bench by 30 %


def bench(
    fn: Callable,
    *args: Any,
    name: str | None = None,
    device: str = "auto",
    min_time_s: float = 0.3,
    min_samples: int = 31,
    max_time_s: float = 3.0,
    warmup: str | float = "auto",
    flush_cache: bool = False,
    sync: str | Callable[[], object] = "auto",
    subtract_overhead: bool = True,
) -> Timing:
    """Measure how long `fn(*args)` takes and return a `Timing`.

    The first call is timed apart. Then calls are grouped into blocks of at least 1 ms, blocks run
    until the machine is warm, and samples are taken until there are `min_samples` and `min_time_s`
    have passed.

    name          what the Timing is called; the function's own name if None
    device        "auto" looks at the arguments, the result and the libraries already imported
    max_time_s    no sample begins later than this after the warm-up, but one is always taken, so a
                  slow callable is called three times. First call, warm-up and sampling are each
                  stopped, with a TimeoutError, after ten times as long; only a call into C that
                  never comes back to Python cannot be stopped from inside the process
    warmup        seconds, or "auto": 0.1 s, on an accelerator 0.3 s
    flush_cache   push everything else out of the caches before each sample; a sample is then a
                  single call
    sync          "auto", or a function without arguments that returns when the device is idle
    subtract_overhead   take the cost of the empty loop from each sample

    A JAX function must return its arrays, or nothing tells when they are ready. What `fn` raises
    goes through, with a note that says in which call. Raises TypeError or ValueError for an option
    that makes no sense, before anything is called; TypeError for a coroutine function, a generator
    function, and a function that returns what has not been done yet.
    """
    plan = _Plan(
        device, min_time_s, min_samples, max_time_s, warmup, flush_cache, sync, subtract_overhead
    )
    run = _Run(fn, args, name, plan)
    _measure([run], plan)
    return run.timing()


def compare(
    a: Callable[[], object] | Timing,
    b: Callable[[], object] | Timing,
    *,
    names: tuple[str | None, str | None] = (None, None),
    tolerance: float = 0.02,
    device: str = "auto",
    min_time_s: float = 0.6,
    min_samples: int = 31,
    max_time_s: float = 6.0,
    warmup: str | float = "auto",
    flush_cache: bool = False,
    sync: str | Callable[[], object] = "auto",
    subtract_overhead: bool = True,
) -> Comparison:
    """Measure how long `a` takes against `b` and return a `Comparison`.

    a, b        two functions without arguments, or two Timings. Functions are sampled in turns, the
                first of each turn drawn by lot, so that what slows the machine slows both; two
                Timings were taken apart from each other and give a wider interval
    tolerance   a difference below this fraction counts as none

    The other options are those of `bench`; the times are for both together.
    """
    if not (isinstance(tolerance, Real) and 0 <= tolerance < 1):
        raise ValueError(f"tolerance is a fraction such as 0.02, got {tolerance!r}.")
    if isinstance(a, Timing) and isinstance(b, Timing):
        return Comparison(a, b, paired=False, tolerance=tolerance)
    if isinstance(a, Timing) or isinstance(b, Timing):
        raise TypeError(
            "compare needs two functions or two Timings, not one of each. Pass both functions, and "
            "they are timed in turns."
        )
    plan = _Plan(
        device, min_time_s, min_samples, max_time_s, warmup, flush_cache, sync, subtract_overhead
    )
    runs = [_Run(fn, (), name, plan) for fn, name in zip((a, b), names, strict=True)]
    _measure(runs, plan)
    return Comparison(*(run.timing() for run in runs), paired=True, tolerance=tolerance)


def _measure(runs, plan):
    """Take the samples of all runs in turns; each turn in an order drawn by lot."""
    for run in runs:
        with time_limit(plan.give_up_s):
            run.do("first call", run.call_first)
    for run in runs:
        with time_limit(plan.give_up_s + run.warmup_s):
            run.do("warm-up", run.warm_up)
    lot = random.Random(0)
    began_ns, n_samples = stopwatch.perf_counter_ns(), 0
    with time_limit(plan.give_up_s):
        while plan.wants_more(n_samples, began_ns):
            n_samples += 1
            for run in lot.sample(runs, len(runs)):
                run.do(f"sample {n_samples}", run.take_sample)


@dataclasses.dataclass(frozen=True, slots=True)
class _Plan:
    """The options of `bench`, checked."""

    device: str
    min_time_s: float
    min_samples: int
    max_time_s: float
    warmup: float | str
    flush_cache: bool
    sync: object
    subtract_overhead: bool

    def __post_init__(self):
        stopwatch.refuse_unknown(self.device, self.sync)
        _refuse_below(0, "min_time_s", self.min_time_s)
        if self.warmup != "auto":
            _refuse_below(0, "warmup", self.warmup)
            if self.warmup == float("inf"):
                raise ValueError("A warm-up has an end: give warmup in seconds, or 'auto'.")
        if not (isinstance(self.max_time_s, Real) and 0 < self.max_time_s < float("inf")):
            raise ValueError(f"max_time_s is a time in seconds above 0, got {self.max_time_s!r}.")
        if not (isinstance(self.min_samples, Integral) and self.min_samples >= 1):
            raise ValueError(
                f"min_samples is a whole number, at least 1, got {self.min_samples!r}."
            )
        if self.sync != "auto" and not callable(self.sync):
            raise TypeError(
                f"sync is 'auto' or a function without arguments that returns when the device is "
                f"idle, got {self.sync!r}."
            )

    @property
    def give_up_s(self):
        return GIVE_UP * self.max_time_s

    def wants_more(self, n_samples, began_ns):
        """Whether to take another sample after `n_samples` since `began_ns`."""
        spent_s = (stopwatch.perf_counter_ns() - began_ns) * 1e-9
        if n_samples < self.min_samples:
            return n_samples == 0 or spent_s < self.max_time_s
        return spent_s < min(self.min_time_s, self.max_time_s)


def _refuse_below(least, name, value):
    if not (isinstance(value, Real) and value >= least):
        raise ValueError(f"{name} is a time in seconds, at least {least}, got {value!r}.")


class _Run:
    """One callable on its way through first call, calibration, warm-up and samples."""

    def __init__(self, fn, args, name, plan):
        if not callable(fn):
            raise TypeError(
                f"There is nothing to call in {fn!r}. Pass the function and its arguments, not its "
                f"result: bench(f, x), not bench(f(x))."
            )
        refuse_deferred(fn)
        self.name = name or name_of(fn)
        Reading(self.name, None, "s", Origin.MEASURED)  # refuses a bad name before the work begins
        self.call = functools.partial(fn, *args) if args else fn
        self.args, self.plan = args, plan
        self.block_size, self.blocks_ns, self.empty_ns, self.flush = 1, [], [], None

    def do(self, stage, step):
        """Take one step, and say in which one something went wrong."""
        try:
            step()
        except OutOfTime as stop:
            limit = si(self.plan.give_up_s, "s")
            raise TimeoutError(
                f"{self.name} had not returned after {limit}, {GIVE_UP} times max_time_s, so its "
                f"{stage} was stopped. If it is only slow, give a larger max_time_s."
            ).with_traceback(stop.__traceback__) from None
        except Exception as error:
            error.add_note(f"{self.name} raised this in the {stage} of a measurement.")
            raise

    def call_first(self):
        """Call once, find out which device to wait for, and wait."""
        plan = self.plan
        stopwatch.choose(plan.device, plan.sync, self.args).wait()
        start_ns = stopwatch.perf_counter_ns()
        result = self.call()
        refuse_unfinished(result, self.name)
        self.watch = stopwatch.choose(plan.device, plan.sync, self.args, result)
        wait_for(result)
        self.watch.wait()
        self.first_call_ns = stopwatch.perf_counter_ns() - start_ns

    def warm_up(self):
        """Find the block size and run blocks until the machine is warm."""
        start_ns = stopwatch.perf_counter_ns()
        if self.plan.flush_cache:
            self.flush = stopwatch.flusher(self.watch.device)
        else:
            self._calibrate()
        self.watch = self.watch.settled(self.call, self.block_size)
        while stopwatch.perf_counter_ns() < start_ns + self.warmup_s * 1e9:
            self._block_ns()
        self.warmup_ns = stopwatch.perf_counter_ns() - start_ns
        self.throttled_ns = throttled_ns(SystemFiles())

    def take_sample(self):
        """Time one block, and what the same loop around nothing costs here and now."""
        if self.flush:
            self.flush()
        self.blocks_ns.append(self._block_ns())
        self.empty_ns.append(self.watch.empty_ns(self.block_size))

    @property
    def warmup_s(self):
        if self.plan.warmup != "auto":
            return self.plan.warmup
        on_host = self.watch.device in ("cpu", "jax", "jax:cpu")
        return WARMUP_S if on_host else ACCELERATOR_WARMUP_S

    def timing(self):
        """Everything that was found, as a Timing."""
        size, overhead_ns = self.block_size, median(self.empty_ns)
        subtracted_ns = overhead_ns if self.plan.subtract_overhead else 0
        return Timing(
            name=self.name,
            samples_s=tuple((ns - subtracted_ns) / size * 1e-9 for ns in self.blocks_ns),
            block_size=size,
            device=self.watch.device,
            clock=self.watch.clock,
            first_call_s=self.first_call_ns * 1e-9,
            warmup_s=self.warmup_ns * 1e-9,
            overhead_s=overhead_ns / size * 1e-9,
            flags=self._flags(),
        )

    def _calibrate(self):
        """Enlarge the block until it lasts 1 ms, even when nothing disturbs it."""
        while (block_ns := self._shortest_block_ns()) < BLOCK_NS:
            aim = 1.2 * BLOCK_NS / max(block_ns, 1)
            self.block_size = int(self.block_size * min(max(aim, 1.5), 100)) + 1

    def _shortest_block_ns(self):
        """The best of three blocks; one that no disturbance could explain is believed at once."""
        block_ns = self._block_ns()
        if block_ns > 20 * BLOCK_NS:
            return block_ns
        return min(block_ns, self._block_ns(), self._block_ns())

    def _block_ns(self):
        return self.watch.block_ns(self.call, self.block_size)

    def _flags(self):
        blocks_ns, watch = self.blocks_ns, self.watch
        now_ns = throttled_ns(SystemFiles())
        found = {
            "noisy": flags.noisy(blocks_ns),
            "drift": flags.drift(blocks_ns),
            "below_resolution": flags.below_resolution(
                median(blocks_ns), median(self.empty_ns), watch.resolution_ns()
            ),
            "few_samples": flags.few_samples(len(blocks_ns), self.plan.min_samples),
            "throttled": flags.throttled(self.throttled_ns, now_ns, blocks_ns),
        }
        return tuple(flag for flag, raised in found.items() if raised)
