"""Exercise 21.4: the fastest offer within two limits."""

import operator

from labkit.teach.registry import always, exercise, solution

_best_offer = solution("21.4")


def _best(offers, max_usd, max_tonnes, usd=True, carbon=True, pue=True, by=0, below=operator.le):
    """A wrong answer to 21.4: one of its rules is left out, or another column is the least."""
    allowed = []
    for name, n_chips, days, price, power_w, its_pue, g_per_kwh in offers:
        chip_hours = n_chips * days * 24
        mass_t = chip_hours * power_w / 1000 * (its_pue if pue else 1) * g_per_kwh / 1e6
        cost_usd = chip_hours * price
        if (below(cost_usd, max_usd) or not usd) and (mass_t <= max_tonnes or not carbon):
            allowed.append(((days, cost_usd, mass_t, -n_chips)[by], name))
    return min(allowed)[1] if allowed else "none"


@exercise(
    "21.4",
    title="beat a budget",
    wrong=[
        (always("nowhere"), "is called"),
        (lambda o, usd, t: _best(o, usd, t, carbon=False), "too much carbon"),
        (lambda o, usd, t: _best(o, usd, t, usd=False), "too many dollars"),
        (lambda o, usd, t: _best(o, usd, t, pue=False), "PUE"),
        (lambda o, usd, t: _best(o, usd, 1.01 * t), "PUE"),
        (lambda o, usd, t: _best(o, usd, t, by=1), "cheapest"),
        (lambda o, usd, t: _best(o, usd, t, by=2), "cleanest"),
        (lambda o, usd, t: _best(o, usd, t, by=3), "fewest days"),
        (lambda o, usd, t: _best(o, usd, t, below=operator.lt), "exactly"),
        (lambda o, usd, t: _best(o, usd, t, carbon=t > 1), "no offer"),
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
        if case % 4 == 1:
            max_tonnes = 1e-3
        given = [tuple(offer) for offer in offers]
        got, right = answer(offers, max_usd, max_tonnes), _best_offer(given, max_usd, max_tonnes)
        assert isinstance(got, str), f"the answer is a text, the name of an offer: got {got!r}"
        if got == right:
            continue
        known = [offer[0] for offer in given]
        assert got in [*known, "none"], f"no offer is called {got!r}: there are {', '.join(known)}"
        assert right != "none", (
            f"no offer keeps both {max_usd:g} USD and {max_tonnes:g} tonnes: return 'none'"
        )
        assert got != _best(given, max_usd, max_tonnes, carbon=False), (
            f"{got} emits too much carbon: chips x hours x kW x PUE x g/kWh is above the limit"
        )
        assert got != _best(given, max_usd, max_tonnes, usd=False), (
            f"{got} costs too many dollars: chips x hours x price is above the limit"
        )
        assert got != _best(given, max_usd, max_tonnes, pue=False), (
            f"{got} is within the limit only if its PUE is forgotten"
        )
        assert got != _best(given, max_usd, max_tonnes, below=operator.lt), (
            f"{right} costs exactly {max_usd:g} USD, and that's still within the budget"
        )
        assert got != _best(given, max_usd, max_tonnes, by=1), (
            f"{got} is the cheapest of those allowed; the fewest days are asked for"
        )
        assert got != _best(given, max_usd, max_tonnes, by=2), (
            f"{got} is the cleanest of those allowed; the fewest days are asked for"
        )
        assert got != min(given, key=lambda offer: offer[2])[0], (
            f"{got} is the fastest of all, but breaks both limits: too dear and too dirty"
        )
        raise AssertionError(
            f"got {got!r}, expected {right!r}: work out dollars and tonnes for each offer, then "
            f"take the fewest days"
        )


def _market(rng):
    """Eight offers and two limits: each offer but `right` breaks a rule, or is slower.

    In days: broke < dear < dirty < hidden < right < second < clean < cheap; `hidden` is above the
    limit of carbon only by its PUE, `right` costs exactly as much as is allowed (its figures are
    such that no order of multiplying rounds), and `cheap` has the most chips of those allowed.
    """
    names = rng.sample(("north", "south", "east", "west", "coast", "hills", "valley", "island"), 8)
    days = [rng.randint(10, 12) + 5 * place + rng.randint(0, 1) for place in range(8)]
    right_chips, right_usd = rng.randint(300, 900), rng.randint(8, 16) / 4
    chip_hours = right_chips * days[4] * 24
    max_usd = chip_hours * right_usd
    max_tonnes = chip_hours * rng.uniform(0.4, 0.9) * rng.uniform(1.15, 1.4) * 300 / 1e6
    # share of the two limits that each takes, and its chip-hours over those of `right`
    plan = [
        (3, 3, 1), (1.02, 0.5, 0.7), (0.5, 2, 2), (0.7, 1.004, 1.5), (1, 0.9, 1), (0.8, 0.8, 1.2),
        (0.7, 0.1, 1), (0.2, 0.7, 4),
    ]  # fmt: skip
    offers = []
    for number, (usd_share, carbon_share, hours_share) in enumerate(plan):
        n_chips = round(chip_hours * hours_share / days[number] / 24)
        hours = n_chips * days[number] * 24
        usd = right_usd if number == 4 else max_usd * usd_share / hours
        watts, pue = rng.uniform(400, 900), rng.uniform(1.15, 1.4)
        grams = 1e9 * max_tonnes * carbon_share / (hours * watts * pue)
        offers.append((names[number], n_chips, days[number], usd, watts, pue, grams))
    rng.shuffle(offers)
    return offers, max_usd, max_tonnes
