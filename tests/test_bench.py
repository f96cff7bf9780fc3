"""`bench` and `compare`, most of it on a fake machine whose clock the callables move themselves."""

import asyncio
import functools
import itertools
import random
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import Future
from time import perf_counter_ns
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.measure import Comparison, Timing, bench, benchmark, compare, flags, stopwatch
from labkit.power import bench_energy

MS = 1_000_000


class Machine:
    """A clock that costs 50 ns to read, and a GPU stream that works through its queue."""

    def __init__(self):
        self.now_ns, self.idle_at_ns = 0, 0

    def read_ns(self):
        self.now_ns += 50
        return self.now_ns

    def work(self, ns):
        self.now_ns += round(ns)

    def launch(self, ns):
        """Start a kernel: the host goes on after 5 µs."""
        self.work(5_000)
        self.idle_at_ns = max(self.idle_at_ns, self.now_ns) + ns

    def synchronize(self, device=None):
        self.now_ns = max(self.now_ns, self.idle_at_ns)


@pytest.fixture
def machine(monkeypatch):
    machine = Machine()
    monkeypatch.setattr(stopwatch, "perf_counter_ns", machine.read_ns)
    return machine


class Event:
    """A CUDA event: it notes when the stream gets to it."""

    machine = None

    def __init__(self, enable_timing):
        assert enable_timing

    def record(self, stream):
        self.at_ns = max(self.machine.now_ns, self.machine.idle_at_ns)

    def elapsed_time(self, later):
        return (later.at_ns - self.at_ns) / MS


class TorchDevice(str):
    @property
    def type(self):
        return self.partition(":")[0]


@pytest.fixture
def torch(machine, monkeypatch):
    """A torch with one accelerator, as far as `bench` looks at it."""
    torch = SimpleNamespace(
        device=TorchDevice,
        accelerator=SimpleNamespace(
            is_available=lambda: True, synchronize=lambda device: machine.synchronize(device)
        ),
        cuda=SimpleNamespace(Event=Event, current_stream=lambda device: "stream 0"),
    )
    monkeypatch.setattr(Event, "machine", machine)
    monkeypatch.setitem(sys.modules, "torch", torch)
    return torch


class JaxArray:
    """Ready `ns` after it was dispatched."""

    def __init__(self, machine, ns):
        self.machine, self.ready_at_ns = machine, machine.now_ns + ns

    def block_until_ready(self):
        self.machine.now_ns = max(self.machine.now_ns, self.ready_at_ns)


def scripted(machine, times_ns):
    """A callable that takes these times, one after the other."""
    times_ns = iter(times_ns)
    return lambda: machine.work(next(times_ns))


# What a measurement holds


def test_a_call_of_known_length_is_measured_to_the_nanosecond(machine):
    timing = bench(machine.work, 2 * MS, name="work")
    assert timing.median_s == pytest.approx(2e-3)
    assert timing.ci95_s == pytest.approx((2e-3, 2e-3))
    assert (timing.iqr_s, timing.min_s) == (pytest.approx(0), pytest.approx(2e-3))
    assert (timing.block_size, timing.device, timing.clock) == (1, "cpu", "perf_counter_ns")
    assert timing.flags == ()


def test_short_calls_are_grouped_into_blocks_of_a_millisecond(machine):
    timing = bench(machine.work, 1_000)
    assert 1000 <= timing.block_size <= 1300
    assert timing.median_s == pytest.approx(1e-6)


def test_one_disturbance_does_not_make_the_blocks_short(machine):
    """The first block is pre-empted for 5 ms; the true time is 10 µs."""
    times = itertools.chain([10_000, 5 * MS], itertools.repeat(10_000))
    assert bench(scripted(machine, times)).block_size >= 100


