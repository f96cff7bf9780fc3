"""The exercises: each is a check, a solution that passes it and wrong answers that must not."""

import dataclasses
import difflib
import importlib
import pkgutil
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from labkit.teach import checks

_NAME = re.compile(r"\d\d\.[0-9a-z]+")
_EXERCISES = {}


class UnknownExerciseError(LookupError):
    """No exercise has that name; the message lists near names."""


class Wrong(NamedTuple):
    """An answer that must not pass, and words that the line it gets must hold."""

    answer: Any
    words: str
    word: str = "again"  # the verdict; `todo` for a blank, `error` for code that raises


@dataclasses.dataclass(frozen=True)
class Exercise:
    name: str
    title: str
    solution: Any
    wrong: tuple[Wrong, ...]
    run: Callable  # run(answer, rng): asserts whose messages are the hints
    in_place: bool
    max_time_s: float

    @property
    def lesson(self):
        return self.name[:2]


def exercise(name, *, title, solution, wrong, in_place=False, max_time_s=10.0):
    """Register the decorated `check(answer, rng)` as the exercise `name`, such as `02.1`.

    The check asserts; the message of a failed assert is the hint. `rng` is a `random.Random` with
    a new seed at each check: take inputs from it, so that no answer can be typed in (for arrays:
    `np.random.default_rng(rng.getrandbits(64))`).

    solution    an answer that passes; answers of another kind (a number for a function) are refused
    wrong       at least five `(answer, words)`, or `(answer, words, "todo")`, among them the empty
                cell `...` and, for a function, `always(value)`; the words must be in the hint
    in_place    the function returns nothing and may change its arguments, as a kernel does
    max_time_s  the check ends after this time, whatever the student's code does

    Raises ValueError for a name that is not `NN.x` or that is taken.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of an exercise: two digits, a dot, then 1 or 1b.")

    def register(run):
        if name in _EXERCISES and _place(_EXERCISES[name].run) != _place(run):
            raise ValueError(f"Two exercises are called {name}: give each its own name.")
        _EXERCISES[name] = Exercise(
            name, title, solution, tuple(Wrong(*w) for w in wrong), run, in_place, max_time_s
        )
        return run

    return register


def always(value):
    """The hard-coded answer: a function that gives `value` whatever it is asked."""

    def hard_coded(*args, **kwargs):
        return value

    hard_coded.is_hard_coded = True
    return hard_coded


def find(name):
    """The exercise called `name`, from its lesson's checks alone. Raises UnknownExerciseError."""
    if name not in _EXERCISES and _NAME.fullmatch(name):
        _load(f"lesson_{name[:2]}")
    if name not in _EXERCISES:
        raise UnknownExerciseError(_advice(name))
    return _EXERCISES[name]


def exercises():
    """Every exercise of the course, sorted by name."""
    for module in pkgutil.iter_modules(checks.__path__):
        _load(module.name)
    return [_EXERCISES[name] for name in sorted(_EXERCISES)]


def _load(module):
    if any(found.name == module for found in pkgutil.iter_modules(checks.__path__)):
        importlib.import_module(f"{checks.__name__}.{module}")


def _place(function):
    return function.__module__, function.__code__.co_firstlineno


def _advice(name):
    names = [exercise.name for exercise in exercises()]
    near = difflib.get_close_matches(name, names, cutoff=0.5)
    near = near or [known for known in names if known[:2] == name[:2]]
    if near:
        return f"no exercise has this name; near ones are {', '.join(near)}"
    return "no exercise has this name; lk.progress() lists them all"
