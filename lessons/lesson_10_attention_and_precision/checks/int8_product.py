"""Exercise 10.3: an int8 product and its bound."""

import numpy as np

from labkit.teach.registry import always, exercise, solution


def _scales(x, axis):
    scale = np.abs(x).max(axis, keepdims=True) / 127
    scale[scale == 0] = 1
    return scale


def _product(a, a_scale, w, w_scale):
    a_int8, w_int8 = np.rint(a / a_scale).astype(np.int8), np.rint(w / w_scale).astype(np.int8)
    return a_scale * w_scale * (a_int8.astype(np.int32) @ w_int8.astype(np.int32))


def _linear(a, a_scale, w, w_scale):
    return a_scale * np.abs(w).sum(0) / 2 + w_scale * np.abs(a).sum(1, keepdims=True) / 2


def _quadratic(a, a_scale, w_scale):
    return a.shape[1] * a_scale * w_scale / 4


_int8_product = solution("10.3")


def _one_scale(a, w):
    a_scale, w_scale = _scales(a, (0, 1)), _scales(w, (0, 1))
    bound = _linear(a, a_scale, w, w_scale) + _quadratic(a, a_scale, w_scale)
    return _product(a, a_scale, w, w_scale), bound


def _without_the_square(a, w):
    return _int8_product(a, w)[0], _linear(a, _scales(a, 1), w, _scales(w, 0))


def _whole_steps(a, w):
    product, bound = _int8_product(a, w)
    return product, 2 * bound


def _summed_in_int8(a, w):
    a_scale, w_scale = _scales(a, 1), _scales(w, 0)
    a_int8, w_int8 = np.rint(a / a_scale).astype(np.int8), np.rint(w / w_scale).astype(np.int8)
    return a_scale * w_scale * (a_int8 @ w_int8), _int8_product(a, w)[1]


def _zeros_forgotten(a, w):
    with np.errstate(all="ignore"):
        a_scale, w_scale = np.abs(a).max(1, keepdims=True) / 127, _scales(w, 0)
        whole = np.rint(a / a_scale) @ np.rint(w / w_scale)
    return a_scale * w_scale * whole, _int8_product(a, w)[1]


def _only_the_inputs(a, w):
    _, bound = _int8_product(a, w)
    return _product(a, _scales(a, 1), w, _scales(w, 0)), np.zeros_like(bound) + _scales(a, 1) / 2


def _knows_the_error(a, w):
    product = _int8_product(a, w)[0]
    return product, np.abs(product - a @ w) + 1e-6


def _knows_the_worst_error(a, w):
    product = _int8_product(a, w)[0]
    return product, np.full_like(product, np.abs(product - a @ w).max())


def _nearly_a_bound(a, w):
    product, bound = _int8_product(a, w)
    return product, 0.98 * bound


def _summed_in_int16(a, w):
    a_scale, w_scale = _scales(a, 1), _scales(w, 0)
    a_int16, w_int16 = np.rint(a / a_scale).astype(np.int16), np.rint(w / w_scale).astype(np.int16)
    return a_scale * w_scale * (a_int16 @ w_int16), _int8_product(a, w)[1]


def _unknown_bound(a, w):
    product, bound = _int8_product(a, w)
    return product, np.full_like(bound, np.nan)


