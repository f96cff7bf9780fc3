"""Checks of lesson 00: traffic, work, origins, and the shortest time."""

import math

from labkit.teach.labels import assert_labels
from labkit.teach.registry import always, exercise, solution

ORIGINS = solution("00.3")
_SENTENCES = list(ORIGINS)


@exercise(
    "00.1",
    title="the traffic of a copy",
    wrong=[
        (always(2048), "100 numbers of 8 bytes"),
        (lambda n, itemsize: n * itemsize, "read and written"),
        (lambda n, itemsize: 2 * n, "itemsize"),
        (lambda n, itemsize: 3 * n * itemsize, "100 numbers of 8 bytes"),
        (lambda n, itemsize: 2 * n * 8, "itemsize"),
    ],
)
def copy_bytes(answer, rng):
    got = answer(100, 8)
    assert got != 800, "each number is read and written: that is two moves, not one"
    assert got != 200, "that counts numbers; each has itemsize bytes"
    assert got == 1600, f"100 numbers of 8 bytes: got {got!r}, expected 1600"
    for _ in range(10):
        n, itemsize = rng.randint(1, 10**9), rng.choice((1, 2, 4, 8, 16))
        got = answer(n, itemsize)
        assert got == 2 * n * itemsize, (
            f"{n} numbers with an itemsize of {itemsize} bytes: got {got!r}, "
            f"expected {2 * n * itemsize}"
        )


@exercise(
    "00.2",
    title="the work of a matrix product",
    wrong=[
        (always(48), "each result needs k multiplications"),
        (lambda m, n, k: m * n * k, "and as many additions"),
        (lambda m, n, k: 2 * m**3, "need not be square"),
        (lambda m, n, k: 2 * m * n, "each result needs k multiplications"),
        (lambda m, n, k: m * n * (2 * k - 1), "by convention"),
    ],
)
def matmul_flop(answer, rng):
    got = answer(2, 3, 4)
    assert got != 24, (
        "that counts multiplications; there are as many multiplications and as many additions"
    )
    assert got != 42, (
        "the first addition adds to zero: strictly none is needed, but by convention it counts, "
        "so that the product is 2 m n k"
    )
    assert got != 16, "the matrices need not be square: m, n and k may all differ"
    for _ in range(10):
        m, n, k = (rng.randint(2, 5000) for _ in range(3))
        got = answer(m, n, k)
        assert got == 2 * m * n * k, (
            f"({m}, {k}) times ({k}, {n}): got {got!r}. There are m n results, and each result "
            f"needs k multiplications and k additions"
        )


@exercise(
    "00.3",
    title="which origin",
    wrong=[
        (dict.fromkeys(ORIGINS, ...), "write your answer", "todo"),
        (dict.fromkeys(ORIGINS, "measured"), "a data sheet"),
        (ORIGINS | {_SENTENCES[2]: "published"}, "calculates"),
        (ORIGINS | {_SENTENCES[3]: "measured"}, "another machine"),
        (ORIGINS | {_SENTENCES[4]: "modelled"}, "counts"),
        (ORIGINS | {_SENTENCES[0]: "data sheet"}, "is no label here"),
        ({}, "is missing"),
    ],
)
def origins(answer, rng):
    why = {
        "published": "somebody quotes a data sheet or a paper",
        "measured": "somebody timed this machine, just now",
        "modelled": "somebody calculates with a formula",
        "recorded": "it was measured on another machine, or on another day, and kept",
        "simulated": "a program, or a patient person, counts step by step",
    }
    assert_labels(answer, ORIGINS, why)


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
    assert math.isclose(got, 3), f"20 bytes at 10 B/s and 6 FLOP at 2 FLOP/s: got {got:g} s"
    assert not math.isclose(answer(90.0, 6.0, 10.0, 2.0), 3), (
        "moving can take longer than computing"
    )
    for _ in range(20):
        n_bytes, n_flop, bytes_per_s, flop_per_s = (10 ** rng.uniform(3, 12) for _ in range(4))
        right = max(n_bytes / bytes_per_s, n_flop / flop_per_s)
        assert math.isclose(answer(n_bytes, n_flop, bytes_per_s, flop_per_s), right), (
            f"wrong on fresh numbers: {n_bytes:.3g} bytes at {bytes_per_s:.3g} B/s and "
            f"{n_flop:.3g} FLOP at {flop_per_s:.3g} FLOP/s take {right:.3g} s"
        )


_audit = solution("00.5")


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
    ],
)  # fmt: skip
def audit(answer, rng):
    for _ in range(60):
        move_s, compute_s = (10 ** rng.uniform(-3, 1) for _ in range(2))
        bytes_per_s, flop_per_s = (10 ** rng.uniform(6, 12) for _ in range(2))
        factor = rng.choice((0.5, 0.9, 0.99, 1.0, 1.5, 4.0))
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
        limits = f"moving needs {move_s:.3g} s, computing {compute_s:.3g} s"
        if right == "impossible":
            assert got == right, f"{given[0]:.3g} s is faster than the longer of the two: {limits}"
        assert got != "impossible" or factor < 0.98, (
            f"{given[0]:.3g} s is possible, within 2 % at least: {limits}"
        )
        assert got == right, (
            f"{limits}: the limit is {right}, the larger time, not the larger amount"
        )
