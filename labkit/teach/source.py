"""The course's own answers, taken from the very sources that the notebooks are made from.

A lesson's room holds `lesson.py` and `exercises.py`. They hand each answer to `lk.check(name, …)`
or `lk.your_turn(name, …)`, and the build blanks what a student is to write. So an answer is written
once: here the statements that it needs are picked out of the source and run, and nothing else is.
"""

import ast
import functools
from pathlib import Path

SOURCES = ("lesson.py", "exercises.py")
_JUDGES = ("check", "your_turn")
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class NoAnswerError(LookupError):
    """No source of the room hands an answer of this name to a check."""


def answer_in(room: Path, name: str) -> object:
    """What the sources in the folder `room` hand to `check` or `your_turn` under `name`.

    Runs the statements that this answer needs, in a namespace of its own. Raises NoAnswerError.
    """
    for source in (room / file for file in SOURCES):
        body = _statements(source)
        for index, statement in enumerate(body):
            if (handed := _handed_over(statement, name)) is not None:
                return _evaluated(source, body, index, handed)
    raise NoAnswerError(
        f"Neither {' nor '.join(SOURCES)} in {room.name} holds lk.check({name!r}, …) or "
        f"lk.your_turn({name!r}, …), so there is no answer to hold others against."
    )


@functools.cache
def _statements(source):
    if not source.exists():
        return []
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return compile(source.read_text(encoding="utf-8"), str(source), "exec", flags=flags).body


def _handed_over(statement, name):
    """The expression that a top-level statement hands to a judge under `name`, or None."""
    call = getattr(statement, "value", None)
    if (
        isinstance(call, ast.Call)
        and getattr(call.func, "attr", None) in _JUDGES
        and len(call.args) == 2
        and (name is None or getattr(call.args[0], "value", None) == name)
    ):
        return call.args[1]
    return None


def _evaluated(source, body, index, handed):
    picked = _needed(body, index, handed)
    module = ast.Module([_unjudged(body[i]) for i in sorted(picked)], type_ignores=[])
    scope = {"__name__": f"{source.parent.name}.{source.stem}", "__file__": str(source)}
    exec(compile(module, str(source), "exec"), scope)
    return eval(compile(ast.Expression(handed), str(source), "eval"), scope)


def _needed(body, end, handed):
    """The indices of the statements before `end` that bind what an expression needs."""
    picked, asked = set(), set()

    def ask(names, before):
        for name in names:
            if (name, before) in asked:
                continue
            asked.add((name, before))
            for i in reversed(range(before)):
                if name in _bound_by(body[i]):
                    picked.add(i)
                    now, later = _used_by(_unjudged(body[i]))
                    ask(now, i)
                    ask(later, end)  # what a function's body needs may be bound after it
                    break

    now, later = _used_by(handed)
    ask(now | later, end)
    return picked


def _unjudged(statement):
    """`x = lk.your_turn(name, y)` as `x = y`: the course's own answer is not judged here."""
    handed = _handed_over(statement, None)
    if handed is None or not isinstance(statement, ast.Assign):
        return statement
    return ast.copy_location(ast.Assign(statement.targets, handed), statement)


def _bound_by(statement):
    if isinstance(statement, (*_FUNCTION, ast.ClassDef)):
        return {statement.name}
    names = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def _used_by(node):
    """The names that a node uses when it runs, and those that its functions use when called."""
    now, later = set(), set()

    def walk(node, names):
        if isinstance(node, ast.Name):
            names.add(node.id)
        for field, value in ast.iter_fields(node):
            inner = later if isinstance(node, _FUNCTION) and field == "body" else names
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    walk(child, inner)

    walk(node, now)
    return now, later