@exercise(
    "10.3",
    title="an int8 product and its bound",
    wrong=[
        (always(0), "two arrays"),
        (always((np.zeros((1, 1)), np.ones((1, 1)))), "shape"),
        (lambda a, w: (a @ w, _int8_product(a, w)[1]), "not rounded"),
        (_one_scale, "a scale of its own"),
        (_summed_in_int8, "int32"),
        (_without_the_square, "both are off at once"),
        (_whole_steps, "half a step"),
        (_nearly_a_bound, "exceeds the bound"),
        (_summed_in_int16, "whole steps"),
        (_unknown_bound, "finite"),
        (_zeros_forgotten, "all zeros"),
        (_only_the_inputs, "exceeds"),
        (lambda a, w: _int8_product(a, w)[0], "two arrays"),
        (_knows_the_error, "the exact product"),
        (_knows_the_worst_error, "times the lesson's"),
    ],
)
def int8_product(answer, rng):
    draw = np.random.default_rng(rng.getrandbits(64))
    for _ in range(3):
        m, k, n = (rng.randint(low, 40) for low in (2, 20, 2))
        a = draw.normal(0, 1, (m, k)) * 10.0 ** draw.uniform(-2, 2, (m, 1))
        w = draw.normal(0, 1, (k, n)) * 10.0 ** draw.uniform(-2, 2, (1, n))
        _try_product(answer, a, w, f"{m} × {k} by {k} × {n}")
    _refuse_hindsight(answer, draw)
    # All are rounded up, to 101; just above the middle, so that no rule for ties has a say.
    worst = np.full((1, rng.randint(1500, 2500)), 100.500001)
    worst[0, 0] = 127
    _try_product(answer, worst, worst.T.copy(), "numbers that are all rounded up by half a step")
    a[rng.randrange(m)] = 0
    _try_product(answer, a, w, "a row of a that is all zeros")


def _refuse_hindsight(answer, draw):
    """A bound comes from the steps alone, so it is nearly the same for all that rounds alike.

    Both `a` become the same integers with the same scales. The numbers of the first lie anywhere
    between two steps, those of the second all on the side that makes the first column worst.
    """
    k = 250
    whole = draw.integers(-120, 121, (3, k)).astype(float)
    whole[:, 0] = 127
    w = draw.integers(-127, 128, (k, 3)) / 127.0
    w[0] = 1
    anywhere = draw.uniform(-0.49, 0.49, whole.shape)
    one_side = 0.49 * np.sign(w[:, 0]) * np.ones_like(whole)
    anywhere[:, 0] = one_side[:, 0] = 0
    bounds = [np.asarray(answer(whole + off, w)[1], float) for off in (anywhere, one_side)]
    assert (bounds[1][:, 0] <= 3 * bounds[0][:, 0]).all(), (
        "two matrices that round to the same integers: one of your bounds is "
        f"{np.max(bounds[1][:, 0] / bounds[0][:, 0]):.0f} times the other. A bound has to hold "
        "before anybody knows the exact product, so make it from the scales, not from the error"
    )


def _try_product(answer, a, w, case):
    got = answer(a, w)
    assert isinstance(got, tuple) and len(got) == 2, (  # noqa: PT018
        "return two arrays: the product, and the bound of each of its errors"
    )
    product, bound = np.asarray(got[0], float), np.asarray(got[1], float)
    exact, (ours, enough) = a @ w, _int8_product(a, w)
    assert product.shape == bound.shape == exact.shape, (
        f"{case}: product and bound have the shape {exact.shape}, got {product.shape} and "
        f"{bound.shape}"
    )
    assert np.isfinite([product, bound]).all(), (
        f"{case}: not all numbers are finite: what is the scale of a row that is all zeros?"
    )
    if not _same(product, ours):
        raise AssertionError(f"{case}: {_slip(product, a, w)}")
    error = np.abs(product - exact) - 1e-9 * np.abs(a) @ np.abs(w)  # less what float64 may lose
    if (error > bound).any():
        forgot = _same(bound, _without_the_square(a, w)[1])
        why = ": both are off at once, by a quarter of both scales more" if forgot else ""
        raise AssertionError(f"{case}: the error exceeds the bound{why}")
    assert (bound <= enough * (1 + 1e-9)).all(), (
        f"{case}: a bound {np.max(bound / enough):.3g} times the lesson's: rounding is off by half "
        f"a step at most"
    )


def _same(got, right):
    return np.allclose(got, right, rtol=1e-6, atol=1e-9 * np.abs(right).max())


def _slip(product, a, w):
    """Why a product is not the one of int8, in words."""
    if _same(product, a @ w):
        return "that is a @ w, not rounded to int8"
    if _same(product, _one_scale(a, w)[0]):
        return "give each row of a, and each column of w, a scale of its own"
    if _same(product, _summed_in_int8(a, w)[0]):
        return "sums of int8 products do not fit in int8: add in int32"
    return "the product is not that of numbers rounded to whole steps"
