"""What a chip of the catalogue is to a compiler."""

import dataclasses

from labkit.hardware import chip as chip_of
from labkit.reading import NotListedError

# One chip for each architecture: Turing, Ampere, Hopper, Blackwell; CDNA 2, 3 and 4; RDNA 3.
EIGHT = (
    "t4", "a100-sxm-80", "h100-sxm", "b200", "mi250x", "mi300x", "mi355x", "rx7900xtx",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A chip and its architecture: `sm_90` of NVIDIA's, `gfx942` of AMD's.

    capability   the compute capability, as `lk.occupancy` takes it; None for AMD
    """

    chip: str
    architecture: str
    capability: str | None

    @property
    def is_nvidia(self) -> bool:
        return self.capability is not None


def target_of(name: str) -> Target:
    """The target of a chip. Raises NotListedError (a KeyError) for one that is no GPU."""
    found = chip_of(name)
    capability = found.figures.get("compute_capability")
    if capability is not None:
        return Target(found.id, "sm_" + capability.value.replace(".", ""), capability.value)
    if "llvm_target" in found.figures:
        return Target(found.id, found.figures["llvm_target"].value, None)
    raise NotListedError(
        f"{found.name} is not a GPU that kernels can be compiled for here. Take one of: "
        f"{', '.join(EIGHT)}."
    )
