"""Exercise 10.1: merging two softmaxes."""

import math

from labkit.teach.registry import always, exercise, solution

_merge = solution("10.1")


def _pair_of_larger(largest_a, total_a, largest_b, total_b):
    return max((largest_a, total_a), (largest_b, total_b))


def _by_absolute_sums(largest_a, total_a, largest_b, total_b):
    largest = max(largest_a, largest_b)
    total = total_a * math.exp(largest_a) + total_b * math.exp(largest_b)
    return largest, total / math.exp(largest)


def _turned_round(largest_a, total_a, largest_b, total_b):
    largest = max(largest_a, largest_b)
    total = total_a * math.exp(largest - largest_a) + total_b * math.exp(largest - largest_b)
    return largest, total


def _a_is_first(largest_a, total_a, largest_b, total_b):
    return largest_b, total_a * math.exp(largest_a - largest_b) + total_b


def _an_empty_part_has_zero(largest_a, total_a, largest_b, total_b):
    """Wrong: a part without scores gets a largest score, which may be the largest of all."""
    largest = max(0.0 if math.isinf(of) else of for of in (largest_a, largest_b))
    total = total_a * math.exp(largest_a - largest) + total_b * math.exp(largest_b - largest)
    return largest, total


def _far_below_is_nothing(largest_a, total_a, largest_b, total_b):
    """Wrong: a million scores 20 below the largest are not nothing."""
    if abs(largest_a - largest_b) > 20:
        return max((largest_a, total_a), (largest_b, total_b))
    return _merge(largest_a, total_a, largest_b, total_b)


@exercise(
    "10.1",
    title="merging two softmaxes",
    wrong=[
        (always((3.0, 2.0)), "expected"),
        (lambda m_a, t_a, m_b, t_b: (max(m_a, m_b), t_a + t_b), "relative to its own largest"),
        (_pair_of_larger, "both parts"),
        (_by_absolute_sums, "exceeds every float"),
        (_turned_round, "shrinks"),
        (_a_is_first, "largest"),
        (_an_empty_part_has_zero, "the largest is that of all scores"),
        (_far_below_is_nothing, "both parts"),
        (lambda m_a, t_a, m_b, t_b: _merge(m_a, t_a, m_b, t_b)[1], "a pair"),
        (lambda m_a, t_a, m_b, t_b: _merge(m_a, t_a, m_b, t_b)[::-1], "first the largest"),
    ],
)
def merge(answer, rng):
    high = rng.uniform(800, 900)  # whose exponential no float holds
    for middle, scale in ((0, 1), (0, 1), (0, 3), (0, 3), (0, 30), (0, 1000), (high, 3)):
        a, b = ([rng.gauss(middle, scale) for _ in range(rng.randint(1, 20))] for _ in range(2))
        _try_merge(answer, (*_pair(a), *_pair(b)), _pair(a + b))
    for some in (_pair(a), (-rng.uniform(5, 50), rng.uniform(1, 9))):
        for case in ((*some, -math.inf, 0.0), (-math.inf, 0.0, *some)):
            _try_merge(answer, case, some)
    few, many = (rng.uniform(21, 24), 1.0), (0.0, 1e6)  # many low scores count, too
    for case in ((*few, *many), (*many, *few)):
        _try_merge(answer, case, _merge(*case))


def _pair(scores):
    return max(scores), math.fsum(math.exp(score - max(scores)) for score in scores)


def _try_merge(answer, pairs, right):
    case = "({:.4g}, {:.4g}) and ({:.4g}, {:.4g})".format(*pairs)
    try:
        got = answer(*pairs)
    except OverflowError:
        raise AssertionError(
            f"{case}: exp of a large score exceeds every float: take exponentials of differences "
            f"to the largest score only"
        ) from None
    assert isinstance(got, tuple) and len(got) == 2, f"{case}: return a pair"  # noqa: PT018
    largest, total = got
    told = f"{case}: got ({largest:.4g}, {total:.4g}), expected ({right[0]:.4g}, {right[1]:.4g})"
    assert not (math.isclose(largest, right[1]) and math.isclose(total, right[0])), (
        f"{told}: first the largest, then the total"
    )
    assert math.isclose(largest, right[0]), f"{told}: the largest is that of all scores"
    assert not math.isclose(total, pairs[1] + pairs[3]) or math.isclose(total, right[1]), (
        f"{told}: each total is relative to its own largest score"
    )
    assert total not in (pairs[1], pairs[3]) or math.isclose(total, right[1]), (
        f"{told}: both parts have a share in the total"
    )
    assert total <= right[1] * (1 + 1e-9), f"{told}: a part with a lower largest score shrinks"
    assert math.isclose(total, right[1]), told
