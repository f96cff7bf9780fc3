"""Work is what a loop does when it is counted, and obeys algebra."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit import workload
from labkit.workload import Work

SIZES = st.integers(0, 10**6)
SOME = st.integers(1, 64)
ITEMSIZES = st.sampled_from([1, 2, 4, 8])
SMALL = st.integers(1, 4)
WORKS = st.builds(Work, SIZES, SIZES, SIZES)


class Counter:
    """Counts what a plain loop computes, and which elements of which array it touches."""

    def __init__(self):
        self.flop, self.reads, self.writes = 0, set(), set()

    def read(self, array, *index):
        self.reads.add((array, index))

    def write(self, array, *index):
        self.writes.add((array, index))

    def multiply_add(self):
        self.flop += 2

    def work(self, itemsize):
        return Work(self.flop, len(self.reads) * itemsize, len(self.writes) * itemsize)


# Against brute force


@given(n=st.integers(0, 8), itemsize=ITEMSIZES)
def test_vector_kernels_are_counted_loops(n, itemsize):
    for kernel, inputs, output, flop in [
        (workload.copy, "a", "b", 0), (workload.triad, "bc", "a", 2),
        (workload.axpy, "xy", "y", 2), (workload.dot, "xy", "", 2),
    ]:  # fmt: skip
        count = Counter()
        for i in range(n):
            for array in inputs:
                count.read(array, i)
            for array in output:
                count.write(array, i)
            count.flop += flop
        assert kernel(n, itemsize) == count.work(itemsize), kernel.__name__


@given(m=SMALL, n=SMALL, k=SMALL, itemsize=ITEMSIZES)
def test_matmul_is_three_counted_loops(m, n, k, itemsize):
    count = Counter()
    for i, j, p in np.ndindex(m, n, k):
        count.read("a", i, p)
        count.read("b", p, j)
        count.multiply_add()
        count.write("c", i, j)
    assert workload.matmul(m, n, k, itemsize) == count.work(itemsize)


@given(rows=st.integers(0, 7), columns=st.integers(0, 7), itemsize=ITEMSIZES)
def test_a_jacobi_sweep_is_two_counted_loops(rows, columns, itemsize):
    count = Counter()
    for i in range(1, rows - 1):
        for j in range(1, columns - 1):
            for neighbour in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
                count.read("a", *neighbour)
            count.flop += 3 + 1
            count.write("b", i, j)
    assert workload.jacobi(rows, columns, itemsize) == count.work(itemsize)


@given(
    sequences=SMALL, kv_heads=st.integers(1, 2), group=st.integers(1, 2), queries=SMALL, keys=SMALL,
    size=SMALL, itemsize=ITEMSIZES,
)  # fmt: skip
def test_fused_attention_is_counted_loops(
    sequences, kv_heads, group, queries, keys, size, itemsize
):
    """Each score is a dot product of `size`, and is used in a sum for each of `size` outputs."""
    count = Counter()
    for s, head, i in np.ndindex(sequences, kv_heads * group, queries):
        for j, d in np.ndindex(keys, size):
            count.read("q", s, head, i, d)
            count.read("k", s, head // group, j, d)
            count.multiply_add()  # a term of the score
            count.read("v", s, head // group, j, d)
            count.multiply_add()  # a term of the output
            count.write("o", s, head, i, d)
    fused = workload.attention(
        sequences, kv_heads * group, queries, keys, size, itemsize,
        n_kv_heads=kv_heads, score_reads=0, score_writes=0,
    )  # fmt: skip
    assert fused == count.work(itemsize)


# Identities


@given(SIZES, SIZES, SIZES, ITEMSIZES)
def test_a_transposed_product_is_the_same_work(m, n, k, itemsize):
    assert workload.matmul(m, n, k, itemsize) == workload.matmul(n, m, k, itemsize)


@given(SOME, SOME, SOME, SOME, ITEMSIZES)
def test_a_split_inner_dimension_keeps_the_flop_and_writes_twice(m, n, k1, k2, itemsize):
    whole = workload.matmul(m, n, k1 + k2, itemsize)
    parts = workload.matmul(m, n, k1, itemsize) + workload.matmul(m, n, k2, itemsize)
    assert (parts.flop, parts.read_bytes) == (whole.flop, whole.read_bytes)
    assert parts.write_bytes == 2 * whole.write_bytes


@given(SOME, ITEMSIZES)
def test_a_square_matmul_has_an_intensity_of_a_third_of_its_size(n, itemsize):
    """2 n³ flop over 3 n² elements: 2 n / 3 flop for each element moved."""
    work = workload.matmul(n, n, n, itemsize)
    assert work.intensity_flop_per_byte == pytest.approx(2 * n / 3 / itemsize)


@given(SOME, SOME, SOME, ITEMSIZES)
def test_an_mlp_is_its_matrix_products(n_tokens, d_model, d_ff, itemsize):
    up = workload.matmul(n_tokens, d_ff, d_model, itemsize)
    down = workload.matmul(n_tokens, d_model, d_ff, itemsize)
    assert workload.mlp(n_tokens, d_model, d_ff, itemsize) == up + down
    assert workload.mlp(n_tokens, d_model, d_ff, itemsize, gated=True) == up + up + down


@given(SOME, SOME, SOME, SOME, ITEMSIZES, st.integers(0, 4), st.integers(0, 4))
def test_unfused_attention_moves_the_scores_on_top(
    heads, queries, keys, size, itemsize, reads, writes
):
    shape = (3, heads, queries, keys, size, itemsize)
    fused = workload.attention(*shape, score_reads=0, score_writes=0)
    naive = workload.attention(*shape, score_reads=reads, score_writes=writes)
    scores_bytes = 3 * heads * queries * keys * itemsize
    assert naive == fused + Work(0, reads * scores_bytes, writes * scores_bytes)


@given(st.integers(1, 4), SOME, SOME, SOME, SOME, st.integers(1, 4), ITEMSIZES)
def test_a_forward_pass_is_the_sum_of_its_parts(
    layers, heads, size, d_ff, length, sequences, itemsize
):
    """Projections of queries, keys, values and output, an MLP and attention in every layer."""
    d_model, n_tokens = heads * size, sequences * length
    projection = workload.matmul(n_tokens, d_model, d_model, itemsize)
    mlp = workload.mlp(n_tokens, d_model, d_ff, itemsize)
    attention = workload.attention(sequences, heads, length, length, size, itemsize)
    n_params = layers * (4 * d_model**2 + 2 * d_model * d_ff)
    step = workload.transformer_step(n_params, layers, heads, size, sequences, length, itemsize)
    assert step.flop == layers * (4 * projection.flop + mlp.flop + attention.flop)
    assert step.bytes == n_params * itemsize


@given(SIZES, SOME, SOME, SOME, SOME, SOME, ITEMSIZES)
def test_training_is_three_forward_passes_of_flop(
    params, layers, heads, size, sequences, length, itemsize
):
    shape = (params, layers, heads, size, sequences, length, itemsize)
    forward, training = (workload.transformer_step(*shape, training=on) for on in (False, True))
    assert training.flop == 3 * forward.flop
    assert training.bytes == 3 * forward.bytes


def test_six_flop_a_parameter_and_token():
    """Kaplan's rule, once attention is small: GPT-3 at 2,048 tokens is 3 % above it."""
    step = workload.transformer_step(175_000_000_000, 96, 96, 128, 1, 2048, 2, training=True)
    assert step.flop / (6 * 175e9 * 2048) == pytest.approx(1.03, abs=0.005)


