"""`progress`: what is done over all lessons, as text and as a picture."""

import collections
import dataclasses

from labkit.draw.labels import text_width
from labkit.draw.marks import GREEN, ORANGE, SKY
from labkit.draw.sheet import sheet
from labkit.draw.svg import INK, SMALL, TEXT, path, text
from labkit.teach import store
from labkit.teach.registry import exercises

_CELL, _GAP, _LABEL, _TOP, _FOOT = 62, 8, 92, 40, 26  # pixels
_KEY = "tick: passed · bar: again · empty: to do · diamond: predicted"


@dataclasses.dataclass(frozen=True)
class _Style:
    """How a cell looks: no two states differ by colour alone."""

    frame: str  # an SVG path around the centre of the sign
    edge: str
    sign: str = ""
    tint: float = 0  # of the edge's colour, inside


_SQUARE = "m-28,-20h56v56h-56z"
_STYLES = {
    "pass": _Style(_SQUARE, GREEN, "m-10,0l7,7l13,-14", tint=0.25),
    "again": _Style(_SQUARE, ORANGE, "m-9,0h18"),
    "todo": _Style(_SQUARE, INK),
    "predicted": _Style("m0,-14l14,14l-14,14l-14,-14z", SKY, tint=0.5),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """One lesson: its exercises as (name, state) and the names of the predictions made in it."""

    lesson: str
    cells: tuple[tuple[str, str], ...]
    predictions: tuple[str, ...]


@dataclasses.dataclass(frozen=True, repr=False)
class Progress:
    """What is done: `rows`, one for each lesson; its text and its picture say the same."""

    rows: tuple[Row, ...]

    def __repr__(self):
        return "\n".join([self.summary, *map(_in_words, self.rows)])

    def _repr_html_(self):
        return self.picture()._repr_html_()

    @property
    def summary(self):
        states = [state for row in self.rows for _, state in row.cells]
        n_passed = states.count("pass")
        n_predictions = sum(len(row.predictions) for row in self.rows)
        return (
            f"{n_passed} of {len(states)} exercises passed, "
            f"{n_predictions} prediction{'s' * (n_predictions != 1)} made"
        )

    def picture(self):
        """The board as a Picture: a row for each lesson, with a sign for what is done."""
        rows, title = self.rows, self.summary
        n_columns = max((len(row.cells) + len(row.predictions) for row in rows), default=0)
        width = max(_LABEL + n_columns * (_CELL + _GAP), text_width(title, 16) * 1.1 + 24, 460)
        height = _TOP + len(rows) * (_CELL + _GAP) + _FOOT
        parts = [text(8, 24, title, size=16, bold=True)]
        for n, row in enumerate(rows):
            parts += _row(row, _TOP + n * (_CELL + _GAP))
        parts.append(text(8, height - 8, _KEY, size=SMALL, muted=True))
        return sheet(width, height, parts, title)


def progress() -> Progress:
    """What is done over all lessons, from the progress file; shows itself at the end of a cell."""
    kept = store.load()
    cells, guessed = collections.defaultdict(list), collections.defaultdict(list)
    for exercise in exercises():
        cells[exercise.lesson].append((exercise.name, _state(kept["checks"].get(exercise.name))))
    for name in sorted(kept["predictions"]):
        guessed[name.partition(".")[0]].append(name)
    lessons = sorted({*cells, *guessed})
    return Progress(tuple(Row(n, tuple(cells[n]), tuple(guessed[n])) for n in lessons))


def _state(entry):
    if entry is None or (entry["last"] == "todo" and not entry["passed"]):
        return "todo"
    return "pass" if entry["passed"] else "again"


def _in_words(row):
    parts = [f"{name} {state}" for name, state in row.cells]
    parts += [f"{name} predicted" for name in row.predictions]
    return f"lesson {row.lesson}: {', '.join(parts)}"


def _row(row, top):
    yield text(8, top + _CELL // 2 + 5, f"lesson {row.lesson}")
    named = [*row.cells, *((name, "predicted") for name in row.predictions)]
    for n, (name, state) in enumerate(named):
        yield from _cell(_LABEL + n * (_CELL + _GAP), top, name, _STYLES[state])


def _cell(left, top, name, style):
    x, y = left + _CELL // 2, top + 22
    faint = 0.35 if style.edge == INK else 1
    yield path(
        f"M{x},{y}{style.frame}", stroke=style.edge, line=2, opacity=faint, fill=style.edge,
        tint=style.tint,
    )  # fmt: skip
    if style.sign:
        yield path(f"M{x},{y}{style.sign}", stroke=style.edge, line=4)
    yield text(x, top + _CELL - 9, name, "middle", size=TEXT)
