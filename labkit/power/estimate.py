"""`Estimate`: an energy and what it may be at least and at most; words for what is doubtful."""

from typing import NamedTuple

FLAGS = (
    "window_below_update_period",
    "aliasing_risk",
    "wrap_ambiguous",
    "permission",
    "dropped_samples",
    "model",
)


class Estimate(NamedTuple):
    """An energy in J with its bounds; any of them None where it is unknown."""

    energy_j: float | None
    low_j: float | None
    high_j: float | None
    flags: tuple[str, ...] = ()


def aliasing_risk(load_period_s, update_period_s, averaging_window_s):
    """Whether a sensor that sees only a part of the time may always see the same part of the load.

    That is so when the load's period is within 5 % of a multiple of the update period, or the
    update period within 5 % of a multiple of the load's. Above five updates a period the load is
    slow enough to be followed; below one averaging window every figure holds whole periods.
    """
    if averaging_window_s >= update_period_s:
        return False  # it sees everything
    if not averaging_window_s < load_period_s < 5.5 * update_period_s:
        return False
    ratio = load_period_s / update_period_s
    ratio = ratio if ratio >= 1 else 1 / ratio
    return abs(ratio - round(ratio)) <= 0.05 * round(ratio)
