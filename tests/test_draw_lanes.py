"""The pictures of lanes: their numbers are those of the counters, and their words say them."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labkit as lk
from labkit.draw.epochs import epoch_timeline
from labkit.draw.film import film
from labkit.draw.index_explorer import IndexExplorer, indices
from labkit.draw.lanes import accesses, passes_of, pattern, sectors_of
from labkit.draw.launch import launch, launch_2d
from labkit.simt import cuda


@cuda.jit
def gather(x, index, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = x[index[i]]


@cuda.jit
def gather_4_bytes(index, out):
    tile = cuda.shared.array(1024, cuda.float32)
    out[cuda.threadIdx.x] = tile[index[cuda.threadIdx.x]]


@cuda.jit
def gather_8_bytes(index, out):
    tile = cuda.shared.array(1024, cuda.float64)
    out[cuda.threadIdx.x] = tile[index[cuda.threadIdx.x]]


@cuda.jit
def swapped(out):
    row, col = cuda.grid(2)
    if row < out.shape[0] and col < out.shape[1]:
        out[row, col] = 1


@cuda.jit
def straight(x):
    x[cuda.grid(1)] = 1


INDICES = st.lists(st.integers(0, 1023), min_size=1, max_size=32)
DTYPES = {1: np.uint8, 2: np.float16, 4: np.float32, 8: np.float64, 16: np.complex128}


def lanes(index, itemsize):
    """Addresses and mask of a warp whose first lanes use these indices."""
    addresses = [itemsize * i for i in index] + [0] * (32 - len(index))
    return addresses, itemsize, [lane < len(index) for lane in range(32)]


@settings(max_examples=60)
@given(INDICES, st.sampled_from(sorted(DTYPES)))
def test_the_sectors_of_a_picture_are_those_of_the_counters(index, itemsize):
    x, out = np.zeros(1024, DTYPES[itemsize]), np.zeros(len(index), DTYPES[itemsize])
    counts = lk.profile(gather[1, 32], x, np.array(index), out)
    drawn = {s for sectors in sectors_of(*lanes(index, itemsize)).values() for s in sectors}
    of_the_index = len({8 * i // 32 for i in range(len(index))})
    assert counts.global_loads.sectors == len(drawn) + of_the_index


@settings(max_examples=60)
@given(INDICES, st.sampled_from([(gather_4_bytes, 4), (gather_8_bytes, 8)]))
def test_the_wavefronts_of_a_picture_are_those_of_the_counters(index, kernel):
    kernel, itemsize = kernel
    counts = lk.profile(kernel[1, len(index)], np.array(index), np.zeros(len(index)))
    _, wavefronts, ideal = passes_of(*lanes(index, itemsize))
    assert (counts.shared_loads.wavefronts, counts.shared_loads.ideal) == (wavefronts, ideal)


@given(INDICES)
def test_a_bank_serves_one_word_in_a_pass(index):
    addresses, itemsize, active = lanes(index, 4)
    served, _, _ = passes_of(addresses, itemsize, active)
    words = {}
    for lane, bank, waited in served:
        assert words.setdefault((bank, waited), addresses[lane] // 4) == addresses[lane] // 4


def counts_of_gather(n=20):
    return lk.profile(gather[1, 32], np.zeros(n), np.arange(n), np.zeros(n))


def test_each_access_gets_a_panel_that_says_its_figures():
    said = "5 sectors, 160 of 160 bytes used"
    assert accesses(counts_of_gather()).alt == (
        f"gather: line 23: load index: {said}; line 23: load x: {said}; line 23: store out: {said}"
    )


def test_one_array_can_be_picked():
    assert accesses(counts_of_gather(), "x").alt.count("sectors") == 1


def test_without_notes_two_panels_stand_side_by_side():
    counts = counts_of_gather()
    explained, bare = accesses(counts), accesses(counts, notes=False)
    assert "Each row is a lane" in explained
    assert "Each row is a lane" not in bare
    assert bare.alt == explained.alt
    second = 'transform="translate(384 0)"'  # on the right of the first
    assert second in bare.svg
    assert second not in explained.svg


def test_an_array_that_is_not_accessed_is_refused_with_the_known_ones():
    with pytest.raises(LookupError, match="no access to y that can be drawn; its arrays: index"):
        accesses(counts_of_gather(), "y")


def test_a_lane_that_is_off_touches_nothing():
    active = [False] + [True] * 31
    assert 0 not in sectors_of([0] * 32, 4, active)
    assert all(lane for lane, _, _ in passes_of([0] * 32, 4, active)[0])


def test_a_broadcast_is_one_sector_and_one_wavefront():
    words = pattern([4] * 32).alt
    assert "1 sector, 4 of 32 bytes used" in words
    assert "1 wavefront, no bank conflict" in words


def test_a_conflict_says_what_would_do():
    assert "32 wavefronts, 2 would do" in pattern([8 * 32 * lane for lane in range(32)], 8).alt


def test_the_film_has_a_frame_for_each_branch_and_counts_its_lanes():
    frames = film(counts_of_gather())
    assert [frame.alt for frame in frames] == [
        "gather, branch 1 of 1: if i < out.size: 32 of 32 lanes arrive: 20 find it true, 12 false"
    ]


@cuda.jit
def countdown(x):
    n = 400
    while n > 0:
        n -= 1
        x[cuda.threadIdx.x] = n


def test_a_film_and_a_timeline_that_are_cut_say_so():
    counts = lk.profile(countdown[1, 32], np.zeros(32))
    assert film(counts)[-1].alt.startswith("countdown, branch 256 of the first 256")
    assert "epochs of one block, the first 1." in epoch_timeline(counts).alt


def test_without_a_branch_there_is_no_film():
    with pytest.raises(LookupError, match="straight met no branch"):
        film(lk.profile(straight[1, 32], np.zeros(32)))


@pytest.mark.parametrize(
    ("n", "words"),
    [(50, "14 have none"), (64, "all fit"), (70, "6 are left out")],
)
def test_a_launch_says_who_is_idle_and_what_is_left_out(n, words):
    assert launch(n, 4, 16).alt.endswith(words)


@pytest.mark.parametrize(
    ("shape", "is_swapped", "words"),
    [
        ((3, 20), False, "[(2, 1), (16, 16)] for 3 × 20 elements: all fit"),
        ((3, 20), True, "[(2, 1), (16, 16)] for 3 × 20 elements: 12 left out"),
        ((12, 14), True, "[(1, 1), (16, 16)] for 12 × 14 elements: all fit"),
        ((1, 1), False, "[(1, 1), (16, 16)] for 1 × 1 elements: all fit"),
    ],
)
def test_a_swapped_launch_on_two_axes_leaves_out_what_lies_beyond_one_block(
    shape, is_swapped, words
):
    assert launch_2d(*shape, is_swapped=is_swapped).alt == words


@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(1, 40))
def test_a_launch_on_two_axes_leaves_out_what_its_kernel_leaves_out(rows, columns):
    grid = -(-columns // 16), -(-rows // 16)
    out = np.zeros((rows, columns))
    swapped[grid, (16, 16)](out)
    n = int((out == 0).sum())
    assert launch_2d(rows, columns, is_swapped=True).alt.endswith(f"{n} left out" if n else "fit")


def test_a_launch_has_its_singular():
    assert launch(1, 1, 2).alt == "1 × 2 = 2 threads for 1 element: 1 has none"
    assert launch(2, 1, 1).alt == "1 × 1 = 1 thread for 2 elements: 1 is left out"


def test_a_film_with_more_branches_than_rows_says_so():
    assert (
        "only the last 24 rows are shown" in film(lk.profile(countdown[1, 32], np.zeros(32)))[0].svg
    )
    assert "only the last" not in film(counts_of_gather())[0].svg


def test_all_pictures_are_well_formed_and_the_same_each_time():
    def pictures():
        counts = counts_of_gather()
        return [
            accesses(counts),
            *film(counts),
            launch(50, 4, 16),
            launch_2d(3, 20),
            pattern(range(0, 128, 4)),
        ]

    for one, again in zip(pictures(), pictures(), strict=True):
        ET.fromstring(one.svg)
        assert one == again


@pytest.mark.parametrize(
    ("expression", "of_lane_5"),
    [("i", 5), ("33*i", 165), ("(i & 3) << 2 | 1", 5), ("31 - i", 26), ("i ^ 1", 4),
     (" i // 2 % 2 + -0", 0), ("7", 7)],
)  # fmt: skip
def test_an_expression_is_worked_out_for_each_lane(expression, of_lane_5):
    assert indices(expression)[5] == of_lane_5
    assert len(indices(expression)) == 32


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "a complete expression"),
        ("i +", "a complete expression"),
        ("i / 2", "divide with //"),
        ("j", "j is not known here"),
        ("1.5 * i", "1.5 isn't a whole number"),
        ("i - 5", "Lane 0 would use index -5"),
        ("8 // i", "Lane 0 would divide by zero"),
        ("1 << 99", "shift by 99"),
        ("2**40 * i", "parentheses and + - "),
        ("9999999999 * 9999999999", "beyond 2\\*\\*40"),
        ("__import__('os')", "parentheses and + - "),
        ("i.real", "parentheses and + - "),
        ("[i for i in i]", "parentheses and + - "),
        ("i < 4", "parentheses and + - "),
        ("True", "True isn't a whole number"),
        ("i" * 300, "longer than 200"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(expression, words):
    with pytest.raises(ValueError, match=words.replace("+", "\\+")):
        indices(expression)


@given(st.text("i0123456789+-*/%&|^<>() .,;_'\"=abc\0", max_size=30))
def test_whatever_is_typed_nothing_but_a_sentence_comes_back(expression):
    try:
        answer = indices(expression)
    except ValueError as error:
        answer = str(error)
    assert len(answer) == 32 or answer.endswith(".")


def test_the_explorer_follows_what_is_typed():
    explorer = IndexExplorer("i")
    before = explorer.src
    explorer.expression = "2 * i"
    assert explorer.src != before
    assert "8 sectors" in explorer.alt
    explorer.itemsize = 8
    assert "16 sectors" in explorer.alt


def test_the_explorer_keeps_its_picture_while_something_is_wrong():
    explorer = IndexExplorer("i")
    before = explorer.src
    explorer.expression = "i / 2"
    assert explorer.src == before
    assert "divide with //" in explorer.error
    explorer.expression = "i"
    assert explorer.error == ""


def test_a_wrong_start_is_the_callers_error():
    with pytest.raises(ValueError, match="not known here"):
        IndexExplorer("j")


def test_the_explorer_leaves_a_still_picture():
    data, _ = IndexExplorer("i", 8)._repr_mimebundle_()
    assert data["text/plain"] == "IndexExplorer('i', itemsize=8)"
    assert data["text/html"].startswith('<img alt="index i, 8-byte items: global memory: 8 sectors')
