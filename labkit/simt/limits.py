"""What NVIDIA GPUs have in common, and what differs by compute capability.

Source: "Technical Specifications per Compute Capability", CUDA C++ Programming Guide.
"""

import dataclasses

WARP_SIZE = 32
MAX_THREADS_PER_BLOCK = 1024
MAX_BLOCK = (1024, 1024, 64)
MAX_GRID = (2**31 - 1, 65535, 65535)
KIB = 1024
STATIC_SHARED_BYTES = 48 * KIB  # of a block; more only as dynamic shared memory
SECTOR_BYTES = 32  # what global memory is moved in
BANKS, BANK_BYTES = 32, 4  # of shared memory


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a streaming multiprocessor of one compute capability holds."""

    warps: int
    blocks: int
    shared_bytes: int
    shared_bytes_per_block: int
    reserved_bytes: int  # of each block's shared memory, for the system
    shared_unit_bytes: int
    registers: int = 65536


def _limits(warps, blocks, shared_kib, per_block_kib, reserved_kib=1, unit_bytes=128):
    shared, per_block = shared_kib * KIB, per_block_kib * KIB
    return Limits(warps, blocks, shared, per_block, reserved_kib * KIB, unit_bytes)


# Source: the same table.
LIMITS = {
    "7.0": _limits(64, 32, 96, 96, reserved_kib=0, unit_bytes=256),
    "7.5": _limits(32, 16, 64, 64, reserved_kib=0, unit_bytes=256),
    "8.0": _limits(64, 32, 164, 163),
    "8.6": _limits(48, 16, 100, 99),
    "8.9": _limits(48, 24, 100, 99),
    "9.0": _limits(64, 32, 228, 227),
    "10.0": _limits(64, 32, 228, 227),
    "12.0": _limits(48, 24, 100, 99),
}