def test_the_cost_of_the_empty_loop_is_subtracted_unless_told(machine):
    loop_ns = 50  # between the two reads of an empty window
    timing = bench(machine.work, 2 * MS)
    assert timing.overhead_s == pytest.approx(loop_ns * 1e-9)
    raw = bench(machine.work, 2 * MS, subtract_overhead=False)
    assert raw.median_s - timing.median_s == pytest.approx(loop_ns * 1e-9)


def test_the_first_call_is_apart(machine):
    """A compile of 500 ms is in `first_call_s` and in no sample."""
    times = itertools.chain([500 * MS], itertools.repeat(2 * MS))
    timing = bench(scripted(machine, times))
    assert timing.first_call_s == pytest.approx(0.5, rel=0.02)
    assert max(timing.samples_s) == pytest.approx(2e-3)


def test_warmup_is_thrown_away(machine):
    """The machine is slow for the first 0.4 s; half a second of warm-up hides that."""
    timing = bench(
        lambda: machine.work(4 * MS if machine.now_ns < 400 * MS else 2 * MS), warmup=0.5
    )
    assert timing.warmup_s == pytest.approx(0.5, abs=0.01)
    assert max(timing.samples_s) == pytest.approx(2e-3)


def test_sampling_goes_on_until_there_are_samples_and_time_enough(machine):
    assert len(bench(machine.work, 100 * MS, min_samples=20).samples_s) == 20
    assert sum(bench(machine.work, 2 * MS, min_time_s=0.5).samples_s) == pytest.approx(
        0.5, rel=0.01
    )


def test_max_time_ends_the_sampling_early(machine):
    timing = bench(machine.work, 200 * MS, max_time_s=1)
    assert len(timing.samples_s) == 5
    assert "few_samples" in timing.flags


def test_one_call_longer_than_max_time_still_gives_a_timing(machine):
    """Three calls in all: the first, the calibration, the sample."""
    began_ns = machine.now_ns
    timing = bench(machine.work, 5000 * MS)
    assert (machine.now_ns - began_ns) * 1e-9 == pytest.approx(15, rel=0.01)
    assert (timing.samples_s, timing.ci95_s, timing.iqr_s) == ((pytest.approx(5),), None, None)
    assert timing.flags == ("few_samples",)


def test_with_a_cold_cache_each_sample_is_one_call(machine, monkeypatch):
    flushed = []
    monkeypatch.setattr(stopwatch, "flusher", lambda device: lambda: flushed.append(device))
    timing = bench(machine.work, 1_000, flush_cache=True, warmup=0, min_time_s=0)
    assert timing.block_size == 1
    assert flushed == ["cpu"] * len(timing.samples_s)


def test_flushing_touches_more_than_the_last_level_cache(monkeypatch):
    monkeypatch.setattr(stopwatch, "FLUSH_BYTES", 4096)
    assert stopwatch.flusher("cpu")().nbytes == 4096


# Devices that run ahead


def test_a_kernel_in_the_background_is_waited_for(machine, torch):
    timing = bench(machine.launch, 50 * MS)
    assert timing.median_s == pytest.approx(50e-3, rel=0.02)
    assert timing.first_call_s == pytest.approx(50e-3, rel=0.02)


def test_work_queued_before_is_not_counted(machine, torch):
    machine.launch(3000 * MS)
    assert bench(machine.launch, 50 * MS).first_call_s == pytest.approx(50e-3, rel=0.02)


def test_a_cuda_tensor_is_timed_by_events(machine, torch):
    def kernel(x):
        machine.launch(50 * MS)
        return x

    timing = bench(kernel, SimpleNamespace(device=TorchDevice("cuda:0")))
    assert (timing.device, timing.clock) == ("cuda:0", "cuda_event")
    assert timing.median_s == pytest.approx(50e-3, rel=0.02)


