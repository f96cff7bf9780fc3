"""Each variable has one type, and the result of a thread never depends on its neighbours."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labkit as lk
from labkit.simt import KernelError, cuda
from tests.simt.programs import compiled
from tests.stacks.expressions import programs


def run(kernel, *args, block=1):
    kernel[1, block](*args)
    return args[-1].tolist()


def test_two_lambdas_on_a_line_are_two_functions():
    add, mul = cuda.jit(device=True)(lambda a, b: a + b), cuda.jit(device=True)(lambda a, b: a * b)

    @cuda.jit
    def kernel(o):
        o[0], o[1] = add(3, 4), mul(3, 4)

    assert run(kernel, np.zeros(2)) == [7, 12]


OPERATIONS = {
    "half": cuda.jit(device=True)(lambda a: a / 2),
    "twice": cuda.jit(device=True)(
        lambda a:
# a comment in the first column
        2 * a
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), [("half", 1.5), ("twice", 6)])
def test_a_lambda_is_found_in_a_dict_of_several_lines(name, expected):
    operate = OPERATIONS[name]

    @cuda.jit
    def kernel(o):
        o[0] = operate(3)

    assert run(kernel, np.zeros(1)) == [expected]


def test_constants_are_folded_before_numba_sees_them():
    @cuda.jit
    def small(o):
        o[0], o[1] = 2**-1, 2**63 * 1.0

    @cuda.jit
    def large(o):
        o[0] = o[0] * 10**20

    assert run(small, np.zeros(2)) == [0.5, 2.0**63]
    with pytest.raises(KernelError, match=r"line \d+: 1000+ does not fit in 64 bits"):
        run(large, np.zeros(1))


@pytest.mark.parametrize(
    ("dtype", "value", "expected"), [("uint32", -1, 2**32 - 1), ("uint8", 300, 44)]
)
def test_a_uniform_integer_wraps_where_it_is_stored(dtype, value, expected):
    @cuda.jit
    def kernel(o):
        o[0] = value

    assert run(kernel, np.zeros(1, dtype)) == [expected]


def test_ballots_and_matches_are_int32():
    @cuda.jit
    def kernel(p, o):
        m = cuda.ballot_sync(0xFFFFFFFF, p[cuda.threadIdx.x])
        o[0], o[1], o[2] = m, ~m == 0, m == 0xFFFFFFFF
        o[3] = cuda.match_any_sync(0xFFFFFFFF, 7)

    assert run(kernel, np.ones(32, np.int32), np.zeros(4, np.int64), block=32) == [-1, 1, 0, -1]


def test_an_unsigned_byte_is_negated_as_a_byte():
    @cuda.jit
    def kernel(x, o):
        o[0], o[1] = -x[0], ~x[0]

    assert run(kernel, np.array([1], np.uint8), np.zeros(2, np.int64)) == [255, 254]


def test_a_nan_never_wins_against_a_number():
    @cuda.jit
    def kernel(x, o):
        o[0], o[1], o[2] = min(x[0], x[1]), max(x[0], x[1]), min(x[1], x[0])

    assert run(kernel, np.array([np.nan, 1.0]), np.zeros(3)) == [1, 1, 1]


@pytest.mark.parametrize("other", [0.1, -1])
def test_the_type_does_not_depend_on_what_a_neighbour_does(other):
    @cuda.jit
    def kernel(x, o):
        i = cuda.grid(1)
        v = x[i]
        if v < 0:
            v = 0
        o[i] = v * v

    found = run(kernel, np.float32([0.1, other]), np.zeros(2), block=2)
    assert found[0] == float(np.float32(0.1)) ** 2


def test_the_flop_are_of_the_static_type():
    @cuda.jit
    def kernel(x, o):
        i = cuda.grid(1)
        v = x[i]
        if v < 0:
            v = 0
        o[i] = v * v

    for x in (np.ones(32, np.float32), -np.ones(32, np.float32)):
        assert lk.profile(kernel[1, 32], x, np.zeros(32)).flop == {"float64": 32}


def test_signed_and_unsigned_numbers_meet_as_float64():
    @cuda.jit
    def kernel(x, o):
        h = np.uint64(5381)
        for k in range(x.size):
            h = h * 33 + x[k]
        o[0] = h

    x = np.arange(20, dtype=np.uint64)
    expected = 5381.0
    for value in x:
        expected = expected * 33 + float(value)
    assert run(kernel, x, np.zeros(1)) == [expected]
    assert lk.types(kernel, x, np.zeros(1))["h"] == ("uint64", "float64")


def test_a_float_in_the_tuple_of_an_atomic_is_cut_off():
    @cuda.jit
    def kernel(x, image):
        cuda.atomic.add(image, (x[0] // 1, 2), 1.0)

    assert run(kernel, np.array([1.5]), np.zeros((3, 3)))[1][2] == 1


STEP = 1


def test_an_eager_kernel_keeps_the_globals_of_its_definition(monkeypatch):
    @cuda.jit("void(float64[:])")
    def kernel(o):
        o[0] = STEP

    monkeypatch.setitem(globals(), "STEP", 10)
    assert run(kernel, np.zeros(1)) == [1]


def test_what_numba_refuses_is_refused_on_paths_not_taken_too():
    @cuda.jit
    def kernel(x, o):
        if x.size > 100:
            o[x[0]] = 1

    with pytest.raises(KernelError, match=r"o is indexed with float64: an index is an integer"):
        run(kernel, np.ones(2), np.zeros(2))


def test_types_name_the_lines_that_made_them_so():
    @cuda.jit
    def kernel(x, o):
        v = x[0]
        if v < 0:
            v = 0
        o[0] = v

    first = kernel.py_func.__code__.co_firstlineno + 1
    found = lk.types(kernel, np.ones(1, np.float32), np.zeros(1))
    assert found["v"] == ("float32", "int64", "float64")
    text = f"v is float64 because of lines {first + 1} and {first + 3}"
    assert text in str(found) == repr(found)
    lines = [one.line for one in found.variables]
    assert lines == sorted(lines)
    with pytest.raises(KeyError, match="kernel has no variable 'w'; it has o, x, v"):
        _ = found["w"]


@given(st.integers(0, 10**6), st.lists(st.integers(-3, 90), min_size=64, max_size=64))
@settings(max_examples=60)
def test_a_thread_alone_in_a_warp_and_in_a_block_has_the_same_bits(seed, numbers):
    ((source, dtypes),) = programs(1, seed)
    source = source.replace("kernel(x, y)", "kernel(x, y, first, out)")
    source = source.replace("i = cuda.grid(1)", "i = cuda.grid(1) + first")
    kernel = cuda.jit(compiled(f"{source}    out[i] = r\n", "<alone>", cuda=cuda, math=math, np=np))
    with np.errstate(all="ignore"):
        x, y = (np.roll(np.array(numbers), k).astype(dtype) for k, dtype in enumerate(dtypes))

    def results(launches):
        out = np.zeros(64, np.complex128)
        try:
            for first, threads in launches:
                kernel[1, threads](x, y, first, out)
        except KernelError:
            return None
        return out.view(np.uint64).tolist()

    in_a_block = results([(0, 64)])
    assert in_a_block == results([(0, 32), (32, 32)])
    assert in_a_block == results([(first, 1) for first in range(64)])


def test_the_device_is_chosen_by_its_name():
    assert cuda.get_current_device().MULTIPROCESSOR_COUNT == 108
    try:
        assert lk.cuda_device("t4") is cuda.get_current_device()
        assert cuda.get_current_device().compute_capability == (7, 5)
        assert cuda.gpus[0].MULTIPROCESSOR_COUNT == 40
        with pytest.raises(ValueError, match=r"Google TPU v4.* cannot be simulated.* t4,"):
            lk.cuda_device("tpu-v4")
    finally:
        lk.cuda_device("a100-sxm-80")


def test_a_cooperative_grid_that_is_too_large_is_refused():
    @cuda.jit
    def kernel(x):
        cuda.cg.this_grid().sync()

    with pytest.raises(ValueError, match=r"A grid of 217 blocks .* A100 .* holds 216 at a time"):
        kernel[217, 1024](np.zeros(1))


def test_a_reduction_is_made_of_a_function():
    assert cuda.reduce(lambda a, b: a + b)(np.arange(4.0)) == 6
    assert cuda.reduce(lambda a, b: max(a, b))(np.arange(1001), init=5) == 1000
    assert cuda.reduce(lambda a, b: a + b)(np.zeros(0), init=3) == 3


def test_libdevice_has_nvidias_names():
    @cuda.jit
    def kernel(o):
        o[0], o[1] = cuda.libdevice.sqrtf(2.0), cuda.libdevice.pow(2.0, 0.5)

    assert run(kernel, np.zeros(2)) == [float(np.sqrt(np.float32(2))), 2**0.5]


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.array([None]), "x is an array of Python objects: a kernel takes arrays of numbers"),
        (np.array(["a"]), "refused at kernel, line .* and takes no int64"),
        (np.array([b"a"]), "refused at kernel, line .* and takes no int64"),
    ],
)
def test_an_array_of_text_or_objects_is_refused_in_a_sentence(array, sentence):
    @cuda.jit
    def kernel(x):
        x[0] = 1

    with pytest.raises(KernelError, match=sentence):
        kernel[1, 1](array)
