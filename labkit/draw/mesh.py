"""Matrices in blocks: which device of a mesh holds which, which one a Pallas kernel works on."""

import collections
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labkit.draw.labels import text_width, wrapped
from labkit.draw.marks import BLUE, BROWN, GREEN, LAVENDER, MAGENTA, ORANGE, SKY, VERMILLION
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import INK, SMALL, rect, text
from labkit.tpu.pallas import n_fetches

_SIDE, _GAP, _MARGIN, _TOP = 190, 46, 16, 76  # pixels; the longest side of a matrix is _SIDE
_LEAST = 34  # and no side is shorter
_MIN_W = 640
# Colours of the devices, as tints, so that the same device can be found in all matrices.
_DEVICES = (BLUE, ORANGE, GREEN, MAGENTA, LAVENDER, VERMILLION, BROWN, SKY)
_TINT, _DONE = 0.35, 0.25  # of a device's block, and of the ink where a block is done

Shape = tuple[int, int]
IndexMap = Callable[..., tuple[int, int]]


def shards(matrices: Mapping[str, tuple[Shape, Any]], words: str = "") -> Picture:
    """Draw which devices hold which block of matrices that are spread over a mesh: a Picture.

    matrices  name -> (shape, sharding), with two sides each and a sharding as JAX has them
    words     a line above, such as the collectives that the sharding causes

    A block that stands on several devices carries all their numbers. Raises ValueError for no
    matrix, and for one that is not two-dimensional.
    """
    _refuse({name: shape for name, (shape, _) in matrices.items()})
    scale = _SIDE / max(max(shape) for shape, _ in matrices.values())
    parts, x, told = [], _MARGIN, []
    for name, (shape, sharding) in matrices.items():
        held = held_by(sharding, shape)
        told.append(f"{name}: {_copies(held)}")
        width, height = _sides(shape, scale)
        parts += _heading(x, name, shape, _copies(held))
        for (top, bottom, left, right), devices in held.items():
            box = (
                x + left / shape[1] * width, _TOP + top / shape[0] * height,
                (right - left) / shape[1] * width, (bottom - top) / shape[0] * height,
            )  # fmt: skip
            parts += _block(box, _ids(devices), _DEVICES[devices[0] % len(_DEVICES)], _TINT)
        x += (
            max(width, text_width(_copies(held), SMALL), text_width(_title(name, shape), 15)) + _GAP
        )
    head = words or "Which device holds which block"
    parts.append(text(_MARGIN, 26, head, size=16, bold=True))
    height = _TOP + max(_sides(shape, scale)[1] for shape, _ in matrices.values()) + 40
    parts.append(
        text(_MARGIN, height - 12, "numbers: devices that hold the block", size=SMALL, muted=True)
    )
    width = max(x, 1.08 * text_width(head, 16) + 2 * _MARGIN, _MIN_W)
    return sheet(width, height, parts, f"{head}. {'; '.join(told)}")


def held_by(sharding: Any, shape: Shape) -> dict[tuple[int, int, int, int], list[int]]:
    """Block (top, bottom, left, right) -> the sorted numbers of the devices that hold it."""
    held = collections.defaultdict(list)
    for device, (rows, columns) in sharding.devices_indices_map(shape).items():
        top, bottom, _ = rows.indices(shape[0])
        left, right, _ = columns.indices(shape[1])
        held[top, bottom, left, right].append(device.id)
    return {block: sorted(devices) for block, devices in sorted(held.items())}


def block_frames(
    grid: Sequence[int], inputs: Mapping[str, tuple[Shape, Shape, IndexMap]],
    output: tuple[str, Shape, Shape, IndexMap],
) -> list[Picture]:  # fmt: skip
    """Draw a Pallas grid step by step, the blocks that are in VMEM: a list of Pictures.

    grid    steps along each axis; the last axis runs fastest
    inputs  name -> (shape, block shape, index map), as a BlockSpec has them
    output  the same for the result: (name, shape, block shape, index map)

    An input's block is fetched when it is another one than in the step before; the output's is
    written back when the next step has another one. Raises ValueError for a block that does not
    divide its matrix, or that the index map places outside.
    """
    out_name, *out = output
    matrices = {**inputs, out_name: tuple(out)}
    _refuse({name: shape for name, (shape, _, _) in matrices.items()})
    places = list(itertools.product(*map(range, grid)))
    for name, (shape, block, index_map) in matrices.items():
        _refuse_blocks(name, shape, block, {index_map(*place) for place in places})
    return [_step(grid, places, n, inputs, out_name, matrices) for n in range(len(places))]


_KEY = (
    "blue: fetched in this step; light blue: still in fast memory (VMEM); orange: sums being made; "
    "grey: done; empty: only in the large memory (HBM)"
)