def test_events_that_miss_the_work_are_not_believed(machine, torch, monkeypatch):
    """A kernel on a stream of its own: the events on the current stream pass it by."""
    monkeypatch.setattr(
        Event, "record", lambda event, stream: setattr(event, "at_ns", machine.now_ns)
    )
    timing = bench(machine.launch, 50 * MS, device="cuda")
    assert (timing.clock, timing.block_size) == ("perf_counter_ns", 1)
    assert timing.median_s == pytest.approx(50e-3, rel=0.02)


def test_the_device_of_the_tensors_is_waited_for(torch):
    waited = []
    torch.accelerator.synchronize = waited.append
    tensors = {"in": [SimpleNamespace(device=TorchDevice("xpu:1"))]}
    watch = stopwatch.choose(
        "auto", "auto", (tensors,), SimpleNamespace(device=TorchDevice("xpu:0"))
    )
    watch.wait()
    assert waited == ["xpu:1", "xpu:0"]
    assert watch.device == "xpu:1"


def test_without_a_tensor_the_current_device_is_waited_for(torch):
    waited = []
    torch.accelerator.synchronize = waited.append
    stopwatch.choose("auto", "auto", ()).wait()
    stopwatch.choose("cpu", "auto", ()).wait()
    assert waited == [None]


def test_numba_is_waited_for_where_torch_is_not_imported(machine, monkeypatch):
    numba_cuda = SimpleNamespace(is_available=lambda: True, synchronize=machine.synchronize)
    monkeypatch.setitem(sys.modules, "numba.cuda", numba_cuda)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert bench(machine.launch, 50 * MS).median_s == pytest.approx(50e-3, rel=0.02)


@pytest.mark.parametrize(
    "wrap", [lambda a: a, lambda a: {"loss": (0.5, [a])}], ids=["bare", "tree"]
)
def test_a_jax_result_is_waited_for(machine, wrap):
    """A compile of 500 ms, then 50 ms in the background with each call."""
    times = itertools.chain([500 * MS], itertools.repeat(50 * MS))
    timing = bench(lambda: wrap(JaxArray(machine, next(times))))
    assert timing.first_call_s == pytest.approx(0.5, rel=0.02)
    assert timing.median_s == pytest.approx(50e-3, rel=0.02)
    assert (timing.device, timing.clock) == ("jax", "block_until_ready")


def test_each_jax_call_is_waited_for_before_the_next(machine):
    """1,000 independent results of 1 µs take 1 ms, not 1 µs."""
    assert bench(lambda: JaxArray(machine, 1_000)).median_s == pytest.approx(1e-6, rel=0.02)


def test_a_sync_of_ones_own_is_called(machine):
    timing = bench(machine.launch, 50 * MS, sync=machine.synchronize, device="my-npu")
    assert timing.median_s == pytest.approx(50e-3, rel=0.02)
    assert timing.device == "my-npu"


def test_real_jax_is_never_timed_short():
    """The time of one call is at least what NumPy's own wait for the result says, less noise."""
    jax = pytest.importorskip("jax")
    x = jax.numpy.ones((300, 300))
    step = jax.jit(lambda x: x @ x @ x)
    timing = bench(step, x, min_time_s=0.05, warmup=0.02)

    def waited_ns():
        start_ns = perf_counter_ns()
        np.asarray(step(x))
        return perf_counter_ns() - start_ns

    assert (timing.device, timing.clock) == ("jax:cpu", "block_until_ready")
    assert timing.median_s > 0.5e-9 * min(waited_ns() for _ in range(50))
    assert timing.first_call_s > timing.median_s


# Flags


def test_noisy_when_the_middle_half_spreads_over_a_tenth(machine):
    times = random.Random(1).choices([2 * MS, 3 * MS], k=10_000)
    assert bench(scripted(machine, times)).flags == ("noisy",)


def test_drift_when_the_second_half_differs_by_more_than_chance(machine):
    assert bench(lambda: machine.work(2 * MS + machine.now_ns / 2000)).flags == ("drift",)


