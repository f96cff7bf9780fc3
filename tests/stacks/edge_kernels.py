"""Kernels at the edge of what numba compiles: each takes an array `x` and a number `n`."""

# ruff: noqa: F841 (they are wrong on purpose)

import math

import numpy as np

from labkit.simt import cuda

WIDTH = 4
SHAPE = (2, 2)
NUMBERS = [1.0, 2.0]
TABLE = np.zeros(4)
ACCEPTED, REFUSED, MISSED = {}, {}, {}  # name -> kernel; MISSED: refused by numba, and not here


def listed(where):
    def keep(function):
        where[function.__name__] = cuda.jit(function)
        return function

    return keep


accepted, refused, missed = map(listed, (ACCEPTED, REFUSED, MISSED))


def plain(a):
    return 2 * a


@cuda.jit(device=True)
def plus(a, b):
    return a + b


@cuda.jit(device=True)
def nothing(a):
    pass


@cuda.jit
def another_kernel(x):
    x[0] = 1


# What numba takes, and a reader may doubt


@accepted
def a_shape_of_a_constant_local(x, n):
    width = 4
    s = cuda.shared.array(width, cuda.float32)
    s[0] = 1
    x[0] = s[0]


@accepted
def a_shape_of_a_global_tuple(x, n):
    s = cuda.shared.array(SHAPE, np.float32)
    s[0, 0] = 1
    x[0] = s[0, 0]


@accepted
def a_tuple_indexed_by_a_variable(x, n):
    x[0] = (1, 2, 3)[n - 1]


@accepted
def a_device_function_by_keyword(x, n):
    x[0] = plus(1, b=n)


@accepted
def a_slice_is_assigned(x, n):
    x[:2] = 1.0


@accepted
def a_loop_over_an_array(x, n):
    for i, value in enumerate(x):
        x[i] = value


@accepted
def an_early_return(x, n):
    if n > 3:
        return
    x[0] = TABLE[n]


# Shared and local arrays


@refused
def a_shared_shape_that_is_an_argument(x, n):
    s = cuda.shared.array(n, cuda.float64)


@refused
def a_shared_shape_of_an_array(x, n):
    s = cuda.shared.array(x.shape[0], cuda.float64)


@refused
def a_shared_shape_that_is_computed(x, n):
    s = cuda.shared.array(2 * WIDTH, cuda.float64)


@refused
def a_shared_shape_that_is_computed_in_part(x, n):
    s = cuda.shared.array((WIDTH, WIDTH + 1), cuda.float64)


@refused
def a_shared_shape_of_the_block(x, n):
    s = cuda.shared.array(cuda.blockDim.x, cuda.float64)


@refused
def a_shared_shape_in_a_list(x, n):
    s = cuda.shared.array([2, 2], cuda.float64)


@refused
def a_shared_array_without_a_dtype(x, n):
    s = cuda.shared.array(WIDTH)


@refused
def a_local_shape_that_is_an_argument(x, n):
    s = cuda.local.array(n, cuda.float64)


@refused
def a_shared_array_of_python_floats(x, n):
    s = cuda.shared.array(WIDTH, float)


# Types


@missed
def a_variable_of_two_types(x, n):
    value = x if n > 3 else 1
    x[0] = value


@refused
def a_number_that_becomes_a_float_in_a_loop(x, n):
    k = 4
    while k > 0:
        x[k] = 1
        k /= 2


@missed
def a_tuple_that_grows(x, n):
    grown = ()
    for i in range(n):
        grown = (*grown, i)
    x[0] = grown[0]


@refused
def text_in_an_array(x, n):
    x[0] = "text"


@refused
def a_complex_number_in_a_real_array(x, n):
    x[0] = 1j


@refused
def an_array_in_an_element(x, n):
    x[0] = x


@refused
def bits_of_a_float(x, n):
    x[0] = x[0] & 1


@refused
def an_array_as_a_condition(x, n):
    if x:
        x[0] = 1


@refused
def a_function_without_a_value(x, n):
    x[0] = nothing(n)


@refused
def a_kernel_that_returns_a_value(x, n):
    return x[0]


# Indices


@refused
def an_index_that_is_a_float(x, n):
    x[n / 2] = 1


@refused
def an_index_with_too_many_axes(x, n):
    x[0, 0] = 1


@refused
def an_index_of_two_axes_from_the_grid(x, n):
    x[cuda.grid(2)] = 1


@refused
def an_index_that_is_a_function(x, n):
    i = cuda.grid
    x[i] = 1


@refused
def an_index_of_all_three_coordinates(x, n):
    x[cuda.threadIdx] = 1


@refused
def an_index_into_a_number(x, n):
    x[0] = x[0][0]


@refused
def a_shape_with_fewer_axes(x, n):
    rows, _columns = x.shape
    x[0] = rows


@refused
def a_tuple_read_past_its_end(x, n):
    x[0] = (1, 2)[2]


# Calls


@refused
def a_python_function(x, n):
    x[0] = plain(n)


@refused
def a_device_function_with_too_few_arguments(x, n):
    x[0] = plus(n)


@refused
def an_atomic_without_an_index(x, n):
    cuda.atomic.add(x[0], 1)


@refused
def a_grid_without_axes(x, n):
    x[cuda.grid()] = 1


@refused
def a_grid_of_four_axes(x, n):
    x[cuda.grid(4)] = 1


@refused
def a_function_that_math_has_and_numba_has_not(x, n):
    x[0] = math.comb(n, 2)


@refused
def mathematics_of_a_whole_array(x, n):
    x[0] = math.exp(x)


@refused
def a_launch_in_a_kernel(x, n):
    another_kernel[1, 1](x)


@refused
def random_numbers_of_numpy(x, n):
    x[0] = np.random.rand()


@refused
def a_name_that_is_nowhere(x, n):
    x[0] = no_such_name  # noqa: F821


@refused
def an_attribute_that_arrays_have_not(x, n):
    x[0] = x.length


@refused
def a_ufunc_that_numba_has_not_for_gpus(x, n):
    x[0] = np.exp(x[0])


@refused
def a_shuffle_of_an_array(x, n):
    cuda.shfl_sync(0xFFFFFFFF, x, 0)


# Memory that a GPU has not got, and Python that it does not speak


@refused
def a_new_array(x, n):
    y = np.zeros(4)


@refused
def a_sum_of_arrays(x, n):
    y = x + 1


@refused
def a_store_to_a_global_array(x, n):
    TABLE[0] = n


@refused
def a_global_list(x, n):
    x[0] = NUMBERS[n - 2]


@refused
def a_list(x, n):
    y = []
    y.append(n)


@refused
def a_dict(x, n):
    y = {1: 2.0}
    x[0] = y[1]


@refused
def a_comprehension(x, n):
    x[0] = sum([i for i in range(n)])  # noqa: C416


@refused
def a_try(x, n):
    try:
        x[0] = 1
    except ValueError:
        x[0] = 2


@refused
def a_yield(x, n):
    yield n


@refused
def an_import(x, n):
    import random

    x[0] = random.random()


@refused
def a_global_that_is_set(x, n):
    global WIDTH
    WIDTH = 3


@refused
def a_text_made_of_a_number(x, n):
    print(f"{n}")
