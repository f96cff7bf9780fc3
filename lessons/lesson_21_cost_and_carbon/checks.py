"""Checks of lesson 21: energy of a run, a million tokens, own or rent, a budget, an audit."""

import math

from labkit.teach.registry import always, exercise, solution

HOURS_PER_YEAR = 8760


_mwh = solution("21.1")


@exercise(
    "21.1",
    title="energy of a run",
    wrong=[
        (always(1287), "fresh numbers"),
        (lambda n, w, d, p: n * w * d * 24 / 1e6, "PUE"),
        (lambda n, w, d, p: n * w * d * 24 / p / 1e6, "more than the computers"),
        (lambda n, w, d, p: n * w * d * p / 1e6, "24 hours"),
        (lambda n, w, d, p: n * w * d * 24 * p / 1e3, "kilowatt-hours"),
        (lambda n, w, d, p: n * w * d * 86400 * p, "joules"),
        (lambda n, w, d, p: w * d * 24 * p / 1e6, "one chip"),
    ],
)
def run_mwh(answer, rng):
    for _ in range(10):
        n_chips, power_w = rng.randint(100, 20000), rng.randint(200, 900)
        days, pue = rng.uniform(2, 90), rng.uniform(1.05, 1.6)
        got, right = answer(n_chips, power_w, days, pue), _mwh(n_chips, power_w, days, pue)
        if math.isclose(got, right, rel_tol=1e-6):
            continue
        for factor, hint in (
            (1 / pue, "the building draws PUE times what its computers do"),
            (1 / pue**2, "the building draws more than the computers: multiply by the PUE"),
            (1 / 24, "a day has 24 hours"),
            (1e3, "those are kilowatt-hours: a megawatt-hour is a million watt-hours"),
            (3.6e9, "those are joules: a megawatt-hour is 3.6e9 of them"),
            (1 / n_chips, "that is the energy of one chip"),
        ):
            assert not math.isclose(got, factor * right, rel_tol=1e-6), hint
        raise AssertionError(
            f"wrong on fresh numbers: {n_chips} chips, {power_w} W, {days:.2f} days, PUE "
            f"{pue:.2f}: got {got:.4g} MWh, expected {right:.4g}"
        )


_million = solution("21.2")


@exercise(
    "21.2",
    title="a million tokens",
    wrong=[
        (always(0.776), "fresh numbers"),
        (lambda p, r, u: p / (r * 3600) * 1e6, "idle hours are paid too"),
        (lambda p, r, u: p * u / (r * 3600) * 1e6, "dearer when it is used less"),
        (lambda p, r, u: p / (r * u) * 1e6, "3600 seconds"),
        (lambda p, r, u: p / (r * 3600 * u), "of one token"),
        (lambda p, r, u: r * 3600 * u / p, "tokens for a dollar"),
    ],
)
def million_tokens_usd(answer, rng):
    for _ in range(10):
        price, rate = rng.uniform(0.5, 10), rng.uniform(100, 20000)
        use = rng.uniform(0.05, 0.9)
        got, right = answer(price, rate, use), _million(price, rate, use)
        if math.isclose(got, right, rel_tol=1e-6):
            continue
        for wrong, hint in (
            (right * use, "idle hours are paid too: tokens are made only while it works"),
            (right * use**2, "a token gets dearer when it is used less: divide by utilisation"),
            (right * 3600, "an hour has 3600 seconds"),
            (right / 1e6, "that is the price of one token"),
            (1e6 / right, "those are the tokens for a dollar: turn the fraction round"),
        ):
            assert not math.isclose(got, wrong, rel_tol=1e-6), hint
        raise AssertionError(
            f"wrong on fresh numbers: {price:.2f} USD an hour, {rate:.0f} tokens a second, used "
            f"{use:.0%}: got {got:.4g} USD, expected {right:.4g}"
        )


_break_even = solution("21.3")


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


_best_offer = solution("21.4")


