"""TTFT, ITL, TPOT, latency and goodput, each as its definition says."""

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.serving import SLO, Answer, FleetRun, LoadRun, Outage
from labkit.serving.loadgen import _read

GAPS = st.lists(st.floats(0.001, 2.0), min_size=2, max_size=30)


def answer(*gaps_s, sent_s=100.0, **more):
    """An answer whose tokens come after these gaps, the first of which is TTFT."""
    times_s, at_s = [], sent_s
    for gap_s in gaps_s:
        at_s += gap_s
        times_s.append(at_s)
    fields = {"n_tokens": len(gaps_s), "token_times_s": tuple(times_s), "status": 200} | more
    return Answer("?", "!", sent_s, at_s, **fields)


@given(GAPS)
def test_latency_is_ttft_and_the_inter_token_latencies(gaps_s):
    one = answer(*gaps_s)
    assert one.ttft_s == pytest.approx(gaps_s[0])
    assert one.itl_s == pytest.approx(gaps_s[1:], abs=1e-9)
    assert one.latency_s == pytest.approx(one.ttft_s + sum(one.itl_s))


@given(GAPS)
def test_tpot_is_the_mean_inter_token_latency(gaps_s):
    one = answer(*gaps_s)
    assert one.tpot_s == pytest.approx(sum(one.itl_s) / len(one.itl_s))


@given(GAPS)
def test_guidellms_tpot_has_ttft_in_it(gaps_s):
    one = answer(*gaps_s)
    assert one.guidellm_tpot_s == pytest.approx(one.latency_s / one.n_tokens)
    assert (one.guidellm_tpot_s > one.tpot_s) == (one.ttft_s > one.tpot_s) or math.isclose(
        one.ttft_s, one.tpot_s
    )


def test_tokens_that_come_two_in_a_piece_count_twice():
    assert answer(1.0, 0.2, 0.2, n_tokens=5).tpot_s == pytest.approx(0.4 / 4)


@pytest.mark.parametrize("gaps_s", [(), (0.5,)])
def test_without_a_second_token_there_is_no_tpot(gaps_s):
    assert answer(*gaps_s).tpot_s is None


@pytest.mark.parametrize(
    ("one", "met"),
    [
        (answer(0.5, 0.1, 0.1), True),
        (answer(1.1, 0.1, 0.1), False),
        (answer(0.5, 0.1, 0.4), False),
        (answer(0.5), True),  # a single token: there is no gap to be too long
        (answer(0.5, 0.1, error="the stream broke off"), False),
        (answer(), False),
    ],
)
def test_an_objective_bounds_both(one, met):
    assert SLO(ttft_s=1.0, tpot_s=0.2).met_by(one) is met


def run(*answers, time_s=10.0):
    return LoadRun(answers, 100.0, time_s)


def test_goodput_counts_only_what_met_the_objective():
    mixed = run(answer(0.5, 0.1), answer(1.5, 0.1), answer(0.5, error="lost"))
    assert mixed.goodput_per_s(SLO(1.0, 0.2)) == pytest.approx(0.1)
    assert mixed.n_requests == 3
    assert mixed.reasons == {"lost": 1}


def test_a_share_of_the_requests_has_to_meet_it():
    nine, one = [answer(0.5, 0.1)] * 9, answer(2.0, 0.1)
    assert run(*nine, one).meets(SLO(1.0, 0.2, percentile=0.9))
    assert not run(*nine, one).meets(SLO(1.0, 0.2, percentile=0.95))
    assert not run().meets(SLO(1.0, 0.2))


@pytest.mark.parametrize("percent", range(1, 101))
def test_ranks_and_shares_of_a_hundred_are_whole(percent):
    """0.07 * 100 is 7.000000000000001, whose next whole number is 8."""
    many = run(*(answer(k / 100) for k in range(1, 101)))
    assert many.percentile("ttft_s", percent) == pytest.approx(percent / 100)
    assert many.meets(SLO(percent / 100 + 0.001, 1.0, percentile=percent / 100))
    assert not many.meets(SLO(percent / 100 - 0.001, 1.0, percentile=percent / 100))


@pytest.mark.parametrize("wrong", [{"percentile": 90}, {"percentile": -0.1}, {"ttft_s": -1},
                                   {"tpot_s": math.nan}, {"percentile": math.nan}])  # fmt: skip
def test_an_objective_of_nonsense_is_refused(wrong):
    with pytest.raises(ValueError, match="of an SLO"):
        SLO(**({"ttft_s": 1.0, "tpot_s": 0.2} | wrong))


@pytest.mark.parametrize("q", [-5, 101, math.nan])
def test_a_percentile_beyond_0_to_100_is_refused(q):
    with pytest.raises(ValueError, match="from 0 to 100"):
        run(answer(0.5)).percentile("ttft_s", q)


def test_an_unknown_latency_and_an_interval_of_nothing_are_refused():
    with pytest.raises(ValueError, match="A latency is one of ttft_s, tpot_s"):
        run(answer(0.5)).percentile("ttft", 50)
    with pytest.raises(ValueError, match="An interval lasts longer than 0 s"):
        run(answer(0.5)).tokens_by_interval(0)


