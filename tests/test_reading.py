"""A number remembers its unit and its origin, and refuses to be without them."""

import doctest
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit.reading
from labkit.reading import Origin, Reading
from labkit.units import GIB, product, quotient


def test_a_reading_begins_with_its_origin():
    assert (
        str(Reading("device traffic", 512e6, "B", Origin.SIMULATED))
        == "[simulated] device traffic: 512 MB"
    )
    assert (
        str(Reading("peak bandwidth", 4.8e12, "B/s", Origin.PUBLISHED, source="H200 data sheet"))
        == "[published] peak bandwidth: 4.8 TB/s (H200 data sheet)"
    )


def test_an_interval_is_shown():
    reading = Reading("copy", 1e-3, "s", "measured", low=0.9e-3, high=1.1e-3)
    assert str(reading) == "[measured] copy: 1 ms (95 % interval 900 µs to 1.1 ms)"


def test_unknown_is_unknown_and_says_why():
    reading = Reading("power", None, "W", Origin.MEASURED, note="no sensor here")
    assert str(reading) == "[measured] power: unknown (no sensor here)"


def test_capacity_is_binary():
    assert str(Reading("memory", 80 * GIB, "GiB", Origin.MODELLED)) == "[modelled] memory: 80 GiB"


@pytest.mark.parametrize(("fields", "words"), [
    (("rate", 1.0, "", Origin.MEASURED), "has no unit"),
    (("rate", -1.0, "B/s", Origin.MEASURED), "cannot be negative"),
    (("rate", float("nan"), "B/s", Origin.MEASURED), "not a number"),
    (("rate", "fast", "B/s", Origin.MEASURED), "must be a number"),
    (("rate", 1.0, "B/s", Origin.PUBLISHED), "names no source"),
    (("rate", 1.0, "B/s", Origin.RECORDED), "names no source"),
    (("rate", 1.0, "B/s", "guessed"), "Use one of: measured, recorded"),
    (("a: b", 1.0, "B/s", Origin.MEASURED), "without a colon"),
])  # fmt: skip
def test_nonsense_is_refused_with_a_sentence(fields, words):
    with pytest.raises(ValueError, match=words):
        Reading(*fields)


def test_a_difference_may_be_negative():
    assert str(Reading("gap", -0.1, "%", Origin.MODELLED)) == "[modelled] gap: -10 %"


# The rule of origins

COPY = Reading("copy", 2e-3, "s", "measured", low=1.9e-3, high=2.1e-3)
TRIAD = Reading("triad", 3e-3, "s", "measured", low=2.9e-3, high=3.2e-3)
PEAK = Reading("peak", 1e12, "B/s", "published", source="a data sheet")
BYTES = Reading("bytes moved", 5e8, "B", "modelled")
UNKNOWN = Reading("power", None, "W", "measured", note="no sensor here")

BINARY = [operator.truediv, operator.mul, operator.add, operator.sub]


@pytest.mark.parametrize(("result", "text"), [
    (TRIAD / COPY, "[measured] triad over copy: 1.5 (95 % interval 1.38 to 1.68)"),
    (COPY + TRIAD, "[measured] copy and triad: 5 ms (95 % interval 4.8 ms to 5.3 ms)"),
    (sum([COPY, TRIAD]), "[measured] copy and triad: 5 ms (95 % interval 4.8 ms to 5.3 ms)"),
    (3 * COPY, "[measured] copy: 6 ms (95 % interval 5.7 ms to 6.3 ms)"),
    (COPY / 2, "[measured] copy: 1 ms (95 % interval 950 µs to 1.05 ms)"),
    (COPY - TRIAD,
     "[modelled] copy less triad: -1 ms (95 % interval -1.3 ms to -800 µs) (from measured)"),
    (BYTES / PEAK, "[modelled] bytes moved over peak: 500 µs (from modelled and published)"),
    ((BYTES / COPY / PEAK).named("share of the peak", "%"),
     "[modelled] share of the peak: 25 % (95 % interval 23.8 % to 26.3 %) "
     "(from measured, modelled and published)"),
    (PEAK / PEAK, "[modelled] peak over peak: 1 (from published)"),
    (COPY / UNKNOWN, "[measured] copy over power: unknown (power is unknown)"),
    (COPY / 0, "[measured] copy: unknown (nothing can be divided by zero)"),
])  # fmt: skip
def test_a_computed_reading_knows_its_unit_origin_and_interval(result, text):
    assert str(result) == text


