"""Environments of chosen versions: made once, and kept in .cache until a version changes."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NO_INDEX = re.compile(r"Max retries|NewConnectionError|name resolution")


def cached(name, base, requirements, constraints=None):
    """The Python of an environment made by the Python `base`, with the requirements in it."""
    pins = (constraints.read_bytes() if constraints else b"") + repr((base, requirements)).encode()
    venv = ROOT / ".cache" / f"{name}-{hashlib.sha256(pins).hexdigest()[:12]}"
    python = venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (venv / "finished").exists():
        done = run(base, "-m", "venv", "--clear", venv)
        assert done.returncode == 0, done.stdout
        pip_install(python, *(("-c", constraints) if constraints else ()), *requirements)
        (venv / "finished").touch()
    return python


def pip_install(python, *arguments):
    """What pip said. Skips the test where no index answers."""
    done = run(
        python, "-m", "pip", "install", "--disable-pip-version-check", "--no-compile", *arguments
    )
    if done.returncode and NO_INDEX.search(done.stdout):
        pytest.skip("no package index answered, so the pinned versions cannot be installed")
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def run(*command, cwd=ROOT, timeout_s=900, env=None):
    return subprocess.run(
        [str(word) for word in command], cwd=cwd, timeout=timeout_s, env=env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
    )  # fmt: skip
