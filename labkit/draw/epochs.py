"""Who touches what, and when: the race microscope, and the epochs of a block.

An epoch is the time between two barriers. What lies in different epochs is ordered; what lies in
one epoch is not, whatever order happened to run.
"""

import collections
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from labkit.draw.labels import text_width, wrapped
from labkit.draw.marks import BLUE, ORANGE, VERMILLION, VIOLET
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import GRID, INK, SMALL, TEXT, path, rect, text

if TYPE_CHECKING:
    from labkit.simt import Finding, Profile

_COLORS = {"load": BLUE, "store": ORANGE, "atomic": VIOLET, "compute": INK}
_MARGIN = 14  # pixels
_LANE_W, _MEMORY_W, _STEP_H, _FIRST_STEP = 296, 132, 50, 82
_CODE_W, _EPOCH_W, _PILL_H, _FIRST_ROW = 224, 134, 26, 70
_SHADE = 0.07  # tint of what holds other things


# The race microscope


def interleaving(
    steps: Iterable[tuple[int | None, str, str, object]], *, title: str, memory: str,
    threads: Sequence[str] = ("thread A", "thread B"),
) -> Picture:  # fmt: skip
    """One order in which two threads touch one address: time runs down, the address is between.

    steps    (0 or 1 for the thread, kind, words, what the address then holds); the kind is `load`,
             `store`, `atomic` or `compute`. A barrier is (None, "barrier", words, ...)
    memory   the name of the address
    threads  the names of the two threads

    Returns a Picture. Raises ValueError without steps.
    """
    steps = list(steps)
    if not steps:
        raise ValueError("There is nothing to draw: the list of steps is empty.")
    middle, foot = _MARGIN + _LANE_W + _MEMORY_W / 2, _FIRST_STEP + len(steps) * _STEP_H
    left, right = middle - _MEMORY_W / 2, middle + _MEMORY_W / 2
    parts = [
        text(_MARGIN, 26, title, size=16, bold=True),
        text(left - 10, 64, threads[0], "end", bold=True),
        text(middle, 64, memory, "middle", bold=True),
        text(right + 10, 64, threads[1], bold=True),
        _shaded(left, _FIRST_STEP - 6, _MEMORY_W, foot - _FIRST_STEP + 12),
    ]
    for n, step in enumerate(steps):
        parts += _step(*step, left, right, _FIRST_STEP + (n + 0.5) * _STEP_H)
    said = "; ".join(
        f"{threads[who]}: {words}" if who is not None else words for who, _, words, _ in steps
    )
    return sheet(right + _LANE_W + _MARGIN, foot + 16, parts, f"{title}. {said}")


def two_additions(order: str, start: int) -> Picture:
    """Threads A and B each add 1 to one bin, with their steps mixed: an order, as `interleaving`.

    order  six letters, such as `AABABB`: whose step comes next. Each loads, adds and stores
    start  what the bin holds before

    Returns a Picture. Raises ValueError for an order that isn't three steps of each.
    """
    if sorted(order) != [*"AAABBB"]:
        raise ValueError(f"An order has three steps of A and three of B, and {order!r} hasn't.")
    held, mine, steps = start, {}, []
    for n, thread in enumerate(order):
        kind = ("load", "compute", "store")[order[:n].count(thread)]
        if kind == "load":
            mine[thread], words = held, f"loads {held}"
        elif kind == "compute":
            mine[thread] += 1
            words = f"adds 1: {mine[thread]}"
        else:
            held, words = mine[thread], f"stores {mine[thread]}"
        steps.append(("AB".index(thread), kind, words, held))
    return interleaving(steps, title=f"Order {order}: {start} + 1 + 1 = {held}", memory="bin")


