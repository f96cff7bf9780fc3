"""Forward progress: whoever holds a lock or produces a value is scheduled, as on a GPU."""

import time

import numpy as np
import pytest
import waiting_kernels as waiting
from waiting_kernels import ints

from labkit.simt import KernelError, cuda, profile, sanitize
from labkit.simt.lanes import batch

x = np.arange(512, dtype=np.float64)


@pytest.mark.parametrize("kernel", waiting.SUMS, ids=lambda k: k.__name__)
@pytest.mark.parametrize(("grid", "block"), [(1, 32), (4, 64), (2, 48), (1, 5)])
def test_a_lock_lets_everybody_in_once(kernel, grid, block):
    out = np.zeros(1)
    cuda.jit(kernel)[grid, block](x, out, ints(2))
    assert out[0] == x[: grid * block].sum()


@pytest.mark.parametrize("lanes", [64, 32768])
def test_values_do_not_depend_on_batches(lanes, monkeypatch):
    monkeypatch.setattr(batch, "BATCH_LANES", lanes)
    out = np.zeros(1)
    cuda.jit(waiting.ticket_lock)[6, 64](x, out, ints(2))
    assert out[0] == x[:384].sum()


def test_a_lock_per_pixel():
    values = np.random.default_rng(2).integers(0, 40, 512).astype(np.float64)
    out = np.full(40, -1.0)
    cuda.jit(waiting.last_of_each_pixel)[4, 128](values, out, ints(40))
    assert out.tolist() == [np.flatnonzero(values == pixel).max() for pixel in range(40)]


@pytest.mark.parametrize("blocks", [1, 2, 20])
def test_a_scan_that_looks_back(blocks):
    values = np.random.default_rng(4).integers(0, 99, 64 * blocks)
    out, totals, prefixes = np.zeros_like(values), np.zeros(blocks, int), np.zeros(blocks, int)
    cuda.jit(waiting.look_back_scan)[blocks, 64](values, out, ints(blocks + 1), totals, prefixes)
    assert out.tolist() == np.cumsum(values).tolist()


@pytest.mark.parametrize("blocks", [2, 40, 300])
def test_a_chain_of_blocks_from_the_last_to_the_first(blocks):
    out = np.zeros(blocks)
    cuda.jit(waiting.chain_of_blocks)[blocks, 32](x, out, ints(blocks))
    assert out.tolist() == np.cumsum(x[:blocks]).tolist()


@pytest.mark.parametrize("turns", [1, 2, 7])
def test_warps_with_tasks_of_their_own(turns):
    values, out = np.arange(32 * turns, dtype=np.float32), np.zeros(32 * turns, np.float32)
    cuda.jit(waiting.warps_with_tasks)[1, 64](values, out)
    assert out.tolist() == (2 * values).tolist()


def test_persistent_blocks():
    out = np.zeros(30)
    cuda.jit(waiting.persistent_blocks)[4, 64](x[:30], out, ints(31))
    assert out.tolist() == np.cumsum(x[:30]).tolist()


@pytest.mark.parametrize("lanes", [64, 32768])
def test_blocks_that_wait_for_one_another(lanes, monkeypatch):
    monkeypatch.setattr(batch, "BATCH_LANES", lanes)
    out = np.zeros(512)
    cuda.jit(waiting.barrier_of_flags)[8, 64](x, out, ints(2))
    assert out.tolist() == np.roll(x, -64).tolist()


def test_a_lane_that_waits_for_a_lane():
    out = np.zeros(32)
    cuda.jit(waiting.lane_waits_for_lane)[1, 32](x, out, ints(1))
    assert out.tolist() == [8.0] * 32


def test_arrays_begin_anew_and_so_do_those_that_are_no_arguments():
    mutex, count = cuda.to_device(ints(1)), cuda.to_device(np.zeros(1))

    @cuda.jit
    def kernel(x):
        count[0] += 0
        x[cuda.grid(1)] += 1
        while cuda.atomic.cas(mutex, 0, 0, 1) != 0:
            pass
        count[0] += 1
        cuda.atomic.exch(mutex, 0, 0)

    y = np.zeros(64)
    kernel[1, 64](y)
    assert y.tolist() == [1.0] * 64
    assert count.copy_to_host().tolist() == [64.0]


