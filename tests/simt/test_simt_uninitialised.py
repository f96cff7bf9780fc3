"""What is read before it is written: device arrays, local arrays, shared arrays and variables."""

import numpy as np
import pytest

from labkit.simt import KernelError, cuda, sanitize

x = np.array([1.0, -1.0, 2.0, -2.0] * 16)


def kinds(kernel, *args, grid=1, block=64):
    return [one.kind for one in sanitize(cuda.jit(kernel)[grid, block], *args)]


# Device arrays


def adds(out):
    cuda.atomic.add(out, 0, 1)


def doubles(out):
    out[cuda.grid(1)] *= 2


def fills(out):
    out[cuda.grid(1)] = 3


def fills_all_but_one(out):
    if cuda.grid(1) != 40:
        out[cuda.grid(1)] = -1


def copies(out, other):
    other[cuda.grid(1)] = out[cuda.grid(1)]


@pytest.mark.parametrize("kernel", [adds, doubles])
@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.float64])
def test_a_new_device_array_is_unfilled(kernel, dtype):
    (found,) = sanitize(cuda.jit(kernel)[1, 64], cuda.device_array(64, dtype))
    assert (found.kind, found.index, found.array) == ("uninitialised", 0, "out")
    assert "thread 0 of block 0" in found.sentence
    assert "a new device array starts with rubbish" in found.sentence


def test_stores_fill_it_also_with_the_bits_of_rubbish():
    array = cuda.device_array(64, np.int32)
    cuda.jit(fills_all_but_one)[1, 64](array)
    (found,) = sanitize(cuda.jit(copies)[1, 64], array, np.zeros(64))
    assert (found.kind, found.index) == ("uninitialised", 40)


@pytest.mark.parametrize("run", [lambda launch, array: launch(array), sanitize])
def test_a_launch_fills_it_for_the_next_one(run):
    array = cuda.device_array(64)
    run(cuda.jit(fills)[1, 64], array)
    assert kinds(doubles, array) == []


@pytest.mark.parametrize(
    "fill",
    [
        lambda array: array.copy_to_device(np.zeros(64)),
        lambda array: cuda.to_device(np.zeros(64), to=array),
        lambda array: array.__setitem__(slice(None), 0),
        lambda array: array[:].copy_to_device(np.zeros(64)),
        lambda array: [part.copy_to_device(np.zeros(32)) for part in array.split(32)],
        lambda array: array.reshape(8, 8).copy_to_device(np.zeros((8, 8))),
    ],
)
def test_the_host_fills_it(fill):
    array = cuda.device_array(64)
    fill(array)
    assert kinds(doubles, array) == []


def test_half_of_it():
    array = cuda.device_array(64)
    array[:32] = 0
    (found,) = sanitize(cuda.jit(doubles)[1, 64], array)
    assert found.index == 32
    assert kinds(doubles, array[:32], block=32) == []


def test_a_device_array_that_is_no_argument():
    total = cuda.device_array(1, np.int64)

    def kernel(x):
        cuda.atomic.add(total, 0, 1)

    assert kinds(kernel, np.zeros(1)) == ["uninitialised"]


def test_what_the_host_has_sent_is_filled():
    assert kinds(doubles, cuda.to_device(np.zeros(64))) == []
    assert kinds(doubles, cuda.device_array_like(np.zeros(64))) == ["uninitialised"]


def test_plain_values_are_what_they_were():
    array = cuda.device_array(2, np.int32)
    cuda.jit(adds)[1, 32](array)
    assert array.copy_to_host().tolist() == [31, -1]


# Local and shared arrays


def a_local_array_in_part(out):
    local, i = cuda.local.array(4, cuda.float64), cuda.grid(1)
    for k in range(3):
        local[k] = k
    out[i] = local[i % 4]


def a_local_array_by_some(out):
    local, i = cuda.local.array(2, cuda.float64), cuda.grid(1)
    local[1] = 7
    if i != 9:
        local[0] = i
    out[i] = local[0] + local[1]


def a_local_array_in_a_device_function(out):
    out[cuda.grid(1)] = _last_of(3)


@cuda.jit(device=True)
def _last_of(n):
    found = cuda.local.array(4, cuda.float64)
    for k in range(n):
        found[k] = k
    return found[3]


def a_shared_array_in_part(out):
    s, t = cuda.shared.array(64, cuda.float64), cuda.threadIdx.x
    if t < 40:
        s[t] = t
    cuda.syncthreads()
    out[t] = s[63 - t]


def a_whole_local_array(out):
    local, i = cuda.local.array((2, 2), cuda.float64), cuda.grid(1)
    for row in range(2):
        for column in range(2):
            local[row, column] = i
    out[i] = local[i % 2, 1]


