"""A blank is still to do as its notebook gives it, whatever the lines around it use."""

import ast
import linecache
import re

import pytest
import sources

from labkit.teach import exercises
from labkit.teach.check import judge

SOLUTION = re.compile(r"( *)### BEGIN SOLUTION\n.*?### END SOLUTION\n", re.DOTALL)
BY_NAME = {
    (exercise.lesson, exercise.solution.__name__): exercise
    for exercise in exercises()
    if callable(exercise.solution)
}


def blanks():
    """(exercise, its function as students get it), of every lesson."""
    for path in sources.ROOT.glob("lessons/lesson_*/[el]*.py"):
        text = SOLUTION.sub(r"\1raise NotImplementedError\n", path.read_text(encoding="utf-8"))
        for node in ast.parse(text).body:
            exercise = BY_NAME.get((path.parent.name[7:9], getattr(node, "name", None)))
            if exercise and "NotImplementedError" in ast.unparse(node):
                yield pytest.param(exercise, ast.unparse(node), id=exercise.name)


@pytest.mark.parametrize(("exercise", "source"), list(blanks()))
def test_a_blank_is_still_to_do(exercise, source):
    solution, name = exercise.solution, f"<blank {exercise.name}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    scope = dict(getattr(solution, "py_func", solution).__globals__)
    exec(compile(source, name, "exec"), scope)
    verdict = judge(exercise, scope[solution.__name__])
    assert verdict.word == "todo", verdict
