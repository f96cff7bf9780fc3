"""The charts of a server show what they are given, and say where it comes from."""

import re

from labkit.draw import format_rates, latency_curve, tokens_over_time
from labkit.results import recorded
from labkit.serving import Answer, FleetRun, Outage

SWEEP = [
    {"rate_per_s": rate, "latency_p90_s": latency_s}
    for rate, latency_s in ((5, 0.29), (8, 0.63), (11, 1.08), (14, 2.46))
]
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


def test_a_run_in_which_no_request_was_answered_has_no_mark():
    picture = latency_curve(SWEEP, [(3.0, 0.2), (9.0, float("nan"))])
    assert "tried here: 1" in picture.alt


def test_an_objective_names_the_last_rate_within_it():
    assert "up to 8 a second" in words(latency_curve(SWEEP, limit_s=1.0))
    assert "up to 5 a second" in words(latency_curve(SWEEP, limit_s=0.3))


def test_who_does_not_see_the_curve_is_told_its_ends_what_was_tried_and_the_objective():
    told = latency_curve(SWEEP, [(3.0, 0.2), (6.0, 0.4)], limit_s=1.0).alt
    for words_of in ("290 ms at 5 a second", "2.46 s at 14", "tried here: 2", "up to 8 a second"):
        assert words_of in told


def test_an_objective_that_nothing_meets_names_no_rate():
    assert not any("up to" in text for text in words(latency_curve(SWEEP, limit_s=0.05)))


def test_every_format_is_named_beside_its_mark():
    picture = format_rates(FORMATS, 13.5e9, "recorded")
    assert {row["format"] for row in FORMATS} <= set(words(picture))


def test_the_recorded_sweep_can_be_drawn_for_each_objective():
    for limit_s in (0.2, 1.0, 2.5):
        assert latency_curve(recorded("serving-rates").rows, limit_s=limit_s).svg


def test_in_the_recorded_run_bytes_decide_for_f32_and_f16_and_not_for_q4_1():
    """What the lesson holds the student's own run against."""
    of_line = {
        row["format"]: row["decode_tokens_per_s"] * row["model_bytes"] / row["read_bytes_per_s"]
        for row in FORMATS
    }
    assert min(of_line["F32"], of_line["F16"]) > 1.5 * of_line["Q4_1"]


def test_in_the_recorded_run_guessing_helps_f32_more_than_q4_1():
    gains = {
        row["format"]: row["guessing_tokens_per_s"] / row["plain_tokens_per_s"]
        for row in recorded("serving-guessing").rows
    }
    assert gains["F32"] > gains["Q4_1"]


def test_in_the_recorded_kills_the_careful_router_lost_nothing_and_the_careless_most():
    lost = {
        (row["requests"], row["router"]): row["lost"] / row["sent"]
        for row in recorded("serving-kills").rows
    }
    assert lost["plain", "careful"] == lost["streams, resumed", "careful"] == 0
    assert lost["plain", "no retries, no breaker"] > 0.3


def test_an_outage_is_shaded_and_what_is_after_the_end_is_not():
    answer = Answer("?", "!", 100.0, 101.0, (100.5, 101.0), 2, 200)
    quiet = tokens_over_time(FleetRun((answer,), 100.0, 4.0, ()), "quiet")
    gone = tokens_over_time(FleetRun((answer,), 100.0, 4.0, (Outage(0, 1.0, 9.0),)), "gone")
    late = tokens_over_time(FleetRun((answer,), 100.0, 4.0, (Outage(0, 5.0, 9.0),)), "late")
    assert gone.svg.count("<polygon") == quiet.svg.count("<polygon") + 1
    assert late.svg.count("<polygon") == quiet.svg.count("<polygon")
    assert gone.measured
