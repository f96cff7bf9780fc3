"""Progress survives kills, neighbours, damage and a disk that cannot be written."""

import json
import os
import random
import subprocess
import sys
import time

import filelock
import pytest
import toy_checks

from labkit.teach import check, predict, progress, registry, store


@pytest.fixture(autouse=True)
def path(monkeypatch, tmp_path):
    """An own progress file, nothing waiting from an earlier test, and the toy lesson alone."""
    path = tmp_path / "folder" / "progress.json"
    monkeypatch.setenv("LABKIT_PROGRESS", str(path))
    monkeypatch.setattr(store, "_waiting", [])
    monkeypatch.setattr(store, "_noted", set())
    monkeypatch.setattr(registry, "_EXERCISES", {})
    monkeypatch.setattr(registry, "_rooms", dict)
    toy_checks.register()
    return path


def checks(path):
    return json.loads(path.read_text())["checks"]


WRITER = """
import sys
from labkit.teach import store
first, last = map(int, sys.argv[1:])
for n in range(first, last):
    store.keep_verdict(f"02.{n}", "again")
    print(n, flush=True)
"""


def writer(first, last):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(first), str(last)], stdout=subprocess.PIPE, text=True
    )


def test_a_verdict_is_kept(path):
    check("90.2", 512)
    assert checks(path)["90.2"]["last"] == "pass"
    assert json.loads(path.read_text())["version"] == 1


def test_a_pass_is_kept_when_a_later_answer_is_wrong(path):
    check("90.2", 512)
    passed = checks(path)["90.2"]["passed"]
    check("90.2", 3)
    entry = checks(path)["90.2"]
    assert (entry["passed"], entry["last"], entry["tries"]) == (passed, "again", 2)


def test_a_kill_at_any_moment_loses_nothing(path):
    acknowledged, n = [], 0
    for _ in range(6):
        process = writer(n, n + 100_000)
        acknowledged.append(int(process.stdout.readline()))
        time.sleep(random.uniform(0, 0.06))
        process.kill()
        acknowledged += map(int, process.communicate()[0].split())
        n = acknowledged[-1] + 2  # one more may have been written and not yet acknowledged
        assert {f"02.{done}" for done in acknowledged} <= checks(path).keys()
    assert len(acknowledged) > 6


def test_two_writers_at_once_lose_nothing(path):
    both = [writer(0, 100), writer(100, 200)]
    for process in both:
        assert process.communicate(timeout=60)[0].count("\n") == 100
    assert checks(path).keys() == {f"02.{n}" for n in range(200)}


def test_an_update_keeps_what_another_notebook_wrote_meanwhile(path):
    check("90.2", 512)
    data = json.loads(path.read_text())
    data["checks"]["90.1"] = data["checks"]["90.2"]
    path.write_text(json.dumps(data))
    check("90.2", 3)
    assert checks(path).keys() == {"90.1", "90.2"}


def test_what_a_later_labkit_adds_to_the_file_is_kept(path):
    check("90.2", 512)
    data = json.loads(path.read_text())
    data["checks"]["90.2"]["mood"] = data["colour"] = "blue"
    path.write_text(json.dumps(data))
    check("90.2", 3)
    assert json.loads(path.read_text())["colour"] == checks(path)["90.2"]["mood"] == "blue"


@pytest.mark.parametrize("damage", [
    b"", b"{", b"\xff\xfe\x00", b"[]", b"null", b'"text"', b"{}", b'{"version": 1}', b"[" * 100_000,
    b'{"version": "1", "checks": {}, "predictions": {}}',
    b'{"version": 1, "checks": [], "predictions": {}}',
    b'{"version": 1, "checks": {"02.1": 3}, "predictions": {}}',
    b'{"version": 1, "checks": {"02.1": {"last": "pass"}}, "predictions": {}}',
    b'{"version": 1, "checks": {}, "predictions": {"02.a": {"first": 3}}}',
])  # fmt: skip
def test_a_damaged_file_is_set_aside_and_both_paths_are_named(path, capsys, damage):
    path.parent.mkdir()
    path.write_bytes(damage)
    check("90.2", 512)
    [aside] = path.parent.glob("progress.damaged-*.json")
    assert aside.read_bytes() == damage
    assert checks(path).keys() == {"90.2"}
    note, verdict = capsys.readouterr().out.splitlines()[::-1]
    assert note.startswith("[pass]")
    assert verdict == (
        f"[note] progress: {path} was damaged; it is now {aside}, and a new file is begun."
    )


def test_looking_at_progress_sets_a_damaged_file_aside_too(path):
    path.parent.mkdir()
    path.write_text("{")
    progress()
    assert len(list(path.parent.glob("progress.damaged-*.json"))) == 1


