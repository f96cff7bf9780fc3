"""The turns of lesson 22: what spikes cost, and where two codes err equally often."""

import math

import numpy as np

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_pair, assert_right

_energies = solution("22.t1")


@exercise(
    "22.t1",
    title="what spikes cost",
    wrong=[
        (always((1e-9, 1e-9)), "ordinary"),
        (lambda n, a, mac, add, read: n * (mac + read), "two numbers"),
        (lambda n, a, mac, add, read: (n * mac, a * add), "read its weight"),
        (lambda n, a, mac, add, read: (n * mac + read, a * add + read), "each of them"),
        (lambda n, a, mac, add, read: (a * (add + read), n * (mac + read)), "first the ordinary"),
        (lambda n, a, mac, add, read: (n * (mac + read), a * (mac + read)), "only adds"),
        (lambda n, a, mac, add, read: (n * (mac + read), a * add), "spiking"),
        (lambda n, a, mac, add, read: (n * (mac + add + read), a * (add + read)), "already"),
        (lambda n, a, mac, add, read: (n * (mac + read), n * (add + read)), "n_added"),
        (lambda n, a, mac, add, read: (n * (mac + read), a * (add + 2 * read)), "one weight"),
        (lambda n, a, mac, add, read: (n * mac + n * read, a * add + n * read), "own reads"),
        (lambda n, a, mac, add, read: (n * (mac + 2 * read), a * (add + read)), "one weight"),
    ],
)
def digit_energies_j(answer, rng):
    for _ in range(6):
        n_macs, n_added = rng.randint(1000, 90_000), rng.randint(1000, 90_000)
        mac_j, add_j, read_j = (rng.uniform(low, 9) * 1e-12 for low in (3, 0.1, 1))
        args = n_macs, n_added, mac_j, add_j, read_j
        got, (ordinary_j, spiking_j) = answer(*args), _energies(*args)
        case = f"{n_macs:,} multiply-adds, {n_added:,} additions"
        assert_pair(got, case, "the joules of the ordinary network and of the spiking one")
        assert not math.isclose(got[0], spiking_j), f"{case}: first the ordinary network, please"
        _assert_joules(got[0], ordinary_j, f"{case}: ordinary", [
            (n_macs * mac_j, "each multiply-add has to read its weight, too"),
            (n_macs * mac_j + read_j, "there is a read for each of them, not one"),
            (n_macs * (mac_j + add_j + read_j), "mac_j holds its addition already"),
            (n_macs * (mac_j + 2 * read_j), "each multiply-add reads one weight"),
        ])  # fmt: skip
        _assert_joules(got[1], spiking_j, f"{case}: spiking", [
            (n_added * (mac_j + read_j), "a spike only adds: nothing is multiplied"),
            (n_added * add_j, "each addition has to read its weight, too"),
            (n_macs * (add_j + read_j), "there are n_added additions"),
            (n_added * (add_j + 2 * read_j), "each addition reads one weight"),
            (n_added * add_j + n_macs * read_j, "the additions have their own reads"),
        ])  # fmt: skip


def _assert_joules(got, right, case, suspects):
    pj = 1e12  # so that the tolerance, which is absolute, is far below every value
    assert_right(got * pj, right * pj, f"{case} (pJ)", [(v * pj, hint) for v, hint in suspects])


_crossing = solution("22.t2")


def _first_point(ps, small, large):
    gaps = [b - a for a, b in zip(small, large, strict=True)]
    return next((p for p, gap in zip(ps, gaps, strict=True) if gap > 0), math.inf)


def _closest_point(ps, small, large):
    return min(zip(ps, small, large, strict=True), key=lambda row: abs(row[1] - row[2]))[0]


def _middle(ps, small, large):
    after = _first_point(ps, small, large)
    at = ps.index(after) if after in ps else 0
    return (ps[at - 1] + ps[at]) / 2 if at else math.inf


def _never_inf(ps, small, large):
    found = _crossing(ps, small, large)
    return ps[-1] if found == math.inf else found


def _between_first_two(ps, small, large):
    return _crossing(ps[:2], small[:2], large[:2])


def _strictly_between(ps, small, large):
    gaps = [b - a for a, b in zip(small, large, strict=True)]
    for i in range(len(ps) - 1):
        if gaps[i] < 0 < gaps[i + 1]:
            return _crossing(ps[i : i + 2], small[i : i + 2], large[i : i + 2])
    return math.inf


def _on_logarithms(ps, small, large):
    """As the chart is drawn, where the lines between two points are others."""
    return _crossing(ps, *([math.log(rate) for rate in curve] for curve in (small, large)))


@exercise(
    "22.t2",
    title="the threshold",
    wrong=[
        (always(0.0081), "straight line"),
        (_first_point, "straight line"),
        (_closest_point, "straight line"),
        (_middle, "straight line"),
        (lambda ps, small, large: _crossing(ps, large, small), "no crossing"),
        (_between_first_two, "no crossing"),
        (_never_inf, "never cross"),
        (lambda ps, small, large: 100 * _crossing(ps, small, large), "percent"),
        (lambda ps, small, large: _crossing(ps[::-1], small[::-1], large[::-1]), "no crossing"),
        (_strictly_between, "exactly at a point"),
        (_on_logarithms, "straight line"),
        (lambda ps, *curves: round(_crossing(ps, *curves), 4), "straight line"),
        (
            lambda ps, small, large: float(np.interp(0, np.subtract(large, small), ps)),
            "never cross",
        ),
    ],
)
def crossing(answer, rng):
    for n in (2, 3, 5, 8):
        for _ in range(3):
            _one_crossing(answer, rng, n)
    ps, small, large = _curves(rng, 5, at=1)
    large[2] = small[2]
    got = answer(ps, small, large)
    assert_right(got * 1e3, ps[2] * 1e3, "two curves that meet exactly at a point, and cross there")
    ps, small, large = _curves(rng, 5, at=2)
    got = answer(ps, [2 * y for y in large], small)  # the second curve is always the lower one
    got_above = answer(ps, small, [y + 1 for y in small])
    for value in (got, got_above):
        assert value == math.inf, f"these two curves never cross, but got {value!r}: math.inf"


def _one_crossing(answer, rng, n):
    ps, small, large = _curves(rng, n, at=rng.randrange(n - 1))
    got, right = answer(ps, small, large), _crossing(ps, small, large)
    case = f"{n} error rates from {ps[0]:.3%} to {ps[-1]:.3%}"
    assert got != math.inf, (
        f"{case}: got no crossing: the larger code begins below the smaller one, ends above it: "
        f"look at each pair of neighbouring points"
    )
    hint = "between the two points where the sign changes, each curve is a straight line"
    assert_right(got * 1e3, right * 1e3, case, [(1e5 * right, "that's in percent")], hint)


def _curves(rng, n, at):
    """Rising error rates and two curves that cross once, after the point number `at`."""
    ps = sorted(rng.uniform(0.002, 0.015) for _ in range(n))
    small = sorted(rng.uniform(0.01, 0.1) for _ in range(n))
    gaps = [(-1 if i <= at else 1) * rng.uniform(0.001, 0.01) for i in range(n)]
    return ps, small, [y + gap for y, gap in zip(small, gaps, strict=True)]
