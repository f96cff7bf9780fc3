"""NVIDIA GPUs through the driver's own library: the energy counter, else the power.

What a power figure means differs by chip: on Ampere (but for GA100) and later it is a mean over one
second, before that it is (nearly) instantaneous, and part-time (NVML's documentation; the update
periods are those of Yang, Adamek, Armour, SC'24, arXiv 2312.02741, and not checked on each card).
"""

import functools
import os
import re
import warnings
from time import perf_counter_ns

from labkit.hardware.system_files import SystemFiles
from labkit.power.probe import Probe, Sample, missing

COUNTER_UPDATE_S = 0.1
POWER_UPDATE_S = 0.1
MEAN_WINDOW_S, INSTANT_WINDOW_S = 1.0, 0.025
REL_UNCERTAINTY = 0.05  # Yang et al.: the error is 5 % of the power
_DEVICES = ("dev/nvidiactl", "dev/nvidia0", "dev/dxg")
_AMPERE = 7  # NVML_DEVICE_ARCH_AMPERE


def nvml_probes(root=None):
    """One Probe for each NVIDIA GPU; one without `present` where there is no driver.

    LABKIT_NVML_LIBRARY in the environment names another `libnvidia-ml.so.1`. `root` is where the
    driver's device files are looked for: they tell whether a library that fails is missed.
    """
    try:
        nvml = _library()
        nvml.nvmlInit()
        count = nvml.nvmlDeviceGetCount()
    except (Exception, SystemExit) as error:  # whatever a broken driver or wheel raises
        files = SystemFiles(root)
        return [_no_driver(error, present=any(map(files.exists, _DEVICES)))]
    if not count:
        return [missing("nvml", "the NVIDIA driver lists no GPU", present=False)]
    return [_guarded_probe(nvml, index) for index in range(count)]


def _library():
    """pynvml, told where the library is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an old package of the same name warns on import
        import pynvml
    path = os.environ.get("LABKIT_NVML_LIBRARY")
    if path and pynvml.nvmlLib is None:
        import ctypes

        pynvml.nvmlLib = ctypes.CDLL(path)
    return pynvml


def _no_driver(error, present):
    kind, fix = type(error).__name__, None
    first_line = (str(error).splitlines() or [""])[0]
    reason = f"asking the NVIDIA driver failed with {kind} {first_line}".strip()
    if kind == "NVMLError_LibraryNotFound":
        reason = "no NVIDIA driver here"
    elif isinstance(error, ImportError):
        reason, fix = "pynvml is not installed", "run: pip install nvidia-ml-py"
    return missing("nvml", reason, fix, present=present)


def _guarded_probe(nvml, index):
    try:
        return _probe(nvml, index)
    except (Exception, SystemExit) as error:
        reason = f"this GPU tells neither energy nor power ({type(error).__name__})"
        return missing(f"nvml:{index}", reason, "a whole GPU tells it, a slice or a guest may not")


def _probe(nvml, index):
    gpu = nvml.nvmlDeviceGetHandleByIndex(index)
    name = nvml.nvmlDeviceGetName(gpu)
    name = name.decode() if isinstance(name, bytes) else name
    declare = functools.partial(
        Probe,
        id=f"nvml:{index}",
        scope="device",
        includes=("gpu", "gpu memory"),
        rel_uncertainty=REL_UNCERTAINTY,
        max_power_w=_max_power_w(nvml, gpu),
        note=name,
    )
    if _or_none(lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(gpu)) is not None:
        return declare(
            method="energy_counter",
            update_period_s=COUNTER_UPDATE_S,
            resolution_j=1e-3,
            reader=lambda: Sample(
                energy_j=nvml.nvmlDeviceGetTotalEnergyConsumption(gpu) * 1e-3,
                power_w=None,
                t_ns=perf_counter_ns(),
            ),
        )
    nvml.nvmlDeviceGetPowerUsage(gpu)  # raises where there is none
    is_mean = _is_mean(_or_none(lambda: nvml.nvmlDeviceGetArchitecture(gpu)), name)
    return declare(
        method="averaged_power" if is_mean else "instant_power",
        update_period_s=POWER_UPDATE_S,
        averaging_window_s=MEAN_WINDOW_S if is_mean else INSTANT_WINDOW_S,
        resolution_w=1e-3,
        reader=lambda: Sample(
            energy_j=None,
            power_w=nvml.nvmlDeviceGetPowerUsage(gpu) * 1e-3,
            t_ns=perf_counter_ns(),
        ),
    )


def _is_mean(architecture, name):
    """Whether power is a mean over a second: Ampere and later, but for GA100 (A100, A800, A30)."""
    if architecture is None or architecture < _AMPERE:
        return False
    return architecture > _AMPERE or not re.search(r"\bA(100|800|30)\b", name)


def _max_power_w(nvml, gpu):
    """A bound that short peaks keep too: twice the power limit; None where none is told."""
    limit_mw = _or_none(lambda: nvml.nvmlDeviceGetPowerManagementLimit(gpu))
    return limit_mw * 2e-3 if limit_mw else None


def _or_none(ask):
    try:
        return ask()
    except Exception:  # NVMLError_NotSupported and its kin
        return None
