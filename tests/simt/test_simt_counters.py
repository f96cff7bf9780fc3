"""The counters: worked values, published figures, and a brute-force count of generated cases."""

import math

import numpy as np
import pytest

from labkit.simt import cuda, profile

f4 = cuda.float32


def ran(kernel, *args, grid=4, block=128):
    return profile(kernel[grid, block], *args)


# Worked values: global memory


@cuda.jit
def copy(x, y):
    i = cuda.grid(1)
    y[i] = x[i]


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64", "complex128"])
def test_a_copy_moves_as_many_sectors_per_request_as_its_item_has_bytes(dtype):
    p = ran(copy, np.zeros(512, dtype), np.zeros(512, dtype))
    assert p.global_loads.sectors_per_request == np.dtype(dtype).itemsize
    assert p.global_stores.sectors_per_request == np.dtype(dtype).itemsize
    assert p.global_loads.requests == 16
    assert p.global_loads.efficiency == 1
    assert p.dram_bytes_lower == p.dram_bytes_upper == 2 * 512 * np.dtype(dtype).itemsize


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 8, 16, 32])
def test_a_stride_of_s_touches_4_s_sectors(stride):
    @cuda.jit
    def kernel(x, y, s):
        i = cuda.grid(1)
        y[i] = x[i * s]

    p = ran(kernel, np.zeros(512 * stride, np.float32), np.zeros(512, np.float32), stride)
    assert p.global_loads.sectors_per_request == min(32, 4 * stride)


@pytest.mark.parametrize(("offset", "expected"), [(1, 5), (4, 5), (8, 4), (16, 4), (32, 4)])
def test_an_offset_that_is_no_multiple_of_8_costs_a_sector(offset, expected):
    @cuda.jit
    def kernel(x, y, k):
        i = cuda.grid(1)
        y[i] = x[i + k]

    x = np.zeros(600, np.float32)
    assert (
        ran(kernel, x, np.zeros(512, np.float32), offset).global_loads.sectors_per_request
        == expected
    )
    view = x[offset:]
    assert ran(copy, view, np.zeros(512, np.float32)).global_loads.sectors_per_request == expected


def test_a_broadcast_is_one_sector_and_a_reversed_read_four():
    @cuda.jit
    def kernel(x, y):
        i = cuda.grid(1)
        y[i] = x[0] + x[x.size - 1 - i]

    p = ran(kernel, np.zeros(512, np.float32), np.zeros(512, np.float32))
    assert p.global_loads.sectors == 16 * (1 + 4)


@pytest.mark.parametrize(("dtype", "load"), [("float32", 4), ("float64", 8)])
def test_a_naive_transpose_stores_to_32_sectors(dtype, load):
    @cuda.jit
    def kernel(x, y):
        j, i = cuda.grid(2)
        y[j, i] = x[i, j]

    x = np.zeros((256, 256), dtype)
    p = ran(kernel, x, x.copy(), grid=(8, 8), block=(32, 32))
    assert p.global_loads.sectors_per_request == load
    assert p.global_stores.sectors_per_request == 32


@pytest.mark.parametrize(("width", "ways"), [(32, 32), (33, 1)])
def test_a_padded_tile_frees_the_column_read_of_its_conflicts(width, ways):
    @cuda.jit
    def kernel(x, y):
        tile = cuda.shared.array((32, width), f4)
        tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
        bx, by = 32 * cuda.blockIdx.x, 32 * cuda.blockIdx.y
        tile[ty, tx] = x[by + ty, bx + tx]
        cuda.syncthreads()
        y[bx + ty, by + tx] = tile[tx, ty]

    x, y = np.random.rand(128, 128).astype(np.float32), np.zeros((128, 128), np.float32)
    p = ran(kernel, x, y, grid=(4, 4), block=(32, 32))
    assert (y == x.T).all()
    assert p.global_loads.sectors_per_request == p.global_stores.sectors_per_request == 4
    assert p.shared_stores.ways == 1
    assert p.shared_loads.ways == ways


# Worked values: shared memory


def shared_stride(stride, dtype):
    n = 32 * max(stride, 1)

    @cuda.jit
    def kernel(y, s):
        tile = cuda.shared.array(n, dtype)
        t = cuda.threadIdx.x
        y[cuda.grid(1)] = tile[t * s]

    return ran(kernel, np.zeros(128), stride, grid=4, block=32).shared_loads


