"""Matrices in blocks: which device of a mesh holds which, which one a Pallas kernel works on."""

import collections
import functools
import itertools
import math

from labkit.draw.labels import text_width
from labkit.draw.marks import BLUE, GRID, MUTED, ORANGE, SKY
from labkit.draw.sheet import sheet, text
from labkit.tpu.pallas import n_fetches

_SIDE, _GAP, _MARGIN, _TOP = 190, 46, 16, 76  # pixels; the longest side of a matrix is _SIDE
_LEAST = 34  # and no side is shorter
_MIN_W = 560
_text = functools.partial(text, size=12)
# Tints of the devices, so that the same device can be found in all matrices.
_TINTS = ("#cfe3f3", "#fbe3b5", "#cdebdd", "#f3d5e5", "#e4e0f5", "#f9d9c6", "#e3e3e3", "#f6f1b8")


def shards(matrices, words=""):
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
            parts += _block(box, _ids(devices), _TINTS[devices[0] % len(_TINTS)])
        x += max(width, text_width(_copies(held), 12), text_width(_title(name, shape), 14)) + _GAP
    head = words or "Which device holds which block"
    parts.append(_text(_MARGIN, 24, head, size=15, bold=True))
    height = _TOP + max(_sides(shape, scale)[1] for shape, _ in matrices.values()) + 40
    parts.append(_text(_MARGIN, height - 12, "numbers: devices that hold the block", fill=MUTED))
    width = max(x, text_width(head, 15) + 2 * _MARGIN, _MIN_W)
    return sheet(width, height, parts, f"{head}. {'; '.join(told)}")


def held_by(sharding, shape):
    """Block (top, bottom, left, right) -> the sorted numbers of the devices that hold it."""
    held = collections.defaultdict(list)
    for device, (rows, columns) in sharding.devices_indices_map(shape).items():
        top, bottom, _ = rows.indices(shape[0])
        left, right, _ = columns.indices(shape[1])
        held[top, bottom, left, right].append(device.id)
    return {block: sorted(devices) for block, devices in sorted(held.items())}


def block_frames(grid, inputs, output):
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


def _step(grid, places, n, inputs, out_name, matrices):
    scale = _SIDE / max(max(shape) for shape, _, _ in matrices.values())
    at = {name: [maps(*place) for place in places] for name, (_, _, maps) in matrices.items()}
    fetched = [name for name in inputs if n == 0 or at[name][n] != at[name][n - 1]]
    so_far = {name: _changes(at[name][: n + 1]) for name in inputs}
    is_written = n + 1 == len(places) or at[out_name][n + 1] != at[out_name][n]
    news = f"fetch {' and '.join(fetched)}" if fetched else "fetch nothing"
    news += f", write {out_name} back" * is_written
    head = f"Step {n + 1} of {len(places)}, grid {_tuple(places[n])}: {news}"
    parts, x = [_text(_MARGIN, 24, head, size=15, bold=True)], _MARGIN
    for name, (shape, block, _) in matrices.items():
        done = set(at[out_name][:n]) - {at[name][n]} if name == out_name else set()
        color = BLUE if name in fetched else ORANGE if name == out_name else SKY
        note = f"{so_far[name]} fetched so far" if name in inputs else f"{len(done)} done"
        parts += _heading(x, name, shape, note)
        parts += _cells(x, shape, block, scale, at[name][n], color, done)
        x += max(_sides(shape, scale)[0], text_width(note, 12)) + _GAP
    height = _TOP + max(_sides(shape, scale)[1] for shape, _, _ in matrices.values()) + 40
    key = (
        "blue: fetched in this step; light blue: still in VMEM; orange: sums being made; grey: done"
    )
    parts.append(_text(_MARGIN, height - 12, key, fill=MUTED))
    width = max(x, text_width(key, 12) + 2 * _MARGIN)
    total = ", ".join(f"{n_fetches(grid, inputs[name][2])} of {name}" for name in inputs)
    return sheet(width, height, parts, f"{head}. In the whole grid: {total}")


def _changes(blocks):
    return sum(block != before for before, block in zip([None, *blocks], blocks, strict=False))


def _cells(x, shape, block, scale, now, color, done):
    width, height = _sides(shape, scale)
    rows, columns = (math.ceil(side / cut) for side, cut in zip(shape, block, strict=True))
    for row, column in itertools.product(range(rows), range(columns)):
        fill = color if (row, column) == now else "#bbbbbb" if (row, column) in done else "#ffffff"
        box = (x + column * width / columns, _TOP + row * height / rows)
        yield from _block((*box, width / columns, height / rows), "", fill)


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


def _tuple(values):
    return f"({', '.join(map(str, values))})"


def _heading(x, name, shape, note):
    yield _text(x, _TOP - 26, _title(name, shape), size=14, bold=True)
    yield _text(x, _TOP - 9, note, fill=MUTED)


def _block(box, words, fill):
    x, y, width, height = box
    yield (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}" '
        f'stroke="{MUTED if words else GRID}" stroke-width="1"/>'
    )
    if words:
        size = min(13, 13 * (width - 4) / text_width(words, 13), height - 2)
        yield _text(x + width / 2, y + height / 2 + size / 3, words, "middle", size=size)
