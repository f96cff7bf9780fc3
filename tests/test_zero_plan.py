"""The bytes of ZeRO's stages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.plan.zero import FP32_ADAM, STAGES, StateBytes, zero_bytes, zero_sent_bytes


def test_one_rank_holds_sixteen_bytes_of_each_parameter_at_every_stage():
    assert [zero_bytes(1e9, 1, stage).total for stage in STAGES] == [16e9] * 4


def test_each_stage_cuts_one_part_more():
    assert [zero_bytes(64, 4, stage, FP32_ADAM) for stage in STAGES] == [
        StateBytes(256, 256, 512),
        StateBytes(256, 256, 128),
        StateBytes(256, 64, 128),
        StateBytes(64, 64, 128),
    ]


@given(st.floats(1, 1e13), st.integers(1, 4096))
def test_no_stage_holds_more_than_the_one_before(n_parameters, n_ranks):
    totals = [zero_bytes(n_parameters, n_ranks, stage).total for stage in STAGES]
    assert totals == sorted(totals, reverse=True)
    assert totals[3] == pytest.approx(totals[0] / n_ranks)


@given(st.floats(1, 1e13), st.integers(2, 4096))
def test_only_cutting_the_parameters_sends_more(n_parameters, n_ranks):
    sent = [zero_sent_bytes(n_parameters, n_ranks, stage) for stage in STAGES]
    assert sent[0] == sent[1] == sent[2]
    assert sent[3] == pytest.approx(1.5 * sent[0])


def test_one_rank_has_nobody_to_send_to():
    assert zero_sent_bytes(1e9, 1, 3) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 4, 1), "has parameters"),
        ((1e9, 0, 1), "at least one rank"),
        ((1e9, 4, 4), "stages 0"),
        ((1e9, 2.5, 1), "n_ranks must be a whole number from 1, got 2.5"),
        ((1e9, "8", 1), "got '8'"),
        ((float("inf"), 8, 1), "got inf"),
        ((1e9, 8, [1]), r"got \[1\]"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(arguments, words):
    with pytest.raises(ValueError, match=words):
        zero_bytes(*arguments)
    with pytest.raises(ValueError, match=words):
        zero_sent_bytes(*arguments)


def test_parameters_of_negative_size_are_refused():
    with pytest.raises(ValueError, match="itemsize must be a number from 0, got -2"):
        zero_sent_bytes(1e9, 8, 1, itemsize=-2)
