"""Kernels whose threads wait for one another, as libraries and forums have them: all are right."""

import numpy as np

from labkit.simt import cuda

i4, i8, f4 = cuda.int32, cuda.int64, cuda.float32


@cuda.jit(device=True)
def lock(mutex, index):
    while cuda.atomic.cas(mutex, index, 0, 1) != 0:
        pass
    cuda.threadfence()


@cuda.jit(device=True)
def unlock(mutex, index):
    cuda.threadfence()
    cuda.atomic.exch(mutex, index, 0)


def lock_per_thread(x, out, m):
    lock(m, 0)
    out[0] += x[cuda.grid(1)]
    unlock(m, 0)


def lock_per_block(x, out, m):
    if cuda.threadIdx.x == 0:
        while cuda.atomic.cas(m, 0, 0, 1) != 0:
            pass
        cuda.threadfence()
        for k in range(cuda.blockDim.x):
            out[0] += x[cuda.blockIdx.x * cuda.blockDim.x + k]
        cuda.threadfence()
        cuda.atomic.exch(m, 0, 0)


def lock_with_back_off(x, out, m):
    tries, pause = 0, 8
    while cuda.atomic.cas(m, 0, 0, 1) != 0:
        tries += 1
        pause = min(2 * pause, 256)
        cuda.nanosleep(pause)
    cuda.threadfence()
    out[0] += x[cuda.grid(1)]
    cuda.threadfence()
    cuda.atomic.exch(m, 0, 0)


def lock_in_an_endless_loop(x, out, m):
    while True:
        if cuda.atomic.cas(m, 0, 0, 1) == 0:
            break
    cuda.threadfence()
    out[0] += x[cuda.grid(1)]
    cuda.threadfence()
    cuda.atomic.exch(m, 0, 0)


def lock_that_no_lane_leaves(x, out, m):
    """The way to write it before Volta: whoever has the lock does its work within the loop."""
    done = False
    while not done:
        if cuda.atomic.cas(m, 0, 0, 1) == 0:
            cuda.threadfence()
            out[0] += x[cuda.grid(1)]
            cuda.threadfence()
            cuda.atomic.exch(m, 0, 0)
            done = True


def ticket_lock(x, out, m):
    mine = cuda.atomic.add(m, 0, 1)
    while cuda.atomic.add(m, 1, 0) != mine:
        pass
    cuda.threadfence()
    out[0] += x[cuda.grid(1)]
    cuda.threadfence()
    cuda.atomic.add(m, 1, 1)


def two_locks_in_order(x, out, m):
    lock(m, 0)
    lock(m, 1)
    out[0] += x[cuda.grid(1)]
    unlock(m, 1)
    unlock(m, 0)


SUMS = (
    lock_per_thread, lock_per_block, lock_with_back_off, lock_in_an_endless_loop,
    lock_that_no_lane_leaves, ticket_lock, two_locks_in_order,
)  # fmt: skip
WITHIN_A_WARP = (
    lock_per_thread, lock_with_back_off, lock_in_an_endless_loop, ticket_lock, two_locks_in_order,
)  # fmt: skip


def last_of_each_pixel(x, out, m):
    """A lock per pixel, as datashader reduces where no atomic can."""
    i = cuda.grid(1)
    pixel = int(x[i]) % out.size
    lock(m, pixel)
    if out[pixel] < i:
        out[pixel] = i
    unlock(m, pixel)


def look_back_scan(x, out, status, totals, prefixes):
    """A single-pass scan with decoupled look-back (Merrill, Garland 2016), blocks by ticket."""
    s, now = cuda.shared.array(64, i8), cuda.shared.array(2, i8)
    t = cuda.threadIdx.x
    if t == 0:
        now[0] = cuda.atomic.add(status, status.size - 1, 1)
    cuda.syncthreads()
    block = now[0]
    s[t] = x[block * 64 + t]
    cuda.syncthreads()
    step = 1
    while step < 64:
        left = 0
        if t >= step:
            left = s[t - step]
        cuda.syncthreads()
        s[t] += left
        cuda.syncthreads()
        step *= 2
    if t == 0:
        before = 0
        if block > 0:
            totals[block] = s[63]
            cuda.threadfence()
            cuda.atomic.exch(status, block, 1)
            other = block - 1
            while other >= 0:
                state = cuda.atomic.add(status, other, 0)
                while state == 0:
                    state = cuda.atomic.add(status, other, 0)
                cuda.threadfence()
                if state == 2:
                    before += prefixes[other]
                    break
                before += totals[other]
                other -= 1
        prefixes[block] = before + s[63]
        cuda.threadfence()
        cuda.atomic.exch(status, block, 2)
        now[1] = before
    cuda.syncthreads()
    out[block * 64 + t] = now[1] + s[t]


