"""A launch over an array or a table: who works on which element, and what nobody works on."""

import itertools
import math

from labkit.draw.labels import text_width
from labkit.draw.marks import BLUE, ORANGE
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import INK, SMALL, path, rect, text
from labkit.units import counted

_PER_ROW, _CELL_W, _CELL_H, _LEFT, _TOP = 16, 40, 27, 84, 44  # cells, then pixels
_MOST = 96  # left-out elements that are drawn one by one
_ON = {BLUE: "#ffffff", ORANGE: "#000000"}  # text that can be read on a colour
_BOX, _SIDE = 15, 16  # of a table: pixels from one element to the next, threads along a block
_TABLE_TOP, _MIN_W = 64, 640


def launch(n: int, blocks: int, threads: int) -> Picture:
    """Draw `blocks` blocks of `threads` threads, at most 32 each, over an array of `n` elements.

    A box for each thread, with its `blockIdx.x * blockDim.x + threadIdx.x`; below them a dashed box
    for each element that has no thread.
    """
    idle = blocks * threads - n
    one = abs(idle) == 1
    end = f"{idle} {'has' if one else 'have'} none" if idle else "all fit"
    if idle < 0:
        end = f"{-idle} {'is' if one else 'are'} left out"
    n_threads, n_elements = counted(blocks * threads, "thread"), counted(n, "element")
    words = f"{blocks} × {threads} = {n_threads} for {n_elements}: {end}"
    parts, y = [text(12, 26, words, size=15, bold=True)], _TOP
    for block in range(blocks):
        parts.append(text(12, y + 18, f"block {block}"))
        first = block * threads
        cells = [(i, BLUE if i < n else ORANGE) for i in range(first, first + threads)]
        y = _draw(cells, y, parts) + 6
    left_out = range(blocks * threads, n)
    if left_out:
        parts.append(text(12, y + 18, "left out"))
        y = _draw([(i, "") for i in left_out[:_MOST]], y, parts) + 6
    if len(left_out) > _MOST:
        parts.append(text(_LEFT, y + 14, f"and {len(left_out) - _MOST} more"))
        y += 22
    key = ["blue: thread i works on element i"]
    key += ["orange: no such element, so the guard must stop it"] * (idle > 0)
    key += ["dashed: an element that no thread works on"] * bool(left_out)
    parts.append(text(12, y + 18, "; ".join(key), size=SMALL, muted=True))
    return sheet(_LEFT + _PER_ROW * _CELL_W + 12, y + 30, parts, words)


def _draw(cells, y, parts):
    """Add numbered boxes, in rows; returns where the next row begins."""
    for n, (i, color) in enumerate(cells):
        x, at = _LEFT + n % _PER_ROW * _CELL_W, y + n // _PER_ROW * _CELL_H
        frame = {"stroke": INK, "dash": True, "stroke_opacity": 0.7} if not color else {}
        parts.append(rect(x, at, _CELL_W - 2, _CELL_H - 2, fill=color or "none", **frame))
        parts.append(
            text(x + _CELL_W / 2 - 1, at + 17, i, "middle", size=SMALL, fill=_ON.get(color, INK))
        )
    return y + -(-len(cells) // _PER_ROW) * _CELL_H


def launch_2d(rows: int, columns: int, *, is_swapped: bool = False) -> Picture:
    """Draw blocks of 16 by 16 threads, enough of them, over a table of `rows` by `columns`.

    is_swapped   the kernel takes x for the row, so that the grid lies across the table

    A box for each element and for each thread without one; a frame for each block.
    """
    grid = math.ceil(columns / _SIDE), math.ceil(rows / _SIDE)
    down, right = (n * _SIDE for n in (grid if is_swapped else grid[::-1]))  # threads, as they lie
    height, width = max(rows, down), max(columns, right)
    boxes = {BLUE: [], ORANGE: [], "none": []}
    for place in itertools.product(range(height), range(width)):
        is_element = place[0] < rows and place[1] < columns
        is_thread = place[0] < down and place[1] < right
        if is_element or is_thread:
            color = "none" if not is_thread else BLUE if is_element else ORANGE
            boxes[color].append(place)
    n_idle, n_left_out = len(boxes[ORANGE]), len(boxes["none"])
    words = f"[({grid[0]}, {grid[1]}), ({_SIDE}, {_SIDE})] for {rows} × {columns} elements: "
    words += f"{n_left_out} left out" if n_left_out else "all fit"
    key = "blue: an element and its thread"
    key += "; orange: a thread without an element" * bool(n_idle)
    key += "; dashed: an element that no thread works on" * bool(n_left_out)
    parts = [
        text(12, 26, words, size=15, bold=True),
        _boxes(boxes[BLUE], fill=BLUE),
        _boxes(boxes[ORANGE], fill=ORANGE, tint=0.3),
        _boxes(boxes["none"], stroke=INK, dash="3 2", opacity=0.9),
        *_frames(down, right, is_swapped),
        text(12, _TABLE_TOP - 8, "column", size=SMALL, muted=True),
        text(12, _TABLE_TOP + 12, "row", size=SMALL, muted=True),
        *(
            text(_LEFT + column * _BOX, _TABLE_TOP - 8, column, size=SMALL, muted=True)
            for column in range(0, width, 8)
        ),
        *(
            text(_LEFT - 8, _TABLE_TOP + row * _BOX + 12, row, "end", size=SMALL, muted=True)
            for row in range(0, height, 8)
        ),
        text(12, _TABLE_TOP + height * _BOX + 22, key, size=SMALL, muted=True),
    ]
    wide = max(_LEFT + width * _BOX, 12 + text_width(key, SMALL), _MIN_W) + 12
    return sheet(wide, _TABLE_TOP + height * _BOX + 36, parts, words)


def _boxes(places, stroke="none", **how):
    """The boxes of a table at (row, column), as one path."""
    size = _BOX - 2
    d = "".join(
        f"M{_LEFT + column * _BOX} {_TABLE_TOP + row * _BOX}h{size}v{size}h-{size}z"
        for row, column in places
    )
    return path(d, stroke=stroke, **how)


def _frames(down, right, is_swapped):
    """A frame with its name around each block of a grid that covers `down` by `right` boxes."""
    side = _SIDE * _BOX - 1
    for row, column in itertools.product(range(0, down, _SIDE), range(0, right, _SIDE)):
        x, y = _LEFT + column * _BOX, _TABLE_TOP + row * _BOX
        yield rect(x - 1, y - 1, side, side, stroke=INK, line=1.5)
        block = (row, column) if is_swapped else (column, row)
        name = f"block ({block[0] // _SIDE}, {block[1] // _SIDE})"
        yield text(x + side / 2, y + side - 8, name, "middle", size=SMALL, bold=True)
