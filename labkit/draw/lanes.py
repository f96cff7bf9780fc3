"""What the 32 lanes of a warp do: which sectors and banks they touch, and which of them are on.

A panel has a row for each lane. Its columns are the 32-byte sectors that a global access moves, or
the 32 banks of shared memory; the bars below say what each column costs.
"""

import collections
import functools

from labkit.draw.labels import text_width
from labkit.draw.marks import BLUE, GRID, INK, MUTED, ORANGE
from labkit.draw.sheet import sheet, text

WARP_LANES = 32
SECTOR_BYTES = 32
N_BANKS, BANK_BYTES = 32, 4
ALL_ON = (True,) * WARP_LANES

_CELL = 8  # pixels; a panel is a square of 32 cells
_SIDE, _LEFT, _TOP, _BARS_H, _FOOT = 256, 40, 66, 36, 34
_PANEL_W, _PANEL_H = _LEFT + _SIDE + 24, _TOP + _SIDE + 8 + _BARS_H + _FOOT
_WASTE = "#d2d2d2"  # moved, and not asked for
_text = functools.partial(text, size=12)


def accesses(profile, array=None):
    """Draw each access of a profile as its first warp made it: a panel for each load and store.

    array   the name of one array, to see its accesses alone

    Raises LookupError when the profile has no such access.
    """
    samples = [one for one in profile.samples if array in (None, one.array)]
    samples = [one for one in samples if one.space in _PANELS]
    if not samples:
        known = ", ".join(sorted({one.array for one in profile.samples})) or "none"
        raise LookupError(
            f"{profile.kernel} makes no access to {array or 'memory'} that can be drawn; "
            f"its arrays: {known}."
        )
    panels = [
        _PANELS[one.space](
            one.addresses, one.itemsize, one.active, f"line {one.line}: {one.kind} {one.array}"
        )
        for one in samples
    ]
    return _page(panels, profile.kernel)


def pattern(addresses, itemsize=4, title="one warp"):
    """Draw 32 byte addresses twice: as a load from global memory and as one from shared memory."""
    return _page(
        [
            _sector_panel(addresses, itemsize, ALL_ON, "global memory"),
            _bank_panel(addresses, itemsize, ALL_ON, "shared memory"),
        ],
        title,
    )


