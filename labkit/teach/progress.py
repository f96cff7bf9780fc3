"""`progress`: what is done over all lessons, as text and as a picture."""

import collections
import dataclasses
import html

from labkit.draw import Picture
from labkit.draw.marks import GREEN, GRID, INK, MUTED, ORANGE, SKY
from labkit.teach import store
from labkit.teach.registry import exercises

_CELL, _GAP, _LABEL, _TOP, _FOOT = 58, 8, 86, 34, 24  # pixels
_KEY = "tick: passed · bar: again · empty: to do · diamond: predicted"


@dataclasses.dataclass(frozen=True)
class _Style:
    """How a cell looks: no two states differ by colour alone."""

    frame: str  # an SVG path around the centre of the sign
    fill: str
    edge: str
    sign: str
    pen: str = "none"
    ink: str = MUTED


_SQUARE = "m-28,-20h56v56h-56z"
_STYLES = {
    "pass": _Style(_SQUARE, GREEN, GREEN, "m-10,0l7,7l13,-14", "#ffffff", "#ffffff"),
    "again": _Style(_SQUARE, "#ffffff", ORANGE, "m-9,0h18", ORANGE),
    "todo": _Style(_SQUARE, "#ffffff", GRID, ""),
    "predicted": _Style("m0,-14l14,14l-14,14l-14,-14z", SKY, INK, ""),
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
        return Picture(_svg(self.rows, self.summary), self.summary)


def progress():
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


def _svg(rows, title):
    n_columns = max((len(row.cells) + len(row.predictions) for row in rows), default=0)
    width = max(_LABEL + n_columns * (_CELL + _GAP), 420)
    height = _TOP + len(rows) * (_CELL + _GAP) + _FOOT
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" font-family="sans-serif" font-size="13" fill="{INK}">',
        f"<title>{html.escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="8" y="20" font-weight="bold">{html.escape(title)}</text>',
        *(line for n, row in enumerate(rows) for line in _row(row, _TOP + n * (_CELL + _GAP))),
        f'<text x="8" y="{height - 8}" fill="{MUTED}">{_KEY}</text>',
        "</svg>",
    ])  # fmt: skip


def _row(row, top):
    yield f'<text x="8" y="{top + _CELL // 2 + 5}">lesson {html.escape(row.lesson)}</text>'
    named = [*row.cells, *((name, "predicted") for name in row.predictions)]
    for n, (name, state) in enumerate(named):
        yield _cell(_LABEL + n * (_CELL + _GAP), top, name, _STYLES[state])


def _cell(left, top, name, style):
    x, y = left + _CELL // 2, top + 21
    return (
        f'<path d="M{x},{y}{style.frame}" fill="{style.fill}" stroke="{style.edge}" '
        f'stroke-width="2" stroke-linejoin="round"/>'
        f'<path d="M{x},{y}{style.sign}" fill="none" stroke="{style.pen}" stroke-width="4" '
        f'stroke-linecap="round"/>'
        f'<text x="{x}" y="{top + _CELL - 9}" text-anchor="middle" fill="{style.ink}">'
        f"{html.escape(name)}</text>"
    )
