"""Lesson 18 as a student moves it: the goodput of a fleet over the interval between checkpoints.

Only the cells that the explorer needs are run: no rank is started.
"""

import pytest
from moves import drag, explorer, opened, says

NOTEBOOK = "notebooks/18_fault_tolerance.ipynb"
CELLS = ("import inspect", 'lk.predict("18.a"', "fleet_s = ", "def young(", "def failures_s(")


@pytest.fixture(scope="module")
def lesson(new_lab):
    return opened(new_lab, NOTEBOOK, CELLS)


def test_a_larger_fleet_fails_more_often_and_saves_more_often(lesson):
    goodput = explorer(lesson, "n_gpus")
    says(goodput, "A failure every 186 min on average: goodput")
    says(goodput, "Young: 19.3 min, 87.6%")
    drag(goodput, "n_gpus", 1)
    says(goodput, "A failure every 23 min on average: goodput")
    says(goodput, "Young: 6.81 min, 59.1%; Daly: 6.16 min, 59.2%")
    lesson.screenshot("goodput_largest", goodput)
    drag(goodput, "n_gpus", 0)
    says(goodput, "A failure every 2,969 min on average: goodput")
    assert lesson.errors == []


def test_a_quick_restart_and_a_save_in_the_background_raise_the_curve(lesson):
    goodput = explorer(lesson, "n_gpus")
    drag(goodput, "n_gpus", 1)
    says(goodput, "Daly: 6.16 min, 59.2%")
    goodput.locator("select[name=while_saving]").select_option("training goes on")
    says(goodput, "Daly: 2.09 min, 70.3%")
    drag(goodput, "restart_s", 0)
    says(goodput, "Daly: 2.09 min, 86.5%")
    lesson.screenshot("goodput_background", goodput)
    assert lesson.errors == []


def test_a_save_that_outlasts_the_interval_is_waited_for(lesson):
    """Where a checkpoint is written for longer than the interval, the next one waits for it."""
    goodput = explorer(lesson, "n_gpus")
    goodput.locator("select[name=while_saving]").select_option("training goes on")
    drag(goodput, "save_s", 1)
    says(goodput, "save_s=600 s")
    assert goodput.locator(".lk-error").is_hidden()
    lesson.screenshot("goodput_slow_save", goodput)
    assert lesson.errors == []
