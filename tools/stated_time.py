"""How long a lesson takes, by one rule for all of them; the build puts it where `{time}` stands.

200 words of prose a minute; a visible code cell 1 minute, 2 with a prediction or a picture to play
with, 4 with a turn of the student's; an exercise 8.

A lesson about two subjects has two parts with a break between them, each with a time of its own. A
part begins with a text cell that begins with `# Part`, in the lesson and in its exercises.
"""

import dataclasses
import itertools
import math
import re

WORDS_PER_MIN = 200
EXERCISE_MIN = 8
MOST_WORDS = 1800
MOST_MIN = 40  # without the exercises
MOST_PART_MIN = 45  # of one part of several, with its exercises
PLACEHOLDER = "{time}"
_CELL_MIN = ((4, ("lk.your_turn(",)), (2, ("lk.predict(", "Explorer(", "Player(", ".explore")))
_ADDRESS = re.compile(r"\]\([^)]*\)")
_WORD = re.compile(r"[^\W_][\w’'.,-]*")
_PART = "# Part "
_NUMBERS = ("one", "two", "three")


@dataclasses.dataclass(frozen=True)
class StatedTime:
    """What a student is told before a lesson begins, and what it is made of."""

    words: int
    lesson_min: int
    exercises_min: int

    def __str__(self):
        return f"Lesson {self.lesson_min} min, exercises {self.exercises_min} min."

    @property
    def is_within_budget(self):
        return self.words <= MOST_WORDS and self.lesson_min <= MOST_MIN


@dataclasses.dataclass(frozen=True)
class StatedParts:
    """The StatedTime of each part of a lesson that has several."""

    parts: tuple[StatedTime, ...]

    def __str__(self):
        return " ".join(
            f"Part {number}: lesson {part.lesson_min} min, exercises {part.exercises_min} min."
            for number, part in zip(_NUMBERS, self.parts, strict=False)
        )

    @property
    def is_within_budget(self):
        return all(
            part.is_within_budget and part.lesson_min + part.exercises_min <= MOST_PART_MIN
            for part in self.parts
        )


def stated_time(lesson_cells, exercise_cells):
    """The StatedTime of a lesson, from the cells of its notebook and of its exercises.

    The StatedParts of one that has parts. Raises ValueError where only one of the two has them.
    """
    lesson_parts, exercise_parts = _parts(lesson_cells), _parts(exercise_cells)
    if len(lesson_parts) == 1:
        return _time(lesson_cells, exercise_cells)
    if len(lesson_parts) != len(exercise_parts):
        raise ValueError(
            f"The lesson has {len(lesson_parts)} parts and its exercises {len(exercise_parts)}: "
            f"begin each part with a text cell that begins with {_PART!r}, in both."
        )
    return StatedParts(tuple(map(_time, lesson_parts, exercise_parts)))


def _parts(cells):
    """The cells of each part; what stands before the first one belongs to it."""
    begins = [
        index
        for index, cell in enumerate(cells)
        if cell.cell_type == "markdown" and cell.source.startswith(_PART)
    ]
    edges = [0, *begins[1:], len(cells)]
    return [cells[start:end] for start, end in itertools.pairwise(edges)]


def _time(lesson_cells, exercise_cells):
    words = sum(words_of(cell.source) for cell in lesson_cells if cell.cell_type == "markdown")
    minutes = words / WORDS_PER_MIN + sum(map(_minutes_of, lesson_cells))
    n_exercises = sum(cell.source.count("lk.check(") for cell in exercise_cells)
    return StatedTime(words, _rounded(minutes), _rounded(EXERCISE_MIN * n_exercises))


def words_of(text):
    """The number of words that a reader sees: addresses of links are not read."""
    return len(_WORD.findall(_ADDRESS.sub("]", text)))


def _minutes_of(cell):
    tags = cell.metadata.get("tags", [])
    if cell.cell_type != "code" or "collapsed" in tags or "google.colab" in cell.source:
        return 0
    for minutes, marks in _CELL_MIN:
        if any(mark in cell.source for mark in marks):
            return minutes
    return 1


def _rounded(minutes):
    """To whole five minutes, upwards: nobody minds being early."""
    return 5 * math.ceil(minutes / 5)
