"""`Estimate`: an energy that lies between its bounds, always; words for what is doubtful."""

import dataclasses
import math
from collections.abc import Iterable

FLAGS = (
    "window_below_update_period",
    "aliasing_risk",
    "wrap_ambiguous",
    "impossible_step",
    "stuck",
    "permission",
    "dropped_samples",
    "shared_gpu",
    "model",
)
# What a chip or a package that declares no limit cannot exceed: only a glitch does.
DEFAULT_MAX_POWER_W = 1000.0


@dataclasses.dataclass(frozen=True, slots=True)
class Estimate:
    """An energy in J and its bounds. 0 <= low_j <= energy_j <= high_j, all finite, or ValueError.

    flags   any of `FLAGS`
    """

    energy_j: float
    low_j: float
    high_j: float
    flags: tuple[str, ...] = ()

    def __post_init__(self):
        if not 0 <= self.low_j <= self.energy_j <= self.high_j < math.inf:
            raise ValueError(
                f"An energy lies between its bounds, and none is below 0 J: got {self.energy_j!r} "
                f"between {self.low_j!r} and {self.high_j!r}."
            )

    @classmethod
    def within(
        cls, low_j: float, energy_j: float, high_j: float, flags: tuple[str, ...] = ()
    ) -> "Estimate":
        """The estimate whose bounds are certain: an energy beyond one of them is that bound."""
        return cls(min(max(energy_j, low_j), high_j), low_j, high_j, flags)


@dataclasses.dataclass(frozen=True, slots=True)
class Unknown:
    """An energy that cannot be told: why, and any of `FLAGS`."""

    reason: str
    flags: tuple[str, ...] = ()


def total(estimates: Iterable[Estimate]) -> Estimate:
    """The energy of parts that are physically disjoint: sums of energies and of bounds."""
    parts = list(estimates)
    flags = {flag for part in parts for flag in part.flags}
    return Estimate(
        math.fsum(part.energy_j for part in parts),
        math.fsum(part.low_j for part in parts),
        math.fsum(part.high_j for part in parts),
        tuple(flag for flag in FLAGS if flag in flags),
    )


def aliasing_risk(load_period_s: float, update_period_s: float, averaging_window_s: float) -> bool:
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
