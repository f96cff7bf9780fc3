"""Progress survives kills, neighbours, damage and a disk that cannot be written."""

import contextlib
import copy
import errno
import io
import json
import os
import random
import re
import subprocess
import sys
import time

import filelock
import pytest
import toy_checks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit.reading import Reading
from labkit.teach import check, predict, progress, registry, store
from labkit.teach.progress import Progress, Row


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


def writer(first, last, before=""):
    command = [sys.executable, "-c", before + WRITER, str(first), str(last)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


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


SOUND = {
    "version": 1,
    "checks": {"90.2": {"passed": "2026-01-01", "last": "again", "last_at": "2026", "tries": 3}},
    "predictions": {
        "90.a": {
            "first": {"value": 3.0, "unit": "B/s", "at": "2026"},
            "last": {"value": 4, "unit": "1", "at": "2026"},
        }
    },
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
    | st.sampled_from([10**400, -1, 1e308, "\ud800", "B/s", "pass", float("nan"), float("inf")]),
    lambda trees: st.lists(trees, max_size=3)
    | st.dictionaries(st.text(max_size=3), trees, max_size=3),
    max_leaves=6,
)  # fmt: skip


def places(tree, path=()):
    """The path of every value in a JSON tree."""
    yield path
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from places(value, (*path, key))


@st.composite
def trees_with_one_change(draw):
    """SOUND with one value replaced or taken away, its key changed, or something added."""
    tree = {"": copy.deepcopy(SOUND)}
    *above, key = ("", *draw(st.sampled_from(list(places(SOUND)))))
    inside = tree
    for step in above:
        inside = inside[step]
    how = draw(st.sampled_from(["replace", "remove", "rename", "add"]))
    if how == "add" and isinstance(inside[key], dict):
        inside[key][draw(st.text(max_size=3))] = draw(JSON)
    elif how == "replace" or not above:
        inside[key] = draw(JSON)
    else:
        value = inside.pop(key)
        if how == "rename":
            inside[draw(st.text(max_size=3))] = value
    return tree[""]


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tree=trees_with_one_change())
def test_whatever_stands_in_the_file_nothing_raises_and_what_is_new_is_kept(path, tree):
    """The file is either used, or set aside byte for byte; a newer labkit's is left alone."""
    written = json.dumps(tree).encode()
    path.parent.mkdir(exist_ok=True)
    for each in path.parent.iterdir():
        each.unlink()
    path.write_bytes(written)
    store._waiting.clear()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        check("90.2", 512)
        predict("90.a", 3).against(Reading("x", 3, "1", "modelled"))
        shown = progress()
        assert repr(shown)
        assert shown._repr_html_()
    said.getvalue().encode()
    assert "itself failed" not in said.getvalue()
    asides = [each.read_bytes() for each in path.parent.glob("*.damaged-*")]
    if path.read_bytes() == written:
        assert tree["version"] > 1
    else:
        data = json.loads(path.read_text(), parse_constant=pytest.fail)
        assert data["checks"]["90.2"]["last"] == "pass"
        assert data["predictions"]["90.a"]["last"]["value"] == 3
        assert asides in ([], [written])
        assert asides or data["checks"]["90.2"]["tries"] > 1 or "90.2" not in tree["checks"]


@pytest.mark.parametrize("value", ["text", 10**400, None, float("nan"), float("inf"), [], {}, True])
@pytest.mark.parametrize("key", ["value", "unit"])
def test_a_guess_that_cannot_be_shown_is_damage(path, key, value):
    path.parent.mkdir()
    tree = copy.deepcopy(SOUND)
    tree["predictions"]["90.a"]["first"][key] = value
    if (key, value) == ("unit", "text"):
        return
    path.write_text(json.dumps(tree))
    assert predict("90.a", 3).first == (3.0, "1")
    assert len(list(path.parent.glob("progress.damaged-*.json"))) == 1


def test_deep_nests_and_lone_surrogates_are_damage(path):
    path.parent.mkdir()
    for extra in ('"\\ud800"', "[" * 500 + "]" * 500, "1e999", "NaN", '{"\\udc00": 1}'):
        path.write_text(json.dumps(SOUND)[:-1] + f', "extra": {extra}}}')
        check("90.2", 512)
        assert checks(path)["90.2"]["tries"] == 1
    assert len(list(path.parent.glob("progress.damaged-*.json"))) == 5


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


@pytest.mark.parametrize("name", ["", ".lock", ".tmp"])
@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_a_folder_or_a_pipe_in_the_way_never_hangs(path, capsys, name, make):
    path.parent.mkdir()
    make(f"{path}{name}")
    check("90.2", 512)
    assert "90.2 pass" in repr(progress())
    notes = capsys.readouterr().out.count("[note] progress: cannot write")
    assert notes == (0 if path.is_file() else 1)


