"""Exercise 02.5: a program of parts, each with a roof of its own."""

import math

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right
from labkit.units import counted

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
        (lambda parts, p, b: _program_rate(parts[:3], p, b), "how long does each part take"),
        (lambda parts, p, b: _program_rate(parts, p, b) / 1e9, "without a prefix"),
        (lambda parts, p, b: float(f"{_program_rate(parts, p, b):.5g}"), "expected"),
    ],
)
def program_rate(answer, rng):
    for n_parts in (3, 3, 3, 5, 2, 1, *rng.sample(range(1, 9), 6)):
        peak, bandwidth = 10 ** rng.uniform(11, 15), 10 ** rng.uniform(10, 13)
        ridge = peak / bandwidth
        parts = []
        for side in (0.1, 5.0, *(rng.uniform(0.05, 20) for _ in range(6)))[:n_parts]:
            flop = 10 ** rng.uniform(9, 10)
            parts.append((flop, flop / (ridge * side)))
        rng.shuffle(parts)
        got, right = answer(parts, peak, bandwidth), _program_rate(parts, peak, bandwidth)
        hint = "how long does each part take? Divide all FLOP by the sum of these times"
        case = counted(n_parts, "part") + ", in FLOP/s"
        assert_right(got, right, case, _suspects(parts, peak, bandwidth, right), hint)


def _suspects(parts, peak, bandwidth, right):
    """What people arrive at where it isn't right, and what to say to them."""
    flop = sum(flop for flop, _ in parts)
    added = flop / sum(flop / peak + n / bandwidth for flop, n in parts)
    slowest = min(_roof(flop / n, peak, bandwidth) for flop, n in parts)
    turns = [
        (
            _average_intensity(parts, peak, bandwidth),
            "one average intensity hides the parts, as it did for CNN1",
        ),
        (
            _mean_of_rates(parts, peak, bandwidth),
            "the parts run one after the other, so add times, not rates",
        ),
        (slowest, "that is the slowest part alone; the others take time as well"),
        (flop / right, "that is a time in seconds; return a rate"),
        (added, "within one part moving overlaps with computing, so the longer one counts"),
        (right / 1e9, "answer in FLOP/s, without a prefix"),
    ]
    return [(value, words) for value, words in turns if not math.isclose(value, right)]
