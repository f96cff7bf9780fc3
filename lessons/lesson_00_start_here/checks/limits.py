"""Exercises 00.4 and 00.5: the shortest time, and reports that are too good to be true."""

import math

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right


@exercise(
    "00.4",
    title="the shortest time",
    wrong=[
        (always(2.0), "fresh numbers"),
        (lambda n, f, b, p: n / b + f / p, "at the same time"),
        (lambda n, f, b, p: min(n / b, f / p), "both must be done"),
        (lambda n, f, b, p: n / b, "computing can take longer"),
        (lambda n, f, b, p: f / p, "moving can take longer"),
        (lambda n, f, b, p: max(b / n, p / f), "amount divided by rate"),
        (lambda n, f, b, p: max(n // b, f // p), "a time need not be a whole number"),
        (lambda n, f, b, p: round(max(n / b, f / p), 3), "on fresh numbers"),
    ],
)
def shortest_time_s(answer, rng):
    got = answer(20.0, 6.0, 10.0, 2.0)
    assert not math.isclose(got, 5), "moving and computing happen at the same time: do not add them"
    assert not math.isclose(got, 0.5), (
        "a time is an amount divided by rate, not the other way round"
    )
    assert not math.isclose(got, 2) or not math.isclose(answer(60.0, 6.0, 10.0, 2.0), 3), (
        "both must be done: the longer of the two decides"
    )
    assert not math.isclose(got, 2) or not math.isclose(answer(20.0, 8.0, 10.0, 2.0), 2), (
        "computing can take longer than moving: try 20 bytes at 10 B/s and 8 FLOP at 2 FLOP/s "
        "on fresh numbers"
    )
    assert math.isclose(got, 3), (
        f"20 bytes at 10 B/s and 6 FLOP at 2 FLOP/s: got {got:g} s, expected 3 s. How long does "
        f"each of the two take, and when are both done?"
    )
    assert not math.isclose(answer(90.0, 6.0, 10.0, 2.0), 3), (
        "moving can take longer than computing"
    )
    for _ in range(20):
        n_bytes, n_flop, bytes_per_s, flop_per_s = (10 ** rng.uniform(3, 12) for _ in range(4))
        right = max(n_bytes / bytes_per_s, n_flop / flop_per_s)
        case = (
            f"on fresh numbers, {n_bytes:.3g} bytes at {bytes_per_s:.3g} B/s and {n_flop:.3g} FLOP "
            f"at {flop_per_s:.3g} FLOP/s"
        )
        got = answer(n_bytes, n_flop, bytes_per_s, flop_per_s)
        assert_right(got, right, case, [(int(right), "a time need not be a whole number")])


_audit = solution("00.5")


def _within(fraction):
    """The right verdict with another tolerance."""

    def audit(time_s, n_bytes, n_flop, bytes_per_s, flop_per_s):
        shortest_s = max(n_bytes / bytes_per_s, n_flop / flop_per_s)
        if time_s < fraction * shortest_s:
            return "impossible"
        return _audit(shortest_s, n_bytes, n_flop, bytes_per_s, flop_per_s)

    return audit


def _by_nearest(time_s, n_bytes, n_flop, bytes_per_s, flop_per_s):
    """Names the smaller of the two times where the report lies nearer to it than it may."""
    verdict = _audit(time_s, n_bytes, n_flop, bytes_per_s, flop_per_s)
    other = {"memory": "compute", "compute": "memory"}
    return other.get(verdict, verdict) if time_s > 2 * n_flop / flop_per_s else verdict


@exercise(
    "00.5",
    title="too good to be true",
    wrong=[
        (always("memory"), "moving needs"),
        (always("impossible"), "possible"),
        (lambda t, n, f, b, p: "memory" if n / b >= f / p else "compute", "faster than"),
        (
            lambda t, n, f, b, p: "impossible"
            if t < max(n / b, f / p)
            else "memory" if n / b >= f / p else "compute",
            "within 2 %",
        ),
        (
            lambda t, n, f, b, p: "impossible"
            if t < 0.98 * min(n / b, f / p)
            else "memory" if n / b >= f / p else "compute",
            "faster than",
        ),
        (
            lambda t, n, f, b, p: "impossible"
            if t < 0.98 * max(n / b, f / p)
            else "memory" if n > f else "compute",
            "not the larger amount",
        ),
        (lambda t, n, f, b, p: _audit(t, n, f, b, p).title(), "one of the three words"),
        (_within(0.95), "faster than"),
        (_within(0.999), "within 2 %"),
        (_by_nearest, "the limit is"),
    ],
)  # fmt: skip
def audit(answer, rng):
    for _ in range(60):
        move_s, compute_s = (10 ** rng.uniform(-3, 1) for _ in range(2))
        bytes_per_s, flop_per_s = (10 ** rng.uniform(6, 12) for _ in range(2))
        factor = rng.choice((0.5, 0.9, 0.975, 0.985, 0.999, 1.0, 1.5, 4.0))
        given = (
            factor * max(move_s, compute_s),
            move_s * bytes_per_s,
            compute_s * flop_per_s,
            bytes_per_s,
            flop_per_s,
        )
        got, right = answer(*given), _audit(*given)
        assert got in ("impossible", "memory", "compute"), (
            f"got {got!r}: answer with one of the three words impossible, memory, compute"
        )
        limits = f"moving needs {move_s:.4g} s, computing {compute_s:.4g} s"
        if right == "impossible":
            assert got == right, f"{given[0]:.4g} s is faster than the longer of the two: {limits}"
        assert got != "impossible" or right == "impossible", (
            f"{given[0]:.4g} s is possible, within 2 % at least: {limits}"
        )
        assert got == right, (
            f"{limits}: the limit is {right}, the larger time, not the larger amount"
        )
