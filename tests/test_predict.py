"""`predict` takes a guess before the answer, keeps the first, and says how far off it was."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.reading import Reading
from labkit.teach import predict, show, store
from labkit.teach.amount import amount, scale
from labkit.units import si


@pytest.fixture(autouse=True)
def own_progress(monkeypatch, tmp_path):
    monkeypatch.setenv("LABKIT_PROGRESS", str(tmp_path / "progress.json"))


@pytest.fixture
def printed(capsys):
    """`printed(fn, *args)`: the one line that a call prints."""

    def run(fn, *args):
        capsys.readouterr()
        fn(*args)
        out, err = capsys.readouterr()
        assert out.count("\n") == 1
        assert err == ""
        return out.rstrip("\n")

    return run


def bandwidth(value=12.5e9, **more):
    return Reading("copy bandwidth", value, "B/s", "measured", **more)


class FakeTiming:
    def time(self):
        return Reading("copy", 2e-3, "s", "measured", low=1.9e-3, high=2.1e-3)


@pytest.mark.parametrize("blank", [..., None])
def test_no_guess_yet_says_what_to_write(printed, blank):
    assert printed(predict, "00.a", blank, "GB/s") == (
        "[todo] 00.a: write your guess, a number in GB/s, in place of ..."
    )


def test_a_pure_number_has_no_unit_in_the_text(printed):
    assert printed(predict, "00.a", ...) == (
        "[todo] 00.a: write your guess, a number, in place of ..."
    )


def test_a_guess_is_printed_in_its_unit(printed):
    assert printed(predict, "00.a", 12, "GB/s") == "[guess] 00.a: 12 GB/s"


@pytest.mark.parametrize("guess", [12, 12.0, np.float32(12), np.int64(12)])
def test_any_real_number_is_a_guess(guess):
    prediction = predict("00.a", guess, "GB/s")
    assert (prediction.value, prediction.unit) == (12e9, "B/s")


@pytest.mark.parametrize("nonsense", [
    "fast", "12", -1, math.nan, math.inf, -math.inf, 1j, True, [3], bandwidth(), 10**400, print,
])  # fmt: skip
def test_nonsense_is_refused_with_a_sentence_and_not_kept(printed, nonsense):
    text = printed(predict, "00.a", nonsense, "GB/s")
    assert text.startswith("[error] 00.a: ")
    assert "write a number in GB/s" in text
    assert store.load()["predictions"] == {}


@pytest.mark.parametrize("unit", ["parsec", "GB/s/s", "", "G", "FLOPS", "B/", "/s", None, 3, "G1"])
def test_a_unit_that_nobody_knows_is_refused(printed, unit):
    text = printed(predict, "00.a", 3, unit)
    assert text.startswith(f"[error] 00.a: {unit!r} isn't a unit: use 1, %, or a prefix")


@pytest.mark.parametrize("name", [3, ..., "", "a: b", "two\nlines"])
def test_a_name_that_is_none_is_refused(printed, name):
    assert printed(predict, name, 3).startswith("[error] predict: the name comes first")


@pytest.mark.parametrize(("unit", "factor", "base"), [
    ("GB/s", 1e9, "B/s"), ("GiB", 2**30, "B"), ("MiB/s", 2**20, "B/s"), ("ms", 1e-3, "s"),
    ("us", 1e-6, "s"), ("µs", 1e-6, "s"), ("μs", 1e-6, "s"), ("FLOP/B", 1, "FLOP/B"),
    ("TFLOP/s", 1e12, "FLOP/s"), ("GFLOP", 1e9, "FLOP"), ("TOP/s", 1e12, "OP/s"), ("%", 0.01, "%"),
    ("1", 1, "1"), ("1/s", 1, "1/s"), ("B/ns", 1e9, "B/s"), ("pJ/FLOP", 1e-12, "J/FLOP"),
])  # fmt: skip
def test_units_are_a_prefix_and_a_base_unit(unit, factor, base):
    assert scale(unit) == (pytest.approx(factor), base)


@given(
    value=st.floats(1, 1e18),
    unit=st.sampled_from(["B", "B/s", "FLOP", "FLOP/s", "FLOP/B", "OP/s", "MAC", "s", "J", "W"]),
)
def test_what_si_writes_can_be_read_back(value, unit):
    number, _, text = si(value, unit).partition(" ")
    read, base = amount(float(number), text)
    assert base == unit
    assert read == pytest.approx(value, rel=5.1e-3)


def test_the_first_guess_stays_the_first(printed):
    predict("00.a", 40, "GB/s")
    assert printed(predict, "00.a", 14, "GB/s") == (
        "[guess] 00.a: 14 GB/s (your first guess, 40 GB/s, is kept too)"
    )
    kept = store.load()["predictions"]["00.a"]
    assert (kept["first"]["value"], kept["last"]["value"]) == (40e9, 14e9)
    assert kept["first"]["at"]


def test_the_same_guess_again_is_no_second_one(printed):
    predict("00.a", 40, "GB/s")
    assert printed(predict, "00.a", 40, "GB/s") == "[guess] 00.a: 40 GB/s"


@pytest.mark.parametrize(("guess", "words"), [
    (40, "3.2 times too high"), (5, "2.5 times too low"), (12.4, "right within 5 %"),
    (12.5, "exactly that"), (0, "too low by 12.5 GB/s"), (12.5e3, "1,000 times too high"),
])  # fmt: skip
def test_a_guess_is_held_against_the_result(printed, guess, words):
    prediction = predict("00.a", guess, "GB/s")
    assert printed(prediction.against, bandwidth()) == (
        f"[measured] copy bandwidth: 12.5 GB/s; you guessed {si(guess * 1e9, 'B/s')}, {words}"
    )


def test_a_guess_inside_the_interval_is_as_right_as_can_be(printed):
    prediction = predict("00.a", 2.05, "ms")
    assert printed(prediction.against, FakeTiming()).endswith(
        "you guessed 2.05 ms, inside the interval"
    )


def test_a_second_guess_is_shown_with_the_first(printed):
    predict("00.a", 40, "GB/s")
    prediction = predict("00.a", 25, "GB/s")
    assert printed(prediction.against, bandwidth()).endswith(
        "; you guessed 25 GB/s (at first 40 GB/s), 2 times too high"
    )


@pytest.mark.parametrize("guess", [..., "fast", 12])
@pytest.mark.parametrize("origin", ["measured", "modelled"])
def test_the_line_begins_alike_with_and_without_a_guess(printed, guess, origin):
    prediction = predict("00.a", guess, "GB/s")
    text = printed(prediction.against, Reading("bandwidth", 12e9, "B/s", origin))
    assert text.startswith(f"[{origin}] bandwidth: 12 GB/s; ")


def test_without_a_guess_the_result_shows_and_one_is_invited(printed):
    text = printed(predict("00.a", ..., "GB/s").against, bandwidth())
    assert text.endswith("; your guess is missing: write one in 00.a and run on from there")


def test_an_unknown_result_is_nothing_to_hold_a_guess_against(printed):
    text = printed(predict("00.a", 12, "GB/s").against, bandwidth(None, note="no counter"))
    assert text.endswith(
        "(no counter); you guessed 12 GB/s, and there is nothing to hold it against"
    )


def test_another_unit_is_said_and_not_compared(printed):
    text = printed(predict("00.a", 12, "ms").against, bandwidth())
    assert text.endswith(
        "you guessed 12 ms, which is another unit than the result's: they cannot be compared"
    )


@pytest.mark.parametrize(("guess", "unit", "reading"), [
    (80, "GiB", Reading("memory", 80 * 2**30, "GiB", "modelled")),
    (50, "%", Reading("share", 0.5, "1", "modelled")),
    (0.5, "1", Reading("share", 0.5, "%", "modelled")),
])  # fmt: skip
def test_units_of_one_dimension_are_compared(printed, guess, unit, reading):
    assert printed(predict("00.a", guess, unit).against, reading).endswith("exactly that")


def test_a_result_below_zero_is_compared_by_difference(printed):
    text = printed(predict("00.a", 1).against, Reading("bias", -0.5, "1", "modelled"))
    assert text.endswith("too high by 1.5")


def test_a_bare_number_is_refused_as_a_result(printed):
    text = printed(predict("00.a", 12, "GB/s").against, 12e9)
    assert text.startswith(
        "[error] 00.a: a bare number, 12000000000.0, does not say its origin: make"
    )


def test_a_prediction_at_the_end_of_a_cell_adds_no_second_output(capsys):
    predict("00.a", 12, "GB/s")._ipython_display_()
    assert capsys.readouterr().out.count("\n") == 1


def test_the_repr_says_the_guess():
    assert repr(predict("00.a", 12, "GB/s")) == "Prediction('00.a', 12 GB/s)"
    assert repr(predict("00.b", ..., "GB/s")) == "Prediction('00.b', no guess yet)"


class FakeMachine:
    def __str__(self):
        return "[measured] cores: 2\n[measured] memory: 3 GiB"


def test_show_prints_a_line_for_each(capsys):
    show(bandwidth(), FakeTiming(), FakeMachine())
    assert capsys.readouterr().out.splitlines() == [
        "[measured] copy bandwidth: 12.5 GB/s",
        "[measured] copy: 2 ms (95 % interval 1.9 ms to 2.1 ms)",
        "[measured] cores: 2",
        "[measured] memory: 3 GiB",
    ]


@pytest.mark.parametrize("bare", [12.5, np.float64(3), "12.5 GB/s", None, [bandwidth()], ""])
def test_show_refuses_what_does_not_say_its_origin(capsys, bare):
    with pytest.raises(
        TypeError, match=r"does not say its origin: make a reading .* lk\.Reading\("
    ):
        show(bandwidth(), bare)
    assert capsys.readouterr().out == ""
