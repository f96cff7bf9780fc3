"""The picture of a loader: everybody's bars, and the accelerator's waits."""

import re

import pytest

from labkit.draw import feeding
from labkit.plan.feed import Loader

STARVED = Loader(batch=8, step_s=0.02, decode_s=0.005, workers=1)


def test_an_accelerator_that_waits_is_seen_waiting():
    picture = feeding(STARVED)
    assert ">wait<" in picture.svg
    assert "Waiting for: workers. The accelerator computes 4" in picture.alt


def test_an_accelerator_that_never_waits_but_for_the_first_batch():
    picture = feeding(Loader(batch=8, step_s=0.05, decode_s=0.005, workers=2), n_steps=12)
    assert "Waiting for: accelerator. The accelerator computes 9" in picture.alt


def test_there_is_a_row_for_each_worker():
    picture = feeding(Loader(batch=8, step_s=0.02, decode_s=0.005, workers=3))
    assert sorted(set(re.findall(r"worker \d", picture.svg))) == [
        "worker 0",
        "worker 1",
        "worker 2",
    ]


def test_a_slow_batch_shows():
    slow = [0.04] * 6 + [0.4] + [0.04] * 5
    assert feeding(STARVED, slow).svg != feeding(STARVED).svg


def test_slow_batches_count_for_who_is_waited_for():
    quick = Loader(batch=8, step_s=0.02, decode_s=0.005, workers=3)
    assert "Waiting for: accelerator" in feeding(quick, [0.04] * 12).alt
    assert "Waiting for: workers" in feeding(quick, [0.04, 0.2] * 6).alt


@pytest.mark.parametrize("workers", [0, 1, 6])
def test_any_number_of_workers_can_be_drawn(workers):
    assert feeding(Loader(batch=1, step_s=0.02, decode_s=0.02, workers=workers)).svg
