"""The sanitizer: planted bugs are found, correct kernels are left alone."""

import inspect
import linecache
import textwrap
import time

import numpy as np
import pytest

from labkit.simt import cuda, sanitize

f4 = cuda.float32


# Correct kernels. A comment `# needed` marks a line without which the kernel is wrong.


def reduction(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()  # needed
    k = 64
    while k > 0:
        if t < k:
            s[t] += s[t + k]
        cuda.syncthreads()  # needed
        k //= 2
    if t == 0:
        out[cuda.blockIdx.x] = s[0]


def interleaved_reduction(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()  # needed
    k = 1
    while k < 128:
        i = 2 * k * t
        if i < 128:
            s[i] += s[i + k]
        cuda.syncthreads()  # needed
        k *= 2
    if t == 0:
        out[cuda.blockIdx.x] = s[0]


def warp_reduction(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()  # needed
    if t < 32:
        v = s[t] + s[t + 32] + s[t + 64] + s[t + 96]
        s[t] = v
        cuda.syncwarp()  # needed
        for k in (16, 8, 4, 2, 1):
            if t < k:
                s[t] += s[t + k]
            cuda.syncwarp()  # needed
        if t == 0:
            out[cuda.blockIdx.x] = s[0]


def shuffle_reduction(x, out):
    s, t = cuda.shared.array(4, f4), cuda.threadIdx.x
    v = x[cuda.grid(1)]
    for k in (16, 8, 4, 2, 1):
        v += cuda.shfl_down_sync(0xFFFFFFFF, v, k)
    if t % 32 == 0:
        s[t // 32] = v
    cuda.syncthreads()  # needed
    if t == 0:
        out[cuda.blockIdx.x] = s[0] + s[1] + s[2] + s[3]


def tile_transpose(x, out):
    tile, t = cuda.shared.array((8, 17), f4), cuda.threadIdx.x
    row, col = t // 16, t % 16
    tile[row, col] = x[cuda.grid(1)]
    cuda.syncthreads()  # needed
    out[cuda.grid(1)] = tile[t % 8, t // 8]


def double_buffer(x, out):
    s, t = cuda.shared.array((2, 128), f4), cuda.threadIdx.x
    s[0, t] = x[cuda.grid(1)]
    cuda.syncthreads()  # needed
    for turn in range(4):
        now, then = turn % 2, 1 - turn % 2
        s[then, t] = s[now, t] + s[now, (t + 1) % 128]
        cuda.syncthreads()  # needed
    out[cuda.grid(1)] = s[0, t]


def in_place_shift(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()  # needed
    v = s[(t + 1) % 128]
    cuda.syncthreads()  # needed
    s[t] = v
    out[cuda.grid(1)] = s[t]


def phases(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    for turn in range(3):
        s[t] = x[cuda.grid(1)] + turn
        cuda.syncthreads()  # needed
        out[cuda.grid(1)] += s[127 - t]
        cuda.syncthreads()  # needed


def scan(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()  # needed
    k = 1
    while k < 128:
        v = s[t]
        if t >= k:
            v += s[t - k]
        cuda.syncthreads()  # needed
        s[t] = v
        cuda.syncthreads()  # needed
        k *= 2
    out[cuda.grid(1)] = s[t]


def shared_histogram(x, out):
    s, t = cuda.shared.array(16, cuda.int32), cuda.threadIdx.x
    if t < 16:
        s[t] = 0
    cuda.syncthreads()  # needed
    cuda.atomic.add(s, int(x[cuda.grid(1)] * 16), 1)
    cuda.syncthreads()  # needed
    if t < 16:
        cuda.atomic.add(out, t, s[t])


def early_return(x, out):
    s, t = cuda.shared.array(128, f4), cuda.threadIdx.x
    if t >= 100:
        return
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()  # needed
    out[cuda.grid(1)] = s[99 - t]


def last_block(x, out, part, count):
    s, t = cuda.shared.array(1, cuda.int32), cuda.threadIdx.x
    if t == 0:
        part[cuda.blockIdx.x] = x[cuda.grid(1)]
        cuda.threadfence()  # needed
        s[0] = cuda.atomic.add(count, 0, 1)
    cuda.syncthreads()  # needed
    if s[0] == cuda.gridDim.x - 1 and t < cuda.gridDim.x:
        out[t] = part[t]


def last_block_of_all(x, out, part, count):
    """Every thread publishes its own part, a barrier shows it to the one that counts."""
    s, t = cuda.shared.array(1, cuda.int32), cuda.threadIdx.x
    part[cuda.grid(1)] = x[cuda.grid(1)]
    cuda.threadfence()  # needed
    cuda.syncthreads()  # needed
    if t == 0:
        s[0] = cuda.atomic.add(count, 0, 1)
    cuda.syncthreads()  # needed
    if s[0] == cuda.gridDim.x - 1:
        for block in range(cuda.gridDim.x):
            out[t] += part[block * 128 + t]


def guarded(x, out):
    i = cuda.grid(1)
    if i < 500:
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
    grid.sync()  # needed
    v = out[(i + 128) % out.size]
    grid.sync()  # needed
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


def check(function, grid=4, block=128, strict=True):
    rng = np.random.default_rng(3)
    args = [
        rng.random(512).astype(np.float32),
        np.zeros(512, np.float32),
        np.zeros(512, np.float32),
        np.zeros(1, np.int32),
    ]
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    if function.__name__.startswith("shared_histogram"):
        args[1] = np.zeros(512, np.int32)
    return sanitize(cuda.jit(function)[grid, block], *args[: len(names)], strict=strict)


@pytest.mark.parametrize("kernel", CLEAN, ids=lambda k: k.__name__)
@pytest.mark.parametrize("strict", [True, False])
def test_correct_kernels_are_left_alone(kernel, strict):
    assert check(kernel, strict=strict) == []


def mutants():
    for kernel in CLEAN:
        lines = textwrap.dedent(inspect.getsource(kernel)).splitlines()
        for n, line in enumerate(lines):
            if "# needed" in line:
                yield pytest.param(kernel, n, id=f"{kernel.__name__}-{n}")


@pytest.mark.parametrize(("kernel", "line"), list(mutants()))
def test_every_deleted_barrier_or_fence_is_found(kernel, line):
    lines = textwrap.dedent(inspect.getsource(kernel)).splitlines(True)
    lines[line] = lines[line].split(lines[line].strip())[0] + "pass\n"
    name = f"<{kernel.__name__} without line {line}>"
    linecache.cache[name] = (0, None, lines, name)
    space = {"cuda": cuda, "f4": f4}
    exec(compile("".join(lines), name, "exec"), space)
    findings = check(space[kernel.__name__])
    assert findings
    assert {f.kind for f in findings} <= {"race", "uninitialised"}


def kinds(kernel, *args, grid=2, block=64, **options):
    return [f.kind for f in sanitize(cuda.jit(kernel)[grid, block], *args, **options)]


def test_the_message_names_both_sides():
    def kernel(x):
        s, t = cuda.shared.array(64, f4), cuda.threadIdx.x
        s[t] = 1
        x[cuda.grid(1)] = s[(t + 32) % 64]

    (found,) = sanitize(cuda.jit(kernel)[1, 64], np.zeros(64))
    first = kernel.__code__.co_firstlineno
    assert found.kind == "race"
    assert found.lines == (first + 2, first + 3)
    assert found.threads == ((32, 0), (0, 0))
    assert (found.array, found.index, found.space) == ("s", 32, "shared")
    assert found.accesses == ("store", "load")
    assert "thread 32 of block 0 stores to s[32]" in found.sentence
    assert "no syncthreads() stands between them" in found.sentence


def missing_atomic_histogram(x, bins):
    bins[int(x[cuda.grid(1)]) % 4] += 1


def missing_atomic_sum(x, total):
    total[0] += x[cuda.grid(1)]


def blocks_write_one_cell(x, out):
    if cuda.threadIdx.x == 0:
        out[0] = cuda.blockIdx.x


def update_reads_a_neighbour(x, out):
    i = cuda.grid(1)
    if i < x.size - 1:
        x[i] = x[i + 1]


def one_instruction_two_values(x, out):
    out[cuda.threadIdx.x // 2] = cuda.threadIdx.x


@pytest.mark.parametrize(
    "kernel",
    [
        missing_atomic_histogram,
        missing_atomic_sum,
        blocks_write_one_cell,
        update_reads_a_neighbour,
        one_instruction_two_values,
    ],
)
def test_races_in_global_memory(kernel):
    assert "race" in kinds(kernel, np.arange(128.0), np.zeros(128))


def test_uninitialised_shared_memory():
    def kernel(x):
        s = cuda.shared.array(64, f4)
        if cuda.threadIdx.x < 32:
            s[cuda.threadIdx.x] = 0
        cuda.syncthreads()
        x[cuda.grid(1)] = s[cuda.threadIdx.x]

    (found,) = sanitize(cuda.jit(kernel)[1, 64], np.zeros(64))
    assert (found.kind, found.threads, found.index) == ("uninitialised", ((32, 0),), 32)


def test_a_divergent_barrier():
    def kernel(x):
        if cuda.threadIdx.x < 50:
            cuda.syncthreads()

    (found,) = sanitize(cuda.jit(kernel)[2, 64], np.zeros(1))
    assert found.kind == "divergent-barrier"
    assert "50 of 64 live threads of block 0" in found.sentence


def test_two_barriers_in_two_arms_are_divergent():
    def kernel(x):
        if cuda.threadIdx.x < 32:
            cuda.syncthreads()
        else:
            cuda.syncthreads()

    assert kinds(kernel, np.zeros(1)) == ["divergent-barrier"]


@pytest.mark.parametrize("store", [True, False])
def test_out_of_bounds(store):
    def kernel(x, store):
        i = cuda.grid(1)
        if i <= x.size:
            if store:
                x[i] = 1
            else:
                v = x[i]  # noqa: F841

    (found,) = sanitize(cuda.jit(kernel)[2, 64], np.zeros(100), store)
    assert (found.kind, found.array, found.index, found.threads) == (
        "out-of-bounds",
        "x",
        100,
        ((36, 1),),
    )


# The faults that a first version of such a checker had


@pytest.mark.parametrize("value", [0.1, float("nan")])
def test_equal_values_are_compared_as_they_are_stored(value):
    def kernel(x, v):
        x[0] = v

    assert kinds(kernel, np.zeros(1, np.float32), value) == []


def test_a_warp_barrier_resets_who_was_there():
    def kernel(x):
        s, t = cuda.shared.array(32, f4), cuda.threadIdx.x
        if t == 3:
            s[0] = 1
        cuda.syncwarp()
        if t == 5:
            s[0] = 2
            x[0] = s[0]

    assert kinds(kernel, np.zeros(1), grid=1, block=32) == []


@pytest.mark.parametrize(
    "alias",
    [
        lambda x: x,
        lambda x: x[:],
        lambda x: x.view(np.int32).view(np.float32),
        lambda x: x.reshape(2, 64).reshape(128),
    ],
)
def test_an_array_under_two_names_is_one(alias):
    def kernel(x, y):
        i = cuda.grid(1)
        if i > 0:
            y[i] = x[i - 1]

    x = np.zeros(128, np.float32)
    assert kinds(kernel, x, np.zeros(128, np.float32)) == []
    assert kinds(kernel, x + np.arange(128, dtype=np.float32), alias(x)) == []
    x[...] = np.arange(128)
    assert "race" in kinds(kernel, x, alias(x))


def test_a_complex_number_and_its_parts_are_one_memory():
    def kernel(z, parts):
        i = cuda.grid(1)
        z[i] = 1j * i
        parts[i] = 3 * i

    z = np.zeros(128, np.complex64)
    assert "race" in kinds(kernel, z, z.view(np.float32))
    assert kinds(kernel, z, np.zeros(128, np.float32)) == []


def test_only_an_atomic_on_the_same_address_acquires():
    def kernel(x, part, count, other):
        s, t = cuda.shared.array(1, cuda.int32), cuda.threadIdx.x
        if t == 0:
            part[cuda.blockIdx.x] = 1
            cuda.threadfence()
            cuda.atomic.add(count, cuda.blockIdx.x, 1)
            s[0] = cuda.atomic.add(other, cuda.blockIdx.x, 1)
        cuda.syncthreads()
        if cuda.blockIdx.x == 3 and t < 4:
            x[t] = part[t]

    args = [np.zeros(4), np.zeros(4), np.zeros(4, np.int32), np.zeros(4, np.int32)]
    assert "race" in kinds(kernel, *args, grid=4)


def test_a_fence_publishes_its_own_thread_only():
    def kernel(x, part, count):
        s, t = cuda.shared.array(1, cuda.int32), cuda.threadIdx.x
        part[cuda.grid(1)] = 1
        if t == 0:
            cuda.threadfence()
            s[0] = cuda.atomic.add(count, 0, 1)
        cuda.syncthreads()
        if s[0] == 3:
            x[t] = part[t] + part[64 + t]

    found = kinds(kernel, np.zeros(64), np.zeros(256), np.zeros(1, np.int32), grid=4)
    assert "race" in found


def test_lockstep_within_a_warp_is_the_older_rule():
    def kernel(x):
        s, t = cuda.shared.array(32, f4), cuda.threadIdx.x
        s[t] = t
        x[t] = s[31 - t]

    assert kinds(kernel, np.zeros(32), grid=1, block=32) == ["race"]
    assert kinds(kernel, np.zeros(32), grid=1, block=32, strict=False) == []


def test_verdicts_do_not_depend_on_batches(monkeypatch):
    from labkit.simt import batch

    monkeypatch.setattr(batch, "BATCH_LANES", 64)
    assert kinds(blocks_write_one_cell, np.zeros(1), np.zeros(1), grid=5) == ["race"]
    assert check(last_block) == []


# Livelock


def spin_lock(lock, flag):
    while cuda.atomic.cas(lock, 0, 0, 1) != 0:
        pass
    cuda.atomic.exch(lock, 0, 0)


def waits_for_a_later_block(lock, flag):
    if cuda.blockIdx.x == 0:
        while flag[0] == 0:
            pass
    else:
        flag[0] = 1


def forgets_to_count(lock, flag):
    i = 0
    while i < 10:
        flag[0] = 1


def spin_with_back_off(lock, flag):
    tries = 0
    while cuda.atomic.cas(lock, 0, 0, 1) != 0:
        tries += 1
    cuda.atomic.exch(lock, 0, 0)


def endless(lock, flag):
    n = 0
    while True:
        n += 1


@pytest.mark.parametrize(
    "kernel", [spin_lock, waits_for_a_later_block, forgets_to_count, spin_with_back_off, endless]
)
def test_a_loop_that_cannot_end_is_stopped_within_two_seconds(kernel):
    began = time.process_time()
    (found,) = sanitize(cuda.jit(kernel)[2000, 32], np.zeros(1, np.int32), np.zeros(1, np.int32))
    assert time.process_time() - began < 2
    assert found.kind == "livelock"
    guess = kernel in (spin_with_back_off, endless)
    assert ("is a guess" in found.sentence) == guess


def test_a_long_loop_that_counts_is_left_alone():
    @cuda.jit
    def kernel(x):
        i = 0
        while i < 3000:
            i += 1
        x[0] = i

    x = np.zeros(1)
    kernel[1, 32](x)
    assert x[0] == 3000


def test_nested_loops_do_not_hide_each_other():
    @cuda.jit
    def kernel(x):
        turn = 0
        while x[0] < 300:
            k = 0
            while k < 70:
                k += 1
            x[0] += 1
        turn += 1

    x = np.zeros(1)
    kernel[1, 1](x)
    assert x[0] == 300
