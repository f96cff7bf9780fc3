"""What computing costs, rented or owned: pure functions of numbers, in US dollars.

A year has 365 days. Prices are arguments everywhere; dated ones are in `labkit.plan.data`.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from labkit.plan.amounts import checked
from labkit.plan.energy import J_PER_KWH, S_PER_HOUR

HOURS_PER_YEAR = 365 * 24


def cost_usd(
    *,
    time_s: float | None = None,
    usd_per_hour: float | None = None,
    energy_j: float | None = None,
    usd_per_kwh: float | None = None,
) -> float:
    """Cost in USD of a time at an hourly price, of an energy at its price, or of both.

    `cost_usd(time_s=7200, usd_per_hour=2.99)`, `cost_usd(energy_j=3.6e6, usd_per_kwh=0.09)`.
    Raises ValueError for half a pair, for none, and for nonsense.
    """
    pairs = (
        ("time_s", time_s, "usd_per_hour", usd_per_hour, S_PER_HOUR),
        ("energy_j", energy_j, "usd_per_kwh", usd_per_kwh, J_PER_KWH),
    )
    asked = [pair for pair in pairs if pair[1] is not None or pair[3] is not None]
    if not asked:
        raise ValueError(
            "Give time_s with usd_per_hour, or energy_j with usd_per_kwh: a cost needs an amount "
            "and its price."
        )
    return sum(_pair_usd(*pair) for pair in asked)


def _pair_usd(what, amount, price_name, price, unit):
    if amount is None or price is None:
        missing, given = (what, price_name) if amount is None else (price_name, what)
        raise ValueError(f"{given} is given without {missing}: a cost needs both.")
    amount, price = checked(**{what: amount, price_name: price})
    return amount / unit * price


def usd_per_million_tokens(
    usd_per_hour: float, tokens_per_s: float, *, utilisation: float = 1.0
) -> float:
    """Cost of a million tokens in USD: the price of an hour over the tokens made in it.

    utilisation   share of the paid time in which tokens are made at this rate; 1 is the best case

    Raises ValueError for nonsense.
    """
    price, rate, utilisation = checked(
        usd_per_hour=usd_per_hour, tokens_per_s=tokens_per_s, utilisation=utilisation
    )
    return price / (rate * S_PER_HOUR * utilisation) * 1e6


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Ownership:
    """Owning one chip, with its share of server, network and building.

    capex_usd                      purchase, paid in equal parts at the ends of `life_years` years
    residual_fraction              of it that the chip still fetches at the end
    interest                       a year, on what is still owed: the cost of capital, 0.08 for 8 %
    power_w, idle_power_w          drawn while it is used, and while it waits (0: switched off)
    pue, usd_per_kwh               of the building, and of its electricity
    hosting_usd_per_year           space, network, staff
    maintenance_fraction_per_year  repairs and spares, as a share of the purchase

    Raises ValueError for nonsense.
    """

    capex_usd: float
    life_years: float
    power_w: float
    idle_power_w: float
    pue: float
    usd_per_kwh: float
    hosting_usd_per_year: float
    maintenance_fraction_per_year: float
    residual_fraction: float = 0.0
    interest: float = 0.0

    def __post_init__(self):
        checked(**dataclasses.asdict(self))

    @property
    def fixed_usd_per_year(self) -> float:
        """What a year costs before the first hour of work: the purchase, repairs, hosting."""
        repairs = self.capex_usd * self.maintenance_fraction_per_year
        return self._purchase_usd_per_year + repairs + self.hosting_usd_per_year

    def electricity_usd_per_year(self, utilisation: float) -> float:
        """Electricity of a year, busy for this share of it and idle for the rest."""
        (share,) = checked(utilisation=utilisation)
        mean_w = share * self.power_w + (1 - share) * self.idle_power_w
        return HOURS_PER_YEAR * self._usd_per_hour_of(mean_w)

    def usd_per_year(self, utilisation: float) -> float:
        """Total cost of ownership of a year in USD."""
        return self.fixed_usd_per_year + self.electricity_usd_per_year(utilisation)

    def usd_per_hour(self, utilisation: float) -> float:
        """Cost of one *used* hour in USD: an idle hour is paid by the others."""
        return self.usd_per_year(utilisation) / (HOURS_PER_YEAR * utilisation)

    def break_even_utilisation(self, rent_usd_per_hour: float) -> float:
        """The utilisation at which a used hour costs what renting it does.

        Above 1, renting is cheaper however busy the machine is; infinite where its electricity
        alone costs more than the rent.
        """
        (rent,) = checked(rent_usd_per_hour=rent_usd_per_hour)
        waiting = self.fixed_usd_per_year / HOURS_PER_YEAR + self._usd_per_hour_of(
            self.idle_power_w
        )
        gain = rent - self._usd_per_hour_of(self.power_w - self.idle_power_w)
        return waiting / gain if gain > 0 else math.inf

    @property
    def _purchase_usd_per_year(self):
        """The payment of each year: all together are worth the purchase, less what is left of it.

        A dollar in k years is worth (1 + interest) ** -k dollars today. Written with expm1, so that
        an interest near 0 gives the price in equal parts.
        """
        growth = self.life_years * math.log1p(self.interest)
        a_dollar_a_year_usd = -math.expm1(-growth) / self.interest if growth else self.life_years
        residual_usd = self.capex_usd * self.residual_fraction * math.exp(-growth)
        return (self.capex_usd - residual_usd) / a_dollar_a_year_usd

    def _usd_per_hour_of(self, power_w):
        return power_w * S_PER_HOUR / J_PER_KWH * self.pue * self.usd_per_kwh


class Swing(NamedTuple):
    """What one input does to a result: its two values, and the result at each."""

    name: str
    low: float
    high: float
    at_low: float
    at_high: float

    @property
    def size(self) -> float:
        return abs(self.at_high - self.at_low)


def tornado(
    fn: Callable[..., float], base: Mapping[str, float], ranges: Mapping[str, tuple[float, float]]
) -> list:
    """How far each input alone moves `fn(**base)`: Swings, the largest first.

    ranges   name -> (low, high); all other inputs stay at `base`. Inputs that move the result only
             together are not found this way.

    Raises ValueError for a range of a name that `base` has not, or whose ends are swapped.
    """
    for name, ends in ranges.items():
        if name not in base:
            raise ValueError(f"base has no {name!r} to vary. It has: {', '.join(base)}.")
        if not (isinstance(ends, Sequence) and len(ends) == 2):
            raise ValueError(f"The range of {name} is a pair (low, high), got {ends!r}.")
        low, high = ends
        if not low <= high:
            raise ValueError(f"The range of {name} runs from {low} to {high}: put the lower first.")
    swings = [
        Swing(name, *ends, *(fn(**{**base, name: end}) for end in ends))
        for name, ends in ranges.items()
    ]
    return sorted(swings, key=lambda swing: -swing.size)
