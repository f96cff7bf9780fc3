"""Exercise 20.3: detect a lying meter."""

import statistics

from labkit.power import sensors
from labkit.teach.registry import always, exercise

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


def _by_one(steady, pulsed):
    """Looks at the first pulsed load only."""
    return _diagnosed(steady, pulsed[:1])


def _by_median(steady, pulsed):
    """Looks at the middle one of all errors."""
    level = _diagnosed(steady, [])
    off = statistics.median(abs(shown_w / true_w - 1) for true_w, shown_w in pulsed)
    return level if level != "honest" or off <= 0.02 else "part-time"


def _one_sided(sign):
    """Notices only pulsed loads of which the meter shows too much, or only the others."""

    def wrong(steady, pulsed):
        level = _diagnosed(steady, [])
        is_off = any(sign * (shown_w / true_w - 1) > 0.02 for true_w, shown_w in pulsed)
        return "part-time" if level == "honest" and is_off else level

    return wrong


@exercise(
    "20.3",
    title="detect a lying meter",
    wrong=[
        (always("honest"), "is not honest"),
        (always("part-time"), "this meter is"),
        (lambda s, p: _diagnosed(s, p, factors=()), "thousand"),
        (lambda s, p: _diagnosed(s, p, factors=(1000,)), "too little"),
        (lambda s, p: _diagnosed(s, []), "pulsed"),
        (_by_mean, "pulsed"),
        (_by_one, "pulsed"),
        (_by_median, "pulsed"),
        (_one_sided(1), "pulsed"),
        (_one_sided(-1), "pulsed"),
        (lambda s, p: _diagnosed(s, p, close=0.11), "pulsed"),
        (lambda s, p: _diagnosed(s, p, close=1e-4), "2 %"),
        (lambda s, p: _diagnosed(s, p).title(), "one of the four texts"),
    ],
)
def diagnose(answer, rng):
    meters = [("honest", 1, 0), ("unit", 1000, 0), ("unit", 0.001, 0), ("offset", 1, 0)] * 3
    # Low pulses, of which it shows only a little too much; and high ones, of which it shows only
    # too much, or only too little.
    meters += [("part-time", 1, side) for side in (0, 1, -1)]
    rng.shuffle(meters)
    for kind, scale, side in meters:
        steady, pulsed = _tried(kind, scale, rng, low=kind == "part-time" and not side)
        if side:
            pulsed = [(w, shown_w) for w, shown_w in pulsed if side * (shown_w / w - 1) > -0.02]
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


def _tried(kind, scale, rng, *, low):
    """Pairs (true, shown) of a meter of this kind: with level loads, and with pulsed ones."""
    extra_w = rng.uniform(30, 60) if kind == "offset" else 0.0
    window_s = 0.025 if kind == "part-time" else 0.1
    phase_s = rng.uniform(0, 0.1)

    def shown_w(load):
        sensor = sensors.PowerSensor(load, 0.1, window_s, phase_s=phase_s)
        seen_w = statistics.fmean(sensors.poll(sensor, 10.0, 12.0, 0.05)[1])
        return (seen_w + extra_w) * scale * rng.uniform(0.985, 1.015)

    steady = [(w, shown_w(sensors.constant(w))) for w in (rng.uniform(60, 300) for _ in range(6))]
    pulsed = []
    for turn in range(8):
        # Most pulses are so low that any meter is right; the phases of the others go once round.
        high_w = 60.1 if turn % 3 else rng.uniform(68.5, 69) if low else rng.uniform(250, 400)
        load = sensors.square_wave(high_w, 60, 0.1, 0.4, start_s=turn / 80)
        pulsed.append((load.energy_between_j(10.0, 12.0) / 2, shown_w(load)))
    lowest = min(pulsed)  # comes first, so that the first one doesn't tell
    pulsed.remove(lowest)
    return steady, [lowest, *rng.sample(pulsed, len(pulsed))]