def sectors_of(addresses, itemsize=4, active=ALL_ON):
    """Lane -> the 32-byte sectors that its item lies in, for the active lanes."""
    return {
        lane: range(at // SECTOR_BYTES, (at + itemsize - 1) // SECTOR_BYTES + 1)
        for lane, at in enumerate(addresses)
        if active[lane]
    }


def passes_of(addresses, itemsize=4, active=ALL_ON):
    """How shared memory serves one access: [(lane, bank, waited)], wavefronts, the fewest possible.

    A bank gives one 4-byte word in a pass, to as many lanes as want that word; the others have
    `waited` so many passes. Items of 8 bytes are served by half-warps, items of 16 bytes by
    quarter-warps, one after the other.
    """
    together = lanes_together(itemsize)
    served, wavefronts, ideal = [], 0, 0
    for first in range(0, WARP_LANES, together):
        lanes = [lane for lane in range(first, first + together) if active[lane]]
        words = collections.defaultdict(list)  # of each bank, in the order of the lanes
        for lane in lanes:
            start, end = addresses[lane], addresses[lane] + itemsize - 1
            for word in range(start // BANK_BYTES, end // BANK_BYTES + 1):
                bank = words[word % N_BANKS]
                if word not in bank:
                    bank.append(word)
                served.append((lane, word % N_BANKS, bank.index(word)))
        wavefronts += max(map(len, words.values()), default=0)
        ideal += bool(lanes)
    return served, wavefronts, ideal


def lanes_together(itemsize):
    """How many lanes shared memory serves at once: as many as fill its 128 bytes."""
    return N_BANKS * BANK_BYTES // max(itemsize, BANK_BYTES)


def _sector_panel(addresses, itemsize, active, title):
    """-> (SVG elements of a panel at the origin, a sentence that says what it shows)."""
    touched = sectors_of(addresses, itemsize, active)
    columns = sorted({sector for sectors in touched.values() for sector in sectors})
    used = {
        at + byte for lane, at in enumerate(addresses) if active[lane] for byte in range(itemsize)
    }
    n_used = collections.Counter(byte // SECTOR_BYTES for byte in used)
    wide = min(_CELL, _SIDE / max(len(columns), 1))
    words = (
        f"{len(columns)} {_plural('sector', columns)}, {len(used)} of "
        f"{SECTOR_BYTES * len(columns)} bytes used"
    )
    parts = list(_frame(title, words, active, "sectors touched, in order of address"))
    for place, sector in enumerate(columns):
        x = _LEFT + place * wide
        parts.append(_box(x, _TOP, wide, _SIDE, GRID))
        lanes = [lane for lane, sectors in touched.items() if sector in sectors]
        parts += [_box(x, _TOP + lane * _CELL, wide, _CELL, BLUE) for lane in lanes]
        parts += _bar(x, wide, [(n_used[sector], BLUE), (SECTOR_BYTES, _WASTE)], SECTOR_BYTES)
    parts += _scale("32 B", "blue: asked for; grey: moved all the same")
    return parts, f"{title}: {words}"


def _bank_panel(addresses, itemsize, active, title):
    served, wavefronts, ideal = passes_of(addresses, itemsize, active)
    words = f"{wavefronts} {_plural('wavefront', range(wavefronts))}"
    words += f", {ideal} would do" if wavefronts > ideal else ", no bank conflict"
    parts = list(_frame(title, words, active, "the 32 banks"))
    passes = collections.defaultdict(set)
    for lane, bank, waited in served:
        x, y = _LEFT + bank * _CELL, _TOP + lane * _CELL
        parts.append(_box(x, y, _CELL, _CELL, ORANGE if waited else BLUE))
        passes[bank].add((lane // lanes_together(itemsize), waited))
    full = max(wavefronts, 4)
    for bank, all_of_it in passes.items():
        at_once = sum(not waited for _, waited in all_of_it)
        ends = [(at_once, BLUE), (len(all_of_it), ORANGE)]
        parts += _bar(_LEFT + bank * _CELL, _CELL, ends, full)
    parts += _scale(full, "wavefronts that a bank works in; orange: lanes that wait")
    return parts, f"{title}: {words}"


_PANELS = {"global": _sector_panel, "shared": _bank_panel}


def _frame(title, words, active, below):
    """What both panels have: titles, lanes, a border, and a grey row for each lane that is off."""
    yield _text(_LEFT, 24, title, size=13, bold=True)
    yield _text(_LEFT, 44, words)
    yield _text(_LEFT - 5, _TOP - 6, "lane", "end", size=10, fill=MUTED)
    yield _text(_LEFT, _TOP - 6, below, size=10, fill=MUTED)
    for lane in range(0, WARP_LANES, 8):
        yield _text(_LEFT - 5, _TOP + lane * _CELL + 8, lane, "end", size=10, fill=MUTED)
        yield _line(_LEFT, _TOP + lane * _CELL, _LEFT + _SIDE)
    for lane in range(WARP_LANES):
        if not active[lane]:
            yield _box(_LEFT - 3, _TOP + lane * _CELL, 3, _CELL, ORANGE)
    yield (
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" '
        f'stroke="{MUTED}" stroke-width="0.8"/>'
    )
    yield _line(_LEFT, _bars_top() + _BARS_H, _LEFT + _SIDE)


def _bars_top():
    return _TOP + _SIDE + 8


def _bar(x, wide, parts, full):
    """A bar under a column: stacked ends [(value, colour)], each from the one before."""
    done = 0
    for value, color in parts:
        if value > done:
            y = _bars_top() + _BARS_H * (1 - value / full)
            yield _box(x, y, wide, _BARS_H * (value - done) / full, color)
            done = value


def _scale(full, words):
    """What a full bar is, and what the bars mean."""
    yield _text(_LEFT - 5, _bars_top() + 10, full, "end", size=10, fill=MUTED)
    yield _text(_LEFT, _PANEL_H - 18, words, size=10, fill=MUTED)


def _page(panels, title):
    """Panels, two in a row, as a Picture whose alt says what each shows."""
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    width, height = columns * _PANEL_W, rows * _PANEL_H
    words = f"{title}: " + "; ".join(sentence for _, sentence in panels)
    parts = []
    for number, (elements, _) in enumerate(panels):
        x, y = number % columns * _PANEL_W, number // columns * _PANEL_H
        parts += [f'<g transform="translate({x} {y})">', *elements, "</g>"]
    return sheet(width, height, parts, words)


# Film: one row for each branch that the first warp met.

_STRIP_CELL, _STRIP_ROW, _N_ROWS = 11, 13, 44
_STRIP_TOP = 82


def film(profile):
    """The branches of the first warp as frames for a Player: a row for each, a cell for each lane.

    Blue lanes find the condition true, orange ones false, white ones are not there. The last frame
    shows all of it, or the last 44 branches. Raises LookupError when no branch was met.
    """
    steps = profile.film
    if not steps:
        raise LookupError(f"The first warp of {profile.kernel} met no branch: there is no film.")
    texts = {(line.function, line.number): line.text for line in profile.lines}
    labels = [_short(texts.get((step.function, step.line), f"line {step.line}")) for step in steps]
    left = 20 + max(text_width(label, 12) for label in labels)
    return [_strip(profile, steps, labels, left, now) for now in range(len(steps))]


def _strip(profile, steps, labels, left, now):
    rows = min(len(steps), _N_ROWS)
    first = max(0, now + 1 - rows)
    yes, no = steps[now].taken.bit_count(), steps[now].not_taken.bit_count()
    words = (
        f"{labels[now]}  {yes + no} of {WARP_LANES} lanes arrive: {yes} find it true, {no} false"
    )
    some = "the first " if profile.is_cut(steps) else ""
    head = f"{profile.kernel}, branch {now + 1} of {some}{len(steps)}"
    parts = [
        _text(12, 22, head, bold=True),
        _text(12, 42, words),
        _text(12, 59, "lanes: blue true, orange false, white idle", size=11, fill=MUTED),
        *(
            _text(left + lane * _STRIP_CELL, _STRIP_TOP - 4, lane, "start", size=10, fill=MUTED)
            for lane in range(0, WARP_LANES, 8)
        ),
    ]
    for row, number in enumerate(range(first, now + 1)):
        y = _STRIP_TOP + row * _STRIP_ROW
        parts.append(_text(12, y + 10, labels[number], size=11, bold=number == now))
        parts += _row_of_lanes(left, y, steps[number])
    height = _STRIP_TOP + rows * _STRIP_ROW + 8
    width = max(left + WARP_LANES * _STRIP_CELL + 14, text_width(words, 12) + 30)
    return sheet(width, height, parts, f"{head}: {words}")


def _row_of_lanes(left, y, step):
    """A cell for each lane, the cells of one colour as one path: a film has thousands of them."""
    cells = {BLUE: "", ORANGE: "", "#ffffff": ""}
    for lane in range(WARP_LANES):
        is_lane = 1 << lane
        color = BLUE if step.taken & is_lane else ORANGE if step.not_taken & is_lane else "#ffffff"
        cells[color] += f"M{left + lane * _STRIP_CELL:.0f} {y + 1}h10v10h-10z"
    for color, path in cells.items():
        if path:
            yield f'<path d="{path}" fill="{color}" stroke="{_WASTE}" stroke-width="0.8"/>'


def launch(n, blocks, threads):
    """Draw `blocks` blocks of `threads` threads, at most 32 each, over an array of `n` elements.

    A box for each thread, with its `blockIdx.x * blockDim.x + threadIdx.x`.
    """
    idle = blocks * threads - n
    end = "all fit" if idle == 0 else f"{idle} have none" if idle > 0 else f"{-idle} are left out"
    words = f"{blocks} × {threads} = {blocks * threads} threads for {n} elements: {end}"
    parts = [_text(12, 22, words, size=13, bold=True)]
    for block in range(blocks):
        y = 36 + block * 24
        parts.append(_text(12, y + 14, f"block {block}", size=11))
        for thread in range(threads):
            i, x = block * threads + thread, 66 + thread * 20
            parts.append(_box(x, y, 20, 20, BLUE if i < n else ORANGE))
            parts.append(
                _text(x + 10, y + 13, i, "middle", size=9, fill="#ffffff" if i < n else INK)
            )
    y = 36 + blocks * 24
    key = "blue: thread i works on element i; orange: no such element, so the guard must stop it"
    parts.append(_text(12, y + 16, key, size=11, fill=MUTED))
    return sheet(max(66 + threads * 20 + 14, 520), y + 28, parts, words)


def _short(text, most=34):
    return text if len(text) <= most else text[: most - 1] + "…"


def _plural(word, items):
    return word + "s" * (len(items) != 1)


def _box(x, y, width, height, fill):
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{fill}" stroke="#ffffff" stroke-width="0.5"/>'
    )


def _line(x1, y, x2):
    return f'<path d="M{x1} {y}H{x2}" stroke="{_WASTE}" stroke-width="0.8"/>'
