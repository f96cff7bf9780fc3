"""GPUs, TPUs and what tells their power; found without CUDA, torch or JAX.

A vendor's library may raise anything while it is imported or asked: that becomes a reason.
"""

import dataclasses
import importlib.util
import os
import platform
import re

from labkit.hardware.amd_gpus import amd_gpus
from labkit.hardware.facts import Fact, none
from labkit.hardware.nvml import DEVICE_FILES, LIBRARY, VISIBLE, nvidia_gpus, why_no_nvml
from labkit.hardware.powercap import powercap_fact
from labkit.hardware.system_files import SystemFiles

_GOOGLE_VENDOR = "0x1ae0"
# PCI device of a TPU -> generation, as in jax/_src/hardware_utils.py (v2 and v3 share one).
_TPU_GENERATIONS = {
    "0x0027": "v2 or v3",
    "0x005e": "v4",
    "0x0062": "v5p",
    "0x0063": "v5e",
    "0x006f": "v6e",
    "0x0076": "v7",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, or one slice of a GPU (MIG).

    power_sensor   NVML, hwmon or None
    hidden_by      the variable of the environment that hides it from programs like this one, or
                   None
    """

    name: str
    memory_bytes: int | None = None
    power_sensor: str | None = None
    hidden_by: str | None = None


def device_facts(files: SystemFiles) -> dict[str, Fact]:
    """GPUs, TPU and power interfaces, by the name of the field of Machine that holds them."""
    nvidia, why_nvidia = _nvidia(files)
    found = (*nvidia, *_amd(files))
    gpus = tuple(gpu for gpu in found if gpu.hidden_by is None)
    hidden = tuple(gpu for gpu in found if gpu.hidden_by is not None)
    sensors = sorted({gpu.power_sensor for gpu in gpus if gpu.power_sensor})
    why = why_nvidia if nvidia or not found else None
    why = why or "unknown (the driver tells no power)"
    if hidden and not gpus:
        variables = " and ".join(dict.fromkeys(gpu.hidden_by for gpu in hidden))
        why_nvidia = why = f"none (hidden by {variables})"
    return {
        "gpus": Fact(gpus) if gpus else Fact((), why_nvidia),
        "hidden_gpus": Fact(hidden, None if hidden else "none (every GPU may be used)"),
        "gpu_power": Fact(", ".join(sensors)) if sensors else Fact(None, why),
        "tpu": _tpu(files),
        "cpu_energy": powercap_fact(files),
    }


def _nvidia(files):
    """The GPUs, and the words to show if there are none or not all is known."""
    has_files = any(map(files.exists, DEVICE_FILES))
    if files.has_proc and not has_files and not os.environ.get(LIBRARY):
        return [], "none (no NVIDIA driver and no AMD card here)"
    if not files.has_proc and platform.system() == "Darwin":
        return [], "unknown (the GPU of a Mac is not asked; torch calls it mps)"
    try:
        gpus = [part for gpu in nvidia_gpus() for part in _parts(gpu)]
        return gpus, None if gpus else "none (the NVIDIA driver lists no GPU)"
    except (Exception, SystemExit) as error:  # whatever a broken driver or wheel raises
        pattern = "proc/driver/nvidia/gpus/*/information"
        infos = [files.text(path) or "" for path in files.find(pattern)]
        names = re.findall(r"Model:\s*(.+)", "\n".join(infos))
        return [Gpu(name) for name in names], _why_no_nvml(error)


def _why_no_nvml(error):
    reason, fix = why_no_nvml(error)
    if reason.startswith("no "):
        return f"none ({reason})"
    return f"unknown ({', '.join(filter(None, (reason, fix)))})"


def _parts(gpu):
    """The GPU as one Gpu; one that is cut into slices as its slices."""
    sensor = "NVML" if gpu.error is None and gpu.tells_power else None
    hidden_by = VISIBLE if gpu.visible is False else None
    if not gpu.slices:
        return [Gpu(gpu.name, gpu.memory_bytes, sensor, hidden_by)]
    return [
        Gpu(part.name, part.memory_bytes, sensor, hidden_by or (None if part.used else "MIG"))
        for part in gpu.slices
    ]


def _amd(files):
    for gpu in amd_gpus(files):
        sensor = files.find(f"{gpu.device}/hwmon/hwmon*/power1_*")
        yield Gpu(gpu.name, gpu.memory_bytes, "hwmon" if sensor else None, gpu.hidden_by)


def _tpu(files):
    chips = [
        _TPU_GENERATIONS.get(files.text(vendor.removesuffix("vendor") + "device"))
        for vendor in files.find("sys/bus/pci/devices/*/vendor")
        if files.text(vendor) == _GOOGLE_VENDOR
    ]
    chips = [chip for chip in chips if chip]  # Google's network cards have the same vendor
    if chips:
        return Fact(f"{len(chips)} × TPU {chips[0]}")
    return _tpu_by_software(files)


def _tpu_by_software(files):
    """A container may hide the PCI bus, yet not the device nodes that libtpu opens."""
    has_libtpu = "TPU_ACCELERATOR_TYPE" in os.environ or importlib.util.find_spec("libtpu")
    nodes = files.find("dev/accel[0-9]*") or files.find("dev/vfio/[0-9]*")
    if nodes and has_libtpu:
        kind = os.environ.get("TPU_ACCELERATOR_TYPE", "of unknown generation")
        return Fact(f"{len(nodes)} × TPU {kind}")
    return none("no TPU on the PCI bus, and no device of one")
