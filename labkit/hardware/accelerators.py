"""GPUs, TPUs and what tells their power; found without CUDA, torch or JAX.

A vendor's library may raise anything while it is imported or asked: that becomes a reason.
"""

import dataclasses
import importlib.util
import os
import platform
import re
import warnings

from labkit.hardware.facts import Fact, none, unknown

_NVIDIA_DEVICES = ("dev/nvidiactl", "dev/nvidia0", "dev/dxg")  # the last one is Windows' WSL2
_AMD_VENDOR, _GOOGLE_VENDOR = "0x1002", "0x1ae0"
# PCI device of a TPU -> generation, as in jax/_src/hardware_utils.py (v2 and v3 share one).
_TPU_GENERATIONS = {
    "0x0027": "v2 or v3",
    "0x005e": "v4",
    "0x0062": "v5p",
    "0x0063": "v5e",
    "0x006f": "v6e",
    "0x0076": "v7",
}
_RAPL_FIX = "sudo chmod a+r /sys/class/powercap/*/energy_uj"


@dataclasses.dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, visible to CUDA or not; `power_sensor` is NVML, hwmon or None."""

    name: str
    memory_bytes: int | None = None
    power_sensor: str | None = None


def device_facts(files):
    """GPUs, TPU and power interfaces, by the name of the field of Machine that holds them."""
    nvidia, why_nvidia = _nvidia(files)
    gpus = (*nvidia, *_amd(files))
    sensors = sorted({gpu.power_sensor for gpu in gpus if gpu.power_sensor})
    why = why_nvidia if nvidia or not gpus else None
    why = why or "unknown (the driver tells no power)"
    return {
        "gpus": Fact(gpus) if gpus else Fact((), why_nvidia),
        "gpu_power": Fact(", ".join(sensors)) if sensors else Fact(None, why),
        "tpu": _tpu(files),
        "cpu_energy": _powercap(files),
    }


def _nvidia(files):
    """The GPUs, and the words to show if there are none or not all is known."""
    if files.has_proc and not any(map(files.exists, _NVIDIA_DEVICES)):
        return [], "none (no NVIDIA driver and no AMD card here)"
    if not files.has_proc and platform.system() == "Darwin":
        return [], "unknown (the GPU of a Mac is not asked; torch calls it mps)"
    try:
        gpus = _ask_nvml()
        return gpus, None if gpus else "none (the NVIDIA driver lists no GPU)"
    except Exception as error:  # whatever a broken driver or wheel raises
        pattern = "proc/driver/nvidia/gpus/*/information"
        infos = [files.text(path) or "" for path in files.find(pattern)]
        names = re.findall(r"Model:\s*(.+)", "\n".join(infos))
        return [Gpu(name) for name in names], _why_no_nvml(error)


def _why_no_nvml(error):
    kind = type(error).__name__
    if kind == "NVMLError_LibraryNotFound":
        return "none (no NVIDIA driver here)"
    if isinstance(error, ImportError):
        return "unknown (pynvml is not installed, run: pip install nvidia-ml-py)"
    first_line = (str(error).splitlines() or [""])[0]
    return f"unknown (asking the NVIDIA driver failed with {kind} {first_line})"


def _ask_nvml():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an old package of the same name warns on import
        import pynvml
    pynvml.nvmlInit()
    try:
        return [_nvml_gpu(pynvml, index) for index in range(pynvml.nvmlDeviceGetCount())]
    finally:
        pynvml.nvmlShutdown()


def _nvml_gpu(pynvml, index):
    gpu = pynvml.nvmlDeviceGetHandleByIndex(index)
    name = pynvml.nvmlDeviceGetName(gpu)
    memory = _or_none(lambda: pynvml.nvmlDeviceGetMemoryInfo(gpu).total)
    power_mw = _or_none(lambda: pynvml.nvmlDeviceGetPowerUsage(gpu))
    name = name.decode() if isinstance(name, bytes) else name
    return Gpu(name, memory, None if power_mw is None else "NVML")


def _or_none(ask):
    try:
        return ask()
    except Exception:  # e.g. NVMLError_NotSupported on a chip that shares the host's memory
        return None


def _amd(files):
    for vendor in files.find("sys/class/drm/card[0-9]*/device/vendor"):
        if files.text(vendor) == _AMD_VENDOR:
            device = vendor.removesuffix("/vendor")
            name = files.text(f"{device}/product_name")
            name = name or f"AMD GPU (PCI device {files.text(f'{device}/device')})"
            sensor = files.find(f"{device}/hwmon/hwmon*/power1_*")
            yield Gpu(name, files.number(f"{device}/mem_info_vram_total"), sensor and "hwmon")


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


def _powercap(files):
    """RAPL's energy counters: which domains may be read, or why none, and what to do."""
    domains = [path for path in files.find("sys/class/powercap/*rapl*:*") if path.count(":") == 1]
    if not domains:
        return none("no powercap, as in a virtual machine, a container, or not on Linux")
    open_ = [domain for domain in domains if files.text(f"{domain}/energy_uj")]
    if not open_:
        return unknown(f"only root may read the RAPL counters, run: {_RAPL_FIX}")
    return Fact(f"RAPL {', '.join(files.text(f'{domain}/name') or domain for domain in open_)}")
