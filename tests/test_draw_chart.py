"""A chart is right before it is pretty: ticks, ranges, labels and bytes."""

import itertools
import math
import re
import time
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.draw import MARKS, Axis, Chart, Picture
from labkit.draw.labels import Box, place, text_width
from labkit.reading import Origin
from labkit.units import GIB

SVG = "{http://www.w3.org/2000/svg}"
PLOT = Box(0, 0, 600, 300)
above_zero = st.floats(1e-12, 1e18)


def chart():
    return Chart(Axis("batch"), Axis("time", "s"), title="Time of a batch")


def texts(svg):
    """The words of a chart, as a reader sees them."""
    return [element.text for element in ET.fromstring(svg).iter(f"{SVG}text")]


@given(st.lists(st.floats(-1e15, 1e15), min_size=1))
def test_a_linear_axis_shows_all_values_and_zero(values):
    axis = Axis("x").fit(values)
    a_hair = 1e-9 * (axis.hi - axis.lo)
    assert axis.lo <= min(0, *values) + a_hair
    assert axis.hi >= max(0, *values) - a_hair


@given(st.lists(above_zero, min_size=1))
def test_a_log_axis_shows_all_values_between_whole_decades(values):
    axis = Axis("x", log=True).fit(values)
    assert axis.lo <= min(values) * (1 + 1e-9)
    assert axis.hi >= max(values) * (1 - 1e-9)
    assert math.log10(axis.lo) == pytest.approx(round(math.log10(axis.lo)))


@given(above_zero, above_zero, st.booleans())
def test_an_axis_has_a_handful_of_ticks_all_on_it(one, other, log):
    axis = Axis("x", log=log).fit([one, other])
    ticks = axis.ticks()
    assert 4 <= len(ticks) <= 9
    assert all(-1e-6 <= axis.fraction(tick) <= 1 + 1e-6 for tick in ticks)
    assert len({axis.text(tick) for tick in ticks}) == len(ticks)


@pytest.mark.parametrize(("axis", "value", "shown"), [
    (Axis("t", "s"), 0.002, "2 ms"),
    (Axis("rate", "FLOP/s"), 2e12, "2 T"),
    (Axis("intensity", "FLOP/B"), 0.1, "0.1"),
    (Axis("memory", "GiB"), 40 * GIB, "40 GiB"),
    (Axis("mfu", "%"), 0.37, "37 %"),
    (Axis("n"), 2000, "2,000"),
    (Axis("n"), 20000, "20 k"),
    (Axis("op", names=("copy", "triad")), 1, "triad"),
])  # fmt: skip
def test_a_tick_is_written_in_si(axis, value, shown):
    assert axis.text(value) == shown


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.booleans())
def test_an_axis_whose_ends_are_given_has_four_ticks_too(lo, span, log):
    lo = abs(lo) + 1e-3 if log else lo
    axis = Axis("x", lo=lo, hi=lo + span, log=log)
    ticks = axis.ticks()
    assert 4 <= len(ticks) <= 10
    assert len({axis.text(tick) for tick in ticks}) == len(ticks)


def test_a_short_log_axis_has_more_than_the_decades():
    axis = Axis("energy", "J", lo=1e5, hi=4e5, log=True)
    assert [axis.text(tick) for tick in axis.ticks()] == ["100 kJ", "200 kJ", "300 kJ", "400 kJ"]


def test_capacities_have_binary_ticks():
    assert Axis("memory", "GiB").fit([100 * GIB]).ticks() == [n * 20 * GIB for n in range(6)]


@pytest.mark.parametrize(("draw", "words"), [
    (lambda: Axis("x", lo=2, hi=1), "lower end must be below"),
    (lambda: Axis("x", "s", lo=0, log=True), "logarithmic and cannot show 0 s"),
    (lambda: chart().svg(), "nothing to show"),
    (lambda: chart().line([1, 2], [1]), "as many x as y"),
    (lambda: chart().line([], []), "at least one"),
    (lambda: chart().line([1], [math.nan]).svg(), "cannot show nan"),
    (lambda: Chart(Axis("x", log=True), Axis("y")).mark(-1, 1, "measured").svg(), "cannot show -1"),
    (lambda: chart().mark(1, 1, "guessed"), "guessed"),
])  # fmt: skip
def test_what_cannot_be_drawn_is_refused_with_a_sentence(draw, words):
    with pytest.raises(ValueError, match=words):
        draw()


