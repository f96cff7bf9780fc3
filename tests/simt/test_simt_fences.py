"""Fences and flags: what they order, in a block, between blocks, and what they do not."""

import numpy as np
import pytest
import waiting_kernels as waiting
from waiting_kernels import ints

from labkit.simt import cuda, sanitize

x = np.arange(512, dtype=np.float64)
FENCE, BLOCK_FENCE, NONE = "cuda.threadfence()", "cuda.threadfence_block()", "pass"


def kinds(kernel, *args, grid=1, block=64):
    return {one.kind for one in sanitize(cuda.jit(kernel)[grid, block], *args) if one.is_error}


# Right: those of other people, and between two warps


@pytest.mark.parametrize("kernel", waiting.SUMS, ids=lambda k: k.__name__)
@pytest.mark.parametrize(("grid", "block"), [(1, 64), (3, 32)])
def test_a_lock_orders_what_it_guards(kernel, grid, block):
    out = np.zeros(1)
    assert kinds(kernel, x, out, ints(2), grid=grid, block=block) == set()
    assert out[0] == x[: grid * block].sum()


def test_flags_of_scans_chains_queues_and_grids_order_what_they_guard():
    n, i8 = 5, np.zeros
    scan = x[: 64 * n].astype(int), i8(64 * n, int), ints(n + 1), i8(n, int), i8(n, int)
    assert kinds(waiting.look_back_scan, *scan, grid=n) == set()
    assert kinds(waiting.chain_of_blocks, x, np.zeros(n), ints(n), grid=n) == set()
    assert kinds(waiting.persistent_blocks, x[:20], np.zeros(20), ints(21), grid=3) == set()
    assert kinds(waiting.barrier_of_flags, x, np.zeros(512), ints(2), grid=8) == set()
    assert kinds(waiting.last_of_each_pixel, x % 7, np.full(7, -1.0), ints(7), grid=2) == set()
    assert kinds(waiting.lane_waits_for_lane, x, np.zeros(32), ints(1), block=32) == set()
    values = np.arange(160, dtype=np.float32)
    assert kinds(waiting.warps_with_tasks, values, np.zeros(160, np.float32)) == set()


# With one part missing. The text of a kernel is filled in; `before` and `after` are its fences.

BETWEEN_WARPS = """
def kernel(x, out, data, flag):
    t = cuda.threadIdx.x
    if t < 32:
        data[t] = x[t]
        {warp}
        if t == 0:
            {before}
            cuda.atomic.exch(flag, 0, 1)
    else:
        if t == 32:
            while cuda.atomic.add(flag, 0, 0) == 0:
                pass
            {after}
        {warp}
        out[t - 32] = data[t - 32]
"""
BETWEEN_BLOCKS = """
def kernel(x, out, data, flag):
    if cuda.threadIdx.x == 0:
        if cuda.blockIdx.x == 1:
            data[0] = x[1]
            {before}
            cuda.atomic.exch(flag, 0, 1)
        else:
            while cuda.atomic.cas(flag, 0, 1, 1) == 0:
                pass
            {after}
            out[0] = data[0]
"""
LOCK = """
def kernel(x, out, data, flag):
    if cuda.threadIdx.x == 0:
        while cuda.atomic.cas(flag, 0, 0, 1) != 0:
            pass
        {after}
        data[0] += 1
        {before}
        cuda.atomic.exch(flag, 0, 0)
"""
POLLED = """
def kernel(x, out, data, flag):
    t = cuda.threadIdx.x
    if t == 0:
        data[0] = x[1]
        {before}
        flag[0] = 1
    elif t == 32:
        while flag[0] == 0:
            pass
        {after}
        out[0] = data[0]
"""
PASSED_ON = """
def kernel(x, out, data, flag):
    if cuda.threadIdx.x == 0:
        if cuda.blockIdx.x == 2:
            data[0] = x[1]
            {before}
            cuda.atomic.exch(flag, 0, 1)
        if cuda.blockIdx.x == 1:
            while cuda.atomic.add(flag, 0, 0) == 0:
                pass
            {after}
            cuda.threadfence()
            cuda.atomic.exch(flag, 1, 1)
        if cuda.blockIdx.x == 0:
            while cuda.atomic.add(flag, 1, 0) == 0:
                pass
            cuda.threadfence()
            out[0] = data[0]
"""


def found(text, grid, **parts):
    from programs import compiled

    text = text.format(**{"before": FENCE, "after": FENCE, "warp": "cuda.syncwarp()", **parts})
    kernel = compiled(text, f"<{hash(text)}>", cuda=cuda)
    return kinds(kernel, x, np.zeros(32), np.zeros(32), ints(2), grid=grid)


CASES = [
    (BETWEEN_WARPS, 1, BLOCK_FENCE), (BETWEEN_BLOCKS, 2, FENCE), (LOCK, 3, FENCE),
    (POLLED, 1, BLOCK_FENCE), (PASSED_ON, 3, FENCE),
]  # fmt: skip


@pytest.mark.parametrize(("text", "grid", "fence"), CASES)
def test_a_release_and_an_acquire_order(text, grid, fence):
    assert found(text, grid) == set()
    assert found(text, grid, before=fence, after=fence) == set()


@pytest.mark.parametrize(("text", "grid", "fence"), CASES)
def test_without_the_fence_before_the_flag_nothing_is_published(text, grid, fence):
    assert "race" in found(text, grid, before=NONE)


@pytest.mark.parametrize(("text", "grid", "fence"), [CASES[1], CASES[2], CASES[3]])
def test_without_the_fence_after_the_flag_loads_may_come_first(text, grid, fence):
    assert "race" in found(text, grid, after=NONE)


@pytest.mark.parametrize(("text", "grid", "fence"), [CASES[1], CASES[2], CASES[4]])
def test_a_fence_of_the_block_orders_nothing_between_blocks(text, grid, fence):
    assert "race" in found(text, grid, before=BLOCK_FENCE)
    if text is not PASSED_ON:  # there a fence of the device follows
        assert "race" in found(text, grid, after=BLOCK_FENCE)


def test_a_fence_publishes_its_own_thread_and_what_was_ordered_before_it():
    assert "race" in found(BETWEEN_WARPS, 1, warp="pass")


def test_a_flag_orders_only_those_who_read_it():
    def kernel(out, data, flag):
        t = cuda.threadIdx.x
        if t == 0:
            data[0] = 7
            cuda.threadfence()
            cuda.atomic.exch(flag, 0, 1)
        elif t == 32:
            while cuda.atomic.add(flag, 0, 0) == 0:
                pass
            cuda.threadfence()
            out[0] = data[0]
        elif t == 33:
            out[1] = data[0]

    assert kinds(kernel, np.zeros(2), np.zeros(1), ints(1)) == {"race"}


def test_what_comes_after_the_flag_is_not_published():
    def kernel(out, data, flag):
        t = cuda.threadIdx.x
        if t == 0:
            cuda.threadfence()
            cuda.atomic.exch(flag, 0, 1)
            data[0] = 7
        elif t == 32:
            while cuda.atomic.add(flag, 0, 0) == 0:
                pass
            cuda.threadfence()
            out[0] = data[0]

    assert kinds(kernel, np.zeros(2), np.zeros(1), ints(1)) == {"race"}


def test_a_plain_store_that_is_polled_without_a_fence_is_a_race():
    def kernel(data, flag):
        if cuda.threadIdx.x == 0:
            flag[0] = 1
        elif cuda.threadIdx.x == 32:
            while flag[0] == 0:
                pass

    assert kinds(kernel, np.zeros(1), ints(1)) == {"race"}
