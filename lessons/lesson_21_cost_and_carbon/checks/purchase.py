"""Exercise 21.1: what a purchase costs a year, with interest."""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_yearly = solution("21.1")


def _closed(price_usd, interest, n_years):
    """The formula for the sum, which divides by 0 where there's no interest."""
    return price_usd * interest / (1 - (1 + interest) ** -n_years)


@exercise(
    "21.1",
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
