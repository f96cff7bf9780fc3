"""The turns of lesson 02: counting a polynomial, the roof, and tokens until compute-bound."""

import math

import numpy as np

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right


@exercise(
    "02.t1",
    title="count a polynomial",
    wrong=[
        (always((16, 1, 1)), "FLOP"),
        (lambda degree: (degree, 1, 1), "multiplies and adds"),
        (lambda degree: (2 * degree, degree, 1), "stays in a register"),
        (lambda degree: (2 * degree, 2 * degree, 1), "stays in a register"),
        (lambda degree: (2 * degree, degree + 1, 1), "stays in a register"),
        (lambda degree: (2 * degree, 1, degree), "stays in a register"),
        (lambda degree: (2 * degree, 2, 1), "only one array is read"),
        (lambda degree: (2 * degree, 1, 0), "written"),
        (lambda degree: (2 * degree, 0, 1), "has to be read once"),
        (lambda degree: (2 * degree, 4, 4), "floats, not bytes"),
        (lambda degree: (2 * degree + 1, 1, 1), "before the first step"),
        (lambda degree: (1, 1, 2 * degree), "in this order"),
        (lambda degree: 2 * degree / 8, "three numbers"),
        (lambda degree: (2 * degree, 1), "three numbers"),
        (lambda degree: (min(2 * degree, 1024), 1, 1), "FLOP"),
    ],
)
def polynomial_counts(answer, rng):
    for degree in (rng.randint(3, 90), rng.randint(700, 999), 1, rng.randint(3, 90)):
        got = answer(degree)
        case = f"degree {degree}: got {got}"
        is_three = isinstance(got, (tuple, list, np.ndarray)) and len(got) == 3
        assert is_three, f"{case}: return three numbers, (FLOP, floats read, floats written)"
        flop, read, written = got
        right = 2 * degree
        assert tuple(got) != (1, 1, right) or degree == 1, (
            f"{case}: in this order, please: FLOP, floats read, floats written"
        )
        assert flop != degree, f"{case}: each of the {degree} steps multiplies and adds"
        assert flop != right + 1, f"{case}: before the first step nothing is computed, only read"
        assert flop == right, f"{case}, and it's {right} FLOP: {degree} steps, each with two"
        assert (read, written) != (4, 4), f"{case}: count floats, not bytes"
        if degree > 1:
            stays = (
                f"{case}: value stays in a register, and so does x[i]. Memory sees only the first "
                f"read and the last write"
            )
            assert read not in (degree, degree + 1, right, right + 1), stays
            assert written not in (degree, degree + 1, right), stays
        assert read != 2, f"{case}: only one array is read, and each of its floats once"
        assert read != 0, f"{case}: x[i] has to be read once before it is in a register"
        assert read == 1, f"{case}: how many floats does one element read from memory?"
        assert written == 1, f"{case}: how many floats are written for one element of out?"


_roof = solution("02.t2")


@exercise(
    "02.t2",
    title="the roof",
    wrong=[
        (always(1e12), "got 1e+12"),
        (lambda i, p, b: i * b, "more than the peak"),
        (lambda i, p, b: p, "bytes times intensity"),
        (lambda i, p, b: max(p, i * b), "bytes times intensity"),
        (lambda i, p, b: min(p, b / i), "bytes times intensity"),
        (lambda i, p, b: min(p, b), "bytes times intensity"),
        (lambda i, p, b: p if i * b > p else min(p, b), "bytes times intensity"),
        (lambda i, p, b: 1 / (1 / p + 1 / (i * b)), "overlap"),
        (lambda i, p, b: min(p, i * b) / 1e9, "in FLOP/s"),
        (lambda i, p, b: round(min(p, i * b), -6), "expected"),
        (lambda i, p, b: min(p, i * b) / 1e12, "in FLOP/s"),
        (lambda i, p, b: p if i >= p / b else b, "bytes times intensity"),
    ],
)
def attainable(answer, rng):
    for _ in range(20):
        peak, bandwidth = 10 ** rng.uniform(11, 15), 10 ** rng.uniform(10, 13)
        intensity = peak / bandwidth * 10 ** rng.uniform(-2, 2)
        for at in (peak / bandwidth / 50, peak / bandwidth * 50, intensity):
            got, right = answer(at, peak, bandwidth), _roof(at, peak, bandwidth)
            case = f"{at:.3g} FLOP/B on {peak:.3g} FLOP/s and {bandwidth:.3g} B/s"
            assert got <= peak * (1 + 1e-9), f"{case}: got {got:.3g}, more than the peak"
            suspects = [
                (right / 10**n, "answer in FLOP/s, without a prefix") for n in (3, 6, 9, 12)
            ]
            both = 1 / (1 / peak + 1 / (at * bandwidth))
            overlap = "computing and moving overlap, so the lower of both limits counts alone"
            suspects.append((both, overlap))
            hint = (
                f"memory allows bytes times intensity, {bandwidth:.3g} bytes a second, each worth "
                f"{at:.3g} FLOP"
            )
            assert_right(got, right, case, suspects, hint)


