"""`.venv`: set up once, from where the packages are, whatever else is set on this machine."""

import os
import shutil
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import pytest

from tools import driver, environment, packages
from tools.driver import Gpu
from tools.environment import LabError, drop_damaged, is_set_up, python_of, set_up

ROOT = Path(environment.__file__).parents[1]


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    """As if no NVIDIA driver were here; a test that wants one says so."""
    monkeypatch.setattr(driver, "find", Gpu)


def tiny_wheel(folder, version):
    path = folder / f"tiny-{version}-py3-none-any.whl"
    info = f"tiny-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny.py", f"VERSION = '{version}'\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def write_course(root):
    root.mkdir(exist_ok=True)
    (root / "requirements.txt").write_text(str(tiny_wheel(root, "1.0")))
    (root / "requirements-dev.txt").write_text("-r requirements.txt")
    (root / "pyproject.toml").write_text("")
    return root


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course that is set up, offline, with the wheel `tiny` alone."""
    root = write_course(tmp_path_factory.mktemp("course"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setattr(driver, "find", Gpu)
        set_up(root, "requirements.txt")
        yield root


@pytest.fixture
def whole(course, monkeypatch):
    """The course, set up with tiny 1.1 whatever the tests before it did."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (course / "requirements.txt").write_text(str(tiny_wheel(course, "1.1")))
    set_up(course, "requirements.txt")
    return course


def version_of_tiny(root):
    command = [python_of(root / ".venv"), "-c", "import tiny; print(tiny.VERSION)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def wheel_that_asks_for_more(folder):
    """A wheel with one file, which asks for a package that there is not."""
    asking = folder / "asking-2.0-py3-none-any.whl"
    with zipfile.ZipFile(asking, "w") as wheel:
        wheel.writestr("asking.py", "")
        info = "asking-2.0.dist-info"
        metadata = "Metadata-Version: 2.1\nName: asking\nVersion: 2.0\nRequires-Dist: nobody-has-it"
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return asking


def must_not_install(*_):
    raise AssertionError("something was installed")


def test_the_requirements_are_installed(course):
    assert version_of_tiny(course) == "1.0"
    assert "Successfully installed tiny" in (course / ".venv/install.log").read_text("utf-8")


def test_a_second_start_installs_nothing(course, monkeypatch):
    monkeypatch.setattr(environment, "install", must_not_install)
    assert set_up(course, "requirements.txt") == python_of(course / ".venv")


def test_an_interrupted_install_is_noticed_and_finished(course):
    (course / ".venv/set-up.json").unlink()  # written last
    (info,) = course.glob(".venv/**/tiny-1.0.dist-info")
    (info / "INSTALLER").unlink()  # pip was killed while it installed this
    next(course.glob(".venv/**/tiny.py")).write_text("VERSI")
    assert not is_set_up(course, ["requirements.txt"])
    set_up(course, "requirements.txt")
    assert version_of_tiny(course) == "1.0"


def test_changed_requirements_are_installed(course):
    (course / "requirements.txt").write_text(str(tiny_wheel(course, "1.1")))
    assert not is_set_up(course, ["requirements.txt"])
    set_up(course, "requirements.txt")
    assert version_of_tiny(course) == "1.1"


def test_a_changed_part_of_the_requirements_is_installed(whole):
    (whole / environment.FUTURE).write_text("# nothing yet")
    assert not is_set_up(whole, ["requirements.txt"])
    (whole / environment.FUTURE).unlink()
    assert is_set_up(whole, ["requirements.txt"])


def test_the_requirements_take_in_their_part():
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert f"-r {environment.FUTURE}" in lines


def test_the_developers_set_up_serves_students_too(course, monkeypatch):
    set_up(course, "requirements-dev.txt")
    monkeypatch.setattr(environment, "install", must_not_install)
    set_up(course, "requirements.txt")


def test_a_wheel_may_come_without_what_it_asks_for(whole):
    (whole / environment.NO_DEPS).write_text(str(wheel_that_asks_for_more(whole)))
    assert not is_set_up(whole, ["requirements.txt"])
    set_up(whole, "requirements.txt")
    (whole / environment.NO_DEPS).unlink()
    assert list(whole.glob(".venv/**/asking.py"))


def test_no_network_is_a_sentence_and_names_the_log(course, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    (course / "requirements.txt").write_text("a-package-that-nobody-wrote-yet")
    with pytest.raises(LabError, match=r"no package index answered. Check the .*install\.log"):
        set_up(course, "requirements.txt")


def test_another_failure_of_pip_is_quoted(course):
    (course / "requirements.txt").write_text("no such requirement")
    with pytest.raises(LabError, match=r"The install stopped: Invalid requirement.*install\.log"):
        set_up(course, "requirements.txt")


@pytest.mark.parametrize("name", ["tiny.py", "tiny-1.1.dist-info", "tiny-1.1.dist-info/RECORD"])
def test_a_package_that_is_missing_is_noticed_and_installed(whole, name):
    (path,) = whole.glob(f".venv/lib/*/site-packages/{name}")
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert is_set_up(whole, ["requirements.txt"]) is (name.endswith("RECORD"))
    set_up(whole, "requirements.txt")
    assert version_of_tiny(whole) == "1.1"


def test_a_package_that_the_student_adds_stays(whole, monkeypatch):
    (folder,) = whole.glob(".venv/lib/*/site-packages")
    (folder / "mine.py").touch()
    monkeypatch.setattr(environment, "install", must_not_install)
    set_up(whole, "requirements.txt")
    assert (folder / "mine.py").exists()


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"files": 3}',
                                    b'{"files": {}, "installed": 3}'])  # fmt: skip
