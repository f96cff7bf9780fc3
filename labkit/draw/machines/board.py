"""What drawings of machines are made of: boxes that can be highlighted, and a table of levels."""

import dataclasses

from labkit.draw.labels import wrapped
from labkit.draw.marks import MAGENTA
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import INK, SMALL, TEXT, path, rect, text
from labkit.hardware import Chip
from labkit.units import binary, si

WIDTH, LEFT = 780, 12  # pixels
BODY = 440  # the width of the drawn machine; the table stands on its right
_COLUMNS = {"size": LEFT + BODY + 24, "bandwidth": LEFT + BODY + 148, "latency": LEFT + BODY + 240}
_TINT, _LIT = 0.06, 0.28  # of a part, and of the highlighted one
UNKNOWN = "unknown"
_ALSO_CALLED = {"hbm": "memory", "dram": "memory"}
_DOUBTFUL = ("EST", "C", "U")  # marks of figures that are estimates, disputed or unverified


@dataclasses.dataclass(frozen=True)
class Level:
    """A part of a machine as a row of the table: its size, bandwidth and latency, in words."""

    part: str
    name: str
    size: str = UNKNOWN
    bandwidth: str = UNKNOWN
    latency: str = UNKNOWN

    @property
    def told(self) -> dict[str, str]:
        """What is said in each column."""
        return {"size": self.size, "bandwidth": self.bandwidth, "latency": self.latency}

    @property
    def words(self) -> str:
        """The row as a sentence of an alt text."""
        columns = self.told.items()
        return f"{self.name}: " + ", ".join(f"{what} {said}" for what, said in columns if said)


class Board:
    """A drawing that grows: boxes and rows of the table, one part of it highlighted.

    parts   name of a part -> what it is called in the drawing

    Raises ValueError for a `highlight` that is none of the parts, and lists them.
    """

    def __init__(self, chip: Chip, parts: dict[str, str], highlight: str | None):
        self.chip, self.elements, self.levels = chip, [], []
        self.lit = _ALSO_CALLED.get(name := _name(highlight), name)
        self.called, self.doubtful = parts, False
        self.sources = {"published": {}, "modelled": {}}  # origin -> its sources, in order
        if self.lit and self.lit not in parts:
            raise ValueError(
                f"This drawing of {chip.id} has no part {highlight!r}. Its parts: "
                f"{', '.join(parts)}."
            )

    def figure(self, field: str) -> str:
        """A figure of the chip in words; its source is named below the drawing.

        An estimate or an unverified figure gets a star.
        """
        figure = self.chip.figures.get(field)
        if figure is None or figure.value is None:
            return UNKNOWN
        doubtful = is_doubtful(self.chip, field)
        self.doubtful |= doubtful
        if not doubtful:
            self.sources["modelled" if figure.verification == "D" else "published"].setdefault(
                figure.short_source
            )
        if not figure.unit:
            words = str(figure.value)
        else:
            in_binary = figure.unit in ("KiB", "MiB", "GiB")
            words = binary(figure.value) if in_binary else si(figure.value, figure.unit)
        return words + "*" * doubtful

    def box(
        self, x: float, y: float, width: float, height: float, words: str = "", part: str = "",
        *, below: str = "", top: bool = False, dash: bool = False,
    ) -> None:  # fmt: skip
        """A part with its name in the middle, or at its `top`; `below` says more under the name."""
        lit = bool(part) and part == self.lit
        self.elements.append(
            rect(
                x, y, width, height, fill=MAGENTA if lit else INK, tint=_LIT if lit else _TINT,
                stroke=MAGENTA if lit else INK, line=3 if lit else 1, radius=4, dash=dash,
                stroke_opacity=1 if lit else 0.7,
            )
        )  # fmt: skip
        lines = wrapped(words, width - 8, TEXT) if words else []
        more = wrapped(below, width - 8, SMALL) if below else []
        first = y + 18 if top else y + height / 2 + 5 - 8.5 * (len(lines) + len(more) - 1)
        for row, line in enumerate([*lines, *more]):
            self.elements.append(
                text(
                    x + width / 2, first + 17 * row, line, "middle",
                    size=TEXT if row < len(lines) else SMALL, bold=lit and row < len(lines),
                    muted=row >= len(lines),
                )
            )  # fmt: skip

    def line(self, d: str, part: str = "", *, line: float = 1.5, dash: str = "") -> None:
        """A connection along a path."""
        lit = bool(part) and part == self.lit
        stroke = {"stroke": MAGENTA, "line": line + 2} if lit else {"line": line, "opacity": 0.7}
        self.elements.append(path(d, dash=dash, **stroke))

    def write(self, x: float, y: float, words: str, anchor: str = "start", **style) -> None:
        """Words beside the parts."""
        self.elements.append(text(x, y, words, anchor, **{"size": SMALL, **style}))

    def level(self, y: float, level: Level) -> None:
        """A row of the table at the height of its part.

        A row, or a column, of which nothing is known is told by the alt text alone.
        """
        self.levels.append(level)
        self.elements.append((y, level))

    def _row(self, y, level, columns):
        """A Level as elements: a thin line to its part, and what is said in each of the columns."""
        if not any(map(_known, level.told.values())):
            return
        yield path(f"M{LEFT + BODY + 3},{y:.1f}H{_COLUMNS['size'] - 6}", opacity=0.5)
        for column in columns:
            said, lit = level.told[column], level.part == self.lit
            yield text(_COLUMNS[column], y + 5, said or "–", bold=lit, muted=not _known(said))

    def picture(self, title: str, height: float, notes: tuple[str, ...] = ()) -> Picture:
        """The Picture, with the sources of its figures below and all of them in its alt text."""
        parts = [text(LEFT, 26, title, size=17, bold=True)]
        columns = [
            column
            for column in _COLUMNS
            if any(_known(level.told[column]) for level in self.levels)
        ]
        parts += [text(_COLUMNS[column], 54, column, size=SMALL, muted=True) for column in columns]
        said = list(notes)
        said += [f"[{origin}] {'; '.join(some)}." for origin, some in self.sources.items() if some]
        if self.doubtful or any("*" in words for words in notes):
            said.append("* an estimate, or not verified.")
        for words in said:
            for line in wrapped(words, WIDTH - 2 * LEFT, SMALL):
                height += 18
                parts.append(text(LEFT, height, line, size=SMALL, muted=True))
        alt = f"{title}. " + "; ".join(level.words for level in self.levels)
        alt += f". Highlighted: {self.called[self.lit]}" if self.lit else ""
        for element in self.elements:
            parts += self._row(*element, columns) if isinstance(element, tuple) else [element]
        return sheet(WIDTH, height + 14, parts, alt)


def is_doubtful(chip: Chip, field: str) -> bool:
    """Whether a figure of the chip is an estimate, disputed or unverified: it gets a star."""
    return chip.figures[field].verification in _DOUBTFUL


def _known(words):
    return words not in ("", UNKNOWN)


def _name(highlight):
    return str(highlight or "").strip().lower().replace(" ", "_")
