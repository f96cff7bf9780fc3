"""What a GPU would not take is refused here too, with a sentence that says where."""

import linecache

import numpy as np
import pytest

from labkit.simt import KernelError, cuda, occupancy, sanitize

f4 = cuda.float32
SIZE, PAIR = 8, (4, 4)


def plain_function(x):
    return x


def refused(function, *args, grid=1, block=32):
    with pytest.raises(KernelError) as caught:
        cuda.jit(function)[grid, block](*(args or (np.zeros(64),)))
    assert caught.value.function == function.__name__
    assert caught.value.line > 1
    return str(caught.value)


def shape_expression(x):
    s = cuda.shared.array(SIZE + 6, f4)
    x[0] = s[0]


def shape_of_argument(x):
    s = cuda.local.array(x.size, f4)
    x[0] = s[0]


def shape_tuple_expression(x):
    s = cuda.shared.array((SIZE, SIZE + 1), f4)
    x[0] = s[0, 0]


@pytest.mark.parametrize("kernel", [shape_expression, shape_of_argument, shape_tuple_expression])
def test_a_shape_that_is_no_constant(kernel):
    assert "is not a constant" in refused(kernel)


def test_the_shapes_that_numba_takes():
    @cuda.jit
    def kernel(x):
        n, m = 16, PAIR
        k = 16
        a = cuda.shared.array(k, f4)
        b = cuda.shared.array(PAIR, f4)
        c = cuda.local.array(2 * 16, f4)
        d = cuda.local.array((SIZE, 4), f4)
        e = cuda.local.array(PAIR[0], f4)
        a[0], b[0, 0], c[0], d[0, 0], e[0] = 1, 2, 3, 4, 5
        x[0] = a[0] + b[0, 0] + c[0] + d[0, 0] + e[0] + n + m[0]

    x = np.zeros(1)
    kernel[1, 1](x)
    assert x[0] == 35


def different_arrays(x):
    a, b = cuda.local.array(4, f4), cuda.local.array(4, f4)
    p = a if cuda.threadIdx.x > 3 else b
    x[0] = p[0]


def different_arrays_by_if(x, y):
    if cuda.threadIdx.x > 3:  # noqa: SIM108 (the statement is what is tested)
        picked = x
    else:
        picked = y
    picked[0] = 1


def test_arrays_chosen_per_thread():
    assert "a variable names different arrays in different threads" in refused(different_arrays)
    text = refused(different_arrays_by_if, np.zeros(4), np.zeros(4))
    assert "picked names different arrays in different threads" in text


def an_element_type_of_python(x):
    s = cuda.shared.array(4, float)
    s[0] = x[0]


def a_value_from_a_kernel(x):
    return x[0]


def an_array_as_condition(x):
    if x:
        x[0] = 1


@cuda.jit(device=True)
def returns_nothing(x):
    x[0] = 1


def nothing_is_stored(x):
    x[0] = returns_nothing(x)


def a_ufunc_that_gpus_lack(x):
    x[0] = np.sqrt(x[0])


def an_array_is_shuffled(x):
    x[0] = cuda.shfl_sync(0xFFFFFFFF, x, 0)


@pytest.mark.parametrize(
    ("kernel", "sentence"),
    [
        (an_element_type_of_python, "write cuda.float32"),
        (a_value_from_a_kernel, "a kernel returns no value"),
        (an_array_as_condition, "the array x isn't a condition"),
        (nothing_is_stored, "what is stored to x is None"),
        (a_ufunc_that_gpus_lack, "numba compiles no np.sqrt for a GPU"),
        (an_array_is_shuffled, "numba has no shfl_sync_intrinsic for"),
    ],
)
def test_what_numba_does_not_compile(kernel, sentence):
    assert sentence in refused(kernel)


@pytest.mark.parametrize(
    ("array", "number"),
    [(np.zeros(1, np.int32), 1.5), (np.zeros(1, np.float32), 1), (np.zeros((1, 1), np.int32), 1)],
)
def test_arguments_that_do_not_fit_the_signature(array, number):
    kernel = cuda.jit("void(int32[:], int32)")(nothing_at_all)
    with pytest.raises(TypeError, match=r"declares \(int32\[:\], int32\)"):
        kernel[1, 1](array, number)


def nothing_at_all(x, n):
    pass


def with_statement(x):
    with open("x"):
        x[0] = 1


def try_statement(x):
    try:
        x[0] = 1
    except ValueError:
        x[0] = 2


def comprehension(x):
    x[0] = sum([i * i for i in range(3)])


