"""The environment of the course: `.venv`, filled once and then left alone.

Standard library only: this runs before anything is installed.
"""

import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time

from tools import driver
from tools.lock import held
from tools.packages import PipError, install, run_pip
from tools.variables import clean

TORCH = "torch==2.13.0"
# Its wheels are marked +cpu, which sorts above the plain version: they win wherever it answers.
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
# On Windows the plain index has no torch for a GPU.
TORCH_WINDOWS = {12: ("torch==2.10.0", "https://download.pytorch.org/whl/cu128"),
                 13: ("torch==2.13.0", "https://download.pytorch.org/whl/cu130")}  # fmt: skip
FUTURE = "requirements-future.txt"  # a part of requirements.txt
NO_DEPS = "requirements-no-deps.txt"  # wheels that are wanted without what they ask for
WAITING = "Another start of the course is setting it up. Waiting for it."


class LabError(Exception):
    """A sentence for the person at the keyboard: what is wrong, and what to do."""


def set_up(root, name):
    """Make `.venv` hold what the requirement file `name` asks for, and what a GPU that is here
    adds; returns its Python."""
    gpu = driver.find()
    names = [*gpu.requirements, name]  # in the order in which pip is to choose
    if not is_set_up(root, names):
        with held(root / ".cache" / "set-up.lock", WAITING):
            if not is_set_up(root, names):  # another start may just have done it
                _set_up(root, names, gpu)
    return python_of(root / ".venv")


def _set_up(root, names, gpu):
    start, venv = time.monotonic(), root / ".venv"
    print("Setting up the course in .venv (once; it takes some minutes and about 3 GB).")
    if gpu.why:
        print(gpu.why)
    make_venv(root)
    drop_damaged(venv)
    log, python = venv / "install.log", python_of(venv)
    log.write_text("", encoding="utf-8")
    try:
        if gpu.requirements and list(venv.glob("**/site-packages/torch-*+cpu.dist-info")):
            run_pip(python, ["uninstall", "--yes", "torch"], log, root)  # it would satisfy pip
        if torch := torch_first(root, gpu):
            # The deadline is short because the plain index stands in where this one is silent.
            torch, index = torch
            options = ["--extra-index-url", index, "--retries", "1", "--timeout", "15"]
            install(python, ["--no-deps", torch, *options], log, root)
        files = [word for name in names for word in ("-r", str(root / name))]
        install(python, ["--retries", "2", *files], log, root)
        if (root / NO_DEPS).exists():
            install(python, ["--no-deps", "-r", str(root / NO_DEPS)], log, root)
    except PipError as error:
        raise LabError(str(error)) from None
    record(root, names)
    print(f"Set up in {time.monotonic() - start:.0f} s.")


def torch_first(root, gpu):
    """The torch to install before all else and the index that has it; None for the plain one."""
    if "torch" not in (root / "requirements.txt").read_text("utf-8"):
        return None
    if platform.system() == "Windows":
        return TORCH_WINDOWS.get(gpu.cuda)
    return (TORCH, TORCH_CPU_INDEX) if platform.system() == "Linux" and not gpu.cuda else None


# What is known of an earlier set-up


def is_set_up(root, names):
    """Whether an install of these requirement files was finished, nothing that it depends on has
    changed since, and nothing that was there then is missing now."""
    venv = root / ".venv"
    known = read_record(venv)
    wanted = {name: fingerprint(root, name) for name in names}
    return (
        python_of(venv).exists()
        and wanted.items() <= known["files"].items()
        and set(known["installed"]) <= installed(venv)
    )


def record(root, names):
    """Keep what is set up: the last step, so that a kill before it is noticed."""
    venv = root / ".venv"
    files = {name: fingerprint(root, name) for name in {"requirements.txt", *names}}
    known = {"files": files, "installed": sorted(installed(venv))}
    write(record_path(venv), json.dumps(known, indent=1, sort_keys=True))


def read_record(venv):
    """What `record` kept; a lost or damaged record is an empty one."""
    try:
        known = json.loads(record_path(venv).read_text("utf-8"))
        files, names = known["files"], known["installed"]
        return {"files": dict(files), "installed": [str(name) for name in names]}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {"files": {}, "installed": []}


def record_path(venv):
    return venv / "set-up.json"


def installed(venv):
    """The names of all packages and modules in `.venv`, and of what pip keeps of each."""
    names = {path.name for folder in site_packages(venv) for path in folder.iterdir()}
    return {name for name in names if not name.startswith(("~", "__pycache__"))}


def site_packages(venv):
    """The folder that holds the packages, in a list; an empty one without `.venv`."""
    return [*venv.glob("lib/python3*/site-packages"), *venv.glob("Lib/site-packages")][:1]


def fingerprint(root, name):
    """Changes with the requirements, labkit's own too, the Python of `.venv`, and the folder."""
    digest = hashlib.sha256(str(root).encode())
    files = {"requirements.txt", FUTURE, NO_DEPS, name, "pyproject.toml", ".venv/pyvenv.cfg"}
    for path in sorted(files):
        digest.update((root / path).read_bytes() if (root / path).exists() else b"")
    return digest.hexdigest()


# The environment itself


def python_of(venv):
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make_venv(root):
    """Make `.venv`, or make it again where its Python is gone or was never finished."""
    venv, environment = root / ".venv", clean(root)
    probe = [str(python_of(venv)), "-I", "-m", "pip", "--version"]
    works = python_of(venv).exists() and subprocess.run(probe, capture_output=True, env=environment)
    if works and works.returncode == 0:
        return
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise LabError(
            f"This Python ({sys.executable}) cannot make a virtual environment. On Debian and "
            f"Ubuntu: sudo apt install python3-venv. Then run python lab.py again."
        )
    venv.mkdir(exist_ok=True)
    made = subprocess.run(
        [sys.executable, "-I", "-m", "venv", "--clear", str(venv)], env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if made.returncode:
        raise LabError(f"Python could not make {venv}: {made.stdout.strip()}")


def drop_damaged(venv):
    """Forget packages of which a file is missing, so that pip installs them again."""
    for folder in site_packages(venv):
        for info in folder.glob("*.dist-info"):
            if not is_whole(info):
                shutil.rmtree(str(info))


def is_whole(info):
    """Whether all files of an installed package are there (a killed pip has written no record)."""
    # pip writes INSTALLER after the package's own files.
    if not (info / "INSTALLER").exists() or not (info / "RECORD").exists():
        return False
    lines = (info / "RECORD").read_text("utf-8", errors="replace").splitlines()
    files = [re.match(r'"((?:[^"]|"")*)"|([^,]*)', line) for line in lines]
    names = [(match[1] or match[2] or "").replace('""', '"') for match in files]
    return all(
        (info.parent / name).exists() for name in names if name and not name.endswith(".pyc")
    )


def write(path, text):
    """Write a file whole or not at all: a kill leaves the old one."""
    half = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        half.write_text(text, encoding="utf-8", newline="\n")
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
