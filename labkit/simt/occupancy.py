"""Occupancy: how many warps of a kernel can reside on a streaming multiprocessor, and what limits
them.

The rules are those of NVIDIA's `cuda_occupancy.h`, against which a test compares every
configuration. For the kernels of the course the registers are recorded.
"""

import dataclasses
import math
import numbers

from labkit.reading import Reading
from labkit.simt.kernel import Launch, launch_of
from labkit.simt.limits import LIMITS, MAX_THREADS_PER_BLOCK, WARP_SIZE
from labkit.simt.ptxas_records import resources

MAX_REGISTERS = 256  # per thread; the header's rule, the compiler itself stops at 255
REGISTER_UNIT = 256  # registers are given to a warp in such units
PARTITIONS = 4  # of a multiprocessor; a warp lives in one of them


@dataclasses.dataclass(frozen=True)
class Occupancy:
    """Modelled: resident blocks and warps of one multiprocessor.

    limits      blocks that fit by `warps`, `blocks`, `registers` and `shared` memory alone
    limited_by  the names of all the limits that bind; if the launch fails, why
    registers   of a thread, as a Reading, where they were looked up
    """

    blocks_per_sm: int
    warps_per_sm: int
    occupancy: float
    limits: dict
    limited_by: tuple
    registers: Reading | None = None

    def __str__(self):
        what = " and ".join(self.limited_by)
        said = f"[modelled] the launch fails: {what}"
        if self.blocks_per_sm:
            said = (
                f"[modelled] occupancy: {self.occupancy:.1%} ({self.blocks_per_sm} blocks, "
                f"{self.warps_per_sm} warps per multiprocessor; limited by {what})"
            )
        return f"{said}\n{self.registers}" if self.registers else said

    __repr__ = __str__


def occupancy(
    block: int | Launch,
    registers: int | None = None,
    shared_bytes: int | None = None,
    compute_capability: str | float | tuple[int, int] | None = None,
) -> "Occupancy":
    """The theoretical occupancy of a kernel on a GPU of a compute capability -> Occupancy.

    block         threads per block; or a launch, `kernel[blocks, threads]`, of a kernel of the
                  course, whose registers and shared bytes are recorded and not to be given
    registers     per thread, as the compiler reports them
    shared_bytes  per block, static and dynamic together
    compute_capability   7.0 to 12.0, as 8.0, "8.0" or (8, 0)

    Assumes the largest share of the on-chip memory for shared memory. Raises ValueError for a
    compute capability that is not in the table, for amounts that cannot be, and for a kernel of
    which nothing is recorded.
    """
    capability = _name_of(compute_capability)
    given = registers is not None and shared_bytes is not None
    if isinstance(block, numbers.Integral) and given:
        return _occupancy(LIMITS[capability], block, registers, shared_bytes)
    if isinstance(block, numbers.Integral) or registers is not None or shared_bytes is not None:
        raise ValueError(
            f"occupancy() got {block!r}, {registers!r} registers and {shared_bytes!r} shared "
            f"bytes. Give all three as numbers, or only a launch such as kernel[blocks, threads]."
        )
    launch = launch_of(block)
    recorded, static_bytes = resources(launch.kernel, capability)
    shared_bytes = static_bytes + launch.dynamic_shared_bytes
    threads = math.prod(launch.block)
    found = _occupancy(LIMITS[capability], threads, recorded.value, shared_bytes)
    return dataclasses.replace(found, registers=recorded)


def _occupancy(sm, threads_per_block, registers, shared_bytes):
    if threads_per_block < 1 or registers < 0 or shared_bytes < 0:
        raise ValueError(
            f"A block of {threads_per_block} threads with {registers} registers and {shared_bytes} "
            f"shared bytes cannot be: give at least 1 thread and no negative amount."
        )
    warps = -(-threads_per_block // WARP_SIZE)
    per_warp = _up(registers * WARP_SIZE, REGISTER_UNIT)
    failures = _failures(sm, threads_per_block, registers, shared_bytes, per_warp * _up(warps, 4))
    if failures:
        return Occupancy(0, 0, 0.0, {}, failures)
    limits = {"warps": sm.warps // warps, "blocks": sm.blocks}
    if per_warp:
        limits["registers"] = sm.registers // PARTITIONS // per_warp * PARTITIONS // warps
    needed = _up(shared_bytes + sm.reserved_bytes, sm.shared_unit_bytes)
    if needed:
        limits["shared"] = sm.shared_bytes // needed
    blocks = min(limits.values())
    binding = tuple(name for name, limit in limits.items() if limit == blocks)
    return Occupancy(blocks, blocks * warps, blocks * warps / sm.warps, limits, binding)


def _up(value, unit):
    return -(-value // unit) * unit


def _name_of(capability):
    parts = capability if isinstance(capability, tuple) else str(capability).split(".")
    name = ".".join(str(part) for part in (*parts, 0)[:2])
    if name not in LIMITS:
        raise ValueError(
            f"Compute capability {capability} is not in the table. Known: {', '.join(LIMITS)}."
        )
    return name


def _failures(sm, threads, registers, shared_bytes, block_registers):
    found = []
    if threads > MAX_THREADS_PER_BLOCK:
        found.append(f"{threads} threads in a block, {MAX_THREADS_PER_BLOCK} at most")
    if registers > MAX_REGISTERS:
        found.append(f"{registers} registers per thread, {MAX_REGISTERS} at most")
    if shared_bytes > sm.shared_bytes_per_block:
        found.append(f"{shared_bytes} shared bytes in a block, {sm.shared_bytes_per_block} at most")
    if block_registers > sm.registers:
        found.append(f"a block needs {block_registers} registers of {sm.registers}")
    return tuple(found)
