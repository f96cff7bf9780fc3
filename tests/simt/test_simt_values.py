"""Values at the edges of arithmetic are those that numba's code gives on a GPU, by its PTX."""

import math

import numpy as np
import pytest

from labkit.simt import KernelError, cuda
from labkit.simt.lanes.values import binary, cast, result_dtype

FLOATS = [math.nan, math.inf, -math.inf, 1e30, -1e30, 2.9, -2.9, 300.0]


def run(kernel, *args, block=1):
    kernel[1, block](*args)
    return args[-1].tolist()


@pytest.mark.parametrize(
    ("of", "to", "expected"),
    [
        ("float64", "int64", [-(2**63), 2**63 - 1, -(2**63), 2**63 - 1, -(2**63), 2, -2, 300]),
        ("float32", "int32", [0, 2**31 - 1, -(2**31), 2**31 - 1, -(2**31), 2, -2, 300]),
        ("float64", "int32", [-(2**31), 2**31 - 1, -(2**31), 2**31 - 1, -(2**31), 2, -2, 300]),
        ("float64", "uint64", [2**63, 2**64 - 1, 0, 2**64 - 1, 0, 2, 0, 300]),
        ("float32", "uint32", [0, 2**32 - 1, 0, 2**32 - 1, 0, 2, 0, 300]),
        ("float64", "int8", [0, -1, 0, -1, 0, 2, -2, 44]),
        ("float32", "uint8", [0, 255, 0, 255, 0, 2, 0, 44]),
    ],
)
def test_a_float_that_does_not_fit_becomes_the_nearest_integer(of, to, expected):
    @cuda.jit
    def kernel(x, o):
        i = cuda.grid(1)
        o[i] = x[i]

    assert run(kernel, np.array(FLOATS, of), np.zeros(8, to), block=8) == expected
    one_by_one = [cast(np.dtype(of).type(value), np.dtype(to)) for value in FLOATS]
    assert one_by_one == expected


def test_a_negative_bin_of_an_unsigned_histogram_is_the_first():
    @cuda.jit
    def kernel(x, o):
        cuda.atomic.add(o, int(cuda.uint32(x[cuda.grid(1)])), 1)

    assert run(kernel, np.array([-3.5, 0.5, 1.5]), np.zeros(3, np.int32), block=3) == [2, 1, 0]


def test_a_half_is_rounded_to_an_integer():
    @cuda.jit
    def kernel(x, o):
        i = cuda.grid(1)
        o[i] = x[i]

    halves = np.array([1.5, 2.5, -1.6, np.inf], np.float16)
    assert run(kernel, halves, np.zeros(4, np.int64), block=4) == [2, 2, -2, 2**63 - 1]
    assert run(kernel, halves, np.zeros(4, np.int8), block=4) == [2, 2, -2, 127]


def test_division_of_whole_numbers_that_has_no_result_gives_0():
    for a, b in ((7, 0), (-(2**63), -1)):
        for first, second in ((a, b), (np.array([a]), np.array([b]))):
            with np.errstate(all="ignore"):
                assert binary("//")(first, second) == binary("%")(first, second) == 0


@pytest.mark.parametrize(
    ("a", "b", "quotient", "rest"),
    [
        (5.5, 0.1, 55.0, 0.0),  # the quotient is rounded up to 55: Python leaves 0.0999
        (-7.5, 2.0, -4.0, 0.5),
        (-7.5, -2.0, 3.0, -1.5),
        (4.0, -2.0, -2.0, -0.0),
        (7.0, math.inf, math.nan, math.nan),  # 0 times infinity
        (7.0, 0.0, math.inf, math.nan),
        (-7.0, 0.0, -math.inf, math.nan),
    ],
)
def test_floats_are_divided_with_a_rounded_quotient(a, b, quotient, rest):
    for first, second in ((a, b), (np.array([a]), np.array([b]))):
        with np.errstate(all="ignore"):
            found = [float(np.ravel(binary(op)(first, second))[0]) for op in ("//", "%")]
        np.testing.assert_array_equal(found, [quotient, rest])
        assert math.copysign(1, found[1]) == math.copysign(1, rest) or math.isnan(rest)


def test_a_power_of_whole_numbers_goes_through_a_double():
    @cuda.jit
    def kernel(x, n, o):
        o[0], o[1], o[2] = x[0] ** 2, x[0] ** n, x[0] * x[0]
        o[3], o[4] = x[1] ** -1, 3 ** (n + 2**16)

    a = 2**31 - 1
    rounded = int(float(a * a))
    assert rounded != a * a
    found = run(kernel, np.array([a, 0]), 2, np.zeros(5, np.int64))
    assert found == [rounded, rounded, a * a, -(2**63), 2**63 - 1]


def test_round_to_digits_goes_through_a_whole_number():
    @cuda.jit
    def kernel(x, o):
        o[0], o[1], o[2] = round(x[0], 1), round(x[1], -1), round(x[2], 1)

    found = run(kernel, np.array([2.25, 25.0, 1e30]), np.zeros(3))
    assert found == [2.2, 20.0, (2**63 - 1) / 10]


def test_remainder_is_exact():
    @cuda.jit
    def kernel(x, o):
        o[0], o[1] = math.remainder(x[0], 7.0), math.remainder(7.0, x[1])

    assert run(kernel, np.array([1e30, np.inf]), np.zeros(2)) == [math.remainder(1e30, 7), 7]