def busy_chart():
    drawn = chart().band([1, 2], [0.1, 0.2], [0.3, 0.4]).line([1, 2], [0.2, 0.3], "fit < 2 & > 1")
    for n, origin in enumerate(Origin):
        drawn.mark(1 + n / 4, 0.2, origin, f"run {n}", low=0.15, high=0.25)
    return drawn.bar(3, 0.2, "modelled", "bar").key("key", "#000000").note(2, 0.3, "note")


def test_the_same_calls_give_the_same_bytes():
    assert busy_chart().svg("alt") == busy_chart().svg("alt")


def test_a_chart_is_valid_xml_that_can_stand_twice_on_a_page():
    svg = busy_chart().svg('a "quoted" <alt>')
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == 'a "quoted" <alt>'
    assert not [element for element in root.iter() if element.get("id")]


def test_no_text_is_smaller_than_12_pixels():
    root = ET.fromstring(busy_chart().svg())
    sizes = [float(e.get("font-size", root.get("font-size"))) for e in root.iter(f"{SVG}text")]
    assert min(sizes) >= 12


def test_every_origin_has_a_mark_of_its_own_and_the_legend_shows_those_used():
    assert set(MARKS) == set(Origin)
    assert len({mark.marker for mark in MARKS.values()}) == len(Origin)
    assert len({mark.color for mark in MARKS.values()}) == len(Origin)
    words = texts(chart().mark(1, 1, "simulated").mark(2, 1, "published").svg())
    assert [word for word in words if word in set(Origin)] == ["simulated", "published"]


def test_a_picture_of_something_measured_says_so():
    assert chart().mark(1, 1, "measured").picture("a run").alt == "[measured] a run"
    assert chart().line([1], [1], "t", origin="measured").picture("a run").measured
    assert not chart().mark(1, 1, "modelled").picture("a run").measured


def test_a_line_that_leaves_the_axes_is_labelled_where_it_is_last_seen():
    svg = Chart(Axis("x", lo=0, hi=10), Axis("y", lo=0, hi=10)).line(
        range(100), range(100), "steep"
    ).svg()  # fmt: skip
    assert "steep" in texts(svg)


points = st.tuples(st.floats(50, 550), st.floats(50, 250))


@given(points, st.lists(points, max_size=5))
def test_a_lone_label_covers_neither_its_mark_nor_others_when_there_is_room(point, others):
    marks = [Box(x - 9, y - 9, x + 9, y + 9) for x, y in [point, *others]]
    spot = place(*point, "name", 13, inside=PLOT, boxes=marks, points=[])
    assert spot.box.overlap(marks[0]) == 0
    assert spot.box.overlap(PLOT) == pytest.approx(spot.box.width * spot.box.height)


def test_labels_of_a_row_of_close_marks_do_not_overlap():
    marks = [Box(x - 9, 91, x + 9, 109) for x in range(100, 220, 24)]
    taken = list(marks)
    for mark in marks:
        spot = place(mark.center, 100, "kernel", 13, inside=PLOT, boxes=taken, points=[])
        taken.append(spot.box)
    assert all(one.overlap(other) == 0 for one, other in itertools.combinations(taken, 2))


def test_the_width_of_a_text_grows_with_its_letters():
    assert text_width("iii", 13) < text_width("nnn", 13) < text_width("MMM", 13)


def test_a_chart_takes_a_few_milliseconds():
    """A slider has 100 ms for everything; CPU time, the least of ten."""
    costs_s = []
    for _ in range(10):
        start = time.process_time()
        busy_chart().svg()
        costs_s.append(time.process_time() - start)
    assert min(costs_s) < 0.02


def test_a_picture_is_its_svg_with_an_alt():
    picture = Picture("<svg></svg>", "two  lines\nof 'words'")
    assert picture == picture.svg == "<svg></svg>"
    assert repr(picture) == "two lines of 'words'"
    assert re.fullmatch(
        r'<img alt="two lines of &#x27;words&#x27;" class="lk-drawing" '
        r'src="data:image/svg\+xml;base64,[\w+/=]+"><script>.*</script>',
        picture._repr_html_(),
    )


@pytest.mark.parametrize(
    "picture",
    [
        Picture("<svg/>", "a run", measured=True),
        Picture("<svg/>", "[measured] a run"),
        Picture(Picture("<svg/>", "x", measured=True), "a run"),
    ],
)
def test_the_alt_of_a_measured_picture_begins_with_the_word_once(picture):
    assert picture.alt == "[measured] a run"
    assert picture.measured


