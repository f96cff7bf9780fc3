"""A pod: servers joined by a network, or TPUs joined to their neighbours in a torus."""

from labkit.draw.machines.board import BODY, LEFT, Board, Level
from labkit.draw.machines.server import totals
from labkit.draw.picture import Picture
from labkit.hardware import Chip

_PARTS = {
    "server": "server", "chips": "chips", "link": "link inside a server", "nic": "network cards",
    "network": "network",
}  # fmt: skip
_TORUS = {"chips": "chips", "link": "links to the neighbours"}
_TOP = 66


def pod(chip: Chip, highlight: str | None = None, n_chips: int = 8, n_servers: int = 4) -> Picture:
    """Draw `n_servers` servers of `n_chips` chips; TPUs as a torus, whose rows are the servers."""
    if "torus" in str(chip.figures["interconnect"].value if "interconnect" in chip.figures else ""):
        return _torus(Board(chip, _TORUS, highlight), n_chips, n_servers)
    board = Board(chip, _PARTS, highlight)
    board.box(LEFT, _TOP, BODY, 44, "network: switches", "network")
    per_row = min(n_servers, 4)
    wide, high = BODY / per_row, 60 + 24 * -(-n_chips // 4)
    for n in range(n_servers):
        x, y = LEFT + n % per_row * wide + 4, _TOP + 66 + n // per_row * (high + 22)
        first = n < per_row  # the others are reached through the gap beside their column
        down = f"M{x + wide / 2 - 4:.1f},{_TOP + 44}V{y}" if first else (
            f"M{x - 4:.1f},{_TOP + 44}V{y + 14}H{x:.1f}"
        )  # fmt: skip
        board.line(down, "nic")
        board.box(x, y, wide - 8, high, f"server {n}", "server", top=True)
        cell = (wide - 24) / min(n_chips, 4)
        for one in range(n_chips):
            at = x + 8 + one % 4 * cell, y + 28 + one // 4 * 24
            board.box(*at, cell - 3, 20, "", "chips")
        board.box(x + 8, y + high - 30, wide - 24, 24, "link", "link")
    foot = _TOP + 66 + -(-n_servers // per_row) * (high + 22)
    board.level(_TOP + 22, Level("network", "network", ""))
    board.level(_TOP + 55, Level("nic", "network cards of one server", ""))
    link = Level("link", "link of one chip", "", board.figure("interconnect_gbs"))
    board.level(_TOP + 66 + high - 18, link)
    title = f"A pod: {n_servers} servers of {n_chips} × {chip.name}"
    return board.picture(title, foot - 10, totals(chip, n_chips * n_servers))


def _torus(board, n_chips, n_servers):
    """Rows of chips, each joined to its neighbours; dashed links lead round to the other end."""
    chip, step_x, step_y = board.chip, min((BODY - 40) / n_chips, 90), 62
    wide, high, left, top = min(step_x - 14, 40), 30, LEFT + 22, _TOP + 24
    for n in range(n_chips * n_servers):
        row, column = divmod(n, n_chips)
        x, y = left + column * step_x, top + row * step_y
        board.box(x, y, wide, high, "", "chips")
        middle, right, foot = x + wide / 2, x + wide, y + high
        last_row, last_column = row == n_servers - 1, column == n_chips - 1
        if not last_column:
            board.line(f"M{right:.1f},{y + high / 2}H{x + step_x:.1f}", "link")
        if not last_row:
            board.line(f"M{middle:.1f},{foot}V{y + step_y}", "link")
        if last_column:
            first = f"M{left - 18},{y + high / 2}H{left}"
            board.line(f"{first}M{right:.1f},{y + high / 2}h18", "link", dash="3 3")
        if last_row:
            first = f"M{middle:.1f},{top - 18}V{top}"
            board.line(f"{first}M{middle:.1f},{foot}v18", "link", dash="3 3")
    one = Level(
        "chips", "memory of one chip", board.figure("mem_gb"), board.figure("mem_bw_gbs")
    )  # fmt: skip
    board.level(top + high / 2, one)
    link = Level("link", "links of one chip", "", board.figure("interconnect_gbs"))
    board.level(top + high + 16, link)
    title = f"A slice of {n_chips * n_servers} × {chip.name}, {board.figure('interconnect')}"
    dashed = ("Dashed links lead round to the other end of their row or column.",)
    dashed += ("One layer of the three dimensions is drawn.",) * ("3D" in title)
    foot = top + (n_servers - 1) * step_y + high
    return board.picture(title, foot + 24, dashed + totals(chip, n_chips * n_servers))
