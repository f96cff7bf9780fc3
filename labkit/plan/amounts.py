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
    "n_parameters": (0.0, math.inf, "a model has parameters"),
    "n_ranks": (1, math.inf, "there is at least one rank"),
    "n_hosts": (1, math.inf, "there is at least one host"),
    "n_per_host": (1, math.inf, "a host has at least one rank"),
    "n_requests": (1, math.inf, "somebody asks"),
    "interest": (0.0, 1.0, "it is a fraction a year, so 0.08 stands for 8 %"),
    "maintenance_fraction_per_year": (0.0, 1.0, "it is a share of the purchase price"),
    "headroom": (0.0, 1.0, "it is the share of a replica's tokens that is planned for"),
    "weight_bytes": (0.0, 4.0, "it is in bytes, so 1 stands for 8 bits"),
    "kv_bytes": (0.0, 4.0, "it is in bytes, so 1 stands for 8 bits"),
    "nic_bytes_per_s": (1e6, math.inf, "it is in bytes a second, so 50e9 stands for 400 Gbit/s"),
}
_ABOVE_ZERO = (
    "utilisation", "life_years", "tokens_per_s", "n_tokens", "n_chips", "mttf_s", "part_mttf_s",
    "interval_s", "headroom", "weight_bytes", "kv_bytes", "n_parameters", "bytes_per_s", "tpot_s",
    "requests_per_s", "link_bytes_per_s", "output",
)  # fmt: skip
_WHOLE = ("n_ranks", "n_hosts", "n_per_host", "n_requests", "n_spares")
_MAY_BE_INFINITE = ("bytes_per_s", "tpot_s")


def checked(**amounts: float) -> list:
    """The amounts as floats, or ints where they are counts, in order; names say what each may be.

    Raises ValueError, a sentence, for what isn't a number, is negative, a PUE below 1, a
    utilisation above 1, for a 0 where one divides, half a rank, and an amount that only another
    unit can explain.
    """
    return [_checked(name, amount) for name, amount in amounts.items()]


def _checked(name, amount):
    lo, hi, why = _LIMITS.get(name, (0.0, math.inf, ""))
    floor = "above 0" if name in _ABOVE_ZERO else f"from {lo:g}"
    span = floor if hi == math.inf else f"{floor} to {hi:g}"
    is_whole = name in _WHOLE
    fits = (
        isinstance(amount, numbers.Real)
        and not isinstance(amount, bool)
        and lo <= amount <= hi
        and (amount < math.inf or name in _MAY_BE_INFINITE)
        and (amount > 0 or name not in _ABOVE_ZERO)
        and not (is_whole and amount % 1)
    )
    if not fits:
        kind, reason = "whole number" if is_whole else "number", f": {why}" if why else ""
        raise ValueError(f"{name} must be a {kind} {span}, got {amount!r}{reason}.")
    return int(amount) if is_whole else float(amount)
