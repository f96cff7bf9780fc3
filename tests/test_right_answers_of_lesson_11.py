"""Right answers to lesson 11 that differ from ours pass: a language model on other kernels."""

import math

import numpy as np
import pytest

from labkit import cuda
from labkit.teach import solution
from labkit.teach.check import judge
from labkit.teach.registry import find

warp_sum = solution("11.t1").py_func.__globals__["warp_sum"]


@pytest.fixture(autouse=True)
def own_progress(monkeypatch, tmp_path):
    monkeypatch.setenv("LABKIT_PROGRESS", str(tmp_path / "progress.json"))


@cuda.jit
def product_in_doubles(w, x, out):
    thread = cuda.grid(1)
    row, lane = thread // 32, thread % 32
    if row < out.size:
        total = 0.0
        for column in range(lane, w.shape[1], 32):
            total += w[row, column] * x[column]
        total = warp_sum(total)
        if lane == 31:
            out[row] = total


@cuda.jit
def norm_by_a_factor(x, weight, epsilon, out):
    lane = cuda.threadIdx.x
    squares = 0.0
    for i in range(lane, x.size, 32):
        squares += x[i] * x[i]
    factor = 1 / math.sqrt(warp_sum(squares) / len(x) + epsilon)
    for i in range(lane, x.size, 32):
        out[i] = weight[i] * (factor * x[i])


@cuda.jit
def attention_by_a_branch(q, keys, values, out):
    head, lane = cuda.blockIdx.x, cuda.threadIdx.x
    group = head // (q.shape[0] // keys.shape[1])
    n_each = q.shape[1] // 32
    sums = cuda.local.array(4, cuda.float32)
    for n in range(n_each):
        sums[n] = 0
    largest, total = cuda.float32(-math.inf), cuda.float32(0)
    for token in range(keys.shape[0]):
        part = cuda.float32(0)
        for n in range(n_each):
            part += q[head, lane + 32 * n] * keys[token, group, lane + 32 * n]
        score = warp_sum(part) / cuda.float32(math.sqrt(q.shape[1]))
        if score > largest:
            shrink = math.exp(largest - score)
            total *= shrink
            for n in range(n_each):
                sums[n] *= shrink
            largest = score
        weight = math.exp(score - largest)
        total += weight
        for n in range(n_each):
            sums[n] += weight * values[token, group, lane + 32 * n]
    for n in range(n_each):
        out[head, lane + 32 * n] = sums[n] / total


def remember_as_copies(keys, values, position, k, v):
    keys[position] = k
    values[position] = v
    return [keys[: position + 1].copy(), values[: position + 1].copy()]


@cuda.jit
def gate_by_its_share(gate, up, out):
    i = cuda.grid(1)
    if i < gate.size:
        grown = math.exp(gate[i])
        out[i] = up[i] * gate[i] * grown / (grown + 1)


def bytes_by_the_sizes_themselves(sizes, n_tokens, weight_bytes, cache_bytes):
    return sizes.n_multiplied * weight_bytes + sizes.kv_bytes(n_tokens, cache_bytes)


@cuda.jit
def int8_with_the_scale_first(w, scales, x, out):
    thread = cuda.grid(1)
    row, lane = thread // 32, thread % 32
    if row < out.size:
        scale, total = scales[row], cuda.float32(0)
        for column in range(lane, x.size, 32):
            total += scale * w[row, column] * x[column]
        total = warp_sum(total)
        if lane == 0:
            out[row] = total


@cuda.jit
def int4_by_remainders(packed, scales, x, out):
    thread = cuda.grid(1)
    row, lane = thread // 32, thread % 32
    if row < out.size:
        total = cuda.float32(0)
        for j in range(lane, packed.shape[1], 32):
            byte = packed[row, j]
            low, high = byte % 16 - 8, byte // 16 - 8
            total += scales[row, j // 16] * (low * x[2 * j] + high * x[2 * j + 1])
        total = warp_sum(total)
        if lane == 0:
            out[row] = total


def house_filled_one_by_one(memory, weights, user, bytes_per_s, flop, flop_per_s):
    users = 0
    while weights + (users + 1) * user <= memory:
        users += 1
    if not users:
        return (0, 0)
    return np.array([users, min(users * bytes_per_s / (weights + users * user), flop_per_s / flop)])


RIGHT = [
    ("11.t1", product_in_doubles),
    ("11.t2", norm_by_a_factor),
    ("11.t3", attention_by_a_branch),
    ("11.t4", remember_as_copies),
    ("11.t5", gate_by_its_share),
    ("11.1", bytes_by_the_sizes_themselves),
    ("11.2", int8_with_the_scale_first),
    ("11.3", int4_by_remainders),
    ("11.4", house_filled_one_by_one),
]


@pytest.mark.parametrize(("name", "answer"), RIGHT, ids=[name for name, _ in RIGHT])
def test_a_right_answer_of_another_form_passes(name, answer):
    for seed in range(4):
        verdict = judge(find(name), answer, seed)
        assert verdict.word == "pass", f"seed {seed}: {verdict}"
