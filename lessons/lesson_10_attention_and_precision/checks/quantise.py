"""Turns 10.t3 and 10.t4: whole numbers with a scale, and a scale for each block."""

import numpy as np

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import apart

# One scale for each group of numbers

_quantise = solution("10.t3")


def _by_128(x, axis):
    scale = np.abs(x).max(axis, keepdims=True) / 128
    return np.rint(x / scale), scale


def _signed_largest(x, axis):
    scale = x.max(axis, keepdims=True) / 127
    return np.rint(x / scale), scale


def _one_scale(x, axis):
    scale = np.full_like(np.abs(x).max(axis, keepdims=True), np.abs(x).max() / 127)
    return np.rint(x / scale), scale


def _cut_off(x, axis):
    _, scale = _quantise(x, axis)
    return np.trunc(x / scale), scale


def _scaled_back(x, axis):
    whole, scale = _quantise(x, axis)
    return whole * scale, scale


def _not_rounded(x, axis):
    _, scale = _quantise(x, axis)
    return x / scale, scale


def _flat_scales(x, axis):
    whole, scale = _quantise(x, axis)
    return whole, scale.squeeze(axis)


def _inverse_scale(x, axis):
    whole, scale = _quantise(x, axis)
    return whole, 1 / scale


@exercise(
    "10.t3",
    title="whole numbers and a scale",
    wrong=[
        (always((np.zeros((3, 20)), np.ones((3, 1)))), "becomes 127 or -127"),
        (always(0), "two arrays"),
        (lambda x, axis: _quantise(x, axis)[0], "two arrays"),
        (lambda x, axis: _quantise(x, axis)[::-1], "first the whole numbers"),
        (lambda x, axis: _quantise(x, 1), "along the axis"),
        (_flat_scales, "keepdims=True"),
        (_one_scale, "a scale of its own"),
        (_by_128, "becomes 127 or -127"),
        (_signed_largest, "the largest magnitude"),
        (_inverse_scale, "the scale times the whole number"),
        (_cut_off, "to the nearest"),
        (_scaled_back, "isn't a whole number"),
        (_not_rounded, "isn't a whole number"),
    ],
)
def quantise(answer, rng):
    draw = np.random.default_rng(rng.getrandbits(64))
    for shape, axis in (((3, 20), 1), ((20, 3), 0), ((2, 3, 16), 2)):
        x = draw.normal(0, 1, shape)
        largest = np.abs(x).max(axis, keepdims=True)
        x *= 10.0 ** draw.uniform(-2, 2, largest.shape)
        x *= -np.sign(x.flat[np.abs(x).argmax()])  # the largest magnitude of all is negative
        _try_to_quantise(answer, x, axis)


def _try_to_quantise(answer, x, axis):
    case = f"{' × '.join(map(str, x.shape))} numbers, axis {axis}"
    got, (right, right_scale) = answer(x, axis), _quantise(x, axis)
    assert isinstance(got, tuple) and len(got) == 2, (  # noqa: PT018
        "return two arrays: the whole numbers, and the scales"
    )
    whole, scale = (np.asarray(part, float) for part in got)
    assert (whole.shape, scale.shape) != (right_scale.shape, right.shape), (
        "return first the whole numbers, then the scales"
    )
    assert whole.shape == x.shape, (
        f"{case}: the whole numbers have the shape {whole.shape}, expected {x.shape}"
    )
    assert scale.shape == right_scale.shape, (
        f"{case}: the scales have the shape {scale.shape}, expected {right_scale.shape}: one for "
        f"all numbers along the axis, and keepdims=True keeps a place for it"
    )
    assert not np.allclose(scale * right_scale, 1), (
        f"{case}: that's the inverse of the scale: a number is the scale times the whole number"
    )
    if not np.allclose(scale, right_scale, rtol=1e-6, atol=0):
        raise AssertionError(f"{case}: {_wrong_scale(scale, x)}")
    fraction = whole[whole != np.rint(whole)]
    assert not fraction.size, f"{case}: {fraction[0]:.4g} isn't a whole number: use np.rint"
    off = whole != right
    assert not off.any(), (
        f"{case}: {(x / right_scale)[off][0]:.4g} scales become {whole[off][0]:.4g}: round to the "
        f"nearest whole number"
    )