def test_skewed_noise_without_a_trend_seldom_counts_as_drift():
    rng = np.random.default_rng(1)
    found = [
        flags.drift((np.exp(0.02 * rng.standard_normal(31)) * late).tolist())
        for late in 1 + np.where(rng.random((500, 31)) < 0.1, 0.5, 0)
    ]
    assert np.mean(found) < 0.02


def test_below_resolution_when_a_block_is_a_few_steps_of_the_clock(machine):
    timing = bench(machine.work, 200, flush_cache=False)
    assert "below_resolution" not in timing.flags
    assert flags.below_resolution(block_ns=2_000, overhead_ns=50, resolution_ns=50)
    assert not flags.below_resolution(block_ns=20_000, overhead_ns=50, resolution_ns=50)


def test_a_cold_call_of_two_microseconds_is_below_resolution(machine, monkeypatch):
    monkeypatch.setattr(stopwatch, "flusher", lambda device: lambda: None)
    cold = {"flush_cache": True, "warmup": 0, "min_time_s": 0}
    assert bench(machine.work, 2_000, **cold).flags == ("below_resolution",)
    assert bench(machine.work, 20_000, **cold).flags == ()


def test_less_to_measure_than_to_subtract_is_below_resolution():
    assert flags.below_resolution(block_ns=190_000, overhead_ns=100_000, resolution_ns=50)


def test_few_samples_below_what_was_asked_and_below_six(machine):
    assert bench(machine.work, MS, min_samples=5, min_time_s=0).flags == ("few_samples",)
    assert bench(machine.work, 2 * MS, min_samples=6, min_time_s=0).flags == ()


def test_throttled_when_the_quota_holds_the_process_back(machine, monkeypatch):
    counts = itertools.count(0, 20 * MS)
    monkeypatch.setattr(benchmark, "throttled_ns", lambda files: next(counts))
    assert bench(machine.work, 2 * MS).flags == ("throttled",)


# What it prints


def timing(samples_s, name="copy", block_size=1, raised=()):
    return Timing(
        name, tuple(samples_s), block_size, "cpu", "perf_counter_ns", 1.0, 0.1, 0.0, raised
    )


def test_a_timing_is_one_measured_line():
    line = repr(timing([1e-3] * 20 + [2e-3] * 11, block_size=3, raised=("noisy",)))
    assert line == (
        "[measured] copy: 1 ms (95 % interval 1 ms to 2 ms) (31 samples of 3 calls; noisy)"
    )
    assert repr(timing([1.0])) == "[measured] copy: 1 s (1 sample)"


def test_rates_invert_the_interval():
    reading = timing(np.arange(1, 32) * 1e-3).bytes_per_s(16e9)
    assert (reading.value, reading.unit) == (pytest.approx(1e12), "B/s")
    assert (reading.low, reading.high) == (pytest.approx(16e12 / 22), pytest.approx(1.6e12))
    assert str(timing([1e-3] * 6).flop_per_s(1e9, "matmul")).startswith(
        "[measured] matmul: 1 TFLOP/s (95 % interval 1 TFLOP/s to 1 TFLOP/s)"
    )


def test_below_six_samples_a_rate_has_no_interval():
    reading = timing([1e-3] * 5).bytes_per_s(1e9)
    assert (reading.value, reading.low, reading.high) == (pytest.approx(1e12), None, None)


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf"), None, "64 MB"])
def test_an_amount_of_work_that_is_none_is_a_sentence(amount):
    with pytest.raises(ValueError, match="isn't an amount of work: give the B of one call of copy"):
        timing([1.0]).bytes_per_s(amount)


def test_a_time_that_vanishes_is_unknown_and_never_zero():
    vanished = timing([-1e-9, 0.0, 1e-9])
    for reading in (vanished.time(), vanished.flop_per_s(1e9)):
        assert reading.value is None
        assert "shorter than the clock can tell" in reading.note


# Comparisons