def test_without_a_request_nobody_knows_the_availability():
    assert math.isnan(FleetRun((), 100.0, 1.0, ()).availability)


def test_tokens_after_the_end_do_not_count():
    late = run(answer(9.0, 0.5, 2.0), time_s=10.0)
    assert late.tokens_per_s == pytest.approx(0.2)
    assert late.requests_per_s == 0


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.01, 9)), min_size=1, max_size=30))
def test_littles_law_holds_from_the_first_request_to_the_last_answer(requests):
    """Their rate times their mean latency is the mean number under way, whatever they are."""
    some = run(*(answer(latency_s, sent_s=100.0 + at_s) for at_s, latency_s in requests))
    under_way = sum(one.latency_s for one in some.answers) / some.lasting_s
    assert some.arrivals_per_s * some.mean_latency_s == pytest.approx(under_way)


def test_mean_in_flight_is_littles_law_over_the_window():
    """Requests that lie wholly inside: L is the rate times the mean latency."""
    answers = [answer(0.5, 1.0, sent_s=100.0 + n) for n in range(8)]
    inside = run(*answers)
    assert inside.mean_in_flight == pytest.approx(inside.requests_per_s * 1.5)


@given(st.lists(st.floats(0.01, 9), min_size=1, max_size=40), st.floats(0, 100))
def test_a_percentile_is_a_value_that_occurred(latencies_s, q):
    many = run(*(answer(one_s) for one_s in latencies_s))
    found = many.percentile("ttft_s", q)
    assert any(math.isclose(found, one_s, rel_tol=1e-6, abs_tol=1e-9) for one_s in latencies_s)
    at_most = sum(one.ttft_s <= found + 1e-9 for one in many.answers)
    assert at_most >= q * len(latencies_s) / 100


def test_of_nothing_there_is_no_percentile():
    assert math.isnan(run().percentile("latency_s", 50))
    assert math.isnan(run().arrivals_per_s)
    assert run().reading("ttft_s", "time to first token").value is None


def test_tokens_are_counted_by_the_interval_in_which_they_came():
    counted = run(answer(0.2, 0.2, 0.2), time_s=1.0).tokens_by_interval(0.5)
    assert counted == [(0.0, 4.0), (0.5, 2.0)]


@given(st.lists(st.floats(0.0, 10.0), max_size=40), st.floats(0.5, 8.0), st.floats(0.1, 5.0))
def test_tokens_while_one_is_gone_and_while_all_are_up_are_all_tokens(times_s, down_s, lasts_s):
    tokens = tuple(100.0 + at_s for at_s in sorted(times_s))
    outage = Outage(0, down_s, down_s + lasts_s)
    one = FleetRun((Answer("?", "!", 100.0, 110.0, tokens, len(tokens)),), 100.0, 10.0, (outage,))
    gone_s = min(outage.up_s, 10.0) - down_s
    rates = [one.tokens_per_s_when(gone=gone) for gone in (True, False)]
    made = rates[0] * gone_s + rates[1] * (10.0 - gone_s)
    expected = len(tokens) or one.answers[0].n_tokens
    assert made == pytest.approx(expected, abs=1e-6)


def test_without_an_outage_there_is_no_rate_while_one_is_gone():
    whole = FleetRun((answer(0.5, 0.5),), 100.0, 10.0, ())
    assert math.isnan(whole.tokens_per_s_when(gone=True))
    assert whole.tokens_per_s_when(gone=False) == pytest.approx(whole.tokens_per_s)


SUMMARY = """
================================================
MLPerf Results Summary
================================================
SUT name : PySUT
Scenario : Server
Mode     : PerformanceOnly
Completed samples per second    : 4.74
Result is : {verdict}
  Performance constraints satisfied : {kept}
  Min duration satisfied : Yes
  Min queries satisfied : {enough}
  Early stopping satisfied: NO
Recommendations:
 * Reduce target QPS to improve latency.
 * The test exited early, before enough queries were issued.
"""


def read_summary(tmp_path, **words):
    (tmp_path / "answers.json").write_text(json.dumps([dataclasses.asdict(answer(0.5, 0.1))]))
    return _read(tmp_path / "answers.json", SUMMARY.format(**words), "Server")


def test_an_invalid_run_gives_loadgens_reasons_first_what_was_not_satisfied(tmp_path):
    run = read_summary(tmp_path, verdict="INVALID", kept="NO", enough="Yes")
    assert (run.verdict, run.n_requests) == ("INVALID", 1)
    assert run.reasons_given[0] == "Performance constraints not satisfied"
    assert "Min duration not satisfied" not in run.reasons_given
    assert "Reduce target QPS to improve latency." in run.reasons_given


def test_a_valid_run_is_read_as_valid(tmp_path):
    assert read_summary(tmp_path, verdict="VALID", kept="Yes", enough="Yes").verdict == "VALID"