def _best(offers, max_usd, max_tonnes, usd=True, carbon=True, pue=True, by=0):
    """A wrong answer to 21.4: one of its rules is left out, or another column is the least."""
    allowed = []
    for name, n_chips, days, price, power_w, its_pue, g_per_kwh in offers:
        chip_hours = n_chips * days * 24
        mass_t = chip_hours * power_w / 1000 * (its_pue if pue else 1) * g_per_kwh / 1e6
        cost_usd = chip_hours * price
        if (cost_usd <= max_usd or not usd) and (mass_t <= max_tonnes or not carbon):
            allowed.append(((days, cost_usd, mass_t)[by], name))
    return min(allowed)[1] if allowed else "none"


@exercise(
    "21.4",
    title="beat a budget",
    wrong=[
        (always("nowhere"), "is called"),
        (lambda o, usd, t: _best(o, usd, t, carbon=False), "too much carbon"),
        (lambda o, usd, t: _best(o, usd, t, usd=False), "too many dollars"),
        (lambda o, usd, t: _best(o, usd, t, pue=False), "PUE"),
        (lambda o, usd, t: _best(o, usd, t, by=1), "cheapest"),
        (lambda o, usd, t: _best(o, usd, t, by=2), "cleanest"),
        (lambda o, usd, t: min(o, key=lambda offer: offer[2])[0], "too"),
        (lambda o, usd, t: _best_offer(o, usd, t).replace("none", o[0][0]), "no offer"),
        (lambda o, usd, t: [offer for offer in o if offer[0] == _best_offer(o, usd, t)], "a text"),
    ],
)
def best_offer(answer, rng):
    for case in range(12):
        offers, max_usd, max_tonnes = _market(rng)
        if case % 4 == 3:
            max_usd = 1.0
        given = [tuple(offer) for offer in offers]
        got, right = answer(offers, max_usd, max_tonnes), _best_offer(given, max_usd, max_tonnes)
        assert isinstance(got, str), f"the answer is a text, the name of an offer: got {got!r}"
        if got == right:
            continue
        known = [offer[0] for offer in given]
        assert got in [*known, "none"], f"no offer is called {got!r}: there are {', '.join(known)}"
        assert right != "none", f"no offer costs as little as {max_usd:g} USD: return 'none'"
        assert got != _best(given, max_usd, max_tonnes, carbon=False), (
            f"{got} emits too much carbon: chips x hours x kW x PUE x g/kWh is above the limit"
        )
        assert got != _best(given, max_usd, max_tonnes, usd=False), (
            f"{got} costs too many dollars: chips x hours x price is above the limit"
        )
        assert got != _best(given, max_usd, max_tonnes, pue=False), (
            f"{got} is within the limit only if its PUE is forgotten"
        )
        assert got != _best(given, max_usd, max_tonnes, by=1), (
            f"{got} is the cheapest of those allowed; the fastest is asked for"
        )
        assert got != _best(given, max_usd, max_tonnes, by=2), (
            f"{got} is the cleanest of those allowed; the fastest is asked for"
        )
        assert got != min(given, key=lambda offer: offer[2])[0], (
            f"{got} is the fastest of all, but breaks both limits: too dear and too dirty"
        )
        raise AssertionError(f"got {got!r}, expected {right!r}: the fastest within both limits")


def _market(rng):
    """Seven offers and two limits: each offer but `right` breaks a rule, or is slower.

    In days: broke < dear < dirty < hidden < right < clean < cheap; `hidden` is above the limit of
    carbon only by its PUE.
    """
    names = rng.sample(("north", "south", "east", "west", "coast", "hills", "valley"), 7)
    chip_hours, watts = rng.uniform(1e5, 1e6), rng.uniform(400, 900)
    usd, grams, pue = rng.uniform(2, 4), rng.uniform(200, 400), rng.uniform(1.15, 1.4)
    # share of the two limits that each takes, and the days, in the order above
    plan = [(3, 3), (2, 0.5), (0.5, 2), (0.7, 1.02), (0.9, 0.9), (0.8, 0.1), (0.2, 0.7)]
    offers = []
    for number, (name, (usd_share, carbon_share)) in enumerate(zip(names, plan, strict=True)):
        days = (number + 2) * rng.uniform(5.0, 5.5)
        n_chips = chip_hours / days / 24
        offers.append((name, n_chips, days, usd * usd_share, watts, pue, grams * carbon_share))
    max_usd = chip_hours * usd
    max_tonnes = chip_hours * watts / 1000 * pue * grams / 1e6
    rng.shuffle(offers)
    return offers, max_usd, max_tonnes


