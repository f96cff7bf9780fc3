"""Exercise 02.3: what new hardware buys, when the ridge point moves with it."""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_roof = solution("02.t2")
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
        (lambda i, p, b, pf, bf: 1 / _speedup(i, p, b, pf, bf), "upside down"),
        (lambda i, p, b, pf, bf: round(_speedup(i, p, b, pf, bf), 2), "expected"),
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
            f"bandwidth x {bandwidth_factor:.2f}"
        )
        assert got < 1e6, f"{case}: got {got:.3g}. A speed-up is a ratio: divide by the old rate"
        assert got <= max(factors) * (1 + 1e-9), (
            f"{case}: got {got:.3g}. It is at most the larger of the factors"
        )
        naive = bandwidth_factor if intensity < peak / bandwidth else peak_factor
        moves = "the ridge moves too: a kernel that was limited by one may now meet the other"
        upside_down = "upside down: divide the new rate by the old one"
        hint = "on the slope only bandwidth helps, on the flat only peak"
        assert_right(got, right, case, [(naive, moves), (1 / right, upside_down)], hint)
