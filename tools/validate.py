"""Validate the whole course, stage by stage; `python lab.py test` comes here.

A stage that fails does not stop the next. The exit code is 1 when any failed.
"""

import argparse
import contextlib
import dataclasses
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable
PYTEST = (PYTHON, "-m", "pytest", "-q", "-rfEs")
# Warnings of the Jupyter stack itself fail nothing; those of a lesson are in its stored output.
NBVAL = (
    "-W", "default", "--nbval", "--nbval-current-env", "--nbval-cell-timeout=60",
    f"--nbval-sanitize-with={ROOT / 'tests' / 'sanitize.cfg'}",
)  # fmt: skip
TOGETHER = ("-n", "2", "--dist", "loadfile")  # the cells of a notebook stay in one process
ANSWERS = "tests/test_wrong_answers.py"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
CLOSING_LINE = re.compile(r"^=*\s*((?:\d+ \w+,? ?)+) in [\d.]+s")


def no_chromium():
    if not any(shutil.which(name) for name in CHROMIUM):
        return f"no browser is here; install one of {', '.join(CHROMIUM)}"
    return None


@dataclasses.dataclass(frozen=True)
class Stage:
    """One thing to prove: the commands that prove it, and when they cannot run here."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    missing: Callable[[], str | None] = lambda: None


STAGES = (
    Stage("lint", ((PYTHON, "-m", "ruff", "check", "."),
                   (PYTHON, "-m", "ruff", "format", "--check", "."),
                   (PYTHON, "-m", "mypy"))),
    # Tests that count CPU time want the machine for themselves; the wrong answers do not care.
    Stage("unit", ((*PYTEST, "tests", "--ignore=tests/browser", "--ignore=tests/stacks",
                    f"--ignore={ANSWERS}"),
                   (*PYTEST, "-n", "2", ANSWERS))),
    Stage("build", ((PYTHON, "tools/build.py", "--check"),)),
    # start/ holds no outputs to compare: its cells, turns blank, have to run without an error.
    Stage("notebooks", ((*PYTEST, *TOGETHER, *NBVAL, "notebooks", "exercises", "solutions"),
                        (*PYTEST, *TOGETHER, *(option.replace("--nbval", "--nbval-lax")
                         if option == "--nbval" else option for option in NBVAL), "start"))),
    Stage("browser", ((*PYTEST, "tests/browser"),), no_chromium),
    Stage("compile", ((*PYTEST, "tests/stacks/test_compile.py", "tests/stacks/test_types.py"),)),
    Stage("fidelity", ((*PYTEST, "tests/stacks/test_fidelity.py"),)),
    Stage("clients", ((*PYTEST, "tests/stacks/test_clients.py"),)),
    Stage("colab", ((*PYTEST, "tests/stacks/test_colab.py"),)),
    Stage("binder", ((*PYTEST, "tests/stacks/test_binder.py"),)),
    Stage("gpu", ((*PYTEST, "tests/stacks/test_gpu.py"),)),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Result:
    """How a stage ended, in how long, and what its tests said at the end."""

    name: str
    state: str
    time_s: float = 0.0
    said: str = ""

    def __str__(self):
        return f"  {self.name:10} {self.state:8} {self.time_s:6.1f} s  {self.said}".rstrip()


def run(stage):
    """Run all commands of a stage, or say why not."""
    print(f"\n== {stage.name}", flush=True)
    reason = stage.missing()
    if reason:
        print(f"skipped: {reason}", flush=True)
        return Result(stage.name, "skipped", said=reason)
    start = time.monotonic()
    ended = [shown(command) for command in stage.commands]
    said = " ".join(closing for _, closing in ended if closing)
    state = "passed" if all(code == 0 for code, _ in ended) else "FAILED"
    if state == "passed" and "skipped" in said and "passed" not in said:
        state = "skipped"
    return Result(stage.name, state, time.monotonic() - start, said)


def shown(command):
    """Run a command, its words passing through. Returns its exit code and pytest's closing line."""
    closing = ""
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
    )  # fmt: skip
    with process:
        for line in process.stdout:
            print(line, end="", flush=True)
            match = CLOSING_LINE.match(line)
            closing = match.group(1) if match else closing
    return process.returncode, closing


def main(arguments=None):
    names = [stage.name for stage in STAGES]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="*", metavar="STAGE", help=f"of {', '.join(names)}")
    only = parser.parse_args(arguments).only
    if set(only) - set(names):
        parser.error(f"no such stage: {', '.join(set(only) - set(names))}; use {', '.join(names)}")
    results = [run(stage) for stage in STAGES if not only or stage.name in only]
    print("\n== summary", *results, sep="\n", flush=True)
    return 1 if any(result.state == "FAILED" for result in results) else 0


if __name__ == "__main__":
    with contextlib.suppress(AttributeError):
        sys.stdout.reconfigure(errors="replace")  # a console that cannot show a sign goes on
    sys.exit(main())
