"""Exercise 20.2: the counter that starts again."""

import math
from itertools import pairwise

import numpy as np

from labkit.power import sensors
from labkit.teach.registry import always, exercise, solution

_counted = solution("20.2")


@exercise(
    "20.2",
    title="the counter that starts again",
    wrong=[
        (always(500.0), "fresh numbers"),
        (lambda r, range_j: r[-1] - r[0], "last minus first"),
        (lambda r, range_j: (r[-1] - r[0]) % range_j, "more than once"),
        (lambda r, range_j: sum(max(b - a, 0) for a, b in pairwise(r)), "left out"),
        (lambda r, range_j: sum(abs(b - a) for a, b in pairwise(r)), "ran on to its range"),
        (lambda r, range_j: sum(b - a if b > a else b for a, b in pairwise(r)), "up to its range"),
        (lambda r, range_j: sum((b - a) % 2**18 for a, b in pairwise(r)), "range_j"),
        (lambda r, range_j: float(np.ptp(np.unwrap(r, period=range_j))), "half a range"),
        (lambda r, range_j: _counted(r[1:], range_j), "first step"),
        (
            lambda r, range_j: sum(b - a if b > a else b - a + range_j for a, b in pairwise(r)),
            "are equal",
        ),
    ],
)
def counted_j(answer, rng):
    for case in range(8):
        range_j = rng.choice((65_536.0, 65_532.6)) if case % 2 else rng.uniform(1e5, 2.5e5)
        readings_j = _wrapped(rng, range_j)
        if case % 4 == 3:  # asked again before it moved
            again = rng.randrange(len(readings_j))
            readings_j.insert(again, readings_j[again])
        got, right = answer(list(readings_j), range_j), _counted(readings_j, range_j)
        if math.isclose(got, right, rel_tol=1e-6):
            continue
        first, last = readings_j[0], readings_j[-1]
        steps_j = [b - a for a, b in pairwise(readings_j)]
        for wrong_j, hint in (
            (last - first, "last minus first isn't the energy: it started again in between"),
            ((last - first) % range_j, "it started again more than once: look at every step"),
            (sum(max(s, 0) for s in steps_j), "the steps across the start again are left out"),
            (sum(map(abs, steps_j)), "where it falls, it ran on to its range and began again"),
            (
                sum(s if s > 0 else b for s, b in zip(steps_j, readings_j[1:], strict=True)),
                "before it started again the counter ran up to its range: that counts too",
            ),
            (
                float(np.ptp(np.unwrap(readings_j, period=range_j))),
                "a step of more than half a range isn't a step back: a counter only goes up",
            ),
            (_counted(readings_j[1:], range_j), "the first step is missing"),
            (
                sum(s if s > 0 else s + range_j for s in steps_j),
                "two readings in a row are equal: between them the counter didn't move",
            ),
            (sum(s % 2**18 for s in steps_j), "each counter has its own range: use range_j"),
        ):
            assert not math.isclose(got, wrong_j, rel_tol=1e-6), hint
        raise AssertionError(
            f"wrong on fresh numbers: got {got:.6g} J, expected {right:.6g} J, with a range of "
            f"{range_j:.6g} J"
        )


def _wrapped(rng, range_j):
    """Six readings across several wraps, less than a range apart; the last is below the first."""
    load = sensors.constant(rng.uniform(100, 300))
    offset_j = rng.uniform(0.7, 0.95) * range_j
    counter = sensors.CounterSensor(load, unit_j=2**-14, range_j=range_j, offset_j=offset_j)
    gap_s = rng.uniform(2.6, 2.9) * range_j / load.watts[0] / 5
    places = [0, *(n + rng.uniform(-0.2, 0.2) for n in (1, 2, 3, 4)), 5]
    return [float(counter.at(place * gap_s)) for place in places]
