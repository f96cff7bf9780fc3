"""The turns of lesson 21: a million tokens, an hour of waiting, the carbon of a run."""

import math

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_million = solution("21.t1")


@exercise(
    "21.t1",
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


_saved = solution("21.t2")


def _hours(hasty, patient):
    return 1e6 * (patient[1] - hasty[1]) / 3600


@exercise(
    "21.t2",
    title="what an hour of waiting saves",
    wrong=[
        (always(0.527), "expected"),
        (lambda h, p: h[0] - p[0], "a million tokens save"),
        (lambda h, p: _hours(h, p), "the hours themselves"),
        (lambda h, p: (h[0] - p[0]) / (1e6 * (p[1] - h[1])), "3600 seconds"),
        (lambda h, p: (h[0] - p[0]) / ((p[1] - h[1]) / 3600), "a million gaps"),
        (lambda h, p: (h[0] - p[0]) / (p[1] - h[1]), "a million gaps"),
        (lambda h, p: _hours(h, p) / (h[0] - p[0]), "upside down"),
        (lambda h, p: -_saved(h, p), "sign"),
        (lambda h, p: (h[0] - p[0]) / (1e6 * p[1] / 3600), "how much longer"),
        (lambda h, p: p[0] / _hours(h, p), "is saved"),
        (lambda h, p: h[0] / _hours(h, p), "is saved"),
        (lambda h, p: (h[0] - p[0]) * _hours(h, p), "divide"),
        (lambda h, p: (h[0] / p[0]) / _hours(h, p), "a ratio of prices"),
    ],
)
def saved_per_hour_waited(answer, rng):
    for _ in range(8):
        hasty = rng.uniform(0.5, 2), rng.uniform(0.004, 0.01)
        patient = rng.uniform(0.05, 0.4), rng.uniform(0.02, 0.08)
        saved_usd = hasty[0] - patient[0]
        right, hours = _saved(hasty, patient), _hours(hasty, patient)
        suspects = [
            (saved_usd, "that's what a million tokens save; divide it by the hours of waiting"),
            (hours, "those are the hours themselves; divide what is saved by them"),
            (right / 3600, "that's for each second waited, and an hour has 3600 seconds"),
            (1e6 * right, "a million tokens are a million gaps, each that much longer"),
            (1e6 * right / 3600, "a million tokens are a million gaps, and waiting is in hours"),
            (1 / right, "that's upside down: dollars for each hour"),
            (-right, "the sign: the hasty setting is dearer, and the patient one slower"),
            (saved_usd / (1e6 * patient[1] / 3600), "count only how much longer they wait"),
            (patient[0] / hours, "count what is saved: the dearer price less the cheaper one"),
            (hasty[0] / hours, "count what is saved: the dearer price less the cheaper one"),
            (saved_usd * hours, "dollars for each hour: divide by the hours"),
            (hasty[0] / patient[0] / hours, "that takes a ratio of prices; asked are dollars"),
        ]
        case = (
            f"from {hasty[0]:.2f} USD and {1e3 * hasty[1]:.1f} ms to {patient[0]:.2f} USD and "
            f"{1e3 * patient[1]:.1f} ms"
        )
        assert_right(answer(hasty, patient), right, case, suspects)


_run_t = solution("21.t3")


@exercise(
    "21.t3",
    title="the carbon of a run",
    wrong=[
        (always(552.1), "expected"),
        (lambda h, w, p, g: h * w * g / 1e9, "PUE is missing"),
        (lambda h, w, p, g: h * w / p * g / 1e9, "more than its computers"),
        (lambda h, w, p, g: h * w * p * p * g / 1e9, "only once"),
        (lambda h, w, p, g: h * w * p * g / 1e6, "a thousand times too much"),
        (lambda h, w, p, g: h * w * p * g / 1e3, "grams"),
        (lambda h, w, p, g: h * w * p / 1e6, "megawatt-hours"),
        (lambda h, w, p, g: h * 3600 * w * p * g / 1e9, "seconds"),
        (lambda h, w, p, g: h * w / 1e3 * p / g, "multiply"),
    ],
)
def run_t(answer, rng):
    for _ in range(10):
        chip_hours, power_w = rng.uniform(1e4, 4e6), rng.randint(150, 900)
        pue, g_per_kwh = rng.uniform(1.06, 1.6), rng.uniform(15, 750)
        args = (chip_hours, power_w, pue, g_per_kwh)
        right = _run_t(*args)
        suspects = [
            (right / pue, "the PUE is missing"),
            (right / pue**2, "the building draws more than its computers: multiply by the PUE"),
            (right * pue, "the PUE multiplies only once"),
            (
                1e3 * right,
                "a thousand times too much: the power is in watts, the intensity is for "
                "kilowatt-hours, and a tonne is a million grams",
            ),
            (1e6 * right, "these are grams, and a tonne is a million of them"),
            (right * 1e3 / g_per_kwh, "these are megawatt-hours; each kWh brings g_per_kwh grams"),
            (3600 * right, "a watt-hour is a watt for an hour: no seconds are needed"),
            (right / g_per_kwh**2 * 1e6, "each kWh brings g_per_kwh grams with it, so multiply"),
        ]
        case = f"{chip_hours:,.0f} hours at {power_w} W, PUE {pue:.2f}, {g_per_kwh:.0f} g/kWh"
        assert_right(answer(*args), right, case, suspects)
