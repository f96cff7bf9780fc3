"""How tensor cores add: by the published rule; the ledger holds it against real outputs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.workload import tensor_core

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.sampled_from(["v100", "a100", "h100", "b200"]))
def test_small_whole_numbers_are_added_exactly(seed, chip):
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(-8, 9, (5, 16)).astype(float) for _ in range(2))
    c = rng.integers(-99, 99, 5)
    assert (tensor_core(chip, "fp16").add(a, b, c) == (a * b).sum(1) + c).all()


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.sampled_from(["a100", "h100"]))
def test_a_sum_of_positive_products_is_never_too_large(seed, chip):
    """What is cut off is only ever lost."""
    rng = np.random.default_rng(seed)
    adder = tensor_core(chip, "bf16")
    a, b = (np.abs(rng.normal(size=(5, 16))).astype(np.float32) for _ in range(2))
    exact = (np.float64(1) * _bf16(a) * _bf16(b)).sum(1)
    found = adder.add(a, b).astype(float)
    assert (found <= exact).all()
    assert (found >= exact * (1 - 2.0**-20)).all()


def _bf16(values):
    import ml_dtypes

    return values.astype(ml_dtypes.bfloat16).astype(float)


def test_fp8_on_hopper_keeps_13_bits_below_the_largest_product():
    """1 and then 31 times 2**-14: each of them lies below the last bit that is kept."""
    a = np.array([1.0] + [2.0**-6] * 31)
    b = np.array([1.0] + [2.0**-8] * 31)
    assert tensor_core("h100", "fp8_e5m2").add(a, b) == 1
    assert tensor_core("h100", "fp16").add(a, b) == np.float32(1 + 31 * 2.0**-14)


def test_more_terms_than_one_step_takes_are_added_in_steps():
    a, b = np.ones(16), np.array([2.0**12] + [2.0**-13] * 15)
    b[8:] = 2.0**-14
    assert tensor_core("a100", "fp16").add(a, b) == 2.0**12
    assert tensor_core("v100", "fp16").add(a[4:8], b[4:8]) == 4 * 2.0**-13


def test_an_unknown_adder_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"how b200 adds fp8_e4m3\. Known are: v100 fp16"):
        tensor_core("b200", "fp8_e4m3")
