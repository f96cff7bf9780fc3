"""The course's own answers: a source's statements, picked out and run without the rest."""

import inspect

import pytest

from labkit.teach.source import NoAnswerError, answer_in, definition_in

STOP = "raise RuntimeError('no statement but those that an answer needs may run')"


def answer(tmp_path, text, name="99.1", file="exercises.py"):
    room = tmp_path / "lesson_99_toy"
    room.mkdir(exist_ok=True)
    (room / file).write_text(text, "utf-8")
    return answer_in(room, name)


def test_imports_come_along_and_nothing_else_runs(tmp_path):
    source = f"""
import math
from itertools import pairwise as pairs
{STOP}
def steps(xs):
    return [math.floor(b - a) for a, b in pairs(xs)]
{STOP}
lk.check("99.1", steps)
"""
    assert answer(tmp_path, source)([1, 3.5, 7]) == [2, 3]


def test_a_constant_may_be_bound_after_the_function_that_uses_it(tmp_path):
    source = """
def area(side):
    return SCALE * side**2
SCALE = 3
lk.check("99.1", area)
"""
    assert answer(tmp_path, source)(2) == 12


def test_a_function_that_runs_early_finds_the_binding_of_that_time(tmp_path):
    source = """
factor = 2
def grow(x):
    return factor * x
four = grow(2)
factor = 10
lk.check("99.1", [four, grow(2)])
"""
    assert answer(tmp_path, source) == [4, 20]


def test_the_last_binding_before_the_check_counts(tmp_path):
    source = """
labels = {"a": ...}
labels = {"a": "published"}
lk.check("99.1", labels)
labels = {"a": "changed later"}
"""
    assert answer(tmp_path, source) == {"a": "published"}


def test_a_name_that_is_changed_keeps_what_came_before(tmp_path):
    source = """
total = 1
total += 4
for step in range(3):
    total += step
lk.check("99.1", total)
"""
    assert answer(tmp_path, source) == 8


def test_a_local_name_is_not_a_global_one(tmp_path):
    source = """
def double(xs):
    out = [2 * x for x in xs]
    return out
lk.check("99.1", double)
"""
    noise = f"x = 1\nout = [x for x in [{STOP.split(' ', 1)[1]}]][0]()\n"
    assert answer(tmp_path, noise + source)([1, 2]) == [2, 4]


def test_a_loop_variable_of_a_comprehension_binds_nothing(tmp_path):
    source = """
n = 5
squares = [n * n for n in range(2)]
lk.check("99.1", n)
"""
    assert answer(tmp_path, source) == 5


def test_a_turn_is_another_name_of_what_it_is_given(tmp_path):
    source = """
def ours(x):
    return x + 1
turned = lk.your_turn("99.t1", ours)
def twice(x):
    return turned(turned(x))
lk.check("99.1", twice)
"""
    assert answer(tmp_path, source, "99.t1")(1) == 2
    assert answer(tmp_path, source)(1) == 3


def test_an_answer_that_needs_a_measured_value_measures_it(tmp_path):
    source = """
import time
start_s = time.perf_counter()
elapsed_s = time.perf_counter() - start_s
lk.check("99.1", elapsed_s)
"""
    assert 0 <= answer(tmp_path, source) < 60


def test_the_source_of_an_answer_can_be_inspected(tmp_path):
    source = """
from labkit import cuda
@cuda.jit
def scale(x, out):
    i = cuda.grid(1)
    if i < x.size:
        out[i] = 3 * x[i]
lk.check("99.1", scale)
"""
    kernel = answer(tmp_path, source)
    assert "out[i] = 3 * x[i]" in inspect.getsource(kernel.py_func)


def test_a_lesson_is_looked_at_before_its_exercises(tmp_path):
    (tmp_path / "lesson_99_toy").mkdir()
    (tmp_path / "lesson_99_toy/lesson.py").write_text('lk.check("99.1", 2)', "utf-8")
    assert answer(tmp_path, 'lk.check("99.1", 1)') == 2


def test_a_missing_name_is_a_sentence_that_names_it_(tmp_path):
    source = """
def area(side):
    return side**2
lk.check("99.1", [area, SIDE])
"""
    with pytest.raises(NoAnswerError, match=r"exercises\.py: \[area, SIDE\] needs 'SIDE'"):
        answer(tmp_path, source)


def test_an_answer_that_nobody_hands_over_is_a_sentence(tmp_path):
    with pytest.raises(NoAnswerError, match=r"lk\.check\('99\.7', …\)"):
        answer(tmp_path, "x = 1", "99.7")


def test_any_definition_of_a_source_can_be_had(tmp_path):
    source = tmp_path / "lesson.py"
    source.write_text(
        f"def twice(x):\n    return TWO * x\nTWO = 2\nif True:\n    {STOP}\n", "utf-8"
    )
    assert definition_in(source, "twice")(3) == 6
    with pytest.raises(NoAnswerError, match="defines no thrice"):
        definition_in(source, "thrice")
