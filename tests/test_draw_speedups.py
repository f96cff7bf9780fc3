"""The picture of speed-ups: every mark is in sight, and a student's own lies on top."""

import re

import pytest

from labkit.draw import speedups
from labkit.measure import TimesInTurns
from labkit.reading import Origin

SLOWER = TimesInTurns({1: (1.0,) * 9, 2: (1.02,) * 9})  # two threads gain nothing
RECORDED = TimesInTurns({1: (1.0,) * 9, 2: (0.5,) * 9, 16: (0.1,) * 9}, Origin.RECORDED, "there")
CIRCLE = re.compile(r'<circle cx="([\d.]+)" cy="([\d.]+)"')
SQUARE = re.compile(r"<polygon points")


@pytest.mark.parametrize("runs", [(SLOWER,), (SLOWER, RECORDED), (RECORDED, SLOWER)])
def test_a_gain_below_one_is_in_sight(runs):
    in_the_legend = 1
    assert len(CIRCLE.findall(speedups(*runs).svg)) == in_the_legend + len(SLOWER.samples_s)


def test_no_recorded_mark_lies_on_a_measured_one():
    picture = speedups(SLOWER, RECORDED).svg
    first_own = [mark.start() for mark in CIRCLE.finditer(picture)][1]  # after the legend's
    assert first_own > max(mark.start() for mark in SQUARE.finditer(picture))


def test_a_mark_at_the_largest_number_keeps_clear_of_the_edge():
    picture = speedups(SLOWER).svg
    right = float(re.search(r"V[\d.]+H([\d.]+)", picture)[1])  # the end of the x axis
    assert max(float(x) for x, _ in CIRCLE.findall(picture)) < right - 10


def test_runs_of_one_thread_have_a_picture():
    assert "speed-up" in speedups(TimesInTurns({1: (1.0,) * 9})).svg


def test_a_picture_has_the_same_name_on_machines_of_other_sizes():
    names = {
        speedups(*runs, title="Work").alt.partition(":")[0]
        for runs in ((SLOWER,), (SLOWER, RECORDED))
    }
    assert names == {"[measured] Work, by the number of threads"}