def a_list(x):
    x[0] = [1, 2][0]


def a_class(x):
    class Inner:
        pass

    x[0] = 1


def a_generator(x):
    x[0] = 1
    yield 2


def an_import(x):
    import math

    x[0] = math.pi


def a_global(x):
    global SIZE
    SIZE = 3
    x[0] = 1


@pytest.mark.parametrize(
    ("kernel", "what"),
    [
        (with_statement, "With"),
        (try_statement, "Try"),
        (comprehension, "ListComp"),
        (a_list, "List"),
        (a_class, "ClassDef"),
        (a_generator, "Yield"),
        (an_import, "Import"),
        (a_global, "Global"),
    ],
)
def test_statements_that_do_not_exist_on_a_gpu(kernel, what):
    assert f"{what} is not supported in a kernel" in refused(kernel)


def calls_python(x):
    x[0] = plain_function(1)


def calls_the_unknown(x):
    x[0] = cuda.no_such_thing(1)


def misspells(x):
    x[0] = undefined_name  # noqa: F821


def reads_unset(x):
    if x[0] > 1:
        late = 1
    x[0] = late


def a_float_index(x):
    x[cuda.threadIdx.x * 0.5] = 1


def too_many_axes(x):
    x[0, 0] = 1


@pytest.mark.parametrize(
    ("kernel", "what"),
    [
        (calls_python, "only functions with @cuda.jit(device=True)"),
        (calls_the_unknown, "cuda.no_such_thing does not exist"),
        (misspells, "undefined_name is not defined"),
        (reads_unset, "late is read before it is assigned"),
        (a_float_index, "an index is an integer"),
        (too_many_axes, "has 1 axes and is indexed with 2"),
    ],
)
def test_mistakes_are_named(kernel, what):
    assert what in refused(kernel)


@pytest.mark.parametrize("largest", ["x[0:3].max()", "x.min()", "np.max(x)", "np.nanmin(x)"])
def test_the_extreme_of_a_whole_array_needs_memory_that_a_kernel_has_not(largest):
    name = "<largest>"
    source = f"def kernel(x):\n    i = cuda.grid(1)\n    x[i] = {largest}\n"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    space = {"cuda": cuda, "np": np}
    exec(compile(source, name, "exec"), space)
    text = refused(space["kernel"])
    assert "needs memory that a kernel may allocate" in text
    assert "in a loop, with" in text


def test_a_kernel_without_source():
    space = {}
    exec("def kernel(x):\n    x[0] = 1", space)
    with pytest.raises(KernelError, match="source of kernel cannot be found"):
        cuda.jit(space["kernel"])[1, 1](np.zeros(1))


def test_an_index_out_of_range_names_thread_block_and_array():
    @cuda.jit
    def kernel(x):
        x[cuda.grid(1)] = 1

    with pytest.raises(
        KernelError, match=r"index 100 in an axis of 100 of x, by thread 36 of block 1"
    ):
        kernel[2, 64](np.zeros(100))


def test_too_much_shared_memory():
    @cuda.jit
    def kernel(x):
        s = cuda.shared.array(13000, f4)
        x[0] = s[0]

    with pytest.raises(KernelError, match="need 52000 bytes"):
        kernel[1, 32](np.zeros(1))


@pytest.mark.parametrize(
    ("grid", "block"), [(0, 32), (1, 0), (1, 1025), (1, (32, 64)), ((1, 70000), 1)]
)
def test_a_launch_that_does_not_fit(grid, block):
    @cuda.jit
    def kernel(x):
        x[0] = 1

    with pytest.raises(ValueError, match=r"does not fit|too large"):
        kernel[grid, block](np.zeros(1))


def test_a_launch_without_a_configuration_says_how():
    @cuda.jit
    def kernel(x):
        x[0] = 1

    with pytest.raises(ValueError, match=r"kernel\[blocks, threads\]"):
        kernel(np.zeros(1))
    with pytest.raises(TypeError, match="Give a launch"):
        sanitize(kernel, np.zeros(1))


def test_intrinsics_say_that_they_belong_in_a_kernel():
    with pytest.raises(RuntimeError, match=r"cuda\.grid works inside a kernel only"):
        cuda.grid(1)


def test_an_argument_of_another_kind():
    @cuda.jit
    def kernel(x):
        pass

    with pytest.raises(KernelError, match="x is a list"):
        kernel[1, 1]([1, 2])


def test_occupancy_knows_its_table():
    with pytest.raises(ValueError, match=r"Known: 7\.0, 7\.5"):
        occupancy(128, 32, 0, "6.1")