@pytest.mark.parametrize(("svg", "alt", "words"), [
    ("<svg/>", "", "needs an alt text"),
    ("<svg/>", "  \n", "needs an alt text"),
    ("<svg/>", "[measured] ", "needs an alt text"),
    ("<svg/>", None, "needs an alt text"),
    ("a picture", "alt", "begins with <svg, got 'a picture'"),
    (None, "alt", "got None"),
])  # fmt: skip
def test_a_picture_without_svg_or_alt_is_refused(svg, alt, words):
    with pytest.raises(ValueError, match=words):
        Picture(svg, alt)


def rectangles(svg):
    """(y, height) of every bar."""
    found = re.findall(r'<rect x="[^"]*" y="([^"]*)" width="[^"]*" height="([^"]*)"', svg)
    return [tuple(map(float, pair)) for pair in found]


def test_bars_of_ratios_on_a_log_axis_begin_at_one():
    drawn = Chart(Axis("", names=["a", "b"]), Axis("times", lo=0.1, hi=1e3, log=True))
    (up, up_height), (down, _) = rectangles(
        drawn.bar(0, 10, "modelled").bar(1, 0.1, "modelled").svg()
    )
    assert up + up_height == pytest.approx(down, abs=0.2)


def test_bars_of_rates_on_a_log_axis_are_marks_as_their_length_would_say_nothing():
    drawn = Chart(Axis("", names=["a"]), Axis("rate", "FLOP/s", log=True)).bar(0, 1e12, "published")
    assert rectangles(drawn.svg()) == []
    assert drawn.origins == [Origin.PUBLISHED]


def polylines(svg):
    return re.findall(r"<polyline", svg)


@pytest.mark.parametrize(("ordered", "n_lines"), [(False, 3), (True, 1)])
def test_no_line_joins_places_that_do_not_follow_one_another(ordered, n_lines):
    axis = Axis("", names=["add", "multiply", "load"], ordered=ordered)
    assert (
        len(polylines(Chart(axis, Axis("energy", "J")).line(range(3), [1, 5, 9]).svg())) == n_lines
    )


def test_a_reference_line_runs_across_named_places():
    axis = Axis("", names=["add", "multiply"])
    assert len(polylines(Chart(axis, Axis("y")).line([-0.5, 1.5], [1, 1]).svg())) == 1


def test_a_step_keeps_its_value_until_the_next():
    points = re.search(r'<polyline points="([^"]+)"', chart().step([0, 1, 2], [5, 7, 6]).svg())[1]
    pixels = [tuple(map(float, pair.split(","))) for pair in points.split()]
    assert len(pixels) == 5
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in itertools.pairwise(pixels))


def test_long_names_are_parted_between_words_only():
    names = [
        "naive",
        "coalesced",
        "shared memory",
        "1-D register tile",
        "2-D register tile",
        "cuBLAS",
    ]
    words = texts(Chart(Axis("", names=names), Axis("y")).line([0, 5], [1, 2]).svg())
    assert {"shared", "memory"} <= set(words)
    assert all(name in " ".join(words) for name in names)


def test_a_long_title_is_parted_between_words():
    title = "What the weights’ way allows, and what was reached by six applications in 2017"
    words = texts(Chart(Axis("x"), Axis("y"), title=title).line([0, 1], [1, 2]).svg())
    assert " ".join(word for word in words if word in title and " " in word) == title


@given(
    st.lists(st.lists(st.floats(1, 100), min_size=4, max_size=4), min_size=1, max_size=3),
)
def test_the_label_of_a_line_lies_on_no_line(series):
    drawn = chart()
    for n, ys in enumerate(series):
        drawn.line([0, 1, 2, 3], ys, f"line {n}")
    svg = drawn.svg()
    points = [
        tuple(map(float, pair.split(",")))
        for line in re.findall(r'<polyline points="([^"]+)"', svg) for pair in line.split()
    ]  # fmt: skip
    for element in ET.fromstring(svg).iter(f"{SVG}text"):
        if (element.text or "").startswith("line "):
            width = text_width(element.text, 15)
            x, y = float(element.get("x")), float(element.get("y"))
            left = x - width * {"start": 0, "middle": 0.5, "end": 1}[element.get("text-anchor")]
            box = Box(left, y - 11, left + width, y + 2)
            assert not any(box.holds(*point) for point in points)


def test_the_grid_leaves_out_where_words_stand():
    drawn = Chart(Axis("x", lo=0, hi=10), Axis("y", lo=0, hi=10)).note(5, 6, "a long note in sight")
    lines = re.findall(r'<path d="M([\d.]+),([\d.]+)H([\d.]+)" fill="none" stroke="currentColor" '
                       r'stroke-width="1" stroke-opacity="0.2"', drawn.svg())  # fmt: skip
    assert len(lines) > len(drawn.y.fit([0, 10]).ticks()) - 1
