"""The course's own answers, taken from the very sources that the notebooks are made from.

A lesson's room holds `lesson.py` and `exercises.py`. They hand each answer to `lk.check(name, …)`
or `lk.your_turn(name, …)`, and the build blanks what a student is to write. So an answer is written
once: here the statements that it needs are picked out of the source and run, and nothing else is.
"""

import ast
import functools
import symtable
from pathlib import Path
from typing import NamedTuple

SOURCES = ("lesson.py", "exercises.py")
_JUDGES = ("check", "your_turn")
_BINDS_ANEW = (ast.FunctionDef, ast.ClassDef, ast.Assign, ast.Import, ast.ImportFrom, ast.Expr)
_COMPREHENSIONS = ("listcomp", "setcomp", "dictcomp", "genexpr")


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


def definition_in(source: Path, name: str) -> object:
    """What the top level of a lesson's `source` binds to `name`, such as one of its kernels.

    Runs the statements that it needs. Raises NoAnswerError where nothing binds the name.
    """
    body = _statements(source)
    if not any(name in _names(statement).bound for statement in body):
        raise NoAnswerError(f"{source.parent.name}/{source.name} defines no {name}.")
    return _evaluated(source, body, len(body), ast.parse(name, mode="eval").body)


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
    try:
        exec(compile(module, str(source), "exec"), scope)
        return eval(compile(ast.Expression(handed), str(source), "eval"), scope)
    except NameError as error:
        raise NoAnswerError(
            f"{source.parent.name}/{source.name}: {ast.unparse(handed)} needs {error.name!r}, "
            f"which nothing before it binds."
        ) from error


def _needed(body, end, handed):
    """The indices of the statements before `end` that bind what an expression needs."""
    names = [_names(_unjudged(statement)) for statement in body[:end]]
    picked, asked = set(), set()

    def pick(i):
        if i not in picked:
            picked.add(i)
            ask_now(names[i].now, i)
            ask_later(names[i].later)

    def ask_now(wanted, before):
        """What runs at once needs the last binding before it."""
        for name in wanted:
            bindings = (i for i in reversed(range(before)) if name in names[i].bound)
            if (last := next(bindings, None)) is not None:
                pick(last)

    def ask_later(wanted):
        """A function runs at any time after it is defined, so each binding may count."""
        for name in wanted - asked:
            asked.add(name)
            for i in range(end):
                if name in names[i].bound:
                    pick(i)

    used = _names(ast.Expr(handed))
    ask_now(used.now, end)
    ask_later(used.later)
    return picked


def _unjudged(statement):
    """`x = lk.your_turn(name, y)` as `x = y`: the course's own answer is not judged here."""
    handed = _handed_over(statement, None)
    if handed is None or not isinstance(statement, ast.Assign):
        return statement
    return ast.copy_location(ast.Assign(statement.targets, handed), statement)


class _Names(NamedTuple):
    """The global names that a statement binds, that it needs, and that its functions need."""

    bound: set[str]
    now: set[str]
    later: set[str]


def _names(statement):
    table = symtable.symtable(ast.unparse(statement), "<statement>", "exec")
    symbols = table.get_symbols()
    bound = {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}
    now = {s.get_name() for s in symbols if s.is_referenced()}
    if not isinstance(statement, _BINDS_ANEW):
        now |= bound  # `x += 1`, or a branch that may leave x as it was
    later = set()
    for child in table.get_children():
        runs_at_once = child.get_type() == "class" or child.get_name() in _COMPREHENSIONS
        (now if runs_at_once else later).update(_globals_in(child))
    return _Names(bound, now, later)


def _globals_in(table):
    own = {s.get_name() for s in table.get_symbols() if s.is_global()}
    return own.union(*map(_globals_in, table.get_children()))
