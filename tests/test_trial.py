"""An answer that hangs, hides or breaks things leaves nothing that a student would notice."""

import contextlib
import io
import os
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from pathlib import Path

import pytest
import toy_checks

from labkit.teach import check, registry, trial
from labkit.teach.trial import outcome, quiet

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def toys(monkeypatch, tmp_path):
    monkeypatch.setenv("LABKIT_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setattr(registry, "_EXERCISES", {})
    monkeypatch.setattr(registry, "_rooms", dict)
    monkeypatch.setattr(trial, "_left", [])
    toy_checks.register()


def run(fn, max_time_s=0.1):
    """Run `fn` as a check does; returns what it raised, or the TimeoutError."""
    with quiet():
        try:
            return outcome(fn, max_time_s)
        except TimeoutError as error:
            return error


def asleep_inside(hidden):
    """An answer that no exception reaches before it wakes up, and then inside `hidden`."""

    def answer():
        with hidden():
            time.sleep(1.0)

    return answer


def workers():
    return [thread for thread in threading.enumerate() if thread.name == "check"]


@pytest.mark.parametrize("hidden", [
    lambda: contextlib.redirect_stdout(io.StringIO()),
    lambda: contextlib.redirect_stderr(io.StringIO()),
    warnings.catch_warnings,
])  # fmt: skip
def test_what_a_trial_puts_back_late_hides_nothing(hidden, capsys):
    assert isinstance(run(asleep_inside(hidden)), TimeoutError)
    for thread in workers():
        thread.join(5)  # now it has put back what it had found
    print("out")
    print("err", file=sys.stderr)
    assert capsys.readouterr() == ("out\n", "err\n")
    check("90.2", 512)
    assert capsys.readouterr().out.startswith("[pass]")
    with pytest.warns(UserWarning, match="seen"):
        warnings.warn("seen", stacklevel=1)


def test_what_a_trial_prints_late_is_not_shown(capsys):
    def answer():
        time.sleep(0.5)
        print("late")

    run(answer)
    for thread in workers():
        thread.join(5)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("way", ["print", "thread", "stderr"])
def test_what_a_trial_prints_is_dropped_and_noticed(way, capsys):
    def answer():
        if way == "thread":
            thread = threading.Thread(target=print, args=("x",))
            thread.start()
            thread.join()
        else:
            print("x", file=sys.stderr if way == "stderr" else sys.stdout)

    with quiet() as sink:
        assert outcome(answer, 5) is None
    assert sink.used
    assert capsys.readouterr() == ("", "")


def test_what_waits_for_a_busy_machine_gets_more_time_than_what_computes():
    assert outcome(lambda: time.sleep(0.5), 0.4) is None
    with pytest.raises(TimeoutError):
        outcome(lambda: time.sleep(60), 0.1)


def test_streams_that_a_trial_sets_or_closes_come_back(capsys):
    def answer():
        sys.stdout.close()
        sys.stdout = sys.stderr = io.StringIO()

    assert run(answer) is None
    print("out")
    assert capsys.readouterr().out == "out\n"


def recursion():
    sys.setrecursionlimit(10**9)

    def deeper(n):
        return deeper(n + 1)

    deeper(0)


def test_a_recursion_without_end_is_a_verdict_and_the_limit_comes_back(capsys):
    limit = sys.getrecursionlimit()
    check("90.1", lambda flop, n_bytes: recursion())
    assert "your code raised RecursionError" in capsys.readouterr().out
    assert sys.getrecursionlimit() == limit


class BaseError(BaseException):
    def __str__(self):
        raise BaseError


class OddError(Exception):
    def __str__(self):
        raise BaseError


class EndlessError(Exception):
    def __str__(self):
        while True:
            pass


class ChattyError(Exception):
    def __str__(self):
        print("chatty")
        return "chatty"


class EmptyError(AssertionError):
    def __str__(self):
        return None


@pytest.mark.parametrize("error", [
    BaseError, OddError, EndlessError, ChattyError, EmptyError, SystemExit, KeyboardInterrupt,
    GeneratorExit,
])  # fmt: skip
def test_an_exception_that_cannot_be_shown_is_a_verdict(error, capsys):
    def answer(flop, n_bytes):
        raise error

    check("90.1", answer)
    out = capsys.readouterr().out
    assert out.startswith(f"[error] 90.1: your code raised {error.__name__}")
    assert out.count("\n") == 1


LEAVES = {
    "a thread that sleeps": "time.sleep(600)",
    "a thread that swallows": """
        while True:
            with contextlib.suppress(BaseException):
                time.sleep(600)
    """,
    "a thread that the trial started": """
        thread = threading.Thread(target=time.sleep, args=(600,), daemon=False)
        thread.start()
        thread.join()
    """,
    "a pool": """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor() as pool:
            pool.submit(time.sleep, 600)
    """,
    "a recursion without end": """
        sys.setrecursionlimit(10**9)
        def deeper(n):
            try:
                return deeper(n + 1)
            except BaseException:
                return deeper(n + 1)
        deeper(0)
    """,
}
PROCESS = """
import contextlib, sys, threading, time
sys.path.insert(0, {tests!r})
import toy_checks
from labkit.teach import check, registry
registry._rooms = dict
toy_checks.register()
def answer(flop, n_bytes):
{body}
check("90.1", answer)
print("the end")
"""


@pytest.mark.parametrize("what", LEAVES)
def test_what_a_trial_leaves_does_not_keep_the_process(what):
    body = textwrap.indent(textwrap.dedent(LEAVES[what]), "    ")
    done = subprocess.run(
        [sys.executable, "-c", PROCESS.format(tests=str(HERE), body=body)], timeout=120, text=True,
        capture_output=True, env={**os.environ, "LABKIT_PROGRESS": "/proc/nowhere"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "[error] 90.1: not finished after 0.5 s" in done.stdout
    assert done.stdout.endswith("the end\n")


CELLS = [
    f"import sys; sys.path.insert(0, {str(HERE)!r}); import toy_checks, contextlib, io, time\n"
    "from labkit.teach import check, registry\n"
    "registry._rooms = dict; toy_checks.register()",
    "def answer(flop, n_bytes):\n"
    "    with contextlib.redirect_stdout(io.StringIO()):\n"
    "        time.sleep(3)\n"
    "check('90.1', answer); print('after')",
    "time.sleep(2); print('later')",
    "check('90.2', 512); print('now')",
    "check('90.1', lambda flop, n_bytes: time.sleep(30))\n"
    "sys.stdout = io.StringIO()",  # as a thread that is left may do at any time
    "print('seen')",
]


def text_of(output):
    return output.get("text") or output.get("data", {}).get("text/plain", "")


def test_in_a_notebook_prints_and_verdicts_show_after_a_check_that_timed_out():
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    shown = [
        "".join(
            out.get("text") or out.get("data", {}).get("text/plain", "") for out in cell.outputs
        )
        for cell in notebook.cells
    ]
    assert "[error] 90.1: not finished after 0.5 s" in shown[1]
    assert "after" in shown[1]
    assert shown[2] == "later\n"
    assert "[pass] 90.2" in shown[3]
    assert "now" in shown[3]
    assert shown[5] == "seen\n"
