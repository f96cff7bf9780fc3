"""Lesson 14 as a student moves it: who loads which batch when, and when the accelerator waits.

Only the cells that the explorer needs are run: nothing is loaded.
"""

import pytest
from moves import drag, explorer, opened, says

NOTEBOOK = "notebooks/14_feeding_the_chips.ipynb"
CELLS = ("from labkit.plan.feed import Loader", "def feed(")


@pytest.fixture(scope="module")
def lesson(new_lab):
    return opened(new_lab, NOTEBOOK, CELLS)


def test_workers_are_added_until_the_accelerator_is_waited_for(lesson):
    pipeline = explorer(lesson, "batches_ahead")
    says(pipeline, "Waiting for: workers. The accelerator computes 39% of the time")
    lesson.screenshot("feeding_one_worker", pipeline)
    drag(pipeline, "workers", 1)
    says(pipeline, "Waiting for: accelerator. The accelerator computes 88% of the time")
    drag(pipeline, "every_sixth_takes", 1)
    says(pipeline, "every_sixth_takes=10")
    lesson.screenshot("feeding_slow_batches", pipeline)
    drag(pipeline, "workers", 0)
    says(pipeline, "Nobody loads ahead. The accelerator computes")
    assert lesson.errors == []
