"""Exercise 21.4: the fastest offer within two limits."""

from labkit.teach.registry import always, exercise, solution

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
        (lambda o, usd, t: _best(o, usd, 1.01 * t), "PUE"),
        (lambda o, usd, t: _best(o, usd * (1 - 1e-12), t), "exactly the limit"),
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
    even = [("north", 1024, 32, 2.0, 500, 1.25, 100), ("south", 512, 80, 1.0, 500, 1.25, 100)]
    assert answer(even, 1024 * 32 * 24 * 2.0, 1e6) == "north", (
        "north costs exactly the limit, and so it keeps it"
    )


def _market(rng):
    """Seven offers and two limits: each offer but `right` breaks a rule, or is slower.

    In days: broke < dear < dirty < hidden < right < clean < cheap; `hidden` is above the limit of
    carbon only by its PUE.
    """
    names = rng.sample(("north", "south", "east", "west", "coast", "hills", "valley"), 7)
    chip_hours, watts = rng.uniform(1e5, 1e6), rng.uniform(400, 900)
    usd, grams, pue = rng.uniform(2, 4), rng.uniform(200, 400), rng.uniform(1.15, 1.4)
    # share of the two limits that each takes, and the days, in the order above
    plan = [(3, 3), (2, 0.5), (0.5, 2), (0.7, 1.004), (0.9, 0.9), (0.8, 0.1), (0.2, 0.7)]
    offers = []
    for number, (name, (usd_share, carbon_share)) in enumerate(zip(names, plan, strict=True)):
        days = (number + 2) * rng.uniform(5.0, 5.5)
        n_chips = chip_hours / days / 24
        offers.append((name, n_chips, days, usd * usd_share, watts, pue, grams * carbon_share))
    max_usd = chip_hours * usd
    max_tonnes = chip_hours * watts / 1000 * pue * grams / 1e6
    rng.shuffle(offers)
    return offers, max_usd, max_tonnes
