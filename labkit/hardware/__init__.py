"""The chip catalogue, published and recorded results, and what this machine is."""

from labkit.hardware.catalogue import Chip, ChipNotFound, Figure, chip, chips
from labkit.hardware.machine import Machine, machine
from labkit.hardware.results import Published, Recorded, published, recorded

__all__ = [
    "Chip", "ChipNotFound", "Figure", "Machine", "Published", "Recorded", "chip", "chips",
    "machine", "published", "recorded",
]  # fmt: skip
