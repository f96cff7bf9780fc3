"""`your_turn`: what the student wrote in the middle of a lesson, or the course's own until then."""

from typing import Any

from labkit.teach.check import refuse, verdict_on
from labkit.teach.explain import said
from labkit.teach.line import line, say
from labkit.teach.registry import UnknownExerciseError, find


def your_turn(name: str, answer: Any = ...) -> Any:
    """Check a turn of a lesson and return what the lesson goes on with.

    name    of the turn: the lesson, a dot, `t` and a number, such as `05.t1`
    answer  what the turn asks for: a function or a kernel (itself, not its result), a number, an
            array, a list; it is checked as `check` does it

    Returns `answer` when it passes, and the course's own until then; the line says which. For a
    name that nobody knows there is nothing to hold the answer against: it comes back unchecked.
    Shows one line, keeps progress and never raises; under LABKIT_STRICT=1 it raises
    NotPassedError for all but `[pass]`.
    """
    verdict = verdict_on(name, answer, 'lk.your_turn("05.t1", answer)')
    if verdict.word == "pass":
        used, which = answer, "yours"
    else:
        used, which = _ours(name, answer)
    text = verdict.text.removesuffix(" in place of ...")  # three dots would end no sentence
    stop = "" if text.endswith((".", "?", "!")) else "."
    verdict = verdict._replace(text=f"{text}{stop} The lesson goes on with {which}.")
    say(line(str(verdict)))
    refuse(verdict)
    return used


def _ours(name, answer):
    """The course's own object, and the words that say so; the student's where there is none."""
    try:
        return _as_in_its_cell(find(str(name)).fresh_solution()), "ours until yours passes"
    except UnknownExerciseError:
        return answer, "yours, unchecked"
    except Exception as error:  # a slip in the course must not stop a student's notebook
        return answer, f"yours, as ours is missing ({said(error)})"


def _as_in_its_cell(solution):
    """A kernel with the line numbers of the cell, where it stands first, and not of the source."""
    if hasattr(solution, "__getitem__") and hasattr(solution, "py_func"):
        from labkit.teach.kernels import counted_from_one

        return counted_from_one(solution)
    return solution
