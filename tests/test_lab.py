"""`lab.py`: one command sets up, opens and validates; bad luck is a sentence and loses nothing."""

import ast
import json
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
import zipfile
from pathlib import Path

import pytest

import lab
from tools import environment
from tools.copies import copy_lessons, read_record
from tools.environment import LabError, drop_half_installed, is_set_up, python_of, set_up

ROOT = Path(lab.__file__).parent


def test_an_old_python_is_told_what_to_do(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 8, 10))
    with pytest.raises(SystemExit, match=r"needs Python 3.11 or newer, and this is Python 3.8. In"):
        runpy.run_path(str(ROOT / "lab.py"))


def test_an_old_python_can_read_the_file():
    ast.parse((ROOT / "lab.py").read_text("utf-8"), feature_version=(3, 7))


def test_only_the_standard_library_is_needed_before_the_set_up():
    for path in (ROOT / "lab.py", ROOT / "tools/copies.py", ROOT / "tools/environment.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in {*sys.stdlib_module_names, "tools"}, path.name


# The environment, with a course that needs one tiny wheel instead of two gigabytes


def tiny_wheel(folder, version):
    path = folder / f"tiny-{version}-py3-none-any.whl"
    info = f"tiny-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny.py", f"VERSION = '{version}'\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course that is set up, offline, with the wheel `tiny` alone."""
    root = tmp_path_factory.mktemp("course")
    (root / "requirements.txt").write_text(str(tiny_wheel(root, "1.0")))
    (root / "requirements-dev.txt").write_text("-r requirements.txt")
    (root / "pyproject.toml").write_text("")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        set_up(root, "requirements.txt")
        yield root


def version_of_tiny(root):
    command = [python_of(root / ".venv"), "-c", "import tiny; print(tiny.VERSION)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def must_not_install(*_):
    raise AssertionError("something was installed")


def test_the_requirements_are_installed(course):
    assert version_of_tiny(course) == "1.0"
    assert "Successfully installed tiny" in (course / ".venv/install.log").read_text("utf-8")


def test_a_second_start_installs_nothing(course, monkeypatch):
    monkeypatch.setattr(environment, "pip_install", must_not_install)
    assert set_up(course, "requirements.txt") == python_of(course / ".venv")


def test_an_interrupted_install_is_noticed_and_finished(course):
    (course / ".venv/requirements.txt.installed").unlink()  # written last
    (info,) = course.glob(".venv/**/tiny-1.0.dist-info")
    (info / "INSTALLER").unlink()  # pip was killed while it installed this
    next(course.glob(".venv/**/tiny.py")).write_text("VERSI")
    assert not is_set_up(course, "requirements.txt")
    set_up(course, "requirements.txt")
    assert version_of_tiny(course) == "1.0"


def test_changed_requirements_are_installed(course):
    (course / "requirements.txt").write_text(str(tiny_wheel(course, "1.1")))
    assert not is_set_up(course, "requirements.txt")
    set_up(course, "requirements.txt")
    assert version_of_tiny(course) == "1.1"


def test_the_developers_set_up_serves_students_too(course, monkeypatch):
    set_up(course, "requirements-dev.txt")
    (course / ".venv/requirements.txt.installed").unlink()
    monkeypatch.setattr(environment, "pip_install", must_not_install)
    set_up(course, "requirements.txt")


def test_no_network_is_a_sentence_and_names_the_log(course, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setattr(environment, "on_cpu_only_linux", lambda: False)
    (course / "requirements.txt").write_text("a-package-that-nobody-wrote-yet")
    with pytest.raises(LabError, match=r"no package index answered. Check the .*install\.log"):
        set_up(course, "requirements.txt")


def test_another_failure_of_pip_is_quoted(course):
    (course / "requirements.txt").write_text("no such requirement")
    with pytest.raises(LabError, match=r"The install stopped: Invalid requirement.*install\.log"):
        set_up(course, "requirements.txt")


def test_a_half_installed_package_is_forgotten(tmp_path):
    whole, half = (tmp_path / "lib/site-packages" / f"{name}.dist-info" for name in "ab")
    for info in (whole, half):
        info.mkdir(parents=True)
    (whole / "INSTALLER").touch()
    drop_half_installed(tmp_path)
    assert whole.exists()
    assert not half.exists()


def test_a_python_without_venv_is_told_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LabError, match="sudo apt install python3-venv"):
        environment.make_venv(tmp_path / ".venv")


@pytest.mark.parametrize(
    ("system", "has_nvidia", "expected"),
    [("Linux", False, True), ("Linux", True, False), ("Darwin", False, False)],
)
def test_the_cpu_build_of_torch_is_for_linux_without_a_gpu(
    system, has_nvidia, expected, monkeypatch
):
    monkeypatch.setattr(environment.platform, "system", lambda: system)
    monkeypatch.setattr(environment.shutil, "which", lambda name: name if has_nvidia else None)
    monkeypatch.setattr(environment.Path, "exists", lambda path: False)
    assert environment.on_cpu_only_linux() is expected


def test_torch_comes_first_and_from_the_cpu_index(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(environment, "make_venv", lambda venv: venv.mkdir())
    monkeypatch.setattr(environment, "on_cpu_only_linux", lambda: True)
    monkeypatch.setattr(environment, "pip_install", lambda venv, words, log: calls.append(words))
    (tmp_path / "requirements.txt").write_text("torch>=2.9")
    set_up(tmp_path, "requirements.txt")
    assert calls[0][:3] == ["--no-deps", environment.TORCH, "--extra-index-url"]
    assert calls[1][-2:] == ["-r", str(tmp_path / "requirements.txt")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Collecting numpy>=2.0 (from -r requirements.txt (line 6))", "collecting numpy>=2.0"),
        ("  Downloading https://host/a/torch-2.whl (9 MB)", "downloading torch-2.whl"),
        ("Installing collected packages: a, b, c", "installing 3 packages"),
        ("Requirement already satisfied: x", None),
    ],
)
def test_the_progress_line_says_what_pip_is_doing(line, words):
    assert environment.doing(line) == words


# The student's copies


def notebook(source, output="2\n"):
    outputs = [{"output_type": "stream", "name": "stdout", "text": [output]}]
    code = {"cell_type": "code", "id": "c000", "metadata": {}, "execution_count": 1}
    text = {
        "cell_type": "markdown",
        "id": "c001",
        "metadata": {},
        "source": [
            "[exercises](../exercises/02_roofline.ipynb), [lesson](../notebooks/02_roofline.ipynb)"
        ],
    }
    cells = [{**code, "source": [source], "outputs": outputs}, text]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})


