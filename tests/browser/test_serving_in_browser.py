"""Lesson 19 as a student moves it: a real server under the load that the slider asks for.

Only the cells that the two explorers need are run; without the server's wheel there is nothing.
"""

import pytest
from moves import drag, explorer, opened, says

NOTEBOOK = "notebooks/19_serving.ipynb"
CELLS = ("ADDRESS = None", "calm_rate = ", "def load_it(", "def within(")


@pytest.fixture(scope="module")
def lesson(new_lab):
    pytest.importorskip("xllamacpp")
    pytest.importorskip("mlperf_loadgen")
    return opened(new_lab, NOTEBOOK, CELLS)


def test_each_move_of_the_slider_loads_the_server_once_more(lesson):
    """It begins with the calm run of the cell above, and with the slider's first rate."""
    live = explorer(lesson, "rate")
    says(live, "tried here: 2")
    drag(live, "rate", 0)
    says(live, "tried here: 3")
    assert live.locator(".lk-error").is_hidden()
    lesson.screenshot("latency_live", live)
    assert lesson.errors == []


def test_a_looser_objective_allows_a_higher_rate_in_the_recorded_run(lesson):
    free = explorer(lesson, "objective")
    drag(free, "objective", 1)
    says(free, "up to")
    drag(free, "objective", 0)
    assert free.locator(".lk-error").is_hidden()
    lesson.screenshot("latency_recorded", free)
    assert lesson.errors == []
