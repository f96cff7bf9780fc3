"""Exercise 21.1: the energy of a run."""

import math

from labkit.teach.registry import always, exercise, solution

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
