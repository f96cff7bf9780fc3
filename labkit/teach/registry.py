"""The exercises: each is a check, a solution that passes it and wrong answers that must not.

They live in the rooms of the lessons, `lesson_NN_name/checks.py`. A package of rooms makes itself
known by an entry point of the group `labkit.lessons`, so labkit itself knows no lesson.
"""

import dataclasses
import difflib
import functools
import importlib
import importlib.metadata
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from labkit.teach.kinds import NUMBER, kind
from labkit.teach.source import answer_in

LESSONS = "labkit.lessons"
_NAME = re.compile(r"\d\d\.[0-9a-z]+")
_ROOM = re.compile(r"lesson_(\d\d)_\w+")
_EXERCISES: dict[str, "Exercise"] = {}
_FROM_SOURCE = object()


class UnknownExerciseError(LookupError):
    """No exercise has that name; the message lists near names."""


class Wrong(NamedTuple):
    """An answer that must not pass, and words that the line it gets must hold."""

    answer: Any
    words: str
    word: str = "again"  # the verdict; `todo` for a blank, `error` for code that raises


@dataclasses.dataclass(frozen=True)
class Exercise:
    """An exercise, or a turn in the middle of a lesson (its name ends in `tK`)."""

    name: str
    title: str
    given: Any
    wrong: tuple[Wrong, ...]
    run: Callable  # run(answer, rng): asserts whose messages are the hints
    in_place: bool
    max_time_s: float

    @property
    def lesson(self) -> str:
        return self.name[:2]

    @property
    def is_turn(self) -> bool:
        return self.name[3:4] == "t"

    @property
    def room(self) -> str | None:
        """The folder of the lesson that it belongs to, with a separator at the end."""
        folder = _rooms().get(self.lesson)
        return None if folder is None else f"{folder.path}{os.sep}"

    @functools.cached_property
    def solution(self) -> Any:
        return self.fresh_solution()

    def example(self) -> Any:
        """One result of a solution that is a function; None where the kinds of results differ."""
        return self._example

    @functools.cached_property
    def _example(self):
        results = []

        @functools.wraps(self.solution)
        def watched(*args, **kwargs):
            results.append(self.solution(*args, **kwargs))
            return results[-1]

        self.run(watched, random.Random(0))
        # Among numbers, the type doesn't matter: infinity may stand among whole ones.
        forms = {NUMBER if kind(result) == NUMBER else type(result) for result in results}
        return results[0] if len(forms) == 1 else None

    def fresh_solution(self) -> Any:
        """The solution made anew from the source, so that nobody has changed it yet."""
        return solution(self.name) if self.given is _FROM_SOURCE else self.given


_BLANK = Wrong(..., "write your answer", "todo")


def exercise(
    name: str,
    *,
    title: str,
    wrong: list,
    solution: Any = _FROM_SOURCE,
    in_place: bool = False,
    max_time_s: float = 10.0,
) -> Callable:
    """Register the decorated `check(answer, rng)` as the exercise `name`, such as `02.1`.

    The check asserts; the message of a failed assert is the hint. `rng` is a `random.Random` with
    a new seed at each check: take inputs from it, so that no answer can be typed in (for arrays:
    `np.random.default_rng(rng.getrandbits(64))`).

    wrong       at least four `(answer, words)`, or `(answer, words, "todo")`, among them, for a
                function, `always(value)`; the words must be in the hint. The empty cell `...` is
                added to them
    solution    an answer that passes; left out, it is what the lesson's source hands to the check.
                Answers of another kind (a number for a function) are refused
    in_place    the function returns nothing and may change its arguments, as a kernel does
    max_time_s  the check ends after this time, whatever the student's code does

    Raises ValueError for a name that is not `NN.x` or that is taken.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} isn't the name of an exercise: two digits, a dot, then 1 or 1b."
        )

    def register(run):
        if name in _EXERCISES and _place(_EXERCISES[name].run) != _place(run):
            raise ValueError(f"Two exercises are called {name}: give each its own name.")
        _EXERCISES[name] = Exercise(
            name, title, solution, (_BLANK, *(Wrong(*w) for w in wrong)), run, in_place, max_time_s
        )
        return run

    return register


def always(value: Any) -> Callable:
    """The hard-coded answer: a function that gives `value` whatever it is asked."""

    def hard_coded(*args: Any, **kwargs: Any) -> Any:
        return value

    vars(hard_coded)["is_hard_coded"] = True
    return hard_coded


def solution(name: str) -> Any:
    """The course's own answer to `name`, as its lesson's source writes it.

    Raises NoAnswerError, or UnknownExerciseError where no lesson has its number.
    """
    if name[:2] not in _rooms():
        raise UnknownExerciseError(f"there is no lesson {name[:2]}")
    return answer_in(_rooms()[name[:2]].path, name)


def find(name: str) -> Exercise:
    """The exercise called `name`, from its lesson's checks alone. Raises UnknownExerciseError."""
    if name not in _EXERCISES and _NAME.fullmatch(name):
        _load(name[:2])
    if name not in _EXERCISES:
        raise UnknownExerciseError(_advice(name))
    return _EXERCISES[name]


def exercises() -> list[Exercise]:
    """Every exercise and every turn of the course, sorted by name."""
    for number in _rooms():
        _load(number)
    return [_EXERCISES[name] for name in sorted(_EXERCISES)]


class Room(NamedTuple):
    """The folder of a lesson, and the name under which Python imports it."""

    path: Path
    module: str


@functools.cache
def _rooms():
    """The rooms of all lessons that are installed, by number."""
    return {
        match[1]: Room(path, f"{point.value}.{path.name}")
        for point in importlib.metadata.entry_points(group=LESSONS)
        for folder in importlib.import_module(point.value).__path__
        for path in sorted(Path(folder).iterdir())
        if (match := _ROOM.fullmatch(path.name))
    }


def _load(number):
    if number in _rooms() and any(_rooms()[number].path.glob("checks*")):
        importlib.import_module(f"{_rooms()[number].module}.checks")


def _place(function):
    return function.__module__, function.__code__.co_firstlineno


def _advice(name):
    names = [exercise.name for exercise in exercises()]
    near = difflib.get_close_matches(name, names, cutoff=0.5)
    near = near or [known for known in names if known[:2] == name[:2]]
    if near:
        return f"no exercise has this name; near ones are {', '.join(near)}"
    return "no exercise has this name; lk.progress() lists them all"
