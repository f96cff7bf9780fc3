"""Amounts that a person types, such as 12 GB/s, in base units."""

import math
import numbers
from typing import Any

_PREFIXES = {
    "": 1.0, "f": 1e-15, "p": 1e-12, "n": 1e-9, "µ": 1e-6, "μ": 1e-6, "u": 1e-6, "m": 1e-3,
    "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50,
}  # fmt: skip
_UNITS = ("B", "FLOP", "OP", "MAC", "s", "J", "W")


def scale(unit: str) -> tuple[float, str]:
    """What one `unit` is in base units: `scale("GB/s")` is `(1e9, "B/s")`.

    A prefix (f to E, Ki to Pi) and one of B, FLOP, OP, MAC, s, J, W, or two of them with a slash;
    `1` is a pure number, `%` a hundredth of one. Raises ValueError for anything else.
    """
    if unit == "%":
        return 0.01, "%"
    parts = unit.split("/") if isinstance(unit, str) else ()
    scales = [_scale_of_part(part) for part in parts]
    if len(scales) not in (1, 2) or None in scales:
        raise ValueError(
            f"{unit!r} isn't a unit: use 1, %, or a prefix and one of {', '.join(_UNITS)}, "
            f"as in GB/s, ms or FLOP/B"
        )
    if len(scales) == 1:
        return scales[0]
    (over, above), (under, below) = scales
    return over / under, f"{above}/{below}"


def amount(value: Any, unit: str) -> tuple[float, str]:
    """`value`, a number of `unit`, as (float, base unit). Raises ValueError with the reason."""
    factor, base = scale(unit)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ValueError(f"{_brief(value)} isn't a number: write {in_words(unit)}, without quotes")
    try:
        value = float(value)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise ValueError(f"a guess is a finite number: write {in_words(unit)}")
    if value < 0:
        raise ValueError(f"{value:g} is below zero: write {in_words(unit)}, 0 or more")
    return value * factor, base


def in_words(unit: str) -> str:
    """What to write for an amount of `unit`: `a number in GB/s`."""
    return "a number" if unit == "1" else f"a number in {unit}"


def _scale_of_part(part):
    """The factor and the base unit of a text without a slash; None for an unknown one."""
    if part == "1":
        return 1.0, "1"
    for base in _UNITS:
        if part.endswith(base) and part.removesuffix(base) in _PREFIXES:
            return _PREFIXES[part.removesuffix(base)], base
    return None


def _brief(value):
    text = repr(value) if isinstance(value, (str, int, float, complex)) else type(value).__name__
    return text if len(text) <= 40 else text[:37] + "..."