def test_a_damaged_record_of_the_set_up_is_made_again(whole, damage):
    (whole / ".venv/set-up.json").write_bytes(damage)
    assert not is_set_up(whole, ["requirements.txt"])
    set_up(whole, "requirements.txt")
    assert is_set_up(whole, ["requirements.txt"])


HOSTILE = {
    "PIP_USER": "1", "PIP_PREFIX": "{tmp}/prefix", "PIP_ROOT": "{tmp}/root",
    "PIP_TARGET": "{tmp}/target", "PIP_REQUIRE_VIRTUALENV": "1", "PIP_DRY_RUN": "1",
    "PIP_NO_DEPS": "1", "PIP_QUIET": "3", "PIP_REPORT": "{tmp}/report", "PIP_PYTHON": "/bin/false",
    "PIP_CONSTRAINT": "{tmp}/nowhere.txt", "PIP_REQUIRE_HASHES": "1", "PIP_TIMEOUT": "soon",
    "PIP_LOG": "/dev/full", "PIP_ONLY_BINARY": "no such", "PIP_CONFIG_FILE": "{tmp}/pip.conf",
    "PYTHONHOME": "{tmp}", "PYTHONPATH": "{tmp}/path", "PYTHONSAFEPATH": "1",
    "PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2", "PYTHONUSERBASE": "{tmp}",
}  # fmt: skip


@pytest.mark.parametrize("name", ["PIP_USER", "PIP_TARGET", "PIP_CONFIG_FILE", "PYTHONHOME", None])
def test_what_is_set_for_other_programs_does_not_matter(whole, name, tmp_path, monkeypatch):
    """Each alone, then all at once, with a pip.conf and a module that stands in the way."""
    (tmp_path / "pip.conf").write_text("[install]\nuser = true\n[global]\ntarget = /nowhere\n")
    (tmp_path / "path").mkdir()
    for module in ("sitecustomize", "pip", "json"):
        (tmp_path / "path" / f"{module}.py").write_text("raise SystemExit('stood in the way')")
    for each in HOSTILE if name is None else [name]:
        monkeypatch.setenv(each, HOSTILE[each].format(tmp=tmp_path))
    next(whole.glob(".venv/lib/*/site-packages/tiny.py")).unlink()
    set_up(whole, "requirements.txt")
    monkeypatch.undo()
    assert version_of_tiny(whole) == "1.1"


def test_a_pip_conf_that_cannot_be_read_does_not_matter(whole, tmp_path, monkeypatch):
    (tmp_path / "pip.conf").write_text("[install\nuser = ")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    next(whole.glob(".venv/lib/*/site-packages/tiny.py")).unlink()
    set_up(whole, "requirements.txt")
    assert version_of_tiny(whole) == "1.1"


def test_the_way_to_the_packages_is_kept(whole, tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://firm/simple\nextra-index-url =\n  https://a\n  https://b\n"
        "[install]\ntrusted-host = firm\nuser = true\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_INDEX_URL", "https://mine/simple")
    kept = packages.settings(python_of(whole / ".venv"), whole)
    found = {name: text for name, text in kept.items() if name.startswith("PIP_")}
    found.pop("PIP_CERT", None)  # a file of this machine's
    assert found == {
        "PIP_INDEX_URL": "https://mine/simple", "PIP_EXTRA_INDEX_URL": "https://a https://b",
        "PIP_TRUSTED_HOST": "firm", "PIP_CONFIG_FILE": os.devnull,
    }  # fmt: skip