@pytest.mark.parametrize(
    ("kernel", "n"),
    [
        (a_local_array_in_part, 1),
        (a_local_array_by_some, 1),
        (a_local_array_in_a_device_function, 1),
        (a_shared_array_in_part, 1),
        (a_whole_local_array, 0),
    ],
)
@pytest.mark.parametrize("grid", [1, 3])
def test_arrays_that_start_with_rubbish(kernel, n, grid):
    assert kinds(kernel, np.zeros(192), grid=grid) == ["uninitialised"] * n


def test_the_thread_and_the_element_are_named():
    (found,) = sanitize(cuda.jit(a_local_array_by_some)[1, 64], np.zeros(64))
    assert (found.threads, found.array, found.index) == (((9, 0),), "local", 0)
    assert "a local array starts with rubbish" in found.sentence


# Variables


def set_by_some(x, out):
    i = cuda.grid(1)
    if x[i] > 0:
        v = x[i] * 10
    out[i] = v


def set_in_a_loop(x, out):
    i = cuda.grid(1)
    for k in range(i % 3):
        v = k
    out[i] = v


def set_before_a_break(x, out):
    i, k = cuda.grid(1), 0
    while k < 4:
        k += 1
        if k == i:
            v = k
            break
    out[i] = v


def set_in_one_of_three(x, out):
    i = cuda.grid(1)
    if i % 3 == 0:
        v = 1
    elif i % 3 == 1:
        v = 2
    out[i] = v


def added_to_before_it_is_set(x, out):
    i = cuda.grid(1)
    if i > 5:
        total = 0
    total += x[i]
    out[i] = total


def one_of_a_pair(x, out):
    i = cuda.grid(1)
    if i % 2:
        a, b = 1, 2
    else:
        a = 1
    out[i] = a + b


def in_a_device_function(x, out):
    out[cuda.grid(1)] = _sometimes(x[cuda.grid(1)])


@cuda.jit(device=True)
def _sometimes(value):
    if value > 0:
        found = value
    return found


UNSET = (
    set_by_some, set_in_a_loop, set_before_a_break, set_in_one_of_three, added_to_before_it_is_set,
    one_of_a_pair, in_a_device_function,
)  # fmt: skip


@pytest.mark.parametrize("kernel", UNSET, ids=lambda k: k.__name__)
def test_a_variable_that_only_some_threads_have_assigned(kernel):
    assert set(kinds(kernel, x, np.zeros(64))) == {"uninitialised"}


def test_the_variable_and_the_thread_are_named():
    (found,) = sanitize(cuda.jit(set_by_some)[1, 64], x, np.zeros(64))
    line = set_by_some.__code__.co_firstlineno + 4
    assert (found.lines, found.threads) == ((line,), ((1, 0),))
    assert "thread 1 of block 0 reads v" in found.sentence


def all_take_the_branch(x, out):
    i = cuda.grid(1)
    if i >= 0:
        v = x[i]
    out[i] = v


def all_turn_once(x, out):
    i = cuda.grid(1)
    for k in range(1 + i % 3):
        v = k
    out[i] = v


def only_those_who_set_it_read_it(x, out):
    i = cuda.grid(1)
    if x[i] > 0:
        v = x[i]
    if x[i] > 0:
        out[i] = v


def returned_before(x, out):
    i = cuda.grid(1)
    if x[i] > 0:
        v = 1.0
    else:
        return
    out[i] = v


def set_in_each_branch(x, out):
    i = cuda.grid(1)
    if x[i] > 0:
        v = 1.0
    else:
        v = x[i] * x[i]
        v += 1
    out[i] = v


def until_it_is_found(x, out):
    i, k = cuda.grid(1), 0
    while True:
        v = k * k
        if v >= i:
            break
        k += 1
    out[i] = v


SET = (
    all_take_the_branch, all_turn_once, only_those_who_set_it_read_it, returned_before,
    set_in_each_branch, until_it_is_found,
)  # fmt: skip


@pytest.mark.parametrize("kernel", SET, ids=lambda k: k.__name__)
@pytest.mark.parametrize("grid", [1, 2])
def test_a_variable_that_every_reader_has_assigned(kernel, grid):
    assert kinds(kernel, np.tile(x, grid), np.zeros(64 * grid), grid=grid) == []


def test_a_long_loop_that_goes_on_with_few_warps_keeps_who_has_assigned():
    def kernel(x, out):
        i = cuda.grid(1)
        k = 0
        while k < 40 + i // 64 * 10:
            if k == 45:
                v = k
            k += 1
        out[i] = v

    found = sanitize(cuda.jit(kernel)[64, 64], x, np.zeros(4096))
    assert [one.threads for one in found] == [((0, 0),)]


def test_a_variable_that_nobody_has_assigned():
    found = sanitize(cuda.jit(set_by_some)[1, 64], -np.ones(64), np.zeros(64))
    assert [one.kind for one in found] == ["uninitialised"]
    with pytest.raises(KernelError, match="v is read before it is assigned"):
        cuda.jit(set_by_some)[1, 64](-np.ones(64), np.zeros(64))
