"""Exercise 21.3: from which utilisation on owning is cheaper than renting."""

import math

from labkit.teach.registry import always, exercise, solution

HOURS_PER_YEAR = 8760

_break_even = solution("21.3")


def _divides_by_zero(capex, life, hosting, power_w, pue, usd_per_kwh, rent):
    """Wrong where the electricity costs exactly as much as the rent."""
    saved_usd = rent - power_w / 1000 * pue * usd_per_kwh
    return math.inf if saved_usd < 0 else (capex / life + hosting) / (HOURS_PER_YEAR * saved_usd)


@exercise(
    "21.3",
    title="own or rent",
    wrong=[
        (always(0.537), "fresh numbers"),
        (lambda c, y, h, w, p, e, r: (c / y + h) / (8760 * r), "costs electricity too"),
        (lambda c, y, h, w, p, e, r: (c / y + h) / 8760 / r + w * p * e / 1e3 / r, "in both"),
        (lambda c, y, h, w, p, e, r: _break_even(c, y, 0, w, p, e, r), "hosting"),
        (lambda c, y, h, w, p, e, r: _break_even(c, 1, h, w, p, e, r), "lasts for years"),
        (lambda c, y, h, w, p, e, r: _break_even(c, y, h, w, 1, e, r), "PUE"),
        (lambda c, y, h, w, p, e, r: _break_even(c, y, h, 1e3 * w, p, e, r), "kilowatt"),
        (lambda c, y, h, w, p, e, r: min(1, _break_even(c, y, h, w, p, e, r)), "may exceed 1"),
        (
            lambda c, y, h, w, p, e, r: (c / y + h) / (8760 * abs(r - w * p * e / 1e3)),
            "never pays",
        ),
        (_divides_by_zero, "ZeroDivisionError", "error"),
    ],
)
def break_even(answer, rng):
    for case in range(20):
        capex, life = rng.uniform(20e3, 60e3), rng.uniform(2.5, 6)
        hosting, power_w = rng.uniform(1e3, 5e3), rng.uniform(500, 1200)
        pue, usd_per_kwh = rng.uniform(1.1, 1.6), rng.uniform(0.05, 0.2)
        hour_usd = power_w / 1000 * pue * usd_per_kwh
        # A dear rent, then any, then one a little above the electricity, then one below it.
        rent = (rng.uniform(4, 8), rng.uniform(2, 8), hour_usd + 0.3, 0.8 * hour_usd)[case % 4]
        given = (capex, life, hosting, power_w, pue, usd_per_kwh, rent)
        got, right = answer(*given), _break_even(*given)
        if math.isclose(got, right, rel_tol=1e-6):
            continue
        for wrong, hint in _slips(*given):
            assert not math.isclose(got, wrong, rel_tol=1e-6), hint
        assert not right > 1 or got != 1, (
            f"{rent:.2f} USD an hour: the result may exceed 1, and here it is {right:.2f}"
        )
        assert right < math.inf, (
            f"electricity {hour_usd:.3f} USD an hour, rent {rent:.3f}: owning never pays, return "
            f"math.inf"
        )
        raise AssertionError(f"wrong on fresh numbers: got {got:.4g}, expected {right:.4g}")
    # Powers of two and a whole kilowatt, so that no order of multiplying rounds.
    assert answer(32768.0, 4, 2048.0, 1000, 1.5, 0.125, 0.1875) == math.inf, (
        "electricity costs exactly as much as the rent: owning never pays, return math.inf"
    )


def _slips(capex, life, hosting, power_w, pue, usd_per_kwh, rent):
    """Results of common slips, each with its hint."""
    fixed_per_hour = (capex / life + hosting) / HOURS_PER_YEAR
    hour_usd = power_w / 1000 * pue * usd_per_kwh
    args = (power_w, pue, usd_per_kwh, rent)
    return (
        (fixed_per_hour / rent, "an own hour of work costs electricity too"),
        (
            (fixed_per_hour + hour_usd) / rent,
            "electricity is paid only for hours of work: it grows with utilisation in both sides",
        ),
        (_break_even(capex, life, 0, *args), "hosting is paid as well, busy or not"),
        (_break_even(capex, 1, hosting, *args), "the machine lasts for years: divide its price"),
        (
            _break_even(capex, life, hosting, power_w, 1, usd_per_kwh, rent),
            "the PUE multiplies the electricity",
        ),
        (
            _break_even(capex, life, hosting, 1e3 * power_w, pue, usd_per_kwh, rent),
            "electricity is priced by the kilowatt-hour, and the power is in watts",
        ),
    )
