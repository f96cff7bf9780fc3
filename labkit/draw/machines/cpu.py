"""A CPU socket: few strong cores with caches of their own, a shared cache, memory channels."""

import re

from labkit.draw.machines.board import BODY, LEFT, Board, Level
from labkit.draw.picture import Picture
from labkit.hardware import Chip

_PARTS = {
    "cores": "cores", "units": "arithmetic and SIMD units", "l1": "L1 cache", "l2": "L2 cache",
    "l3": "L3 cache", "memory": "memory", "link": "PCIe and sockets",
}  # fmt: skip
_N_CORES = 4  # that are drawn
_CORE_Y, _L3_Y, _MEMORY_Y = 72, 330, 404


def cpu_socket(chip: Chip, highlight: str | None = None) -> Picture:
    """Draw a CPU socket with its figures; the catalogue seldom knows its caches."""
    board = Board(chip, _PARTS, highlight)
    board.box(LEFT, 62, BODY, 330, "")
    wide = (BODY - 20) / _N_CORES
    for n in range(_N_CORES):
        x = LEFT + 10 + n * wide
        board.box(x + 3, _CORE_Y, wide - 6, 242, "core", "cores", top=True)
        board.box(x + 10, _CORE_Y + 28, wide - 20, 56, "fetch, predict, reorder", "cores")
        board.box(x + 10, _CORE_Y + 90, wide - 20, 54, "SIMD units", "units")
        board.box(x + 10, _CORE_Y + 150, wide - 20, 38, "L1 cache", "l1")
        board.box(x + 10, _CORE_Y + 194, wide - 20, 40, "L2 cache", "l2")
    board.box(LEFT + 13, _L3_Y, BODY - 26, 48, "L3 cache, shared by many cores", "l3")
    kind = board.figure("mem_type")
    channels = int(found[1]) if (found := re.match(r"(\d+)ch", kind)) else 8
    wide = BODY / channels
    for n in range(channels):
        x = LEFT + n * wide
        board.line(f"M{x + wide / 2:.1f},392V{_MEMORY_Y}", "memory")
        board.box(x + 2, _MEMORY_Y, wide - 4, 44, "", "memory")
    board.write(LEFT + BODY / 2, _MEMORY_Y + 62, f"memory: {kind}", "middle")
    board.box(LEFT, _MEMORY_Y + 74, BODY, 38, "PCIe, and other sockets", "link")
    board.level(_CORE_Y + 169, Level("l1", "L1 cache of one core"))
    board.level(_CORE_Y + 214, Level("l2", "L2 cache of one core", board.figure("l2_core_mb")))
    board.level(_L3_Y + 24, Level("l3", "L3 cache", board.figure("l3_mb")))
    memory = Level("memory", "memory", board.figure("mem_gb"), board.figure("mem_bw_gbs"))
    board.level(_MEMORY_Y + 22, memory)
    board.level(_MEMORY_Y + 93, Level("link", "PCIe and sockets", ""))
    title = f"{chip.name}: fp32 {board.figure('peak_fp32')}"
    return board.picture(title, _MEMORY_Y + 118, (f"{_N_CORES} of its cores are drawn.",))