_tokens = solution("02.t3")


def _more_than_the_ridge(ridge, d, f, itemsize):
    gain_per_token = 2 * d * f - ridge * itemsize * (d + f)
    if gain_per_token <= 0:
        return math.inf
    return math.floor(ridge * itemsize * d * f / gain_per_token) + 1


def _search_up_to_5000(ridge, d, f, itemsize):
    n = _tokens(ridge, d, f, itemsize)
    return n if n <= 5000 else math.inf


@exercise(
    "02.t3",
    title="how many tokens",
    wrong=[
        (always(300), "got 300"),
        (lambda r, d, f, s: math.ceil(r * s / 2), "tokens and the result move, too"),
        (lambda r, d, f, s: math.ceil(r), "expected"),
        (
            lambda r, d, f, s: math.ceil(r * s * d * f / (2 * d * f - r * s * d)),
            "the result moves, too",
        ),
        (
            lambda r, d, f, s: math.ceil(r * s * d * f / (2 * d * f - r * s * f)),
            "the tokens move, too",
        ),
        (lambda r, d, f, s: _tokens(r, d, f, s) + 1, "one fewer is enough"),
        (_more_than_the_ridge, "at least"),
        (lambda r, d, f, s: min(_tokens(r, d, f, s), 4096), "no number of tokens"),
        (lambda r, d, f, s: math.ceil(_tokens(r, d, f, 2)), "bytes a number"),
        (lambda r, d, f, s: _tokens(r, d, f, s) - 1, "is not enough"),
        (
            lambda r, d, f, s: abs(2 * d * f - r * s * (d + f)) and math.ceil(
                r * s * d * f / abs(2 * d * f - r * s * (d + f))
            ),
            "no number of tokens",
        ),
        (lambda r, d, f, s: _tokens(r, d, f, s) + 0.5, "a whole number"),
        (_search_up_to_5000, "any number of tokens"),
    ],
)  # fmt: skip
def tokens_to_compute_bound(answer, rng):
    def intensity(n, d, f, itemsize):
        return 2 * n * d * f / (itemsize * (n * d + d * f + n * f))

    for k in range(20):
        d, f = rng.choice((2048, 4096, 8192)), rng.choice((11008, 14336, 28672))
        ridge, itemsize = rng.uniform(250, 400), 2 if k == 0 else rng.choice((1, 2, 4))
        got, right = answer(ridge, d, f, itemsize), _tokens(ridge, d, f, itemsize)
        case = f"ridge {ridge:.1f}, d = {d}, f = {f}, {itemsize} bytes a number: got {got}"
        if right == math.inf:
            assert got == right, f"{case}, yet no number of tokens reaches this ridge"
            continue
        assert got == math.inf or got == int(got), f"{case}: answer with a whole number"
        assert got not in (right - 1, right + 1), (
            f"{case} is not enough: its intensity is {intensity(got, d, f, itemsize):.2f}"
            if got < right
            else f"{case}, and one fewer is enough"
        )
        moved = ridge * itemsize
        suspects = {
            math.ceil(moved / 2): "that counts the weights alone; tokens and the result move, too",
            math.ceil(moved * d * f / (2 * d * f - moved * d)): "the result moves, too",
            math.ceil(moved * d * f / (2 * d * f - moved * f)): "the tokens move, too",
        }
        assert got == right, f"{case}, expected {right}: " + suspects.get(
            got, "hold the intensity, work over traffic, against the ridge"
        )
    got = answer(1024.0, 4096, 4096, 2)  # in powers of two nothing is rounded
    assert got == 2048, (
        f"ridge 1024, d = f = 4096, 2 bytes a number: got {got}, expected 2048, which reaches the "
        f"ridge exactly: at least means that this counts"
    )
    got = answer(500.0, 512, 512, 4)
    assert got == math.inf, (
        f"ridge 500, d = f = 512, 4 bytes a number: got {got}, but no number of tokens is enough: "
        f"return math.inf"
    )
    d, f = 4096, rng.choice((11008, 14336))
    ridge = 0.95 * d * f / (d + f)  # so near to what infinitely many tokens reach, it takes many
    got, right = answer(ridge, d, f, 2), _tokens(ridge, d, f, 2)
    assert got == right, (
        f"ridge {ridge:.1f}, d = {d}, f = {f}, 2 bytes a number: got {got}, expected {right}: it "
        f"may take any number of tokens"
    )
