"""Exercises 01.3 and 01.5: slow pages, and the ranks that enclose a median."""

import math
import statistics

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right


@exercise(
    "01.3",
    title="one slow request in a hundred",
    wrong=[
        (always(0.63), "got 0.63"),
        (lambda slow, n: slow * n, "more than one of its requests may be slow"),
        (lambda slow, n: min(1, slow * n), "more than one of its requests may be slow"),
        (lambda slow, n: (1 - slow) ** n, "the pages that are *not* slow"),
        (lambda slow, n: slow**n, "all of its requests"),
        (lambda slow, n: 1 - slow**n, "at least one of its requests is fast"),
        (lambda slow, n: 100 * (1 - (1 - slow) ** n), "not in percent"),
        (lambda slow, n: n * slow * (1 - slow) ** (n - 1), "exactly one"),
        (lambda slow, n: 1 - (1 - slow) ** (n - 1), "all n_requests"),
        (lambda slow, n: 1 - (1 - slow) * n, "all n_requests"),
        (lambda slow, n: slow, "one request"),
        (lambda slow, n: 1 - (1 - slow) ** min(n, 1000), "all n_requests"),
        (lambda slow, n: 1 - math.exp(-slow * n), "all n_requests"),
    ],
)
def slow_pages(answer, rng):
    all_of_them = "a page is not slow if all n_requests are fast"
    for n in (rng.randint(3, 5), rng.randint(6, 60), rng.randint(2100, 3000), 1):
        slow = rng.uniform(0.2, 0.8) / n
        fast = (1 - slow) ** n
        suspects = [
            (n * slow, "more than one of its requests may be slow"),
            (fast, "that's the share of the pages that are *not* slow"),
            (slow**n, "that's the share of pages with all of its requests slow"),
            (1 - slow**n, "that's the share of pages where at least one of its requests is fast"),
            (100 * (1 - fast), "a share from 0 to 1, not in percent"),
            (n * slow * (1 - slow) ** (n - 1), "that's the share with exactly one slow request"),
            (slow, "that's the share for one request"),
        ]
        case = f"{n} requests, each slow with probability {slow:.4g}"
        assert_right(answer(slow, n), 1 - fast, case, suspects if n > 1 else [], all_of_them)
    for slow, right in ((0.0, 0), (1.0, 1)):
        case = f"20 requests, each slow with probability {slow:g}"
        assert_right(answer(slow, 20), right, case, hint=all_of_them)


_rank = solution("01.5")


def _one_sided(n, confidence):
    missed, k = 0.0, 0
    while k < n and missed + math.comb(n, k) / 2**n <= 1 - confidence + 1e-12:
        missed += math.comb(n, k) / 2**n
        k += 1
    return k


def _at_least_one(n, confidence):
    return max(_rank(n, confidence), 1)


def _counted_from_zero(n, confidence):
    return _rank(n, confidence) - 1


def _never_the_middle(n, confidence):
    return max(0, min(_rank(n, confidence), n // 2 - 1))


def _by_a_normal_curve(n, confidence):
    deviations = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    return max(0, math.floor((n + 1) / 2 - deviations * math.sqrt(n) / 2))


# Where a normal distribution gives another rank than the coins do.
_OFF_THE_CURVE = ((17, 0.95), (44, 0.95), (19, 0.98), (30, 0.9), (39, 0.8))


def _normal_rule(n, confidence):
    return max(round(n / 2 - 0.98 * math.sqrt(n)), 1)


@exercise(
    "01.5",
    title="the honest interval",
    wrong=[
        (always(1), "return 0"),
        (_one_sided, "each of its two sides"),
        (_at_least_one, "return 0"),
        (lambda n, confidence: _rank(n, confidence) or None, "returns None"),
        (_counted_from_zero, "counted from 1"),
        (_normal_rule, "return 0"),
        (_by_a_normal_curve, "only comes near"),
        (lambda n, confidence: _rank(n, confidence) + 1, "return 0"),
        (lambda n, confidence: _rank(n, 0.95), "another confidence"),
        (lambda n, confidence: min(_rank(n, confidence), 100), "got 100"),
        (_never_the_middle, "few samples"),
    ],
)
def interval_rank(answer, rng):
    assert answer(7, 0.95) != 0, "n = 7: ranks are counted from 1, the smallest sample's rank"
    got = answer(301, 0.95)
    assert got != _one_sided(301, 0.95), (
        f"n = 301: got {got}. The interval misses on each of its two sides, and both count"
    )
    got = answer(5, 0.95)
    assert got == 0, f"n = 5: got {got}, but five samples have no 95 % interval: return 0"
    for n in range(1, 12):
        for confidence in (0.5, 0.8):
            got, right = answer(n, confidence), _rank(n, confidence)
            assert got == right, (
                f"few samples, n = {n}, and another confidence, {confidence:.0%}: got {got}, "
                f"expected {right}"
            )
    for n, confidence in _OFF_THE_CURVE:
        got, right = answer(n, confidence), _rank(n, confidence)
        assert got == right, (
            f"n = {n}, {confidence:.0%}: got {got}, expected {right}. A normal distribution only "
            f"comes near: count the throws with math.comb"
        )
    for _ in range(30):
        n, confidence = rng.randint(7, 400), rng.choice((0.5, 0.8, 0.9, 0.95, 0.98))
        right = _rank(n, confidence)
        got, at_95 = answer(n, 0.95), _rank(n, 0.95)
        assert got == at_95, f"n = {n}, 95 %: got {got}, expected {at_95}"
        assert answer(n, confidence) == right, (
            f"n = {n}, another confidence, {confidence:.0%}: got {answer(n, confidence)}, "
            f"expected {right}"
        )
