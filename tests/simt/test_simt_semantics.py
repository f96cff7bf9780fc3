"""Kernels compute what they would on a GPU."""

import cmath
import math

import numpy as np
import programs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.simt import KernelError, cuda

f4 = cuda.float32
LIMIT = 7
TABLE = np.arange(10) ** 2


@cuda.jit(device=True)
def add(a, b):
    return a + b


@settings(max_examples=60, deadline=None)
@given(programs.BLOCKS, st.integers(1, 70), st.sampled_from((32, 33, 64)))
def test_control_flow_is_that_of_every_thread_alone(block, n, threads):
    text = programs.source(block)
    x, y = np.arange(n)[::-1] * 3 % 11, np.zeros(n, np.int64)
    expected = programs.thread_by_thread(text, x, y)
    kernel = cuda.jit(programs.compiled(text, f"<{hash(text)}>", cuda=cuda, add=add))
    kernel[-(-n // threads), threads](x, y)
    assert y.tolist() == expected.tolist(), text


def run(kernel, *args, grid=4, block=64, shared=0):
    kernel[grid, block, 0, shared](*args)
    return args[-1]


@given(st.integers(1, 3000), st.sampled_from((1, 31, 32, 100, 256)))
@settings(max_examples=30, deadline=None)
def test_a_guarded_map_covers_any_size(n, threads):
    @cuda.jit
    def kernel(x, y):
        i = cuda.grid(1)
        if i < x.size:
            y[i] = 2 * x[i] + 1

    x = np.arange(n, dtype=np.float64)
    assert (run(kernel, x, np.zeros(n), grid=-(-n // threads), block=threads) == 2 * x + 1).all()


@given(
    st.integers(1, 40), st.integers(1, 40), st.sampled_from(((8, 8), (32, 4), (5, 7), (16, 2, 3)))
)
@settings(max_examples=30, deadline=None)
def test_two_axes_of_any_shape(rows, cols, threads):
    @cuda.jit
    def kernel(x, y):
        j, i = cuda.grid(2)
        if i < x.shape[0] and j < x.shape[1] and cuda.threadIdx.z == 0:
            y[j, i] = x[i, j]

    x, y = np.random.rand(rows, cols), np.zeros((cols, rows))
    grid = (-(-cols // threads[0]), -(-rows // threads[1]))
    kernel[grid, threads](x, y)
    assert (y == x.T).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a,
        np.asfortranarray,
        lambda a: a[::2, 1::3],
        lambda a: a.T,
        lambda a: a[::-1],
        lambda a: np.broadcast_to(a[:1], a.shape),
    ],
)
def test_every_layout_of_an_array_is_read_right(change):
    @cuda.jit
    def kernel(x, y):
        i, j = cuda.grid(2)
        if i < x.shape[0] and j < x.shape[1]:
            y[i, j] = x[i, j]

    x = change(np.random.rand(12, 18))
    y = np.zeros(x.shape)
    kernel[(2, 2), (16, 16)](x, y)
    assert (x == y).all()


def test_a_reversed_view_is_written_back():
    @cuda.jit
    def kernel(x):
        x[cuda.grid(1)] = cuda.grid(1)

    x = np.zeros(32)
    kernel[1, 32](x[::-1])
    assert (x == np.arange(32)[::-1]).all()


def test_index_minus_one_wraps():
    @cuda.jit
    def kernel(x, y):
        i = cuda.grid(1)
        y[i] = x[i - 1]

    x = np.arange(64.0)
    assert (run(kernel, x, np.zeros(64), grid=1) == np.roll(x, 1)).all()


def test_shared_memory_is_fresh_in_every_block_and_starts_as_rubbish():
    @cuda.jit
    def kernel(y):
        s = cuda.shared.array(1, f4)
        y[cuda.grid(1)] = s[0]
        cuda.syncthreads()
        s[0] = 42

    y = run(kernel, np.zeros(256, np.float32))
    assert np.isnan(y).all()


def test_functions_of_whole_arrays_run_in_every_thread():
    @cuda.jit
    def kernel(x, z, y):
        i = cuda.grid(1)
        np.maximum(x[i], z, y[i])
        y[i, 0] += np.sum(x[i]) + z.mean()

    x, z = np.arange(64.0).reshape(32, 2), np.array([10.0, 20.0])
    y = run(kernel, x, z, np.zeros((32, 2)), grid=1, block=32)
    assert (y[:, 1] == np.maximum(x[:, 1], 20)).all()
    assert (y[:, 0] == np.maximum(x[:, 0], 10) + x.sum(axis=1) + 15).all()


def test_two_shared_arrays_on_one_line_are_two():
    @cuda.jit
    def kernel(y):
        a, b = cuda.shared.array(32, f4), cuda.shared.array(32, f4)
        t = cuda.threadIdx.x
        a[t], b[t] = 1, 2
        y[cuda.grid(1)] = a[t] + 10 * b[t]

    assert (run(kernel, np.zeros(64), grid=2, block=32) == 21).all()


def test_dynamic_shared_arrays_alias():
    @cuda.jit
    def kernel(y):
        a = cuda.shared.array(0, f4)
        b = cuda.shared.array(0, cuda.int32)
        t = cuda.threadIdx.x
        a[t] = 1.0
        y[cuda.grid(1)] = b[t]

    assert (run(kernel, np.zeros(64, np.int32), grid=2, block=32, shared=128) == 0x3F800000).all()


def test_local_arrays_are_private():
    @cuda.jit
    def kernel(y):
        a = cuda.local.array((2, 3), cuda.int64)
        i = cuda.grid(1)
        for j in range(2):
            for k in range(3):
                a[j, k] = i + 10 * j + k
        y[i] = a[1, 2] + a[i % 2, i % 3]

    i = np.arange(256)
    assert (run(kernel, np.zeros(256, np.int64)) == 2 * i + 12 + 10 * (i % 2) + i % 3).all()


def test_globals_and_constant_arrays_are_frozen():
    @cuda.jit
    def kernel(y):
        i = cuda.grid(1)
        table = cuda.const.array_like(TABLE)
        y[i] = table[i % 10] + LIMIT

    y = run(kernel, np.zeros(256, np.int64))
    TABLE[3] = -1
    again = run(kernel, np.zeros(256, np.int64))
    TABLE[3] = 9
    assert (y == again).all()
    assert y[3] == 16


def test_device_functions_recursion_closures_and_lambdas():
    @cuda.jit(device=True)
    def factorial(n):
        if n < 2:
            return 1
        return n * factorial(n - 1)

    @cuda.jit
    def kernel(y):
        i = cuda.grid(1)

        def shifted(v, by=1):
            return v + by + i

        double = lambda v: 2 * v  # noqa: E731
        y[i] = factorial(i % 5) + shifted(double(3)) + shifted(1, 4)

    i = np.arange(256)
    expected = [math.factorial(k % 5) for k in i] + (6 + 1 + i) + (5 + i)
    assert (run(kernel, np.zeros(256, np.int64)) == expected).all()


def test_a_literal_makes_single_precision_double():
    @cuda.jit
    def kernel(x, y):
        i = cuda.grid(1)
        total = 0.0
        for k in range(100):
            total += x[k]
        y[i] = total

    x = np.full(100, 0.1, np.float32)
    assert run(kernel, x, np.zeros(32), grid=1, block=32)[0] == sum(float(v) for v in x)


def test_records_and_complex_parts():
    pair = np.dtype([("count", np.int32), ("value", np.float64)], align=True)

    @cuda.jit
    def kernel(r, z, y):
        i = cuda.grid(1)
        r[i].count += 1
        r[i]["value"] = z[i].real + 2 * z[i].imag
        y[i] = r["value"][i] + r[i].count

    r, z = np.zeros(64, pair), np.arange(64) * (1 + 2j)
    y = run(kernel, r, z, np.zeros(64), grid=1)
    assert (r["count"] == 1).all()
    assert (y == 5 * np.arange(64) + 1).all()


@pytest.mark.parametrize(
    "dtype", [np.int32, np.uint32, np.int64, np.uint64, np.float32, np.float64]
)
def test_atomic_add_counts_every_lane(dtype):
    @cuda.jit
    def kernel(bins, old):
        i = cuda.grid(1)
        old[i] = cuda.atomic.add(bins, i % 7, 1)
        cuda.atomic.add(bins, 7, 2)

    bins, old = np.zeros(8, dtype), np.zeros(256, dtype)
    run(kernel, bins, old)
    assert bins[:7].tolist() == np.bincount(np.arange(256) % 7).tolist()
    assert bins[7] == 512
    for k in range(7):
        assert sorted(old[k::7]) == list(range(int(bins[k])))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("max", 255),
        ("min", 0),
        ("nanmax", 255),
        ("nanmin", 0),
        ("exch", 255),
        ("or_", 255),
        ("xor", 0),
        ("sub", 5 - 255 * 128),
    ],
)
def test_the_other_atomics(name, expected):
    @cuda.jit
    def kernel(x):
        operate(x, 0, cuda.grid(1))

    operate = getattr(cuda.atomic, name)
    start = {"or_": 0, "xor": 0, "sub": 5}.get(name, 100)
    assert run(kernel, np.array([start]), grid=4)[0] == expected


def test_inc_dec_and_compare_and_swap():
    @cuda.jit
    def kernel(x):
        cuda.atomic.inc(x, 0, 9)
        cuda.atomic.dec(x, 1, 9)
        cuda.atomic.cas(x, 2, 0, cuda.grid(1) + 1)

    x = run(kernel, np.zeros(3, np.uint32), grid=1)
    assert x.tolist() == [64 % 10, (10 - 64 % 10) % 10, 1]


def test_a_lock_taken_in_turn_makes_progress():
    @cuda.jit
    def kernel(lock, total):
        done = False
        while not done:
            if cuda.atomic.cas(lock, 0, 0, 1) == 0:
                total[0] += 1
                cuda.atomic.exch(lock, 0, 0)
                done = True

    total = run(kernel, np.zeros(1, np.int32), np.zeros(1))
    assert total[0] == 256


def test_warp_shuffles_and_votes():
    @cuda.jit
    def kernel(y):
        i, lane = cuda.grid(1), cuda.laneid
        y[i, 0] = cuda.shfl_sync(0xFFFFFFFF, i, 5)
        y[i, 1] = cuda.shfl_up_sync(0xFFFFFFFF, i, 3)
        y[i, 2] = cuda.shfl_down_sync(0xFFFFFFFF, i, 3)
        y[i, 3] = cuda.shfl_xor_sync(0xFFFFFFFF, i, 1)
        y[i, 4] = cuda.ballot_sync(0xFFFFFFFF, lane % 2 == 0)
        y[i, 5] = cuda.all_sync(0xFFFFFFFF, i < 40) + 2 * cuda.any_sync(0xFFFFFFFF, i == 40)
        y[i, 6] = cuda.match_any_sync(0xFFFFFFFF, lane // 16)
        if lane < 7:
            y[i, 7] = cuda.activemask()
        y[i, 8] = cuda.lanemask_lt()

    i = np.arange(64)
    lane = i % 32
    y = run(kernel, np.zeros((64, 9), np.int64), grid=1)
    assert (y[:, 0] == i - lane + 5).all()
    assert (y[:, 1] == np.where(lane < 3, i, i - 3)).all()
    assert (y[:, 2] == np.where(lane > 28, i, i + 3)).all()
    assert (y[:, 3] == (i ^ 1)).all()
    assert (y[:, 4] == 0x55555555).all()
    assert (y[:, 5] == np.where(i < 32, 1, 2)).all()
    assert (y[:, 6] == np.where(lane < 16, 0xFFFF, -0x10000)).all()  # an int32
    assert (y[:, 7] == np.where(lane < 7, 0x7F, 0)).all()
    assert (y[:, 8] == (1 << lane) - 1).all()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_bit_functions(value):
    @cuda.jit
    def kernel(x, y):
        i = cuda.grid(1)
        y[i, 0] = cuda.popc(x[i])
        y[i, 1] = cuda.clz(x[i])
        y[i, 2] = cuda.ffs(x[i])
        y[i, 3] = cuda.brev(x[i])

    text = f"{value:032b}"
    y = run(kernel, np.full(32, value, np.uint32), np.zeros((32, 4), np.int64), grid=1, block=32)[0]
    assert y[0] == text.count("1")
    assert y[1] == 32 - len(text.lstrip("0"))
    assert y[2] == (value & -value).bit_length()
    assert y[3] == int(text[::-1], 2)


def test_barrier_votes():
    @cuda.jit
    def kernel(y):
        t, i = cuda.threadIdx.x, cuda.grid(1)
        y[i, 0] = cuda.syncthreads_count(int(t < 10 + cuda.blockIdx.x))
        y[i, 1] = cuda.syncthreads_and(int(t < 64))
        y[i, 2] = cuda.syncthreads_or(int(t == 70))

    y = run(kernel, np.zeros((128, 3), np.int64), grid=2)
    assert (y[:, 0] == np.repeat([10, 11], 64)).all()
    assert (y[:, 1] == 1).all()
    assert (y[:, 2] == 0).all()


def test_the_grid_can_wait_for_itself():
    @cuda.jit
    def kernel(x):
        grid, i = cuda.cg.this_grid(), cuda.grid(1)
        for turn in range(1, 50):
            left = x[turn - 1, (i + 1) % x.shape[1]]
            grid.sync()
            x[turn, i] = left + 1
            grid.sync()

    n = 40 * 32
    x = run(kernel, np.zeros((50, n)), grid=40, block=32)
    assert (x == np.arange(50)[:, None]).all()


def test_a_thread_that_has_nothing_left_to_do_is_not_awaited_by_the_grid():
    @cuda.jit
    def kernel(x, y):
        i = cuda.grid(1)
        if i % 3 == 0:
            x[i] = i
            cuda.cg.this_grid().sync()
            if i > 0:
                y[i] = x[i - 3]

    y = run(kernel, np.zeros(128), np.zeros(128), grid=4, block=32)
    assert y[::3].tolist() == [0, *range(0, 126, 3)]


def test_a_slice_may_begin_elsewhere_in_every_thread():
    @cuda.jit
    def kernel(x, y):
        i = cuda.grid(1)
        own = x[4 * i : 4 * i + 4]
        y[i] = own[0] + own[3] + len(own)

    x = np.arange(128)
    assert (run(kernel, x, np.zeros(32), grid=1, block=32) == 8 * np.arange(32) + 7).all()


def test_a_place_is_printed_as_one(capsys):
    @cuda.jit
    def kernel():
        print(cuda.threadIdx.x, cuda.blockIdx)

    kernel[(1, 2), 2]()
    lines = ["0 (0, 0, 0)", "1 (0, 0, 0)", "0 (0, 1, 0)", "1 (0, 1, 0)"]
    assert capsys.readouterr().out.splitlines() == lines


def test_mathematics_keeps_single_precision():
    @cuda.jit
    def kernel(x, y):
        i = cuda.grid(1)
        y[i] = (
            math.sqrt(x[i])
            + math.sin(x[i]) * math.exp(-x[i])
            + math.atan2(x[i], f4(2))
            + abs(-x[i])
        )

    x = np.linspace(0, 3, 256, dtype=np.float32)
    expected = np.sqrt(x) + np.sin(x) * np.exp(-x) + np.arctan2(x, np.float32(2)) + x
    assert (run(kernel, x, np.zeros(256, np.float32)) == expected).all()


def test_numba_on_the_cpu_agrees():
    from numba import njit

    def escape(x, y, limit):
        c, z = complex(x, y), 0j
        for i in range(limit):
            z = z * z + c
            if z.real * z.real + z.imag * z.imag >= 4:
                return i
        return limit

    on_cpu, on_device = njit(escape), cuda.jit(device=True)(escape)

    @cuda.jit
    def kernel(x, y, out):
        i = cuda.grid(1)
        out[i] = on_device(x[i], y[i], 60)

    x, y = np.random.default_rng(1).uniform(-2, 1, (2, 512))
    out = run(kernel, x, y, np.zeros(512, np.int64), grid=8)
    assert out.tolist() == [on_cpu(a, b, 60) for a, b in zip(x, y, strict=True)]


def test_a_cpu_function_of_numba_is_a_device_function():
    from numba import njit

    helper = njit(lambda a: a * 2)

    @cuda.jit
    def kernel(y):
        i = cuda.grid(1)
        y[i] = helper(i)

    assert (run(kernel, np.zeros(256)) == 2 * np.arange(256)).all()


def test_random_numbers_are_those_of_numba():
    from numba.cuda import random as theirs

    states = np.empty(20, theirs.xoroshiro128p_dtype)
    theirs.init_xoroshiro128p_states_cpu(states, 5, 2)
    assert (cuda.random.create_xoroshiro128p_states(20, 5, 2).copy_to_host() == states).all()

    @cuda.jit
    def kernel(states, y):
        i = cuda.grid(1)
        if i < y.size:
            y[i] = cuda.random.xoroshiro128p_uniform_float32(states, i)

    drawn = np.zeros(20, np.float32)
    kernel[1, 32](cuda.to_device(states), drawn)
    assert drawn.tolist() == [theirs.xoroshiro128p_uniform_float32(states, i) for i in range(20)]


def test_random_numbers_on_a_grid_of_three_axes():
    """numba's own example, on a smaller array."""
    draw = cuda.random.xoroshiro128p_uniform_float32

    @cuda.jit
    def random_3d(arr, rng_states):
        startx, starty, startz = cuda.grid(3)
        stridex, stridey, stridez = cuda.gridsize(3)
        tid = (startz * stridey * stridex) + (starty * stridex) + startx
        for i in range(startz, arr.shape[0], stridez):
            for j in range(starty, arr.shape[1], stridey):
                for k in range(startx, arr.shape[2], stridex):
                    arr[i, j, k] = draw(rng_states, tid)

    arr = cuda.device_array((31, 40, 29), np.float32)
    states = cuda.random.create_xoroshiro128p_states(16**3, seed=1)
    random_3d[(2, 2, 2), (8, 8, 8)](arr, states)
    drawn = arr.copy_to_host()
    assert (drawn >= 0).all()
    assert (drawn < 1).all()
    assert drawn.mean() == pytest.approx(0.5, abs=0.005)


def test_the_host_side_is_there():
    x = cuda.to_device(np.arange(6.0))
    like = cuda.device_array_like(x)

    @cuda.jit
    def kernel(x, y):
        i = cuda.grid(1)
        if i < x.size:
            y[i] = x[i] + 1

    start, stop, stream = cuda.event(), cuda.event(), cuda.stream()
    start.record(stream)
    kernel[1, 32, stream](x, like)
    kernel.forall(6)(x.reshape(6), like)
    stop.record(stream)
    stream.synchronize()
    cuda.synchronize()
    assert like.copy_to_host().tolist() == [1, 2, 3, 4, 5, 6]
    assert like[2:4].copy_to_host().tolist() == [3, 4]
    assert start.elapsed_time(stop) >= 0
    assert not cuda.is_available()


def test_a_signature_converts_numbers():
    @cuda.jit("void(int64[:], int32)")
    def kernel(y, x):
        y[0] = cuda.clz(x)

    assert run(kernel, np.zeros(1, np.int64), 1, grid=1, block=1) == 1
    y = np.zeros(1, np.int64)
    kernel[1, 1](y, 1)
    assert y[0] == 31


def test_an_assertion_names_the_thread():
    @cuda.jit
    def kernel(x):
        assert x[cuda.grid(1)] > 0

    with pytest.raises(
        AssertionError, match=r"x\[cuda.grid\(1\)\] > 0, by thread 3 of block 0"
    ) as caught:
        kernel[1, 32](np.where(np.arange(32) == 3, 0, 1))
    assert isinstance(caught.value, KernelError)


def test_what_inactive_lanes_hold_raises_nothing():
    @cuda.jit
    def kernel(x, y):
        i = cuda.grid(1)
        if x[i] > 0:
            y[i] = 2 ** int(x[i]) + math.gamma(x[i])

    x = np.arange(-16.0, 16.0)
    y = run(kernel, x, np.zeros(32), grid=1, block=32)
    assert y[17] == 2 + 1
    assert (y[:17] == 0).all()
    assert y[20] == 16 + 6


def test_what_python_raises_for_an_infinite_angle_is_nan_as_on_a_gpu():
    @cuda.jit
    def kernel(r, angle, z):
        i = cuda.grid(1)
        if i < z.size:
            z[i] = cmath.rect(r[i], angle[i])

    r, angle = np.array([1.0, 1.0, 0.0]), np.array([np.inf, np.pi, np.inf])
    z = run(kernel, r, angle, np.zeros(3, complex), grid=1, block=32)
    assert np.isnan(z[0].real)
    assert np.isnan(z[0].imag)
    assert np.allclose(z[1:], [-1, 0])