def chain_of_blocks(x, out, flags):
    """Each block waits for the next one, which a GPU may start later."""
    if cuda.threadIdx.x == 0:
        block = cuda.gridDim.x - 1 - cuda.blockIdx.x
        before = 0
        if block > 0:
            while cuda.atomic.add(flags, block - 1, 0) == 0:
                pass
            cuda.threadfence()
            before = out[block - 1]
        out[block] = before + x[block]
        cuda.threadfence()
        cuda.atomic.exch(flags, block, 1)


def warps_with_tasks(x, out):
    """One warp loads, the other computes; flags in shared memory say whose turn it is."""
    buffer, full = cuda.shared.array(32, f4), cuda.shared.array(1, i4)
    t = cuda.threadIdx.x
    lane = t % 32
    if t == 0:
        full[0] = 0
    cuda.syncthreads()
    for start in range(0, x.size, 32):
        if t < 32:
            if lane == 0:
                while cuda.atomic.add(full, 0, 0) != 0:
                    pass
                cuda.threadfence_block()
            cuda.syncwarp()
            buffer[lane] = x[start + lane]
            cuda.syncwarp()
            if lane == 0:
                cuda.threadfence_block()
                cuda.atomic.exch(full, 0, 1)
        else:
            if lane == 0:
                while cuda.atomic.add(full, 0, 0) != 1:
                    pass
                cuda.threadfence_block()
            cuda.syncwarp()
            out[start + lane] = 2 * buffer[lane]
            cuda.syncwarp()
            if lane == 0:
                cuda.threadfence_block()
                cuda.atomic.exch(full, 0, 0)
        cuda.syncwarp()


def persistent_blocks(x, out, m):
    """Blocks take jobs from a queue; each job needs the one before it."""
    job, t = cuda.shared.array(1, i4), cuda.threadIdx.x
    while True:
        if t == 0:
            job[0] = cuda.atomic.add(m, 0, 1)
        cuda.syncthreads()
        mine = job[0]
        cuda.syncthreads()
        if mine >= x.size:
            break
        if t == 0:
            before = 0
            if mine > 0:
                while cuda.atomic.add(m, mine, 0) == 0:
                    pass
                cuda.threadfence()
                before = out[mine - 1]
            out[mine] = before + x[mine]
            cuda.threadfence()
            cuda.atomic.exch(m, mine + 1, 1)


def barrier_of_flags(x, out, m):
    """All blocks wait for one another, without a cooperative launch."""
    i = cuda.grid(1)
    out[i] = x[i]
    cuda.threadfence()
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        cuda.atomic.add(m, 0, 1)
        while cuda.atomic.add(m, 0, 0) < cuda.gridDim.x:
            pass
        cuda.threadfence()
    cuda.syncthreads()
    v = out[(i + 64) % x.size]
    cuda.threadfence()
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        cuda.atomic.add(m, 1, 1)
        while cuda.atomic.add(m, 1, 0) < cuda.gridDim.x:
            pass
        cuda.threadfence()
    cuda.syncthreads()
    out[i] = v


def lane_waits_for_lane(x, out, m):
    """The consumers stand before the producer in the source, in one warp."""
    t = cuda.threadIdx.x
    if t != 5:
        while cuda.atomic.add(m, 0, 0) == 0:
            pass
        cuda.threadfence()
        out[t] = out[5]
    else:
        out[5] = x[5]
        cuda.threadfence()
        cuda.atomic.exch(m, 0, 1)
    cuda.syncwarp()
    out[t] += cuda.shfl_sync(0xFFFFFFFF, t, 3)


def ints(n):
    return np.zeros(n, np.int32)
