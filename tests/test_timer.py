"""`Timer`: the cheapest honest window around a few lines."""

import subprocess
import sys
import timeit

import pytest

from labkit.measure import Timer, timer


@pytest.fixture
def clock(monkeypatch):
    """A clock that advances by 1.5 ms with each reading."""
    reads = iter(range(0, 10**12, 1_500_000))
    monkeypatch.setattr(timer, "perf_counter_ns", lambda: next(reads))


def test_the_window_lasts_from_entering_to_leaving(clock):
    with Timer() as t:
        pass
    assert (t.elapsed_ns, t.elapsed_s) == (1_500_000, pytest.approx(1.5e-3))


def test_a_window_that_has_not_closed_is_a_sentence():
    t = Timer()
    with pytest.raises(RuntimeError, match="after the block"):
        _ = t.elapsed_s
    with t, pytest.raises(RuntimeError, match="no closed window"):
        _ = t.elapsed_ns


def test_a_timer_can_be_used_again(clock):
    t = Timer()
    with t:
        pass
    with t, pytest.raises(RuntimeError):
        _ = t.elapsed_s  # the first window is gone
    assert t.elapsed_ns == 1_500_000


def test_an_exception_closes_the_window_and_goes_through(clock):
    t = Timer()
    with pytest.raises(ZeroDivisionError), t:
        _ = 1 / 0
    assert t.elapsed_ns == 1_500_000


def test_a_timer_prints_as_one_measured_line(clock):
    t = Timer()
    assert "without a closed window" in repr(t)
    with t:
        pass
    assert repr(t) == "[measured] elapsed: 1.5 ms"


def test_a_window_costs_at_most_a_microsecond():
    """The best of many short tries, so that a busy machine does not count against the timer."""
    n = 500
    tries_s = timeit.repeat("with Timer(): pass", globals=globals(), number=n, repeat=300)
    cost_s = min(tries_s) / n
    assert cost_s <= 1e-6


def test_the_timing_room_imports_no_heavy_library():
    heavy = "{'numpy', 'torch', 'jax', 'numba', 'pandas', 'matplotlib', 'ctypes'}"
    code = (
        f"import labkit as lk, sys; lk.Timer; lk.bench; sys.exit(str({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "set()"
