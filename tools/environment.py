"""The environment of the course: `.venv`, filled once and then left alone.

Standard library only: this runs before anything is installed.
"""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

TORCH = "torch==2.13.0"
# Its wheels are marked +cpu, which sorts above the plain version: they win wherever it answers.
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
NO_NETWORK = re.compile(
    r"NewConnectionError|Max retries|Connection refused|name resolution|getaddrinfo|ProxyError"
    r"|ConnectTimeout|ReadTimeout|Network is unreachable"
)
NOT_FOUND = re.compile(r"matching distribution|HTTPS?Connection|subprocess|build dependencies")


class LabError(Exception):
    """A sentence for the person at the keyboard: what is wrong, and what to do."""


def set_up(root, name):
    """Make `.venv` hold what the requirement file `name` asks for; returns its Python."""
    venv = root / ".venv"
    if not is_set_up(root, name):
        start = time.monotonic()
        print("Setting up the course in .venv (once; it takes some minutes and about 2 GB).")
        make_venv(venv)
        drop_half_installed(venv)
        log = venv / "install.log"
        log.write_text("", encoding="utf-8")
        if on_cpu_only_linux() and "torch" in (root / "requirements.txt").read_text("utf-8"):
            # The deadline is short because the plain index stands in where this one is silent.
            index = ["--extra-index-url", TORCH_CPU_INDEX, "--retries", "1", "--timeout", "15"]
            pip_install(venv, ["--no-deps", TORCH, *index], log)
        pip_install(venv, ["--retries", "2", "-r", str(root / name)], log)
        for covered in {"requirements.txt", name}:
            write(stamp(venv, covered), fingerprint(root, covered))
        print(f"Set up in {time.monotonic() - start:.0f} s.")
    return python_of(venv)


def is_set_up(root, name):
    """Whether an install of `name` was finished, and nothing that it depends on changed since."""
    venv = root / ".venv"
    known = [stamp(venv, each) for each in {name, "requirements-dev.txt"}]
    return python_of(venv).exists() and any(
        path.exists() and path.read_text("utf-8") == fingerprint(root, path.stem) for path in known
    )


def stamp(venv, name):
    return venv / (name + ".installed")


def fingerprint(root, name):
    """Changes with the requirements, labkit's own too, the Python of `.venv`, and the folder."""
    digest = hashlib.sha256(str(root).encode())
    for path in sorted({"requirements.txt", name, "pyproject.toml", ".venv/pyvenv.cfg"}):
        digest.update((root / path).read_bytes() if (root / path).exists() else b"")
    return digest.hexdigest()


def python_of(venv):
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make_venv(venv):
    """Make `.venv`, or make it again where its Python is gone or was never finished."""
    probe = [str(python_of(venv)), "-m", "pip", "--version"]
    if python_of(venv).exists() and subprocess.run(probe, capture_output=True).returncode == 0:
        return
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise LabError(
            f"This Python ({sys.executable}) cannot make a virtual environment. On Debian and "
            f"Ubuntu: sudo apt install python3-venv. Then run python lab.py again."
        )
    venv.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "venv", "--clear", str(venv)]
    made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if made.returncode:
        raise LabError(f"Python could not make {venv}: {made.stdout.strip()}")


def drop_half_installed(venv):
    """Forget packages whose install was killed half-way, so that pip installs them again."""
    for info in venv.glob("**/site-packages/*.dist-info"):
        if not (info / "INSTALLER").exists():  # pip writes it after the package's own files
            shutil.rmtree(str(info))


def on_cpu_only_linux():
    """Elsewhere the plain wheel of torch is the right one already."""
    has_nvidia = Path("/proc/driver/nvidia").exists() or shutil.which("nvidia-smi")
    return platform.system() == "Linux" and not has_nvidia


def pip_install(venv, arguments, log):
    """Run pip; its words go to the log, and what it is doing to one line of the terminal."""
    command = [str(python_of(venv)), "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
    pip = subprocess.Popen(
        command + arguments,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
    )  # fmt: skip
    said = []
    with pip, log.open("a", encoding="utf-8") as out, ProgressLine() as progress:
        for line in pip.stdout:
            out.write(line)
            said.append(line)
            progress.show(doing(line))
    if pip.returncode:
        raise LabError(why_pip_failed(said, log))


def doing(line):
    """What a line of pip's says that it is doing, in a few words; or None."""
    words = line.split()
    if line.startswith("Installing collected packages"):
        return f"installing {len(words) - 3} packages"
    if words and words[0] in ("Collecting", "Downloading", "Building"):
        return " ".join([words[0].lower(), words[1].rsplit("/", 1)[-1]])
    return None


def why_pip_failed(said, log):
    """A sentence about pip's last error, with what to do."""
    errors = [line[7:].strip() for line in said if line.startswith(("ERROR: ", "error: "))]
    reason = (errors or ["pip ended without a word"])[-1] + ". Mend that"
    if NO_NETWORK.search("".join(said)) and NOT_FOUND.search("".join(errors)):
        reason = "no package index answered. Check the network (or the proxy)"
    return (
        f"The install stopped: {reason}, then run python lab.py again; it goes on where it "
        f"stopped. All that pip said: {log}"
    )


class ProgressLine:
    """One line of the terminal that says what goes on and for how long; silent without one."""

    def __enter__(self):
        self.text, self.done, self.start = "starting pip", threading.Event(), time.monotonic()
        self.thread = threading.Thread(target=self._tick, daemon=True)
        self.thread.start()
        return self

    def show(self, text):
        self.text = text or self.text

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        self._draw("")

    def _tick(self):
        while not self.done.wait(0.5):
            self._draw(f"{time.monotonic() - self.start:4.0f} s  {self.text}")

    def _draw(self, text):
        if sys.stdout.isatty():
            width = shutil.get_terminal_size().columns - 1
            print("\r" + text[:width].ljust(width), end="\r", flush=True)


def write(path, text):
    """Write a file whole or not at all: a kill leaves the old one."""
    half = path.with_name(path.name + ".part")
    half.write_text(text, encoding="utf-8", newline="\n")
    half.replace(path)
