"""The ruler of number formats says what a number becomes, and refuses what it cannot show."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.draw import Picture, number_ruler


def test_the_alt_says_what_pi_becomes_in_every_format():
    alt = number_ruler(3.14159).alt
    assert alt.startswith("Number formats around 3.142: fp32 3.14159, off by 3.8e-06 %; tf32 3.14")
    assert "fp8_e5m2 3, off by 4.5 %; fp8_e4m3 3.25, off by 3.5 %; int8 3, off by 4.5 %" in alt


@pytest.mark.parametrize(("x", "name", "words"), [
    (1e5, "fp16", "too large: infinite"),
    (1e5, "fp8_e4m3", "too large: NaN"),
    (1e5, "int8", "127, off by 100 %"),
    (1e-8, "fp16", "0: too small"),
    (0.1, "int4", "0: too small"),
    (2.0, "fp8_e5m2", "2, exact"),
])  # fmt: skip
def test_what_a_number_becomes_stands_in_words(x, name, words):
    picture = number_ruler(x, [name])
    assert picture.alt.endswith(f"{name} {words}")
    assert f">{words}</text>" in picture


def test_a_format_with_few_values_shows_each_of_them():
    """Around 3 e4m3 has values from 2.25 to 3.75, a quarter apart: seven ticks."""
    picture = number_ruler(3.0, ["fp8_e4m3"])
    assert len(re.findall(r'stroke-width="1.2"', picture)) == 7
    assert ">8,388,608 values<" not in picture


def test_a_format_with_many_values_counts_them():
    assert ">6,291,457 values<" in number_ruler(3.0, ["fp32"])


@given(st.floats(1e-44, 1e38))
def test_any_number_in_its_range_is_drawn_inside_the_sheet(x):
    picture = number_ruler(x)
    assert isinstance(picture, Picture)
    xs = [float(found) for found in re.findall(r'(?:<text x|<rect x)="([^"]+)"', picture)]
    assert min(xs) >= 0
    assert max(xs) <= 760


def test_the_same_number_gives_the_same_text():
    assert number_ruler(0.3) == number_ruler(0.3)


def test_it_follows_a_slider():
    times_s = []
    for n in range(5):
        start_s = time.process_time()
        number_ruler(1.5**n)
        times_s.append(time.process_time() - start_s)
    assert min(times_s) < 0.1


@pytest.mark.parametrize(("arguments", "words"), [
    ((0,), "from 1e-44 to 1e38, got 0"),
    ((-1.0,), "got -1.0"),
    ((float("nan"),), "got nan"),
    (("3",), "got '3'"),
    ((1.0, ["fp4"]), "no number format 'fp4'"),
])  # fmt: skip
def test_what_it_cannot_show_gets_a_sentence(arguments, words):
    with pytest.raises(ValueError, match=words):
        number_ruler(*arguments)
