"""Checks of lesson 00: traffic, work, a product checked cheaply, origins, and the shortest time."""

import math

import numpy as np

from labkit.teach.labels import assert_labels
from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

ORIGINS = solution("00.3")
_SENTENCES = list(ORIGINS)


@exercise(
    "00.t1",
    title="the bandwidth of a copy",
    wrong=[
        (always(2e10), "got 2e+10"),
        (lambda n, itemsize, time_s: n * itemsize / time_s, "read and written"),
        (lambda n, itemsize, time_s: 2 * n / time_s, "each of them has itemsize bytes"),
        (lambda n, itemsize, time_s: 2 * n * 8 / time_s, "itemsize need not be 8"),
        (lambda n, itemsize, time_s: 2 * n * itemsize, "divide by the time"),
        (lambda n, itemsize, time_s: 2 * n * itemsize * time_s, "divide by the time"),
        (lambda n, itemsize, time_s: time_s / (2 * n * itemsize), "upside down"),
        (lambda n, itemsize, time_s: 2 * n * itemsize / time_s / 1e9, "in bytes, not in GB"),
        (lambda n, itemsize, time_s: 2 * n * itemsize / time_s / 2**30, "in bytes, not in GB"),
        (lambda n, itemsize, time_s: 16 * n * itemsize / time_s, "in bytes, not in bits"),
        (lambda n, itemsize, time_s: 3 * n * itemsize / time_s, "read and written"),
    ],
)
def copy_bytes_per_s(answer, rng):
    for _ in range(10):
        n, itemsize = rng.randint(2, 10**9), rng.choice((4, 12, 32))
        time_s = 10 ** rng.uniform(-6, 2)
        moved_bytes = 2 * n * itemsize
        right = moved_bytes / time_s
        each = "each number is read and written: it moves twice"
        suspects = [
            (right / 2, each),
            (right / itemsize, "that counts numbers, and each of them has itemsize bytes"),
            (2 * n * 8 / time_s, "itemsize need not be 8"),
            (moved_bytes, "that is how many bytes moved in all: divide by the time"),
            (moved_bytes * time_s, "bytes per second: divide by the time"),
            (right / 1e9, "the answer is in bytes, not in GB"),
            (right / 2**30, "the answer is in bytes, not in GB"),
            (right * 8, "the answer is in bytes, not in bits"),
        ]
        case = f"{n} numbers of {itemsize} bytes in {time_s:.4g} s"
        got = answer(n, itemsize, time_s)
        assert not math.isclose(got, 1 / right), f"{case}: upside down: bytes over time"
        assert_right(got, right, case, suspects, each)


def _first_row_only(a, b, c):
    return np.allclose(c[0], a[0] @ b, rtol=1e-4)


def _row_sums(a, b, c):
    x = np.ones(c.shape[1])
    return np.allclose(c @ x, a @ (b @ x), rtol=1e-5)


def _by_sum(a, b, c):
    return np.isclose(c.sum(), (a.astype(float) @ b).sum(), rtol=1e-5)


def _transposed(a, b, c):
    return c.shape == (a @ b).shape and np.allclose(np.sort(c.ravel()), np.sort((a @ b).ravel()))


def _any_close(a, b, c):
    x = np.random.default_rng().random(c.shape[1])
    return np.isclose(c @ x, a @ (b @ x), rtol=1e-5).any()


def _exactly(a, b, c):
    return (a.astype(float) @ b == c).all()


def _too_kind(a, b, c):
    x = np.random.default_rng().random(c.shape[1])
    return np.allclose(c @ x, a @ (b @ x), rtol=0.5)


def _does_it_again(a, b, c):
    """Makes `c` right before it looks."""
    c[:] = a @ b
    return True


