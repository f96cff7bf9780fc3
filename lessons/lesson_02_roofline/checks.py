"""Checks of lesson 02: counting a loop, the roof, new hardware, tokens, a program of parts."""

import math

from labkit.teach.registry import always, exercise, solution


@exercise(
    "02.1",
    title="count a loop",
    wrong=[
        (always(1 / 6), "itemsize"),
        (lambda itemsize: 2 / 3, "bytes, not numbers"),
        (lambda itemsize: 1 / (3 * itemsize), "a multiplication and an addition"),
        (lambda itemsize: 2 / (2 * itemsize), "written as well"),
        (lambda itemsize: 2 // (3 * itemsize), "a fraction"),
        (lambda itemsize: 3 * itemsize / 2, "FLOP per byte"),
    ],
)
def axpy_intensity(answer, rng):
    got = answer(4)
    assert got != 0, "the intensity of this loop is a fraction below one: use / and not //"
    assert not math.isclose(got, 2 / 3), "count bytes, not numbers: each has itemsize bytes"
    assert not math.isclose(got, 1 / 12), "each element needs a multiplication and an addition"
    assert not math.isclose(got, 1 / 4), "x and y are read, and out is written as well: three moves"
    assert got < 1, "intensity is FLOP per byte: the operations stand above the line"
    for itemsize in (rng.randint(1, 1000) for _ in range(5)):
        got = answer(itemsize)
        assert math.isclose(got, 2 / (3 * itemsize)), (
            f"with an itemsize of {itemsize}: got {got:.4g} FLOP/B, "
            f"expected {2 / (3 * itemsize):.4g}"
        )


_roof = solution("02.2")


@exercise(
    "02.2",
    title="the roof",
    wrong=[
        (always(1e12), "got 1e+12"),
        (lambda i, p, b: i * b, "more than the peak"),
        (lambda i, p, b: p, "bytes times intensity"),
        (lambda i, p, b: max(p, i * b), "bytes times intensity"),
        (lambda i, p, b: min(p, b / i), "bytes times intensity"),
        (lambda i, p, b: min(p, b), "bytes times intensity"),
    ],
)
def attainable(answer, rng):
    for _ in range(20):
        peak, bandwidth = 10 ** rng.uniform(11, 15), 10 ** rng.uniform(10, 13)
        intensity = peak / bandwidth * 10 ** rng.uniform(-2, 2)
        for at in (peak / bandwidth / 50, peak / bandwidth * 50, intensity):
            got, right = answer(at, peak, bandwidth), _roof(at, peak, bandwidth)
            case = f"{at:.3g} FLOP/B on {peak:.3g} FLOP/s and {bandwidth:.3g} B/s: got {got:.3g}"
            assert got <= peak * (1 + 1e-9), f"{case}, more than the peak"
            assert math.isclose(got, right), (
                f"{case}. Memory allows bytes times intensity: {bandwidth:.3g} bytes a second, "
                f"each worth {at:.3g} FLOP"
            )


_speedup = solution("02.3")


@exercise(
    "02.3",
    title="what new hardware buys",
    wrong=[
        (always(2.0), "got 2"),
        (lambda i, p, b, pf, bf: pf, "slope only"),
        (lambda i, p, b, pf, bf: min(pf, bf), "got"),
        (lambda i, p, b, pf, bf: bf if i < p / b else pf, "ridge moves too"),
        (lambda i, p, b, pf, bf: pf * bf, "at most the larger"),
        (lambda i, p, b, pf, bf: _roof(i, pf * p, bf * b), "a ratio"),
    ],
)
def speedup(answer, rng):
    for k in range(40):
        peak, bandwidth = 10 ** rng.uniform(11, 15), 10 ** rng.uniform(10, 13)
        factors = rng.uniform(1.1, 2), rng.uniform(2.5, 8)
        peak_factor, bandwidth_factor = factors if k % 2 else factors[::-1]
        # Far below the ridge, far above it, then often between the old ridge and the new.
        intensity = peak / bandwidth * 10 ** (-2, 2, -0.3, 0.3, -0.1, 0.1)[k // 2 % 6]
        got = answer(intensity, peak, bandwidth, peak_factor, bandwidth_factor)
        right = _speedup(intensity, peak, bandwidth, peak_factor, bandwidth_factor)
        case = (
            f"{intensity:.3g} FLOP/B, ridge {peak / bandwidth:.3g}, peak x {peak_factor:.2f}, "
            f"bandwidth x {bandwidth_factor:.2f}: got {got:.3g}"
        )
        assert got < 1e6, f"{case}. A speed-up is a ratio: divide by the old rate"
        assert got <= max(factors) * (1 + 1e-9), f"{case}. It is at most the larger of the factors"
        naive = bandwidth_factor if intensity < peak / bandwidth else peak_factor
        assert not math.isclose(got, naive) or math.isclose(got, right), (
            f"{case}. The ridge moves too: a kernel that was limited by one may now meet the other"
        )
        assert math.isclose(got, right), (
            f"{case}, expected {right:.3g}. On the slope only bandwidth helps, on the flat only "
            f"peak"
        )


_tokens = solution("02.4")


@exercise(
    "02.4",
    title="how many tokens",
    wrong=[
        (always(300), "got 300"),
        (lambda r, d, f, s: math.ceil(r * s / 2), "activations cross the memory too"),
        (lambda r, d, f, s: math.ceil(_tokens(r, d, f, 2)), "bytes a number"),
        (lambda r, d, f, s: _tokens(r, d, f, s) - 1, "is not enough"),
        (
            lambda r, d, f, s: abs(2 * d * f - r * s * (d + f)) and math.ceil(
                r * s * d * f / abs(2 * d * f - r * s * (d + f))
            ),
            "no number of tokens",
        ),
        (lambda r, d, f, s: _tokens(r, d, f, s) + 0.5, "a whole number"),
    ],
)  # fmt: skip
def tokens_to_compute_bound(answer, rng):
    def intensity(n, d, f, itemsize):
        return 2 * n * d * f / (itemsize * (n * d + d * f + n * f))

    for k in range(20):
        d, f = rng.choice((2048, 4096, 8192)), rng.choice((8192, 11008, 14336))
        ridge, itemsize = rng.uniform(250, 400), 2 if k == 0 else rng.choice((1, 2, 4))
        got, right = answer(ridge, d, f, itemsize), _tokens(ridge, d, f, itemsize)
        case = f"ridge {ridge:.1f}, d = {d}, f = {f}, {itemsize} bytes a number: got {got}"
        if right == math.inf:
            assert got == right, f"{case}, yet no number of tokens reaches this ridge"
            continue
        assert got != math.ceil(ridge * itemsize / 2) or got == right, (
            f"{case}. That counts the weights alone; the activations cross the memory too"
        )
        assert got == math.inf or got == int(got), f"{case}: answer with a whole number"
        assert got != right - 1, (
            f"{case} is not enough: its intensity is {intensity(got, d, f, itemsize):.2f}"
        )
        assert got == right, f"{case}, expected {right}"
    assert answer(500.0, 512, 512, 4) == math.inf, (
        "ridge 500, d = f = 512, 4 bytes a number: no number of tokens is enough, return math.inf"
    )


_program_rate = solution("02.5")


def _average_intensity(parts, peak, bandwidth):
    flop, n_bytes = (sum(column) for column in zip(*parts, strict=True))
    return _roof(flop / n_bytes, peak, bandwidth)


def _mean_of_rates(parts, peak, bandwidth):
    return sum(_roof(flop / n, peak, bandwidth) for flop, n in parts) / len(parts)


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
        raise AssertionError(case)
