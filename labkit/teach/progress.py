"""`progress`: what is done over all lessons, as text and as a picture."""

import collections
import dataclasses

from labkit.draw.labels import text_width
from labkit.draw.marks import GREEN, ORANGE, SKY
from labkit.draw.sheet import sheet
from labkit.draw.svg import INK, SMALL, TEXT, path, text
from labkit.teach import store
from labkit.teach.registry import exercises

_CELL, _LABEL, _TOP, _FOOT = 21, 36, 66, 30  # pixels
_PANEL_ROWS = 12  # more lessons than these stand in a second panel, so that all fit a screen
_KEY = "tick: passed · bar: again · empty: to do · diamond: predicted · t1, t2: turns in a lesson"


@dataclasses.dataclass(frozen=True)
class _Style:
    """How a cell looks: no two states differ by colour alone."""

    frame: str  # an SVG path around the centre of the cell
    edge: str
    sign: str = ""
    tint: float = 0  # of the edge's colour, inside


_SQUARE = "m-8,-8h16v16h-16z"
_STYLES = {
    "pass": _Style(_SQUARE, GREEN, "m-4,0l3,3l6,-6", tint=0.25),
    "again": _Style(_SQUARE, ORANGE, "m-4,0h8"),
    "todo": _Style(_SQUARE, INK),
    "predicted": _Style("m0,-8l8,8l-8,8l-8,-8z", SKY, tint=0.5),
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
        n_panels = max(-(-len(self.rows) // _PANEL_ROWS), 1)
        n_rows = -(-len(self.rows) // n_panels)
        columns = sorted({_column(name) for row in self.rows for name, _ in _signs(row)})
        panel = _LABEL + len(columns) * _CELL + 8
        words = max(text_width(self.summary, 16) * 1.1, text_width(_KEY, SMALL))
        width = 12 + max(n_panels * panel, words + 12)
        height = _TOP + n_rows * _CELL + _FOOT
        parts = [text(12, 24, self.summary, size=16, bold=True)]
        for n in range(n_panels):
            rows = self.rows[n * n_rows : (n + 1) * n_rows]
            parts += _panel(rows, columns, 12 + n * panel)
        parts.append(text(12, height - 10, _KEY, size=SMALL, muted=True))
        return sheet(width, height, parts, self.summary)


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


def _signs(row):
    """What stands in a row: (name, state) of its exercises, then of its predictions."""
    return [*row.cells, *((name, "predicted") for name in row.predictions)]


def _column(name):
    """The column of `05.t1`, as it is sorted: exercises 1, 2, ..., turns t1, ..., guesses a, ..."""
    short = name.partition(".")[2] or name
    kind = 0 if short.isdigit() else 2 if len(short) == 1 else 1
    return kind, short


def _panel(rows, columns, left):
    for n, (_, short) in enumerate(columns):
        x = left + _LABEL + (n + 0.5) * _CELL
        yield text(x, _TOP - 12, short, "middle", size=SMALL, muted=True)
    for n, row in enumerate(rows):
        y = _TOP + (n + 0.5) * _CELL
        yield text(left, y + 5, row.lesson, size=TEXT)
        for name, state in _signs(row):
            place = columns.index(_column(name))
            yield from _sign(left + _LABEL + (place + 0.5) * _CELL, y, _STYLES[state])


def _sign(x, y, style):
    faint = 0.35 if style.edge == INK else 1
    yield path(
        f"M{x:.0f},{y:.0f}{style.frame}", stroke=style.edge, line=1.6, opacity=faint,
        fill=style.edge, tint=style.tint,
    )  # fmt: skip
    if style.sign:
        yield path(f"M{x:.0f},{y:.0f}{style.sign}", stroke=style.edge, line=3)