def _wrong_scale(scale, x):
    if np.allclose(scale, np.abs(x).max() / 127, rtol=1e-6, atol=0):
        return "each row, or column, gets a scale of its own"
    if (scale < 0).any() or not np.isfinite(scale).all():
        return "a scale comes from the largest magnitude, so take np.abs first"
    return (
        "that isn't the scale with which the number of the largest magnitude becomes 127 or -127; "
        "it may be negative"
    )


# A scale for each block

_in_blocks = solution("10.t4")


def _row_by_row(x, size):
    whole, scale = _quantise(x, 1)
    return whole * scale


def _whole_numbers(x, size):
    blocks = x.reshape(len(x), -1, size)
    return _quantise(blocks, 2)[0].reshape(x.shape)


def _every_nth(x, size):
    blocks = x.reshape(len(x), size, -1)
    whole, scale = _quantise(blocks, 1)
    return (whole * scale).reshape(x.shape)


def _blocks_of_all_rows(x, size):
    blocks = x.reshape(len(x), -1, size)
    whole, scale = _quantise(blocks, (0, 2))
    return (whole * scale).reshape(x.shape)


def _left_in_blocks(x, size):
    return _in_blocks(x, size).reshape(len(x), -1, size)


@exercise(
    "10.t4",
    title="a scale for each block",
    wrong=[
        (always(np.zeros((2, 2))), "shape"),
        (lambda x, size: x.copy(), "nothing was rounded"),
        (_row_by_row, "a scale for each block"),
        (_whole_numbers, "times its scale"),
        (_every_nth, "neighbours"),
        (_blocks_of_all_rows, "a row of its own"),
        (_left_in_blocks, "shape"),
        (lambda x, size: _in_blocks(x, 2 * size), "expected"),
        (lambda x, size: _in_blocks(x, x.shape[1] // size), "expected"),
        (lambda x, size: _in_blocks(x, 8 if x.shape[1] % 8 == 0 else 5), "expected"),
        (lambda x, size: _in_blocks(x, size).astype(np.float16), "expected"),
    ],
)
def rounded_in_blocks(answer, rng):
    draw = np.random.default_rng(rng.getrandbits(64))
    for size in rng.sample((5, 8, 16), 3):
        rows, n_blocks = rng.randint(2, 6), 2 * rng.randint(2, 3)
        x = draw.normal(0, 1, (rows, n_blocks, size))
        x *= 10.0 ** draw.uniform(-2, 2, (rows, n_blocks, 1))
        _try_blocks(answer, x.reshape(rows, -1), size)


_SLIPS = (
    (lambda x, size: x, "nothing was rounded to whole numbers"),
    (_row_by_row, "that's one scale for a whole row: take a scale for each block"),
    (_whole_numbers, "those are the whole numbers: give back each of them times its scale"),
    (_every_nth, "a block is made of neighbours, and yours takes numbers that are far apart"),
    (_blocks_of_all_rows, "a block belongs to a row of its own, and yours goes through all rows"),
)


def _try_blocks(answer, x, size):
    case = f"{x.shape[0]} × {x.shape[1]} numbers in blocks of {size}"
    got, right = np.asarray(answer(x, size), float), _in_blocks(x, size)
    assert got.shape == x.shape, (
        f"{case}: the result has the shape {got.shape}, expected {x.shape}, that of x"
    )
    wrong = ~np.isclose(got, right, rtol=1e-6, atol=1e-12)
    if not wrong.any():
        return
    for slip, why in _SLIPS:
        assert not np.allclose(got, slip(x, size), rtol=1e-6, atol=1e-12), f"{case}: {why}"
    i, j = (int(axis[0]) for axis in np.nonzero(wrong))
    mine, ours = apart(got[i, j], right[i, j])
    raise AssertionError(f"{case}: [{i}, {j}] is {mine}, expected {ours}")