def test_the_same_callable_is_the_same(machine):
    comparison = compare(lambda: machine.work(2 * MS), lambda: machine.work(2 * MS))
    assert comparison.ratio == pytest.approx(1)
    assert comparison.verdict == "SAME"


@pytest.mark.parametrize(("factor", "verdict"), [(1.03, "SLOW"), (0.97, "FAST"), (1.01, "SAME")])
def test_a_planted_difference_is_found_through_noise_and_drift(machine, factor, verdict):
    """Two per cent of noise, one late sample in ten, and a machine that slows down by a fifth."""
    chance = random.Random(4)

    def noisy_work(ns):
        late = 1.5 if chance.random() < 0.1 else 1
        machine.work(ns * late * chance.lognormvariate(0, 0.02) * (1 + machine.now_ns / 10e9))

    comparison = compare(
        lambda: noisy_work(2 * MS * factor), lambda: noisy_work(2 * MS), min_time_s=2
    )
    low, high = comparison.ci95_ratio
    assert low <= factor <= high
    assert comparison.verdict == verdict


def test_the_order_within_a_turn_is_drawn_by_lot(machine):
    calls = []
    work = lambda name: (calls.append(name), machine.work(20 * MS))  # noqa: E731
    compare(lambda: work("a"), lambda: work("b"), warmup=0, min_time_s=0, min_samples=40)
    turns = {"".join(pair) for pair in zip(calls[-80::2], calls[-79::2], strict=True)}
    assert turns == {"ab", "ba"}


def test_two_timings_can_be_compared_afterwards(machine):
    a, b = (bench(machine.work, ns, name=name) for name, ns in (("a", 3 * MS), ("b", 2 * MS)))
    comparison = compare(a, b)
    assert comparison.ratio == pytest.approx(1.5)
    assert comparison.verdict == "SLOW"


def test_too_few_samples_are_ambiguous():
    comparison = compare(timing([1.0] * 5), timing([2.0] * 5))
    assert (comparison.ratio, comparison.ci95_ratio) == (0.5, None)
    assert comparison.verdict == "AMBIGUOUS"


samples_s = st.lists(st.sampled_from([-1e-9, 0.0, 1e-9, 1.0]), min_size=1, max_size=12)


@given(a=samples_s, b=samples_s, paired=st.booleans())
def test_no_comparison_divides_by_zero(a, b, paired):
    n = min(len(a), len(b))
    comparison = Comparison(timing(a[:n]), timing(b[:n]), paired=paired, tolerance=0.02)
    if min(a[:n] + b[:n]) <= 0:
        assert (comparison.ratio, comparison.ci95_ratio) == (None, None)
        assert comparison.verdict == "AMBIGUOUS"
        assert "unknown (no interval) (AMBIGUOUS; shorter than the clock can tell" in repr(
            comparison
        )
        assert comparison.time_ratio().value is None
    else:
        assert comparison.ratio > 0


def test_calls_that_take_no_time_on_this_clock_say_so(machine, monkeypatch):
    """A clock that stands still while both are called."""
    monkeypatch.setattr(machine, "read_ns", lambda: machine.now_ns)
    monkeypatch.setattr(stopwatch, "perf_counter_ns", lambda: machine.now_ns)
    cold = {"flush_cache": True, "warmup": 0, "min_time_s": 0, "min_samples": 12}
    monkeypatch.setattr(stopwatch, "flusher", lambda device: lambda: None)
    found = compare(nothing, nothing, **cold)
    assert found.ratio is None
    assert "shorter than the clock can tell" in repr(found)
    assert "shorter than the clock can tell" in repr(found.a)


def test_a_clock_of_coarse_steps_is_told(machine, monkeypatch):
    """Windows' old clock moves every 15.6 ms; between two moves all readings are alike."""
    step_ns = 15_625_000
    monkeypatch.setattr(
        stopwatch, "perf_counter_ns", lambda: machine.read_ns() // step_ns * step_ns
    )
    found = bench(lambda: machine.work(20 * MS), warmup=0, min_time_s=0.1)
    assert found.flags[-1:] == ("below_resolution",)
    assert stopwatch.Stopwatch("cpu").resolution_ns() == step_ns


