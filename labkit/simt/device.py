"""The simulated device: a GPU of the chip catalogue, by default an A100."""

import dataclasses

from labkit.hardware import chip, chips
from labkit.simt import limits


@dataclasses.dataclass(frozen=True)
class Device:
    """A GPU as kernels and the host see it, with the names that numba gives to its attributes."""

    chip: str
    name: bytes
    compute_capability: tuple
    MULTIPROCESSOR_COUNT: int
    id: int = 0

    WARP_SIZE = limits.WARP_SIZE
    MAX_THREADS_PER_BLOCK = limits.MAX_THREADS_PER_BLOCK
    MAX_BLOCK_DIM_X, MAX_BLOCK_DIM_Y, MAX_BLOCK_DIM_Z = limits.MAX_BLOCK
    MAX_GRID_DIM_X, MAX_GRID_DIM_Y, MAX_GRID_DIM_Z = limits.MAX_GRID
    MAX_SHARED_MEMORY_PER_BLOCK = limits.STATIC_SHARED_BYTES

    @property
    def limits(self):
        """What one of its multiprocessors holds."""
        return limits.LIMITS["{}.{}".format(*self.compute_capability)]

    @property
    def COMPUTE_CAPABILITY_MAJOR(self):  # noqa: N802 (numba's names)
        return self.compute_capability[0]

    @property
    def COMPUTE_CAPABILITY_MINOR(self):  # noqa: N802
        return self.compute_capability[1]

    @property
    def MAX_THREADS_PER_MULTI_PROCESSOR(self):  # noqa: N802
        return self.limits.warps * self.WARP_SIZE

    def resident_blocks(self, warps_per_block):
        """How many blocks of so many warps it holds at a time, by their threads alone: the most
        that a cooperative grid may have."""
        per_multiprocessor = min(self.limits.blocks, self.limits.warps // warps_per_block)
        return self.MULTIPROCESSOR_COUNT * max(1, per_multiprocessor)

    def reset(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def __str__(self):
        return self.name.decode()


def device_of(name):
    """The Device of a GPU of the catalogue. Raises ValueError for a chip that is none, or whose
    multiprocessors are not known here."""
    found = chip(name)
    if not _is_known(found):
        known = ", ".join(one.id for one in chips() if _is_known(one))
        raise ValueError(f"{found.name} cannot be simulated as a CUDA device. Use one of: {known}.")
    capability = tuple(map(int, found.figures["compute_capability"].value.split(".")))
    multiprocessors = int(found.figures["multiprocessors"].value)
    return Device(found.id, found.name.encode(), capability, multiprocessors)


def _is_known(found):
    return {"compute_capability", "multiprocessors"} <= found.figures.keys()


_current = None


def current_device():
    """The device that kernels run on."""
    global _current
    if _current is None:
        _current = device_of("a100-sxm-80")
    return _current


def cuda_device(name: str | None = None) -> Device:
    """Choose the GPU that the executor stands for, and return it; without a name, the present one.

    name   a GPU of the catalogue, such as "a100-sxm-80" (the default), "t4" or "h100-sxm"

    It decides what `cuda.get_current_device()` says (multiprocessors, compute capability), how many
    blocks of a cooperative grid are resident, and how threads of a warp are scheduled. On a machine
    with a GPU numba runs the kernels there; this is then what `profile` and `sanitize` stand for.

    Raises ChipNotFound for an unknown name, ValueError for a chip that runs no CUDA.
    """
    global _current
    if name is not None:
        _current = device_of(name)
    return current_device()