def test_a_device_is_not_replaced(monkeypatch, capsys):
    monkeypatch.setenv("LABKIT_PROGRESS", "/dev/null")
    check("90.2", 512)
    assert not os.path.isfile("/dev/null")
    assert "cannot write /dev/null (it is not a file)" in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="Windows asks the system for the folder")
def test_a_user_without_a_home_folder_is_told_once_and_keeps_all_in_memory(
    monkeypatch, capsys, tmp_path
):
    """As in a container that runs under a number that no user has."""
    import pwd

    def no_entry(*_):
        raise KeyError("uid not found")

    for name in ("LABKIT_PROGRESS", "HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    monkeypatch.chdir(tmp_path)
    check("90.2", 512)
    predict("90.a", 3)
    assert "90.2 pass" in repr(progress())
    said = capsys.readouterr().out
    assert said.count("[note]") == 1
    assert "this user has no home folder" in said
    assert list(tmp_path.iterdir()) == []


NO_FLOCK = """
import errno, fcntl, os
def flock(*_):
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
fcntl.flock = flock
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows locks otherwise")
@pytest.mark.parametrize("error", ["ENOSYS", "ENOLCK", "EOPNOTSUPP"])
def test_where_the_file_system_has_no_locks_progress_is_kept(path, monkeypatch, capsys, error):
    """As on Lustre, mounted without them."""
    import fcntl

    def flock(*_):
        raise OSError(getattr(errno, error), "no locks here")

    monkeypatch.setattr(fcntl, "flock", flock)
    check("90.2", 512)
    check("90.1", ...)
    assert checks(path).keys() == {"90.1", "90.2"}
    assert "[note]" not in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="Windows locks otherwise")
def test_without_locks_two_writers_and_a_kill_lose_nothing(path):
    both = [writer(0, 60, NO_FLOCK), writer(100, 160, NO_FLOCK)]
    for process in both:
        assert process.communicate(timeout=120)[0].count("\n") == 60
    victim = writer(200, 100_000, NO_FLOCK)
    victim.stdout.readline()
    victim.kill()
    victim.communicate()
    soft = path.with_name(f"{path.name}.lock.soft")
    soft.write_text("")  # as a kill between the two steps of a change leaves it
    an_hour_ago = time.time() - 3600
    os.utime(soft, (an_hour_ago, an_hour_ago))
    assert writer(300, 310, NO_FLOCK).communicate(timeout=60)[0].count("\n") == 10
    kept = {f"02.{n}" for n in (*range(60), *range(100, 160), 200, *range(300, 310))}
    assert kept <= checks(path).keys()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_a_terminal_with_few_signs_gets_every_line(monkeypatch, tmp_path, encoding):
    """In a process of its own, whose folder of progress has a name that cannot be shown."""
    code = (
        "import labkit as lk; lk.predict('00.a', 3, 'us'); lk.predict('00.a', ..., 'us')\n"
        "lk.check('ä·µ', 3); lk.check('00.1', ...)\n"
        "print(lk.progress(), lk.machine(), '1 µs × 2 − …')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding=encoding,
        env={**os.environ, "PYTHONIOENCODING": encoding, "LABKIT_PROGRESS": "/proc/ŧµ/p.json"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "[guess] 00.a: 3 " in done.stdout
    assert "[note] progress: cannot write /proc/" in done.stdout


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
    for written in ("90", "1", "2", "3", "4", "a"):  # the lesson's row, and the column of each
        assert picture.svg.count(f">{written}</text>") == 1
    assert board._repr_html_() == picture._repr_html_()


def test_the_same_progress_gives_the_same_picture():
    check("90.2", 512)
    first = progress().picture().svg
    check("90.2", 512)
    assert progress().picture().svg == first


def test_a_name_in_the_file_cannot_break_the_picture():
    predict("<b>.a", 3)
    assert "&lt;b&gt;</text>" in progress().picture().svg


def test_a_whole_course_fits_a_screen():
    """At 900 pixels 780 remain for an output, where text of 13 pixels may shrink to 12."""
    names = [*"12345", "t1", "t2", "t3", "t4", "t5"]
    rows = [
        Row(
            f"{n:02}",
            tuple((f"{n:02}.{name}", "todo") for name in names),
            tuple(f"{n:02}.{name}" for name in "abcdefg"),
        )
        for n in range(24)
    ]
    svg = Progress(tuple(rows)).picture().svg
    width, height = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', svg).groups())
    assert width <= 780 * 13 / 12
    assert height <= 400
    assert svg.count("<path") == 24 * 17
