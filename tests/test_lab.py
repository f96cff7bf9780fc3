"""`lab.py`: one command sets up, opens and validates; it ends with all that it started."""

import ast
import contextlib
import json
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

import lab
from tools.copies import FOLDERS
from tools.environment import LabError
from tools.guard import guarded, stop
from tools.lock import held

ROOT = Path(lab.__file__).parent
BEFORE_THE_SET_UP = [ROOT / "lab.py"] + [
    ROOT / "tools" / f"{name}.py"
    for name in ("copies", "driver", "environment", "guard", "lock", "packages", "variables")
]
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no signals for one process")
linux = pytest.mark.skipif(sys.platform != "linux", reason="orphans are inherited on Linux alone")


def test_an_old_python_is_told_what_to_do(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 8, 10))
    with pytest.raises(SystemExit, match=r"needs Python 3.11 or newer, and this is Python 3.8. In"):
        runpy.run_path(str(ROOT / "lab.py"))


def test_an_old_python_can_read_the_file():
    ast.parse((ROOT / "lab.py").read_text("utf-8"), feature_version=(3, 7))


@pytest.mark.parametrize("path", BEFORE_THE_SET_UP, ids=lambda path: path.stem)
def test_only_the_standard_library_is_needed_before_the_set_up(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert name.split(".")[0] in {*sys.stdlib_module_names, "tools"}


def test_every_tool_that_runs_before_the_set_up_is_known():
    found = {path.stem for path in (ROOT / "tools").glob("*.py")
             if "Standard library only" in path.read_text("utf-8")}  # fmt: skip
    assert found == {path.stem for path in BEFORE_THE_SET_UP} - {"lab"}


@pytest.mark.parametrize("options", [["-I"], ["-P"], ["-S"], ["-W", "error"]])
def test_it_starts_however_python_is_started(options, tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/__init__.py").write_text("raise SystemExit('in the way')")
    done = subprocess.run(
        [sys.executable, *options, str(ROOT / "lab.py"), "--help"], cwd=tmp_path, text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "set up what is missing" in done.stdout


# The guard


def wait_until(done, patience_s=60):
    end_s = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < end_s, "it did not come to pass"
        time.sleep(0.05)


def is_running(pid):
    """A process that ended and was not yet collected by its parent does not run."""
    try:
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return False


FAMILY = """
import os, signal, subprocess, sys, time
child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
own = subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
orphan = subprocess.run(["sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $!"], capture_output=True)
print(os.getpid(), own.pid, int(orphan.stdout), flush=True)
time.sleep(600)
"""


@pytest.fixture
def family():
    """A guarded process with a child in a session of its own and an orphan: guard and all pids."""
    guard = guarded([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, text=True)
    pids = [int(word) for word in guard.stdout.readline().split()]
    assert all(map(is_running, pids))
    yield guard, pids
    stop(guard)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@linux
def test_stopping_a_guard_ends_the_whole_family(family):
    guard, pids = family
    stop(guard)
    assert not any(map(is_running, pids))


@linux
def test_a_kill_of_the_guarded_process_ends_the_whole_family(family):
    guard, pids = family
    os.kill(pids[0], signal.SIGKILL)
    assert guard.wait(30) == 128 + signal.SIGKILL
    assert not any(map(is_running, pids))


@linux
def test_a_kill_of_the_guard_ends_the_guarded_process(family):
    guard, pids = family
    guard.kill()
    wait_until(lambda: not is_running(pids[0]))


def test_a_guard_passes_the_exit_code_on():
    guard = guarded([sys.executable, "-c", "raise SystemExit(7)"])
    assert guard.wait(30) == 7
    stop(guard)


@linux
def test_a_lock_dies_with_its_process(tmp_path, capsys):
    code = (
        f"import sys, time; sys.path.insert(0, {str(ROOT)!r}); from pathlib import Path;"
        "from tools.lock import held\n"
        "with held(Path(sys.argv[1]), 'waiting'): print(1, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code, tmp_path / "lock"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        threading.Timer(0.5, holder.kill).start()
        with held(tmp_path / "lock", "waiting for it"):
            assert capsys.readouterr().out == "waiting for it\n"


# The command


def test_a_port_in_use_is_a_sentence_with_the_fix():
    with socket.create_server((lab.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LabError, match=f"Port {port} cannot be used .*--port {port + 1}"):
            lab.refuse_taken(port)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_port_is_a_number_in_range(port, capsys):
    with pytest.raises(SystemExit):
        lab.options_of([f"--port={port}"])
    assert f"a port is a number from 1 to 65535, not '{port}'" in capsys.readouterr().err


def test_a_course_that_cannot_be_written_to_is_a_sentence(tmp_path, monkeypatch):
    """A file stands where the folder should be: for root, too, it cannot be made."""
    write_course(tmp_path)
    (tmp_path / "work").write_text("")
    monkeypatch.setattr(lab, "ROOT", tmp_path)
    monkeypatch.setattr(lab, "set_up", lambda root, name: sys.executable)
    assert re.search(r"work: File exists. .*copy it to a place that is yours", lab.main([]))


def write_course(root):
    cell = {"cell_type": "code", "id": "c", "metadata": {}, "execution_count": None,
            "outputs": [], "source": ["1"]}  # fmt: skip
    text = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]})
    for folder, _ in FOLDERS:
        (root / folder).mkdir()
        (root / folder / "00_start.ipynb").write_text(text)
    return root


OPEN = """
import sys, pathlib
sys.path.insert(0, sys.argv[1])
import lab
lab.ROOT = pathlib.Path(sys.argv[2])
lab.set_up = lambda root, name: sys.executable
sys.exit(lab.main(["--no-browser", *sys.argv[3:]]))
"""


ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+/)lab/tree/(\S+)\?token=(\w+)")


class Opened:
    """The course as a process: JupyterLab on a small lesson 00."""

    def __init__(self, root, *arguments, **variables):
        self.process = subprocess.Popen(
            [sys.executable, "-c", OPEN, ROOT, root, *arguments], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True, cwd=root,
            env={**os.environ, **variables},
        )  # fmt: skip

    def wait(self):
        """Wait until it says its address; keeps that and all that it says before."""
        self.said = ""
        with ended_after(self.process, 90):
            for line in self.process.stdout:
                self.said += line
                if match := re.search(
                    r"(http://127\.0\.0\.1:\d+/)lab/tree/(\S+)\?token=(\w+)", line
                ):
                    self.base, self.page, self.token = match.groups()
                    return self
        raise AssertionError(self.said)

    def api(self, path, data=None):
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.base}api/{path}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def family(self):
        """All processes below this one, by the kernel's own list."""
        found, parents = [], [self.process.pid]
        while parents:
            parent = parents.pop()
            for task in Path(f"/proc/{parent}/task").glob("*/children"):
                parents += map(int, task.read_text().split())
            found.append(parent)
        return found[1:]

    def end(self):
        self.process.terminate()
        with ended_after(self.process, 60):
            self.process.communicate()


@contextlib.contextmanager
def ended_after(process, patience_s):
    killer = threading.Timer(patience_s, process.kill)
    killer.start()
    try:
        yield
    finally:
        killer.cancel()


@pytest.fixture
def course(tmp_path):
    return write_course(tmp_path)


@pytest.fixture
def opened(course):
    opened = Opened(course).wait()
    yield opened
    opened.end()


@posix
def test_the_course_opens_with_a_token_and_ctrl_c_ends_it(opened):
    assert opened.page == "work/00_start.ipynb"
    assert opened.api("status")["kernels"] == 0
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{opened.base}api/contents")
    opened.process.send_signal(signal.SIGINT)
    assert opened.process.wait(30) == 0
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(opened.base)


@posix
def test_three_starts_at_once_say_the_address_of_their_own_server(course):
    starts = [Opened(course) for _ in range(3)]
    try:
        for start in starts:
            start.wait()
        assert len({start.base for start in starts}) == 3
        for start in starts:
            assert start.api("status")["kernels"] == 0  # its token is its own server's
            assert "Traceback" not in start.said
    finally:
        for start in starts:
            start.end()
    assert not list((course / "work").glob(".*.part"))


@posix
def test_another_server_on_the_port_is_not_taken_for_its_own(course):
    with socket.create_server((lab.HOST, 0)) as other:
        port = other.getsockname()[1]
        opened = Opened(course, "--port", str(port)).process
        said, _ = opened.communicate(timeout=60)
        assert opened.returncode == 1
        assert f"Port {port} cannot be used" in said


@linux
@pytest.mark.parametrize("victim", ["lab.py", "server"])
def test_a_kill_leaves_nothing_running(opened, victim):
    kernel = opened.api("kernels", b"{}")["id"]
    wait_until(lambda: opened.api(f"kernels/{kernel}")["execution_state"] != "unknown")
    family = opened.family()
    assert len(family) >= 3  # the guard, the server, a kernel
    server = family[1]
    os.kill(opened.process.pid if victim == "lab.py" else server, signal.SIGKILL)
    wait_until(lambda: not any(map(is_running, family)))
    wait_until(lambda: opened.process.poll() is not None)


@linux
def test_without_a_home_folder_the_course_opens_and_saves(course):
    opened = Opened(course, HOME="/proc/nowhere", XDG_DATA_HOME="/proc/nowhere").wait()
    try:
        page = opened.api(f"contents/{opened.page}")
        request = urllib.request.Request(
            f"{opened.base}api/contents/{opened.page}", json.dumps(page).encode(),
            {"Authorization": f"token {opened.token}"}, method="PUT",
        )  # fmt: skip
        assert urllib.request.urlopen(request, timeout=30).status == 200
        assert "Traceback" not in opened.said
    finally:
        opened.end()
    assert (course / "work/.home").is_dir()