LAB = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tools import driver, environment
driver.find = driver.Gpu
print(environment.set_up(Path(sys.argv[1]), "requirements.txt"))
"""


def start_set_up(root, *options, **variables):
    code = LAB.format(root=str(ROOT))
    return subprocess.Popen(
        [sys.executable, *options, "-c", code, root], stdout=subprocess.PIPE, text=True,
        stderr=subprocess.STDOUT, env={**os.environ, "PIP_NO_INDEX": "1", **variables},
    )  # fmt: skip


def test_three_set_ups_at_once_are_one(tmp_path):
    root = write_course(tmp_path / "course")
    said = [process.communicate(timeout=120)[0] for process in
            [start_set_up(root) for _ in range(3)]]  # fmt: skip
    assert [text.splitlines()[-1] for text in said] == 3 * [str(python_of(root / ".venv"))]
    assert sum("Set up in" in text for text in said) == 1
    assert sum(environment.WAITING in text for text in said) == 2
    assert version_of_tiny(root) == "1.0"


def test_a_killed_set_up_leaves_no_pip_and_no_lock(tmp_path):
    root = write_course(tmp_path / "course")
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "pyproject.toml").write_text("[build-system]\nrequires = []\nbuild-backend = 'slow'\n"
                                         "backend-path = ['.']\n")  # fmt: skip
    (slow / "slow.py").write_text(
        textwrap.dedent(f"""
        import os, pathlib, time
        pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(os.getpid()))
        time.sleep(600)
    """)
    )
    (root / "requirements.txt").write_text(str(slow))
    process = start_set_up(root)
    wait_until((tmp_path / "pid").exists)
    wait_until((tmp_path / "pid").read_text)
    process.kill()
    process.communicate()
    wait_until(lambda: not is_running(int((tmp_path / "pid").read_text())))
    write_course(root)
    assert "Set up in" in start_set_up(root).communicate(timeout=120)[0]


def wait_until(done, patience_s=60):
    end_s = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < end_s, "it did not come to pass"
        time.sleep(0.05)


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null", None])
def test_a_home_that_cannot_be_written_has_a_stand_in(tmp_path, monkeypatch, home):
    monkeypatch.delenv("HOME")
    if home is None:
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # no passwd entry
    else:
        monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("XDG_DATA_HOME", "/proc/nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not yet there"))
    found = environment.clean(tmp_path)
    assert found["HOME"] == str(tmp_path / "work/.home")
    assert Path(found["HOME"]).is_dir()
    assert "XDG_DATA_HOME" not in found
    assert found["XDG_CACHE_HOME"] == str(tmp_path / "not yet there")


def test_a_home_that_can_be_written_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert environment.clean(tmp_path / "course")["HOME"] == str(tmp_path / "home")
    assert not (tmp_path / "course").exists()


def test_a_half_installed_package_is_forgotten(tmp_path):
    site = tmp_path / "lib/python3.11/site-packages"
    for name in ("whole", "half", "holed"):
        info = site / f"{name}.dist-info"
        info.mkdir(parents=True)
        (info / "RECORD").write_text(f'{name}.py,,\n"{name},2.py",,\n{name}.pyc,,\n')
        (info / "INSTALLER").touch()
        (site / f"{name}.py").touch()
        (site / f"{name},2.py").touch()
    (site / "half.dist-info/INSTALLER").unlink()
    (site / "holed,2.py").unlink()
    drop_damaged(tmp_path)
    assert [path.name for path in site.glob("*.dist-info")] == ["whole.dist-info"]


def test_a_python_without_venv_is_told_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LabError, match="sudo apt install python3-venv"):
        environment.make_venv(tmp_path)


CPU = (environment.TORCH, environment.TORCH_CPU_INDEX)


@pytest.mark.parametrize(("system", "cuda", "expected"), [
    ("Linux", None, CPU), ("Linux", 12, None), ("Linux", 13, None), ("Darwin", None, None),
    ("Windows", None, None), ("Windows", 12, environment.TORCH_WINDOWS[12]),
])  # fmt: skip
def test_which_torch_comes_first_and_from_where(tmp_path, system, cuda, expected, monkeypatch):
    (tmp_path / "requirements.txt").write_text("torch>=2.9")
    monkeypatch.setattr(environment.platform, "system", lambda: system)
    assert environment.torch_first(tmp_path, Gpu(cuda)) == expected


def recorded_pip(monkeypatch, gpu):
    """What pip is asked for in a set-up of the requirement file with torch."""
    calls = []
    monkeypatch.setattr(driver, "find", lambda: gpu)
    monkeypatch.setattr(environment, "make_venv", lambda root: (root / ".venv").mkdir())
    monkeypatch.setattr(environment.platform, "system", lambda: "Linux")
    monkeypatch.setattr(environment, "install", lambda python, words, *_: calls.append(words))
    return calls


def test_without_a_gpu_torch_comes_first_and_from_the_cpu_index(tmp_path, monkeypatch):
    calls = recorded_pip(monkeypatch, Gpu())
    (tmp_path / "requirements.txt").write_text("torch>=2.9")
    set_up(tmp_path, "requirements.txt")
    assert calls[0][:3] == ["--no-deps", environment.TORCH, "--extra-index-url"]
    assert calls[1][-2:] == ["-r", str(tmp_path / "requirements.txt")]


def test_with_a_gpu_its_requirements_are_asked_for_with_the_others(tmp_path, monkeypatch, capsys):
    calls = recorded_pip(monkeypatch, Gpu(13, "Found it."))
    (tmp_path / "requirements.txt").write_text("torch>=2.9")
    set_up(tmp_path, "requirements.txt")
    files = [str(tmp_path / name) for name in ("requirements-gpu-cu13.txt", "requirements.txt")]
    assert calls == [["--retries", "2", "-r", files[0], "-r", files[1]]]
    assert "Found it." in capsys.readouterr().out


def test_a_gpu_that_comes_later_is_noticed(whole):
    assert is_set_up(whole, ["requirements.txt"])
    assert not is_set_up(whole, ["requirements.txt", "requirements-gpu-cu12.txt"])


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
    assert packages.doing(line) == words
