"""Exercise 02.4: the chip on which a job costs least, by its roofline."""

import itertools

from labkit.teach.registry import always, exercise, solution

_cheapest = solution("02.4")


def _best(chips, cost):
    return min(chips, key=lambda name: cost(*chips[name]))


@exercise(
    "02.4",
    title="which one to rent",
    wrong=[
        (always("cobalt"), "one of the chips"),
        (lambda f, m, chips: _best(chips, lambda p, b, usd: max(f / p, m / b)), "the fastest"),
        (lambda f, m, chips: _best(chips, lambda p, b, usd: usd), "the cheapest for an hour"),
        (lambda f, m, chips: _best(chips, lambda p, b, usd: usd / p), "operations for a dollar"),
        (lambda f, m, chips: _best(chips, lambda p, b, usd: usd / b), "bytes for a dollar"),
        (lambda f, m, chips: max(chips, key=lambda c: chips[c][0]), "costs"),
        (
            lambda f, m, chips: _best(chips, lambda p, b, usd: (f / p + m / b) * usd),
            "overlap",
        ),
        (
            lambda f, m, chips: _best(chips, lambda p, b, usd: min(f / p, m / b) * usd),
            "costs",
        ),
        (lambda f, m, chips: next(iter(chips)), "costs"),
        (lambda f, m, chips: _cheapest(f, m, dict(list(chips.items())[1:])), "costs"),
        (lambda f, m, chips: _cheapest(f, m, dict(list(chips.items())[:4])), "costs"),
    ],
)
def cheapest_chip(answer, rng):
    places = (4, 0, 2, rng.randrange(5))
    for place, bound in itertools.product(places, ("memory", "compute", "both", "overlap")):
        flop, moved, chips = _market(rng, bound, place)
        got = answer(flop, moved, chips)
        right = _cheapest(flop, moved, chips)
        assert got in chips, f"got {got!r}: return the name of one of the chips"
        if got == right:
            continue
        costs = {name: _usd(flop, moved, *chip) for name, chip in chips.items()}
        raise AssertionError(
            f"{flop:.3g} FLOP and {moved:.3g} bytes on {got} costs {costs[got]:.4g} USD, and on "
            f"{right} {costs[right]:.4g}{_why(got, flop, moved, chips)}"
        )


def _why(got, flop, moved, chips):
    """What leads to this chip, as the end of a sentence; empty where nobody knows."""
    turns = [
        (lambda p, b, usd: max(flop / p, moved / b), "the fastest isn't always the cheapest"),
        (
            lambda p, b, usd: (flop / p + moved / b) * usd,
            "computing and moving overlap, so only the longer one counts",
        ),
        (lambda p, b, usd: usd, "that's the cheapest for an hour, and the job may take longer"),
        (lambda p, b, usd: usd / p, "that's the most operations for a dollar; this job waits"),
        (lambda p, b, usd: usd / b, "that's the most bytes for a dollar; this job computes"),
    ]
    return next((f": {words}" for cost, words in turns if _best(chips, cost) == got), "")


def _usd(flop, moved, peak, bandwidth, usd_per_hour):
    return max(flop / peak, moved / bandwidth) * usd_per_hour / 3600


def _market(rng, bound, place):
    """A job, and chips among which each wrong turn picks another one than the cheapest.

    place   of the cheapest among the five
    """
    flop, moved = 10 ** rng.uniform(15, 17), 10 ** rng.uniform(12, 14)
    scale = rng.uniform(0.5, 2)

    def chip(compute_h, memory_h, usd_per_hour):
        """A chip that computes the job in so many hours, and moves its bytes in so many."""
        return flop / (3600 * compute_h), moved / (3600 * memory_h), usd_per_hour

    near = rng.uniform(1.0, 1.1)
    if bound == "memory":  # of all chips the cheapest has the most bytes for a dollar
        chips = [chip(1, 2 * near, 2), chip(0.1, 1, 8), chip(0.2, 8, 1.5), chip(4, 30, 0.8)]
    elif bound == "compute":
        chips = [chip(2 * near, 1, 2), chip(1, 0.1, 8), chip(8, 0.2, 1.5), chip(30, 4, 0.8)]
    elif bound == "both":  # much of both is the best, and much of one only isn't
        chips = [chip(1, near, 3), chip(0.2, 6, 2.6), chip(6, 0.2, 2.5), chip(0.5, 0.5, 9)]
    else:  # the sum of both times would choose the second
        chips = [chip(2, 2 * near, 2), chip(0.4, 2.6, 2), chip(0.3, 0.3, 30), chip(30, 30, 1)]
    chips.append(chip(5, 5, rng.uniform(4, 6)))
    names = rng.sample(("amber", "basalt", "copper", "delta", "ember", "flint", "garnet"), 5)
    chips = [(peak, bandwidth, scale * usd) for peak, bandwidth, usd in chips]
    order = rng.sample(range(1, 5), 4)
    order.insert(place, 0)
    return flop, moved, {names[k]: chips[k] for k in order}