def _step(grid, places, n, inputs, out_name, matrices):
    scale = _SIDE / max(max(shape) for shape, _, _ in matrices.values())
    at = {name: [maps(*place) for place in places] for name, (_, _, maps) in matrices.items()}
    fetched = [name for name in inputs if n == 0 or at[name][n] != at[name][n - 1]]
    so_far = {name: _changes(at[name][: n + 1]) for name in inputs}
    is_written = n + 1 == len(places) or at[out_name][n + 1] != at[out_name][n]
    news = f"fetch {' and '.join(fetched)}" if fetched else "fetch nothing"
    news += f", write {out_name} back" * is_written
    head = f"Step {n + 1} of {len(places)}, grid {_tuple(places[n])}: {news}"
    parts, x = [text(_MARGIN, 26, head, size=16, bold=True)], _MARGIN
    for name, (shape, block, _) in matrices.items():
        done = set(at[out_name][:n]) - {at[name][n]} if name == out_name else set()
        color = BLUE if name in fetched else ORANGE if name == out_name else SKY
        note = f"{so_far[name]} fetched so far" if name in inputs else f"{len(done)} done"
        parts += _heading(x, name, shape, note)
        parts += _cells(x, shape, block, scale, at[name][n], color, done)
        x += max(_sides(shape, scale)[0], text_width(note, SMALL)) + _GAP
    height = _TOP + max(_sides(shape, scale)[1] for shape, _, _ in matrices.values()) + 62
    for row, line in enumerate(wrapped(_KEY, max(x, _MIN_W) - 2 * _MARGIN, SMALL)):
        parts.append(text(_MARGIN, height - 30 + 18 * row, line, size=SMALL, muted=True))
    width = max(x, _MIN_W, 1.08 * text_width(head, 16) + 2 * _MARGIN)
    total = ", ".join(f"{n_fetches(grid, inputs[name][2])} of {name}" for name in inputs)
    return sheet(width, height, parts, f"{head}. In the whole grid: {total}")


def _changes(blocks):
    return sum(block != before for before, block in zip([None, *blocks], blocks, strict=False))


def _cells(x, shape, block, scale, now, color, done):
    width, height = _sides(shape, scale)
    rows, columns = (math.ceil(side / cut) for side, cut in zip(shape, block, strict=True))
    for row, column in itertools.product(range(rows), range(columns)):
        at = row, column
        fill, tint = (color, 1) if at == now else (INK, _DONE) if at in done else ("none", 1)
        box = (x + column * width / columns, _TOP + row * height / rows)
        yield from _block((*box, width / columns, height / rows), "", fill, tint)


def _refuse(shapes):
    if not shapes:
        raise ValueError("There is nothing to draw: give at least one matrix.")
    for name, shape in shapes.items():
        if len(shape) != 2:
            raise ValueError(f"{name} has the shape {tuple(shape)}: only matrices can be drawn.")


def _refuse_blocks(name, shape, block, used):
    if len(block) != 2 or any(side % cut for side, cut in zip(shape, block, strict=False)):
        raise ValueError(
            f"Blocks of {_tuple(block)} do not divide {name}, which is {_tuple(shape)}: choose "
            f"sides that do."
        )
    n_blocks = [side // cut for side, cut in zip(shape, block, strict=True)]
    for index in used:
        if not all(0 <= i < n for i, n in zip(index, n_blocks, strict=True)):
            raise ValueError(
                f"The index map of {name} gives block {_tuple(index)}, but there are only "
                f"{n_blocks[0]} × {n_blocks[1]} blocks."
            )


def _copies(held):
    n_blocks, n_copies = len(held), len(next(iter(held.values())))
    blocks = f"{n_blocks} block{'s' * (n_blocks > 1)}"
    return f"{blocks}, each on {n_copies} device{'s' * (n_copies > 1)}"


def _ids(devices):
    """Device numbers in short: `0 2 4`, or `0-7` for a run."""
    if len(devices) > 2 and devices == list(range(devices[0], devices[-1] + 1)):
        return f"{devices[0]}–{devices[-1]}"
    return " ".join(map(str, devices))


def _sides(shape, scale):
    """Width and height in pixels."""
    return max(shape[1] * scale, _LEAST), max(shape[0] * scale, _LEAST)


def _title(name, shape):
    return f"{name}  {shape[0]} × {shape[1]}"


def _heading(x, name, shape, note):
    yield text(x, _TOP - 26, _title(name, shape), size=15, bold=True)
    yield text(x, _TOP - 8, note, size=SMALL, muted=True)


def _tuple(values):
    return f"({', '.join(map(str, values))})"


def _block(box, words, fill, tint):
    x, y, width, height = box
    yield rect(x, y, width, height, fill=fill, tint=tint, stroke=INK, stroke_opacity=0.5)
    if words and height >= SMALL:
        lines = wrapped(words, width - 6, SMALL)
        room = max(int(height // 16), 1)
        lines = lines if len(lines) <= room else [*lines[: room - 1], "…"]
        for n, line in enumerate(lines):
            at = y + height / 2 + 5 + (n - (len(lines) - 1) / 2) * 16
            yield text(x + width / 2, at, line, "middle", size=SMALL)
