"""From what a check raised to a verdict: whose fault it is, on which line, in one sentence."""

import os
import re
import sysconfig
import traceback
from pathlib import Path
from typing import Any

from labkit.teach.answer import BlankError

_LONGEST = 400
_LAST_CALLS = 1000  # of a traceback; a recursion without end has many more
_LABKIT = str(Path(__file__).parents[1]) + os.sep
_STANDARD_LIBRARY = sysconfig.get_paths()["stdlib"]


def explain(error: BaseException | None, answer: Any, exercise: Any) -> tuple[str, str]:
    """The word and the text of the verdict when the check of `answer` raised `error` (or None)."""
    if error is None:
        return "pass", f"every case agrees ({exercise.title})"
    if isinstance(error, BlankError):
        return "todo", str(error)
    frames = traceback.extract_tb(error.__traceback__, limit=-_LAST_CALLS)
    if isinstance(error, NotImplementedError) and not _is_library(frames[-1].filename):
        return "todo", "replace the line that raises NotImplementedError by your code"
    own = [frame for frame in frames if _is_own(frame.filename, exercise)]
    if own or getattr(answer, "raised", None) is error:
        return "error", f"your code raised {said(error)}{_where(own)}"
    if isinstance(error, AssertionError):
        return "again", one_line(error) or "a case differs"
    if misfit := getattr(answer, "misfit", None):
        return "again", misfit
    return "error", f"this check cannot use your answer: {said(error)}"


def said(error: BaseException) -> str:
    """An exception as one line, `NameError: name 'x' is not defined`."""
    text = one_line(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def one_line(value: Any) -> str:
    """`str(value)` on one line, at most 400 characters, without memory addresses."""
    try:
        text = " ".join(str(value).split())
    except BaseException:  # a student's own exception may fail to print, in its own way
        return ""
    text = re.sub(r"0x[0-9a-fA-F]{6,}", "0x...", text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _where(own):
    if not own:
        return ""
    return f" (line {own[-1].lineno}: {own[-1].line})" if own[-1].line else ""


def _is_own(filename, exercise):
    """Did the student write this file? Everything else is a library, the check or beside it."""
    ours = (exercise.run.__code__.co_filename, exercise.room or _LABKIT)
    return not filename.startswith(ours) and not _is_library(filename)


def _is_library(filename):
    return (
        filename.startswith((_LABKIT, _STANDARD_LIBRARY, "<frozen"))
        or "site-packages" in filename
        or "dist-packages" in filename  # Debian's, and Colab's
    )
