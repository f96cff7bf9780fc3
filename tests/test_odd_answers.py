"""No answer passes because of what it claims to equal: checks see plain values only."""

import fractions
import functools
import types
from decimal import Decimal
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.teach import exercise, exercises, registry
from labkit.teach.check import judge
from labkit.teach.kinds import OddKindError, fitted, kind, plain

COURSE = exercises()


class Everything:
    """Equals, contains and answers whatever it is asked."""

    shape = ()
    py_func = None

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0

    def __bool__(self):
        return True

    def __float__(self):
        return 0.0

    def __len__(self):
        return 3

    def __iter__(self):
        return iter((self, self, self))

    def itself(self, *args, **kwargs):
        return self

    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = itself
    __rtruediv__ = __abs__ = __neg__ = __call__ = __getitem__ = itself
    __array_ufunc__ = itself


class LyingFloat(float):
    """A wrong number that says that it is right."""

    def __eq__(self, other):
        return True

    __hash__ = float.__hash__
    __lt__ = __le__ = __gt__ = __ge__ = __eq__

    def __sub__(self, other):
        return 0.0

    __rsub__ = __sub__


class LyingText(str):
    def __eq__(self, other):
        return True

    def __hash__(self):
        return hash("memory")

    __ne__ = __contains__ = lambda self, other: False


def is_number(leaf):
    return kind(leaf) == "a number"


def lying(leaf):
    return LyingFloat(1.5 * float(leaf) + 1234.5) if is_number(leaf) else LyingText("nonsense")


def masked(leaf):
    return np.ma.masked_all(np.shape(leaf), float)


DISTORTIONS = {
    "everything": lambda leaf: Everything(),
    "anything": lambda leaf: mock.ANY,
    "lying": lying,
    "nan": lambda leaf: np.full(np.shape(leaf), np.nan) if np.shape(leaf) else float("nan"),
    "masked": masked,
    "a text": lambda leaf: str(leaf) if is_number(leaf) else f"no {leaf}",
    "an array of anything": lambda leaf: np.array([mock.ANY], object),
}


def distorted(value, distort):
    """`value` with each number, text or array in it replaced."""
    if type(value) in (list, tuple):
        return type(value)(distorted(item, distort) for item in value)
    if type(value) is dict:
        return {key: distorted(item, distort) for key, item in value.items()}
    if np.shape(value) and distort is lying:
        return 1.5 * np.asarray(value) + 1234.5
    return distort(value)


def odd_answer(exercise, distort):
    solution = exercise.solution
    if not callable(solution):
        return distorted(solution, distort)
    if exercise.in_place or hasattr(solution, "py_func"):
        return distort(0.0)

    @functools.wraps(solution)
    def answer(*args, **kwargs):
        return distorted(solution(*args, **kwargs), distort)

    return answer


@pytest.mark.parametrize("distort", DISTORTIONS.values(), ids=list(DISTORTIONS))
@pytest.mark.parametrize("exercise", COURSE, ids=lambda exercise: exercise.name)
def test_an_answer_that_is_not_what_it_claims_to_be_does_not_pass(exercise, distort):
    for answer in (odd_answer(exercise, distort), distort(0.0)):
        verdict = judge(exercise, answer, 1)
        assert verdict.word in ("again", "error"), verdict
        assert "the check itself" not in verdict.text


@pytest.mark.parametrize("exercise", COURSE, ids=lambda exercise: exercise.name)
def test_a_list_a_tuple_and_an_array_are_one_kind(exercise):
    if not isinstance(exercise.solution, types.FunctionType) or exercise.in_place:
        return
    if type(exercise.example()) not in (list, tuple, np.ndarray):
        return

    def answer(*args):
        return as_lists(exercise.solution(*args))

    def as_lists(value):
        value = value.tolist() if isinstance(value, np.ndarray) else value
        return [as_lists(item) for item in value] if type(value) is tuple else value

    verdict = judge(exercise, answer, 1)
    assert verdict.word == "pass", verdict


# One value at a time


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(registry, "_EXERCISES", {})
    monkeypatch.setattr(registry, "_rooms", dict)

    def made(solution):
        @exercise("90.1", title="toy", solution=solution, wrong=[])
        def _(answer, rng):
            if callable(solution):
                assert answer(2) == solution(2), f"got {answer(2)}, expected {solution(2)}"
            else:
                assert answer == solution, f"got {answer}, expected {solution}"

        return registry._EXERCISES["90.1"]

    return made