@exercise(
    "00.t2",
    title="a product checked cheaply",
    wrong=[
        (always(True), "that is a wrong product"),
        (always(False), "that product is right"),
        (_first_row_only, "that is a wrong product"),
        (_row_sums, "what one element has too much"),
        (_by_sum, "what one element has too much"),
        (_transposed, "the elements are there, but not all in their places"),
        (_any_close, "that is a wrong product"),
        (_exactly, "compare with np.allclose"),
        (_too_kind, "that is a wrong product"),
        (_does_it_again, "leave its arguments as they are"),
    ],
)
def is_product(answer, rng):
    for _ in range(3):
        m, n, k = (rng.randint(20, 40) for _ in range(3))
        make = np.random.default_rng(rng.getrandbits(64)).random
        a, b = make((m, k), np.float32), make((k, n), np.float32)
        right = (a.astype(float) @ b).astype(np.float32)
        case = f"({m}, {k}) times ({k}, {n})"
        rounded = right * (1 + 2e-7 * make(right.shape, np.float32))
        for c in (right, rounded):
            assert answer(a, b, c), (
                f"{case}: that product is right, up to rounding: compare with np.allclose, and "
                f"with the rtol that the text gives"
            )
        for c, hint in _wrong_products(right, rng):
            assert not answer(a, b, c), (
                f"{case}: that is a wrong product, and you say it's right: {hint}"
            )


def _wrong_products(right, rng):
    """Wrong products and what is wrong with each of them."""
    row, col = rng.randrange(1, right.shape[0]), rng.randrange(right.shape[1])
    larger = 10 * float(right.max())
    one_wrong = right.copy()
    one_wrong[row, col] += larger
    yield one_wrong, f"its element [{row}, {col}] is far too large"
    balanced = right.copy()
    balanced[row, col] += larger
    balanced[row, col - 1] -= larger
    yield balanced, "what one element has too much, another has too little"
    yield right[:, ::-1].copy(), "the elements are there, but not all in their places"
    unwritten = right.copy()
    unwritten[row, col] = np.nan
    yield unwritten, "an element is nan, so it was never written"
    yield np.zeros_like(right), "all its elements are 0"


@exercise(
    "00.1",
    title="the traffic of a conversion",
    wrong=[
        (always(1200), "got 1200"),
        (lambda n, from_bytes, to_bytes: 2 * n * from_bytes, "to_bytes"),
        (lambda n, from_bytes, to_bytes: 2 * n * to_bytes, "from_bytes"),
        (lambda n, from_bytes, to_bytes: n * to_bytes, "read as well"),
        (lambda n, from_bytes, to_bytes: n * from_bytes, "written as well"),
        (lambda n, from_bytes, to_bytes: from_bytes + to_bytes, "one number"),
        (lambda n, from_bytes, to_bytes: n * abs(from_bytes - to_bytes), "read and written"),
        (lambda n, from_bytes, to_bytes: n * from_bytes * to_bytes, "read and written"),
        (lambda n, from_bytes, to_bytes: 2 * n * (from_bytes + to_bytes), "read and written"),
        (lambda n, from_bytes, to_bytes: 2 * n * max(from_bytes, to_bytes), "bytes"),
    ],
)
def conversion_bytes(answer, rng):
    for _ in range(10):
        n = rng.randint(2, 10**9)
        from_bytes, to_bytes = rng.choice(((10, 4), (4, 10), (10, 3), (16, 6), (6, 16)))
        suspects = [
            (2 * n * from_bytes, "what is written has to_bytes bytes"),
            (2 * n * to_bytes, "what is read has from_bytes bytes"),
            (n * to_bytes, "each number is read as well"),
            (n * from_bytes, "each number is written as well"),
            (from_bytes + to_bytes, "that is the traffic of one number"),
        ]
        assert_right(
            answer(n, from_bytes, to_bytes), n * (from_bytes + to_bytes),
            f"{n} numbers of {from_bytes} bytes, converted to {to_bytes}", suspects,
            "each number is read and written once",
        )  # fmt: skip


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
        (ORIGINS | {_SENTENCES[0]: "data sheet"}, "isn't a label here"),
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
