"""Validate the whole course in stages; `python lab.py test` comes here.

Three stages run side by side where there are two cores: browsers, ranks and servers often wait, and
a third stage uses that time. What a stage printed appears when it has ended. A stage that fails
does not stop the others. The exit code is 1 when any failed.
"""

import argparse
import contextlib
import dataclasses
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable
PYTEST = (PYTHON, "-m", "pytest", "-q", "-rfEs")
# Warnings of the Jupyter stack itself fail nothing; those of a lesson are in its stored output.
NBVAL = (
    "-W", "default", "--nbval", "--nbval-current-env", "--nbval-cell-timeout=180",
    f"--nbval-sanitize-with={ROOT / 'tests' / 'sanitize.cfg'}",
)  # fmt: skip
SIDE_BY_SIDE = 3 if (os.cpu_count() or 1) > 1 else 1  # stages at a time
NBVAL_LAX = tuple("--nbval-lax" if option == "--nbval" else option for option in NBVAL)
# On Linux the stage binder runs the solved lessons, where one core and 2 GiB are all they have.
NOTEBOOKS = ("exercises", "solutions", *(() if sys.platform == "linux" else ("notebooks",)))
ANSWERS = "tests/test_wrong_answers.py"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
CLOSING_LINE = re.compile(r"^=*\s*((?:\d+ \w+,? ?)+) in [\d.]+s", re.MULTILINE)


def no_chromium():
    if not any(shutil.which(name) for name in CHROMIUM):
        return f"no browser is here; install one of {', '.join(CHROMIUM)}"
    return None


def opened_in_a_browser():
    """Why the blank lessons need no run of their own, if so."""
    return None if no_chromium() else "the stage browser runs every lesson that students open"


@dataclasses.dataclass(frozen=True)
class Stage:
    """One thing to prove: the commands that prove it, and when they cannot run here."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    missing: Callable[[], str | None] = lambda: None


# A long stage stands before short ones, so that all lanes end at about the same time.
STAGES = (
    Stage("lint", ((PYTHON, "-m", "ruff", "check", "."),
                   (PYTHON, "-m", "ruff", "format", "--check", "."),
                   (PYTHON, "tools/prose.py"),
                   (PYTHON, "-m", "mypy"))),
    Stage("build", ((PYTHON, "tools/build.py", "--check"),)),
    Stage("unit", ((*PYTEST, "tests", "--ignore=tests/browser", "--ignore=tests/stacks",
                    f"--ignore={ANSWERS}"),)),
    Stage("browser", ((*PYTEST, "tests/browser"),), no_chromium),
    Stage("colab", ((*PYTEST, "tests/stacks/test_colab.py"),)),
    Stage("answers", ((*PYTEST, ANSWERS),)),
    Stage("notebooks", ((*PYTEST, *NBVAL, *NOTEBOOKS),)),
    # start/ holds no outputs to compare: its cells, turns blank, have to run without an error.
    Stage("start", ((*PYTEST, *NBVAL_LAX, "start"),), opened_in_a_browser),
    Stage("compile", ((*PYTEST, "tests/stacks/test_compile.py", "tests/stacks/test_types.py",
                       "tests/stacks/test_triton.py"),)),
    Stage("binder", ((*PYTEST, "tests/stacks/test_binder.py"),)),
    Stage("clients", ((*PYTEST, "tests/stacks/test_clients.py"),)),
    Stage("fidelity", ((*PYTEST, "tests/stacks/test_fidelity.py"),)),
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
    """Run all commands of a stage, or say why not. Returns its Result and all that it printed."""
    reason = stage.missing()
    if reason:
        return Result(stage.name, "skipped", said=reason), f"skipped: {reason}\n"
    start = time.monotonic()
    ended = [finished(command) for command in stage.commands]
    printed = "".join(done.stdout for done in ended)
    said = " ".join(CLOSING_LINE.findall(printed))
    state = "FAILED" if any(done.returncode for done in ended) else "passed"
    if state == "passed" and "skipped" in said and "passed" not in said:
        state = "skipped"
    return Result(stage.name, state, time.monotonic() - start, said), printed


def finished(command):
    return subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
    )  # fmt: skip


def run_side_by_side(stages):
    """Run the stages, each printed when it has ended. Returns their Results in the given order."""
    results = {}
    with ThreadPoolExecutor(SIDE_BY_SIDE) as lanes:
        try:
            for future in as_completed([lanes.submit(run, stage) for stage in stages]):
                result, printed = future.result()
                results[result.name] = result
                left = [stage.name for stage in stages if stage.name not in results]
                print(f"\n== {result.name}\n{printed}{result}", flush=True)
                print(f"  to do or under way: {', '.join(left) or 'nothing'}", flush=True)
        except BaseException:
            lanes.shutdown(cancel_futures=True)
            raise
    return [results[stage.name] for stage in stages]


def main(arguments=None):
    names = [stage.name for stage in STAGES]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="*", metavar="STAGE", help=f"of {', '.join(names)}")
    only = parser.parse_args(arguments).only
    if set(only) - set(names):
        parser.error(f"no such stage: {', '.join(set(only) - set(names))}; use {', '.join(names)}")
    results = run_side_by_side([stage for stage in STAGES if not only or stage.name in only])
    print("\n== summary", *results, sep="\n", flush=True)
    return 1 if any(result.state == "FAILED" for result in results) else 0


if __name__ == "__main__":
    with contextlib.suppress(AttributeError):
        sys.stdout.reconfigure(errors="replace")  # a console that cannot show a sign goes on
    sys.exit(main())
