"""pip in the course's `.venv`: told nothing but where packages come from.

Standard library only.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import threading
import time

from tools.guard import guarded, stop
from tools.variables import clean, says_where

NO_NETWORK = re.compile(
    r"NewConnectionError|Max retries|Connection refused|name resolution|getaddrinfo|ProxyError"
    r"|ConnectTimeout|ReadTimeout|Network is unreachable"
)
NOT_FOUND = re.compile(r"matching distribution|HTTPS?Connection|subprocess|build dependencies")


class PipError(Exception):
    """A sentence that says why an install stopped, and what to do."""


def install(python, arguments, log, root):
    """Run `pip install`. Raises PipError.

    Most modules are never imported, so Python compiles those that are when they are: compiling
    all of them took pip a third of its time.
    """
    run_pip(python, ["install", "--progress-bar", "off", "--no-compile", *arguments], log, root)


def run_pip(python, arguments, log, root):
    """Run pip; its words go to the log, and what it is doing to one line of the terminal.

    Raises PipError.
    """
    command = [python, "-I", "-m", "pip", "--no-input", *arguments]
    pip = guarded(
        command, env=settings(python, root), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", errors="replace",
    )  # fmt: skip
    said = []
    try:
        with log.open("a", encoding="utf-8") as out, ProgressLine() as progress:
            for line in pip.stdout:
                out.write(line)
                said.append(line)
                progress.show(doing(line))
        pip.wait()
    finally:
        stop(pip)
    if pip.returncode:
        raise PipError(why_it_failed(said, log))


def settings(python, root):
    """The environment for pip: of the person's settings, those that say where packages are.

    They are read by pip itself, from its files and from the environment, which wins.
    """
    environment = clean(root)
    files = {name: os.environ[name] for name in ("PIP_CONFIG_FILE",) if name in os.environ}
    asked = subprocess.run(
        [str(python), "-I", "-m", "pip", "config", "list"], env={**environment, **files},
        capture_output=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    kept = re.findall(r"^(?:global|install)\.([\w-]+)=(.+)$", asked.stdout, re.M)
    for option, text in kept:
        name = "PIP_" + option.upper().replace("-", "_")
        text = " ".join(ast.literal_eval(text).split())
        if says_where(name, text):
            environment.setdefault(name, text)
    environment["PIP_CONFIG_FILE"] = os.devnull  # pip then reads no file at all
    return environment


def doing(line):
    """What a line of pip's says that it is doing, in a few words; or None."""
    words = line.split()
    if line.startswith("Installing collected packages"):
        return f"installing {len(words) - 3} packages"
    if len(words) > 1 and words[0] in ("Collecting", "Downloading", "Building"):
        return " ".join([words[0].lower(), words[1].rsplit("/", 1)[-1]])
    return None


def why_it_failed(said, log):
    """A sentence about pip's last error, with what to do."""
    errors = [line[7:].strip() for line in said if line.startswith(("ERROR: ", "error: "))]
    reason = (errors or ["pip ended without a word"])[-1].rstrip(".") + ". Mend that"
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
