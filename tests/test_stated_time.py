"""The stated time of a lesson is computed, and lessons and their cells keep to their lengths."""

import nbformat
import pytest
import sources
from stated_time import StatedParts, StatedTime, stated_time, words_of

ROOMS = sorted((sources.ROOT / "lessons").glob(sources.ROOM))
# Written before there was a rule: it leaves this list when it is rewritten.
TOO_LONG = {"12"}

text, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell


def test_an_address_is_not_read():
    assert words_of("Read [the paper](https://example.org/a/b) of 2012, *twice*.") == 6


@pytest.mark.parametrize(
    ("cell", "minutes"),
    [
        (text("word " * 1000), 5),
        (code("x = 1"), 1),
        (code('g = lk.predict("05.a", ...)'), 2),
        (code("lk.Player(frames)"), 2),
        (code('f = lk.your_turn("05.t1", f)'), 4),
        (code("plot()", metadata={"tags": ["collapsed"]}), 0),
    ],
)
def test_each_kind_of_cell_has_its_minutes(cell, minutes):
    assert stated_time([cell] * 20, []).lesson_min == 20 * minutes


def test_an_exercise_takes_eight_minutes_and_sums_are_rounded_up_to_five():
    exercises = [code('lk.check("05.1", f)'), text("lk"), code('lk.check("05.2", g)')]
    assert stated_time([code("x = 1")], exercises) == StatedTime(0, 5, 20)


def parts(*minutes):
    """Cells of a lesson or of exercises with parts that take so many minutes each."""
    cells = []
    for n, number in zip(minutes, ("one", "two"), strict=True):
        cells += [text(f"# Part {number}"), *[code("x = 1")] * n]
    return cells


def test_a_lesson_in_two_parts_states_the_time_of_each():
    exercises = [text("# Part one"), code('lk.check("05.1", f)'), text("# Part two")]
    found = stated_time([text("opening"), *parts(4, 14)], exercises)
    assert found == StatedParts((StatedTime(3, 5, 10), StatedTime(2, 15, 0)))
    assert str(found) == (
        "Part one: lesson 5 min, exercises 10 min. Part two: lesson 15 min, exercises 0 min."
    )


@pytest.mark.parametrize(("minutes", "fits"), [((24, 24), True), ((24, 26), False)])
def test_each_part_keeps_to_45_minutes_with_its_exercises(minutes, fits):
    checks = [code('lk.check("05.1", f)')] * 2
    exercises = [text("# Part one"), *checks, text("# Part two"), *checks]
    assert stated_time(parts(*minutes), exercises).is_within_budget == fits


def test_exercises_without_the_parts_of_their_lesson_are_a_sentence():
    with pytest.raises(ValueError, match="2 parts and its exercises 1"):
        stated_time(parts(1, 1), [])


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_lesson_says_its_time_and_keeps_to_1800_words_and_40_minutes(room):
    head = sources.read(sources.Target(room / "lesson.py", sources.ROOT / "start/x.ipynb")).cells[0]
    assert str(sources.time_of(room)) in head.source.replace("\n", " ")
    assert sources.time_of(room).is_within_budget or room.name[7:9] in TOO_LONG


BLANK = [target for target in sources.targets(sources.ROOT) if target.is_blank]


@pytest.mark.parametrize("target", BLANK, ids=lambda target: target.name)
def test_a_long_cell_is_folded_or_there_to_be_read(target):
    """A visible cell above 25 lines says by its tag `read` that reading it teaches something."""
    for cell in sources.read(target).cells:
        tags = cell.metadata.get("tags", [])
        is_short = len(cell.source.splitlines()) <= 25
        assert cell.cell_type != "code" or is_short or {"read", "collapsed"} & set(tags), (
            f"Fold this cell or tag it `read`:\n{cell.source[:300]}"
        )
