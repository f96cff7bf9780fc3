"""`probes()`: every interface family that labkit knows, with its probes or the reason for none."""

import os
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import overload

from labkit.hardware import machine
from labkit.power.amd import amd_probes
from labkit.power.apple import apple_probes
from labkit.power.jetson import jetson_probes
from labkit.power.nvidia import nvml_probes
from labkit.power.overlaps import without_overlaps
from labkit.power.powercap import powercap_probes
from labkit.power.probe import Probe, missing
from labkit.power.tdp_model import model_probes
from labkit.power.tpu import tpu_probes
from labkit.power.windows import windows_probes
from labkit.reading import Origin


class Probes(Sequence[Probe]):
    """A list of `Probe` that prints one line for each interface family, found or not."""

    def __init__(self, families: Mapping[str, Sequence[Probe]]):
        self.families = families
        self._probes = [probe for found in families.values() for probe in found]

    def __len__(self) -> int:
        return len(self._probes)

    @overload
    def __getitem__(self, index: int | str) -> Probe: ...

    @overload
    def __getitem__(self, index: slice) -> list[Probe]: ...

    def __getitem__(self, index: int | str | slice) -> Probe | list[Probe]:
        """A probe by its place or its id; an id that is not there raises KeyError with the ids."""
        if not isinstance(index, str):
            return self._probes[index]
        for probe in self._probes:
            if probe.id == index:
                return probe
        ids = ", ".join(probe.id for probe in self._probes)
        raise KeyError(f"There is no probe {index!r} here. There are: {ids}.")

    def __repr__(self):
        # What was found here is an observation, the model's row too: so all lines say measured.
        lines = (f"{name}: {_in_words(found)}" for name, found in self.families.items())
        return "\n".join(f"[{Origin.MEASURED}] {line}" for line in lines)


def _in_words(found):
    available = [probe for probe in found if probe.available]
    others = [probe for probe in found if not probe.available]
    texts = [f"{probe.id} ({probe.summary})" for probe in available]
    for why in dict.fromkeys(probe.why for probe in others):
        ids = [probe.id for probe in others if probe.why == why and probe.present]
        texts.append(f"{', '.join(ids)}: unknown ({why})" if ids else f"none ({why})")
    return "; ".join(texts)


def probes(root: str | os.PathLike | None = None) -> Probes:
    """Every power source of this machine, and every one that is not here or not readable, and why.

    root   where `/sys` and `/proc` are looked for; by default as for `machine()`

    Whatever a vendor's library raises becomes a reason. No network, no subprocess on Linux.
    """
    here = machine(root)
    families = {
        "NVIDIA GPU power": ("nvml", lambda: nvml_probes(root)),
        "CPU energy counters": ("rapl", lambda: powercap_probes(root)),
        "AMD GPU power": ("amd", lambda: amd_probes(root)),
        "Jetson power rails": ("jetson", lambda: jetson_probes(root)),
        "Apple energy counters": ("apple", apple_probes),
        "Windows energy meter": ("windows", windows_probes),
        "TPU power": ("tpu", lambda: tpu_probes(here)),
        "CPU power model": ("model:cpu-tdp", lambda: model_probes(here, root)),
    }
    found = {name: _guarded(*family) for name, family in families.items()}
    apart = iter(without_overlaps(probe for family in found.values() for probe in family))
    return Probes({name: list(islice(apart, len(family))) for name, family in found.items()})


def _guarded(id: str, find: Callable[[], list[Probe]]) -> list[Probe]:  # noqa: A002
    """What a family found; if looking for it fails, that is the reason."""
    try:
        return find()
    except (Exception, SystemExit) as error:
        return [missing(id, f"looking for it failed with {type(error).__name__}: {error}")]
