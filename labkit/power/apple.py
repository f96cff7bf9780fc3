"""Machines without files to read: Apple's counters, Windows' meter, and TPUs, which are silent."""

import importlib
import os
import platform
from time import perf_counter_ns

from labkit.hardware import chip
from labkit.measure.power.probe import Probe, Sample, missing

_APPLE_PARTS = {"cpu": "cpu_total_mj", "gpu": "gpu_mj", "dram": "dram_mj", "ane": "ane_mj"}
_APPLE_FIX = "run: pip install zeus-apple-silicon"


def apple_probes():
    """CPU, GPU, DRAM and neural engine of an Apple chip, through `zeus-apple-silicon`."""
    if platform.system() != "Darwin":
        return [missing("apple", "no Apple chip here", scope="package", present=False)]
    try:
        from zeus_apple_silicon import AppleEnergyMonitor

        monitor = AppleEnergyMonitor()
        now = monitor.get_cumulative_energy()
        return [_apple_probe(monitor, part) for part in _APPLE_PARTS if _has(now, part)]
    except (Exception, SystemExit) as error:
        why = f"its energy counters need zeus-apple-silicon ({type(error).__name__})"
        return [missing("apple:cpu", why, _APPLE_FIX, scope="package", includes=("cpu",))]


def _has(metrics, part):
    return getattr(metrics, _APPLE_PARTS[part], None) is not None


def _apple_probe(monitor, part):
    def read():
        energy_j = getattr(monitor.get_cumulative_energy(), _APPLE_PARTS[part]) * 1e-3
        return Sample(perf_counter_ns(), energy_j, None)

    return Probe(
        id=f"apple:{part}",
        scope={"cpu": "package", "dram": "dram"}.get(part, "device"),
        method="energy_counter",
        update_period_s=0.01,
        resolution_j=1e-3,
        includes=(part,),
        reader=read,
    )


def windows_probes():
    """What an adapter finds of Windows' energy meter (EMI), which labkit itself does not read.

    LABKIT_POWER_ADAPTER in the environment names it as `module:function`: a function without
    arguments that returns Probes. What it raises becomes the reason, as for any vendor's library.
    """
    if platform.system() != "Windows":
        return [missing("windows", "not Windows", scope="package", present=False)]
    adapter = os.environ.get("LABKIT_POWER_ADAPTER")
    if not adapter:
        fix = "set LABKIT_POWER_ADAPTER=module:function to a function that returns Probes"
        return [
            missing("windows", "labkit does not read Windows' energy meter", fix, present=False)
        ]
    module, _, function = adapter.partition(":")
    found = list(getattr(importlib.import_module(module), function)())
    if not found or not all(isinstance(probe, Probe) for probe in found):
        raise TypeError(f"{adapter} must return one Probe or more, got {found!r}")
    return found


def tpu_probes(here):
    """A TPU has no power interface; what Google published of its generation is named.

    here   the `Machine`
    """
    kind = here.tpu
    if not kind:
        return [missing("tpu", "no TPU here", present=False)]
    return [missing("tpu", f"{kind} has no power interface; {_published_mean(kind)}")]


def _published_mean(kind):
    generation = kind.rpartition("TPU ")[2]
    try:
        power = chip(f"tpu-{generation}").power
    except (LookupError, ValueError):
        return "nor is a power published for this generation"
    return f"published, not measured here: {power.figure}"