readings = st.builds(
    Reading,
    st.sampled_from(["a", "b"]),
    st.one_of(st.none(), st.floats(1e-9, 1e9)),
    st.just("s"),
    st.sampled_from(Origin),
    source=st.just("somewhere"),
)


@given(left=readings, right=readings, operation=st.sampled_from(BINARY))
def test_the_rule_of_origins(left, right, operation):
    result = operation(left, right)
    both_measured = left.origin is right.origin is Origin.MEASURED
    if both_measured and operation in (operator.truediv, operator.add):
        assert result.origin is Origin.MEASURED
    else:
        assert result.origin is Origin.MODELLED
        assert set(result.origins) == {left.origin, right.origin}
        assert ("from measured" in str(result)) == result.varies


@given(left=readings, right=readings, third=readings)
def test_what_came_from_a_measurement_never_forgets_it(left, right, third):
    result = left / right * third
    measured = Origin.MEASURED in (left.origin, right.origin, third.origin)
    assert result.varies == measured


@pytest.mark.parametrize("origin", set(Origin) - {Origin.MODELLED})
def test_a_computed_value_cannot_claim_another_origin(origin):
    with pytest.raises(ValueError, match="fit was computed from others, so it is modelled and not"):
        Reading("fit", 0.2, "%", origin, source="here", of=(COPY, PEAK))


def test_a_result_names_what_it_was_computed_from():
    result = Reading("fit", 0.2, "%", of=("recorded", COPY / PEAK))
    assert str(result) == "[modelled] fit: 20 % (from measured, recorded and published)"
    assert Reading("gap", -1.0, "s", of=COPY).value == -1


@pytest.mark.parametrize(("of", "words"), [(3.0, "3.0 isn't an origin"), ((), "does not say its")])
def test_what_says_no_origin_is_refused(of, words):
    with pytest.raises(ValueError, match=words):
        Reading("fit", 0.2, "%", of=of)


@pytest.mark.parametrize("sum_of", [lambda: COPY + BYTES, lambda: COPY + 3, lambda: 3 - COPY])
def test_amounts_of_two_units_have_no_sum(sum_of):
    with pytest.raises((ValueError, TypeError), match=r"cannot be added|unsupported"):
        sum_of()


def test_a_numpy_number_leaves_the_reading_a_reading():
    assert (np.float64(3) * COPY).value == (3 * COPY).value
    assert (np.float32(1) / COPY).unit == "1/s"


@pytest.mark.parametrize(("left", "right", "over", "times"), [
    ("B", "s", "B/s", "B·s"), ("FLOP/s", "B/s", "FLOP/B", "FLOP·B/s·s"), ("B", "B/s", "s", "B·B/s"),
    ("J", "s", "W", "J·s"), ("W", "s", "W/s", "J"), ("GiB", "B", "1", "B·B"), ("%", "1", "1", "1"),
    ("1", "s", "1/s", "s"),
])  # fmt: skip
def test_units_follow_from_units(left, right, over, times):
    assert quotient(left, right) == over
    assert product(left, right) == times


def test_a_name_and_a_way_to_write_are_given_afterwards():
    assert str((PEAK / PEAK).named("share", "%", note="of itself")) == (
        "[modelled] share: 100 % (from published; of itself)"
    )
    with pytest.raises(ValueError, match="is in s, which cannot be written in %"):
        COPY.named("share", "%")


def test_the_rule_stands_in_the_text_of_the_room():
    assert doctest.testmod(labkit.reading).failed == 0


@pytest.mark.parametrize("bounds", [(2.0, 3.0), (0.0, 0.5), (337.0, 200.0)])
def test_a_value_outside_of_its_own_interval_cannot_be_made(bounds):
    low, high = bounds
    with pytest.raises(ValueError, match="energy lies outside of its own interval"):
        Reading("energy", 1.0, "J", "measured", low=low, high=high)
