"""Who holds what when a warp multiplies matrices: the fragments of one lane, or of one after the
other.

The matrices stand as on paper: B above the result, A to its left. A number in a cell is the lane
that holds it; the cells of one lane are filled, and named as its instruction names them.
"""

from labkit.draw.labels import wrapped
from labkit.draw.marks import BLUE, GREEN, ORANGE
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import GRID, SMALL, path, rect, text
from labkit.simt import MmaShape, mma_shape
from labkit.simt.limits import WARP_SIZE

_CELL_W, _CELL_H, _GAP, _HEAD, _EDGE = 26, 19, 50, 42, 22  # pixels; the edge has row numbers
_LEAST_LEFT, _LEAST_TOP = 330, 200  # for the words above A
_COLORS = {"a": (BLUE, "#ffffff"), "b": (ORANGE, "#000000"), "c": (GREEN, "#000000")}


def fragments(shape: str = "m16n8k16", lane: int = 0) -> Picture:
    """Draw which elements of A, B and C a lane holds in a matrix instruction.

    shape   as `labkit.mma_shape` knows it, such as `m16n8k16` or `m16n8k8.tf32`
    lane    0 to 31

    Raises ValueError for another shape or lane.
    """
    known = mma_shape(shape)
    if isinstance(lane, bool) or not isinstance(lane, int) or not 0 <= lane < WARP_SIZE:
        raise ValueError(f"A warp has the lanes 0 to {WARP_SIZE - 1}, got {lane!r}.")
    left = _EDGE + max(known.k * _CELL_W, _LEAST_LEFT) + _GAP
    top = max(_HEAD + known.k * _CELL_H, _LEAST_TOP) + _GAP
    corners = {"a": (left - _GAP - known.k * _CELL_W, top)}
    corners["b"] = left, top - _GAP - known.k * _CELL_H
    corners["c"] = left, top
    parts = list(_words(known, lane, left - _GAP))
    for matrix, corner in corners.items():
        parts += _matrix(known, matrix, lane, *corner)
    width, height = left + known.n * _CELL_W + 12, top + known.m * _CELL_H + 12
    return sheet(width, height, parts, _described(known, lane))


def fragment_frames(shape: str = "m16n8k16") -> list[Picture]:
    """`fragments` of every lane, 0 to 31, for a Player."""
    return [fragments(shape, lane) for lane in range(WARP_SIZE)]


def _words(shape: MmaShape, lane, width):
    yield text(12, 26, f"{shape.name}, lane {lane}", size=15, bold=True)
    said = [
        f"lane {lane} = 4 × {lane // 4} + {lane % 4}: group {lane // 4}, member {lane % 4}",
        f"{shape.m} × {shape.n} × {shape.k}: {shape.flop:,} operations by one instruction",
    ]
    for matrix in "abc":
        places = [shape.element(matrix, lane, i) for i in range(shape.lengths[matrix])]
        listed = " ".join(f"{matrix}{i}({r},{c})" for i, (r, c) in enumerate(places))
        said.append(f"of {matrix.upper()}, as (row,column): {listed}")
    y = 52
    for words in said:
        for line in wrapped(words, width - 24, SMALL):
            yield text(12, y, line, size=SMALL)
            y += 18
        y += 4


def _matrix(shape, matrix, lane, x, y):
    """The grid of a matrix, the lane of each of its elements, and the lane's own cells."""
    rows, columns = shape.size(matrix)
    name = {"a": "A", "b": "B", "c": "C, D"}[matrix]
    yield text(x, y - 23, f"{name} {rows} × {columns}", bold=True)
    across = "".join(f"M{x} {y + row * _CELL_H}h{columns * _CELL_W}" for row in range(rows + 1))
    down = "".join(f"M{x + column * _CELL_W} {y}v{rows * _CELL_H}" for column in range(columns + 1))
    yield path(across + down, opacity=GRID)
    for row in range(0, rows, 4):
        yield text(x - 5, y + row * _CELL_H + 14, row, "end", size=SMALL, muted=True)
    for column in range(0, columns, 4):
        middle = x + (column + 0.5) * _CELL_W
        yield text(middle, y - 5, column, "middle", size=SMALL, muted=True)
    color, ink = _COLORS[matrix]
    for holder in range(WARP_SIZE):
        for i in range(shape.lengths[matrix]):
            row, column = shape.element(matrix, holder, i)
            at_x, at_y = x + column * _CELL_W, y + row * _CELL_H
            if holder == lane:
                yield rect(at_x + 1, at_y + 1, _CELL_W - 2, _CELL_H - 2, fill=color)
            label = f"{matrix}{i}" if holder == lane else holder
            how = {"fill": ink, "bold": True} if holder == lane else {"muted": True}
            yield text(at_x + _CELL_W / 2, at_y + 14, label, "middle", size=SMALL, **how)


def _described(shape, lane):
    held = []
    for matrix in "abc":
        places = [shape.element(matrix, lane, i) for i in range(shape.lengths[matrix])]
        held.append(f"{matrix.upper()} {' '.join(f'({r},{c})' for r, c in places)}")
    return f"{shape.name}: lane {lane} holds of {'; of '.join(held)}"
