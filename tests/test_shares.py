"""Who does how much of a launch's work: what each thread did, not what each warp did."""

import numpy as np
import pytest

from labkit import cuda
from labkit.teach.shares import assert_loads_spread, assert_spread, shares

BLOCKS, THREADS = 3, 40  # a warp and a part of one


@cuda.jit
def by_thread_0_of_each_block(x, out):
    i, t = cuda.grid(1), cuda.threadIdx.x
    part = cuda.shared.array(THREADS, cuda.float64)
    part[t] = x[i]
    cuda.syncthreads()
    if t == 0:
        for j in range(THREADS):
            cuda.atomic.add(out, 0, part[j])


@cuda.jit
def block_0_alone(x, out):
    if cuda.blockIdx.x == 0:
        for i in range(cuda.threadIdx.x, x.size, cuda.blockDim.x):
            out[i] = 2 * x[i]


@cuda.jit
def each_its_own(x, out):
    i = cuda.grid(1)
    if i < x.size:
        out[i] = 2 * x[i]


def test_each_thread_is_counted_by_kind_and_space():
    x, out = np.ones(BLOCKS * THREADS), np.zeros(1)
    work = shares(by_thread_0_of_each_block, BLOCKS, THREADS, x, out, case="a sum")
    assert out[0] == x.size
    assert (work.of("load", "global") == 1).all()
    assert (work.of("store", "shared") == 1).all()
    atomics = work.of("atomic", "global")
    assert atomics.shape == (BLOCKS, THREADS)
    assert (atomics[:, 0] == THREADS).all()
    assert atomics.sum() == BLOCKS * THREADS
    assert not work.of("atomic", "shared").any()


def test_a_block_that_works_for_the_others_is_told():
    x, out = np.ones(BLOCKS * THREADS), np.zeros(BLOCKS * THREADS)
    told = {"case": "a map", "most": 1, "what": "an element"}
    assert_spread(each_its_own, BLOCKS, THREADS, x, out, **told)
    with pytest.raises(AssertionError, match=r"one thread writes 3 elements.*2 of 3 blocks"):
        assert_spread(block_0_alone, BLOCKS, THREADS, x, out, **told)


@cuda.jit
def each_does_all(x, out):
    for i in range(x.size):
        out[i] = 2 * x[i]


def test_a_loop_over_everything_in_every_thread_is_told():
    x, out = np.ones(BLOCKS * THREADS), np.zeros(BLOCKS * THREADS)
    with pytest.raises(AssertionError, match=r"each of 120 threads did the work of others"):
        assert_spread(
            each_does_all, BLOCKS, THREADS, x, out, case="a map", most=1, what="an element"
        )


def test_blocks_of_two_axes_are_numbered_one_after_the_other():
    @cuda.jit
    def marks(out):
        x, y = cuda.grid(2)
        out[y, x] = 1

    work = shares(marks, (2, 3), (4, 8), np.zeros((24, 8)), case="a table")
    assert work.of("store", "global").shape == (6, 32)
    assert (work.of("store", "global") == 1).all()


@cuda.jit
def last_ones_clamped(x, out):
    i = min(cuda.grid(1), x.size - 1)
    out[i] = 2 * x[i]


@cuda.jit
def one_element_often(x, out):
    i = cuda.grid(1)
    for n in range(5):
        out[i] = n


def test_elements_are_counted_not_stores():
    x, out = np.ones(BLOCKS * THREADS), np.zeros(BLOCKS * THREADS)
    work = shares(one_element_often, BLOCKS, THREADS, x, out, case="a count")
    assert (work.written() == 1).all()
    assert (work.of("store", "global") == 5).all()
    assert not work.is_written_by_several


def test_an_element_that_several_threads_write_is_told():
    x, out = np.ones(BLOCKS * THREADS - 5), np.zeros(BLOCKS * THREADS - 5)
    told = {"case": "a map", "most": 1, "what": "an element"}
    with pytest.raises(AssertionError, match="several threads write the same element"):
        assert_spread(last_ones_clamped, BLOCKS, THREADS, x, out, **told)


@cuda.jit
def through_a_tile(x, out):
    tile = cuda.shared.array(THREADS, cuda.float64)
    i, t = cuda.grid(1), cuda.threadIdx.x
    tile[t] = x[i]
    cuda.syncthreads()
    out[i] = tile[THREADS - 1 - t]


@cuda.jit
def through_a_tile_of_thread_0(x, out):
    tile = cuda.shared.array(THREADS, cuda.float64)
    i, t = cuda.grid(1), cuda.threadIdx.x
    if t == 0:
        for j in range(THREADS):
            tile[j] = x[i + j]
    cuda.syncthreads()
    out[i] = tile[THREADS - 1 - t]


def test_a_thread_that_loads_for_the_others_is_told():
    x, out = np.ones(BLOCKS * THREADS), np.zeros(BLOCKS * THREADS)
    launch = through_a_tile, BLOCKS, THREADS, x, out
    assert_loads_spread(through_a_tile, *launch, case="a tile")
    with pytest.raises(AssertionError, match=r"loads 40 numbers from global memory.* 1 are"):
        assert_loads_spread(through_a_tile_of_thread_0, *launch, case="a tile")
