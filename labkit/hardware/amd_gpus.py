"""AMD GPUs as the kernel shows them: which there are, which this process sees, which are APUs."""

import dataclasses
import os
from pathlib import Path

from labkit.hardware.cpu import cpu_vendor
from labkit.hardware.system_files import SystemFiles

_VENDOR = "0x1002"
_SMALL_GPU_METRICS = 2  # from this format revision on, `gpu_metrics` is an APU's


@dataclasses.dataclass(frozen=True, slots=True)
class AmdGpu:
    """One AMD GPU.

    index       its place among AMD's cards
    device      its directory, below the root
    visible     whether ROCm programs started like this one see it
    hidden_by   the variable of the environment that hides it, or None
    is_apu      whether it shares a chip with the CPU, so that its power holds the CPU's; None:
                nothing tells
    """

    index: int
    device: str
    name: str
    memory_bytes: int | None
    hidden_by: str | None
    is_apu: bool | None

    @property
    def visible(self) -> bool:
        """Whether ROCm programs started like this one see it."""
        return self.hidden_by is None


def amd_gpus(files: SystemFiles) -> list[AmdGpu]:
    """All AMD GPUs, each once, though several cards may lead to one device."""
    vendors = files.find("sys/class/drm/card[0-9]*/device/vendor")
    devices: dict[Path, str] = {}
    for path in vendors:
        if files.text(path) == _VENDOR:
            device = path.removesuffix("/vendor")
            devices.setdefault((files.root / device).resolve(), device)
    unique_ids = [files.text(f"{device}/unique_id") for device in devices.values()]
    return [
        AmdGpu(
            index,
            device,
            _name(files, device),
            files.number(f"{device}/mem_info_vram_total"),
            _hidden_by(index, unique_ids),
            _is_apu(files, device),
        )
        for index, device in enumerate(devices.values())
    ]


def _name(files, device):
    name = files.text(f"{device}/product_name")
    return name or f"AMD GPU (PCI device {files.text(f'{device}/device')})"


def _hidden_by(index, unique_ids):
    """ROCR_VISIBLE_DEVICES and HIP_VISIBLE_DEVICES list places, or `GPU-` and a unique id."""
    for variable in ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"):
        listed = os.environ.get(variable)
        if listed is not None and index not in _places(listed, unique_ids):
            return variable
    return None


def _places(listed, unique_ids):
    """The places that a list names, up to the first entry that names nothing."""
    places = []
    for token in listed.split(","):
        token = token.strip().lower()
        wanted = token.removeprefix("gpu-").removeprefix("0x")
        ids = [(text or "").lower().removeprefix("0x") for text in unique_ids]
        if token.isascii() and token.isdigit() and int(token) < len(unique_ids):
            places.append(int(token))
        elif token.startswith("gpu-") and wanted and wanted in ids:
            places.append(ids.index(wanted))
        else:
            break
    return places


def _is_apu(files, device):
    """By what only one of the two has: only an APU tells the voltage of its northbridge.

    (amdgpu_pm.c: `in1_label` is there on APUs only, a power cap hardly ever on them; the format of
    `gpu_metrics` is 1.x for cards and 2.x for APUs. Beside a CPU of another maker it is a card.)
    """
    labels = files.find(f"{device}/hwmon/hwmon*/*_label")
    if {"vddnb", "slowPPT", "fastPPT"} & {files.text(path) for path in labels}:
        return True
    revision = _metrics_revision(files, device)
    if revision is not None:
        return revision >= _SMALL_GPU_METRICS
    if files.find(f"{device}/hwmon/hwmon*/power1_cap"):
        return False
    vendor = cpu_vendor(files)
    return None if vendor in (None, "AuthenticAMD") else False


def _metrics_revision(files, device):
    """Byte 2 of the header of `gpu_metrics`: size (2 bytes), format, content."""
    try:
        header = (files.root / device / "gpu_metrics").read_bytes()[:4]
    except OSError:
        return None
    return header[2] if len(header) == 4 else None
