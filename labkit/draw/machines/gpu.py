"""A GPU: many multiprocessors, one of them enlarged, their caches, and the memory beside them."""

from labkit.draw.machines.board import BODY, LEFT, UNKNOWN, Board, Level
from labkit.draw.picture import Picture
from labkit.draw.svg import path
from labkit.hardware import Chip
from labkit.simt.limits import BANK_BYTES, BANKS, LIMITS
from labkit.simt.occupancy import PARTITIONS
from labkit.units import binary

_REGISTER_BYTES = 4
_NVIDIA = {
    "sm": "SM", "schedulers": "warp scheduler", "registers": "registers",
    "units": "arithmetic units", "l1": "L1 cache", "shared": "shared memory", "l2": "L2 cache",
    "memory": "memory", "link": "link",
}  # fmt: skip
_AMD = _NVIDIA | {"sm": "compute unit", "schedulers": "scheduler", "shared": "local data share"}
_N_SMALL, _SMALL_W, _SMALL_H = 12, 29, 20  # small multiprocessors in a row; pixels
_SM_Y, _L2_Y, _HBM_Y = 132, 386, 454  # where the enlarged one, the L2 and the memory begin


def gpu(chip: Chip, highlight: str | None = None) -> Picture:
    """Draw a GPU with its figures; those of a multiprocessor follow from its compute capability."""
    called = _AMD if chip.vendor == "AMD" else _NVIDIA
    board = Board(chip, called, highlight)
    board.box(LEFT, 62, BODY, 380, "")
    _many(board, called["sm"])
    _enlarged(board, called)
    board.box(LEFT + 14, _L2_Y, BODY - 28, 42, f"L2 cache, shared by all {called['sm']}s", "l2")
    _outside(board)
    limits = LIMITS.get(_capability(chip))
    registers = binary(limits.registers * _REGISTER_BYTES) if limits else UNKNOWN
    shared = f"shared ≤ {binary(limits.shared_bytes)}" if limits else UNKNOWN
    banks = f"{BANKS * BANK_BYTES} B/cycle" if limits else UNKNOWN
    unit, warps = called["sm"], f"≤ {limits.warps} warps" if limits else UNKNOWN
    board.level(_SM_Y + 49, Level("schedulers", f"schedulers of one {unit}", warps, "", ""))
    board.level(_SM_Y + 96, Level("registers", f"registers of one {unit}", registers))
    both, cycles = board.figure("l1_kb"), board.figure("l1_cycles")
    both = UNKNOWN if both == UNKNOWN else f"both {both}"
    board.level(_SM_Y + 200, Level("l1", f"L1 and {called['shared']}", both, UNKNOWN, cycles))
    cycles = board.figure("shared_cycles")
    board.level(_SM_Y + 226, Level("shared", called["shared"], shared, banks, cycles))
    l2 = Level("l2", "L2 cache", board.figure("l2_mb"), UNKNOWN, board.figure("l2_cycles"))
    board.level(_L2_Y + 21, l2)
    size, bandwidth = board.figure("mem_gb"), board.figure("mem_bw_gbs")
    memory = Level("memory", "memory", size, bandwidth, board.figure("memory_cycles"))
    board.level(_HBM_Y + 24, memory)
    link = f"link, {board.figure('interconnect')}"
    board.level(_HBM_Y + 82, Level("link", link, "", board.figure("interconnect_gbs")))
    return board.picture(_title(board), _HBM_Y + 106, _notes(chip, limits, unit))


def _capability(chip):
    figure = chip.figures.get("compute_capability")
    return figure.value if figure else None


def _title(board):
    rates = [
        f"{name} {board.figure(field)}"
        for name, field in (("fp32", "peak_fp32"), ("bf16", "peak_bf16"), ("fp16", "peak_fp16"))
        if board.figure(field) != UNKNOWN
    ]
    return f"{board.chip.name}: {', '.join(rates[:2])}"


def _notes(chip, limits, unit):
    notes = []
    if "multiprocessors" not in chip.figures:
        notes.append(f"The catalogue doesn't hold how many {unit}s there are.")
    if limits:
        notes.append(
            f"What one {unit} holds: [published] CUDA C++ Programming Guide, compute capability "
            f"{_capability(chip)}."
        )
    return tuple(notes)


def _many(board, called):
    """Two rows of small multiprocessors; lines lead from the first to the enlarged one."""
    count = board.figure("multiprocessors")
    board.write(LEFT + 14, 80, _called(count, called))
    for n in range(2 * _N_SMALL):
        x = LEFT + 14 + n % _N_SMALL * (_SMALL_W + 5.8)
        board.box(x, 86 + n // _N_SMALL * 19, _SMALL_W, _SMALL_H - 5, "", "sm")
    right = LEFT + BODY - 14
    board.elements.append(
        path(f"M{LEFT + 14},{120}L{LEFT + 14},{_SM_Y}H{right}L{LEFT + 14 + _SMALL_W},{120}z",
             stroke="none", fill="currentColor", tint=0.1)
    )  # fmt: skip


def _called(count, unit):
    return (
        f"many {unit}s" if count == UNKNOWN else f"{count} {unit}s, of which {2 * _N_SMALL} drawn"
    )


def _enlarged(board, called):
    """One multiprocessor: four partitions, and the memory that they share."""
    left, width = LEFT + 14, BODY - 28
    board.box(left, _SM_Y, width, 242, f"one {called['sm']}, enlarged", "sm", top=True)
    wide = (width - 12) / PARTITIONS
    for n in range(PARTITIONS):
        x = left + 6 + n * wide
        board.box(x + 2, _SM_Y + 28, wide - 4, 42, called["schedulers"], "schedulers")
        board.box(x + 2, _SM_Y + 76, wide - 4, 40, "registers", "registers")
        board.box(x + 2, _SM_Y + 122, wide - 4, 52, called["units"], "units")
    half = (width - 16) / 2
    for part, x in (("l1", left + 8), ("shared", left + 8 + half)):
        board.box(x, _SM_Y + 190, half, 44, called[part], part)


def _outside(board):
    """The memory beside the chip, and the link to other chips."""
    kind, wide = board.figure("mem_type"), BODY / 6
    for n in range(6):
        x = LEFT + n * wide + 2
        board.line(f"M{x + wide / 2 - 2:.1f},442V{_HBM_Y}", "memory")
        board.box(x, _HBM_Y, wide - 4, 48, kind, "memory")
    board.box(LEFT, _HBM_Y + 62, BODY, 40, f"link: {board.figure('interconnect')}", "link")
