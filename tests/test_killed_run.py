"""Lesson 18's training under kills: what is read off its reports, and that it really recovers."""

import sys

import numpy as np
import pytest

from labkit.cluster import Report, start_ranks
from labkit.teach import solution
from lessons.lesson_18_fault_tolerance.killed_run import KilledRun

LIVE = pytest.mark.skipif(sys.platform == "win32", reason="ranks need Linux or macOS")


def reports(*lines):
    """Reports from (rank, attempt, time_s, event, values)."""
    return [Report(rank, attempt, at, {"event": e, **v}) for rank, attempt, at, e, v in lines]


def step(attempt, at, number, loss=1.0, rank=0):
    return (rank, attempt, at, "step", {"step": number, "loss": loss})


def saving(attempt, at, number, digest, rank=0):
    values = {"step": number, "name": f"step{number}", "digest": digest}
    return (rank, attempt, at, "saving", values)


def loaded(attempt, at, number, digest, name=None):
    values = {"step": number, "name": name or f"step{number}", "digest": digest}
    return (0, attempt, at, "loaded", values)


KILLED = KilledRun(
    reports(
        *[step(0, number, number) for number in range(1, 6)],  # one a second; 2 was saved
        *[step(1, 5.5 + number, number) for number in range(3, 7)],  # killed at 5.5
    ),
    [5.5],
)


def test_a_recovery_lasts_from_the_kill_to_the_next_step():
    assert KILLED.recoveries_s() == [3.0]


def test_steps_are_lost_back_to_the_checkpoint():
    assert KILLED.lost_steps() == [3]
    assert KILLED.kept_steps() == 6


def test_goodput_is_the_time_of_the_kept_steps_over_all_of_it():
    assert KILLED.goodput(step_s=1.0) == pytest.approx(5 / 10.5)


def test_a_kill_after_which_nothing_came_is_no_recovery():
    run = KilledRun(KILLED.reports, [5.5, 12.0])
    assert run.recoveries_s() == [3.0]
    assert run.lost_steps() == [3, 6]


def test_an_untouched_run_lost_nothing():
    run = KilledRun(reports(step(0, 1, 1), step(0, 2, 2)), [])
    assert (run.recoveries_s(), run.lost_steps(), run.largest_difference()) == ([], [], 0.0)


@pytest.mark.parametrize(
    ("load", "n_torn"),
    [(loaded(1, 3, 10, 77), 0), (loaded(1, 3, 10, 78), 1), (loaded(1, 3, 9, 77, "step10"), 1)],
)
def test_a_load_of_anything_but_what_was_saved_is_torn(load, n_torn):
    assert len(KilledRun(reports(saving(0, 1, 10, 77), load), [2]).torn_loads()) == n_torn


def test_the_checkpoint_that_was_saved_last_under_a_name_counts():
    """A save that was torn is done again, with the same bits or others."""
    run = reports(saving(0, 1, 10, 77), saving(1, 5, 10, 99), loaded(2, 9, 10, 99))
    assert not KilledRun(run, [2, 6]).torn_loads()


def test_another_loss_of_the_same_step_is_seen():
    run = KilledRun(reports(step(0, 1, 1, 2.0), step(1, 3, 1, 2.0002)), [2])
    assert run.largest_difference() == pytest.approx(1e-4)


def test_a_kill_between_saving_and_written_is_in_mid_save():
    written = (0, 1, 6, "written", {"name": "step10"})
    run = KilledRun(reports(saving(0, 1, 10, 1), saving(1, 5, 10, 1), written), [2, 7])
    assert [run.was_killed_in_mid_save(attempt) for attempt in (0, 1)] == [True, False]


@LIVE
@pytest.mark.parametrize("in_background", [False, True])
def test_a_run_recovers_from_a_kill_in_mid_save_and_from_one_of_all_ranks(tmp_path, in_background):
    from lessons.lesson_18_fault_tolerance.training import train

    plan, kills_s = [("saving", 8, [1]), ("step", 14, [0, 1])], []
    args = (tmp_path, 16, 4, solution("18.t1"), in_background)
    with start_ranks(train, 2, args=args, restarts=2, timeout_s=120) as run:
        for report in run.follow():
            now = (report.values["event"], report.values.get("step"))
            if plan and report.rank == 0 and now == plan[0][:2]:
                run.kill(*plan.pop(0)[2])
                kills_s.append(report.time_s)
    killed = KilledRun(run.reports, kills_s)
    assert len(killed.recoveries_s()) == 2
    assert killed.kept_steps() == 16
    assert not killed.torn_loads()
    assert killed.largest_difference() <= 1e-6


@LIVE
def test_checksums_of_bits_name_the_wrong_rank_and_sums_of_floats_do_not():
    from lessons.lesson_18_fault_tolerance.corruption import cross_check

    def run(checksum, wrong_rank):
        with start_ranks(cross_check, 3, args=(checksum, wrong_rank, 4), timeout_s=120) as ranks:
            return ranks.wait().returned[0]

    def of_floats(gradient):
        return int(1e6 * gradient.sum())

    wrong, healthy = run(solution("18.t3"), 1), run(solution("18.t3"), None)
    assert set.intersection(*map(set, wrong["differing"])) == {1}
    assert not healthy["differing"]
    assert not run(of_floats, 1)["differing"]
    assert np.allclose(wrong["losses"], healthy["losses"], rtol=1e-5)


@LIVE
def test_a_survivor_goes_on_without_its_twin_and_the_twin_comes_back():
    pytest.importorskip("torchft")
    from lessons.lesson_18_fault_tolerance.replica_kills import kill_a_replica

    story = kill_a_replica()
    assert story.origin == "measured"
    assert story.lost_steps.value == 0
    assert story.stall.value > 0


def test_without_torchft_the_lesson_shows_a_recorded_kill(monkeypatch):
    from lessons.lesson_18_fault_tolerance import replica_kills

    monkeypatch.setattr(replica_kills.importlib.util, "find_spec", lambda name: None)
    story = replica_kills.kill_a_replica()
    assert story.origin == "recorded"
    assert story.lost_steps.value == 0
    assert [len(lives) for lives in story.lives.values()] == [1, 2]
