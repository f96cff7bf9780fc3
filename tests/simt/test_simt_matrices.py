"""`mma_sync`: fragments, values, types, counters and what is wrong with it."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.simt import KernelError, cuda, mma_shape, mma_sync, profile, sanitize, types
from labkit.simt.language.fragments import SHAPES
from labkit.simt.language.tensor_cores import as_tf32


@cuda.jit
def of_8_and_4(a, b, c, d):
    warp, lane = cuda.blockIdx.x, cuda.threadIdx.x
    x, y, z = a[warp, lane], b[warp, lane], c[warp, lane]
    held = (x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7])
    found = mma_sync(held, (y[0], y[1], y[2], y[3]), (z[0], z[1], z[2], z[3]))
    for i in range(4):
        d[warp, lane, i] = found[i]


@cuda.jit
def of_4_and_2(a, b, c, d):
    warp, lane = cuda.blockIdx.x, cuda.threadIdx.x
    x, y, z = a[warp, lane], b[warp, lane], c[warp, lane]
    found = mma_sync((x[0], x[1], x[2], x[3]), (y[0], y[1]), (z[0], z[1], z[2], z[3]))
    for i in range(4):
        d[warp, lane, i] = found[i]


@cuda.jit
def of_2_and_1(a, b, c, d):
    warp, lane = cuda.blockIdx.x, cuda.threadIdx.x
    x, y, z = a[warp, lane], b[warp, lane], c[warp, lane]
    found = mma_sync((x[0], x[1]), (y[0],), (z[0], z[1], z[2], z[3]))
    for i in range(4):
        d[warp, lane, i] = found[i]


KERNELS = {8: of_8_and_4, 4: of_4_and_2, 2: of_2_and_1}

# The PTX ISA's tables, as they are printed: "row = …, col = … for ai where i = …", with
# group = %laneid >> 2 and member = %laneid % 4. Written down again, so that one can be wrong.
PUBLISHED = {
    "m16n8k16": {
        "a": lambda group, member, i: (
            group if 0 <= i < 2 or 4 <= i < 6 else group + 8,
            member * 2 + (i & 1) + (0 if i < 4 else 8),
        ),
        "b": lambda group, member, i: (member * 2 + (i & 1) + (0 if i < 2 else 8), group),
    },
    "m16n8k8": {
        "a": lambda group, member, i: (group if i < 2 else group + 8, member * 2 + (i & 1)),
        "b": lambda group, member, i: (member * 2 + i, group),
    },
    "m16n8k8.tf32": {
        "a": lambda group, member, i: (
            group if i in (0, 2) else group + 8,
            member if i in (0, 1) else member + 4,
        ),
        "b": lambda group, member, i: (member if i == 0 else member + 4, group),
    },
    "m16n8k4.tf32": {
        "a": lambda group, member, i: (group if i == 0 else group + 8, member),
        "b": lambda group, member, i: (member, group),
    },
}


def published_c(group, member, i):
    return (group if i < 2 else group + 8), member * 2 + (i & 1)


def places(name, matrix):
    """[lane][i] -> (row, column), by the published table."""
    place = PUBLISHED[name].get(matrix, published_c)
    n = SHAPES[name].lengths["c" if matrix == "d" else matrix]
    return [[place(lane >> 2, lane % 4, i) for i in range(n)] for lane in range(32)]


def to_lanes(name, matrix, values, dtype):
    """Matrices, one a warp, as the lanes hold them: warp × lane × i."""
    rows, columns = np.moveaxis(np.array(places(name, matrix)), 2, 0)
    return values[:, rows, columns].astype(dtype)


def multiplied(name, a, b, c):
    """D of matrices, one a warp, through the executor's lanes."""
    shape = mma_shape(name)
    held = to_lanes(name, "a", a, shape.held), to_lanes(name, "b", b, shape.held)
    d = np.zeros((len(a), 32, 4), np.float32)
    kernel = KERNELS[shape.lengths["a"]]
    kernel[len(a), 32](*held, to_lanes(name, "c", c, np.float32), d)
    found = np.zeros((len(a), *shape.size("d")), np.float32)
    rows, columns = np.moveaxis(np.array(places(name, "d")), 2, 0)
    found[:, rows, columns] = d
    return found


