"""Power and energy: `probes`, `energy`, `bench_energy`."""

from labkit.measure.power.bench import EnergyTiming, bench_energy
from labkit.measure.power.discover import Probes, probes
from labkit.measure.power.domain import DomainEnergy
from labkit.measure.power.energy import Energy, energy
from labkit.measure.power.probe import Probe, Sample

__all__ = [
    "DomainEnergy", "Energy", "EnergyTiming", "Probe", "Probes", "Sample", "bench_energy", "energy",
    "probes",
]  # fmt: skip
