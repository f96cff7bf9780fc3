"""The roofline plot shows what the roof says, and its labels can be read."""

import itertools
import math
import time
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.draw import Dot, roofline
from labkit.draw.labels import Box, text_width
from labkit.plan import Roofline

SVG = "{http://www.w3.org/2000/svg}"


# Jouppi et al. 2017, tables 1 to 3: two operations for each multiply-accumulate.
TPU_V1 = Roofline("TPU v1", 91.75e12, 34e9, "published", source="Jouppi et al. 2017")
APPS = [
    Dot(name, 2 * mac_per_byte, 1e12 * top_per_s, "published")
    for name, mac_per_byte, top_per_s in (
        ("MLP0", 200, 12.3), ("MLP1", 168, 9.7), ("LSTM0", 64, 3.7),
        ("LSTM1", 96, 2.8), ("CNN0", 2888, 86.0), ("CNN1", 1750, 14.1),
    )
]  # fmt: skip


def text_boxes(svg):
    """{words: Box} of every level text, as wide as the plot believes it."""
    boxes = {}
    for element in ET.fromstring(svg).iter(f"{SVG}text"):
        if not element.get("transform"):
            x, y = float(element.get("x")), float(element.get("y"))
            width = text_width(element.text, float(element.get("font-size")))
            left = (
                x
                - width * {"start": 0, "middle": 0.5, "end": 1}[element.get("text-anchor", "start")]
            )
            boxes[element.text] = Box(left, y - 11, left + width, y + 3)
    return boxes


def assert_apart(boxes):
    for (one, a), (other, b) in itertools.combinations(boxes.items(), 2):
        assert a.overlap(b) == 0, f"{one} lies on {other}"


def test_the_labels_of_the_six_applications_can_be_read():
    assert_apart(text_boxes(roofline([TPU_V1], APPS, unit="OP")))


@given(st.lists(st.tuples(st.floats(-2, 3), st.floats(9, 13)), min_size=1, max_size=6))
def test_every_dot_is_labelled_inside_the_picture(places):
    dots = [Dot(f"kernel {n}", 10**x, 10**y, "modelled") for n, (x, y) in enumerate(places)]
    boxes = text_boxes(roofline([TPU_V1], dots))
    for dot in dots:
        assert boxes[dot.name].left >= 0
        assert boxes[dot.name].right <= 640


def test_bandwidth_peak_and_ridge_are_written_on_the_roof():
    picture = roofline([TPU_V1], unit="OP")
    words = [element.text for element in ET.fromstring(picture).iter(f"{SVG}text")]
    assert {"34 GB/s", "91.8 TOP/s (published)", "ridge 2.7 kOP/B"} <= set(words)
    assert {"memory-bound", "compute-bound"} <= set(words)


def lines(svg):
    """The drawn lines as lists of pixels."""
    return [
        [tuple(map(float, pair.split(","))) for pair in element.get("points").split()]
        for element in ET.fromstring(svg).iter(f"{SVG}polyline")
    ]


def test_slope_and_flat_meet_at_the_ridge():
    slope, flat, ridge = lines(roofline([TPU_V1]))
    assert slope[1] == flat[0] == ridge[1]
    assert flat[0][1] == flat[1][1]
    assert slope[1][1] < slope[0][1]


@given(st.floats(10, 16), st.floats(9, 14))
def test_a_roof_may_leave_the_axes_that_a_slider_set(log_peak, log_bandwidth):
    """With both axes set, any roof draws; lines end inside, or at the edges of what is in sight."""
    roof = Roofline("sketch", 10**log_peak, 10**log_bandwidth, "modelled")
    picture = roofline([roof], APPS, x=(1, 1e4), y=(1e10, 1e15))
    assert all(math.isfinite(value) for line in lines(picture) for pixel in line for value in pixel)


def test_several_roofs_are_named_in_a_key():
    roofs = [
        Roofline("A100", 312e12, 2.039e12, "modelled"),
        Roofline("H100", 989e12, 3.35e12, "modelled"),
    ]
    words = [element.text for element in ET.fromstring(roofline(roofs)).iter(f"{SVG}text")]
    assert "A100: 312 TFLOP/s, 2.04 TB/s, ridge 153 FLOP/B (modelled)" in words
    assert "H100: 989 TFLOP/s, 3.35 TB/s, ridge 295 FLOP/B (modelled)" in words


def test_the_alt_says_what_there_is_to_see():
    alt = roofline([TPU_V1], APPS[:1], unit="OP").alt
    assert alt == (
        "Roofline: TPU v1: 91.8 TOP/s, 34 GB/s, ridge 2.7 kOP/B (published); "
        "MLP0: 12.3 TOP/s at 400 OP/B (published)"
    )
    assert roofline([TPU_V1], alt="a roof").alt == "a roof"


@pytest.mark.parametrize(("roof", "dots", "measured"), [
    (TPU_V1, APPS, False),
    (Roofline("here", 1e11, 1e10, "measured"), [], True),
    (TPU_V1, [Dot("copy", 0.1, 1e9, "measured")], True),
])  # fmt: skip
def test_a_roofline_knows_whether_something_in_it_was_measured(roof, dots, measured):
    picture = roofline([roof], dots)
    assert picture.measured is measured
    assert picture.alt.startswith("[measured] ") is measured


@pytest.mark.parametrize("value", [0, -1, None, math.nan, math.inf])
def test_a_dot_that_a_log_axis_cannot_show_is_refused_by_name(value):
    with pytest.raises(ValueError, match="dot 'copy' has flop_per_s"):
        Dot("copy", 1, value, "measured")


def test_a_roofline_without_a_roof_is_refused():
    with pytest.raises(ValueError, match="at least one roof"):
        roofline([])


def test_a_roofline_of_ten_dots_leaves_time_to_a_slider():
    """CPU time, the least of twenty: a slider has 100 ms for everything."""
    dots = [Dot(f"kernel {n}", 2.0**n, 1e11 * 1.5**n, "measured") for n in range(10)]
    costs_s = []
    for _ in range(20):
        start = time.process_time()
        roofline([TPU_V1], dots)
        costs_s.append(time.process_time() - start)
    assert min(costs_s) < 0.02