def test_a_time_is_never_below_0():
    """What the empty loop costs varies, so single samples may be."""
    found = timing([-1e-9, 1e-9, 2e-9, 3e-9, 4e-9, 5e-9, 6e-9])
    assert (found.ci95_s[0], found.time().low) == (-1e-9, 0.0)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.985, 1.015, "SAME"),
        (1.001, 1.015, "SAME"),
        (1.001, 1.05, "SLOW"),
        (0.95, 0.999, "FAST"),
        (0.97, 1.01, "AMBIGUOUS"),
    ],
)
def test_the_verdict_follows_from_interval_and_tolerance(low, high, verdict):
    a = timing(np.linspace(low, high, 6))
    assert Comparison(a, timing([1.0] * 6), paired=True, tolerance=0.02).verdict == verdict


def test_a_comparison_is_one_measured_line_with_four_digits():
    a = timing([1.003, 1.004, 1.004, 1.005, 1.006, 1.007], name="new")
    comparison = Comparison(a, timing([1.0] * 6, name="old"), paired=True, tolerance=0.0)
    assert repr(comparison) == (
        "[measured] time of new over old: 1.004 (95 % interval 1.003 to 1.007) (SLOW; 6 pairs)"
    )
    assert comparison.time_ratio("slowdown").name == "slowdown"
    assert comparison.time_ratio().note == "6 pairs"  # the name and the ratio say which is slower


# Bad input


def nothing():
    """Does nothing."""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"min_samples": 0}, "at least 1, got 0"),
        ({"min_samples": 2.5}, "whole number"),
        ({"max_time_s": 0}, "above 0, got 0"),
        ({"max_time_s": float("inf")}, "above 0, got inf"),
        ({"min_time_s": -1}, "at least 0, got -1"),
        ({"warmup": "long"}, "warmup is a time in seconds"),
        ({"warmup": float("inf")}, "A warm-up has an end"),
        ({"name": 3}, "one line without a colon, got 3"),
        ({"device": "gpu"}, "knows no device 'gpu'. Use 'auto'"),
        ({"device": 0}, "such as 'auto' or 'cuda:0', got 0"),
        ({"name": "a: b"}, "without a colon"),
    ],
)
def test_an_option_without_sense_is_a_sentence(options, words):
    with pytest.raises(ValueError, match=words.replace(".", r"\.")):
        bench(nothing, **options)


def test_a_device_that_is_not_here_is_a_sentence(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.delitem(sys.modules, "numba.cuda", raising=False)
    with pytest.raises(ValueError, match="cannot be reached"):
        bench(nothing, device="cuda:1")


def test_a_result_in_place_of_a_function_is_a_sentence():
    with pytest.raises(TypeError, match=r"bench\(f, x\), not bench\(f\(x\)\)"):
        bench(3.14)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bench(nothing, sync=True), "sync is 'auto' or a function"),
        (lambda: compare(nothing, timing([1.0])), "two functions or two Timings"),
        (lambda: compare(nothing, 3), "nothing to call in 3"),
    ],
)
def test_the_wrong_kind_of_thing_is_a_sentence(call, words):
    with pytest.raises(TypeError, match=words):
        call()


async def coroutine():
    """Never run."""


async def asynchronous_generator():
    yield 1


def generator():
    yield 1


class Called:
    """Calls that only begin, as methods of an object."""

    async def __call__(self):
        """Never run."""

    def steps(self):
        yield 1


