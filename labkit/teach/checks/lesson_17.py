"""Checks of lesson 17: an integrator, a counter, a lying meter, the fewest joules, an answer."""

import math
import statistics
from itertools import pairwise

from labkit.measure.power import sensors
from labkit.teach.registry import always, exercise


def _held(times_s, watts, start_s, stop_s):
    ends_s = [*times_s[1:], math.inf]
    return sum(
        watt * max(min(end_s, stop_s) - max(at_s, start_s), 0.0)
        for at_s, end_s, watt in zip(times_s, ends_s, watts, strict=True)
    )


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


def _all(times_s, watts, start_s, stop_s):
    return _held(times_s, watts, times_s[0], times_s[-1])


def _mean(times_s, watts, start_s, stop_s):
    inside = [w for t, w in zip(times_s, watts, strict=True) if start_s <= t <= stop_s]
    return statistics.fmean(inside) * (stop_s - start_s)


def _backwards(times_s, watts, start_s, stop_s):
    """Each figure counts from the poll before until its own."""
    return _held([times_s[0] - 1, *times_s[:-1]], watts, start_s, stop_s)


@exercise(
    "17.1",
    title="mend an integrator",
    solution=_held,
    wrong=[
        (..., "write your answer", "todo"),
        (always(120.0), "constant load"),
        (_naive, "constant load"),
        (_changes, "a figure that repeats"),
        (_inner, "edges"),
        (_all, "outside of the window"),
        (_mean, "unevenly"),
        (_backwards, "until the next"),
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
            (_all, "that has the time outside of the window in it"),
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
        raise AssertionError(f"wrong on fresh numbers: got {got:.5g} J, expected {right:.5g} J")


def _pulses(rng):
    return sensors.square_wave(rng.uniform(200, 400), 60, rng.uniform(0.5, 1.5), 0.4)


def _counted(readings_j, range_j):
    return sum((b - a) % range_j for a, b in pairwise(readings_j))


@exercise(
    "17.2",
    title="the counter that starts again",
    solution=_counted,
    wrong=[
        (..., "write your answer", "todo"),
        (always(500.0), "fresh numbers"),
        (lambda r, range_j: r[-1] - r[0], "last minus first"),
        (lambda r, range_j: (r[-1] - r[0]) % range_j, "more than once"),
        (lambda r, range_j: sum(max(b - a, 0) for a, b in pairwise(r)), "left out"),
        (lambda r, range_j: sum(abs(b - a) for a, b in pairwise(r)), "no way back"),
        (lambda r, range_j: sum(b - a if b > a else b for a, b in pairwise(r)), "up to its range"),
        (lambda r, range_j: sum((b - a) % 2**18 for a, b in pairwise(r)), "range_j"),
    ],
)
def counted_j(answer, rng):
    for case in range(8):
        range_j = rng.choice((65_536.0, 65_532.6)) if case % 2 else rng.uniform(1e5, 2.5e5)
        readings_j = _wrapped(rng, range_j)
        got, right = answer(list(readings_j), range_j), _counted(readings_j, range_j)
        if math.isclose(got, right, rel_tol=1e-6):
            continue
        first, last = readings_j[0], readings_j[-1]
        steps_j = [b - a for a, b in pairwise(readings_j)]
        for wrong_j, hint in (
            (last - first, "last minus first is no energy: the counter started again in between"),
            ((last - first) % range_j, "it started again more than once: look at every step"),
            (sum(max(s, 0) for s in steps_j), "the steps across the start again are left out"),
            (sum(map(abs, steps_j)), "a fall is no way back: the counter ran on to its range"),
            (
                sum(s if s > 0 else b for s, b in zip(steps_j, readings_j[1:], strict=True)),
                "before it started again the counter ran up to its range: that counts too",
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


_METERS = ("honest", "unit", "offset", "part-time")


def _diagnosed(steady, pulsed, factors=(1000, 0.001), close=0.02):
    def right(pair, factor=1):
        return abs(pair[1] / (factor * pair[0]) - 1) <= close

    if any(all(right(pair, factor) for pair in steady) for factor in factors):
        return "unit"
    if not all(map(right, steady)):
        return "offset"
    return "honest" if all(map(right, pulsed)) else "part-time"


def _by_mean(steady, pulsed):
    """Compares the mean of all pulsed loads only."""
    level = _diagnosed(steady, [])
    if level != "honest":
        return level
    ratio = statistics.fmean(shown for _, shown in pulsed) / statistics.fmean(w for w, _ in pulsed)
    return "honest" if abs(ratio - 1) <= 0.3 else "part-time"


@exercise(
    "17.3",
    title="detect a lying meter",
    solution=lambda steady, pulsed: _diagnosed(steady, pulsed),
    wrong=[
        (..., "write your answer", "todo"),
        (always("honest"), "is not honest"),
        (always("part-time"), "this meter is"),
        (lambda s, p: _diagnosed(s, p, factors=()), "thousand"),
        (lambda s, p: _diagnosed(s, p, factors=(1000,)), "too little"),
        (lambda s, p: _diagnosed(s, []), "pulsed"),
        (_by_mean, "pulsed"),
        (lambda s, p: _diagnosed(s, p, close=1e-4), "2 %"),
        (lambda s, p: _diagnosed(s, p).title(), "one of the four texts"),
    ],
)
def diagnose(answer, rng):
    meters = [("honest", 1), ("unit", 1000), ("unit", 0.001), ("offset", 1), ("part-time", 1)] * 3
    rng.shuffle(meters)
    for kind, scale in meters:
        steady, pulsed = _tried(kind, scale, rng)
        got = answer(list(steady), list(pulsed))
        assert got in _METERS, f"got {got!r}: answer with one of the four texts"
        hint = {
            "honest": "off by less than 2 %, which even an honest meter is",
            "unit": f"all it shows is a thousand times too {'much' if scale > 1 else 'little'}, "
            "give or take 2 %",
            "offset": "it shows the same number of watts too much for all loads, give or take 2 %",
            "part-time": "it is right for level loads, within 2 %, and not for some pulsed ones",
        }[kind]
        assert got == kind, f"this meter is {'' if kind == 'honest' else 'not honest: '}{hint}"


def _tried(kind, scale, rng):
    """Pairs (true, shown) of a meter of this kind: with level loads, and with pulsed ones."""
    extra_w = rng.uniform(20, 60) if kind == "offset" else 0.0
    window_s = 0.025 if kind == "part-time" else 0.1
    phase_s = rng.uniform(0, 0.1)

    def shown_w(load):
        sensor = sensors.PowerSensor(load, 0.1, window_s, phase_s=phase_s)
        seen_w = statistics.fmean(sensors.poll(sensor, 10.0, 12.0, 0.05)[1])
        return (seen_w + extra_w) * scale * rng.uniform(0.985, 1.015)

    steady = [(w, shown_w(sensors.constant(w))) for w in (rng.uniform(60, 300) for _ in range(6))]
    pulsed = []
    for turn in range(8):
        # The phases go once round: a part-time meter is right on average, and for no single one.
        load = sensors.square_wave(rng.uniform(250, 400), 60, 0.1, 0.4, start_s=turn / 80)
        pulsed.append((float(load.energy_j(12.0) - load.energy_j(10.0)) / 2, shown_w(load)))
    return steady, pulsed


def _best(settings, max_time_s, *, limit=True, share=0.5, cost="energy"):
    allowed = []
    for batch, cap_w, epochs, epoch_s, power_w in settings:
        reached = [n for n in epochs if n is not None]
        if len(reached) < share * len(epochs):
            continue
        time_s = sum(reached) / len(reached) * epoch_s
        if time_s <= max_time_s or not limit:
            costs = {
                "energy": time_s * power_w, "power": power_w, "time": time_s,
                "epoch": epoch_s * power_w,
            }  # fmt: skip
            allowed.append((costs[cost], batch, cap_w))
    return min(allowed)[1:]


@exercise(
    "17.4",
    title="the fewest joules in time",
    solution=lambda settings, max_time_s: _best(settings, max_time_s),
    wrong=[
        (..., "write your answer", "todo"),
        (always((17, 17)), "none of the settings"),
        (lambda s, t: _best(s, t, limit=False), "takes too long"),
        (lambda s, t: _best(s, t, share=0), "fewer than half"),
        (lambda s, t: _best(s, t, share=1), "may fail"),
        (lambda s, t: _best(s, t, cost="power"), "least power"),
        (lambda s, t: _best(s, t, cost="time"), "fastest"),
        (lambda s, t: _best(s, t, cost="epoch"), "of an epoch"),
        (lambda s, t: _best(s, t)[0], "a pair"),
        (lambda s, t: _best(s, t)[::-1], "batch first"),
    ],
)
def best_setting(answer, rng):
    for _ in range(10):
        settings, max_time_s = _lab(rng)
        got, right = answer(list(settings), max_time_s), _best(settings, max_time_s)
        is_pair = isinstance(got, (tuple, list)) and len(got) == 2
        assert is_pair, f"the answer is a pair (batch, cap_w), got {got!r}"
        got = tuple(got)
        if got == right:
            continue
        assert got != right[::-1], "the pair has the batch first, then the cap"
        known = [setting[:2] for setting in settings]
        assert got in known, f"{got} is none of the settings: they are {known}"
        for slip, hint in (
            ({"limit": False}, "needs the least energy, but takes too long"),
            ({"share": 0}, "looks good, but fewer than half of its runs reached the target"),
            (
                {"share": 1},
                f"is not best: up to half of the runs of a setting may fail, as of {right}",
            ),
            ({"cost": "power"}, "draws the least power, but for long: energy is power times time"),
            ({"cost": "time"}, "is the fastest of those allowed; the least energy is asked for"),
            ({"cost": "epoch"}, "has the least energy of an epoch, but it needs more of them"),
        ):
            assert got != _best(settings, max_time_s, **slip), f"{got} {hint}"
        raise AssertionError(f"got {got}, expected {right}: the least energy to target in time")


def _lab(rng):
    """Seven settings and a limit of time; each but the right one falls to a rule of its own."""
    epochs, epoch_s, power_w = rng.uniform(20, 40), rng.uniform(50, 200), rng.uniform(150, 220)
    # Of the right one: epochs, time of an epoch and power, as factors, and how many runs failed.
    plan = {
        "right": (1, 1, 1, 2), "slow": (1, 2, 0.4, 0), "failing": (0.7, 0.8, 0.8, 3),
        "weak": (1.3, 1.3, 0.65, 0), "fast": (1, 0.7, 1.65, 0), "short": (2.2, 0.8, 0.7, 0),
        "middling": (1, 1, 1.08, 0),
    }  # fmt: skip
    batches = rng.sample((32, 64, 128, 256, 512, 1024, 2048), len(plan))
    caps = rng.sample((100, 125, 150, 175, 200, 225, 250), len(plan))
    settings = []
    for batch, cap_w, (epochs_x, epoch_x, power_x, n_failed) in zip(
        batches, caps, plan.values(), strict=True
    ):
        runs = [epochs * epochs_x * rng.uniform(0.98, 1.02) for _ in range(5 - n_failed)]
        runs += [None] * n_failed
        rng.shuffle(runs)
        settings.append((batch, cap_w, tuple(runs), epoch_s * epoch_x, power_w * power_x))
    rng.shuffle(settings)
    return settings, 1.88 * epochs * epoch_s


def _written(n_read, n_written, read_per_s, write_per_s, read_w, write_w):
    return (n_read / read_per_s * read_w + n_written / write_per_s * write_w) / n_written


@exercise(
    "17.5",
    title="joules for an answer",
    solution=_written,
    wrong=[
        (..., "write your answer", "todo"),
        (always(0.119), "fresh numbers"),
        (lambda nr, nw, r, w, rw, ww: ww / w, "reading is missing"),
        (lambda nr, nw, r, w, rw, ww: nr / r * rw + nw / w * ww, "whole answer"),
        (lambda *a: _written(*a) * a[1] / (a[0] + a[1]), "written tokens only"),
        (lambda nr, nw, r, w, rw, ww: _written(nr, nw, r, w, ww, rw), "exchanged"),
        (lambda nr, nw, r, w, rw, ww: rw / r + ww / w, "as many times"),
        (lambda nr, nw, r, w, rw, ww: (nr / r + nw / w) / nw, "seconds"),
    ],
)
def written_token_j(answer, rng):
    for _ in range(10):
        given = (
            rng.randint(200, 4000), rng.randint(50, 900), rng.uniform(5e3, 5e4),
            rng.uniform(500, 8000), rng.uniform(500, 700), rng.uniform(250, 450),
        )  # fmt: skip
        n_read, n_written, read_per_s, write_per_s, read_w, write_w = given
        got, right = answer(*given), _written(*given)
        if math.isclose(got, right, rel_tol=1e-6):
            continue
        for wrong_j, hint in (
            (write_w / write_per_s, "the share of the reading is missing"),
            (right * n_written, "that is the energy of the whole answer: divide by its tokens"),
            (right * n_written / (n_read + n_written), "divide by the written tokens only"),
            (_written(*given[:4], write_w, read_w), "the two powers are exchanged"),
            (
                read_w / read_per_s + write_w / write_per_s,
                "each written token pays for as many times a read token as n_read / n_written",
            ),
            (
                (n_read / read_per_s + n_written / write_per_s) / n_written,
                "those are seconds: energy is power times time",
            ),
        ):
            assert not math.isclose(got, wrong_j, rel_tol=1e-6), hint
        raise AssertionError(f"wrong on fresh numbers: got {got:.4g} J, expected {right:.4g} J")