def test_barriers_of_warps_that_run_apart():
    @cuda.jit
    def kernel(out, m):
        s, t = cuda.shared.array(64, cuda.int64), cuda.threadIdx.x
        if t == 0:
            while cuda.atomic.cas(m, 0, 0, 1) != 0:
                pass
            cuda.atomic.exch(m, 0, 0)
        s[t] = t
        n = cuda.syncthreads_count(t % 2)
        out[cuda.grid(1)] = s[63 - t] + 1000 * n + 10**6 * cuda.syncthreads_or(t // 63)
        if cuda.syncthreads_and(60 - t):
            out[cuda.grid(1)] = 0

    out = np.zeros(192, int)
    kernel[3, 64](out, ints(1))
    assert out.tolist() == [1032000 + 63 - t for t in range(64)] * 3


def test_warps_that_are_cut_meet_where_they_vote_and_shuffle():
    @cuda.jit
    def kernel(out, m):
        t = cuda.threadIdx.x
        waiting.lock(m, 0)
        waiting.unlock(m, 0)
        out[t] = cuda.shfl_xor_sync(0xFFFFFFFF, t, 1)
        out[t] += 100 * cuda.popc(cuda.ballot_sync(0xFFFFFFFF, t < 10))
        if t < 8:
            out[t] += 10000 * cuda.shfl_sync(0xFF, t, 7)
        cuda.syncwarp()
        out[t] += 10**6 * cuda.any_sync(0xFFFFFFFF, t == 31)

    out = np.zeros(32, int)
    kernel[1, 32](out, ints(1))
    expected = [1001000 + (t ^ 1) + 70000 * (t < 8) for t in range(32)]
    assert out.tolist() == expected


def test_the_grid_waits_for_groups_that_run_apart():
    @cuda.jit
    def kernel(out, m):
        if cuda.threadIdx.x == 0:
            while cuda.atomic.cas(m, 0, 0, 1) != 0:
                pass
            cuda.atomic.add(m, 1, 1)
            cuda.atomic.exch(m, 0, 0)
        cuda.cg.this_grid().sync()
        out[cuda.grid(1)] = m[1]

    out = np.zeros(256)
    kernel[4, 64](out, ints(2))
    assert out.tolist() == [4.0] * 256


def test_the_profile_of_a_kernel_that_waits_counts_the_run_that_ended():
    out = np.zeros(1)
    found = profile(cuda.jit(waiting.lock_per_block)[4, 32], x, out, ints(2))
    assert found.line("out[0] +=").global_stores.requests == 4 * 32
    assert out[0] == x[:128].sum()


# What needs the threads of a warp to run apart


def independence(kernel, *args, grid=1, block=32, **options):
    found = sanitize(cuda.jit(kernel)[grid, block], *args, **options)
    return [one for one in found if one.kind == "needs-independent-scheduling"]


@pytest.mark.parametrize("kernel", waiting.WITHIN_A_WARP, ids=lambda k: k.__name__)
def test_a_lock_within_a_warp_needs_independent_scheduling(kernel):
    (found,) = independence(kernel, x, np.zeros(1), ints(2))
    assert not found.is_error
    assert "compute capability 7.0" in found.sentence
    assert len(found.lines) == len(found.threads) == 1


@pytest.mark.parametrize("capability", ["6.0", "6.1", (6, 0), 6.0])
def test_before_7_0_it_is_an_error(capability):
    options = {"compute_capability": capability}
    (found,) = independence(waiting.lock_per_thread, x, np.zeros(1), ints(1), **options)
    assert found.is_error


@pytest.mark.parametrize(
    "kernel", [waiting.lock_per_block, waiting.lock_that_no_lane_leaves], ids=lambda k: k.__name__
)
def test_what_waits_for_no_lane_of_its_warp_is_right_everywhere(kernel):
    out, options = np.zeros(1), {"grid": 4, "compute_capability": "6.0"}
    assert independence(kernel, x, out, ints(1), **options) == []
    assert out[0] == x[:128].sum()


def test_a_compute_capability_is_two_numbers():
    for given in ("old", -1, [8, 0], ("8", None)):
        with pytest.raises(ValueError, match="not a compute capability"):
            sanitize(
                cuda.jit(waiting.lock_per_block)[1, 1], x, x, ints(1), compute_capability=given
            )


# What no schedule helps


def never_released(m):
    while cuda.atomic.cas(m, 0, 0, 1) != 0:
        pass


def never_released_with_back_off(m):
    tries = 0
    while cuda.atomic.cas(m, 0, 0, 1) != 0:
        tries += 1


def two_locks_in_two_orders(m):
    first = cuda.blockIdx.x % 2
    while cuda.atomic.cas(m, first, 0, 1) != 0:
        pass
    cuda.atomic.add(m, 2, 1)
    while cuda.atomic.add(m, 2, 0) < 2:
        pass
    while cuda.atomic.cas(m, 1 - first, 0, 1) != 0:
        pass


def waits_for_a_flag_that_nobody_sets(m):
    if cuda.threadIdx.x == 0:
        while m[0] == 0:
            pass
    cuda.syncthreads()


def waits_for_its_own_later_store(m):
    while m[0] == 0:
        pass
    m[0] = 1


def forgets_to_count(m):
    i = 0
    while i < 10:
        m[0] = 1


def endless(m):
    n = 0
    while True:
        n += 1


DEADLOCKS = (
    never_released, never_released_with_back_off, two_locks_in_two_orders,
    waits_for_a_flag_that_nobody_sets, waits_for_its_own_later_store, forgets_to_count, endless,
)  # fmt: skip


@pytest.mark.parametrize("kernel", DEADLOCKS, ids=lambda k: k.__name__)
@pytest.mark.parametrize("grid", [2, 500])
def test_a_deadlock_is_found(kernel, grid):
    began = time.process_time()
    (found,) = [one for one in sanitize(cuda.jit(kernel)[grid, 32], ints(3)) if one.kind != "race"]
    assert found.kind == "livelock"
    guess = kernel in (never_released_with_back_off, endless)
    assert ("is a guess" in found.sentence) == guess
    assert time.process_time() - began < 10  # seconds, not minutes: about 2 on a quiet machine


def test_more_blocks_than_the_device_holds_cannot_wait_for_one_another():
    @cuda.jit
    def kernel(m):
        if cuda.threadIdx.x == 0:
            cuda.atomic.add(m, 0, 1)
            while cuda.atomic.add(m, 0, 0) < cuda.gridDim.x:
                pass

    m = ints(1)
    kernel[200, 1024](m)
    assert m[0] == 200
    with pytest.raises(KernelError, match="cannot start before this one ends"):
        kernel[300, 1024](ints(1))


def test_a_barrier_that_some_warps_never_reach_is_divergent():
    @cuda.jit
    def kernel(m):
        if cuda.threadIdx.x < 32:
            while cuda.atomic.add(m, 0, 0) == 0:
                pass
            cuda.syncthreads()
        else:
            cuda.atomic.exch(m, 0, 1)
            cuda.syncthreads()

    with pytest.raises(KernelError, match="of 64 live threads of block 0 reach syncthreads"):
        kernel[1, 64](ints(1))


# Where the order of the two sides of a branch decides, which only Volta leaves open


def producer_first(out, flag):
    t = cuda.threadIdx.x
    if t == 0:
        out[0] = 7
        cuda.threadfence()
        cuda.atomic.exch(flag, 0, 1)
    else:
        while cuda.atomic.add(flag, 0, 0) == 0:
            pass
        cuda.threadfence()
        out[t] = out[0]


def consumer_first(out, flag):
    t = cuda.threadIdx.x
    if t > 0:
        while cuda.atomic.add(flag, 0, 0) == 0:
            pass
        cuda.threadfence()
        out[t] = out[0]
    else:
        out[0] = 7
        cuda.threadfence()
        cuda.atomic.exch(flag, 0, 1)


def in_another_warp(out, flag):
    t = cuda.threadIdx.x
    if t < 32:
        out[t] = 7
        cuda.threadfence()
        cuda.syncwarp()
        if t == 0:
            cuda.atomic.exch(flag, 0, 1)
    else:
        while cuda.atomic.add(flag, 0, 0) == 0:
            pass
        cuda.threadfence()
        out[t] = out[t - 32]


@pytest.mark.parametrize("kernel", [producer_first, consumer_first], ids=lambda k: k.__name__)
def test_a_producer_in_the_warp_needs_independent_scheduling_in_either_order(kernel):
    out, flag = np.zeros(32), ints(1)
    (found,) = independence(kernel, out, flag)
    assert not found.is_error
    assert out.tolist() == [7.0] * 32
    assert flag.tolist() == [1]


def test_the_arrays_are_written_once_whatever_is_tried():
    def kernel(out, flag):
        t = cuda.threadIdx.x
        cuda.atomic.add(out, t, 1)
        if t == 0:
            cuda.atomic.add(flag, 0, 1)
        else:
            while cuda.atomic.add(flag, 0, 0) == 0:
                pass

    out, flag = np.zeros(32), ints(1)
    assert len(independence(kernel, out, flag)) == 1
    assert out.tolist() == [1.0] * 32
    assert flag.tolist() == [1]


def test_a_producer_in_another_warp_does_not():
    out = np.zeros(64)
    assert independence(in_another_warp, out, ints(1), block=64) == []
    assert out.tolist() == [7.0] * 64
