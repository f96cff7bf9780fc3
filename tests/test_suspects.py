"""What a wrong number is told: both numbers, told apart, and the wrong turn that it may be."""

import pytest

from labkit.teach.suspects import apart, assert_right


def test_a_right_number_passes_also_where_it_is_rounded():
    assert_right(0.1 + 0.2, 0.3, "a case")
    assert_right(1e-17, 0.0, "a case")


@pytest.mark.parametrize(("got", "right", "text"), [
    (2.0, 3.0, "a case: got 2, expected 3: a hint"),
    (0.289, 0.28897, "a case: got 0.289, expected 0.28897: a hint"),
    (100.0, 100.0000004, "a case: got 100, expected 100.0000004: a hint"),
    (float("nan"), 3.0, "a case: got nan, expected 3: a hint"),
])  # fmt: skip
def test_the_two_numbers_are_never_printed_alike(got, right, text):
    with pytest.raises(AssertionError, match=f"^{text}$"):
        assert_right(got, right, "a case", hint="a hint")


def test_the_first_suspect_that_fits_is_told():
    suspects = [(4.0, "squared"), (2.0, "halved"), (2.0, "cut")]
    with pytest.raises(AssertionError, match=r"halved$"):
        assert_right(2.0, 3.0, "a case", suspects, "a hint")


def test_a_suspect_that_is_tiny_is_not_taken_for_nothing():
    """What fetching a weight takes is some 1e-10 J, and who answers 0 has not answered that."""
    with pytest.raises(AssertionError, match=r"a hint$"):
        assert_right(0.0, 3.0, "a case", [(4e-10, "that's what fetching takes")], "a hint")
    with pytest.raises(AssertionError, match=r"nothing$"):
        assert_right(1e-17, 3.0, "a case", [(0.0, "nothing")], "a hint")


@pytest.mark.parametrize(("one", "other", "texts"), [
    (1.0, 2.0, ("1", "2")),
    (1.0, 1.00001, ("1", "1.00001")),
    (1.0, 1.0 + 2**-52, ("1", "1.0000000000000002")),
])  # fmt: skip
def test_two_numbers_get_the_digits_that_tell_them_apart(one, other, texts):
    assert apart(one, other) == texts
