"""Apple chips: the energy counters that `zeus-apple-silicon` reads."""

import platform
from time import perf_counter_ns

from labkit.power.probe import Probe, Sample, missing

_APPLE_PARTS = {"cpu": "cpu_total_mj", "gpu": "gpu_mj", "dram": "dram_mj", "ane": "ane_mj"}
_APPLE_FIX = "run: pip install zeus-apple-silicon"


def apple_probes() -> list[Probe]:
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
        rests=part in ("gpu", "ane"),  # these are switched off while they have nothing to do
        reader=read,
    )
