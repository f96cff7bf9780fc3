"""Power and energy: `probes`, `energy`, `bench_energy`."""

from labkit.power.domain import DomainEnergy
from labkit.power.energy import Energy, energy
from labkit.power.energy_timing import EnergyTiming, bench_energy
from labkit.power.probe import Probe, Sample
from labkit.power.probes import Probes, probes

__all__ = [
    "DomainEnergy", "Energy", "EnergyTiming", "Probe", "Probes", "Sample", "bench_energy", "energy",
    "probes",
]  # fmt: skip
