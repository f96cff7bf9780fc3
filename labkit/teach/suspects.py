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
    if _is_close(got, right):
        return
    hint = next((words for value, words in suspects if _is_close(got, value)), hint)
    digits = next(n for n in (4, 7, 10, 17) if n == 17 or f"{got:.{n}g}" != f"{right:.{n}g}")
    raise AssertionError(
        f"{case}: got {got:.{digits}g}, expected {right:.{digits}g}" + (f": {hint}" if hint else "")
    )


def assert_pair(got: Any, case: str, what: str) -> None:
    """Assert that `got` is two numbers; `what` says which, such as `chips and seconds`."""
    is_pair = isinstance(got, (tuple, list)) and len(got) == 2
    assert is_pair, f"{case}: got {got!r}: return two numbers, {what}"


def _is_close(got, value):
    return math.isclose(got, value, abs_tol=_TINY)
