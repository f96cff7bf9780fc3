"""What a wrong number probably is: each exercise knows the values that people arrive at."""

import math
from collections.abc import Sequence
from typing import Any

_TINY = 1e-9  # what rounding may leave where the right answer is 0


def assert_right(
    got: float, right: float, case: str, suspects: Sequence[tuple[float, str]] = (), hint: str = ""
) -> None:
    """Assert that `got` is `right`; a hint says which of the known wrong turns it may be.

    The message gives both with as many digits as it takes to tell them apart.

    suspects  pairs of a wrong value and what to say to whoever has it; the first that fits is told
    hint      what to say when none of them fits
    """
    if math.isclose(got, right, abs_tol=_TINY):
        return
    # A suspect may be far smaller than what rounding leaves: only one that is 0 gets a tolerance.
    hint = next((words for value, words in suspects if _is_suspect(got, value)), hint)
    mine, ours = apart(got, right)
    raise AssertionError(f"{case}: got {mine}, expected {ours}" + (f": {hint}" if hint else ""))


def apart(one: float, other: float) -> tuple[str, str]:
    """Two numbers that differ, as texts with as many digits as it takes to tell them apart."""
    texts = ((f"{one:.{n}g}", f"{other:.{n}g}") for n in (4, 7, 10, 17))
    return next((pair for pair in texts if pair[0] != pair[1]), (repr(one), repr(other)))


def assert_pair(got: Any, case: str, what: str) -> None:
    """Assert that `got` is two numbers; `what` says which, such as `chips and seconds`."""
    is_pair = isinstance(got, (tuple, list)) and len(got) == 2
    assert is_pair, f"{case}: got {got!r}: return two numbers, {what}"


def _is_suspect(got, value):
    return math.isclose(got, value, abs_tol=_TINY if value == 0 else 0.0)
