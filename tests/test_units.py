"""Numbers as a person reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.units import GIB, MIB, binary, si


@pytest.mark.parametrize(("value", "unit", "text"), [
    (4.8e12, "B/s", "4.8 TB/s"),
    (989e12, "FLOP/s", "989 TFLOP/s"),
    (999.96, "W", "1 kW"),
    (1320, "J", "1.32 kJ"),
    (112e-6, "s", "112 µs"),
    (0, "s", "0 s"),
    (0.2, "B", "0.2 B"),
    (512e6, "B", "512 MB"),
    (0.3703, "%", "37 %"),
    (1.0283, "1", "1.03"),
    (206.04, "FLOP/B", "206 FLOP/B"),
    (0.125, "FLOP/B", "0.125 FLOP/B"),
    (None, "W", "unknown"),
    (float("inf"), "s", "inf s"),
    (1234, "", "1.23 k"),
    (3.14e23, "FLOP", "314 ZFLOP"),
    (0.0892, "USD/kWh", "0.0892 USD/kWh"),
    (30_215, "USD", "30,215 USD"),
    (5.576e6, "USD", "5.58 million USD"),
    (30.84e6, "h", "30.8 million h"),
    (12_347, "1", "12,347"),
    (-1234.5, "1", "-1,234"),
    (1024, "FLOP/B", "1.02 kFLOP/B"),
    (12.5, "%", "1,250 %"),
])  # fmt: skip
def test_si(value, unit, text):
    assert si(value, unit) == text


@pytest.mark.parametrize(("n_bytes", "text"), [
    (80 * GIB, "80 GiB"), (512, "512 B"), (1.5 * MIB, "1.5 MiB"), (1023.9 * MIB, "1 GiB"),
    (1000 * MIB, "1,000 MiB"),
    (None, "unknown"),
])  # fmt: skip
def test_binary(n_bytes, text):
    assert binary(n_bytes) == text


PREFIX = {
    "f": 1e-15,
    "p": 1e-12,
    "n": 1e-9,
    "µ": 1e-6,
    "m": 1e-3,
    "": 1,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
}


@given(st.floats(min_value=1e-14, max_value=1e17))
def test_si_can_be_read_back_to_three_digits(value):
    number, unit = si(value, "W").split()
    assert float(number) * PREFIX[unit.removesuffix("W")] == pytest.approx(value, rel=5.1e-3)
    assert "e" not in number