@pytest.mark.parametrize(
    ("fn", "kind"),
    [
        (coroutine, "coroutine is a coroutine function"),
        (functools.partial(functools.partial(coroutine)), "a coroutine function"),
        (Called(), "Called is a coroutine function"),
        (functools.partial(Called()), "Called is a coroutine function"),
        (asynchronous_generator, "an asynchronous generator function"),
        (generator, "a generator function: calling it runs none of its lines"),
        (functools.partial(generator), "a generator function"),
        (Called().steps, "steps is a generator function"),
    ],
)
@pytest.mark.parametrize("measure", [bench, lambda fn: compare(nothing, fn), bench_energy])
def test_a_function_whose_call_runs_nothing_is_refused(measure, fn, kind):
    """A coroutine of 10 ms was timed as 3.3 µs, the time of making it."""
    with pytest.raises(TypeError, match=kind):
        measure(fn)


@pytest.mark.parametrize(
    ("fn", "kind"),
    [
        (lambda: coroutine(), "returned a coroutine"),
        (lambda: generator(), "returned a generator"),
        (lambda: asynchronous_generator(), "returned an asynchronous generator"),
        (lambda: map(nothing, [1]), "returned an iterator that has not begun"),
        (lambda: Future(), "returned a future"),
        (lambda: zip([1], [2], strict=True), "returned an iterator that has not begun"),
        (lambda: itertools.starmap(pow, [(1, 2)]), "returned an iterator that has not begun"),
        (lambda: [Future(), Future()], "returned a future"),
        (lambda: {"loss": generator()}, "returned a generator"),
    ],
)
@pytest.mark.parametrize("measure", [bench, lambda fn: compare(nothing, fn), bench_energy])
def test_a_result_that_is_still_to_be_worked_out_is_refused(measure, fn, kind):
    with pytest.raises(TypeError, match=kind):
        measure(fn)


def test_a_thread_that_still_runs_is_no_result():
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        with pytest.raises(TypeError, match="a thread or process that still runs"):
            bench_energy(lambda: thread)
    finally:
        done.set()
        thread.join()
    bench(lambda: thread, min_time_s=0, min_samples=1, warmup=0)  # it has ended


def test_a_process_that_still_runs_is_no_result():
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(sleep) as process:
        try:
            with pytest.raises(TypeError, match="a thread or process that still runs"):
                bench(lambda: process)
        finally:
            process.kill()
    bench(lambda: process, min_time_s=0, min_samples=1, warmup=0)  # it has ended


@pytest.mark.parametrize("result", [[1, 2], range(9), {"a": 1}, b"12", np.arange(3), (None,), "ab"])
def test_a_result_that_is_there_is_measured(result):
    assert bench(lambda: result, min_time_s=0, min_samples=1, warmup=0).samples_s


def test_a_function_that_runs_a_coroutine_to_its_end_is_measured():
    assert bench(lambda: asyncio.run(coroutine()), min_time_s=0.01, warmup=0.01).median_s > 0


def test_a_tolerance_in_per_cent_is_a_sentence():
    with pytest.raises(ValueError, match=r"such as 0\.02, got 2"):
        compare(nothing, nothing, tolerance=2)


@pytest.mark.parametrize(
    ("fails_after_ms", "stage"), [(0, "first call"), (30, "warm-up"), (140, "sample 1[0-9]")]
)
def test_an_exception_goes_through_with_a_note(machine, fails_after_ms, stage):
    def fragile():
        machine.work(3 * MS)
        if machine.now_ns > fails_after_ms * MS:
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        bench(fragile)
    assert caught.match(f"fragile raised this in the {stage} of a measurement")


def test_a_callable_that_never_returns_is_ended():
    def forever():
        while True:
            pass

    with pytest.raises(TimeoutError, match="had not returned after 100 ms, 10 times") as caught:
        bench(forever, max_time_s=0.01)
    assert "in forever" in "".join(traceback.format_tb(caught.tb))  # it shows where it hung


