"""NVIDIA GPUs: the driver's energy counter, else the power.

What a power figure means differs by chip: on Ampere (but for GA100) and later it is a mean over one
second, before that it is (nearly) instantaneous, and part-time (NVML's documentation; the update
periods are those of Yang, Adamek, Armour, SC'24, arXiv 2312.02741, and not checked on each card).
So the window is not sure: what is stated of an energy holds for all windows of 25 ms to 1 s.
"""

import functools
import os
import re
from time import perf_counter_ns

from labkit.hardware.nvml import DEVICE_FILES, VISIBLE, NvidiaGpu, nvidia_gpus, why_no_nvml
from labkit.hardware.system_files import SystemFiles
from labkit.power.probe import Probe, Sample, missing

COUNTER_UPDATE_S = 0.1
POWER_UPDATE_S = 0.1
MEAN_WINDOW_S, INSTANT_WINDOW_S = 1.0, 0.025
REL_UNCERTAINTY = 0.05  # Yang et al.: the error is 5 % of the power
MAX_POWER_W = 3000.0  # of a card that declares no limit
_AMPERE = 7  # NVML_DEVICE_ARCH_AMPERE
_ORDER_FIX = "set CUDA_DEVICE_ORDER=PCI_BUS_ID, or name the GPU by its UUID"


def nvml_probes(root: str | os.PathLike | None = None) -> list[Probe]:
    """One Probe for each NVIDIA GPU; one without `present` where there is no driver.

    A GPU that CUDA_VISIBLE_DEVICES hides is listed and not added. `root` is where the driver's
    device files are looked for: they tell whether a library that fails is missed.
    """
    try:
        gpus = nvidia_gpus()
    except (Exception, SystemExit) as error:  # whatever a broken driver or wheel raises
        reason, fix = why_no_nvml(error)
        files = SystemFiles(root)
        return [missing("nvml", reason, fix, present=any(map(files.exists, DEVICE_FILES)))]
    if not gpus:
        return [missing("nvml", "the NVIDIA driver lists no GPU", present=False)]
    return [_guarded_probe(gpu) for gpu in gpus]


def _guarded_probe(gpu):
    id_, adds = f"nvml:{gpu.index}", gpu.visible is not False
    if gpu.visible is None:
        reason = f"{VISIBLE} names it by place, and CUDA may count {gpu.name} in another order"
        return missing(id_, reason, _ORDER_FIX)
    try:
        if gpu.error:
            raise gpu.error
        return _probe(gpu)
    except (Exception, SystemExit) as error:
        reason = f"this GPU tells neither energy nor power ({type(error).__name__})"
        return missing(id_, reason, "a whole GPU tells it, a slice or a guest may not", adds=adds)


def _probe(gpu: NvidiaGpu) -> Probe:
    limit_w = gpu.power_limit_w()
    declare = functools.partial(
        Probe,
        id=f"nvml:{gpu.index}",
        scope="device",
        includes=("gpu", "gpu memory"),
        adds=bool(gpu.visible),
        shares=_other_slices(gpu),
        rel_uncertainty=REL_UNCERTAINTY,
        max_power_w=2 * limit_w if limit_w else MAX_POWER_W,  # short peaks exceed the limit
        note=gpu.name if gpu.visible else f"{gpu.name}, hidden by {VISIBLE}",
    )
    if _answers(gpu.energy_j):
        return declare(
            method="energy_counter",
            update_period_s=COUNTER_UPDATE_S,
            resolution_j=1e-3,
            reader=lambda: Sample(energy_j=gpu.energy_j(), power_w=None, t_ns=perf_counter_ns()),
        )
    gpu.power_w()  # raises where there is none
    is_mean = _is_mean(gpu.architecture(), gpu.name)
    return declare(
        method="averaged_power" if is_mean else "instant_power",
        update_period_s=POWER_UPDATE_S,
        averaging_window_s=MEAN_WINDOW_S if is_mean else INSTANT_WINDOW_S,
        shortest_window_s=INSTANT_WINDOW_S,
        longest_window_s=MEAN_WINDOW_S,
        resolution_w=1e-3,
        reader=lambda: Sample(energy_j=None, power_w=gpu.power_w(), t_ns=perf_counter_ns()),
    )


def _other_slices(gpu):
    """What a GPU's figure holds of other programs, in words; None if it is whole."""
    if not gpu.slices:
        return None
    n_used = sum(part.used for part in gpu.slices)
    names = ", ".join(dict.fromkeys(part.name for part in gpu.slices if part.used)) or "none of it"
    return (
        f"the whole GPU in {len(gpu.slices)} MIG slices; this process uses {names}, and "
        f"{len(gpu.slices) - n_used} other slices are in the figure"
    )


def _answers(ask):
    try:
        return ask() is not None
    except Exception:  # NVMLError_NotSupported and its kin
        return False


def _is_mean(architecture, name):
    """Whether power is a mean over a second: Ampere and later, but for GA100 (A100, A800, A30)."""
    if architecture is None or architecture < _AMPERE:
        return False
    return architecture > _AMPERE or not re.search(r"\bA(100|800|30)\b", name)
