"""Lesson 16 as a student moves it: pipelines by schedule, and the memory bar by ZeRO stage.

Only the cells that the explorers need are run: no rank is started.
"""

import pytest
from moves import drag, explorer, opened, says

NOTEBOOK = "notebooks/16_sharding_and_pipelines.ipynb"
CELLS = ("import numpy as np", "def memory(", "def one_f_one_b(", "def timeline(")


@pytest.fixture(scope="module")
def lesson(new_lab):
    return opened(new_lab, NOTEBOOK, CELLS)


def test_the_timeline_follows_the_schedule(lesson):
    timeline = explorer(lesson, "rounds")
    says(timeline, "1F1B: bubble 27.3%, up to 4 micro-batches kept")
    schedule = timeline.locator("select[name=schedule]")
    schedule.select_option("GPipe")
    says(timeline, "GPipe: bubble 27.3%, up to 8 micro-batches kept")
    lesson.screenshot("pipeline_gpipe", timeline)
    schedule.select_option("interleaved 1F1B")
    says(timeline, "interleaved 1F1B: bubble 15.8%, up to 5.5")
    schedule.select_option("zero bubble")
    says(timeline, "zero bubble: bubble 11.1%, up to 4")
    schedule.select_option("1F1B")
    says(timeline, "1F1B: bubble 27.3%")
    assert lesson.errors == []


def test_more_micro_batches_make_the_bubble_smaller(lesson):
    timeline = explorer(lesson, "rounds")
    drag(timeline, "rounds", 1)
    says(timeline, "1F1B: bubble 15.8%, up to 4")
    lesson.screenshot("pipeline_1f1b", timeline)
    drag(timeline, "rounds", 0)
    says(timeline, "1F1B: bubble 42.9%")
    assert lesson.errors == []


def test_the_memory_bar_follows_model_and_cluster(lesson):
    memory = explorer(lesson, "billion_parameters")
    says(memory, "7 billion parameters on 64 GPUs: stage 0 112 GB")
    memory.locator("select[name=gpus]").select_option("8")
    says(memory, "7 billion parameters on 8 GPUs: stage 0 112 GB, stage 1 38.5 GB")
    drag(memory, "billion_parameters", 1)
    says(memory, "500 billion parameters on 8 GPUs: stage 0 8 TB")
    lesson.screenshot("zero_memory", memory)
    assert lesson.errors == []
