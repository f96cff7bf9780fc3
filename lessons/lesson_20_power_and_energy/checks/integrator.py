"""Exercise 20.1: mend an integrator."""

import itertools
import math
import statistics
from itertools import pairwise

import numpy as np

from labkit.power import sensors
from labkit.teach.registry import always, exercise, solution

_held = solution("20.1")


def _naive(times_s, watts, start_s, stop_s):
    inside = [w for t, w in zip(times_s, watts, strict=True) if start_s <= t <= stop_s]
    return sum(inside) * (times_s[1] - times_s[0])


def _changes(times_s, watts, start_s, stop_s):
    """The hold of a program that keeps a figure only when it differs from the one before."""
    kept = [(t, w) for t, w in zip(times_s, watts, strict=True) if start_s <= t <= stop_s]
    moves = [b for a, b in pairwise(kept) if a[1] != b[1]]
    return sum((b[0] - a[0]) * a[1] for a, b in pairwise(moves))


def _inner(times_s, watts, start_s, stop_s):
    """The hold without the parts at both edges."""
    kept = [(t, w) for t, w in zip(times_s, watts, strict=True) if start_s <= t <= stop_s]
    return sum((b[0] - a[0]) * a[1] for a, b in pairwise(kept))


def _trapezoid(times_s, watts, start_s, stop_s):
    """A straight line from each figure to the next one."""
    inner = [t for t in times_s if start_s < t < stop_s]
    points_s = [start_s, *inner, stop_s]
    return float(np.trapezoid(np.interp(points_s, times_s, watts), points_s))


def _by_edges(times_s, watts, start_s, stop_s):
    """The figures inside and the parts at both edges, as long as there is a figure inside."""
    inside = [(t, w) for t, w in zip(times_s, watts, strict=True) if start_s <= t <= stop_s]
    if not inside:
        return 0.0
    before_w = [w for t, w in zip(times_s, watts, strict=True) if t < start_s][-1]
    points = [(start_s, before_w), *inside, (stop_s, 0.0)]
    return sum((b[0] - a[0]) * a[1] for a, b in pairwise(points))


def _strict(times_s, watts, start_s, stop_s):
    """Begins with the figure before the window, even where the window begins with a figure."""
    inside = [(t, w) for t, w in zip(times_s, watts, strict=True) if start_s < t < stop_s]
    before_w = [w for t, w in zip(times_s, watts, strict=True) if t < start_s][-1]
    points = [(start_s, before_w), *inside, (stop_s, 0.0)]
    return sum((b[0] - a[0]) * a[1] for a, b in pairwise(points))


def _all(times_s, watts, start_s, stop_s):
    return _held(times_s, watts, times_s[0], times_s[-1])


def _mean(times_s, watts, start_s, stop_s):
    inside = [w for t, w in zip(times_s, watts, strict=True) if start_s <= t <= stop_s]
    return statistics.fmean(inside) * (stop_s - start_s)


def _backwards(times_s, watts, start_s, stop_s):
    """Each figure counts from the poll before until its own."""
    return _held([times_s[0] - 1, *times_s[:-1]], watts, start_s, stop_s)


@exercise(
    "20.1",
    title="mend an integrator",
    wrong=[
        (always(120.0), "constant load"),
        (_naive, "constant load"),
        (_changes, "a figure that repeats"),
        (_inner, "edges"),
        (_all, "outside of the window"),
        (_mean, "unevenly"),
        (_backwards, "until the next"),
        (_trapezoid, "no straight line"),
        (_by_edges, "between two figures"),
        (_strict, "begins just when"),
    ],
)
def energy_j(answer, rng):
    for case in range(8):
        watts = rng.uniform(80, 400)
        load = sensors.constant(watts) if case < 2 else _pulses(rng)
        sensor = sensors.PowerSensor(load, rng.uniform(0.08, 0.12), rng.uniform(0.02, 0.08))
        gap_s = rng.uniform(0.05, 0.09)
        samples = sensors.poll(sensor, 0.0, 9.0, gap_s, 0.45 * gap_s, rng.getrandbits(32))
        window = rng.uniform(1, 2), rng.uniform(4, 8)
        got, right = answer(*samples, *window), _held(*samples, *window)
        if math.isclose(got, right, rel_tol=1e-6):
            continue
        for slip, hint in (
            (_changes, "a figure that repeats counts as well: keep every sample"),
            (_inner, "the edges: time before the first inner figure, and after the last, counts"),
            (_all, "that counts time outside of the window, too"),
        ):
            assert not math.isclose(got, slip(*samples, *window), rel_tol=1e-6), hint
        assert case >= 2, (
            f"a constant load of {watts:.1f} W for {window[1] - window[0]:.3f} s is {right:.2f} J, "
            f"got {got:.5g} J"
        )
        assert not math.isclose(got, _mean(*samples, *window), rel_tol=1e-6), (
            "the samples are spaced unevenly: each figure counts for its own time"
        )
        assert not math.isclose(got, _backwards(*samples, *window), rel_tol=1e-6), (
            "a figure counts until the next one, not from the one before"
        )
        assert not math.isclose(got, _trapezoid(*samples, *window), rel_tol=1e-6), (
            "there's no straight line between two figures: each stays until the next one comes"
        )
        raise AssertionError(f"wrong on fresh numbers: got {got:.5g} J, expected {right:.5g} J")
    for _ in range(4):
        _on_figures(answer, rng)


def _on_figures(answer, rng):
    """Windows whose edges lie between the same two figures, and just on two others."""
    times_s = list(itertools.accumulate(rng.uniform(0.05, 0.2) for _ in range(12)))
    watts = [rng.uniform(60, 400) for _ in times_s]
    first, last = rng.randint(1, 4), rng.randint(6, 10)
    gap_s = times_s[last] - times_s[last - 1]
    start_s, stop_s = times_s[last - 1] + 0.3 * gap_s, times_s[last] - 0.2 * gap_s
    got, right = answer(times_s[:], watts[:], start_s, stop_s), watts[last - 1] * (stop_s - start_s)
    assert math.isclose(got, right, rel_tol=1e-6), (
        f"got {got:.5g} J, expected {right:.5g} J: the window may lie between two figures, and "
        f"then the one before it counts all the time"
    )
    window = times_s[first], times_s[last]
    got, right = answer(times_s[:], watts[:], *window), _held(times_s, watts, *window)
    assert math.isclose(got, right, rel_tol=1e-6), (
        f"got {got:.5g} J, expected {right:.5g} J: a window begins just when a figure comes, and "
        f"then it begins with that figure"
    )


def _pulses(rng):
    return sensors.square_wave(rng.uniform(200, 400), 60, rng.uniform(0.5, 1.5), 0.4)
