"""Trying a kernel: what it only reads stays as it was, and results are held to their rounding."""

import numpy as np
import pytest

from labkit import cuda
from labkit.teach import kernels


@cuda.jit
def doubles_and_destroys(x, out):
    i = cuda.grid(1)
    out[i] = 2 * x[i]
    x[i] = 0


@cuda.jit
def draws(states, out):
    i = cuda.grid(1)
    out[i] = cuda.random.xoroshiro128p_uniform_float32(states, i)


@pytest.mark.parametrize("watch", [kernels.run, kernels.counts, kernels.clean_counts])
def test_an_input_that_a_kernel_changes_is_named(watch):
    with pytest.raises(AssertionError, match="your kernel changes x, which it should only read"):
        watch(doubles_and_destroys, 1, 32, np.ones(32), np.zeros(32), case="32 elements")


def test_the_states_of_random_numbers_may_change():
    states = cuda.random.create_xoroshiro128p_states(32, 1).copy_to_host()
    kernels.run(draws, 1, 32, states, np.zeros(32), case="32 draws")


@cuda.jit
def largest_so_far(x, out):
    i = cuda.grid(1)
    out[i] = max(out[i], x[i])


@cuda.jit
def least_so_far(x, out):
    i = cuda.grid(1)
    out[i] = min(out[i], x[i])


@cuda.jit
def sum_so_far(x, out):
    i = cuda.grid(1)
    out[i] += x[i]


@cuda.jit
def stored_then_read(x, out):
    i = cuda.grid(1)
    out[i] = x[i]
    out[i] = 2 * out[i]


@pytest.mark.parametrize("kernel", [largest_so_far, least_so_far, sum_so_far])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32])
@pytest.mark.parametrize("fill", [0, 1])
def test_a_kernel_that_relies_on_what_is_in_its_result_is_told_so(kernel, dtype, fill):
    out = np.full(32, fill, dtype)
    with pytest.raises(AssertionError, match="rely on what is in out: begin with x"):
        kernels.run(kernel, 1, 32, np.ones(32, dtype), out, case="a map", begin="begin with x")


def test_a_kernel_may_read_what_it_stored_or_what_it_is_to_add_to():
    x, out = np.ones(32), np.ones(32)
    kernels.run(sum_so_far, 1, 32, x, out, case="a map", adds=True)
    assert (out == 2).all()
    kernels.run(stored_then_read, 1, 32, x, out, case="a map")
    assert (out == 2).all()


@pytest.mark.parametrize(("dtype", "off"), [(np.float64, 1e-8), (np.float32, 1e-5)])
def test_a_result_that_is_off_by_more_than_rounding_is_told_with_digits_that_differ(dtype, off):
    expected = np.full(3, 32.0)
    kernels.assert_equal((expected * (1 + off / 100)).astype(dtype), expected, "a map")
    with pytest.raises(AssertionError, match=r"out\[0\] is 32\.0\d+, expected 32$"):
        kernels.assert_equal((expected * (1 + off)).astype(dtype), expected, "a map")
