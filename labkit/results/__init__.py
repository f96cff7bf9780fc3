"""Results of others as data: published figures, recorded measurements, energies per operation."""

from labkit.results.op_energy import OpEnergy, op_energies, op_energy
from labkit.results.results import Published, Recorded, published, recorded, training_runs_path

__all__ = [
    "OpEnergy", "Published", "Recorded", "op_energies", "op_energy", "published", "recorded",
    "training_runs_path",
]  # fmt: skip