def test_a_callable_that_sleeps_for_ever_is_ended():
    with pytest.raises(TimeoutError, match="first call was stopped"):
        bench(time.sleep, 600, max_time_s=0.01)


def test_a_callable_that_eats_exceptions_is_ended():
    def stubborn():
        while True:
            try:
                nothing()
            except Exception:
                continue

    with pytest.raises(TimeoutError, match="stubborn"):
        bench(stubborn, max_time_s=0.01)


def test_a_callable_that_hangs_later_is_ended():
    calls = itertools.count()

    def hangs_in_the_end():
        while next(calls) > 2000:
            pass

    with pytest.raises(TimeoutError, match="warm-up was stopped"):
        bench(hangs_in_the_end, max_time_s=0.02)


def test_outside_the_main_thread_it_is_ended_too():
    caught = []

    def forever():
        while True:
            nothing()

    def measure():
        try:
            bench(forever, max_time_s=0.01)
        except TimeoutError as error:
            caught.append(str(error))

    thread = threading.Thread(target=measure)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert "had not returned" in caught[0]


def test_a_measurement_leaves_no_alarm_and_no_thread_behind():
    signal = pytest.importorskip("signal")
    if not hasattr(signal, "setitimer"):
        pytest.skip("no alarms on this system")
    before = signal.getsignal(signal.SIGALRM), threading.active_count()
    bench(nothing, min_time_s=0.01, warmup=0)
    assert (signal.getsignal(signal.SIGALRM), threading.active_count()) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


# On the real clock, where the contract gives a bound: the best of several


class Metronome:
    """Each call ends on a beat, so n calls last n beats however long it takes to come and go."""

    __name__ = "metronome"

    def __init__(self, beat_ns):
        self.beat_ns, self.next_ns = beat_ns, None

    def __call__(self):
        self.next_ns = (self.next_ns or perf_counter_ns()) + self.beat_ns
        while perf_counter_ns() < self.next_ns:
            pass

    def restart(self):
        self.next_ns = None


def test_the_bias_on_a_known_100_microseconds_is_at_most_half_a_percent():
    beat = Metronome(100_000)
    bias = []
    while not bias or (min(bias) > 0.005 and len(bias) < 10):
        measured = bench(beat, sync=beat.restart, min_time_s=0.1)
        bias.append(abs(measured.median_s / 100e-6 - 1))
    assert min(bias) <= 0.005


def spin(ns):
    end_ns = perf_counter_ns() + ns
    while perf_counter_ns() < end_ns:
        pass


def test_a_default_bench_of_a_kernel_below_10_ms_takes_at_most_a_second():
    def wall_s():
        start_s = time.monotonic()
        bench(spin, 9 * MS)
        return time.monotonic() - start_s

    assert any(wall_s() <= 1.0 for _ in range(4))


def test_a_live_comparison_with_itself_contains_1():
    """Nominal 95 %: at least 9 of 12 but for one run in a thousand."""
    x = list(range(2000))
    found = [compare(*[lambda: sum(x)] * 2, min_time_s=0.05, warmup=0.02) for _ in range(12)]
    assert sum(c.ci95_ratio[0] <= 1 <= c.ci95_ratio[1] for c in found) >= 9


def test_a_live_slowdown_of_3_percent_is_found():
    def verdict():
        return compare(lambda: spin(1.03 * MS), lambda: spin(MS), tolerance=0.01).verdict

    assert any(verdict() == "SLOW" for _ in range(4))


def test_a_reading_shows_no_raw_names_of_lambdas_and_flags(machine):
    comparison = compare(lambda: machine.work(2 * MS), lambda: machine.work(3 * MS), min_samples=5)
    timing = bench(lambda: machine.work(MS), min_samples=5, min_time_s=0)
    shown = f"{comparison!r} {timing!r} {timing.time()}"
    assert "time of the first over the second" in shown
    assert "few samples" in shown
    assert "<lambda>" not in shown
    assert "few_samples" not in shown
