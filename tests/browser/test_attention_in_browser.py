"""Lesson 10 as a student moves it: the traffic of attention dragged, a number on the ruler."""

import pytest
from moves import drag, explorer, says

NOTEBOOK = "start/10_attention_and_precision.ipynb"


@pytest.fixture(scope="module")
def lesson(ran):
    return ran(NOTEBOOK)


def test_the_traffic_follows_the_dragged_length(lesson):
    traffic = explorer(lesson, "length")
    says(traffic, "1,024 tokens: 8.91 MB step by step, 1.31 MB in tiles: 6.8 times less")
    drag(traffic, "length", 1)
    says(traffic, "100,000 tokens: 80.1 GB step by step")
    lesson.screenshot("attention_traffic", traffic)
    drag(traffic, "length", 0)
    says(traffic, "100 tokens: 131 kB step by step, 51.2 kB in tiles: 2.6 times less")
    assert lesson.errors == []


def test_larger_heads_leave_fewer_rows_and_more_traffic(lesson):
    traffic = explorer(lesson, "length")
    drag(traffic, "length", 1)
    says(traffic, "10 GB in tiles: 8.0 times less")
    traffic.locator("select[name=head_size]").select_option("128")
    says(traffic, "40.1 GB in tiles: 2.0 times less")
    assert lesson.errors == []


def test_the_ruler_follows_its_number(lesson):
    ruler = explorer(lesson, "x")
    says(ruler, "Number formats around 3.142")
    drag(ruler, "x", 1)
    says(ruler, "fp16 too large: infinite")
    lesson.screenshot("number_ruler", ruler)
    drag(ruler, "x", 0)
    says(ruler, "fp16 0: too small")
    assert lesson.errors == []
