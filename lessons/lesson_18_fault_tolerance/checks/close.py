"""Is a number the right one, and if not, which wrong turn was it?"""

import math
from collections.abc import Sequence


def assert_right(
    got: float, right: float, case: str, suspects: Sequence[tuple[float, str]] = (), hint: str = ""
) -> None:
    """Assert that `got` is `right`; the hint is that of the suspect, (value, words), that it is."""
    if math.isclose(got, right, rel_tol=1e-6, abs_tol=1e-12):
        return
    words = [words for value, words in suspects if math.isclose(got, value, rel_tol=1e-6)]
    raise AssertionError(f"{case}: got {got:.4g}, expected {right:.4g}: {[*words, hint][0]}")