def race_frames(finding: "Finding", profile: "Profile | None" = None) -> list[Picture]:
    """The race microscope: a race that `sanitize` found, as Pictures for a Player.

    First the one order, then the other, which is allowed as well, then what would leave only one.

    finding  a Finding of the kind `race`
    profile  of the same kernel, for the text of the source lines

    Raises ValueError for a finding of another kind.
    """
    if finding.kind != "race":
        raise ValueError(
            f"The race microscope shows races, and this finding is of the kind {finding.kind}."
        )
    first, second = _sides(finding, profile)
    names = [
        f"{name}: thread {thread} of block {block}"
        for name, (thread, block) in zip("AB", finding.threads, strict=True)
    ]
    index = finding.index
    index = ", ".join(map(str, index)) if isinstance(index, tuple) else index
    address = f"{finding.array}[{index}]"
    mend, bar = _mend(finding)
    before, after = _in_order(first, second)
    return [
        interleaving(steps, title=title, memory=address, threads=names)
        for title, steps in (
            ("A comes first", (before, after)),
            ("B comes first: allowed as well", _in_order(second, first)),
            (mend, (before, (None, "barrier", bar, None), after)),
        )
    ]


def _sides(finding, profile):
    """The two accesses of a race as (thread, kind, where in the source)."""
    for who, (kind, line) in enumerate(zip(finding.accesses, finding.lines, strict=True)):
        yield who, kind, _place(profile, line) if profile else f"line {line}"


def _in_order(*sides):
    """Steps, each with what it did and what the address holds after it."""
    held, steps = "old value", []
    for who, kind, where in sides:
        if kind == "load":
            did = f"loads the {held}" if held == "old value" else f"loads {held}"
        else:
            held = f"{'AB'[who]}’s value"
            did = "stores its value" if kind == "store" else "updates it"
        steps.append((who, kind, f"{where}\n{did}", held))
    return steps


def _mend(finding):
    """What leaves only one order: a title, and the words between the two steps."""
    (_, block), (_, other_block) = finding.threads
    if finding.lines[0] == finding.lines[-1]:
        return "Mended: an atomic, or a barrier between load and store", "nobody comes between"
    if block != other_block:
        return "No barrier reaches across blocks", "an atomic, or a second launch"
    return "Mended by a barrier: two epochs, one order", "cuda.syncthreads()"


def _step(who, kind, words, held, left, right, y):
    """One step: its words beside the address, an arrow, and what the address then holds."""
    if who is None:
        yield text((left + right) / 2, y - 8, words, "middle", bold=True)
        yield path(f"M{_MARGIN},{y:.1f}H{right + _LANE_W:.1f}", line=2.5, dash="7 4")
        return
    color, out = _COLORS[kind], (left - 4, left - 46) if who == 0 else (right + 4, right + 46)
    anchor, x = ("end", left - 54) if who == 0 else ("start", right + 54)
    did, *rest = words.split("\n")
    lines = [*wrapped(did, _LANE_W - 60, TEXT), *rest]
    for n, line in enumerate(lines):
        at = y + 5 + (n - (len(lines) - 1) / 2) * 17
        yield text(x, at, _cut(line, _LANE_W - 60), anchor, muted=line in rest)
    start, end = out if kind == "load" else out[::-1]  # a load brings, a store takes
    if kind != "compute":
        yield _arrow(start, end, y, color)
        yield text((left + right) / 2, y + 5, held, "middle")


def _arrow(start, end, y, color):
    back = 8 if start > end else -8
    return path(f"M{start:.1f},{y:.1f}H{end:.1f}", stroke=color, line=2.5) + path(
        f"M{end:.1f},{y:.1f}l{back},-5v10z", stroke="none", fill=color
    )


# The epochs of a block


