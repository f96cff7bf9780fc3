"""The sanitizer: planted bugs are found, correct kernels are left alone."""

import numpy as np
import pytest
from clean_kernels import CLEAN, last_block

from labkit.simt import cuda, sanitize

f4 = cuda.float32


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


def test_a_negative_index_is_found_where_threads_differ():
    def kernel(x, y):
        y[cuda.grid(1)] = x[cuda.grid(1) - 1]

    (found,) = sanitize(cuda.jit(kernel)[2, 64], np.zeros(128), np.zeros(128))
    assert (found.kind, found.threads, found.index) == ("out-of-bounds", ((0, 0),), -1)
    assert "index -1 in an axis of 128 of x, by thread 0 of block 0" in found.sentence


def test_a_negative_index_that_all_threads_share_is_meant():
    def kernel(x, y):
        y[cuda.grid(1)] = x[-1]

    assert kinds(kernel, np.zeros(128), np.zeros(128)) == []


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
    from labkit.simt.lanes import batch

    monkeypatch.setattr(batch, "BATCH_LANES", 64)
    assert kinds(blocks_write_one_cell, np.zeros(1), np.zeros(1), grid=5) == ["race"]
    assert check(last_block) == []


# What is named


def test_an_atomic_on_shared_memory_that_nobody_wrote_is_uninitialised():
    def kernel(bins):
        s, t = cuda.shared.array(4, cuda.int32), cuda.threadIdx.x
        if t < 3:
            s[t] = 0
        cuda.syncthreads()
        cuda.atomic.add(s, t % 4, 1)

    (found,) = sanitize(cuda.jit(kernel)[1, 64], np.zeros(4))
    assert (found.kind, found.index, found.accesses) == ("uninitialised", 3, ("atomic",))
    assert "thread 3 of block 0 atomically updates s[3]" in found.sentence


@pytest.mark.parametrize(
    ("n_blocks", "threads", "why"),
    [
        (1, 32, "no syncwarp() stands"),
        (1, 96, "no syncthreads() stands"),
        (2, 96, "nothing orders the two blocks"),
    ],
)
def test_the_threads_farthest_apart_are_named(n_blocks, threads, why):
    def kernel(x):
        x[0] = x[1] + cuda.grid(1)
        x[1] = 2 * x[0]

    found = sanitize(cuda.jit(kernel)[n_blocks, threads], np.zeros(2))
    assert len(found) > 2
    assert {why in one.sentence for one in found} == {True}


def test_races_between_blocks_come_first_and_those_within_a_warp_last():
    def kernel(x):
        t = cuda.threadIdx.x
        if cuda.blockIdx.x == 0 and t < 2:
            x[0] = t
        if cuda.blockIdx.x == 0 and t > 30:
            x[1] = t
        x[2] = cuda.blockIdx.x

    found = sanitize(cuda.jit(kernel)[2, 64], np.zeros(3))
    assert [one.index for one in found] == [2, 1, 0]


def test_an_axis_of_one_element_is_indexed_by_zero():
    def kernel(column, row):
        column[3, 0] = cuda.threadIdx.x
        row[0, 3] = cuda.threadIdx.x

    found = sanitize(cuda.jit(kernel)[1, 32], np.zeros((5, 1)), np.zeros((1, 5)))
    assert [one.index for one in found] == [(3, 0), (0, 3)]
    assert "column[3, 0]" in found[0].sentence


# Memory seen in several ways


@pytest.mark.parametrize("shift", [0, 1])
def test_a_view_made_in_the_kernel_is_the_same_memory(shift):
    def kernel(x, shift):
        i, view = cuda.grid(1), x[1:]
        x[i] = i
        if 0 < i < view.size - shift:
            view[i + shift - 1] += 1

    found = kinds(kernel, np.zeros(128), shift)
    assert ("race" in found) == (shift == 1)


@pytest.mark.parametrize("part", ["real", "imag"])
def test_the_parts_of_a_complex_number_are_apart(part):
    def real(z):
        i = cuda.grid(1)
        z.real[i] = 2.0
        z.imag[(i + 1) % 128] = 3.0 + i

    def imag(z):
        i = cuda.grid(1)
        z.imag[i] = i
        z[(i + 1) % 128] = 1j

    kernel = {"real": real, "imag": imag}[part]
    assert ("race" in kinds(kernel, np.zeros(128, np.complex128))) == (part == "imag")


@pytest.mark.parametrize("step", [1, 2])
def test_bytes_of_one_word_are_apart(step):
    def kernel(x, step):
        s, t = cuda.shared.array(0, cuda.float32), cuda.threadIdx.x
        b = cuda.shared.array(0, cuda.uint8)
        s[t] = 1
        cuda.syncthreads()
        b[t // step] = t
        cuda.syncthreads()
        x[t] = b[t // step]

    found = sanitize(cuda.jit(kernel)[1, 64, 0, 256], np.zeros(64), step)
    assert ("race" in [one.kind for one in found]) == (step == 2)


# Loops that only look as if they did not end


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
