"""The branches of a warp as a film: which lanes take which side, one branch after the other."""

from typing import TYPE_CHECKING

from labkit.draw.labels import text_width
from labkit.draw.marks import BLUE, ORANGE
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import INK, SMALL, path, text
from labkit.simt.limits import WARP_SIZE

if TYPE_CHECKING:
    from labkit.simt import Profile

_CELL, _ROW, _N_ROWS, _TOP = 14, 19, 24, 92  # pixels, but for the number of rows
_KEY = "blue lanes find it true, orange ones false, empty ones are switched off; dotted: to come"


def film(profile: "Profile") -> list[Picture]:
    """The branches of the first warp as frames for a Player: a row for each, a cell for each lane.

    Blue lanes find the condition true, orange ones false, empty ones are switched off. Each frame
    adds a branch; the last one shows all of them, or the last 24. Raises LookupError when no branch
    was met.
    """
    steps = profile.film
    if not steps:
        raise LookupError(f"The first warp of {profile.kernel} met no branch: there is no film.")
    texts = {(line.function, line.number): line.text for line in profile.lines}
    labels = [_short(texts.get((step.function, step.line), f"line {step.line}")) for step in steps]
    left = 24 + max(text_width(label, SMALL) for label in labels)
    return [_strip(profile, steps, labels, left, now) for now in range(len(steps))]


def _strip(profile, steps, labels, left, now):
    rows = min(len(steps), _N_ROWS)
    first = max(0, now + 1 - rows)
    yes, no = steps[now].taken.bit_count(), steps[now].not_taken.bit_count()
    words = f"{labels[now]}  {yes + no} of {WARP_SIZE} lanes arrive: {yes} find it true, {no} false"
    some = "the first " if profile.is_cut(steps) else ""
    key = _KEY + f"; only the last {rows} rows are shown" * (len(steps) > rows)
    head = f"{profile.kernel}, branch {now + 1} of {some}{len(steps)}"
    parts = [
        text(12, 24, head, size=15, bold=True),
        text(12, 46, words),
        text(12, 66, key, size=SMALL, muted=True),
        *(
            text(left + lane * _CELL, _TOP - 6, lane, size=SMALL, muted=True)
            for lane in range(0, WARP_SIZE, 8)
        ),
    ]
    for row in range(rows):
        y, number = _TOP + row * _ROW, first + row
        if number <= now:
            parts.append(text(12, y + 13, labels[number], size=SMALL, bold=number == now))
            parts += _row_of_lanes(left, y, steps[number])
        else:
            parts.append(path(_cells(left, y, range(WARP_SIZE)), opacity=0.8, dash="2 2"))
    width = max(
        left + WARP_SIZE * _CELL + 14, text_width(words, 14) + 30, text_width(key, SMALL) + 24
    )
    return sheet(width, _TOP + rows * _ROW + 8, parts, f"{head}: {words}")


def _row_of_lanes(left, y, step):
    """A cell for each lane, the cells of one colour as one path: a film has thousands of them."""
    lanes = {BLUE: [], ORANGE: [], "none": []}
    for lane in range(WARP_SIZE):
        bit = 1 << lane
        color = BLUE if step.taken & bit else ORANGE if step.not_taken & bit else "none"
        lanes[color].append(lane)
    for color, some in lanes.items():
        if some:
            yield path(_cells(left, y, some), fill=color, stroke=INK, line=0.8, opacity=0.4)


def _cells(left, y, lanes):
    return "".join(f"M{left + lane * _CELL:.0f} {y + 1}h12v14h-12z" for lane in lanes)


def _short(words, most=34):
    """At most so many characters, cut between words where there are any."""
    if len(words) <= most:
        return words
    return (words[:most].rpartition(" ")[0] or words[: most - 1]) + "…"
