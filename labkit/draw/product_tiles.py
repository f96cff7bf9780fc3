"""A register tile: which elements one thread of a block makes, and what it loads for one k.

They stand as on paper: a column of A's tile to the left, a row of B's above, the block's tile of C
between them.
"""

from labkit.draw.labels import text_width
from labkit.draw.marks import BLUE, GREEN, ORANGE
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import GRID, SMALL, path, rect, text

_CELL, _GAP, _LEFT, _TOP, _MIN_W = 21, 20, 44, 72, 560  # pixels


def register_tile(
    x: int, y: int, *, threads: int = 4, each: int = 4, side_by_side: bool = False
) -> Picture:
    """Draw the `each` × `each` elements of C that thread (x, y) makes, and what it loads for one k.

    threads        along each side of the block, 2 to 8; x and y are smaller
    each           elements along each side of a thread's tile, 2 to 8
    side_by_side   a thread's rows and columns are neighbours; if not, they lie `threads` apart, and
                   those of neighbouring threads are neighbours

    Raises ValueError for a thread that the block doesn't have.
    """
    if not (0 <= x < threads and 0 <= y < threads):
        raise ValueError(
            f"A block of {threads} × {threads} threads has no thread ({x}, {y}): both numbers "
            f"run from 0 to {threads - 1}."
        )
    rows, columns = (
        [each * own + i if side_by_side else own + threads * i for i in range(each)]
        for own in (y, x)
    )
    n = threads * each
    left, top = _LEFT + _CELL + _GAP, _TOP + _CELL + _GAP
    words = f"thread ({x}, {y}): {each * each} sums, and {each} + {each} numbers to load for one k"
    parts = [
        text(12, 24, words, size=15, bold=True),
        *_cells([(row, 0) for row in rows], _LEFT, top, BLUE),
        *_cells([(0, column) for column in columns], left, _TOP, ORANGE),
        *_cells([(row, column) for row in rows for column in columns], left, top, GREEN),
        _grid(_LEFT, top, n, 1),
        _grid(left, _TOP, 1, n),
        _grid(left, top, n, n),
        text(_LEFT + _CELL / 2, top - 6, "A", "middle", size=SMALL, bold=True),
        text(left - 6, _TOP + 15, "B", "end", size=SMALL, bold=True),
        *(
            text(_LEFT - 6, top + row * _CELL + 15, row, "end", size=SMALL, muted=True)
            for row in rows
        ),
        *(
            text(left + (column + 0.5) * _CELL, _TOP - 6, column, "middle", size=SMALL, muted=True)
            for column in columns
        ),
    ]
    key = "blue: a column of A's tile; orange: a row of B's; green: elements of C"
    bottom = top + n * _CELL
    parts.append(text(12, bottom + 22, key, size=SMALL, muted=True))
    width = max(left + n * _CELL, 12 + text_width(key, SMALL), _MIN_W) + 12
    alt = f"{words}: rows {_listed(rows)}, columns {_listed(columns)}"
    return sheet(width, bottom + 36, parts, alt)


def _cells(places, left, top, color):
    """The filled cells at (row, column) of a grid whose corner is (left, top)."""
    for row, column in places:
        yield rect(left + column * _CELL, top + row * _CELL, _CELL, _CELL, fill=color, tint=0.85)


def _grid(left, top, rows, columns):
    across = "".join(f"M{left} {top + row * _CELL}h{columns * _CELL}" for row in range(rows + 1))
    down = "".join(
        f"M{left + column * _CELL} {top}v{rows * _CELL}" for column in range(columns + 1)
    )
    return path(across + down, opacity=GRID)


def _listed(numbers):
    return " ".join(map(str, numbers))
