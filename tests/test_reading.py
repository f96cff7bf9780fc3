"""A number remembers its unit and its origin, and refuses to be without them."""

import pytest

from labkit.reading import Origin, Reading
from labkit.units import GIB


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