def ones(shape, matrix):
    """A matrix for each of its elements, that one 1 and the others 0."""
    rows, columns = shape.size(matrix)
    return np.eye(rows * columns).reshape(-1, rows, columns)


def numbered(shape, matrix, n):
    """n times the matrix 1, 2, 3, ..."""
    rows, columns = shape.size(matrix)
    return np.tile(1 + np.arange(rows * columns).reshape(rows, columns), (n, 1, 1))


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("matrix", "abcd")
def test_every_element_lies_where_the_published_table_puts_it(name, matrix):
    shape = mma_shape(name)
    for lane, i in itertools.product(range(32), range(len(places(name, matrix)[0]))):
        assert shape.element(matrix, lane, i) == places(name, matrix)[lane][i]


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("matrix", "abcd")
def test_a_matrix_is_held_whole_and_once(name, matrix):
    rows, columns = mma_shape(name).elements(matrix)
    held = sorted(zip(rows.ravel().tolist(), columns.ravel().tolist(), strict=True))
    assert held == list(itertools.product(*map(range, mma_shape(name).size(matrix))))


@pytest.mark.parametrize("name", SHAPES)
def test_a_single_one_in_a_picks_a_row_of_b(name):
    shape = mma_shape(name)
    a = ones(shape, "a")
    b = numbered(shape, "b", len(a))
    assert (multiplied(name, a, b, np.zeros((len(a), 16, 8))) == a @ b).all()


@pytest.mark.parametrize("name", SHAPES)
def test_a_single_one_in_b_picks_a_column_of_a(name):
    shape = mma_shape(name)
    b = ones(shape, "b")
    a = numbered(shape, "a", len(b))
    assert (multiplied(name, a, b, np.zeros((len(b), 16, 8))) == a @ b).all()


@pytest.mark.parametrize("name", SHAPES)
def test_a_single_one_in_c_stays_where_it_is(name):
    shape = mma_shape(name)
    c = ones(shape, "c")
    zeros = [np.zeros((len(c), *shape.size(matrix))) for matrix in "ab"]
    assert (multiplied(name, *zeros, c) == c).all()


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(SHAPES)), st.integers(0, 2**32 - 1))
def test_any_product_is_numpys_rounded_once(name, seed):
    rng, shape = np.random.default_rng(seed), mma_shape(name)
    a, b, c = (rng.normal(size=(3, *shape.size(matrix))).astype(np.float32) for matrix in "abc")
    kept = (lambda x: x.astype(np.float16)) if shape.dtype == "float16" else as_tf32
    exact = kept(a).astype(float) @ kept(b).astype(float) + c
    assert (multiplied(name, a, b, c) == exact.astype(np.float32)).all()


def test_tf32_rounds_to_the_nearest_and_ties_away_from_zero():
    one = np.float32(1)
    step = np.float32(2.0**-10)
    given = np.array([one + step / 2, -one - step / 2, one + step * 0.499, np.inf, np.nan], "f4")
    assert as_tf32(given)[:4].tolist() == [1 + 2.0**-10, -1 - 2.0**-10, 1, np.inf]
    assert np.isnan(as_tf32(given)[4])


# Types and counters


def arrays(n_a=4, n_b=2, dtype=np.float32, n_warps=3):
    return (
        np.ones((n_warps, 32, n_a), dtype), np.ones((n_warps, 32, n_b), dtype),
        np.zeros((n_warps, 32, 4), np.float32), np.zeros((n_warps, 32, 4), np.float32),
    )  # fmt: skip


def test_the_result_is_a_tuple_of_four_float32():
    pytest.importorskip("numba")
    assert types(of_8_and_4, *arrays(8, 4, np.float16))["found"] == ("UniTuple(float32 x 4)",)


def test_instructions_and_flop_are_counted_by_line():
    counts = profile(of_8_and_4[3, 32], *arrays(8, 4, np.float16))
    assert counts.matrix_instructions == 3
    assert counts.matrix_flop == {"float16": 3 * 2 * 16 * 8 * 16}
    assert counts.line("mma_sync").matrix_instructions == 3
    assert counts.flop == {}
    assert "matrix flop float16      12,288" in str(counts)


