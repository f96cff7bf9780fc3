"""What the 32 lanes of a warp touch: the sectors of global memory, the banks of shared memory.

A panel has a row for each lane. Its columns are the 32-byte sectors that a global access moves, or
the 32 banks of shared memory; the bars below say what each column costs.
"""

import collections
from collections.abc import Sequence
from typing import TYPE_CHECKING

from labkit.draw.labels import wrapped
from labkit.draw.marks import BLUE, ORANGE
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import INK, SMALL, path, rect, text
from labkit.simt.limits import BANK_BYTES, BANKS, SECTOR_BYTES, WARP_SIZE
from labkit.units import counted

if TYPE_CHECKING:
    from labkit.simt import Profile

ALL_ON = (True,) * WARP_SIZE

_CELL = 10  # pixels; a panel is a square of 32 cells
_SIDE, _LEFT, _TOP, _BARS_H, _FOOT = 320, 48, 88, 40, 44
_PANEL_W, _PANEL_H = _LEFT + _SIDE + 16, _TOP + _SIDE + 8 + _BARS_H + _FOOT
_WASTE, _EMPTY = (
    0.25,
    0.07,
)  # tints of what is moved without being asked for, and of an empty column


def accesses(profile: "Profile", array: str | None = None, notes: bool = True) -> Picture:
    """Draw each access of a profile as its first warp made it: a panel for each load and store.

    The first panel of each memory has notes beside it that say how to read it.

    array   the name of one array, to see its accesses alone
    notes   False where they have been read before: the panels then stand side by side

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
    first = {one.space: n for n, one in reversed(list(enumerate(samples)))}
    beside = {n: _NOTES[space] for space, n in first.items()} if notes else {}
    return _page(panels, profile.kernel, beside)


def pattern(addresses: Sequence[int], itemsize: int = 4, title: str = "one warp") -> Picture:
    """Draw 32 byte addresses twice: as a load from global memory and as one from shared memory."""
    return _page(
        [
            _sector_panel(addresses, itemsize, ALL_ON, "global memory"),
            _bank_panel(addresses, itemsize, ALL_ON, "shared memory"),
        ],
        title,
    )


def sectors_of(
    addresses: Sequence[int], itemsize: int = 4, active: Sequence[bool] = ALL_ON
) -> dict[int, range]:
    """Lane -> the 32-byte sectors that its item lies in, for the active lanes."""
    return {
        lane: range(at // SECTOR_BYTES, (at + itemsize - 1) // SECTOR_BYTES + 1)
        for lane, at in enumerate(addresses)
        if active[lane]
    }


def passes_of(
    addresses: Sequence[int], itemsize: int = 4, active: Sequence[bool] = ALL_ON
) -> tuple[list[tuple[int, int, int]], int, int]:
    """How shared memory serves one access: [(lane, bank, waited)], wavefronts, the fewest possible.

    A bank gives one 4-byte word in a pass, to as many lanes as want that word; the others have
    `waited` so many passes. Items of 8 bytes are served by half-warps, items of 16 bytes by
    quarter-warps, one after the other.
    """
    together = lanes_together(itemsize)
    served, wavefronts, ideal = [], 0, 0
    for first in range(0, WARP_SIZE, together):
        lanes = [lane for lane in range(first, first + together) if active[lane]]
        words = collections.defaultdict(list)  # of each bank, in the order of the lanes
        for lane in lanes:
            start, end = addresses[lane], addresses[lane] + itemsize - 1
            for word in range(start // BANK_BYTES, end // BANK_BYTES + 1):
                bank = words[word % BANKS]
                if word not in bank:
                    bank.append(word)
                served.append((lane, word % BANKS, bank.index(word)))
        wavefronts += max(map(len, words.values()), default=0)
        ideal += bool(lanes)
    return served, wavefronts, ideal


def lanes_together(itemsize: int) -> int:
    """How many lanes shared memory serves at once: as many as fill its 128 bytes."""
    return BANKS * BANK_BYTES // max(itemsize, BANK_BYTES)


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
        f"{counted(len(columns), 'sector')}, {len(used)} of "
        f"{SECTOR_BYTES * len(columns):,} bytes used"
    )
    parts = list(_frame(title, words, active, "sectors touched, in order of address"))
    for place, sector in enumerate(columns):
        x = _LEFT + place * wide
        parts.append(_box(x, _TOP, wide, _SIDE, INK, _EMPTY))
        lanes = [lane for lane, sectors in touched.items() if sector in sectors]
        parts += [_box(x, _TOP + lane * _CELL, wide, _CELL, BLUE) for lane in lanes]
        parts += _bar(x, wide, [(n_used[sector], BLUE), (SECTOR_BYTES, INK)], SECTOR_BYTES)
    parts += _scale("32 B", "blue: asked for; grey: moved all the same")
    return parts, f"{title}: {words}"


def _bank_panel(addresses, itemsize, active, title):
    served, wavefronts, ideal = passes_of(addresses, itemsize, active)
    words = counted(wavefronts, "wavefront")
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


_NOTES = {
    "global": (
        (_TOP + 30, "Each row is a lane: one of the warp’s 32 threads."),
        (_TOP + 130, "Each column is a sector: 32 bytes of memory, which move together or not "
         "at all. A blue cell: the lane asks for something in that sector."),
        (_TOP + _SIDE + 30, "Each bar is a sector once more: blue is what the lanes asked for, "
         "grey is moved all the same."),
    ),
    "shared": (
        (_TOP + 30, "Each row is a lane: one of the warp’s 32 threads."),
        (_TOP + 130, "Each column is a bank, which hands out one word of 4 bytes at a time. An "
         "orange cell: the lane waits until its bank has served another word."),
        (_TOP + _SIDE + 30, "Each bar counts the turns (wavefronts) that a bank needs; the "
         "highest bar decides how long the access takes."),
    ),
}  # fmt: skip


def _frame(title, words, active, below):
    """What both panels have: titles, lanes, a border, and a mark for each lane that is off."""
    yield text(_LEFT, 24, title, size=15, bold=True)
    yield text(_LEFT, 46, words)
    yield text(_LEFT - 6, _TOP - 8, "lane", "end", size=SMALL, muted=True)
    yield text(_LEFT, _TOP - 8, below, size=SMALL, muted=True)
    for lane in range(0, WARP_SIZE, 8):
        yield text(_LEFT - 6, _TOP + lane * _CELL + 12, lane, "end", size=SMALL, muted=True)
        yield _line(_TOP + lane * _CELL)
    for lane in range(WARP_SIZE):
        if not active[lane]:
            yield rect(_LEFT - 4, _TOP + lane * _CELL, 4, _CELL, fill=ORANGE)
    yield rect(_LEFT, _TOP, _SIDE, _SIDE, stroke=INK, line=0.8, stroke_opacity=0.6)
    yield _line(_bars_top() + _BARS_H)


def _bars_top():
    return _TOP + _SIDE + 8


def _bar(x, wide, parts, full):
    """A bar under a column: stacked ends [(value, colour)], each from the one before."""
    done = 0
    for value, color in parts:
        if value > done:
            y = _bars_top() + _BARS_H * (1 - value / full)
            tint = _WASTE if color == INK else 1
            yield _box(x, y, wide, _BARS_H * (value - done) / full, color, tint)
            done = value


def _scale(full, words):
    """What a full bar is, and what the bars mean."""
    yield text(_LEFT - 6, _bars_top() + 11, full, "end", size=SMALL, muted=True)
    for row, line in enumerate(wrapped(words, _SIDE, SMALL)):
        yield text(_LEFT, _bars_top() + _BARS_H + 17 + 16 * row, line, size=SMALL, muted=True)


def _page(panels, title, notes=None):
    """Panels, two in a row, as a Picture whose alt says what each shows.

    notes  number of a panel -> its notes (y, words), which stand in the place of its neighbour
    """
    notes, parts, place = notes or {}, [], 0
    for number, (elements, _) in enumerate(panels):
        place += place % 2 if number in notes else 0
        x, y = place % 2 * _PANEL_W, place // 2 * _PANEL_H
        elements = [*elements, *_beside(notes.get(number, ()))]
        parts += [f'<g transform="translate({x} {y})">', *elements, "</g>"]
        place += 2 if number in notes else 1
    words = f"{title}: " + "; ".join(sentence for _, sentence in panels)
    return sheet(2 * _PANEL_W, -(-place // 2) * _PANEL_H, parts, words)


def _beside(notes):
    """Notes on the right of a panel, each with a line to what it speaks of."""
    left = _PANEL_W + 24
    for y, words in notes:
        yield path(f"M{_LEFT + _SIDE + 3},{y}H{left - 8}", opacity=0.6)
        for row, line in enumerate(wrapped(words, _PANEL_W - 48, 14)):
            yield text(left, y + 5 + 19 * row, line)


def _box(x, y, width, height, fill, tint=1):
    """A cell, a hair smaller than its place, so that cells stay apart."""
    gap = min(0.6, width / 4)
    return rect(x, y, max(width - gap, 0.5), max(height - gap, 0.5), fill=fill, tint=tint)


def _line(y):
    return path(f"M{_LEFT} {y}H{_LEFT + _SIDE}", line=0.8, opacity=0.3)
