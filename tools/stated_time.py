"""How long a lesson takes, by one rule for all of them; the build puts it where `{time}` stands.

200 words of prose a minute; a visible code cell 1 minute, 2 with a prediction or a picture to play
with, 4 with a turn of the student's; an exercise 8. A lesson of two subjects has a break between
its parts: the second begins with a text cell `# Part two: …`, in the lesson and in its exercises,
and each keeps to the budget of a lesson by itself.
"""

import dataclasses
import itertools
import math
import re

WORDS_PER_MIN = 200
EXERCISE_MIN = 8
MOST_WORDS = 1800
MOST_MIN = 40  # without the exercises
MOST_PART_MIN = 45  # with them, for a part of a lesson that has a break
PLACEHOLDER = "{time}"
_CELL_MIN = ((4, ("lk.your_turn(",)), (2, ("lk.predict(", "Explorer(", "Player(", ".explore")))
_ADDRESS = re.compile(r"\]\([^)]*\)")
_PART_NAMES = ("one", "two, after a break", "three, after another")
_BREAK = re.compile(r"# Part (?:two|three)\b")
_WORD = re.compile(r"[^\W_][\w’'.,-]*")


@dataclasses.dataclass(frozen=True)
class StatedTime:
    """What a student is told before a lesson begins, and what it is made of."""

    words: int
    lesson_min: int
    exercises_min: int
    parts: tuple["StatedTime", ...] = ()  # of a lesson with a break

    def __str__(self):
        if not self.parts:
            return f"Lesson {self._said}."
        return " ".join(
            f"Part {name}: lesson {part._said}."
            for name, part in zip(_PART_NAMES, self.parts, strict=False)
        )

    @property
    def _said(self):
        return f"{self.lesson_min} min, exercises {self.exercises_min} min"

    @property
    def is_within_budget(self):
        if self.parts:
            return all(
                part.is_within_budget and part.lesson_min + part.exercises_min <= MOST_PART_MIN
                for part in self.parts
            )
        return self.words <= MOST_WORDS and self.lesson_min <= MOST_MIN


def stated_time(lesson_cells, exercise_cells):
    """The StatedTime of a lesson, from the cells of its notebook and of its exercises."""
    halves = _parts(lesson_cells), _parts(exercise_cells)
    parts = [_sitting(*cells) for cells in itertools.zip_longest(*halves, fillvalue=[])]
    if len(parts) == 1:
        return parts[0]
    words, lesson_min, exercises_min = (
        sum(getattr(part, name) for part in parts)
        for name in ("words", "lesson_min", "exercises_min")
    )
    return StatedTime(words, lesson_min, exercises_min, tuple(parts))


def _parts(cells):
    """The cells of each part; a list of one where there is no break."""
    parts = [[]]
    for cell in cells:
        if cell.cell_type == "markdown" and _BREAK.match(cell.source):
            parts.append([])
        parts[-1].append(cell)
    return parts


def _sitting(lesson_cells, exercise_cells):
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
