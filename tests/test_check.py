"""`check` answers every answer with one line that says what to do next."""

import asyncio
import contextlib
import itertools
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
import toy_checks

from labkit.teach import NotPassedError, check, exercise, exercises, registry, store
from labkit.teach.trial import outcome


@pytest.fixture(autouse=True)
def toys(monkeypatch, tmp_path):
    """The toy lesson alone, and a progress file of its own."""
    monkeypatch.setenv("LABKIT_PROGRESS", str(tmp_path / "progress.json"))
    for name in ("LABKIT_STRICT", "LABKIT_SEED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(registry, "_EXERCISES", {})
    monkeypatch.setattr(registry, "_rooms", dict)
    toy_checks.register()


@pytest.fixture
def line(capsys):
    """`line(name, answer)`: what `check` prints, which must be one line."""

    def run(name, answer):
        check(name, answer)
        out, err = capsys.readouterr()
        assert out.count("\n") == 1
        assert err == ""
        return out.rstrip("\n")

    return run


def not_written(flop, n_bytes):
    raise NotImplementedError


def only_a_docstring(flop, n_bytes):
    """Work over traffic."""


def returns_dots(flop, n_bytes):
    return ...


@pytest.mark.parametrize("blank", [
    ..., None, (1, ...), {"a": ...}, not_written, only_a_docstring, returns_dots,
    toy_checks.only_blank,
])  # fmt: skip
def test_a_blank_is_still_to_do(line, blank):
    assert line("90.1", blank).startswith("[todo] 90.1: ")


def test_the_solution_passes(line):
    assert line("90.1", toy_checks.intensity) == (
        "[pass] 90.1: every case agrees (arithmetic intensity)"
    )


def test_a_wrong_answer_gets_the_message_of_the_assert(line):
    assert line("90.1", lambda flop, n_bytes: n_bytes / flop) == (
        "[again] 90.1: 10 FLOP over 5 B is 2 FLOP/B: divide FLOP by bytes"
    )


def test_an_exception_is_named_with_the_line_of_the_students_code(line):
    def answer(flop, n_bytes):
        helper = 1
        return helper + unheard_of  # noqa: F821

    number = answer.__code__.co_firstlineno + 2
    assert line("90.1", answer).startswith(
        "[error] 90.1: your code raised NameError: name 'unheard_of' is not defined "
        f"(line {number}: return helper + unheard_of"
    )


def test_an_exception_in_a_library_is_placed_where_the_student_called_it(line):
    def answer(flop, n_bytes):
        return np.zeros(2) + np.zeros(3)

    assert "(line" in line("90.1", answer)
    assert "np.zeros(2) + np.zeros(3)" in line("90.1", answer)


def test_not_implemented_in_a_library_is_an_error_and_no_blank(line):
    def answer(flop, n_bytes):
        return asyncio.AbstractEventLoop().run_forever()

    assert line("90.1", answer).startswith("[error] 90.1: your code raised NotImpl")


def test_an_assert_of_the_student_is_no_hint(line):
    def answer(flop, n_bytes):
        assert flop < n_bytes, "my own assert"
        return flop / n_bytes

    assert line("90.1", answer).startswith("[error] 90.1: your code raised AssertionError: my own")


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_what_is_no_exception_is_caught_too(line, error):
    def answer(flop, n_bytes):
        raise error

    assert line("90.1", answer).startswith(f"[error] 90.1: your code raised {type(error).__name__}")


def test_an_exception_that_cannot_be_printed_is_named(line):
    class Mute(Exception):  # noqa: N818
        def __str__(self):
            raise ValueError

    def answer(flop, n_bytes):
        raise Mute

    assert "your code raised Mute (line" in line("90.1", answer)


def test_the_text_holds_no_address_and_no_line_break(line):
    def answer(flop, n_bytes):
        raise ValueError(f"one\ntwo {object()!r}")

    assert "ValueError: one two <object object at 0x...>" in line("90.1", answer)


def test_a_result_of_another_kind_is_a_sentence(line):
    assert line("90.4", lambda xs: np.zeros(3)).startswith(
        "[again] 90.4: your function returns a list, tuple or array, and what is asked for is a nu"
    )


def test_a_signature_that_does_not_fit_is_told(line):
    assert line("90.1", lambda flop: flop) == (
        "[again] 90.1: your function takes (flop), but it is called with (flop, n_bytes)"
    )


def test_a_forgotten_return_is_told(line):
    def answer(flop, n_bytes):
        flop / n_bytes

    assert line("90.1", answer) == (
        "[again] 90.1: your function returns None: does it end in a return line?"
    )


def test_a_changed_argument_is_told_and_the_check_keeps_its_own(line):
    def answer(xs):
        xs.sort()
        return xs[-1]

    assert line("90.4", answer).startswith("[again] 90.4: your function changes what it is given")


@pytest.mark.parametrize("change", [
    lambda value: value["array"].fill(1),
    lambda value: value["list"][0].append(3),
    lambda value: value.pop("set"),
    lambda value: value["set"].add(5),
])  # fmt: skip
def test_a_change_deep_inside_is_seen(line, change):
    given = {"array": np.zeros(3), "list": [[1, 2]], "set": {1}, "same": object()}

    @exercise("90.5", title="deep", solution=len, wrong=[])
    def _(answer, rng):
        answer(given)
        assert given["array"].sum() == 0
        assert given["list"] == [[1, 2]]
        assert given["set"] == {1}

    assert line("90.5", lambda value: (change(value), 1)).startswith("[again] 90.5: your function")
    assert line("90.5", lambda value: 1).startswith("[pass]")


def test_an_exercise_in_place_may_change_its_argument(line):
    assert line("90.3", toy_checks.double).startswith("[pass]")


def test_prints_and_warnings_are_held_back_and_said(line):
    def answer(flop, n_bytes):
        for _ in range(1000):
            print("so much to say")
        np.float64(1) / np.float64(0)  # warns on stderr
        return flop

    assert line("90.1", answer).endswith(
        "(what your code prints is not shown here: call it in a cell of its own)"
    )


def hang():
    while True:
        pass


def hang_asleep():
    time.sleep(60)


def hang_swallowing():
    end_s = time.monotonic() + 30  # so that a failed test does not spin for ever
    while time.monotonic() < end_s:
        with contextlib.suppress(BaseException):
            time.sleep(0.001)


@pytest.mark.parametrize("never_returns", [hang, hang_asleep, hang_swallowing])
def test_an_answer_that_never_returns_is_left_in_time(line, never_returns):
    began_s = time.monotonic()
    text = line("90.1", lambda flop, n_bytes: never_returns())
    assert text == "[error] 90.1: not finished after 0.5 s: does a loop end?"
    assert time.monotonic() - began_s < 10


def test_a_loop_that_ran_out_of_time_is_stopped():
    ticks = []

    def tick():
        while True:
            ticks.append(time.sleep(0.001))

    with pytest.raises(TimeoutError):
        outcome(tick, 0.1)
    time.sleep(0.1)  # a moment for the last one
    n_ticks = len(ticks)
    time.sleep(0.2)
    assert len(ticks) == n_ticks > 0


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_an_interrupt_by_the_user_interrupts_and_stops_the_loop():
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's & ignores it
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    turns = []
    try:
        with pytest.raises(KeyboardInterrupt):
            outcome(lambda: [turns.append(0) for _ in itertools.repeat(None)], 30)
    finally:
        signal.signal(signal.SIGINT, handler)
    time.sleep(0.1)  # a moment for the last turn
    n_turns = len(turns)
    time.sleep(0.2)
    assert len(turns) == n_turns > 0


def test_a_number_may_be_any_scalar(line):
    for number in (512, 512.0, np.int64(512), np.float32(512), np.array(512)):
        assert line("90.2", number).startswith("[pass]")


@pytest.mark.parametrize(("name", "answer", "words"), [
    ("90.1", 2.0, "give the function itself, without calling it"),
    ("90.2", "512", "the answer is a number, and yours is a text in quotes"),
    ("90.2", [512], "the answer is a number, and yours is a list, tuple or array"),
    ("90.2", True, "the answer is a number, and yours is True or False"),
    ("90.2", {}, "the answer is a number, and yours is of type dict"),
    ("90.2", toy_checks.double, "the answer is a number, and yours is a function"),
])  # fmt: skip
def test_an_answer_of_another_kind_is_told(line, name, answer, words):
    assert line(name, answer) == f"[again] {name}: {words}" + (
        ": its name, without brackets" if name == "90.1" else ""
    )


@pytest.mark.parametrize(("name", "words"), [
    ("9.1", "[error] 9.1: no exercise has this name; near ones are "),
    ("90.77", "[error] 90.77: no exercise has this name; near ones are "),
    ("roof\nline", "[error] roof line: no exercise has this name; lk.progress() lists them all"),
    (90.1, "[error] check: the name comes first"),
    (toy_checks.double, "[error] check: the name comes first"),
])  # fmt: skip
def test_a_wrong_name_is_a_sentence(line, name, words):
    assert line(name, 1).startswith(words)
    assert store.load()["checks"] == {}


def test_a_slip_in_the_course_does_not_stop_the_notebook(line, monkeypatch):
    def broken(*args):
        raise RuntimeError("a slip")

    monkeypatch.setattr(store, "keep_verdict", broken)
    assert line("90.2", 512) == "[error] 90.2: the check itself failed: RuntimeError: a slip"


def test_strict_raises_for_all_but_a_pass(line, monkeypatch):
    monkeypatch.setenv("LABKIT_STRICT", "1")
    assert line("90.2", 512).startswith("[pass]")
    for name, answer in [("90.2", 3), ("90.2", ...), ("90.99", 1)]:
        with pytest.raises(NotPassedError, match=name):
            check(name, answer)


def test_strict_zero_is_not_strict(line, monkeypatch):
    monkeypatch.setenv("LABKIT_STRICT", "0")
    assert line("90.2", 3).startswith("[again]")


def seen_inputs():
    seen = []
    check("90.1", lambda flop, n_bytes: (seen.append((flop, n_bytes)), flop / n_bytes)[1])
    return seen


def test_inputs_are_new_at_each_check():
    assert seen_inputs() != seen_inputs()


def test_a_seed_gives_the_same_inputs_again(monkeypatch):
    monkeypatch.setenv("LABKIT_SEED", "7")
    assert seen_inputs() == seen_inputs()


def test_python_without_asserts_does_not_pass_everything():
    code = "import toy_checks as t; t.register(); from labkit.teach import check; check('90.2', 3)"
    run = subprocess.run(
        [sys.executable, "-O", "-c", code], capture_output=True, text=True, check=True,
        cwd=os.path.dirname(__file__),
    )  # fmt: skip
    assert run.stdout.startswith("[error] 90.2: Python was started with -O")


def test_two_exercises_cannot_share_a_name():
    with pytest.raises(ValueError, match=r"Two exercises are called 90\.1"):
        exercise("90.1", title="again", solution=1, wrong=[])(lambda answer, rng: None)


def test_a_name_is_a_lesson_and_a_number():
    with pytest.raises(ValueError, match="'roofline' isn't the name of an exercise"):
        exercise("roofline", title="again", solution=1, wrong=[])


LESSON = """
from labkit.teach import exercise

@exercise("{lesson}.1", title="one", solution=1, wrong=[])
def _(answer, rng):
    assert answer == 1
"""


@pytest.fixture
def two_lessons(monkeypatch, tmp_path):
    rooms = {}
    for lesson in ("91", "92"):
        room = tmp_path / "toy_lessons" / f"lesson_{lesson}_toy"
        room.mkdir(parents=True)
        (room / "checks.py").write_text(textwrap.dedent(LESSON.format(lesson=lesson)))
        rooms[lesson] = registry.Room(room, f"toy_lessons.{room.name}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_rooms", lambda: rooms)
    yield
    for module in [name for name in sys.modules if name.startswith("toy_lessons")]:
        del sys.modules[module]


def test_a_check_imports_the_checks_of_its_own_lesson_only(line, two_lessons):
    assert line("91.1", 1).startswith("[pass]")
    assert "toy_lessons.lesson_92_toy.checks" not in sys.modules


def test_the_exercises_of_all_lessons_are_listed(two_lessons):
    assert [exercise.name for exercise in exercises()][-2:] == ["91.1", "92.1"]
