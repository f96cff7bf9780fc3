"""`expect` shows the sentence that is true for the whole interval, on a line that begins [here]."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.reading import Reading
from labkit.teach import expect
from labkit.teach.expect import Outcome

SENTENCES = {"below": "Too slow.", "inside": "As expected.", "above": "Too fast."}
HERE = {"low": 1.7, "high": 2.1}
KEPT = Reading("speed-up", 3.9, "1", "recorded", source="a server, 2026-11-02")


def speedup(value=1.9, **interval):
    return Reading("speed-up", value, "1", "measured", **interval)


@pytest.fixture
def line(capsys):
    """`line(reading, low, high, ...)`: the outcome, and the one line that is shown."""

    def run(*args, **more):
        outcome = expect(*args, **SENTENCES, **more)
        out = capsys.readouterr().out
        assert out.count("\n") == 1
        assert out.startswith("[here] ")
        return outcome, out.removeprefix("[here] ").rstrip("\n")

    return run


@pytest.mark.parametrize(("low", "high", "outcome"), [
    (3, 4, "below"), (1.5, 2.5, "inside"), (1.7, 2.1, "inside"), (0, 1, "above"),
    (None, 2.5, "inside"), (1.5, None, "inside"), (None, None, "inside"), (2.2, None, "below"),
    (None, 1.6, "above"),
])  # fmt: skip
def test_the_whole_interval_decides(line, low, high, outcome):
    assert line(speedup(**HERE), low, high) == (outcome, SENTENCES[outcome])


@pytest.mark.parametrize(("low", "high", "bounds"), [
    (1.8, 3, "1.8"), (1, 2, "2"), (1.8, 2, "1.8 and 2"), (None, 2, "2"),
])  # fmt: skip
def test_an_interval_on_both_sides_of_a_bound_decides_nothing(line, low, high, bounds):
    assert line(speedup(**HERE), low, high) == ("straddles", (
        f"speed-up lies between 1.7 and 2.1, on both sides of {bounds}: this run can't decide."
    ))  # fmt: skip


def test_one_value_without_an_interval_says_so(line):
    assert line(speedup(), 1, 2) == (
        "inside", "As expected. (Judged by one value without an interval.)",
    )  # fmt: skip
    exact = Reading("lanes", 8, "1", "modelled")
    assert line(exact, 1, 9) == ("inside", "As expected.")


@pytest.mark.parametrize(("reading", "words"), [
    (speedup(None, note="one core"), "speed-up is unknown here (one core), so there is nothing to"),
    (speedup(None), "speed-up is unknown here, so there is nothing to compare."),
    (None, "There is no measurement here, so there is nothing to compare."),
])  # fmt: skip
def test_an_unknown_reading_has_its_own_line(line, reading, words):
    outcome, text = line(reading, 1, 2)
    assert outcome == "unknown"
    assert text.startswith(words)


def test_this_machine_cannot_show_it(line):
    one_core = True
    assert line(speedup(**HERE), 3, 4, cannot=one_core and "It has one core.", recorded=KEPT) == (
        "cannot",
        "This machine can't show it. It has one core. "
        "Recorded: speed-up: 3.9 (a server, 2026-11-02)",
    )


@pytest.mark.parametrize("no_reason", [False, None, "", 0])
def test_a_condition_that_is_false_is_no_reason(line, no_reason):
    assert line(speedup(**HERE), 1, 3, cannot=no_reason)[0] == "inside"


@pytest.mark.parametrize(("low", "high", "control", "outcome"), [
    (2, None, {"low": 0.99, "high": 1.87}, "below"),  # noise of 0.88, an effect of 1
    (1.5, None, {"low": 0.99, "high": 1.87}, "cannot"),
    (0.9, 1.1, {"low": 0.9, "high": 1.2}, "cannot"),
    (0.9, 1.1, {"low": 0.99, "high": 1.01}, "inside"),
    (2, None, {}, "cannot"),
])  # fmt: skip
def test_a_control_that_is_noisier_than_the_effect_is_a_reason(line, low, high, control, outcome):
    same = Reading("the same code twice", 1.0, "1", "measured", **control)
    found, text = line(speedup(1.0, low=1.0, high=1.0), low, high, control=same)
    assert found == outcome
    if outcome == "cannot":
        assert "The same code against itself gave" in text or "has no interval" in text


@pytest.mark.parametrize(("low", "high", "shown"), [(3, 4, True), (1.8, 4, True), (1, 3, False)])
def test_the_recorded_run_stands_beside_what_is_not_as_expected(line, low, high, shown):
    assert (
        "Recorded: speed-up: 3.9" in line(speedup(**HERE), low, high, recorded=KEPT)[1]
    ) == shown


def test_a_recorded_run_has_a_key(line):
    text = line(speedup(**HERE), 3, 4, recorded="vidur-h100-mlp")[1]
    assert "one NVIDIA H100" in text
    with pytest.raises(KeyError, match="No recorded result 'nowhere'"):
        expect(speedup(**HERE), 1, 3, recorded="nowhere")  # also where it is not shown


@pytest.mark.parametrize(("args", "more", "error", "words"), [
    ((3.0, 1, 2), {}, TypeError, "does not say its origin"),
    ((speedup(), 2, 1), {}, ValueError, "runs from 2 to 1"),
    ((speedup(), math.nan, 1), {}, ValueError, "runs from nan to 1"),
    ((speedup(), "1", 2), {}, TypeError, "Bounds are numbers"),
    ((speedup(), 1, 2), {"cannot": True}, TypeError, 'write cannot=condition and "why"'),
    ((speedup(), 1, 2), {"recorded": speedup()}, ValueError, "was measured here"),
])  # fmt: skip
def test_a_slip_of_the_author_is_a_sentence(args, more, error, words):
    with pytest.raises(error, match=words):
        expect(*args, **more)


@pytest.mark.parametrize(("low", "high", "text"), [
    (1.5, 2.5, "speed-up is as expected: 1.5 to 2.5."),
    (3, None, "speed-up is below what is expected: at least 3."),
    (None, 1, "speed-up is above what is expected: at most 1."),
])  # fmt: skip
def test_without_a_sentence_the_bounds_are_said(capsys, low, high, text):
    expect(speedup(**HERE), low, high)
    assert capsys.readouterr().out == f"[here] {text}\n"


@given(
    ends=st.tuples(st.floats(0, 10), st.floats(0, 10)).map(sorted),
    bounds=st.tuples(st.floats(0, 10), st.floats(0, 10)).map(sorted),
)
def test_a_verdict_holds_for_every_value_of_the_interval(ends, bounds):
    outcome = expect(speedup(ends[0], low=ends[0], high=ends[1]), *bounds)
    assert isinstance(outcome, Outcome)
    one_by_one = {expect(Reading("x", end, "1", "modelled"), *bounds) for end in ends}
    if outcome != "straddles":
        assert one_by_one == {outcome}
    else:
        assert ends[0] < bounds[0] <= ends[1] or ends[0] <= bounds[1] < ends[1]


def test_the_outcome_at_the_end_of_a_cell_shows_nothing(capsys):
    outcome = expect(speedup(**HERE), 1, 3)
    capsys.readouterr()
    assert outcome._ipython_display_() is None
    assert capsys.readouterr().out == ""
