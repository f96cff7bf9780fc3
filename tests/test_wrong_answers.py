"""Every exercise rejects its wrong answers with the right hint and passes its solution.

The rules are functions, so that the toys at the end can show that each of them bites.
"""

import itertools
import re

import pytest
import toy_checks

from labkit.teach import always, exercise, exercises, registry
from labkit.teach.answer import BlankError, Tried
from labkit.teach.check import judge

COURSE = exercises()
SEEDS = ("one", "two", "three")


@pytest.fixture(autouse=True)
def own_progress(monkeypatch, tmp_path):
    monkeypatch.setenv("LABKIT_PROGRESS", str(tmp_path / "progress.json"))


def each(rule):
    return pytest.mark.parametrize("exercise", COURSE, ids=lambda exercise: exercise.name)(rule)


def is_function(exercise):
    return callable(exercise.solution)


@each
def test_an_exercise_ships_five_wrong_answers_a_blank_and_a_hard_coded_one(exercise):
    assert len(exercise.wrong) >= 5, "ship at least five wrong answers"
    assert any(wrong.word == "todo" for wrong in exercise.wrong), "the empty cell is missing"
    assert not is_function(exercise) or any(
        getattr(wrong.answer, "is_hard_coded", False) for wrong in exercise.wrong
    ), "a hard-coded answer is missing: always(value)"


@each
def test_each_wrong_answer_gets_its_hint(exercise):
    for (n, wrong), seed in itertools.product(enumerate(exercise.wrong), SEEDS):
        verdict = judge(exercise, wrong.answer, seed)
        assert verdict.word == wrong.word, f"wrong answer {n}: {verdict}"
        assert wrong.words, f"wrong answer {n} names no words of its hint"
        assert wrong.words in verdict.text, f"wrong answer {n}: {verdict}"


@each
def test_the_solution_passes_whatever_the_inputs(exercise):
    for seed in range(6):
        verdict = judge(exercise, exercise.solution, seed)
        assert verdict.word == "pass", f"seed {seed}: {verdict}"


@each
def test_an_answer_that_knows_earlier_inputs_by_heart_does_not_pass(exercise):
    """Inputs are new each time: a table of one check's inputs and results fails the next."""
    if is_function(exercise) and not exercise.in_place:
        verdict = judge(exercise, learnt_by_heart(exercise, "one"), "two")
        assert verdict.word in ("again", "error"), f"typed-in results pass: {verdict}"


def learnt_by_heart(exercise, seed):
    """A function that gives the solution's results for the inputs of `seed`, else the first one."""
    table = {}

    def solve(*args, **kwargs):
        return table.setdefault(repr((args, kwargs)), exercise.solution(*args, **kwargs))

    def recite(*args, **kwargs):
        return table.get(repr((args, kwargs)), first)

    judge(exercise, solve, seed)
    first = next(iter(table.values()))
    return recite


@each
def test_a_blank_of_any_form_is_still_to_do(exercise):
    blanks = [..., None]
    if is_function(exercise):
        blanks += [toy_checks.only_blank, not_written]
    for blank in blanks:
        assert judge(exercise, blank).word == "todo"


def not_written(*args, **kwargs):
    raise NotImplementedError


@each
def test_an_answer_of_another_kind_does_not_pass(exercise):
    for answer in (object(), "a text that no exercise asks for", -1e99, [], lambda *args: "text"):
        assert judge(exercise, answer).word in ("again", "error")


@each
def test_an_exercise_lives_in_the_checks_of_its_lesson(exercise):
    assert re.match(rf"lessons\.lesson_{exercise.lesson}_\w+\.checks\b", exercise.run.__module__)


# The toys: sound ones obey every rule, and each rule finds the toy that breaks it.

RULES = (
    test_an_exercise_ships_five_wrong_answers_a_blank_and_a_hard_coded_one,
    test_each_wrong_answer_gets_its_hint,
    test_the_solution_passes_whatever_the_inputs,
    test_an_answer_that_knows_earlier_inputs_by_heart_does_not_pass,
    test_a_blank_of_any_form_is_still_to_do,
    test_an_answer_of_another_kind_does_not_pass,
)


@pytest.fixture
def toys(monkeypatch):
    monkeypatch.setattr(registry, "_EXERCISES", {})
    monkeypatch.setattr(registry, "_rooms", dict)
    toy_checks.register()
    return registry._EXERCISES


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", ["90.1", "90.2", "90.3", "90.4"])
def test_a_sound_toy_obeys_the_rule(toys, rule, name):
    rule(toys[name])


def flawed(toys, run, *, solution=toy_checks.intensity, wrong=None):
    wrong = toys["90.1"].wrong if wrong is None else wrong
    exercise("90.9", title="flawed", solution=solution, wrong=wrong)(run)
    return toys["90.9"]


def accepts_all(answer, rng):
    answer(10, 5)


def fixed_inputs(answer, rng):
    assert answer(10, 5) == 2, "divide FLOP by bytes"
    assert answer(1, 4) == 0.25, "fraction"


def needs_luck(answer, rng):
    answer(10, 5)
    assert rng.random() < 0.5, "unlucky"


def ten_over_five(answer, rng):
    assert answer(10, 5) == 2, "differs"


FLAWS = [
    ("five wrong", 0, fixed_inputs, {"wrong": []}),
    ("hard-coded", 0, fixed_inputs, {"wrong": [(..., "in place of", "todo")] * 4}),
    ("wrong answer 3", 1, accepts_all, {}),
    ("wrong answer 1", 1, ten_over_five, {"wrong": [(always(3), "words it lacks")]}),
    ("names no words", 1, ten_over_five, {"wrong": [(always(3), "")]}),
    ("seed", 2, needs_luck, {}),
    ("seed", 2, ten_over_five, {"solution": lambda flop, n_bytes: 3}),
    ("typed-in", 3, fixed_inputs, {}),
]


@pytest.mark.parametrize(("words", "rule", "run", "flaw"), FLAWS, ids=range(len(FLAWS)))
def test_each_rule_finds_its_flaw(toys, words, rule, run, flaw):
    with pytest.raises(AssertionError, match=words):
        RULES[rule](flawed(toys, run, **flaw))


def test_a_check_that_takes_any_kind_is_found(toys):
    with pytest.raises(AssertionError):
        test_an_answer_of_another_kind_does_not_pass(flawed(toys, lambda answer, rng: None))


def test_an_exercise_in_a_foreign_file_is_found(toys):
    with pytest.raises(AssertionError):
        test_an_exercise_lives_in_the_checks_of_its_lesson(toys["90.1"])


def test_a_function_is_tried_on_copies():
    seen, given = [], [1, 2]
    Tried(lambda xs: (seen.append(xs), 1)[1], len)(given)
    assert seen == [given]
    assert seen[0] is not given


def test_an_empty_body_is_blank_on_every_python():
    with pytest.raises(BlankError, match="body of your function is empty"):
        Tried(toy_checks.only_blank, toy_checks.intensity)(1, 2)