_VERDICTS = ("right", "no pue", "pue twice", "factor 1000", "unexplained")


_audited = solution("21.5")


def _audited_with(gpu_hours, power_w, pue, g_per_kwh, tonnes, without=(), close=0.01):
    """A wrong answer to 21.5: some verdicts are never given, or the limit is another one."""
    right = gpu_hours * power_w / 1000 * pue * g_per_kwh / 1e6
    suspects = (
        ("right", right), ("no pue", right / pue), ("pue twice", right * pue),
        ("factor 1000", right / 1000), ("factor 1000", right * 1000),
    )  # fmt: skip
    for verdict, value in suspects:
        if verdict not in without and abs(tonnes / value - 1) <= close:
            return verdict
    return "unexplained"


def _one_sided(*claim):
    right = _audited(*claim)
    return "unexplained" if right == "factor 1000" and claim[-1] > 1e5 else right


@exercise(
    "21.5",
    title="audit a claim",
    wrong=[
        (always("right"), "it is not right"),
        (always("unexplained"), "it is explained"),
        (lambda *claim: _audited_with(*claim, without=["no pue"]), "without the PUE"),
        (lambda *claim: _audited_with(*claim, without=["pue twice"]), "PUE squared"),
        (lambda *claim: _audited_with(*claim, without=["factor 1000"]), "kWh"),
        (_one_sided, "kWh"),
        (lambda *claim: _audited_with(*claim, close=1e-9), "within 1 %"),
        (lambda *claim: _audited_with(*claim, close=0.04), "1 % is the limit"),
        (lambda *claim: _audited(*claim).replace(" ", "_"), "one of the five texts"),
        (lambda h, w, p, g, t: _audited(h, w, p, g / 1e6, t), "the inputs give"),
    ],
)
def audit(answer, rng):
    for case in range(30):
        gpu_hours, power_w = rng.uniform(5e5, 5e6), rng.uniform(300, 800)
        pue, g_per_kwh = rng.uniform(1.06, 1.5), rng.uniform(100, 700)
        exact = gpu_hours * power_w / 1000 * pue * g_per_kwh / 1e6
        factors = (1, 1 / pue, pue, 1e-3, 1e3, 1.025, rng.choice((0.3, 2.7)))
        tonnes = exact * factors[case % 7] * rng.uniform(0.994, 1.006)
        claim = (gpu_hours, power_w, pue, g_per_kwh, tonnes)
        got, right = answer(*claim), _audited(*claim)
        assert got in _VERDICTS, f"got {got!r}: answer with one of the five texts"
        if got == right:
            continue
        said = f"a claim of {tonnes:.4g} t, where the inputs give {exact:.4g} t"
        assert got == "unexplained" or right != "unexplained" or factors[case % 7] != 1.025, (
            f"{said}: 1 % is the limit, so this is unexplained"
        )
        assert got != "right", f"{said}: it is not right, but {right}"
        hint = {
            "right": f"{said}: it is right, within 1 %",
            "no pue": f"{said}: that is the figure without the PUE ({pue:.2f})",
            "pue twice": f"{said}: that is the figure with the PUE squared ({pue:.2f})",
            "factor 1000": f"{said}: a thousand too little or too much, as from kWh for MWh",
            "unexplained": f"{said}: none of the four explains it",
        }[right]
        raise AssertionError(
            f"it is explained: {hint}" if got == "unexplained" else f"{hint}, and not {got}"
        )
