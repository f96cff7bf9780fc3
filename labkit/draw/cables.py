"""What each rank's cable carries in each step of a collective: both directions, as bars."""

import math
from collections.abc import Mapping, Sequence

from labkit.draw.labels import text_width
from labkit.draw.marks import BLUE, ORANGE
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import GRID, INK, SMALL, TEXT, path, rect, text

_WIDTH, _ROW, _TOP, _BAR, _TOTAL = 760, 36, 96, 11, 170  # pixels; _TOTAL for the words at the end


def cables(
    transfers: Sequence[tuple[int, int, int, float]], n_ranks: int, *, title: str,
    busiest_words: str = "",
) -> Picture:  # fmt: skip
    """Draw who sends and who receives how much in which step: a Picture with a row for each rank.

    transfers      (step, sender, receiver, share of the data), in any order
    busiest_words  stands under the drawing

    The fullest bar is the largest share that one cable carries one way in one step. Raises
    ValueError without transfers, and for a rank that there is not.
    """
    if not transfers:
        raise ValueError("There is nothing to draw: nobody sends anything.")
    if any(not 0 <= rank < n_ranks for _, *pair, _ in transfers for rank in pair):
        raise ValueError(f"A transfer names a rank that is not one of 0 to {n_ranks - 1}.")
    out, into = _loads(transfers)
    n_steps = 1 + max(step for step, *_ in transfers)
    full = max([*out.values(), *into.values()])
    left = 24 + text_width(f"rank {n_ranks - 1}", TEXT)
    column = (_WIDTH - left - _TOTAL) / n_steps
    foot = _TOP + _ROW * n_ranks

    parts = [text(12, 26, title, size=16, bold=True)]
    parts += [rect(left, 44, 22, _BAR, fill=BLUE), text(left + 28, 55, "sends", muted=True)]
    parts += [rect(left + 90, 44, 22, _BAR, fill=ORANGE)]
    parts += [text(left + 118, 55, "receives", muted=True)]
    every = max(1, round(24 / column))  # labels of steps must not collide
    for step in range(n_steps):
        x = left + step * column
        parts.append(path(f"M{x:.1f},{_TOP - 4}V{foot}", opacity=GRID))
        if step % every == 0:
            parts.append(text(x + column / 2, _TOP - 10, step + 1, "middle", size=SMALL))
    parts.append(text(left - 10, _TOP - 10, "step", "end", size=SMALL, muted=True))
    for rank in range(n_ranks):
        y = _TOP + rank * _ROW
        parts.append(text(left - 10, y + 22, f"rank {rank}", "end"))
        for load, color, drop in ((out, BLUE, 5), (into, ORANGE, 5 + _BAR + 2)):
            for step in range(n_steps):
                if share := load.get((rank, step), 0.0):
                    x, width = left + step * column + 1, (column - 2) * share / full
                    parts.append(rect(x, y + drop, max(width, 1), _BAR, fill=color))
        words = " / ".join(f"{_total(load, rank):.3g}" for load in (out, into))
        parts.append(text(left + n_steps * column + 10, y + 22, f"{words} × the data"))
    parts.append(path(f"M{left:.1f},{foot}H{_WIDTH - _TOTAL}", opacity=GRID, stroke=INK))
    if busiest_words:
        parts.append(text(left, foot + 26, busiest_words))
    told = "; ".join(
        f"rank {rank} sends {_total(out, rank):.3g} and receives {_total(into, rank):.3g} times "
        f"the data" for rank in range(n_ranks)
    )  # fmt: skip
    return sheet(_WIDTH, foot + 40, parts, f"{title}: {told}")


def _loads(transfers) -> tuple[Mapping, Mapping]:
    """(rank, step) -> share that it sends, and that it receives."""
    out: dict[tuple[int, int], float] = {}
    into: dict[tuple[int, int], float] = {}
    for step, sender, receiver, share in transfers:
        out[sender, step] = out.get((sender, step), 0.0) + share
        into[receiver, step] = into.get((receiver, step), 0.0) + share
    return out, into


def _total(load, rank):
    return math.fsum(share for (who, _), share in load.items() if who == rank)
