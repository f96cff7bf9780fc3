"""Ranks that are real: what they return, report and print, and what is said when they fail.

One warm launcher serves all of them: torch is imported once.
"""

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import psutil
import pytest

import labkit as lk
from labkit.cluster import RankError, RankTimeoutError, report
from labkit.cluster.process import launcher
from labkit.cluster.start import how_to_launch

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


def fork_and_live_on():
    dist = joined()
    if os.fork() == 0:
        time.sleep(600)
        os._exit(0)
    if dist.get_rank() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    dist.barrier()


def test_a_child_that_a_rank_forked_hides_no_end_of_its_rank():
    # Rank 0 may tell that its peer is gone before the agent sees how that ended.
    with pytest.raises(RankError, match=r"Rank 1 of 2 (was killed|ended without a word)"):
        lk.run_ranks(fork_and_live_on, 2)


def leave_a_child():
    if os.fork() == 0:
        time.sleep(600)
        os._exit(0)
    return "done"


def test_a_child_that_a_rank_leaves_does_not_keep_the_run_alive():
    assert lk.run_ranks(leave_a_child, 2, timeout_s=30).returned == ["done"] * 2


class OneWay:
    def __reduce__(self):
        return int, ("not a number",)


def give_back(what, value):
    if what == "reported":
        report(value=value)
    return value if what == "returned" else None


@pytest.mark.parametrize("what", ["reported", "returned"])
def test_a_value_that_cannot_be_read_is_said_once_the_ranks_have_ended(what):
    run = lk.start_ranks(make_one_way, 1, args=(what,))
    with pytest.raises(RankError, match=f"What rank 0 {what} cannot be read in the notebook"):
        run.wait()
    assert not run.is_running


def make_one_way(what):
    return give_back(what, OneWay())


@pytest.mark.parametrize("what", ["reported", "returned"])
def test_a_value_that_cannot_leave_its_rank_is_said(what):
    with pytest.raises(RankError, match=f"What the rank {what} doesn't pickle"):
        lk.run_ranks(make_lock, 1, args=(what,))


def make_lock(what):
    return give_back(what, threading.Lock())


def test_a_script_that_is_not_python_is_told_with_its_line(tmp_path):
    script = tmp_path / "wrong.py"
    script.write_text("print(1)\nx = (1,\n")
    with pytest.raises(RankError, match=r"raised SyntaxError: .* \(wrong.py, line 2\)\."):
        lk.run_ranks(script, 1)


def fail_at_length():
    raise ValueError("x" * 1_000_000)


def test_a_long_error_does_not_flood_the_notebook():
    with pytest.raises(RankError, match="raised ValueError: xxx") as told:
        lk.run_ranks(fail_at_length, 1)
    assert len(str(told.value)) < 20_000


def crash():
    import ctypes

    ctypes.string_at(0)


def test_a_crash_is_told_with_its_innermost_lines():
    with pytest.raises(RankError, match=r"SIGSEGV.*\n\n(.*\n)*.*in crash"):
        lk.run_ranks(crash, 1)


def nap_twice():
    dist = joined()
    report(step=0)
    time.sleep(0.5)
    if dist.get_rank() == 0:
        raise ValueError("rank 0 did it")
    dist.barrier()


def test_a_signal_that_ends_nobody_is_not_blamed():
    run = lk.start_ranks(nap_twice, 2)
    next(run.follow())
    run.kill(*run.pids, signal_number=signal.SIGCONT)
    with pytest.raises(RankError, match="Rank 0 of 2 raised ValueError: rank 0 did it"):
        run.wait()
    run.kill(0)  # nothing happens: its number may be another process's by now


@pytest.mark.parametrize(
    ("ranks", "number", "sentence"),
    [((7,), 9, "no rank 7 to kill"), ((), 9, "Say which ranks"), ((0,), 999, "not a signal")],
)
def test_a_kill_of_nobody_is_refused(ranks, number, sentence):
    with lk.start_ranks(train, 1, args=(10_000,)) as run:
        next(run.follow())
        with pytest.raises(ValueError, match=sentence):
            run.kill(*ranks, signal_number=number)


def test_a_launcher_whose_folder_was_deleted_is_replaced():
    lk.run_ranks(exit_with, 1, args=(0,))
    shutil.rmtree(launcher(how_to_launch()).base)
    assert lk.run_ranks(exit_with, 1, args=(0,)).returned == [None]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"n_ranks": 0}, "n_ranks is a number of processes from 1 to 64, got 0"),
        ({"n_ranks": True}, "n_ranks is a number of processes"),
        ({"n_ranks": 2.0}, "n_ranks is a number of processes"),
        ({"timeout_s": float("inf")}, "timeout_s is a number of seconds above 0"),
        ({"timeout_s": 0}, "timeout_s is a number of seconds above 0"),
        ({"restarts": -1}, "restarts is a number from 0 up"),
        ({"timeout_s": True}, "timeout_s is a number of seconds above 0"),
        ({"env": {"A": 1}}, r"env\['A'\] must be a string"),
        ({"env": {1: "A"}}, r"env\[1\] must be a string"),
        ({"env": {"A=B": "C"}}, "not what a variable can hold"),
        ({"env": ["A"]}, "env is a mapping"),
        ({"args": "--steps 3"}, "args is a list or tuple"),
        ({"args": 3}, "args is a list or tuple"),
    ],
)
def test_nonsense_is_refused_before_anything_starts(wrong, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        lk.run_ranks(add_up, **wrong)


def test_a_script_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match=r"no rank script 'nowhere.py'"):
        lk.run_ranks("nowhere.py", 2)


@pytest.mark.parametrize("program", [None, 3, b"job.py"])
def test_what_is_no_program_is_said(program):
    with pytest.raises(TypeError, match="path of a script, or a function"):
        lk.run_ranks(program, 2)


@pytest.mark.parametrize("n_ranks", [0, -2, 2.0, "x"])
def test_nonsense_is_refused_wherever_ranks_are_counted(n_ranks):
    with pytest.raises(ValueError, match="n_ranks is a number of processes"):
        lk.cluster.run_pipelines(["GPipe"], n_ranks)
    with pytest.raises(ValueError, match="n_ranks is a number of processes"):
        lk.cluster.torchrun_command("job.py", n_ranks, hosts=1, rendezvous="10.0.0.1:29500")


@pytest.mark.parametrize("n_bytes", [0, -4, 6, 3, 4.0])
def test_bytes_that_are_no_whole_floats_are_refused(n_bytes):
    with pytest.raises(ValueError, match="a multiple of 4"):
        lk.cluster.time_all_reduces(2, sizes=(n_bytes,))
    with pytest.raises(ValueError, match="a multiple of 4"):
        lk.cluster.watch_links(2, n_bytes)


def test_what_cannot_travel_is_named():
    with pytest.raises(TypeError, match="'add_up' cannot travel"):
        lk.run_ranks(add_up, 2, args=(threading.Lock(),))


def test_windows_is_told_what_to_do_instead(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(RankError, match=r"Ranks need Linux or macOS.*WSL 2"):
        lk.run_ranks(add_up, 2)


def test_the_sentence_for_windows_needs_no_signal_that_windows_lacks():
    """Python there has neither SIGKILL nor SIGUSR2, so importing must not ask for them."""
    code = """
import signal, sys
del signal.SIGKILL, signal.SIGUSR2
import labkit
sys.platform = "win32"
labkit.run_ranks("job.py", 2)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "RankError: Ranks need Linux or macOS" in done.stderr


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
