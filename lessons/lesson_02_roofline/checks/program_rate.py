"""Exercise 02.5: a program of parts, each with a roof of its own."""

import math

from labkit.teach.registry import always, exercise, solution

_roof = solution("02.t2")
_program_rate = solution("02.5")


def _average_intensity(parts, peak, bandwidth):
    flop, n_bytes = (sum(column) for column in zip(*parts, strict=True))
    return _roof(flop / n_bytes, peak, bandwidth)


def _mean_of_rates(parts, peak, bandwidth):
    return sum(_roof(flop / n, peak, bandwidth) for flop, n in parts) / len(parts)


def _harmonic_mean(parts, peak, bandwidth):
    return len(parts) / sum(1 / _roof(flop / n, peak, bandwidth) for flop, n in parts)


@exercise(
    "02.5",
    title="a program of parts",
    wrong=[
        (always(1e12), "expected"),
        (_average_intensity, "one average intensity"),
        (_mean_of_rates, "add times, not rates"),
        (
            lambda parts, p, b: sum(f for f, _ in parts) / sum(f / p + n / b for f, n in parts),
            "overlaps",
        ),
        (
            lambda parts, p, b: sum(max(f / p, n / b) for f, n in parts),
            "a rate",
        ),
        (lambda parts, p, b: min(_roof(f / n, p, b) for f, n in parts), "slowest part"),
        (_harmonic_mean, "how long does each part take"),
    ],
)
def program_rate(answer, rng):
    for _ in range(20):
        peak, bandwidth = 10 ** rng.uniform(11, 15), 10 ** rng.uniform(10, 13)
        ridge = peak / bandwidth
        parts = []
        for side in (0.1, 5.0, rng.uniform(0.05, 20)):
            flop = 10 ** rng.uniform(9, 10)
            parts.append((flop, flop / (ridge * side)))
        rng.shuffle(parts)
        got, right = answer(parts, peak, bandwidth), _program_rate(parts, peak, bandwidth)
        case = f"got {got:.4g} FLOP/s, expected {right:.4g}"
        if math.isclose(got, right, rel_tol=1e-6):
            continue
        assert not math.isclose(got, _average_intensity(parts, peak, bandwidth)), (
            f"{case}: one average intensity hides the parts, as it did for CNN1"
        )
        assert not math.isclose(got, _mean_of_rates(parts, peak, bandwidth)), (
            f"{case}: the parts run one after the other, so add times, not rates"
        )
        assert not math.isclose(got, min(_roof(f / n, peak, bandwidth) for f, n in parts)), (
            f"{case}: that is the slowest part alone; the others take time as well"
        )
        assert not math.isclose(got * right, sum(f for f, _ in parts)), (
            f"{case}: that is a time in seconds; return a rate"
        )
        added = sum(f for f, _ in parts) / sum(f / peak + n / bandwidth for f, n in parts)
        assert not math.isclose(got, added), (
            f"{case}: within one part moving overlaps with computing, so the longer one counts"
        )
        raise AssertionError(
            f"{case}: how long does each part take? Divide all FLOP by the sum of these times"
        )
