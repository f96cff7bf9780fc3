"""Exercise 04.1: throughput, in requests a second."""

import math

from labkit.teach.registry import always, exercise


@exercise(
    "04.1",
    title="throughput",
    wrong=[
        (always(1000.0), "expected"),
        (lambda b, t: 1 / t, "batches"),
        (lambda b, t: t / b, "seconds a request"),
        (lambda b, t: b * t, "expected"),
        (lambda b, t: b // t, "whole number"),
    ],
)
def throughput(answer, rng):
    for _ in range(10):
        batch, time_s = rng.randint(2, 500), rng.uniform(0.31, 7.0)
        got, right = answer(batch, time_s), batch / time_s
        case = f"a batch of {batch} in {time_s:.3f} s: got {got:.4g}, expected {right:.4g}"
        assert not math.isclose(got, 1 / time_s), f"{case}. These are batches, not requests"
        assert not math.isclose(got, time_s / batch), f"{case}. These are seconds a request"
        assert got != right // 1 or got == right, (
            f"{case}. A rate need not be a whole number: use /"
        )
        assert math.isclose(got, right), case
