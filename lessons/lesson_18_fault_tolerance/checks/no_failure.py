"""Exercise 18.2: the chance that nothing fails."""

import math

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_chance = solution("18.2")


@exercise(
    "18.2",
    title="without a checkpoint",
    wrong=[
        (always(0.5), "e to the minus m"),
        (lambda n, days, rate: math.exp(-n * days * rate / 1000), "8 GPUs in a node"),
        (lambda n, days, rate: math.exp(-n / 8 * days * rate), "in 1,000 days"),
        (lambda n, days, rate: 1 - n / 8 * days * rate / 1000, "only nearly right"),
        (lambda n, days, rate: max(0.0, 1 - n / 8 * days * rate / 1000), "only nearly right"),
        (lambda n, days, rate: 1 - _chance(n, days, rate), "at least one failure"),
        (lambda n, days, rate: n / 8 * days * rate / 1000, "how many failures"),
        (lambda n, days, rate: math.exp(-n / 8 * rate / 1000), "number of days"),
        (lambda n, days, rate: 100 * _chance(n, days, rate), "not percent"),
        (lambda n, days, rate: 1 / _chance(n, days, rate), "the exponent is negative"),
        (lambda n, days, rate: (1 - rate / 1000) ** (n / 8 * days), "e to the minus m"),
        (lambda n, days, rate: math.exp(-(n // 64) * 8 * days * rate / 1000), "e to the minus m"),
    ],
)
def no_failure(answer, rng):
    for m in [rng.uniform(0.05, 0.6) for _ in range(15)] + [rng.uniform(1.2, 9) for _ in range(5)]:
        n_gpus, days = 8 * rng.randint(20, 2000), rng.uniform(0.3, 5)
        _one_run(answer, n_gpus, days, rate=1000 * m / (n_gpus / 8 * days))


def _one_run(answer, n_gpus, days, rate):
    right, m = _chance(n_gpus, days, rate), n_gpus / 8 * days * rate / 1000
    suspects = [
        (1 - right, "that is the chance of at least one failure"),
        (m, "that is how many failures there are on average"),
        (1 - m, "1 - m is only nearly right, and below 0 where m is above 1"),
        (max(0.0, 1 - m), "1 - m is only nearly right"),
        (math.exp(-8 * m), "there are 8 GPUs in a node"),
        (math.exp(-1000 * m), "the rate is of failures in 1,000 days of a node"),
        (100 * right, "a chance is a number from 0 to 1, not percent"),
        (math.exp(m), "the exponent is negative: more failures, less chance"),
        (math.exp(-m / days), "m also grows with the number of days"),
    ]
    case = f"{n_gpus} GPUs for {days:.3g} days, {rate:.3g} failures per 1,000 node-days"
    hint = "it is e to the minus m, with the failures that all nodes have on average in this time"
    assert_right(answer(n_gpus, days, rate), right, case, suspects, hint)
