"""`check`: one line that says where an answer stands, and never an exception in a notebook."""

import contextlib
import os
import random
from typing import Any, NamedTuple

from labkit.teach import store
from labkit.teach.answer import Tried
from labkit.teach.explain import explain, one_line, said
from labkit.teach.kinds import CLASS, FUNCTION, OddKindError, fitted, is_class, kind, plain
from labkit.teach.line import line, say
from labkit.teach.registry import Exercise, UnknownExerciseError, find
from labkit.teach.trial import outcome, quiet


class NotPassedError(AssertionError):
    """Raised by `check` under LABKIT_STRICT=1 for every verdict but `[pass]`."""


class Verdict(NamedTuple):
    name: str
    word: str  # todo, again, error or pass
    text: str

    def __str__(self):
        return f"[{self.word}] {self.name}: {self.text}"


def check(name: str, answer: Any) -> None:
    """Try `answer` on the exercise `name`; print `[todo]`, `[again]`, `[error]` or `[pass]`.

    answer  what the exercise asks for: a function (itself, not its result), a number, a text, ...;
            a function is tried on inputs that are new each time, unless LABKIT_SEED is set

    Prints one line, keeps progress and never raises; under LABKIT_STRICT=1 it raises NotPassedError
    for all but `[pass]`.
    """
    verdict = verdict_on(name, answer)
    say(line(str(verdict)))
    refuse(verdict)


def refuse(verdict: Verdict) -> None:
    """Under LABKIT_STRICT=1, raise NotPassedError for every verdict but `[pass]`."""
    if verdict.word != "pass" and os.environ.get("LABKIT_STRICT", "0") not in ("", "0"):
        raise NotPassedError(str(verdict))


def verdict_on(name: str, answer: Any, call: str = 'lk.check("02.1", answer)') -> Verdict:
    """The Verdict on an answer, which is kept as progress. Never raises."""
    if not isinstance(name, str):
        called = call.removeprefix("lk.").partition("(")[0]
        return Verdict(called, "error", f"the name comes first, as in {call}")
    try:
        verdict = judge(find(name), answer, os.environ.get("LABKIT_SEED") or None)
        store.keep_verdict(name, verdict.word)
    except UnknownExerciseError as error:
        return Verdict(one_line(name), "error", str(error))
    except Exception as error:  # a slip in the course must not stop a student's notebook
        return Verdict(one_line(name), "error", f"the check itself failed: {said(error)}")
    return verdict


def judge(exercise: Exercise, answer: Any, seed: Any = None) -> Verdict:
    """The Verdict on `answer`; inputs are drawn from `seed`, or anew when it is None."""
    if not __debug__:
        text = "Python was started with -O, which removes checks: start it without"
        return Verdict(exercise.name, "error", text)
    if _is_blank(answer):
        return Verdict(exercise.name, "todo", "write your answer in place of ...")
    try:
        answer = _prepared(answer, exercise)
    except OddKindError as error:
        return Verdict(exercise.name, "again", str(error))
    rng = random.Random(seed)
    with quiet() as trial:
        try:
            raised = outcome(lambda: exercise.run(answer, rng), exercise.max_time_s)
        except TimeoutError:
            word, text = "error", f"not finished after {exercise.max_time_s:g} s: does a loop end?"
        else:
            word, text = _explained(raised, answer, exercise)
    if trial.used and word != "pass":
        text += " (what your code prints is not shown here: call it in a cell of its own)"
    return Verdict(exercise.name, word, text)


def _explained(error, answer, exercise):
    """`explain` as a trial of its own: an exception of the student's may fail to say what it is."""
    said = []
    with contextlib.suppress(TimeoutError):
        outcome(lambda: said.append(explain(error, answer, exercise)), exercise.max_time_s)
    return said[0] if said else ("error", f"your code raised {type(error).__name__}")


def _prepared(answer, exercise):
    """The answer as the check sees it. Raises OddKindError for one of another kind."""
    solution = exercise.solution
    if _is_plain_callable(answer):
        if kind(solution) != FUNCTION:
            raise OddKindError(f"the answer is {kind(solution)}, and yours is a function")
        return Tried(answer, solution, exercise.in_place, exercise.example)
    answer = answer if is_class(answer) else plain(answer)
    wanted, got = kind(solution), kind(answer)
    if wanted == got:
        return fitted(answer, solution)
    if wanted == FUNCTION and got != CLASS:
        how = "give the function itself, without calling it: its name, without brackets"
        raise OddKindError(how)
    raise OddKindError(f"the answer is {wanted}, and yours is {got}")


def _is_blank(answer):
    if type(answer) is dict:
        answer = list(answer.values())
    if type(answer) in (tuple, list):
        return any(item is ... for item in answer)
    return answer is ... or answer is None


def _is_plain_callable(answer):
    """Called as it is: no class, and no kernel, which takes its launch shape in brackets first."""
    return callable(answer) and not is_class(answer) and not hasattr(type(answer), "__getitem__")
