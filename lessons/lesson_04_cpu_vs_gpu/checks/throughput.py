"""Exercise 04.1: throughput, in requests a second."""

import math

from labkit.teach.registry import always, exercise
from labkit.teach.suspects import assert_right


@exercise(
    "04.1",
    title="throughput",
    wrong=[
        (always(1000.0), "expected"),
        (lambda b, t: 1 / t, "batches"),
        (lambda b, t: t / b, "seconds a request"),
        (lambda b, t: b * t, "expected"),
        (lambda b, t: b // t, "whole number"),
        (lambda b, t: round(b / t), "whole number"),
        (lambda b, t: round(b / t, 2), "one second hold"),
    ],
)
def throughput(answer, rng):
    for _ in range(10):
        batch, time_s = rng.randint(2, 500), rng.uniform(0.31, 7.0)
        got, right = answer(batch, time_s), batch / time_s
        case = f"a batch of {batch} in {time_s:.3f} s"
        assert got not in (math.floor(right), math.ceil(right)), (
            f"{case}: got {got}, expected {right:.7g}. A rate need not be a whole number: use / "
            f"alone"
        )
        suspects = [
            (1 / time_s, "these are batches, not requests"),
            (time_s / batch, "these are seconds a request"),
        ]
        assert_right(got, right, case, suspects, "how many requests does one second hold?")
