"""Lesson 22 as a student moves it: the designer starts with the A100, and follows the sliders."""

import pytest
from moves import drag, explorer, opened, says

NOTEBOOK = "notebooks/22_future_accelerators.ipynb"
CELLS = ("import math", "lk.plan.Decoder(")


@pytest.fixture(scope="module")
def lesson(new_lab):
    return opened(new_lab, NOTEBOOK, CELLS)


def test_it_starts_with_the_a100_whose_tokens_wait_for_hbm(lesson):
    chip = explorer(lesson, "hbm_stacks")
    says(chip, "one token in 8.01 ms on 1, bound by HBM")
    lesson.screenshot("designer_a100", chip)
    assert lesson.errors == []


def test_what_does_not_fit_on_the_die_is_said(lesson):
    chip = explorer(lesson, "hbm_stacks")
    drag(chip, "hbm_stacks", 1)
    chip.locator(".lk-error", has_text="The parts need 858 mm²").wait_for(timeout=10_000)
    assert lesson.errors == []


def test_with_fewer_macs_there_is_room_for_hbm_and_without_hbm_for_none(lesson):
    chip = explorer(lesson, "hbm_stacks")
    drag(chip, "kilomacs", 0)
    says(chip, "one token in 5.0")
    drag(chip, "hbm_stacks", 0)
    says(chip, "HBM 0 mm²")
    assert chip.locator(".lk-error").is_hidden()
    lesson.screenshot("designer_no_hbm", chip)
    assert lesson.errors == []
