"""The turns of lesson 21: a million tokens, an hour of waiting, a purchase paid year by year."""

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


_yearly = solution("21.t3")


def _closed(price_usd, interest, n_years):
    """The formula for the sum, which divides by 0 where there's no interest."""
    return price_usd * interest / (1 - (1 + interest) ** -n_years)


@exercise(
    "21.t3",
    title="what a purchase costs a year",
    wrong=[
        (always(12_681.0), "expected"),
        (lambda p, i, n: p / n, "interest is missing"),
        (lambda p, i, n: p / n * (1 + i), "interest on what is still owed"),
        (lambda p, i, n: p / n + p * i, "interest on what is still owed"),
        (lambda p, i, n: p * (1 + i) ** n / n, "pays nothing back before the end"),
        (lambda p, i, n: p / sum((1 + i) ** -k for k in range(n)), "end of the first year"),
        (lambda p, i, n: p / sum((1 + i) ** -k for k in range(1, n)), "last payment"),
        (lambda p, i, n: p / sum((1 + i) ** k for k in range(1, n + 1)), "worth less today"),
        (lambda p, i, n: p * sum((1 + i) ** -k for k in range(1, n + 1)), "divide the price"),
        (lambda p, i, n: sum((1 + i) ** -k for k in range(1, n + 1)), "one dollar a year"),
        (lambda p, i, n: n * _yearly(p, i, n), "all payments together"),
        (lambda p, i, n: _yearly(p, i, n) / 12, "for a year, not for a month"),
        (_closed, "ZeroDivisionError", "error"),
    ],
)
def yearly_payment_usd(answer, rng):
    for _ in range(8):
        price_usd, interest = rng.uniform(20e3, 60e3), rng.uniform(0.03, 0.15)
        n_years = rng.randint(3, 8)
        right = _yearly(price_usd, interest, n_years)
        today = price_usd / right  # what one dollar a year is worth
        growth = (1 + interest) ** n_years
        owed = "it's less than on the whole price: you pay interest on what is still owed"
        suspects = [
            (price_usd / n_years, "that's the price in equal parts, and the interest is missing"),
            (
                price_usd / n_years * (1 + interest),
                "that's interest for one year only: each year you pay interest on what is still "
                "owed",
            ),
            (price_usd * (1 / n_years + interest), owed),
            (price_usd * growth / n_years, "that pays nothing back before the end"),
            (
                price_usd / (today * (1 + interest)),
                "the first payment falls due at the end of the first year: count from 1",
            ),
            (price_usd / (today - 1 / growth), "the last payment is missing: count to n_years"),
            (
                price_usd / (today * growth * (1 + interest)),
                "a dollar that you pay later is worth less today: the exponent is negative",
            ),
            (price_usd * today, "divide the price by what one dollar a year is worth"),
            (today, "that's what one dollar a year is worth; how many must it be?"),
            (n_years * right, "those are all payments together; asked is one"),
            (right / 12, "asked is the payment for a year, not for a month"),
        ]
        case = f"{price_usd:,.0f} USD at {interest:.1%} over {n_years} years"
        assert_right(answer(price_usd, interest, n_years), right, case, suspects)
    price_usd = rng.uniform(20e3, 60e3)
    case = f"{price_usd:,.0f} USD without interest over 4 years"
    hint = "nothing but the price, in equal parts"
    assert_right(answer(price_usd, 0.0, 4), price_usd / 4, case, hint=hint)