@pytest.mark.parametrize("stride", [0, 1, 2, 3, 4, 5, 6, 8, 16, 32, 33, 63])
def test_a_shared_stride_conflicts_by_its_common_divisor_with_32(stride):
    loads = shared_stride(stride, f4)
    assert loads.ways == (math.gcd(stride, 32) if stride else 1)
    assert loads.requests == 4


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 8, 16])
def test_eight_byte_items_go_by_half_warp(stride):
    loads = shared_stride(stride, cuda.float64)
    assert loads.ways == math.gcd(stride, 16)
    assert loads.wavefronts == 4 * 2 * math.gcd(stride, 16)


# Worked values: matrix multiplication


@cuda.jit
def matmul_documentation(a, b, c):
    i, j = cuda.grid(2)
    if i < c.shape[0] and j < c.shape[1]:
        total = 0.0
        for k in range(a.shape[1]):
            total += a[i, k] * b[k, j]
        c[i, j] = total


def per_load(p, kernel, block):
    """Sectors per request of the samples: (A, B)."""
    found = {}
    for sample in p.samples:
        sectors = {
            address // 32 for address, on in zip(sample.addresses, sample.active, strict=True) if on
        }
        found[sample.array] = len(sectors)
    return found


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ((32, 8), {"a": 32, "b": 1, "c": 32}),
        ((16, 16), {"a": 16, "b": 2, "c": 16}),
    ],
)
def test_numbas_matmul_reads_a_column_of_a(block, expected):
    a = np.zeros((64, 64), np.float32)
    p = ran(
        matmul_documentation,
        a,
        a.copy(),
        a.copy(),
        grid=(64 // block[0], 64 // block[1]),
        block=block,
    )
    found = per_load(p, matmul_documentation, block)
    if block == (32, 8):
        assert found == expected
        assert p.global_loads.sectors_per_request == 16.5
    else:
        assert found["a"] == found["c"] == 16
        # both rows of 16 threads lie in one warp, so B's two elements share a sector
        assert found["b"] == 1


def test_the_coalesced_matmul_moves_five_n_cubed_over_32_sectors():
    @cuda.jit
    def kernel(a, b, c):
        j, i = cuda.grid(2)
        total = f4(0.0)
        for k in range(a.shape[1]):
            total += a[i, k] * b[k, j]
        c[i, j] = total

    n = 64
    a = np.zeros((n, n), np.float32)
    p = ran(kernel, a, a.copy(), a.copy(), grid=(2, 8), block=(32, 8))
    assert p.global_loads.sectors_per_request == 2.5
    assert p.global_loads.sectors == 5 * n**3 // 32 == 40_960
    assert p.global_stores.sectors_per_request == 4
    assert p.flop == {"float32": 2 * n**3} == {"float32": 524_288}


def test_the_tiled_matmul():
    @cuda.jit
    def kernel(a, b, c):
        tile_a, tile_b = cuda.shared.array((32, 32), f4), cuda.shared.array((32, 32), f4)
        j, i = cuda.grid(2)
        tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
        total = f4(0.0)
        for tile in range(a.shape[1] // 32):
            tile_a[ty, tx] = a[i, tile * 32 + tx]
            tile_b[ty, tx] = b[tile * 32 + ty, j]
            cuda.syncthreads()
            for k in range(32):
                total += tile_a[ty, k] * tile_b[k, tx]
            cuda.syncthreads()
        c[i, j] = total

    n = 64
    a, b = np.random.rand(2, n, n).astype(np.float32)
    c = np.zeros_like(a)
    p = ran(kernel, a, b, c, grid=(2, 2), block=(32, 32))
    assert np.allclose(c, a @ b, rtol=1e-4)
    assert p.global_loads.sectors_per_request == 4
    assert p.global_loads.sectors == 8 * n**3 // 1024 == 2_048
    assert p.shared_loads.requests == 2 * n**3 // 32 == 16_384
    assert p.shared_loads.ways == 1


# Worked values: control


@pytest.mark.parametrize(("width", "divergent", "efficiency"), [(1, 16, 0), (32, 0, 1)])
def test_a_branch_diverges_where_lanes_of_a_warp_disagree(width, divergent, efficiency):
    @cuda.jit
    def kernel(y, w):
        i = cuda.grid(1)
        if (i // w) % 2:
            y[i] = 1
        else:
            y[i] = 2

    p = ran(kernel, np.zeros(512), width)
    assert p.divergent_branches == divergent
    assert p.branches == 16
    assert p.branch_efficiency == efficiency


def test_threads_per_instruction_is_the_share_of_active_lanes():
    @cuda.jit
    def kernel(y):
        i = cuda.grid(1)
        if i % 32 < 8:
            y[i] = i * 2

    p = ran(kernel, np.zeros(512))
    assert p.line("y[i] = i * 2").threads_per_instruction == 8
    assert 8 < p.threads_per_instruction < 32


def test_atomics_are_counted_by_warp_and_those_to_shared_memory_apart():
    @cuda.jit
    def kernel(out):
        s, t = cuda.shared.array(1, cuda.int32), cuda.threadIdx.x
        if t == 0:
            s[0] = 0
        cuda.syncthreads()
        cuda.atomic.add(s, 0, 1)
        cuda.syncthreads()
        if t < 33:
            cuda.atomic.add(out, 0, s[0])

    p = ran(kernel, np.zeros(1, np.int32), grid=2, block=128)
    assert (p.atomics, p.shared_atomics) == (2 * (4 + 2), 2 * 4)


# The seven reductions, after Mark Harris, 128 threads a block


@cuda.jit
def reduction_1(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    k = 1
    while k < 128:
        if t % (2 * k) == 0:
            s[t] += s[t + k]
        cuda.syncthreads()
        k *= 2
    if t == 0:
        out[cuda.blockIdx.x] = s[0]


@cuda.jit
def reduction_2(x, out):
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


@cuda.jit
def reduction_3(x, out):
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


@cuda.jit
def reduction_4(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    i = cuda.blockIdx.x * 256 + t
    s[t] = x[i] + x[i + 128]
    cuda.syncthreads()
    k = 64
    while k > 0:
        if t < k:
            s[t] += s[t + k]
        cuda.syncthreads()
        k //= 2
    if t == 0:
        out[cuda.blockIdx.x] = s[0]


@cuda.jit
def reduction_5(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    i = cuda.blockIdx.x * 256 + t
    s[t] = x[i] + x[i + 128]
    cuda.syncthreads()
    if t < 64:
        s[t] += s[t + 64]
    cuda.syncthreads()
    if t < 32:
        v = s[t]
        for k in (32, 16, 8, 4, 2, 1):
            if t < k:
                v += s[t + k]
            cuda.syncwarp()
            if k > 1:
                s[t] = v
                cuda.syncwarp()
        if t == 0:
            out[cuda.blockIdx.x] = v


@cuda.jit
def reduction_6(x, out):
    s, t = cuda.shared.array(4, f4), cuda.threadIdx.x
    i = cuda.blockIdx.x * 256 + t
    v = x[i] + x[i + 128]
    for k in (16, 8, 4, 2, 1):
        v += cuda.shfl_down_sync(0xFFFFFFFF, v, k)
    if t % 32 == 0:
        s[t // 32] = v
    cuda.syncthreads()
    if t < 4:
        v = s[t]
        for k in (2, 1):
            v += cuda.shfl_down_sync(0xF, v, k)
        if t == 0:
            out[cuda.blockIdx.x] = v


@cuda.jit
def reduction_7(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    total = f4(0.0)
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        total += x[i]
    s[t] = total
    cuda.syncthreads()
    k = 64
    while k > 0:
        if t < k:
            s[t] += s[t + k]
        cuda.syncthreads()
        k //= 2
    if t == 0:
        out[cuda.blockIdx.x] = s[0]


@pytest.mark.parametrize(
    ("kernel", "blocks", "expected"),
    [
        (reduction_1, 8, (74, 74, 0, 24, 32)),
        (reduction_2, 8, (29, 74, 45, 6, 32)),
        (reduction_3, 8, (29, 29, 0, 6, 32)),
        (reduction_4, 4, (29, 29, 0, 6, 32)),
        (reduction_5, 4, (22, 22, 0, 6, 8)),
        (reduction_6, 4, (5, 5, 0, 6, 4)),
        (reduction_7, 4, (29, 29, 0, 6, 32)),
    ],
)
def test_the_seven_reductions(kernel, blocks, expected):
    x, out = np.random.rand(1024).astype(np.float32), np.zeros(blocks, np.float32)
    p = ran(kernel, x, out, grid=blocks)
    assert np.isclose(out.sum(), x.sum(), rtol=1e-4)
    shared = (p.shared_loads, p.shared_stores)
    found = (
        sum(s.requests for s in shared),
        sum(s.wavefronts for s in shared),
        sum(s.bank_conflicts for s in shared),
        p.divergent_branches,
        p.barriers,
    )
    assert tuple(n / blocks for n in found) == expected


# A brute-force count, lane by lane


def brute_force(address, active, itemsize):
    """(requests, sectors, wavefronts, ideal) of one access, by plain loops over warps and lanes."""
    requests = sectors = wavefronts = ideal = 0
    for start in range(0, len(address), 32):
        lanes = [n for n in range(start, start + 32) if active[n]]
        if not lanes:
            continue
        requests += 1
        sectors += len({b // 32 for n in lanes for b in range(address[n], address[n] + itemsize)})
        group = 32 // max(1, itemsize // 4)
        for first in range(start, start + 32, group):
            banks = {}
            for n in lanes:
                if first <= n < first + group:
                    for word in {b // 4 for b in range(address[n], address[n] + itemsize)}:
                        banks.setdefault(word % 32, set()).add(word)
            if banks:
                ideal += 1
                wavefronts += max(len(words) for words in banks.values())
    return requests, sectors, wavefronts, ideal


@cuda.jit
def gather(x, index, on, y):
    i = cuda.grid(1)
    if i < index.size and on[i]:
        y[i] = x[index[i]]


@cuda.jit
def scatter(x, index, on, y):
    i = cuda.grid(1)
    if i < index.size and on[i]:
        x[index[i]] = 1


@cuda.jit
def affine(x, stride, offset, width, y):
    i = cuda.grid(1)
    if i % 64 < width:
        y[i] = x[i * stride + offset]


def cases(n):
    rng = np.random.default_rng(7)
    for case in range(n):
        dtype = rng.choice(["uint8", "int16", "float32", "float64", "complex128"])
        block = int(rng.choice([32, 64, 96, 128, 100, 33]))
        yield case, dtype, block, rng


@pytest.mark.parametrize("kind", ["load", "store"])
def test_generated_gathers_and_scatters_agree_with_brute_force(kind):
    for case, dtype, block, rng in cases(70):
        n, grid = 700, int(rng.integers(1, 6))
        threads = grid * block
        choice = case % 3
        index = rng.integers(0, n, threads) if choice == 0 else np.arange(threads) * case % n
        index = index if choice < 2 else rng.integers(0, n, threads) // 4 * 4
        on = rng.random(threads) < rng.choice([0.1, 0.5, 0.9, 1.0])
        x, first = np.zeros(n + 9, dtype), int(rng.integers(0, 9))
        view = x[first : first + n]
        kernel = gather if kind == "load" else scatter
        p = profile(kernel[grid, block], view, index, on, np.zeros(threads, dtype))
        lanes = -(-block // 32) * 32
        address, active = np.zeros((grid, lanes), int), np.zeros((grid, lanes), bool)
        address[:, :block] = ((index + first) * x.itemsize).reshape(grid, block)
        active[:, :block] = on.reshape(grid, block)
        expected = brute_force(address.ravel().tolist(), active.ravel().tolist(), x.itemsize)
        sample = next(line for line in p.lines if "index[i]]" in line.text)
        counts = p.lines[sample]
        traffic = counts.global_loads if kind == "load" else counts.global_stores
        other = index_traffic(on, grid, block)
        assert traffic.requests - (other[0] if kind == "load" else 0) == expected[0], case
        assert traffic.sectors - (other[1] if kind == "load" else 0) == expected[1], case


def index_traffic(on, grid, block):
    """What reading `index[i]` costs on the same line: int64, in the active lanes."""
    lanes = -(-block // 32) * 32
    address, active = np.zeros((grid, lanes), int), np.zeros((grid, lanes), bool)
    address[:, :block] = (np.arange(grid * block) * 8).reshape(grid, block)
    active[:, :block] = on.reshape(grid, block)
    return brute_force(address.ravel().tolist(), active.ravel().tolist(), 8)


def test_generated_strides_agree_with_brute_force():
    for case, dtype, block, rng in cases(60):
        grid, stride = int(rng.integers(1, 5)), int(rng.integers(0, 40))
        offset, width = int(rng.integers(0, 40)), int(rng.integers(1, 65))
        threads = grid * block
        x = np.zeros(threads * stride + offset + 1, dtype)
        p = profile(affine[grid, block], x, stride, offset, width, np.zeros(threads, dtype))
        lanes = -(-block // 32) * 32
        i = np.arange(threads)
        address, active = np.zeros((grid, lanes), int), np.zeros((grid, lanes), bool)
        address[:, :block] = ((i * stride + offset) * x.itemsize).reshape(grid, block)
        active[:, :block] = (i % 64 < width).reshape(grid, block)
        expected = brute_force(address.ravel().tolist(), active.ravel().tolist(), x.itemsize)
        assert (p.global_loads.requests, p.global_loads.sectors) == expected[:2], case
        touched = {b // 32 for a in address[active].tolist() for b in range(a, a + x.itemsize)}
        stored = {
            b // 32
            for a in (i[i % 64 < width] * x.itemsize).tolist()
            for b in range(a, a + x.itemsize)
        }
        assert p.dram_bytes_lower == 32 * (len(touched) + len(stored)), case


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64", "complex128"])
def test_generated_shared_accesses_agree_with_brute_force(dtype):
    kind = getattr(cuda, dtype)

    @cuda.jit
    def kernel(index, on, y):
        tile = cuda.shared.array(512, kind)
        t, i = cuda.threadIdx.x, cuda.grid(1)
        if on[i]:
            tile[index[i]] = 1
        cuda.syncthreads()
        if on[i]:
            y[i] = tile[(t * 3 + 1) % 512].real

    for case, _, block, rng in cases(20):
        grid = int(rng.integers(1, 5))
        threads = grid * block
        index = rng.integers(0, 512, threads) if case % 2 else np.arange(threads) * case % 512
        on = rng.random(threads) < rng.choice([0.3, 1.0])
        p = profile(kernel[grid, block], index, on, np.zeros(threads))
        lanes = -(-block // 32) * 32
        active = np.zeros((grid, lanes), bool)
        active[:, :block] = on.reshape(grid, block)
        for traffic, where in (
            (p.shared_stores, index),
            (p.shared_loads, (np.arange(threads) % block * 3 + 1) % 512),
        ):
            address = np.zeros((grid, lanes), int)
            address[:, :block] = (where * np.dtype(dtype).itemsize).reshape(grid, block)
            expected = brute_force(
                address.ravel().tolist(), active.ravel().tolist(), np.dtype(dtype).itemsize
            )
            assert (traffic.requests, traffic.wavefronts, traffic.ideal) == (
                expected[0],
                expected[2],
                expected[3],
            ), case


# The rest of a profile


def test_lines_add_up_to_the_whole():
    x, out = np.ones(1024, np.float32), np.zeros(8, np.float32)
    p = ran(reduction_1, x, out, grid=8)
    assert sum(c.shared_loads.requests for c in p.lines.values()) == p.shared_loads.requests
    assert p.line("s[t] += s[t + k]").flop == p.flop
    assert p.shared_bytes == 512
    assert "bank conflicts" in str(p)
    assert str(type(p.global_loads)()) == "no requests"


def test_a_kernel_counts_the_same_in_one_batch_and_in_many(monkeypatch):
    from labkit.simt.lanes import batch

    x, out = np.ones(128 * 50, np.float32), np.zeros(50, np.float32)
    whole = ran(reduction_2, x, out, grid=50)
    monkeypatch.setattr(batch, "BATCH_LANES", 256)
    parts = ran(reduction_2, x, out, grid=50)
    assert whole.lines == parts.lines
    assert whole.dram_bytes_lower == parts.dram_bytes_lower


def test_arrays_that_share_memory_share_sectors():
    @cuda.jit
    def kernel(x, y, out):
        i = cuda.grid(1)
        out[i] = x[i] + y[i]

    x = np.zeros(512, np.float32)
    p = ran(kernel, x, x[:], np.zeros(512, np.float32))
    assert p.dram_bytes_lower == 2 * 2048
    assert p.dram_bytes_upper == 3 * 2048


def test_pictures_have_their_data():
    p = ran(reduction_1, np.ones(256, np.float32), np.zeros(2, np.float32), grid=2)
    sample = next(s for s in p.samples if s.space == "global" and s.kind == "load")
    assert sample.addresses[:3] == (0, 4, 8)
    step = next(s for s in p.film if s.taken == 0x55555555)
    assert step.before == 0xFFFFFFFF
    assert max(event.epoch for event in p.timeline) == 8
    assert max(event.threads for event in p.timeline) == 128


def test_the_time_bound_names_its_bottleneck():
    n = 1 << 20
    p = ran(copy, np.zeros(n, np.float32), np.zeros(n, np.float32), grid=n // 128)
    bound = p.time_bound_s("h100-sxm")
    assert bound.origin == "modelled"
    assert "DRAM" in bound.note
    assert bound.value == pytest.approx(3e-6 + 8 * n / 3.35e12, rel=0.01)
