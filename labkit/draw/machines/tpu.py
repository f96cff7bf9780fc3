"""A TPU core: a matrix unit fed by hand-managed memory, beside a vector and a scalar unit."""

from labkit.draw.machines.board import BODY, LEFT, UNKNOWN, Board, Level
from labkit.draw.picture import Picture
from labkit.hardware import Chip

_PARTS = {
    "mxu": "matrix unit (MXU)", "vpu": "vector unit (VPU)", "scalar": "scalar unit",
    "smem": "scalar memory (SMEM)", "vmem": "vector memory (VMEM)", "memory": "memory",
    "link": "links",
}  # fmt: skip
# The first TPU had other parts in their places (Jouppi et al. 2017, figure 1).
_FIRST_PARTS = {
    "mxu": "matrix unit (MXU)", "activation": "activation unit", "control": "control",
    "accumulators": "accumulators", "unified_buffer": "unified buffer", "memory": "memory",
    "link": "links",
}  # fmt: skip
_SIDE, _MXU_Y, _VMEM_Y, _MEMORY_Y = 8, 76, 300, 384


def tpu_core(chip: Chip, highlight: str | None = None) -> Picture:
    """Draw a TPU core with its figures; the catalogue knows its memory and its links."""
    called = _FIRST_PARTS if chip.id == "tpu-v1" else _PARTS
    _, vpu, scalar, smem, vmem, *_ = called
    board = Board(chip, called, highlight)
    board.box(LEFT, 62, BODY, 308, "")
    left, cell = LEFT + 14, 22
    board.box(left, _MXU_Y, 230, 212, called["mxu"], "mxu", top=True)
    for n in range(_SIDE * _SIDE):
        x, y = left + 27 + n % _SIDE * cell, _MXU_Y + 28 + n // _SIDE * cell
        board.box(x, y, cell - 3, cell - 3, "", "mxu")
    right = left + 244
    board.box(right, _MXU_Y, 168, 64, called[vpu], vpu)
    board.box(right, _MXU_Y + 74, 168, 64, called[scalar], scalar)
    board.box(right, _MXU_Y + 148, 168, 64, called[smem], smem)
    aside = "the program moves data in and out"
    board.box(left, _VMEM_Y, BODY - 28, 56, called[vmem], vmem, below=aside)
    board.line(f"M{left + 115},288V{_VMEM_Y}", vmem)
    kind = board.figure("mem_type")
    for n in range(4):
        wide = BODY / 4
        board.line(f"M{LEFT + (n + 0.5) * wide:.1f},370V{_MEMORY_Y}", "memory")
        board.box(LEFT + n * wide + 2, _MEMORY_Y, wide - 4, 46, kind, "memory")
    board.box(LEFT, _MEMORY_Y + 60, BODY, 40, f"links: {board.figure('interconnect')}", "link")
    board.level(_MXU_Y + 176, Level(smem, called[smem], board.figure(f"{smem}_mb")))
    board.level(_VMEM_Y + 28, Level(vmem, called[vmem], board.figure(f"{vmem}_mb")))
    memory = Level("memory", "memory", board.figure("mem_gb"), board.figure("mem_bw_gbs"))
    board.level(_MEMORY_Y + 23, memory)
    board.level(_MEMORY_Y + 80, Level("link", "links", "", board.figure("interconnect_gbs")))
    rates = ((name, board.figure(field)) for name, field in
             (("bf16", "peak_bf16"), ("int8", "peak_int8")))  # fmt: skip
    known = ", ".join(f"{name} {rate}" for name, rate in rates if rate != UNKNOWN)
    return board.picture(f"{chip.name}: {known or 'peak unknown'}", _MEMORY_Y + 104, (
        "The matrix unit has many more cells than are drawn.",
    ))  # fmt: skip