@pytest.fixture
def lessons(tmp_path):
    for folder in ("notebooks", "exercises"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "02_roofline.ipynb").write_text(notebook("1 + 1"))
    copy_lessons(tmp_path)
    return tmp_path


def course_changes(root):
    (root / "notebooks/02_roofline.ipynb").write_text(notebook("1 + 1 + 1"))


def copies(root):
    return sorted(path.name for path in (root / "work").glob("*.ipynb"))


def test_lessons_and_exercises_are_copied_side_by_side(lessons):
    assert copies(lessons) == ["02_roofline.ipynb", "02_roofline_exercises.ipynb"]


def test_a_copy_holds_no_outputs(lessons):
    (code, _) = json.loads((lessons / "work/02_roofline.ipynb").read_text("utf-8"))["cells"]
    assert (code["outputs"], code["execution_count"]) == ([], None)
    assert code["source"] == ["1 + 1"]


def test_links_lead_from_copy_to_copy(lessons):
    (_, text) = json.loads((lessons / "work/02_roofline.ipynb").read_text("utf-8"))["cells"]
    links = re.findall(r"\((.*?)\)", "".join(text["source"]))
    assert links == ["02_roofline_exercises.ipynb", "02_roofline.ipynb"]


def test_a_second_start_touches_nothing(lessons):
    before = {path: path.stat().st_mtime_ns for path in (lessons / "work").glob("*.ipynb")}
    assert copy_lessons(lessons) == []
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_new_outputs_are_no_new_version(lessons):
    (lessons / "work/02_roofline.ipynb").write_text("mine")
    (lessons / "notebooks/02_roofline.ipynb").write_text(notebook("1 + 1", "2.0\n"))
    assert copy_lessons(lessons) == []
    assert len(copies(lessons)) == 2


def test_an_untouched_copy_follows_the_course(lessons):
    course_changes(lessons)
    assert copy_lessons(lessons) == []
    assert "1 + 1 + 1" in (lessons / "work/02_roofline.ipynb").read_text("utf-8")


def test_a_touched_copy_is_kept_and_the_new_version_put_beside_it(lessons):
    mine = lessons / "work/02_roofline.ipynb"
    mine.write_text("mine")
    course_changes(lessons)
    (notice,) = copy_lessons(lessons)
    assert "work/02_roofline.ipynb" in notice
    assert "work/02_roofline.new.ipynb" in notice
    assert mine.read_text() == "mine"
    assert "1 + 1 + 1" in (lessons / "work/02_roofline.new.ipynb").read_text("utf-8")
    assert copy_lessons(lessons) == []  # said once


