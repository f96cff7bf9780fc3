"""Float32 results that may be rounded in any order, held against exact ones."""

import random

import numpy as np

_RELATIVE, _ABSOLUTE = 2e-5, 2e-6


def floats(rng: random.Random, *shape: int, most: float = 2.0) -> np.ndarray:
    """Random float32 from -most to most."""
    draw = np.random.default_rng(rng.getrandbits(64))
    return draw.uniform(-most, most, shape).astype(np.float32)


def wholes(rng: random.Random, *shape: int, most: int = 8) -> np.ndarray:
    """Random whole numbers from -most to most as float32: their sums are exact in any order."""
    draw = np.random.default_rng(rng.getrandbits(64))
    return draw.integers(-most, most + 1, shape).astype(np.float32)


def quarters(rng: random.Random, *shape: int, most: int = 8) -> np.ndarray:
    """Random multiples of 1/4 from -most to most as float32: not whole, but sums stay exact."""
    return wholes(rng, *shape, most=4 * most) / np.float32(4)


def assert_near(got: np.ndarray, expected: np.ndarray, case: str, suspects: list = ()) -> None:
    """Hold an array that began as NaN against what it should be, but for float32's rounding.

    suspects   pairs of a wrong array and what to say to whoever has it
    """
    if _is_near(got, expected).all():
        return
    at = tuple(int(axis[0]) for axis in np.nonzero(~_is_near(got, expected)))
    place = f"{case}: out[{', '.join(map(str, at))}]"
    assert not np.isnan(got[at]) or np.isinf(expected).any(), (
        f"{place} is NaN: either it was never written, or something overflowed on the way"
    )
    hint = next((words for wrong, words in suspects if _is_near(got, wrong).all()), "")
    raise AssertionError(
        f"{place} is {got[at]:.6g}, expected {expected[at]:.6g}" + f": {hint}" * bool(hint)
    )


def _is_near(got, expected):
    with np.errstate(invalid="ignore"):
        return np.isclose(got, expected, rtol=_RELATIVE, atol=_ABSOLUTE)
