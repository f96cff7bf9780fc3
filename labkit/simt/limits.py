"""What every NVIDIA GPU has in common: the sizes of warps, blocks, grids, sectors and banks.

Source: "Technical Specifications per Compute Capability", CUDA C++ Programming Guide.
"""

WARP_SIZE = 32
MAX_THREADS_PER_BLOCK = 1024
MAX_BLOCK = (1024, 1024, 64)
MAX_GRID = (2**31 - 1, 65535, 65535)
KIB = 1024
STATIC_SHARED_BYTES = 48 * KIB  # of a block; more only as dynamic shared memory
SECTOR_BYTES = 32  # what global memory is moved in
BANKS, BANK_BYTES = 32, 4  # of shared memory