def test_bytes_meet_functions_of_numpy_in_single_precision():
    @cuda.jit
    def kernel(x, o):
        o[0], o[1] = np.arctan2(x[0], x[1]), np.deg2rad(x[1])

    found = run(kernel, np.array([1, 3], np.int8), np.zeros(2, np.float32))
    assert found == pytest.approx([math.atan2(1, 3), math.radians(3)], rel=1e-6)


@pytest.mark.parametrize(
    ("op", "a", "b", "expected"),
    [
        ("+", "float16", "int8", "float16"),
        ("+", "float16", "uint8", "float32"),
        ("*", "uint16", "float16", "float64"),
        ("%", "float16", "float16", "float32"),
        ("**", "float16", "int64", "float32"),
    ],
)
def test_half_precision_meets_other_types_as_in_numba_cuda(op, a, b, expected):
    assert result_dtype(op, np.dtype(a), np.dtype(b)) == expected


def test_a_half_is_not_a_condition():
    @cuda.jit
    def kernel(x, o):
        if x[0]:
            o[0] = 1

    with pytest.raises(KernelError, match="compiles no float16 as a condition: compare it with 0"):
        run(kernel, np.ones(1, np.float16), np.zeros(1))


def test_a_match_compares_bits():
    @cuda.jit
    def kernel(x, o):
        i = cuda.grid(1)
        o[i] = cuda.match_any_sync(-1, x[i])

    words = run(
        kernel, np.array([0.0, -0.0, np.nan, np.nan] * 8), np.zeros(32, np.uint32), block=32
    )
    assert words[:4] == [0x11111111, 0x22222222, 0xCCCCCCCC, 0xCCCCCCCC]


def test_a_shuffle_takes_the_last_five_bits_of_a_distance():
    @cuda.jit
    def kernel(x, o):
        i = cuda.grid(1)
        o[i] = cuda.shfl_down_sync(-1, i, 33) + 100 * cuda.shfl_xor_sync(-1, i, 33)

    found = run(kernel, np.zeros(1), np.zeros(32, np.int64), block=32)
    assert found == [min(i + 1, 31) + 100 * (i ^ 1) for i in range(32)]


@pytest.mark.parametrize("kind", [np.int8, np.uint16])
def test_ffs_and_the_lane_of_a_shuffle_are_of_32_or_64_bits(kind):
    @cuda.jit
    def first(x, o):
        o[0] = cuda.ffs(x[0])

    @cuda.jit
    def shuffled(x, o):
        o[0] = cuda.shfl_sync(-1, 1, x[0])

    for kernel in (first, shuffled):
        with pytest.raises(KernelError, match="takes int32, int64, uint32, uint64"):
            run(kernel, np.ones(1, kind), np.zeros(1), block=32)


def test_a_variable_may_be_an_array_and_then_a_number():
    @cuda.jit
    def kernel(x, o):
        i = cuda.grid(1)
        x = x[i]
        o[i] = x

    assert run(kernel, np.array([5.0, 6.0]), np.zeros(2), block=2) == [5, 6]


@pytest.mark.parametrize(("n", "expected"), [(3, 2), (5, 1)])
def test_a_variable_may_be_none_on_a_path(n, expected):
    @cuda.jit
    def kernel(n, o):
        k = n
        if n > 4:
            k = None
        o[0] = 1 if k is None else 2

    assert run(kernel, n, np.zeros(1)) == [expected]


def test_a_range_that_differs_between_threads_may_have_a_name():
    @cuda.jit
    def kernel(x, o):
        i = cuda.grid(1)
        turns = range(i)
        for k in turns:
            o[i] += k

    assert run(kernel, np.zeros(1), np.zeros(4), block=4) == [0, 0, 1, 3]


@pytest.mark.parametrize("use", ["y[-1]", "len(y)", "y.size", "y[::-1][0]", "y[i + 2]"])
def test_a_slice_whose_length_differs_between_threads_is_refused_where_the_length_counts(use):
    from tests.simt.programs import compiled

    source = f"def kernel(x, o):\n    i = cuda.grid(1)\n    y = x[i:]\n    o[i] = {use}\n"
    kernel = cuda.jit(compiled(source, f"<slice {use}>", cuda=cuda))
    with pytest.raises(KernelError, match="has another length in each"):
        run(kernel, np.arange(4.0), np.zeros(4), block=4)


def test_infinity_may_be_written_as_a_text():
    @cuda.jit
    def kernel(x, o):
        o[0], o[1] = float("inf"), float("-inf")

    assert run(kernel, np.zeros(1), np.zeros(2)) == [math.inf, -math.inf]


def test_an_inner_function_refuses_a_default_by_name_which_numba_ignores():
    @cuda.jit
    def kernel(x, o):
        def scaled(a, b=2):
            return a * b

        o[0] = scaled(x[0], b=3)

    with pytest.raises(KernelError, match="numba takes the default of an inner function for b"):
        run(kernel, np.ones(1), np.zeros(1))


def test_an_inner_function_that_another_calls_takes_defaults_by_name():
    @cuda.jit(device=True)
    def consumer(func, a):
        return func(a, b=3)

    @cuda.jit
    def kernel(x, o):
        def scaled(a, b=2):
            return a * b

        o[0] = consumer(scaled, x[0])

    assert run(kernel, np.full(1, 5.0), np.zeros(1)) == [15]


def test_an_atomic_of_a_type_it_lacks_is_named():
    @cuda.jit
    def kernel(x):
        cuda.atomic.add(x, 0, 1)

    with pytest.raises(KernelError, match=r"cuda\.atomic\.add takes no 1-D array of int16"):
        run(kernel, np.zeros(1, np.int16))
