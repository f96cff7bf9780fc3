"""`your_turn` goes on with the student's object when it passes, until then with the course's."""

import linecache

import numpy as np
import pytest

from labkit.simt import cuda
from labkit.teach import NotPassedError, exercise, kernels, registry, store, your_turn

SOLVED = """
import numpy as np
from labkit.simt import cuda
import labkit as lk

@cuda.jit
def double(x, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = 2 * x[i]

double = lk.your_turn("90.t1", double)
sizes = [256, 512]
sizes = lk.your_turn("90.t2", sizes)
share = lk.your_turn("90.t3", 0.25)
half = lk.your_turn("90.t5", lambda x: x / 2)
"""


@pytest.fixture(autouse=True)
def toys(monkeypatch, tmp_path):
    """A lesson of three turns, whose answers stand in its source."""
    monkeypatch.setenv("LABKIT_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.delenv("LABKIT_STRICT", raising=False)
    room = tmp_path / "lesson_90_toy"
    room.mkdir()
    (room / "lesson.py").write_text(SOLVED)
    monkeypatch.setattr(registry, "_EXERCISES", {})
    monkeypatch.setattr(registry, "_rooms", lambda: {"90": registry.Room(room, room.name)})

    @exercise("90.t1", title="twice", wrong=[], max_time_s=30)
    def _(kernel, rng):
        x, out = kernels.numbers(rng, 40), np.full(40, np.nan)
        kernels.run(kernel, 2, 32, x, out, case="40 elements")
        kernels.assert_equal(out, 2 * x, "40 elements")

    @exercise("90.t2", title="sizes", wrong=[])
    def _(sizes, rng):
        assert sizes == [256, 512], "256, then 512"

    @exercise("90.t3", title="share", wrong=[])
    def _(share, rng):
        assert abs(share - 0.25) < 1e-9, "a quarter"


@pytest.fixture
def turn(capsys):
    """`turn(name, *answer)`: what comes back, and the one line that is shown."""

    def run(*args):
        returned = your_turn(*args)
        out, err = capsys.readouterr()
        assert out.count("\n") == 1
        assert err == ""
        return returned, out.rstrip("\n")

    return run


@cuda.jit
def right(x, out):
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i] + x[i]


@cuda.jit
def wrong(x, out):
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i]


@cuda.jit
def hangs(x, out):
    turns = 0
    while True:
        turns += 1


@cuda.jit
def waits_for_ever(x, out):
    while True:
        out[0] = x[0]


@cuda.jit
def raises(x, out):
    raise ValueError("no")


@cuda.jit
def prints(x, out):
    print("so much to say")
    out[0] = x[0]


@cuda.jit
def unwritten(x, out):
    raise NotImplementedError


@cuda.jit
def out_of_bounds(x, out):
    out[cuda.grid(1)] = 0


def doubles(kernel):
    x, out = np.arange(40.0), np.zeros(40)
    kernel[2, 32](x, out)
    return (out == 2 * x).all()


def test_what_passes_comes_back_itself(turn):
    returned, line = turn("90.t1", right)
    assert returned is right
    assert line == "[pass] 90.t1: every case agrees (twice). The lesson goes on with yours."
    assert store.load()["checks"]["90.t1"]["passed"]


@pytest.mark.parametrize(("answer", "words"), [
    ((), "[todo] 90.t1: write your answer"), ((...,), "[todo]"), ((None,), "[todo]"),
    ((unwritten,), "[todo]"), ((wrong,), "[again] 90.t1: 40 elements: out["),
    ((hangs,), "[again] 90.t1: 40 elements: livelock"),
    ((waits_for_ever,), "[again] 90.t1: 40 elements: livelock"),
    ((raises,), "[again] 90.t1: 40 elements"),
    ((prints,), "[again] 90.t1: 40 elements"), ((out_of_bounds,), "[again] 90.t1: 40 elements"),
    ((lambda x, out: x,), "[again] 90.t1: this is a plain function: write @cuda.jit"),
    ((3,), "[again] 90.t1: give the function itself"), ((object,), "[again]"), ((object(),), "[ag"),
    ((np.ma.masked,), "[again]"), (("text",), "[again]"),
])  # fmt: skip
def test_until_then_the_lesson_goes_on_with_ours(turn, answer, words):
    returned, line = turn("90.t1", *answer)
    assert line.startswith(words)
    assert line.endswith(" The lesson goes on with ours until yours passes.")
    assert doubles(returned)
    assert not store.load()["checks"]["90.t1"]["passed"]


@pytest.mark.parametrize(("answer", "word"), [
    ([256, 512], "pass"), ((256, 512), "pass"), (np.array([256, 512]), "pass"), ([512], "again"),
])  # fmt: skip
def test_a_list_is_a_turn(turn, answer, word):
    returned, line = turn("90.t2", answer)
    assert line.startswith(f"[{word}]")
    if word == "pass":
        assert returned is answer
    else:
        assert returned == [256, 512]


def test_ours_is_new_each_time_so_nobody_has_changed_it(turn):
    turn("90.t2", ...)[0].clear()
    assert turn("90.t2", ...)[0] == [256, 512]


def test_ours_has_the_lines_of_its_cell_and_not_those_of_the_source(turn):
    ours, _ = turn("90.t1", wrong)
    assert ours.py_func.__code__.co_firstlineno == 1
    assert linecache.getline(ours.py_func.__code__.co_filename, 5).strip() == "out[i] = 2 * x[i]"


def test_a_number_is_a_turn(turn):
    assert turn("90.t3", np.float64(0.25))[1].startswith("[pass]")
    assert turn("90.t3", 0.5)[0] == 0.25


def test_a_function_that_never_returns_is_left_and_ours_goes_on(turn):
    @exercise("90.t5", title="half", wrong=[], max_time_s=0.3)
    def _(half, rng):
        assert half(3) == 1.5

    def spin(x):
        while True:
            pass

    returned, line = turn("90.t5", spin)
    assert line.startswith("[error] 90.t5: not finished after 0.3 s: does a loop end? The lesson ")
    assert returned(3) == 1.5


@pytest.mark.parametrize(("name", "words"), [
    ("90.t7", "[error] 90.t7: no exercise has this name; near ones are 90.t"),
    ("roof\nline", "[error] roof line: no exercise has this name; "),
    (90.1, "[error] your_turn: the name comes first, as in lk.your_turn("),
    (right, "[error] your_turn: the name comes first, as in lk.your_turn("),
    (None, "[error] your_turn: the name comes first, as in lk.your_turn("),
])  # fmt: skip
def test_an_unknown_name_gives_the_student_s_object_back(turn, name, words):
    returned, line = turn(name, wrong)
    assert returned is wrong
    assert line.startswith(words)
    assert line.endswith(" The lesson goes on with yours, unchecked.")
    assert store.load()["checks"] == {}


def test_without_an_answer_in_the_source_the_lesson_goes_on_with_the_student_s(turn):
    @exercise("90.t4", title="lost", wrong=[])
    def _(answer, rng):
        raise AssertionError

    returned, line = turn("90.t4", 7)
    assert returned == 7
    assert "[error] 90.t4: the check itself failed: NoAnswerError" in line
    assert "The lesson goes on with yours, as ours is missing (NoAnswerError" in line


def test_strict_raises_for_all_but_a_pass(turn, monkeypatch):
    monkeypatch.setenv("LABKIT_STRICT", "1")
    assert turn("90.t1", right)[0] is right
    for name, answer in [("90.t1", wrong), ("90.t1", ...), ("90.t9", right)]:
        with pytest.raises(NotPassedError, match=name):
            your_turn(name, answer)
