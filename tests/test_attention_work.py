"""Attention in tiles moves what is counted for it: by loops, by a kernel's counters, by growth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit import workload
from labkit.simt import profile, sanitize
from labkit.workload import Work
from tests.simt.course_kernels import ROOT, launches_of

SMALL = st.integers(1, 4)
LENGTHS = st.integers(1, 12)
LESSON = ROOT / "lessons" / "lesson_10_attention_and_precision" / "lesson.py"


@pytest.fixture(scope="module")
def tiled():
    """The kernel of lesson 10: a thread for each query, K and V in tiles of ROWS."""
    return next(one.kernel for one in launches_of(LESSON) if one.name == "tiled")


@pytest.mark.parametrize(("query_tiles", "key_tiles"), [(1, 1), (3, 4), (5, 2)])
def test_the_counters_of_the_tiled_kernel_are_the_formula(tiled, query_tiles, key_tiles):
    size, rows = (tiled.py_func.__globals__[name] for name in ("SIZE", "ROWS"))
    n_queries, n_keys = query_tiles * rows, key_tiles * rows
    rng = np.random.default_rng(n_queries)
    q = rng.standard_normal((size, n_queries)).astype(np.float32)
    k, v = rng.standard_normal((2, n_keys, size)).astype(np.float32)
    out = np.zeros_like(q)
    launch = tiled[query_tiles, rows]
    counts = profile(launch, q, k, v, out)
    weights = np.exp((k @ q).astype(np.float64))
    np.testing.assert_allclose(out, v.T @ weights / weights.sum(0), atol=1e-5)
    assert sanitize(launch, q, k, v, out) == []

    work = workload.tiled_attention(1, 1, n_queries, n_keys, size, 4, query_rows=rows)
    assert 32 * counts.global_loads.sectors == work.read_bytes
    assert 32 * counts.global_stores.sectors == work.write_bytes
    once = workload.attention(1, 1, n_queries, n_keys, size, 4, score_reads=0, score_writes=0)
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
    """N² d² / M: sixteen times the memory leaves a sixteenth of the repeated reads."""
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
