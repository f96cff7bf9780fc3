"""Stacked bars and pipelines: parts stand one after the other, each rank in its own row."""

import re

import pytest

from labkit.draw import Axis, pipeline, stacks
from labkit.plan.pipeline import interleaved, one_f_one_b, play

AXIS = Axis("state", "B")


def bars(picture, height):
    found = re.findall(
        rf'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="{height}"', picture.svg
    )
    return [tuple(map(float, bar)) for bar in found]


def test_a_part_begins_where_the_one_before_it_ends():
    drawn = stacks({"a": {"p": 1, "g": 3}}, AXIS, title="t")
    first, _, second, _ = bars(drawn, 28.0)
    assert second[0] == pytest.approx(first[0] + first[2], abs=0.2)
    assert second[2] == pytest.approx(3 * first[2], abs=0.5)


def test_a_limit_beyond_all_bars_is_in_sight():
    drawn = stacks({"a": {"p": 1.0}}, AXIS, title="t", limit=1000.0, limit_words="1 kB")
    x = float(re.search(r'd="M([\d.]+),\d+V\d+"[^>]*stroke-dasharray', drawn.svg)[1])
    assert x <= 760
    assert "1 kB" in drawn


def test_the_sums_are_told():
    drawn = stacks({"a": {"p": 1e9, "g": 3e9}}, AXIS, title="State", measured=True)
    assert drawn.alt == "[measured] State: a 4 GB"


@pytest.mark.parametrize(("rows", "axis", "words"), [
    ({}, AXIS, "no row has a part"),
    ({"a": {"p": -1}}, AXIS, "p of 'a' is -1"),
    ({"a": {"p": 1}}, Axis("state", "B", log=True), "logarithmic"),
])  # fmt: skip
def test_stacks_that_cannot_be_are_refused(rows, axis, words):
    with pytest.raises(ValueError, match=words):
        stacks(rows, axis, title="t")


def test_a_pipeline_has_a_bar_for_each_task_with_its_micro_batch():
    drawn = pipeline({"": play(one_f_one_b(2, 3))}, title="t")
    assert len(bars(drawn, 26.0)) == 12
    assert len(re.findall(r">2</text>", drawn.svg)) >= 4
    assert "rank 1" in drawn


def test_every_run_begins_at_zero():
    late = [[(5.0, 6.0, ("F", 0, 0))]]
    drawn = pipeline({"ideal": [[(0.0, 1.0, ("F", 0, 0))]], "real": late}, title="t")
    first, second = bars(drawn, 26.0)
    assert first[0] == second[0]


def test_the_stages_of_a_rank_are_told_apart():
    assert "forward, its stage 2" in pipeline({"": play(interleaved(2, 2))}, title="t")