def test_the_bound_knows_tensor_cores():
    counts = profile(of_8_and_4[3, 32], *arrays(8, 4, np.float16))
    counts.matrix_flop["float16"] = 10**15
    assert "bottleneck: fp16 tensor cores" in counts.time_bound_s("h100-sxm").note


# What is wrong


@cuda.jit
def in_a_branch(a, b, c, d):
    warp, lane = cuda.blockIdx.x, cuda.threadIdx.x
    x, y, z = a[warp, lane], b[warp, lane], c[warp, lane]
    if lane < 20:
        found = mma_sync((x[0], x[1]), (y[0],), (z[0], z[1], z[2], z[3]))
        d[warp, lane, 0] = found[0]


@cuda.jit
def after_some_left(a, b, c, d):
    warp, lane = cuda.blockIdx.x, cuda.threadIdx.x
    x, y, z = a[warp, lane], b[warp, lane], c[warp, lane]
    if lane == 7:
        return
    found = mma_sync((x[0], x[1]), (y[0],), (z[0], z[1], z[2], z[3]))
    d[warp, lane, 0] = found[0]


@pytest.mark.parametrize(
    ("kernel", "threads", "words"),
    [
        (in_a_branch, 32, "20 of the 32 lanes of a warp reach mma_sync: thread 0 of block 0"),
        (after_some_left, 32, "31 of the 32 lanes"),
        (of_2_and_1, 16, "16 of the 32 lanes"),
    ],
)  # fmt: skip
def test_missing_lanes_are_a_finding(kernel, threads, words):
    (finding,) = sanitize(kernel[1, threads], *arrays(2, 1))
    assert finding.kind == "divergent-warp"
    assert words in finding.sentence


def test_a_whole_warp_in_a_branch_is_right():
    @cuda.jit
    def one_warp(a, b, c, d):
        warp, lane = cuda.threadIdx.x // 32, cuda.threadIdx.x % 32
        x, y, z = a[warp, lane], b[warp, lane], c[warp, lane]
        if warp == 1:
            found = mma_sync((x[0], x[1]), (y[0],), (z[0], z[1], z[2], z[3]))
            d[warp, lane, 0] = found[0]

    given = arrays(2, 1)
    assert sanitize(one_warp[1, 64], *given) == []
    assert given[3][1, :, 0].tolist() == [4.0] * 32


def test_other_lengths_are_refused_with_what_it_takes():
    with pytest.raises(KernelError, match=r"mma_sync|numba"):
        of_8_and_4[1, 32](*arrays(8, 4, np.float32))


def test_sums_in_double_precision_are_refused():
    @cuda.jit
    def doubles(a, b, c, d):
        found = mma_sync((a[0, 0, 0], a[0, 0, 1]), (b[0, 0, 0],), (0.0, 0.0, 0.0, 0.0))
        d[0, 0, 0] = found[0]

    with pytest.raises(KernelError, match=r"mma_sync takes tuples of A and B .*m16n8k4"):
        doubles[1, 32](*arrays(2, 1))


def test_the_host_cannot_call_it():
    with pytest.raises(RuntimeError, match=r"labkit\.mma_sync works inside a kernel only"):
        mma_sync((1.0,), (1.0,), (0.0,))


def test_an_unknown_shape_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"no matrix shape 'm8n8k4' here\. There are: m16n8k16"):
        mma_shape("m8n8k4")


@pytest.mark.parametrize("matrix", ["a", "b"])
def test_the_halves_of_a_fragment_are_fragments_of_half_the_depth(matrix):
    """So two m16n8k8 do the work of one m16n8k16 on a GPU that has only the smaller one."""
    whole, half = mma_shape("m16n8k16"), mma_shape("m16n8k8")
    along_k = "ab".index(matrix) ^ 1  # A's columns, B's rows
    n = half.lengths[matrix]
    for part in (0, 1):
        expected = list(half.elements(matrix))
        expected[along_k] = expected[along_k] + 8 * part
        found = [indices[:, part * n : (part + 1) * n] for indices in whole.elements(matrix)]
        assert np.array_equal(found, expected)
