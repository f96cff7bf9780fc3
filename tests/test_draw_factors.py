"""Factors and summaries: what is unknown has no bar, and what lies above the picture is counted."""

import re

import pytest

from labkit.draw import factors, summaries
from labkit.reading import Reading

BAR = re.compile(r'<rect [^>]*x="[\d.]+" y="[\d.]+" width="[\d.]{4,5}" height="([\d.]+)"')


def ratio(value, origin="modelled"):
    return Reading("ratio", value, "1", origin, note=None if value else "nobody tells")


def bars(picture):
    """Their heights."""
    return [float(height) for height in BAR.findall(picture.svg)]


def test_each_ratio_has_a_bar_with_its_number():
    picture = factors({"memory": ratio(240), "fp32": ratio(1591)}, "times this machine")
    assert "240 times" in picture.svg
    assert "1,591 times" in picture.svg
    assert len(bars(picture)) == 2


def test_a_ratio_that_nobody_knows_has_no_bar_and_says_so():
    picture = factors({"memory": ratio(240), "fp32": ratio(None)}, "times this machine")
    assert len(bars(picture)) == 1
    assert "unknown" in picture.svg


@pytest.mark.parametrize("value", [3e-9, 4e12])
def test_the_range_bends_to_a_ratio_beyond_it(value):
    assert len(bars(factors({"memory": ratio(value)}, "times this machine"))) == 1


def test_a_picture_says_whether_something_in_it_was_measured_here():
    of = Reading("bandwidth", 1e10, "B/s", "measured")
    own = Reading("ratio", 240, "1", of=of)
    assert factors({"memory": own}, "times").alt.startswith("[measured]")
    assert not factors({"memory": ratio(240)}, "times").alt.startswith("[measured]")


RUNS_S = [1.0e-3, 1.01e-3, 0.99e-3, 1.2e-3, 2.5e-3]


def test_runs_above_the_picture_are_counted_in_its_title():
    picture = summaries(RUNS_S, {"mean": (1.34e-3, None, None)}, 1e-3, title="Runs", most_s=1.4e-3)
    assert "Runs (1 above the picture)" in picture.svg


def test_all_runs_are_in_sight_where_no_limit_is_given():
    picture = summaries(RUNS_S, {"mean": (1.34e-3, None, None)}, 1e-3, title="Runs")
    assert "above the picture" not in picture.svg


def test_a_summary_without_a_value_leaves_its_column_empty():
    assert "median" in summaries(RUNS_S, {"median": (None, None, None)}, 1e-3).svg


def test_no_run_is_a_sentence():
    with pytest.raises(ValueError, match="no run to show"):
        summaries([], {}, 1e-3)
