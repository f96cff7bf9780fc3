"""The stated time of a lesson is computed, and lessons and their cells keep to their lengths."""

import itertools

import nbformat
import pytest
import sources
from stated_time import StatedTime, stated_time, words_of

ROOMS = sorted((sources.ROOT / "lessons").glob(sources.ROOM))

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


def sitting(first_line, n_cells, n_exercises):
    return (
        [text(f"{first_line}\n"), *[code("x = 1")] * n_cells],
        [text(first_line), *[code('lk.check("05.1", f)')] * n_exercises],
    )


def lesson_of(*sittings):
    lesson, exercises = (itertools.chain(*cells) for cells in zip(*sittings, strict=True))
    return stated_time(list(lesson), list(exercises))


def test_a_break_gives_each_part_a_time_of_its_own():
    time = lesson_of(sitting("# 05 · X", 20, 2), sitting("# Part two: Y", 24, 1))
    assert [(part.lesson_min, part.exercises_min) for part in time.parts] == [(25, 20), (25, 10)]
    assert (time.lesson_min, time.exercises_min) == (50, 30)
    assert time.is_within_budget
    assert str(time) == (
        "Part one: lesson 25 min, exercises 20 min. "
        "Part two, after a break: lesson 25 min, exercises 10 min."
    )


@pytest.mark.parametrize(("n_cells", "n_exercises"), [(41, 0), (24, 3), (36, 1)])
def test_one_part_that_is_too_long_is_too_long(n_cells, n_exercises):
    too_long = sitting("# Part two: Y", n_cells, n_exercises)
    assert not lesson_of(sitting("# 05 · X", 1, 1), too_long).is_within_budget


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_lesson_says_its_time_and_keeps_to_1800_words_and_40_minutes(room):
    head = sources.read(sources.Target(room / "lesson.py", sources.ROOT / "start/x.ipynb")).cells[0]
    assert str(sources.time_of(room)) in head.source.replace("\n", " ")
    assert sources.time_of(room).is_within_budget


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
