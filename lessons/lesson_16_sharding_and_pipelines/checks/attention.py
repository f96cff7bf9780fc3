"""Exercise 16.3: two parts of attention become one."""

import numpy as np

from labkit.teach.registry import always, exercise, solution

_merge = solution("16.3")


def _as_they_stand(first, second):
    return first[0] + second[0], first[1] + second[1], np.maximum(first[2], second[2])


def _smaller_peak(first, second):
    with np.errstate(over="ignore", invalid="ignore"):
        peak = np.minimum(first[2], second[2])
        a, b = np.exp(first[2] - peak), np.exp(second[2] - peak)
        return a * first[0] + b * second[0], a * first[1] + b * second[1], peak


def _turned_around(first, second):
    with np.errstate(over="ignore", invalid="ignore"):
        peak = np.maximum(first[2], second[2])
        a, b = np.exp(peak - first[2]), np.exp(peak - second[2])
        return a * first[0] + b * second[0], a * first[1] + b * second[1], peak


def _out_only(first, second):
    out, _, peak = _merge(first, second)
    return out, first[1] + second[1], peak


def _normalised(first, second):
    out, total, peak = _merge(first, second)
    return out / total, total, peak


def _one_peak_for_all(first, second):
    peak = max(first[2].max(), second[2].max())
    a, b = np.exp(first[2] - peak), np.exp(second[2] - peak)
    return (
        a * first[0] + b * second[0], a * first[1] + b * second[1], np.full_like(first[2], peak)
    )  # fmt: skip


def _of_the_first(first, second):
    with np.errstate(over="ignore", invalid="ignore"):
        b = np.exp(second[2] - first[2])
        return first[0] + b * second[0], first[1] + b * second[1], first[2]


@exercise(
    "16.3",
    title="the heart of ring attention",
    wrong=[
        (always((np.ones((5, 3)), np.ones((5, 1)), np.ones((5, 1)))), "shape"),
        (_as_they_stand, "own peak"),
        (_smaller_peak, "larger"),
        (_turned_around, "the other way round"),
        (_out_only, "total"),
        (_normalised, "not divided"),
        (_one_peak_for_all, "each query"),
        (_of_the_first, "larger"),
        (lambda a, b: _merge(a, a), "larger of the two"),
        (lambda a, b: _merge(a, b)[:2], "three"),
        (lambda a, b: (*_merge(a, b)[:2], a[2] + b[2]), "peak"),
    ],
)
def merge(answer, rng):
    numbers = np.random.default_rng(rng.getrandbits(64))
    for shift in (0, 3, -3, 2000, -2000):
        _one(answer, numbers, rng.randint(2, 6), rng.randint(2, 5), rng.randint(2, 6), shift)


def _one(answer, numbers, n_queries, width, n_keys, shift):
    scores = numbers.normal(0, 2, size=(n_queries, 2 * n_keys))
    scores[:, n_keys:] += shift * (1 if shift else 0)
    values = numbers.normal(size=(2 * n_keys, width))
    first = _part(scores[:, :n_keys], values[:n_keys])
    second = _part(scores[:, n_keys:], values[n_keys:])
    right = _part(scores, values)
    got = answer(first, second)
    assert len(got) == 3, "return three arrays: out, total and peak"
    out, total, peak = (np.asarray(one) for one in got)
    for name, mine, truth in zip(("out", "total", "peak"), (out, total, peak), right, strict=True):
        assert mine.shape == truth.shape, (
            f"{name} has the shape {mine.shape}, and {truth.shape} is asked for, as in each part"
        )
    case = "scores of the two parts are alike" if not shift else f"scores {abs(shift)} apart"
    low = np.minimum(first[2], second[2])
    is_right = np.allclose(peak, right[2], rtol=1e-9)  # peaks of all queries may lie close together
    if np.allclose(peak, right[2].max()) and not is_right:
        raise AssertionError(f"{case}: each query has a peak of its own: take them one by one")
    taken = np.allclose(peak, low) or (
        np.allclose(peak, first[2]) and not np.allclose(first[2], right[2])
    )
    assert not taken, (
        f"{case}: the common peak is the larger of the two, query by query, or exp may overflow"
    )
    assert is_right, f"{case}: the peak of both is the larger of their peaks"
    assert np.isfinite([out.sum(), total.sum()]).all(), (
        f"{case}: exp overflowed: is the difference of the peaks the other way round?"
    )
    _compare(case, (out, total), right, first, second)


def _compare(case, got, right, first, second):
    out, total = got
    if np.allclose(out, right[0]) and np.allclose(total, right[1]):
        return
    hint = "bring both parts to the common peak, then add"
    if np.allclose(out, first[0] + second[0]):
        hint = "each part is relative to its own peak: bring both to the common one, then add"
    elif np.allclose(out, right[0]):
        hint = "out is right, and total has to be brought to the common peak as well"
    elif np.allclose(out, right[0] / right[1]):
        hint = "out is not divided by total until all parts are merged"
    elif np.allclose(out, _turned_around(first, second)[0]):
        hint = "the difference of the peaks is the other way round"
    elif np.allclose(out, 2 * first[0]) or np.allclose(out, 2 * second[0]):
        hint = "both parts have to be in it"
    raise AssertionError(f"{case}: {hint}")


def _part(scores, values):
    peak = scores.max(1, keepdims=True)
    weights = np.exp(scores - peak)
    return weights @ values, weights.sum(1, keepdims=True), peak
