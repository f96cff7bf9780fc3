"""Ranks that are real: what they return, report and print, and what is said when they fail.

One warm launcher serves all of them: torch is imported once.
"""

import errno
import os
import socket
import sys
import threading
import time

import psutil
import pytest

import labkit as lk
from labkit.cluster import RankError, RankTimeoutError, report

pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ranks need Linux or macOS")


def joined():
    import torch.distributed as dist

    dist.init_process_group("gloo")
    return dist


def add_up(x):
    import torch

    dist = joined()
    total = torch.tensor([x * dist.get_rank()])
    dist.all_reduce(total)
    report(total=total.item())
    print("added up")
    return total.item()


def test_each_rank_returns_reports_and_prints(capsys):
    run = lk.run_ranks(add_up, 3, args=(10,))
    assert run.returned == [30, 30, 30]
    assert sorted(r.rank for r in run.reports) == [0, 1, 2]
    assert {r.values["total"] for r in run.reports} == {30}
    assert sorted(run.printed) == [(rank, "added up") for rank in range(3)]
    assert "[rank 2] added up" in capsys.readouterr().out


def test_a_script_gets_its_arguments_and_its_folder(tmp_path):
    (tmp_path / "beside.py").write_text("word = 'beside'\n")
    script = tmp_path / "job.py"
    script.write_text("import sys, beside\nprint(beside.word, *sys.argv[1:])\n")
    run = lk.run_ranks(script, 1, args=("--steps", 3), show=False)
    assert run.printed == [(0, "beside --steps 3")]


def raise_in_one(rank):
    dist = joined()
    if dist.get_rank() == rank:
        raise ValueError("this rank is out of luck")
    dist.barrier()


@pytest.mark.parametrize("rank", [0, 1])
def test_the_error_is_the_failing_ranks_own(rank):
    with pytest.raises(
        RankError, match=f"Rank {rank} of 2 raised ValueError: this rank is"
    ) as told:
        lk.run_ranks(raise_in_one, 2, args=(rank,))
    assert told.value.rank == rank
    assert 'raise ValueError("this rank is out of luck")' in told.value.traceback
    assert "labkit/cluster" not in told.value.traceback


def leave(status):
    dist = joined()
    if dist.get_rank() == 1:
        os._exit(status)
    dist.barrier()


@pytest.mark.parametrize("status", [0, 3])
def test_a_rank_that_ends_without_a_word_is_named(status):
    with pytest.raises(RankError, match="Rank 1 of 2 ended without a word"):
        lk.run_ranks(leave, 2, args=(status,))


def hang():
    dist = joined()
    if dist.get_rank() == 0:
        dist.barrier()
    time.sleep(600)


def test_a_hang_ends_in_time_and_says_where_each_rank_was():
    with pytest.raises(
        RankTimeoutError, match=r"rank 0: .*\nrank 1: line \d+ of test_cluster.py, in hang"
    ):
        lk.run_ranks(hang, 2, timeout_s=8)


def print_garbage():
    os.write(1, bytes(range(256)) * 40 + b"\n")
    os.write(1, b'{"reason": null}\n')
    os.write(1, b"no end of line")


def test_garbage_is_printed_as_text_and_harms_nothing():
    run = lk.run_ranks(print_garbage, 1, show=False)
    assert [line for _, line in run.printed][-2:] == ['{"reason": null}', "no end of line"]
    assert all(line.isprintable() or "\t" in line for _, line in run.printed)


def exit_with(code):
    sys.exit(code)


def test_an_exit_with_a_status_is_an_error_and_one_without_is_an_end():
    assert lk.run_ranks(exit_with, 1, args=(0,)).returned == [None]
    with pytest.raises(RankError, match=r"Rank 0 of 1 called sys.exit\(2\)"):
        lk.run_ranks(exit_with, 1, args=(2,))


def train(steps):
    dist = joined()
    for step in range(steps):
        report(step=step, pid=os.getpid())
        dist.barrier()
        time.sleep(0.05)


def kill_at_step_2(run, *ranks):
    for told in run.follow():
        if told.values["step"] == 2:
            run.kill(*ranks)


def test_a_killed_rank_is_an_error_that_names_the_signal():
    run = lk.start_ranks(train, 2, args=(10_000,))
    with pytest.raises(RankError, match="Rank 1 of 2 was killed by SIGKILL"):
        kill_at_step_2(run, 1)


def test_after_a_kill_the_ranks_start_again_when_they_may():
    with lk.start_ranks(train, 2, args=(10_000,), restarts=1, timeout_s=60) as run:
        for told in run.follow():
            if told.attempt == 0 and told.values["step"] == 2 and told.rank == 0:
                run.kill(0, 1)
            if told.attempt == 1 and told.values["step"] == 2:
                break
        pids = list(run.pids.values())
        assert run.attempt == 1
    assert not any(is_alive(pid) for pid in pids)


def is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"n_ranks": 0}, "n_ranks is a number of processes from 1 to 64, got 0"),
        ({"n_ranks": True}, "n_ranks is a number of processes"),
        ({"n_ranks": 2.0}, "n_ranks is a number of processes"),
        ({"timeout_s": float("inf")}, "timeout_s is a number of seconds above 0"),
        ({"timeout_s": 0}, "timeout_s is a number of seconds above 0"),
        ({"restarts": -1}, "restarts is a number from 0 up"),
        ({"env": {"A": 1}}, r"env\['A'\] must be a string"),
    ],
)
def test_nonsense_is_refused_before_anything_starts(wrong, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        lk.run_ranks(add_up, **wrong)


def test_a_script_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match=r"no rank script 'nowhere.py'"):
        lk.run_ranks("nowhere.py", 2)


def test_what_cannot_travel_is_named():
    with pytest.raises(TypeError, match="'add_up' cannot travel"):
        lk.run_ranks(add_up, 2, args=(threading.Lock(),))


def test_windows_is_told_what_to_do_instead(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(RankError, match=r"Ranks need Linux or macOS.*WSL 2"):
        lk.run_ranks(add_up, 2)


def test_a_cell_that_is_interrupted_ends_its_ranks():
    run = lk.start_ranks(train, 2, args=(10_000,))
    reports = run.follow()
    next(reports)
    pids = list(run.pids.values())
    with pytest.raises(KeyboardInterrupt):
        reports.throw(KeyboardInterrupt)
    assert pids
    assert not any(is_alive(pid) for pid in pids)


def test_without_a_free_port_nothing_is_started(monkeypatch):
    class NoPort(socket.socket):
        def bind(self, address):
            raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(socket, "socket", NoPort)
    with pytest.raises(RankError, match=r"No free port is left .*Address already in use"):
        lk.run_ranks(add_up, 2)
