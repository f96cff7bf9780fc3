"""Numbers in blocks that share a scale, held against the rule, one block after the other."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.workload import block_format

FP4 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


def nearest_fp4(x):
    """The nearest of eight magnitudes; between two, the one with an even last bit."""
    size = min(abs(x), 6.0)
    best = min(range(8), key=lambda n: (abs(FP4[n] - size), n % 2))
    return math.copysign(FP4[best], x)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=70))
def test_mxfp4_is_the_rule_block_by_block(values):
    found = block_format("mxfp4").round(np.array(values, np.float32))
    for first in range(0, len(values), 32):
        block = values[first : first + 32]
        largest = max(map(abs, block))
        scale = 2.0 ** max(-127, math.floor(math.log2(largest)) - 2) if largest else 1.0
        expected = [nearest_fp4(x / scale) * scale for x in block]
        assert found[first : first + 32].tolist() == expected


def test_a_block_keeps_its_small_numbers_when_another_has_large_ones():
    found = block_format("mxfp8_e4m3").round(np.array([1000.0] * 32 + [0.01] * 32))
    assert abs(found[32:] / 0.01 - 1).max() < 0.04


def test_the_power_of_two_below_the_largest_cuts_it_off():
    """1000 is 1.95 times 512, whose scale is 2, and e4m3 ends at 448."""
    assert block_format("mxfp8_e4m3").round(np.array([1000.0]))[0] == 2 * 448


def test_nvfp4_scales_a_block_of_16_by_an_fp8_number():
    """amax 6 * 448 of all, 6 of the second block: scales 448 and 1, both exact in e4m3."""
    x = np.array([6.0 * 448] + [448.0] * 15 + [6.0, 3.0, 1.4, -0.3] + [0.0] * 12)
    found = block_format("nvfp4").round(x)
    assert found[:16].tolist() == x[:16].tolist()
    assert found[16:20].tolist() == [6.0, 3.0, 1.5, -0.5]


def test_zeros_stay_zeros():
    for name in ("mxfp8_e4m3", "mxfp8_e5m2", "mxfp4", "nvfp4"):
        assert (block_format(name).round(np.zeros(40)) == 0).all()


@pytest.mark.parametrize(("name", "bits"), [("mxfp8_e4m3", 8.25), ("mxfp4", 4.25), ("nvfp4", 4.5)])
def test_the_scale_counts_among_the_bits(name, bits):
    assert block_format(name).bits == bits


def test_an_unknown_format_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"no block format 'mxfp6' here\. There are: mxfp8_e4m3"):
        block_format("mxfp6")