def test_a_file_of_a_newer_labkit_is_left_alone(path, capsys):
    path.parent.mkdir()
    newer = '{"version": 2, "pages": []}'
    path.write_text(newer)
    check("90.2", 512)
    assert path.read_text() == newer
    assert "it was written by a newer labkit" in capsys.readouterr().out
    assert "90.2 pass" in repr(progress())


def unwritable(tmp_path):
    (tmp_path / "file").write_text("a file where a folder should be")
    return [tmp_path / "file" / "progress.json", tmp_path, "/proc/progress.json"]


@pytest.mark.parametrize("which", [0, 1, 2], ids=["file for a folder", "folder for a file", "proc"])
def test_what_cannot_be_written_is_said_once_and_kept_in_memory(
    monkeypatch, capsys, tmp_path, which
):
    bad = unwritable(tmp_path)[which]
    monkeypatch.setenv("LABKIT_PROGRESS", str(bad))
    check("90.2", 512)
    check("90.2", 3)
    predict("90.a", 3)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines].count("[note]") == 1
    assert len(lines) == 4
    assert f"cannot write {bad} (" in "".join(lines)
    assert "Set LABKIT_PROGRESS to a file that can be written." in "".join(lines)
    assert "90.2 pass" in repr(progress())
    assert "90.a predicted" in repr(progress())


def test_what_waited_is_written_when_that_works_again(monkeypatch, path, tmp_path):
    monkeypatch.setenv("LABKIT_PROGRESS", str(unwritable(tmp_path)[0]))
    check("90.2", 512)
    monkeypatch.setenv("LABKIT_PROGRESS", str(path))
    check("90.1", ...)
    assert checks(path).keys() == {"90.1", "90.2"}
    check("90.1", ...)
    assert checks(path)["90.2"]["tries"] == 1


@pytest.mark.skipif(os.name == "nt", reason="a limit on file size stands in for a full disk")
def test_a_disk_that_fills_up_leaves_the_old_file_whole(path, capsys):
    import resource

    predict("90.a", 40)
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 8, limits[1]))
    try:
        predict("90.b", 7)
        shown = repr(progress())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert "[note] progress: cannot write" in capsys.readouterr().out
    assert "90.a predicted, 90.b predicted" in shown
    predict("90.c", 7)
    assert json.loads(path.read_text())["predictions"].keys() == {"90.a", "90.b", "90.c"}


def test_a_held_lock_costs_two_seconds_and_loses_nothing(path, capsys):
    check("90.2", 512)
    began_s = time.monotonic()
    with filelock.FileLock(f"{path}.lock"):
        check("90.1", ...)
    assert time.monotonic() - began_s < 10
    assert f"another program holds {path}.lock" in capsys.readouterr().out
    assert repr(progress()).startswith("1 of 4 exercises passed")
    assert checks(path).keys() == {"90.1", "90.2"}


def test_a_symbolic_link_stays_a_link(path, tmp_path):
    target = tmp_path / "elsewhere.json"
    path.parent.mkdir()
    path.symlink_to(target)
    check("90.2", 512)
    assert path.is_symlink()
    assert checks(target).keys() == {"90.2"}


def test_nothing_but_the_file_and_its_lock_is_left(path):
    check("90.2", 512)
    assert {file.name for file in path.parent.iterdir()} <= {"progress.json", "progress.json.lock"}


def test_the_default_file_lies_in_the_users_data_folder(monkeypatch):
    monkeypatch.delenv("LABKIT_PROGRESS")
    assert store._path().parts[-2:] == ("warps-and-watts", "progress.json")


def test_looking_at_progress_writes_nothing(path):
    progress()
    assert not path.parent.exists()


def test_the_board_lists_every_exercise_and_every_prediction():
    check("90.2", 512)
    check("90.1", lambda flop, n_bytes: n_bytes / flop)
    predict("90.a", 3)
    predict("91.a", 4)
    assert repr(progress()).splitlines() == [
        "1 of 4 exercises passed, 2 predictions made",
        "lesson 90: 90.1 again, 90.2 pass, 90.3 todo, 90.4 todo, 90.a predicted",
        "lesson 91: 91.a predicted",
    ]


def test_the_picture_says_the_same_as_the_text():
    check("90.2", 512)
    predict("90.a", 3)
    board = progress()
    picture = board.picture()
    assert picture.alt == board.summary == "1 of 4 exercises passed, 1 prediction made"
    for name in ("90.1", "90.2", "90.3", "90.4", "90.a"):
        assert picture.svg.count(f">{name}</text>") == 1
    assert board._repr_html_() == picture._repr_html_()


def test_the_same_progress_gives_the_same_picture():
    check("90.2", 512)
    first = progress().picture().svg
    check("90.2", 512)
    assert progress().picture().svg == first


def test_a_name_in_the_file_cannot_break_the_picture():
    predict("<b>.a", 3)
    assert "&lt;b&gt;.a" in progress().picture().svg
