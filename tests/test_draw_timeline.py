"""Timelines and tornados: bars stand where the figures say."""

import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.draw import Axis, timeline, tornado
from labkit.draw.slider import in_words

AXIS = Axis("USD per million tokens", lo=0.01, hi=10, log=True)


def bars(picture):
    """(left, right) of every drawn span."""
    found = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="26', picture.svg)
    return [(float(x), float(x) + float(width)) for x, width in found]


def test_a_span_begins_where_the_one_before_it_ends():
    first, second = bars(timeline({"a": [(0, 1, "x"), (1, 4, "y")]}, title="t"))
    assert first[1] == pytest.approx(second[0], abs=0.2)
    assert (second[1] - second[0]) == pytest.approx(3 * (first[1] - first[0]), abs=0.5)


@given(st.lists(st.tuples(st.floats(0, 1e3), st.floats(0, 1e3)), min_size=1, max_size=20))
def test_every_span_is_drawn_on_the_page(edges):
    spans = [(min(pair), max(pair), "work") for pair in edges]
    drawn = bars(timeline({"row": spans}, title="t"))
    assert len(drawn) == len(spans)
    assert all(0 <= left <= right <= 760 for left, right in drawn)


def test_a_timeline_says_when_each_row_ends_and_whether_it_was_measured():
    picture = timeline({"a": [(0, 0.002, "x")]}, title="Two ranks", measured=True)
    assert picture.alt == "[measured] Two ranks: a until 2 ms"


@pytest.mark.parametrize(("rows", "words"), [
    ({}, "no row of the timeline has a span"),
    ({"a": []}, "no row of the timeline has a span"),
    ({"a": [(2, 1, "x")]}, "'x' ends at 1 s, before it starts"),
])  # fmt: skip
def test_a_timeline_that_cannot_be_is_refused(rows, words):
    with pytest.raises(ValueError, match=words):
        timeline(rows, title="t")


def swing(at_low, at_high, name="power_w"):
    return SimpleNamespace(name=name, low=700, high=1100, at_low=at_low, at_high=at_high)


def polygons(picture):
    """The x range of every shaded bar."""
    shapes = re.findall(r'<polygon points="([^"]+)" fill="#8F78EA"', picture.svg)
    xs = [[float(pair.split(",")[0]) for pair in shape.split()] for shape in shapes]
    return [(min(some), max(some)) for some in xs]


@given(st.floats(0.02, 9), st.floats(0.02, 9), st.floats(0.02, 9))
def test_every_bar_meets_the_line_wherever_the_inputs_stand(at_low, at_high, now):
    picture = tornado([swing(at_low, at_high)], now, AXIS, title="t")
    line = float(re.search(r'<polyline points="([\d.]+),', picture.svg)[1])
    left, right = polygons(picture)[0]
    assert left - 0.2 <= line <= right + 0.2


@pytest.mark.parametrize(("name", "label"), [
    ("capex_usd", "capex (USD)"), ("power_w", "power (W)"), ("pue", "PUE"),
    ("usd_per_kwh", "USD per kWh"), ("tokens_per_s", "tokens per s"), ("n", "n"),
    ("life_years", "life (years)"), ("server_factor", "server factor"),
])  # fmt: skip
def test_names_of_inputs_are_written_as_labels(name, label):
    assert in_words(name) == label
    assert f">{label}</text>" in tornado([swing(0.1, 1, name)], 0.5, AXIS, title="t")


def test_a_label_of_ones_own_wins():
    picture = tornado([swing(0.1, 1)], 0.5, AXIS, title="t", names={"power_w": "what it draws"})
    assert ">what it draws</text>" in picture


def test_a_tornado_without_swings_is_refused():
    with pytest.raises(ValueError, match="at least one swing"):
        tornado([], 1, AXIS, title="t")
