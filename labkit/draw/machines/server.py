"""A server: accelerators joined by a fast link, hosts that feed them, cards that lead out."""

from labkit.draw.machines.board import BODY, LEFT, Board, Level, is_doubtful
from labkit.draw.picture import Picture
from labkit.hardware import Chip
from labkit.units import binary, si

_PARTS = {
    "cpu": "CPUs", "host_memory": "host memory", "pcie": "PCIe", "chips": "chips",
    "memory": "memory of the chips", "link": "link between chips", "nic": "network cards",
}  # fmt: skip
_CPU_Y, _PCIE_Y, _CHIP_Y = 66, 156, 206


def server(chip: Chip, highlight: str | None = None, n_chips: int = 8) -> Picture:
    """Draw a server of `n_chips` chips; what all of them hold together is modelled."""
    board = Board(chip, _PARTS, highlight)
    for n in range(2):
        x = LEFT + n * (BODY / 2)
        board.box(x + 4, _CPU_Y, BODY / 2 - 118, 76, "CPU", "cpu", below="socket")
        board.box(x + BODY / 2 - 108, _CPU_Y, 100, 76, "host memory", "host_memory")
    board.line(f"M{LEFT + 55},142V{_PCIE_Y}M{LEFT + 275},142V{_PCIE_Y}", "pcie")
    board.box(LEFT, _PCIE_Y, BODY, 34, "PCIe switches", "pcie")
    per_row = min(n_chips, 4)
    rows, wide = -(-n_chips // per_row), BODY / per_row
    for n in range(n_chips):
        x, y = LEFT + n % per_row * wide + 4, _CHIP_Y + n // per_row * 100
        board.box(x, y, wide - 8, 90, f"chip {n}", "chips", top=True)
        board.box(x + 6, y + 28, wide - 20, 26, board.figure("mem_gb"), "memory")
        board.box(x + 6, y + 59, wide - 20, 26, "NIC", "nic")
    link_y = _CHIP_Y + rows * 100 + 4
    board.box(LEFT, link_y, BODY, 40, f"link: {board.figure('interconnect')}", "link")
    board.level(_CPU_Y + 38, Level("host_memory", "host memory"))
    board.level(_PCIE_Y + 17, Level("pcie", "PCIe", ""))
    one = Level("memory", "memory of one chip", board.figure("mem_gb"), board.figure("mem_bw_gbs"))
    board.level(_CHIP_Y + 41, one)
    board.level(_CHIP_Y + 72, Level("nic", "network card (NIC) of one chip", ""))
    link = Level("link", "link of one chip", "", board.figure("interconnect_gbs"))
    board.level(link_y + 20, link)
    return board.picture(
        f"A server with {n_chips} × {chip.name}", link_y + 46, totals(chip, n_chips)
    )


def totals(chip: Chip, n_chips: int) -> tuple[str, ...]:
    """What the chips hold and draw together, as notes; a star where their figure has one."""
    chips, notes = f"{n_chips} chip{'s' * (n_chips > 1)}", []
    if chip.memory.value is not None:
        memory = binary(n_chips * chip.memory.value) + "*" * is_doubtful(chip, "mem_gb")
        notes.append(f"memory of {chips} {memory}")
    if chip.power.value is not None:
        power = si(n_chips * chip.power.value, "W") + "*" * is_doubtful(chip, "power_w")
        notes.append(f"power of the {chips} alone {power}")
    return (f"[modelled] together: {', '.join(notes)}.",) if notes else ()
