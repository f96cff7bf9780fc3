"""Runs that fail, as pictures: what stands in them is what was given."""

import re

from labkit.draw import goodputs, recoveries
from labkit.plan import goodput

ATTEMPTS = [([0.1, 0.2, 0.3], [1, 2, 3]), ([1.1, 1.2], [3, 4])]
RUN = {"training": ATTEMPTS}


def test_each_attempt_and_each_kill_has_its_line():
    picture = recoveries(RUN, [0.35], title="Two lives")
    assert picture.svg.count("<polyline") == 3
    assert picture.svg.count("stroke-dasharray") == 1


def test_each_run_has_a_colour_of_its_own():
    both = recoveries({"a": ATTEMPTS, "b": ATTEMPTS[:1]}, [], title="Two runs").svg
    colors = re.findall(r'<polyline[^>]*stroke="([^"]+)"', both)
    assert colors[0] == colors[1] != colors[2]


def test_a_second_run_does_not_hide_the_first_where_both_are_at_the_same_step():
    both = recoveries({"a": ATTEMPTS[:1], "b": ATTEMPTS[:1]}, [], title="Two runs").svg
    lines = re.findall(r"<polyline[^>]*>", both)
    assert ["stroke-dasharray" in line for line in lines] == [False, True]


def test_a_measured_run_says_so_and_a_recorded_one_too():
    assert recoveries(RUN, [0.35], title="t").alt.startswith("[measured]")
    assert not recoveries(RUN, [0.35], title="t", origin="recorded").alt.startswith("[measured]")


def test_a_life_without_a_step_is_left_out():
    assert (
        recoveries({"a": [*ATTEMPTS, ([], [])]}, [0.35, 2], title="t").svg.count("<polyline") == 4
    )


def test_time_begins_with_the_first_step():
    later = {"training": [([t + 20 for t in times], steps) for times, steps in ATTEMPTS]}
    assert recoveries(later, [20.35], title="t").svg == recoveries(RUN, [0.35], title="t").svg


def drawn(**choices):
    def formula(interval_s):
        return goodput(interval_s, 60, 300, 11_000)

    return goodputs(formula, [(600, formula(600))], choices, title="A fleet")


def test_a_choice_is_named_with_its_interval_and_goodput():
    assert "Young: 19.1 min" in drawn(Young=1149).svg


def test_the_alt_text_tells_the_choices():
    assert "; Young: 19.1 min, 87.5%; Daly: 18.3 min, 87.5%" in drawn(Young=1149, Daly=1100).alt


def test_a_choice_beyond_the_axis_is_not_drawn():
    assert "Young" not in drawn(Young=5).svg
    assert drawn(Young=5).svg.count("stroke-dasharray") < drawn(Young=1149).svg.count(
        "stroke-dasharray"
    )


def test_the_same_arguments_give_the_same_picture():
    assert drawn(Young=1149).svg == drawn(Young=1149).svg
    assert re.search(r"\bgoodput\b", drawn(Young=1149).svg)