def test_palm_540b_costs_3_28_tflop_a_token():
    """PaLM, appendix B: N = 540.35e9, L = 118, H = 48, Q = 256, T = 2048."""
    step = workload.transformer_step(540_350_000_000, 118, 48, 256, 1, 2048, 2, training=True)
    assert step.flop / 2048 == pytest.approx(3.278e12, rel=1e-3)


def test_the_scores_of_gpt2_medium_are_2_gigabytes_a_pass():
    """FlashAttention's setting: 64 sequences of 1,024 tokens, 16 heads of 64, two bytes."""
    shape = (64, 16, 1024, 1024, 64, 2)
    naive = workload.attention(*shape)
    fused = workload.attention(*shape, score_reads=0, score_writes=0)
    assert (naive.bytes - fused.bytes) / 4 == 2**31
    assert fused.bytes == 4 * 64 * 16 * 1024 * 64 * 2


# Work itself


@given(WORKS, WORKS, st.integers(0, 100))
def test_works_add_and_scale(a, b, n):
    assert a + b == b + a
    assert n * (a + b) == n * a + n * b
    assert (a + b).bytes == a.bytes + b.bytes
    assert 2 * a == a + a


@given(st.builds(Work, st.integers(1, 10**6), st.integers(1, 10**6), SIZES), st.integers(1, 100))
def test_doing_it_again_keeps_the_intensity(work, n):
    assert (n * work).intensity_flop_per_byte == pytest.approx(work.intensity_flop_per_byte)


def test_the_ends_of_intensity():
    assert workload.copy(10, 4).intensity_flop_per_byte == 0
    assert workload.triad(10, 8).intensity_flop_per_byte == pytest.approx(1 / 12)
    assert Work(1, 0, 0).intensity_flop_per_byte == math.inf
    assert Work(0, 0, 0).intensity_flop_per_byte == 0


def test_numpy_sizes_are_sizes():
    assert workload.matmul(np.int64(2), np.int32(3), 4, 8) == workload.matmul(2, 3, 4, 8)


# Bad input


@pytest.mark.parametrize(("call", "words"), [
    (lambda: workload.copy(-1, 4), "n_elements must be at least 0, got -1"),
    (lambda: workload.copy(10, 0), "itemsize must be at least 1, got 0"),
    (lambda: workload.triad(2.5, 4), "n_elements must be an integer, got 2.5"),
    (lambda: workload.matmul(2, "3", 4, 4), "n must be an integer, got '3'"),
    (lambda: workload.mlp(1, 2, None, 4), "must be an integer, got None"),
    (lambda: workload.attention(1, 6, 2, 2, 2, 2, n_kv_heads=4), "a multiple of n_kv_heads"),
    (lambda: workload.attention(1, 6, 2, 2, 2, 2, n_kv_heads=0), "a multiple of n_kv_heads"),
    (lambda: workload.transformer_step(1e9, 1, 1, 1, 1, 1, 2), "n_params must be an integer"),
    (lambda: Work(-1, 0, 0), "flop of a Work must be a number from 0, got -1"),
    (lambda: Work(0, math.nan, 0), "read_bytes of a Work must be a number"),
    (lambda: Work(0, 0, "much"), "write_bytes of a Work must be a number"),
    (lambda: -1 * Work(1, 1, 1), "must be a number from 0"),
])  # fmt: skip
def test_nonsense_is_refused_with_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_only_works_add():
    with pytest.raises(TypeError):
        Work(1, 1, 1) + 1
    with pytest.raises(TypeError):
        Work(1, 1, 1) * "2"
