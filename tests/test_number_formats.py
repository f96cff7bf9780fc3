"""Number formats agree, value for value, with NumPy and ml_dtypes."""

import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.workload import number_format, number_formats

FORMATS = number_formats()
FLOATS = [known for known in FORMATS if not known.is_integer]
SMALL = [known for known in FLOATS if known.bits <= 16]
BY_NAME = {"ids": lambda known: known.name}
ANY_FP32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


def dtype_of(known):
    return np.dtype(getattr(ml_dtypes, known.dtype, known.dtype))


def all_values(known):
    """Every positive finite value, decoded from every pattern of bits."""
    patterns = np.arange(2**known.bits, dtype=np.uint16 if known.bits == 16 else np.uint8)
    with np.errstate(invalid="ignore"):  # a signalling NaN is cast too
        values = patterns.view(dtype_of(known)).astype(np.float64)
    return np.unique(values[np.isfinite(values) & (values > 0)])


@pytest.mark.parametrize("known", FORMATS, **BY_NAME)
def test_sign_exponent_and_mantissa_make_all_bits(known):
    assert known.bits == 1 + known.exponent_bits + known.mantissa_bits


@pytest.mark.parametrize("known", [known for known in FLOATS if known.dtype], **BY_NAME)
def test_the_range_is_that_of_the_dtype(known):
    info = ml_dtypes.finfo(dtype_of(known))
    ours = known.largest, known.smallest_normal, known.smallest
    assert ours == (float(info.max), float(info.smallest_normal), float(info.smallest_subnormal))


@pytest.mark.parametrize("name", ["int8", "int4"])
def test_the_range_of_an_integer_is_that_of_the_dtype(name):
    known = number_format(name)
    info = ml_dtypes.iinfo(dtype_of(known))
    assert list(known.round([-1e9, 1e9])) == [info.min, info.max]


@pytest.mark.parametrize("known", SMALL, **BY_NAME)
def test_the_values_are_those_of_all_bit_patterns(known):
    assert known.values_between(1e-45, 1e38) == list(all_values(known)[all_values(known) <= 1e38])


@pytest.mark.parametrize("known", SMALL, **BY_NAME)
def test_the_spacing_is_the_way_to_the_next_value(known):
    values = all_values(known)
    assert [known.spacing(float(x)) for x in values[:-1]] == list(np.diff(values))


@pytest.mark.parametrize("known", FLOATS, **BY_NAME)
@given(x=ANY_FP32)
def test_rounding_takes_the_nearest_value(known, x):
    if abs(x) > known.largest:
        return
    got = float(known.round(x))
    assert abs(got - x) <= known.spacing(x) / 2
    assert math.fmod(got, known.spacing(x)) == 0
    if abs(x) >= known.smallest_normal:
        assert abs(got - x) <= known.relative_error * abs(x)


@given(x=ANY_FP32)
def test_a_tie_goes_to_the_even_mantissa(x):
    """tf32 is rounded here; its neighbours, as fp16 has them, are rounded by NumPy."""
    if 2**-13 < abs(x) < 60_000:
        assert number_format("tf32").round(x) == number_format("fp16").round(x)


def test_tf32_keeps_what_is_not_finite():
    assert str(number_format("tf32").round([math.inf, -math.inf, math.nan])) == "[ inf -inf  nan]"
    assert number_format("tf32").round(3.4028235e38) == math.inf


def test_what_is_too_large_is_infinite_except_in_e4m3_and_in_integers():
    overflow = {known.name: float(known.round(1e6)) for known in FORMATS if known.bits <= 16}
    assert str(overflow.pop("fp8_e4m3")) == "nan"
    assert (overflow.pop("int8"), overflow.pop("int4"), overflow.pop("bf16")) == (127, 7, 999424)
    assert set(overflow.values()) == {math.inf}


def test_integers_are_rounded_to_even_and_saturate():
    assert list(number_format("int4").round([-9, -0.5, 0.5, 1.5, 2.4, 9])) == [-8, 0, 0, 2, 2, 7]


def test_all_integers_up_to_the_mantissa_are_exact():
    """bf16 counts to 256 and not further: 257 is no value of it."""
    known = number_format("bf16")
    assert list(known.round([255, 256, 257, 258])) == [255, 256, 256, 258]
    assert known.count_between(1, 256) == 8 * 128 + 1


@pytest.mark.parametrize("known", FORMATS, **BY_NAME)
def test_a_binade_holds_as_many_values_as_the_mantissa_has_patterns(known):
    expected = 2 if known.is_integer else 2**known.mantissa_bits
    assert known.count_between(2, math.nextafter(4, 0)) == expected


def test_bad_input_gets_a_sentence():
    with pytest.raises(ValueError, match=r"no number format 'fp4' here\. There are: fp32, tf32"):
        number_format("fp4")
    with pytest.raises(ValueError, match="fp16 reaches 65504: it has no values at 70000"):
        number_format("fp16").spacing(70_000)
    with pytest.raises(ValueError, match="fp16 reaches 65504: it has no values at 'x'"):
        number_format("fp16").spacing("x")
    with pytest.raises(ValueError, match="two numbers above 0, the lower first"):
        number_format("fp16").values_between(2, 1)
    with pytest.raises(ValueError, match="fp32 has 8,388,609 values from 1 to 2"):
        number_format("fp32").values_between(1, 2)
