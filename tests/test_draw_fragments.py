"""The picture of fragments says of each lane what the matrix instruction gives it."""

import re

import pytest

from labkit.draw import fragment_frames, fragments
from labkit.simt.language.fragments import SHAPES


@pytest.mark.parametrize("name", SHAPES)
def test_the_lanes_of_a_picture_hold_every_element_once(name):
    held = {matrix: [] for matrix in "ABC"}
    for frame in fragment_frames(name):
        for matrix, places in re.findall(r"of ([ABC]) ([\d(), ]+)", frame.alt):
            held[matrix] += re.findall(r"\((\d+),(\d+)\)", places)
    shape = SHAPES[name]
    for matrix, places in held.items():
        rows, columns = shape.size(matrix.lower())
        assert len(set(places)) == len(places) == rows * columns


def test_the_alt_names_the_elements_of_the_lane():
    assert fragments("m16n8k16", 5).alt == (
        "m16n8k16: lane 5 holds of A (1,2) (1,3) (9,2) (9,3) (1,10) (1,11) (9,10) (9,11); "
        "of B (2,1) (3,1) (10,1) (11,1); of C (1,2) (1,3) (9,2) (9,3)"
    )


def test_a_cell_of_the_lane_is_named_and_every_other_shows_its_lane():
    svg = fragments("m16n8k8", 31).svg
    labels = re.findall(r'font-weight="bold"[^>]*>([abc]\d)</text>', svg)
    assert sorted(labels) == ["a0", "a1", "a2", "a3", "b0", "b1", "c0", "c1", "c2", "c3"]
    assert svg.count('text-anchor="middle"') == 16 * 8 + 8 * 8 + 16 * 8 + 3 * 2  # and the columns


@pytest.mark.parametrize("lane", [-1, 32, 1.5, True])
def test_another_lane_is_refused(lane):
    with pytest.raises(ValueError, match="lanes 0 to 31"):
        fragments("m16n8k16", lane)


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match="no matrix shape 'm16n16k16'"):
        fragments("m16n16k16")
