"""What failures cost a long run, and how often it should save: pure functions, all modelled.

Failures are taken as independent and without memory, so the time to the next one is exponential
with a mean of `mttf_s`. Sources: Young 1974, "A first order approximation to the optimum checkpoint
interval", CACM 17(9); Daly 2006, "A higher order estimate of the optimum checkpoint interval for
restart dumps", Future Generation Computer Systems 22(3).
"""

import dataclasses
import math
from collections.abc import Sequence

from labkit.plan.amounts import checked


def fleet_mttf_s(n_parts: int, part_mttf_s: float) -> float:
    """Mean time in s to the first failure of any of `n_parts`: that of one part over their number.

    Raises ValueError for nonsense.
    """
    n_parts, part_mttf_s = checked(n_parts=n_parts, part_mttf_s=part_mttf_s)
    return part_mttf_s / n_parts


def chance_of_any(n_parts: int, chance: float) -> float:
    """Chance that at least one of `n_parts` independent parts does what each does with `chance`.

    A step that waits for all of its ranks is held up with this chance. Raises ValueError for
    nonsense.
    """
    n_parts, chance = checked(n_parts=n_parts, chance=chance)
    return -math.expm1(n_parts * math.log1p(-chance)) if chance < 1 else 1.0


def availability(
    mttf_s: float, repair_s: float, n_parts: int = 1, n_needed: int | None = None
) -> float:
    """Share of the time in which at least `n_needed` of `n_parts` parts are up, 0 to 1.

    mttf_s, repair_s   of one part: a part is up for MTTF / (MTTF + repair) of the time
    n_needed           all of them, unless some are spare

    Every part fails and is repaired by itself. Raises ValueError for nonsense.
    """
    mttf_s, repair_s = checked(mttf_s=mttf_s, repair_s=repair_s)
    needed = n_parts if n_needed is None else n_needed
    if not (isinstance(n_parts, int) and isinstance(needed, int) and 1 <= needed <= n_parts):
        raise ValueError(
            f"Give whole numbers with 1 <= n_needed <= n_parts, got n_needed = {needed!r} and "
            f"n_parts = {n_parts!r}."
        )
    up = mttf_s / (mttf_s + repair_s)
    return min(1.0, sum(_binomial(n_parts, k, 1 - up) for k in range(n_parts - needed + 1)))


def _binomial(n, k, chance):
    """Chance that exactly `k` of `n` happen; by logarithms, for n may be large."""
    if chance == 0:
        return float(k == 0)
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(ways + k * math.log(chance) + (n - k) * math.log1p(-chance))


def young_interval_s(save_s: float, mttf_s: float) -> float:
    """Young's interval in s of work between two checkpoints: √(2 × save × MTTF).

    It balances saving, save / interval, against what a failure undoes, interval / (2 MTTF), and
    takes save and interval as short against the MTTF. Raises ValueError for nonsense.
    """
    save_s, mttf_s = checked(save_s=save_s, mttf_s=mttf_s)
    return math.sqrt(2 * save_s * mttf_s)


def daly_interval_s(save_s: float, mttf_s: float) -> float:
    """Daly's higher-order interval in s of work between two checkpoints.

    √(2 C M) (1 + √(C / 2M) / 3 + C / 2M / 9) - C for a save C below 2 M, and the MTTF M otherwise.
    Raises ValueError for nonsense.
    """
    save_s, mttf_s = checked(save_s=save_s, mttf_s=mttf_s)
    if save_s >= 2 * mttf_s:
        return mttf_s
    part = math.sqrt(save_s / (2 * mttf_s))
    return young_interval_s(save_s, mttf_s) * (1 + part / 3 + part**2 / 9) - save_s


def goodput(
    interval_s: float, save_s: float, restart_s: float, mttf_s: float, write_s: float = 0.0
) -> float:
    """Share of the time that goes into work which is kept, 0 to 1, in the long run.

    interval_s  of work between two checkpoints
    save_s      for which a checkpoint stops the work
    restart_s   from a failure until the work goes on: to notice it, start again, load
    write_s     for which a checkpoint is still being written while the work goes on; until then a
                failure goes back to the one before. At most interval_s + save_s

    Without `write_s` it is the inverse of Daly's expected time: a failure may come while saving and
    while restarting, too. Raises ValueError for nonsense.
    """
    interval_s, save_s, restart_s, mttf_s, write_s = _checked_run(
        interval_s, save_s, restart_s, mttf_s, write_s
    )
    period, delay = (interval_s + save_s) / mttf_s, (restart_s + write_s) / mttf_s
    if period + delay > 700:  # the exponential is out of range, and the goodput is 0
        return 0.0
    return interval_s / mttf_s * math.exp(-delay) / math.expm1(period)


@dataclasses.dataclass(frozen=True, slots=True)
class RunTime:
    """Where the time of a run went, in s."""

    kept_s: float  # work whose checkpoint was finished
    saving_s: float
    lost_s: float  # work, and saving, that a failure undid
    restarting_s: float

    @property
    def total_s(self) -> float:
        return self.kept_s + self.saving_s + self.lost_s + self.restarting_s

    @property
    def goodput(self) -> float:
        """The share of the time that went into work which was kept."""
        return self.kept_s / self.total_s


def run_through(
    between_failures_s: Sequence[float],
    interval_s: float,
    save_s: float,
    restart_s: float,
    write_s: float = 0.0,
) -> RunTime:
    """Where the time of a run goes that fails at given moments, and begins with a restart.

    between_failures_s   from one failure to the next, one number or more
    others               as in `goodput`

    It draws nothing at random: draw the failures as you like. Raises ValueError for nonsense.
    """
    import numpy as np

    try:
        gaps = np.asarray(between_failures_s, float)
    except (TypeError, ValueError):  # texts, lists of several lengths
        gaps = np.empty(0)
    if gaps.ndim != 1 or not gaps.size or not (np.isfinite(gaps).all() and gaps.min() > 0):
        raise ValueError(
            "between_failures_s must be a list of one or more positive numbers, the times from one "
            "failure to the next."
        )
    interval_s, save_s, restart_s, _, write_s = _checked_run(
        interval_s, save_s, restart_s, 1.0, write_s
    )
    up = np.maximum(gaps - restart_s, 0)
    period_s = interval_s + save_s
    n_finished = np.maximum(np.floor((up - write_s) / period_s), 0)
    lost = up - n_finished * period_s
    kept, saving = n_finished.sum() * interval_s, n_finished.sum() * save_s
    restarting = gaps.sum() - up.sum()
    return RunTime(float(kept), float(saving), float(lost.sum()), float(restarting))


def _checked_run(interval_s, save_s, restart_s, mttf_s, write_s):
    amounts = checked(
        interval_s=interval_s, save_s=save_s, restart_s=restart_s, mttf_s=mttf_s, write_s=write_s
    )
    if write_s > interval_s + save_s:
        raise ValueError(
            f"A checkpoint that is written for {write_s:g} s isn't finished when the next begins, "
            f"after {interval_s + save_s:g} s: choose a longer interval."
        )
    return amounts
