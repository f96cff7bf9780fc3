"""The chip catalogue, and what this machine is."""

from labkit.hardware.catalogue import Chip, ChipNotFound, Figure, chip, chips
from labkit.hardware.machine import Machine, machine

__all__ = ["Chip", "ChipNotFound", "Figure", "Machine", "chip", "chips", "machine"]
