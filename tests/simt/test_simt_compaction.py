"""A loop that few warps still run goes on with these alone, and nobody can tell."""

import contextlib
import math
from unittest import mock

import numpy as np
import programs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.simt import KernelError, cuda, profile
from labkit.simt.compiler import loops
from labkit.simt.lanes import compaction


@cuda.jit(device=True)
def add(a, b):
    return a + b


@contextlib.contextmanager
def whenever_possible():
    """CompactBatch at every turn, as soon as one warp can be left out."""
    with (
        mock.patch.object(compaction, "LEAST_LANES", 0),
        mock.patch.object(compaction, "LEAST_GAIN", 1.0001),
        mock.patch.object(loops, "COMPACT_TURNS", 1),
    ):
        yield


@contextlib.contextmanager
def noted():
    """The numbers of lanes that loops go on with."""
    lanes, make = [], compaction.Compaction.__init__

    def init(self, f, mask, found):
        lanes.append(len(found))
        make(self, f, mask, found)

    with mock.patch.object(compaction.Compaction, "__init__", init):
        yield lanes


def never():
    return mock.patch.object(loops, "COMPACT_TURNS", math.inf)


@cuda.jit
def long_for_some(x, out):
    i = cuda.grid(1)
    if i < x.size:
        total, last, pair = 0, -1, (i, 0.5)
        row = x[i % 4 : i % 4 + 8]
        for k in range(x[i]):
            last = k
            if k % 3 == 1:
                continue
            if total > 5000:
                break
            total += k + row[0]
            pair = (pair[0] + 1, pair[1] + k)
            at = (i + k) % 4
            row = x[at : at + 8]
        else:
            total = -total
        out[i] = total + last + pair[0] + pair[1] + row[0]


def few_long():
    """Trip counts of 8192 threads: one in 500 has many."""
    trips = np.random.default_rng(1).integers(0, 9, 8192)
    trips[::500] = 300
    return trips, np.zeros(8192)


@settings(max_examples=60, deadline=None)
@given(programs.BLOCKS, st.integers(1, 140), st.sampled_from((32, 33, 64)))
def test_control_flow_is_that_of_every_thread_alone(block, n, threads):
    text = programs.source(block)
    x, y = np.arange(n)[::-1] * 3 % 11, np.zeros(n, np.int64)
    expected = programs.thread_by_thread(text, x, y)
    kernel = cuda.jit(programs.compiled(text, f"<{hash(text)}>", cuda=cuda, add=add))
    with whenever_possible():
        kernel[-(-n // threads), threads](x, y)
    assert y.tolist() == expected.tolist(), text


def test_values_of_every_kind_survive():
    (x, plain), (_, compacted) = few_long(), few_long()
    with never():
        long_for_some[64, 128](x, plain)
    with noted() as lanes:
        long_for_some[64, 128](x, compacted)
    assert max(lanes) <= 8192 / 2
    assert (plain == compacted).all()


def test_the_counters_are_the_same():
    with never():
        plain = profile(long_for_some[64, 128], *few_long())
    with whenever_possible():
        compacted = profile(long_for_some[64, 128], *few_long())
    assert vars(compacted) == vars(plain)


def test_nested_loops_and_device_functions_are_compacted_too():
    @cuda.jit(device=True)
    def steps(n):
        count = 0
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            count += 1
        return count

    @cuda.jit
    def kernel(out):
        i = cuda.grid(1)
        for k in range(1, 3 + i % 97):
            out[i] += steps(i + k)

    def collatz(n):
        count = 0
        while n != 1:
            n, count = n // 2 if n % 2 == 0 else 3 * n + 1, count + 1
        return count

    out = np.zeros(256, np.int64)
    with whenever_possible(), noted() as lanes:
        kernel[8, 32](out)
    assert len(set(lanes)) > 3
    assert out.tolist() == [sum(collatz(i + k) for k in range(1, 3 + i % 97)) for i in range(256)]


def test_a_loop_over_the_elements_of_an_array_is_compacted_too():
    @cuda.jit
    def kernel(table, out):
        i = cuda.grid(1)
        for value in table[i]:
            if value < 0:
                break
            out[i] += value

    table = np.random.default_rng(2).integers(-1, 30, (256, 40))
    table[64:200, 3] = -1
    ends = [np.argmin(row) if row.min() < 0 else 40 for row in table]
    out = np.zeros(256, np.int64)
    with whenever_possible(), noted() as lanes:
        kernel[8, 32](table, out)
    assert lanes
    assert out.tolist() == [row[:end].sum() for row, end in zip(table, ends, strict=True)]


def test_an_error_names_the_thread():
    @cuda.jit
    def kernel(x, out):
        i = cuda.grid(1)
        for k in range(x[i]):
            out[i, k] = 1

    x = np.zeros(8192, np.int64)
    x[37 * 128 + 5] = 40
    with noted() as lanes, pytest.raises(KernelError, match="index 39 in axis 1 of 39") as caught:
        kernel[64, 128](x, np.zeros((8192, 39)))
    assert lanes
    assert (caught.value.block, caught.value.thread) == (37, 5)


def test_a_loop_with_a_barrier_keeps_all_lanes():
    @cuda.jit
    def kernel(x, out):
        total = 0
        for k in range(x[cuda.blockIdx.x]):
            total += cuda.syncthreads_count(k)
        out[cuda.grid(1)] = total

    x, out = np.array([2, 5, 50, 3] * 20), np.zeros(80 * 32, np.int64)
    with whenever_possible(), noted() as lanes:
        kernel[80, 32](x, out)
    assert not lanes
    assert out[::32].tolist() == [32 * (n - 1) for n in x]
