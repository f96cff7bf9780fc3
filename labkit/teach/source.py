"""The course's own answers, taken from the very sources that the notebooks are made from.

A lesson's room holds `lesson.py` and `exercises.py`. They hand each answer to `lk.check(name, …)`
or `lk.your_turn(name, …)`, and the build blanks what a student is to write. So an answer is written
once: here the statements that it needs are picked out of the source and run, and nothing else is.
"""

import ast
import dis
import functools
import inspect
from pathlib import Path

SOURCES = ("lesson.py", "exercises.py")
_JUDGES = ("check", "your_turn")
_DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_READS = {"LOAD_NAME", "LOAD_GLOBAL"}
_AWAITS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


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
    if not any(name in _bound_by(statement) for statement in body):
        raise NoAnswerError(f"{source.parent.name}/{source.name} defines no {name}.")
    return _evaluated(source, body, len(body), _expression(name))


@functools.cache
def _statements(source):
    if not source.exists():
        return []
    flags = ast.PyCF_ONLY_AST | _AWAITS
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


def _expression(name):
    return ast.parse(name, mode="eval").body


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
    """The names that a top-level statement binds; those inside functions and classes are theirs."""
    names, waiting = set(), [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _DEFINITION):
            names.add(node.name)
            continue
        if isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        waiting += () if isinstance(node, _SCOPES) else ast.iter_child_nodes(node)
    return names


def _used_by(node):
    """The global names that a node uses when it runs, and those of its functions when called."""
    if isinstance(node, ast.expr):
        code = compile(ast.Expression(node), "source", "eval")
    else:
        code = compile(ast.Module([node], type_ignores=[]), "source", "exec", flags=_AWAITS)
    now, later = set(), set()

    def walk(code, names):
        names.update(step.argval for step in dis.get_instructions(code) if step.opname in _READS)
        for inner in filter(inspect.iscode, code.co_consts):
            # A comprehension or a class runs where it stands, a function when it is called.
            is_called_later = inner.co_flags & inspect.CO_OPTIMIZED and (
                inner.co_name == "<lambda>" or not inner.co_name.startswith("<")
            )
            walk(inner, later if is_called_later else names)

    walk(code, now)
    return now, later