@pytest.mark.parametrize(("answer", "text"), [
    (lambda x: "1600",
     "your function returns the text '1600', and what is asked for is a number"),
    (lambda x: True, "your function returns True or False, and what is asked for is a number"),
    (lambda x: {}, "your function returns of type dict, and what is asked for is a number"),
    (lambda x: [1600], "got [1600], expected 1600"),
    (lambda x: Everything(), "the answer holds an object of type Everything: hand in plain numbe"),
    (lambda x: np.ma.array(1600, mask=True), "the answer is a masked array, which hides"),
    (float, "the answer is a function, and yours is a class"),
])  # fmt: skip
def test_a_result_of_another_kind_is_named(toy, answer, text):
    verdict = judge(toy(lambda x: 1600), answer)
    assert verdict.word == "again"
    assert verdict.text.startswith(text)


@pytest.mark.parametrize("answer", [lambda x: map(int, "12"), lambda x: (i for i in (1, 2))])
def test_an_iterator_is_to_be_made_a_list(toy, answer):
    verdict = judge(toy(lambda x: [1, 2]), answer)
    assert verdict.word == "again"
    assert "list(...)" in verdict.text


@pytest.mark.parametrize("answer", [
    1600, 1600.0, np.int64(1600), np.float32(1600), np.array(1600), fractions.Fraction(1600),
    Decimal(1600),
])  # fmt: skip
def test_any_number_is_a_number(toy, answer):
    assert judge(toy(1600), answer).word == "pass"
    assert judge(toy(lambda x: 1600), lambda x: answer).word == "pass"


numbers = st.one_of(st.integers(-9, 9), st.floats(allow_nan=False), st.booleans())
values = st.recursive(
    st.one_of(numbers, st.text(max_size=3), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=2), inner, max_size=3),
    ),
)  # fmt: skip


@given(values)
def test_what_is_plain_stays_as_it_is(value):
    assert plain(value) == value
    assert type(plain(value)) is type(value)
    assert fitted(value, value) == value


@given(numbers, values)
def test_a_lie_deep_inside_is_found(number, value):
    with pytest.raises(OddKindError):
        plain([value, {"key": (value, Everything())}])
    (told,) = plain([LyingFloat(number)])
    assert type(told) is float
    assert told == float(number)


class PlainArray(np.ndarray):
    def __eq__(self, other):
        return True


@pytest.mark.parametrize(("value", "like", "expected"), [
    ([1, 2], (3, 4), (1, 2)),
    ((1, 2), [3, 4], [1, 2]),
    ([1, 2, 3], (3, 4), (1, 2, 3)),
    (np.array([1, 2]), (3, 4), (1, 2)),
    (np.array([1, 2]), (np.zeros(2), np.zeros(2)), np.array([1, 2])),
    (np.array(1), (3, 4), np.array(1)),
    ([[1, 2], [3, 4]], np.zeros((2, 2)), np.array([[1, 2], [3, 4]])),
    ([[1, 2], [3]], np.zeros((2, 2)), [[1, 2], [3]]),
    ([[[1, 2]], [3]], (np.zeros((1, 2)), np.zeros(1)), (np.array([[1, 2]]), np.array([3]))),
    (3, [1], 3),
    ("ab", [1, 2], "ab"),
])  # fmt: skip
def test_the_form_follows_the_solution(value, like, expected):
    got = fitted(value, like)
    assert type(got) is type(expected)
    assert str(got) == str(expected)


class Pretends:
    __module__ = "numpy"
    __qualname__ = "float64"


class Silent:
    def __getattribute__(self, name):
        raise ValueError(name)


@pytest.mark.parametrize("odd", [Pretends, Silent])
def test_a_class_is_not_taken_at_its_word(toy, odd):
    for answer in (odd(), lambda x: odd(), lambda x: [odd()]):
        for solution in (1600, lambda x: 1600):
            assert judge(toy(solution), answer).word in ("again", "error")


def test_what_holds_itself_is_refused(toy):
    itself = []
    itself.append(itself)
    for answer in (itself, lambda x: itself):
        for solution in ([1], lambda x: [1]):
            assert judge(toy(solution), answer).word == "again"


def test_a_subclass_of_an_array_is_an_array():
    assert type(plain(np.zeros(3).view(PlainArray))) is np.ndarray
    assert plain(np.array([1, 2], object)).dtype == int
