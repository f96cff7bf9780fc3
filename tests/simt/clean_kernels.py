"""Correct kernels of every pattern that the course teaches, and some that it does not."""

from labkit.simt import cuda

f4 = cuda.float32


def reduction(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    k = 64
    while k > 0:
        if t < k:
            s[t] += s[t + k]
        cuda.syncthreads()
        k //= 2
    if t == 0:
        out[cuda.blockIdx.x] = s[0]


def interleaved_reduction(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    k = 1
    while k < 128:
        i = 2 * k * t
        if i < 128:
            s[i] += s[i + k]
        cuda.syncthreads()
        k *= 2
    if t == 0:
        out[cuda.blockIdx.x] = s[0]


def warp_reduction(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    if t < 32:
        v = s[t] + s[t + 32] + s[t + 64] + s[t + 96]
        s[t] = v
        cuda.syncwarp()
        for k in (16, 8, 4, 2, 1):
            if t < k:
                s[t] += s[t + k]
            cuda.syncwarp()
        if t == 0:
            out[cuda.blockIdx.x] = s[0]


def shuffle_reduction(x, out):
    s, t = cuda.shared.array(4, f4), cuda.threadIdx.x
    v = x[cuda.grid(1)]
    for k in (16, 8, 4, 2, 1):
        v += cuda.shfl_down_sync(0xFFFFFFFF, v, k)
    if t % 32 == 0:
        s[t // 32] = v
    cuda.syncthreads()
    if t == 0:
        out[cuda.blockIdx.x] = s[0] + s[1] + s[2] + s[3]


def tile_transpose(x, out):
    tile, t = cuda.shared.array((8, 17), f4), cuda.threadIdx.x
    row, col = t // 16, t % 16
    tile[row, col] = x[cuda.grid(1)]
    cuda.syncthreads()
    out[cuda.grid(1)] = tile[t % 8, t // 8]


def double_buffer(x, out):
    s, t = cuda.shared.array((2, 128), f4), cuda.threadIdx.x
    s[0, t] = x[cuda.grid(1)]
    cuda.syncthreads()
    for turn in range(4):
        now, then = turn % 2, 1 - turn % 2
        s[then, t] = s[now, t] + s[now, (t + 1) % 128]
        cuda.syncthreads()
    out[cuda.grid(1)] = s[0, t]


def in_place_shift(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    v = s[(t + 1) % 128]
    cuda.syncthreads()
    s[t] = v
    out[cuda.grid(1)] = s[t]


def phases(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    for turn in range(3):
        s[t] = x[cuda.grid(1)] + turn
        cuda.syncthreads()
        out[cuda.grid(1)] += s[127 - t]
        cuda.syncthreads()


def scan(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    k = 1
    while k < 128:
        v = s[t]
        if t >= k:
            v += s[t - k]
        cuda.syncthreads()
        s[t] = v
        cuda.syncthreads()
        k *= 2
    out[cuda.grid(1)] = s[t]


def shared_histogram(x, out):
    s, t = cuda.shared.array(16, cuda.int32), cuda.threadIdx.x
    if t < 16:
        s[t] = 0
    cuda.syncthreads()
    cuda.atomic.add(s, int(x[cuda.grid(1)] * 16), 1)
    cuda.syncthreads()
    if t < 16:
        cuda.atomic.add(out, t, s[t])


def early_return(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    if t >= 100:
        return
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    out[cuda.grid(1)] = s[99 - t]


def last_block(x, out, part, count):
    s, t = cuda.shared.array(1, cuda.int32), cuda.threadIdx.x
    if t == 0:
        part[cuda.blockIdx.x] = x[cuda.grid(1)]
        cuda.threadfence()
        s[0] = cuda.atomic.add(count, 0, 1)
    cuda.syncthreads()
    if s[0] == cuda.gridDim.x - 1 and t < cuda.gridDim.x:
        out[t] = part[t]


def last_block_of_all(x, out, part, count):
    """Every thread publishes its own part, a barrier shows it to the one that counts."""
    s, t = cuda.shared.array(1, cuda.int32), cuda.threadIdx.x
    part[cuda.grid(1)] = x[cuda.grid(1)]
    cuda.threadfence()
    cuda.syncthreads()
    if t == 0:
        s[0] = cuda.atomic.add(count, 0, 1)
    cuda.syncthreads()
    if s[0] == cuda.gridDim.x - 1:
        for block in range(cuda.gridDim.x):
            out[t] += part[block * 128 + t]


def guarded(x, out):
    i = cuda.grid(1)
    if i < 250:
        out[i] = x[i]


def grid_stride(x, out):
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        out[i] = x[i]


def everybody_writes_the_same(x, out):
    out[0] = 0.1


def grid_barriers(x, out):
    i = cuda.grid(1)
    grid = cuda.cg.this_grid()
    out[i] = x[i]
    grid.sync()
    v = out[(i + 128) % out.size]
    grid.sync()
    out[i] = v


CLEAN = (
    reduction,
    interleaved_reduction,
    warp_reduction,
    shuffle_reduction,
    tile_transpose,
    double_buffer,
    in_place_shift,
    phases,
    scan,
    shared_histogram,
    early_return,
    last_block,
    last_block_of_all,
    guarded,
    grid_stride,
    everybody_writes_the_same,
    grid_barriers,
)