def test_a_new_version_that_the_student_touched_is_kept_too(lessons):
    for source in ("2 + 2", "3 + 3"):
        for path in (lessons / "work").glob("02_roofline*.ipynb"):
            path.write_text(f"mine: {path.name}")
        (lessons / "notebooks/02_roofline.ipynb").write_text(notebook(source))
        copy_lessons(lessons)
    assert (lessons / "work/02_roofline.new.ipynb").read_text() == "mine: 02_roofline.new.ipynb"
    assert "3 + 3" in (lessons / "work/02_roofline.new2.ipynb").read_text("utf-8")


def test_a_new_version_that_the_student_removed_stays_away(lessons):
    (lessons / "work/02_roofline.ipynb").write_text("mine")
    course_changes(lessons)
    copy_lessons(lessons)
    (lessons / "work/02_roofline.new.ipynb").unlink()
    assert copy_lessons(lessons) == []
    assert "02_roofline.new.ipynb" not in copies(lessons)


def test_a_new_version_that_took_the_old_name_is_no_news(lessons):
    (lessons / "work/02_roofline.ipynb").write_text("mine")
    course_changes(lessons)
    copy_lessons(lessons)
    (lessons / "work/02_roofline.new.ipynb").replace(lessons / "work/02_roofline.ipynb")
    assert copy_lessons(lessons) == []


def test_a_removed_copy_comes_back(lessons):
    (lessons / "work/02_roofline.ipynb").unlink()
    assert copy_lessons(lessons) == []
    assert "02_roofline.ipynb" in copies(lessons)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"02_roofline": '])
def test_a_damaged_record_costs_the_student_nothing(lessons, damage):
    (lessons / "work/02_roofline.ipynb").write_text("mine")
    (lessons / "work/.copies.json").write_text(damage)
    assert copy_lessons(lessons) == []
    assert (lessons / "work/02_roofline.ipynb").read_text() == "mine"
    assert set(read_record(lessons / "work")) == {"02_roofline", "02_roofline_exercises"}


# The command


def test_a_port_in_use_is_a_sentence_with_the_fix():
    with socket.create_server((lab.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LabError, match=f"Port {port} cannot be used .*--port {port + 1}"):
            lab.free_port(port)


def test_without_a_port_a_free_one_is_found(monkeypatch):
    with socket.create_server((lab.HOST, 0)) as taken:
        monkeypatch.setattr(lab, "FIRST_PORT", taken.getsockname()[1])
        assert lab.free_port() > lab.FIRST_PORT


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_port_is_a_number_in_range(port, capsys):
    with pytest.raises(SystemExit):
        lab.options_of([f"--port={port}"])
    assert f"a port is a number from 1 to 65535, not '{port}'" in capsys.readouterr().err


def test_a_course_that_cannot_be_written_to_is_a_sentence(tmp_path, monkeypatch):
    """A file stands where the folder should be: for root, too, it cannot be made."""
    (tmp_path / "work").write_text("")
    monkeypatch.setattr(lab, "ROOT", tmp_path)
    monkeypatch.setattr(lab, "set_up", lambda root, name: sys.executable)
    assert re.search(r"work: File exists. .*copy it to a place that is yours", lab.main([]))


def test_a_course_without_notebooks_is_a_sentence(tmp_path):
    with pytest.raises(LabError, match="holds no notebooks"):
        lab.first_lesson(tmp_path)


@pytest.fixture
def opened(lessons):
    """The course as a process: JupyterLab on a small lesson 00; yields the process and its URL."""
    for folder in ("notebooks", "exercises"):
        (lessons / folder / "00_start.ipynb").write_text(notebook("1 + 1"))
    code = (
        "import sys, pathlib, lab; lab.ROOT = pathlib.Path(sys.argv[1]);"
        "lab.set_up = lambda root, name: sys.executable; sys.exit(lab.main(['--no-browser']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, lessons], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    killer = threading.Timer(60, process.kill)
    killer.start()
    try:
        yield process, re.search(r"http\S+", process.stdout.readline()).group()
    finally:
        process.terminate()
        process.communicate()
        killer.cancel()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no way to send Ctrl-C to one process")
def test_the_course_opens_with_a_token_and_ctrl_c_ends_it(opened):
    process, url = opened
    base, token = re.fullmatch(
        r"(http://127\.0\.0\.1:\d+)/lab/tree/work/00_start\.ipynb\?token=(\w+)", url
    ).groups()
    with urllib.request.urlopen(f"{base}/api/status?token={token}") as answer:
        assert json.load(answer)["kernels"] == 0
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{base}/api/contents")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(base)
