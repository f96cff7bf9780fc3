"""A launch over an array: which thread works on which element, and what nobody works on."""

from labkit.draw.marks import BLUE, ORANGE
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import INK, SMALL, rect, text

_PER_ROW, _CELL_W, _CELL_H, _LEFT, _TOP = 16, 40, 27, 84, 44  # cells, then pixels
_MOST = 96  # left-out elements that are drawn one by one
_ON = {BLUE: "#ffffff", ORANGE: "#000000"}  # text that can be read on a colour


def launch(n: int, blocks: int, threads: int) -> Picture:
    """Draw `blocks` blocks of `threads` threads, at most 32 each, over an array of `n` elements.

    A box for each thread, with its `blockIdx.x * blockDim.x + threadIdx.x`; below them a dashed box
    for each element that has no thread.
    """
    idle = blocks * threads - n
    end = "all fit" if idle == 0 else f"{idle} have none" if idle > 0 else f"{-idle} are left out"
    words = f"{blocks} × {threads} = {blocks * threads} threads for {n} elements: {end}"
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