def epoch_timeline(
    profile: "Profile", findings: "Iterable[Finding]" = (), *, n_epochs: int = 4
) -> Picture:
    """What the first block did, epoch by epoch: a Picture with a row for each source line.

    profile   its `timeline` is drawn: each pill is an access, with its array and how many threads
    findings  of the same kernel: where both sides of a race stand in one epoch, they are framed
    n_epochs  how many epochs are shown

    Raises ValueError when nothing was noted.
    """
    cells = _cells(profile, n_epochs)
    if not cells:
        raise ValueError(f"There is nothing to draw: no access of {profile.kernel} was noted.")
    n_all = 1 + max(event.epoch for event in profile.timeline)
    shown = min(n_epochs, n_all)
    of_all = "" if profile.is_cut(profile.timeline) else f" of {n_all}"  # or nobody knows
    some = f", the first {shown}{of_all}" if n_all > shown or not of_all else ""
    title = f"{profile.kernel}: the epochs of one block{some}"
    width, y = _CODE_W + shown * _EPOCH_W + 2 * _MARGIN, _FIRST_ROW
    parts = [text(_MARGIN, 26, title, size=16, bold=True)]
    racing = _racing(cells, findings)
    for line in sorted({line for _, line in cells}):
        row = {epoch: cells[epoch, line] for epoch in range(shown) if (epoch, line) in cells}
        height = max(map(len, row.values())) * _PILL_H + 12
        parts.append(_shaded(_MARGIN, y, width - 2 * _MARGIN, height - 4))
        words = _cut(_place(profile, line), _CODE_W - 2 * _MARGIN)
        parts.append(text(_MARGIN + 8, y + height / 2 + 3, words))
        for epoch, pills in row.items():
            for n, access in enumerate(pills):
                at = _CODE_W + epoch * _EPOCH_W + 8, y + 4 + n * _PILL_H
                parts += _pill(*at, *access, pills[access], (epoch, line, *access) in racing)
        y += height
    for epoch in range(shown):
        parts += _epoch_head(epoch, y)
    said = _race_words(racing)
    parts.append(text(_MARGIN, y + 22, said, bold=bool(racing)))
    width = max(width, text_width(said, TEXT) * (1.06 if racing else 1) + 2 * _MARGIN)
    return sheet(width, y + 38, parts, f"{title}. {said}")


def _cells(profile, n_epochs):
    """(epoch, line) -> {(kind, array): threads}, in the order of the run."""
    cells = collections.defaultdict(dict)
    for event in profile.timeline:
        if event.kind != "barrier" and event.epoch < n_epochs:
            pills, access = cells[event.epoch, event.line], (event.kind, event.array)
            pills[access] = max(event.threads, pills.get(access, 0))
    return dict(cells)


def _racing(cells, findings):
    """The accesses, as (epoch, line, kind, array), that meet the other side of their race."""
    found = set()
    for finding in findings:
        if finding.kind == "race":
            pair = list(zip(finding.lines, finding.accesses, strict=True))
            for epoch in {epoch for epoch, _ in cells}:
                sides = [(epoch, line, kind, finding.array) for line, kind in pair]
                if all((kind, a) in cells.get((e, line), ()) for e, line, kind, a in sides):
                    found.update(sides)
    return found


def _race_words(racing):
    if not racing:
        return "Blue loads, orange stores, purple atomics. A dashed line is a barrier."
    epochs = sorted({epoch for epoch, *_ in racing})
    where = ", ".join(map(str, epochs))
    return f"Framed: two sides of a race in epoch{'s' * (len(epochs) > 1)} {where}, in no order"


def _pill(x, y, kind, array, threads, racy):
    frame = {"stroke": VERMILLION, "line": 3} if racy else {"stroke": INK, "stroke_opacity": 0.4}
    yield rect(x, y, _EPOCH_W - 16, _PILL_H - 4, radius=9, **frame)
    yield rect(x + 6, y + 6, 10, 10, fill=_COLORS[kind])
    words = _cut(f"{kind} {array}", _EPOCH_W - 66, SMALL)
    yield text(x + 21, y + 15.5, words, size=SMALL)
    yield text(x + _EPOCH_W - 23, y + 15.5, threads, "end", size=SMALL, muted=True)


def _epoch_head(epoch, foot):
    left = _CODE_W + epoch * _EPOCH_W
    yield text(left + _EPOCH_W / 2, _FIRST_ROW - 12, f"epoch {epoch}", "middle", muted=True)
    if epoch:
        yield path(f"M{left},{_FIRST_ROW - 22}V{foot - 2:.1f}", line=2, dash="6 4")


def _place(profile, number):
    """`12: s[t] = x[i]`, the source line of a profiled kernel."""
    for line in profile.lines:
        if line.number == number:
            return f"{number}: {line.text.partition('  #')[0]}"
    return f"line {number}"


def _cut(words, room, size=TEXT):
    """The words, shortened to a width in pixels: between words where there are several."""
    if text_width(words, size) <= room:
        return words
    short = words
    while short and text_width(short + "…", size) > room:
        short = short[:-1]
    return (short.rpartition(" ")[0] or short).rstrip() + "…"


def _shaded(x, y, width, height):
    return rect(
        x, y, width, height, fill=INK, tint=_SHADE, stroke=INK, stroke_opacity=GRID, radius=3
    )
