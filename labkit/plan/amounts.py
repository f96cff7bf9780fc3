"""`checked`: what an amount of a given name may be, in one place for all formulas."""

import math
import numbers

# What a parameter of this name may be: lowest, highest, and why. All others: 0 and more.
_LIMITS = {
    "pue": (1.0, math.inf, "it is the energy of the facility over that of its computers"),
    "utilisation": (0.0, 1.0, "it is the share of the time in which the machine is used"),
    "residual_fraction": (0.0, 1.0, "it is a share of the purchase price"),
    "chance": (0.0, 1.0, "it is a probability"),
    "n_parts": (1, math.inf, "a fleet has at least one part"),
}
_ABOVE_ZERO = (
    "utilisation", "life_years", "tokens_per_s", "n_tokens", "n_chips", "mttf_s", "part_mttf_s",
    "interval_s",
)  # fmt: skip


def checked(**amounts: float) -> list[float]:
    """The amounts as floats, in their order; the names say what each may be.

    Raises ValueError, a sentence, for what isn't a number, is negative, a PUE below 1, a
    utilisation above 1, and for a 0 where one divides.
    """
    return [_checked(name, amount) for name, amount in amounts.items()]


def _checked(name, amount):
    lo, hi, why = _LIMITS.get(name, (0.0, math.inf, ""))
    floor = "above 0" if name in _ABOVE_ZERO else f"from {lo:g}"
    span = floor if hi == math.inf else f"{floor} to {hi:g}"
    fits = (
        isinstance(amount, numbers.Real)
        and not isinstance(amount, bool)
        and lo <= amount <= hi
        and amount < math.inf
        and (amount > 0 or name not in _ABOVE_ZERO)
    )
    if not fits:
        reason = f": {why}" if why else ""
        raise ValueError(f"{name} must be a number {span}, got {amount!r}{reason}.")
    return float(amount)
