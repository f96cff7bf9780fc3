"""Spins that write to memory in every turn: they put it back, or only count their attempts."""

import time

import numpy as np
import pytest
from waiting_kernels import ints

from labkit.simt import KernelError, cuda
from labkit.simt.lanes.arrays import GLOBAL, Allocation, Array
from labkit.simt.lanes.turns import ROOM, Turn

PERMITS = 2


@cuda.jit(device=True)
def enter(out, m):
    """Count who is inside, and the most there ever were."""
    cuda.atomic.max(out, 1, cuda.atomic.add(m, 1, 1) + 1)
    cuda.atomic.add(out, 0, 1)
    cuda.atomic.add(m, 1, -1)


def semaphore(out, m):
    while cuda.atomic.add(m, 0, -1) <= 0:
        cuda.atomic.add(m, 0, 1)
    enter(out, m)
    cuda.atomic.add(m, 0, 1)


def semaphore_with_a_flag(out, m):
    got = False
    while not got:
        if cuda.atomic.add(m, 0, -1) > 0:
            got = True
        else:
            cuda.atomic.add(m, 0, 1)
    enter(out, m)
    cuda.atomic.add(m, 0, 1)


def semaphore_with_tries(out, m):
    tries = 0
    while cuda.atomic.sub(m, 0, 1) <= 0:
        cuda.atomic.add(m, 0, 1)
        tries += 1
    enter(out, m)
    cuda.atomic.add(m, 0, 1)


def try_lock(out, m):
    """Whoever raises the count from `1 - PERMITS` is in; all others lower it again."""
    while True:
        if cuda.atomic.add(m, 0, -1) == PERMITS:
            break
        cuda.atomic.add(m, 0, 1)
    enter(out, m)
    cuda.atomic.add(m, 0, 1)


def lock_that_counts_attempts(out, m):
    while cuda.atomic.cas(m, 0, PERMITS, 0) != PERMITS:
        cuda.atomic.add(m, 2, 1)
    enter(out, m)
    cuda.atomic.exch(m, 0, PERMITS)


def semaphore_that_counts_attempts(out, m):
    while cuda.atomic.add(m, 0, -1) <= 0:
        cuda.atomic.add(m, 2, 1)
        cuda.atomic.add(m, 0, 1)
    enter(out, m)
    cuda.atomic.add(m, 0, 1)


SPINS = (
    semaphore, semaphore_with_a_flag, semaphore_with_tries, try_lock, lock_that_counts_attempts,
    semaphore_that_counts_attempts,
)  # fmt: skip


@pytest.mark.parametrize("kernel", SPINS, ids=lambda k: k.__name__)
@pytest.mark.parametrize(("grid", "block"), [(4, 1), (1, 32), (3, 40)])
def test_a_spin_that_writes_lets_everybody_in(kernel, grid, block):
    out, m = ints(2), np.array([PERMITS, 0, 0], np.int32)
    cuda.jit(kernel)[grid, block](out, m)
    assert out[0] == grid * block
    assert 1 <= out[1] <= PERMITS
    assert m[:2].tolist() == [PERMITS, 0]


@pytest.mark.parametrize("kernel", SPINS, ids=lambda k: k.__name__)
def test_without_a_permit_it_is_a_livelock(kernel):
    began = time.process_time()
    with pytest.raises(KernelError) as raised:
        cuda.jit(kernel)[2, 32](ints(2), np.array([-5, 0, 0], np.int32))
    assert raised.value.kind == "livelock"
    guess = kernel is semaphore_with_tries
    assert ("is a guess" in str(raised.value)) == guess
    assert time.process_time() - began < 20  # seconds, not minutes


def test_one_who_waits_for_the_attempts_of_another_sees_them():
    @cuda.jit
    def kernel(m):
        if cuda.threadIdx.x == 0:
            while cuda.atomic.add(m, 0, 0) == 0:
                cuda.atomic.add(m, 1, 1)
        else:
            while cuda.atomic.add(m, 1, 0) < 300:
                pass
            cuda.atomic.exch(m, 0, 1)

    m = ints(2)
    kernel[1, 2](m)
    assert m[0] == 1
    assert m[1] >= 300


def test_attempts_that_a_partner_at_a_barrier_reads_are_seen():
    @cuda.jit
    def kernel(m):
        if cuda.threadIdx.x == 0:
            while cuda.atomic.cas(m, 2, 0, 1) != 0:
                pass
            cuda.atomic.exch(m, 2, 0)
        while cuda.atomic.add(m, 0, 0) == 0:
            cuda.syncthreads()
            if cuda.threadIdx.x == 32 and cuda.atomic.add(m, 1, 1) == 50:
                cuda.atomic.exch(m, 0, 1)
            cuda.syncthreads()

    m = ints(3)
    kernel[2, 64](m)
    assert m[0] == 1


def test_a_long_search_that_keeps_its_place_in_memory_is_no_livelock():
    @cuda.jit
    def kernel(x, place):
        if cuda.threadIdx.x == 0:
            while x[place[0]] != 7:
                place[0] += 1
        cuda.syncthreads()

    values, place = np.zeros(60_000, np.int32), ints(1)
    values[-1] = 7
    kernel[1, 32](values, place)
    assert place[0] == 59_999


def test_a_long_loop_that_clears_its_scratch_is_no_livelock():
    @cuda.jit
    def kernel(x, scratch, out):
        i = 0
        while True:
            scratch[0] = x[i]
            found = scratch[0] == 7
            scratch[0] = 0
            if found:
                break
            i += 1
        out[0] = i

    values, out = np.ones(30_000, np.int32), ints(1)
    values[-1] = 7
    kernel[1, 1](values, ints(1), out)
    assert out[0] == 29_999


# What a turn has changed


def array_of(values):
    allocation = Allocation(GLOBAL, "x", values.nbytes)
    return Array(values, 0, values.shape, (1,), allocation)


def write(turn, array, where, value, is_read):
    turn.keep(array, where, array.store[where], is_read)
    array.store[where] = value


def test_what_was_put_back_is_no_change():
    turn, x = Turn(), array_of(np.zeros(4))
    write(turn, x, slice(1, 3), 5.0, True)
    write(turn, x, np.array([1]), 0.0, False)
    assert turn.differs(only_read=False)
    write(turn, x, 2, 0.0, False)
    assert not turn.differs(only_read=False)


def test_what_was_not_read_matters_only_to_others():
    turn, x = Turn(), array_of(np.zeros(4))
    write(turn, x, 1, 5.0, False)
    assert turn.differs(only_read=False)
    assert not turn.differs(only_read=True)
    turn.keep(x, np.array([0, 1]), x.store[:2], True)
    assert turn.differs(only_read=True)


def test_the_turns_of_an_inner_loop_are_part_of_a_turn():
    turn, inner, x = Turn(), Turn(), array_of(np.zeros(4))
    write(turn, x, 1, 5.0, True)
    write(inner, x, 1, 0.0, True)
    turn.add(inner)
    assert not turn.differs(only_read=False)


def test_a_turn_too_long_to_keep_counts_as_a_change():
    turn, x = Turn(), array_of(np.zeros(ROOM + 1))
    turn.keep(x, slice(0, ROOM + 1), x.store, False)
    assert turn.differs(only_read=True)
