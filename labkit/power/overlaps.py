"""Which probes of different interfaces hold some of the same, so that no total holds it twice."""

import dataclasses
from collections.abc import Iterable

from labkit.power.probe import Probe

_JETSON_GPUS = ("nvgpu", "orin", "thor", "xavier", "tegra")


def without_overlaps(probes: Iterable[Probe]) -> list[Probe]:
    """The probes; of those that hold some of the same, only one is left to be added.

    - The power of an APU holds its CPU, and RAPL tells of the same package. RAPL is added, since a
      counter misses less; where it cannot be read the APU's power takes its place. A GPU of which
      nothing tells whether it is an APU may overlap RAPL.
    - A Jetson's GPU is on the board whose rails are watched.
    """
    probes = list(probes)
    rapl = [p for p in probes if p.id.startswith("rapl") and p.adds and "cpu" in p.includes]
    rapl = [p for p in rapl if p.present]
    apus = [p for p in probes if p.id.startswith("amd:") and p.available and "cpu" in p.includes]
    boards = [p for p in probes if p.id.startswith("jetson:") and p.scope == "board" and p.present]
    perhaps = [p for p in probes if p.id.startswith("amd:") and p.may_overlap]
    on_board = [p for p in probes if boards and _is_jetson_gpu(p)]
    if all(probe.available for probe in rapl):
        pairs = [(apus, rapl), (on_board, boards)]
    else:
        pairs = [(rapl, [apu for apu in apus if apu.adds]), (on_board, boards)]
    packages = tuple(package.id for package in rapl)
    probes = [dataclasses.replace(p, overlaps=packages) if p in perhaps else p for p in probes]
    for parts, wholes in pairs:
        if wholes:
            probes = [_overlapping(p, wholes) if p in parts else p for p in probes]
    return probes


def _is_jetson_gpu(probe):
    name = (probe.note or "").lower()
    return probe.id.startswith("nvml:") and any(word in name for word in _JETSON_GPUS)


def _overlapping(probe, wholes):
    ids = tuple(whole.id for whole in wholes)
    why = f"the same as {', '.join(ids)}, not added"
    note = f"{probe.note}; {why}" if probe.note else why
    return dataclasses.replace(probe, adds=False, overlaps=(*probe.overlaps, *ids), note=note)
