"""The charts of a server show what they are given, and say where it comes from."""

import re

from labkit.draw import format_rates, latency_curve, tokens_over_time
from labkit.results import recorded
from labkit.serving import Answer, FleetRun, Outage

SWEEP = recorded("serving-rates").rows
FORMATS = recorded("serving-formats").rows


def words(picture):
    return re.findall(r">([^<>]+)</text>", picture.svg)


def test_a_recorded_sweep_alone_is_not_measured():
    assert not latency_curve(SWEEP).measured
    assert any("(recorded)" in text for text in words(latency_curve(SWEEP)))


def test_what_was_tried_here_is_measured():
    picture = latency_curve(SWEEP, [(3.0, 0.2)])
    assert picture.measured
    assert picture.alt.startswith("[measured]")


def test_an_objective_names_the_last_rate_within_it():
    assert "up to 8 a second" in words(latency_curve(SWEEP, limit_s=1.0))
    assert "up to 5 a second" in words(latency_curve(SWEEP, limit_s=0.3))


def test_an_objective_that_nothing_meets_names_no_rate():
    assert not any("up to" in text for text in words(latency_curve(SWEEP, limit_s=0.05)))


def test_every_format_is_named_beside_its_mark():
    picture = format_rates(FORMATS, 13.5e9, "recorded")
    assert {row["format"] for row in FORMATS} <= set(words(picture))


def test_f32_and_f16_lie_on_the_line_of_the_bandwidth_and_q4_1_does_not():
    """What the lesson says of the recorded run."""
    of_line = {
        row["format"]: row["decode_tokens_per_s"] * row["model_bytes"] / row["read_bytes_per_s"]
        for row in FORMATS
    }
    assert abs(of_line["F32"] - 1) < 0.15
    assert abs(of_line["F16"] - 1) < 0.15
    assert of_line["Q4_1"] < 0.5


def test_an_outage_is_shaded_and_what_is_after_the_end_is_not():
    answer = Answer("?", "!", 100.0, 101.0, (100.5, 101.0), 2, 200)
    quiet = tokens_over_time(FleetRun((answer,), 100.0, 4.0, ()), "quiet")
    gone = tokens_over_time(FleetRun((answer,), 100.0, 4.0, (Outage(0, 1.0, 9.0),)), "gone")
    late = tokens_over_time(FleetRun((answer,), 100.0, 4.0, (Outage(0, 5.0, 9.0),)), "late")
    assert gone.svg.count("<polygon") == quiet.svg.count("<polygon") + 1
    assert late.svg.count("<polygon") == quiet.svg.count("<polygon")
    assert gone.measured
