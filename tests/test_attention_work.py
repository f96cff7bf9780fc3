"""Attention in tiles moves what is counted for it: by loops, by a kernel's counters, by growth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit import workload
from labkit.simt import cuda, profile, sanitize
from labkit.workload import Work

SMALL = st.integers(1, 4)
LENGTHS = st.integers(1, 12)
SIZE, ROWS = 8, 32


@cuda.jit
def tiled(q, k, v, out):
    """A thread for each query, whose numbers stand in a column; K and V come in tiles of ROWS."""
    k_tile = cuda.shared.array((ROWS, SIZE), cuda.float32)
    v_tile = cuda.shared.array((ROWS, SIZE), cuda.float32)
    sums = cuda.local.array(SIZE, cuda.float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    query = cuda.local.array(SIZE, cuda.float32)
    for e in range(SIZE):
        query[e] = q[e, i]
        sums[e] = 0
    largest, total = cuda.float32(-math.inf), cuda.float32(0)
    for first in range(0, k.shape[0], ROWS):
        cuda.syncthreads()
        for n in range(t, ROWS * SIZE, ROWS):
            k_tile[n // SIZE, n % SIZE] = k[first + n // SIZE, n % SIZE]
            v_tile[n // SIZE, n % SIZE] = v[first + n // SIZE, n % SIZE]
        cuda.syncthreads()
        for j in range(ROWS):
            score = cuda.float32(0)
            for e in range(SIZE):
                score += query[e] * k_tile[j, e]
            higher = max(largest, score)
            shrink, weight = math.exp(largest - higher), math.exp(score - higher)
            total = total * shrink + weight
            largest = higher
            for e in range(SIZE):
                sums[e] = sums[e] * shrink + weight * v_tile[j, e]
    for e in range(SIZE):
        out[e, i] = sums[e] / total


@pytest.mark.parametrize(("n_queries", "n_keys"), [(32, 32), (96, 128), (160, 64)])
def test_the_counters_of_a_tiled_kernel_are_the_formula(n_queries, n_keys):
    rng = np.random.default_rng(n_queries)
    q = rng.standard_normal((SIZE, n_queries)).astype(np.float32)
    k, v = rng.standard_normal((2, n_keys, SIZE)).astype(np.float32)
    out = np.zeros_like(q)
    launch = tiled[n_queries // ROWS, ROWS]
    counts = profile(launch, q, k, v, out)
    weights = np.exp((k @ q).astype(np.float64))
    np.testing.assert_allclose(out, v.T @ weights / weights.sum(0), atol=1e-5)
    assert sanitize(launch, q, k, v, out) == []

    work = workload.tiled_attention(1, 1, n_queries, n_keys, SIZE, 4, query_rows=ROWS)
    assert 32 * counts.global_loads.sectors == work.read_bytes
    assert 32 * counts.global_stores.sectors == work.write_bytes
    once = workload.attention(1, 1, n_queries, n_keys, SIZE, 4, score_reads=0, score_writes=0)
    assert counts.dram_bytes_lower == once.bytes


@given(SMALL, SMALL, LENGTHS, LENGTHS, SMALL, st.sampled_from([1, 2, 4]), LENGTHS)
def test_tiled_attention_is_counted_loops(sequences, heads, queries, keys, size, itemsize, rows):
    n_read = n_written = n_multiply_add = 0
    for _ in range(sequences * heads):
        for top in range(0, queries, rows):
            n_rows = min(rows, queries - top)
            n_read += n_rows * size
            for _ in range(keys):
                n_read += 2 * size
                n_multiply_add += 2 * n_rows * size
            n_written += n_rows * size
    assert workload.tiled_attention(
        sequences, heads, queries, keys, size, itemsize, query_rows=rows
    ) == Work(2 * n_multiply_add, n_read * itemsize, n_written * itemsize)


@given(SMALL, LENGTHS, SMALL)
def test_one_tile_is_fused_attention(heads, length, size):
    shape = 2, heads, length, length, size, 2
    fused = workload.attention(*shape, score_reads=0, score_writes=0)
    assert workload.tiled_attention(*shape, query_rows=length) == fused


def test_traffic_falls_as_the_on_chip_memory_grows():
    """Theorem 2: N² d² / M. Sixteen times the memory leaves a sixteenth of the repeated reads."""
    shape = 1, 1, 2**16, 2**16, 64, 2
    once = workload.attention(*shape, score_reads=0, score_writes=0).bytes
    again = []
    for on_chip_bytes in (2**14, 2**18):
        rows = workload.rows_on_chip(on_chip_bytes, 64, 2)
        again.append(workload.tiled_attention(*shape, query_rows=rows).bytes - once / 2)
    assert again[0] == 16 * again[1] == 8 * (2**16) ** 2 * 64**2 * 2 / (2**14 / 2)


@pytest.mark.parametrize(("call", "words"), [
    (lambda: workload.tiled_attention(1, 1, 8, 8, 4, 4, query_rows=0), "a tile holds at least one"),
    (lambda: workload.tiled_attention(1, 1, 8, 8, 4, 4, query_rows=2.5), "must be an integer"),
    (lambda: workload.tiled_attention(1, 1, -8, 8, 4, 4, query_rows=1), "must be at least 0"),
    (lambda: workload.rows_on_chip(100, 64, 2), "at least 512 bytes"),
    (lambda: workload.rows_on_chip(100, 0, 2), "a head size of 1"),
])  # fmt: skip
def test_bad_sizes_get_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()
