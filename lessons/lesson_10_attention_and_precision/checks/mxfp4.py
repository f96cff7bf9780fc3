"""Exercise 10.4: a block of MXFP4."""

import math

import numpy as np

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import apart
from labkit.workload import block_format

_mxfp4 = solution("10.4")
_FP4 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])


def _elements(x, scale, magnitudes=_FP4):
    """The nearest magnitude of each number over the scale, with its sign."""
    nearest = np.abs(np.abs(x)[:, None] / scale - magnitudes).argmin(axis=1)
    return np.sign(x) * magnitudes[nearest]


def _exponent(x):
    """That of the largest magnitude; of a block of zeros any will do."""
    return math.floor(math.log2(np.abs(x).max() or 1))


def _scale(x):
    return 2.0 ** (_exponent(x) - 2)


def _any_scale(x):
    scale = (np.abs(x).max() or 1) / 6
    return _elements(x, scale) * scale


def _exponent_rounded_up(x):
    return _elements(x, 2 * _scale(x)) * 2 * _scale(x)


def _exponent_of_one(x):
    return _elements(x, 4 * _scale(x)) * 4 * _scale(x)


def _elements_only(x):
    return _elements(x, _scale(x))


def _magnitudes_only(x):
    return np.abs(_mxfp4(x))


def _cut_off(x):
    below = np.searchsorted(_FP4, np.abs(x) / _scale(x), side="right") - 1
    return np.sign(x) * _FP4[below] * _scale(x)


def _whole_steps(x):
    return np.clip(np.rint(x / _scale(x)), -6, 6) * _scale(x)


def _up_to_eight(x):
    return _elements(x, _scale(x), np.array([*_FP4, 8])) * _scale(x)


def _never_smaller(x):
    scale = 2.0 ** (math.floor(math.log2(np.abs(x).max() + 1e-9)) - 2)
    return _elements(x, scale) * scale


def _zeros_forgotten(x):
    with np.errstate(all="ignore"):
        return x / np.abs(x) * np.abs(_mxfp4(x))


# What a wrong turn makes of a block, and what to say about it.
_SLIPS = (
    (_elements_only, "those are the elements: give back what they stand for, times the scale"),
    (_magnitudes_only, "an element has a sign, too"),
    (_any_scale, "the scale has to be a power of two, and largest / 6 seldom is one"),
    (_exponent_rounded_up, "the largest, divided by the scale, has to lie from 4 up to 8: round "
     "the exponent down"),
    (_exponent_of_one, "the largest, divided by the scale, has to lie from 4 up to 8, because 4 is "
     "the highest power of two in FP4"),
    (_cut_off, "go to the nearest magnitude, not to the one below"),
    (_whole_steps, "the magnitudes are those in FP4, and not all of them are a whole step apart"),
    (_up_to_eight, "FP4 ends at 6: what lies above becomes 6"),
)  # fmt: skip


@exercise(
    "10.4",
    title="a format of four bits",
    wrong=[
        (always(np.zeros(32)), "expected"),
        (always(np.zeros(3)), "shape"),
        (lambda x: x.copy(), "one of the eight magnitudes"),
        (_elements_only, "times the scale"),
        (_magnitudes_only, "a sign"),
        (_any_scale, "a power of two"),
        (_exponent_rounded_up, "round the exponent down"),
        (_exponent_of_one, "the highest power of two"),
        (_cut_off, "not to the one below"),
        (_whole_steps, "a whole step apart"),
        (_up_to_eight, "ends at 6"),
        (_never_smaller, "small numbers"),
        (_zeros_forgotten, "all zeros"),
    ],
)
def mxfp4(answer, rng):
    draw = np.random.default_rng(rng.getrandbits(64))
    for exponent in (0, rng.randint(2, 20), rng.randint(-20, -2)):
        x = draw.uniform(-1, 1, 32)
        x[rng.randrange(32)] = draw.uniform(1.8, 1.99) * rng.choice((-1, 1))  # above 7 scales
        _try_block(answer, 2.0**exponent * x, "32 numbers")
    largest = 2.0 ** rng.randint(-9, 9)
    _try_block(answer, largest * np.linspace(-1, 0.9, 32), "a largest number that's a power of two")
    _try_block(answer, 2.0 ** -rng.randint(60, 80) * x, "32 very small numbers")
    _try_block(answer, np.zeros(32), "a block that is all zeros")


def _try_block(answer, x, case):
    x = x.astype(np.float32).astype(float)  # what the format rounds is in fp32
    got, right = np.asarray(answer(x.copy()), float), block_format("mxfp4").round(x)
    assert got.shape == x.shape, f"{case}: the result has the shape {got.shape}, expected (32,)"
    assert np.isfinite(got).all(), f"{case}: not all numbers are finite: what is the scale there?"
    assert not np.allclose(got, x, rtol=1e-9, atol=0) or np.array_equal(x, right), (
        f"{case}: nothing was rounded: an element is one of the eight magnitudes in FP4"
    )
    wrong = ~np.isclose(got, right, rtol=1e-6, atol=0)
    if not wrong.any():
        return
    for slip, why in _SLIPS:
        assert not np.allclose(got, slip(x), rtol=1e-6, atol=0), f"{case}: {why}"
    at = int(np.nonzero(wrong)[0][0])
    mine, ours = apart(got[at], right[at])
    raise AssertionError(f"{case}: [{at}] is {mine}, expected {ours}")
