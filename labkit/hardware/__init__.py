"""The chip catalogue, published and recorded results, and what this machine is."""

from labkit.hardware.catalogue import Chip, ChipNotFound, Figure, chip, chips
from labkit.hardware.machine import Machine, machine
from labkit.hardware.op_energy import OpEnergy, op_energies, op_energy
from labkit.hardware.results import Published, Recorded, published, recorded

__all__ = [
    "Chip", "ChipNotFound", "Figure", "Machine", "OpEnergy", "Published", "Recorded", "chip",
    "chips", "machine", "op_energies", "op_energy", "published", "recorded",
]  # fmt: skip
