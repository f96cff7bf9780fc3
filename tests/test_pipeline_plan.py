"""Pipelines on paper: orders that can run, and bubbles that come out as the papers print them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.plan.pipeline import (
    SCHEDULES,
    Task,
    bubble_share,
    gpipe,
    idle_share,
    interleaved,
    most_in_flight,
    one_f_one_b,
    order_of,
    play,
    zero_bubble,
)

RANKS, ROUNDS = st.integers(1, 6), st.integers(1, 5)
EACH = pytest.mark.parametrize("name", SCHEDULES)


def idle(name, n_ranks, n_batches):
    return idle_share(play(SCHEDULES[name](n_ranks, n_batches)))


@given(RANKS, st.integers(1, 20), st.sampled_from(["GPipe", "1F1B"]))
def test_gpipe_and_1f1b_idle_as_the_formula_says(n_ranks, n_batches, name):
    assert idle(name, n_ranks, n_batches) == pytest.approx(bubble_share(n_ranks, n_batches))


@given(RANKS, ROUNDS, st.integers(2, 4))
def test_interleaved_stages_idle_as_the_formula_says(n_ranks, n_rounds, n_chunks):
    n_batches = n_ranks * n_rounds
    spans = play(interleaved(n_ranks, n_batches, n_chunks))
    assert idle_share(spans) == pytest.approx(bubble_share(n_ranks, n_batches, n_chunks))


@given(RANKS, ROUNDS)
def test_zero_bubble_leaves_a_third_of_the_bubble(n_ranks, n_rounds):
    n_batches = n_ranks * n_rounds
    bubble = (n_ranks - 1) / (3 * n_batches + n_ranks - 1)
    assert idle("zero bubble", n_ranks, n_batches) == pytest.approx(bubble)


@pytest.mark.parametrize(("p", "m", "share"), [(4, 1, 0.75), (4, 4, 3 / 7), (8, 32, 7 / 39)])
def test_bubbles_by_hand(p, m, share):
    assert bubble_share(p, m) == pytest.approx(share)


@given(RANKS, ROUNDS, st.sampled_from(sorted(SCHEDULES)))
def test_every_micro_batch_goes_through_every_stage_once(n_ranks, n_rounds, name):
    n_batches = n_ranks * n_rounds
    order = SCHEDULES[name](n_ranks, n_batches)
    tasks = [task for some in order for task in some]
    assert len(tasks) == len(set(tasks))
    stages = {task.stage for task in tasks}
    kinds = "FIW" if name == "zero bubble" else "FB"
    assert set(tasks) == {
        Task(kind, stage, batch) for kind in kinds for stage in stages for batch in range(n_batches)
    }


@given(RANKS, ROUNDS, st.sampled_from(sorted(SCHEDULES)))
def test_nobody_begins_before_what_it_needs_is_there(n_ranks, n_rounds, name):
    spans = [span for some in play(SCHEDULES[name](n_ranks, n_ranks * n_rounds)) for span in some]
    ends = {span.task: span.end for span in spans}
    for span in spans:
        kind, stage, batch = span.task
        before = {"F": ("F", stage - 1), "W": ("I", stage)}.get(kind, (kind, stage + 1))
        assert span.start >= ends.get(Task(*before, batch), 0)
        assert kind == "F" or span.start >= ends[Task("F", stage, batch)]


@given(RANKS, st.integers(1, 20))
def test_1f1b_holds_no_more_micro_batches_than_there_are_stages_to_come(n_ranks, n_batches):
    assert most_in_flight(one_f_one_b(n_ranks, n_batches)) == [
        min(n_batches, n_ranks - rank) for rank in range(n_ranks)
    ]


def test_what_each_schedule_holds():
    held = {name: max(most_in_flight(make(4, 8))) for name, make in SCHEDULES.items()}
    assert held == {"GPipe": 8, "1F1B": 4, "interleaved 1F1B": 5.5, "zero bubble": 4}


def test_the_gradients_of_the_weights_may_take_longer():
    times = {"F": 1, "I": 1, "W": 2}
    assert idle_share(play(zero_bubble(4, 8), times)) < bubble_share(4, 8)


def test_an_order_that_never_ends_says_who_waits():
    order = one_f_one_b(2, 2)
    order[1] = order[1][::-1]
    with pytest.raises(ValueError, match="rank 1 for B of stage 1, micro-batch 1 can't begin"):
        play(order)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bubble_share(0, 4), "at least one rank"),
        (lambda: bubble_share(4, 2.5), "at least one micro-batch, a whole number: got 2.5"),
        (lambda: bubble_share(math.inf, 4), "at least one rank, a whole number: got inf"),
        (lambda: bubble_share("4", 4), "at least one rank, a whole number: got 4"),
        (lambda: interleaved(4, 6), "whole rounds of 4"),
        (lambda: play([[]]), "no rank has a task"),
        (lambda: play(one_f_one_b(2, 2), {"F": 1}), "No time is given for the kind B"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@given(RANKS, ROUNDS, st.sampled_from(sorted(SCHEDULES)))
def test_the_order_of_a_run_can_be_played_again(n_ranks, n_rounds, name):
    spans = play(SCHEDULES[name](n_ranks, n_ranks * n_rounds))
    assert play(order_of(spans)) == spans


def test_whole_numbers_may_be_floats():
    assert gpipe(2.0, 4.0) == gpipe(2, 4)
