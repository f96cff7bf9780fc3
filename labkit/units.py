"""Unit names and formatting: SI inside, words at the door.

Numbers in labkit are plain floats in base units, and the unit stands in the name (`time_s`,
`peak_bytes_per_s`). This module turns them into what a person reads.
"""

import collections
import math

KB, MB, GB, TB = 1e3, 1e6, 1e9, 1e12
KIB, MIB, GIB, TIB = 2**10, 2**20, 2**30, 2**40

_SI = {
    -15: "f",
    -12: "p",
    -9: "n",
    -6: "µ",
    -3: "m",
    0: "",
    3: "k",
    6: "M",
    9: "G",
    12: "T",
    15: "P",
    18: "E",
    21: "Z",
}
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
# Below one of these there is nothing to divide: 0.2 B is no "200 mB".
_WHOLE = ("B", "FLOP", "OP", "MAC", "FLOP/B", "OP/B", "MAC/B")


def si(value: float | None, unit: str = "", digits: int = 3) -> str:
    """Write `value` with an SI prefix: `si(4.8e12, "B/s")` is `4.8 TB/s`.

    A unit of `1` is a pure number, `%` takes a fraction (0.37 is `37 %`), dollars (`USD`, `USD/h`)
    and hours get no prefix. A whole part has a comma before each three digits, `12,347`. `None` is
    `unknown`.
    """
    if value is None:
        return "unknown"
    if not math.isfinite(value):
        return f"{value} {unit}".rstrip()
    if unit == "%":
        return f"{_digits(100 * value, digits)} %"
    if unit == "1":
        return _digits(value, digits)
    if unit.startswith("USD") or unit == "h":  # nobody pays in millidollars, or waits a megahour
        return f"{_in_millions(value, digits)} {unit}"
    # Round first, then choose the prefix, or 999.96 W becomes `1e+03 W`.
    rounded = float(f"{value:.{digits - 1}e}")
    exponent = 0 if rounded == 0 else 3 * math.floor(math.log10(abs(rounded)) / 3)
    exponent = min(max(exponent, min(_SI)), max(_SI))
    if unit in _WHOLE:
        exponent = max(exponent, 0)
    return f"{_digits(rounded / 10**exponent, digits)} {_SI[exponent]}{unit}".rstrip()


_WRITTEN_AS = {"%": "1", "GiB": "B"}  # units that only show a value in another way
_HAS_A_NAME = {"W·s": "J", "J/s": "W"}


def counted(n: int, noun: str) -> str:
    """`1 element`, `1,024 elements`: how many of a thing whose plural ends on s."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def dimension(unit: str) -> str:
    """What can be compared: a capacity in `GiB` is bytes, a `%` a pure number."""
    return _WRITTEN_AS.get(unit, unit)


def quotient(above: str, below: str) -> str:
    """The unit of one amount over another: `quotient("B", "s")` is `B/s`."""
    powers = _powers(above)
    powers.subtract(_powers(below))
    return _unit(powers)


def product(left: str, right: str) -> str:
    """The unit of one amount times another: `product("B/s", "s")` is `B`."""
    powers = _powers(left)
    powers.update(_powers(right))
    return _unit(powers)


def _powers(unit):
    above, _, below = dimension(unit).partition("/")
    powers = collections.Counter(above.split("·"))
    powers.subtract(part for part in below.split("·") if part)
    del powers["1"]
    return powers


def _unit(powers):
    above = "·".join(part for part in powers for _ in range(powers[part])) or "1"
    below = "·".join(part for part in powers for _ in range(-powers[part]))
    unit = f"{above}/{below}" if below else above
    return _HAS_A_NAME.get(unit, unit)


def _in_millions(value, digits):
    if abs(value) >= 1e6:
        return f"{_digits(value / 1e6, digits)} million"
    return _digits(value, digits)


def binary(n_bytes: float | None, digits: int = 3) -> str:
    """Write a capacity in binary units: `binary(80 * GIB)` is `80 GiB`. `None` is `unknown`."""
    if n_bytes is None:
        return "unknown"
    value = float(n_bytes)
    for name in _BINARY:
        # As it will be written: four digits before the point leave `digits - 4` behind it.
        if round(abs(value), max(digits - 4, 0)) < 1024 or name == _BINARY[-1]:
            return f"{_digits(value, digits)} {name}"
        value /= 1024
    raise AssertionError("unreachable: the last name always returns")


def _digits(value, digits):
    """`value` with `digits` significant digits and commas, never 1e+03 below a million."""
    if value != 0 and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.{digits}g}"
    whole = len(str(int(abs(float(f"{value:.{digits - 1}e}")))))
    decimals = max(digits - whole, 0) if abs(value) >= 1 else _decimals(value, digits)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _decimals(value, digits):
    """How many decimals show `digits` significant digits of a value below 1."""
    return digits - 1 if value == 0 else digits - 1 - math.floor(math.log10(abs(value)))
