"""A matrix product in tiles: what a block fetches, step by step, and what one of its threads makes.

Matrices stand as on paper: A to the left, B above, and C between them.
"""

from labkit.draw.labels import text_width
from labkit.draw.marks import BLUE, GREEN, ORANGE
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import GRID, SMALL, path, rect, text

_CELL, _GAP, _LEFT, _TOP, _MIN_W = 21, 20, 44, 72, 560  # pixels
_TILE, _HEAD, _DONE = 34, 44, 0.35  # pixels of a whole tile, and above; tint of one used before


def tile_frames(n_tiles: int = 4, row: int = 1, column: int = 2) -> list[Picture]:
    """A frame for each step of the block that makes tile (row, column) of C, for a Player.

    n_tiles   along each side of the matrices, 2 to 8; row and column are smaller

    Raises ValueError for a tile that C doesn't have.
    """
    if not (0 <= row < n_tiles and 0 <= column < n_tiles):
        raise ValueError(
            f"C has {n_tiles} × {n_tiles} tiles and no tile ({row}, {column}): both numbers run "
            f"from 0 to {n_tiles - 1}."
        )
    return [_tile_step(n_tiles, row, column, step) for step in range(n_tiles)]


def _tile_step(n, row, column, step):
    side, used = n * _TILE, range(step)
    left, top = _LEFT + side + _GAP, _HEAD + side + _GAP
    a, b, c = (_LEFT, top), (left, _HEAD), (left, top)  # their corners
    words = (
        f"step {step + 1} of {n}: the block fetches tile ({row}, {step}) of A "
        f"and ({step}, {column}) of B"
    )
    parts = [
        text(12, 24, words, size=15, bold=True),
        *_cells([(row, k) for k in used], *a, BLUE, _TILE, _DONE),
        *_cells([(k, column) for k in used], *b, ORANGE, _TILE, _DONE),
        *_cells([(row, step)], *a, BLUE, _TILE),
        *_cells([(step, column)], *b, ORANGE, _TILE),
        *_cells([(row, column)], *c, GREEN, _TILE),
        *(_grid(*corner, n, n, _TILE) for corner in (a, b, c)),
    ]
    for name, corner in (("A", a), ("B", b), ("C", c)):
        parts.append(text(corner[0] - 6, corner[1] + 15, name, "end", size=SMALL, bold=True))
    key = "pale: fetched before. All threads of the block add to their sums in the green tile of C"
    bottom = c[1] + side
    parts.append(text(12, bottom + 24, key, size=SMALL, muted=True))
    width = max(c[0] + side, 12 + text_width(key, SMALL), _MIN_W) + 12
    return sheet(width, bottom + 38, parts, words)


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


def _cells(places, left, top, color, side=_CELL, tint=0.85):
    """The filled cells at (row, column) of a grid whose corner is (left, top)."""
    for row, column in places:
        yield rect(left + column * side, top + row * side, side, side, fill=color, tint=tint)


def _grid(left, top, rows, columns, side=_CELL):
    across = "".join(f"M{left} {top + row * side}h{columns * side}" for row in range(rows + 1))
    down = "".join(f"M{left + column * side} {top}v{rows * side}" for column in range(columns + 1))
    return path(across + down, opacity=GRID)


def _listed(numbers):
    return " ".join(map(str, numbers))
