"""Lesson 14's experiments: what they clean up, what they say when they can't, and real kills."""

import errno
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from labkit.reading import Origin
from labkit.teach import run_or_recorded, solution
from lessons.lesson_14_feeding_the_chips import formats, storage

torch = pytest.importorskip("torch")

from lessons.lesson_14_feeding_the_chips import loading, resuming  # noqa: E402 - it needs torch

LIVE = pytest.mark.skipif(sys.platform == "win32", reason="ranks need Linux or macOS")
PATIENCE_S = 60


# Files that are written


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupt_leaves_no_files(tmp_path, error):
    def write():
        with storage.scratch(1000, str(tmp_path)) as folder:
            (folder / "data").write_bytes(b"x")
            raise error

    with pytest.raises(error):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_told_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda _: SimpleNamespace(free=3_000_000))
    with pytest.raises(storage.NoRoomError, match=r"room for 3 MB.*its 34 MB.*set TMPDIR"):
        storage.read_times(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert "set TMPDIR" in storage.read_times_or_recorded().cannot


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "not allowed"), OSError("no")])
def test_a_lesson_without_a_disk_shows_the_recorded_reads(monkeypatch, error):
    def refuse(_folder):
        raise error

    monkeypatch.setattr(storage.shutil, "disk_usage", refuse)
    read = storage.read_times_or_recorded()
    assert read.times.origin is Origin.RECORDED
    assert read.cannot.startswith("Nothing can be written to a temporary folder here: no")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_meanwhile_is_told_as_well(tmp_path, number):
    with pytest.raises(storage.NoRoomError, match="TMPDIR"), storage.scratch(1, str(tmp_path)):
        raise OSError(number, "full")
    assert list(tmp_path.iterdir()) == []


def test_another_error_of_a_disk_is_not_taken_for_a_full_one(tmp_path):
    with pytest.raises(PermissionError), storage.scratch(1, str(tmp_path)):
        raise PermissionError(errno.EACCES, "no")


# Reads


def test_storage_is_read_in_five_ways(tmp_path):
    read = storage.read_times(str(tmp_path), n_rounds=1)
    assert all(seconds > 0 for samples in read.times.samples_s.values() for seconds in samples)
    assert len(read.times.samples_s) == 5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="no file system in memory is known here")
def test_a_file_system_in_memory_is_not_taken_for_a_disk():
    assert storage.read_times("/dev/shm", n_rounds=1).cannot.endswith(".")


def test_a_system_that_cannot_forget_files_says_so(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fadvise", raising=False)
    assert "no call that drops a file" in storage.read_times(str(tmp_path), n_rounds=1).cannot


def test_formats_without_loss_give_the_picture_again_and_jpeg_nearly():
    picture = formats.photo(3)
    for name, (data, decode) in formats.formats(picture).items():
        error = np.abs(decode(data).astype(int) - picture)
        assert error.max() == 0 or (name == "JPEG" and error.mean() < 8), name


def test_a_shard_gives_its_samples_to_the_turn():
    shard, offsets = formats.packed([b"one", b"", b"three"])
    read_sample = solution("14.t1")
    assert [read_sample(shard, offsets, i) for i in range(3)] == [b"one", b"", b"three"]


# Loops


def test_a_watched_run_has_a_span_for_each_load_and_each_step():
    run = loading.watched_run(
        solution("14.t2"), ahead=2, n_loaders=2, n_steps=5, load_s=0.002, step_s=0.001
    )
    spans = [span for some in run.rows().values() for span in some]
    assert sorted(kind for _, _, kind, _ in spans) == ["compute"] * 5 + ["load"] * 5
    assert [number for *_, number in run.rows()["accelerator"]] == list("01234")


_IN_A_PROCESS_OF_ITS_OWN = """
import multiprocessing, sys, time
from lessons.lesson_14_feeding_the_chips import loading
if __name__ == "__main__":
    workers, step_s = int(sys.argv[1]), float(sys.argv[2])
    try:
        held = loading.hold(loading.SleptSamples(64, 0.001), 4, workers, step_s, n_steps=12)
        print(held.planned.load_s, held.planned.step_s, held.utilisation)
    except ValueError as error:
        print(error)
    end_s = time.monotonic() + 60
    while multiprocessing.active_children() and time.monotonic() < end_s:
        time.sleep(0.1)
    print(len(multiprocessing.active_children()), "workers left")
"""


def _held(workers, step_s):
    """What a loop printed: its workers are forked, and this process has threads by now."""
    done = subprocess.run(
        [sys.executable, "-c", _IN_A_PROCESS_OF_ITS_OWN, str(workers), str(step_s)],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_plan_is_made_of_what_the_run_took(workers):
    load_s, step_s, utilisation = map(float, _held(workers, 0.004)[0].split())
    assert load_s >= 0.004  # four samples of 1 ms each
    assert step_s >= 0.004
    assert 0 < utilisation < 1


def test_an_error_in_a_loop_ends_the_workers():
    said, left = _held(2, -1.0)
    assert "sleep length" in said
    assert left == "0 workers left"


# Kills


def test_samples_are_counted():
    epoch = resuming.KilledEpoch(5, [0, 1, 2, 1, 3], first_after=2)
    assert (epoch.twice, epoch.missed) == (1, 1)


@LIVE
def test_without_its_state_a_loader_begins_anew():
    epoch = resuming.kill_in_epoch(remembers=False, n_samples=192, save_every=5, dies_in=6)
    assert (epoch.first_after, epoch.twice) == (6, 80)  # the five steps that were saved


@LIVE
@pytest.mark.parametrize("victim", ["training", "loader"])
def test_with_its_state_no_sample_comes_twice_and_none_is_missed(victim):
    pytest.importorskip("torchdata")
    epoch = resuming.kill_in_epoch(
        remembers=True, n_samples=192, save_every=5, dies_in=6, victim=victim
    )
    assert (epoch.first_after, epoch.twice, epoch.missed) == (6, 0, 0)
    assert epoch.learned != sorted(epoch.learned)  # they were shuffled


def test_without_torchdata_the_lesson_shows_recorded_kills(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torchdata", None)
    kills = run_or_recorded("loader-kills", resuming.rows_of_kills, install="torchdata")
    assert kills.origin is Origin.RECORDED
    assert kills.column("missed") == [0, 0]
    assert "pip install torchdata" in capsys.readouterr().out


_ENDLESS = """
import time
from torch.utils.data import DataLoader
from lessons.lesson_14_feeding_the_chips.loading import SleptSamples
if __name__ == "__main__":
    batches = iter(DataLoader(SleptSamples(10**6, 0.01), batch_size=2, num_workers=2))
    next(batches)
    print(*[worker.pid for worker in batches._workers], flush=True)
    time.sleep(1000)
"""


@LIVE
def test_workers_of_a_killed_notebook_end_as_well():
    """torch's own watch: a worker looks every few seconds whether its parent lives."""
    with subprocess.Popen([sys.executable, "-c", _ENDLESS], stdout=subprocess.PIPE) as process:
        workers = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
        process.send_signal(signal.SIGKILL)
    assert len(workers) == 2
    assert _soon(lambda: not any(map(_is_alive, workers)))


def _soon(condition):
    """Does it become true before our patience ends?"""
    end = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def _is_alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
