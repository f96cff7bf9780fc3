"""AMD GPUs: the kernel's hwmon files, else the vendor's `amdsmi`.

The power of an APU is that of CPU and GPU together (AMD's PPT, package power tracking), so it is
never added to what RAPL tells of the same package.
"""

import os
from time import perf_counter_ns
from typing import Any

from labkit.hardware.amd_gpus import AmdGpu, amd_gpus
from labkit.hardware.system_files import SystemFiles
from labkit.power.probe import Probe, Sample, missing

POWER_UPDATE_S = 0.1  # the firmware's own averaging is not documented: taken as one update
MAX_POWER_W = 3000.0  # of a card that declares no cap


def amd_probes(root: str | os.PathLike | None = None) -> list[Probe]:
    """One Probe for each AMD GPU; one without `present` where there is none.

    A GPU that ROCR_VISIBLE_DEVICES or HIP_VISIBLE_DEVICES hides is listed and not added.
    """
    files = SystemFiles(root)
    gpus = amd_gpus(files)
    if not gpus:
        return [missing("amd", "no AMD GPU here", present=False)]
    found = [_from_hwmon(files, gpu) for gpu in gpus]
    if all(probe.available for probe in found):
        return found
    return _from_amdsmi(found)


def _from_hwmon(files, gpu):
    """energy1_input counts µJ; power1_average and power1_input tell µW (Linux hwmon interface)."""
    for pattern in ("energy1_input", "power1_average", "power1_input"):
        for path in files.find(f"{gpu.device}/hwmon/hwmon*/{pattern}"):
            if files.number(path) is not None:
                return _hwmon_probe(files, path, gpu)
    reason = "the kernel shows no power of this GPU"
    return missing(f"amd:{gpu.index}", reason, adds=gpu.visible)


def _hwmon_probe(files, path, gpu):
    is_counter = path.endswith("energy1_input")

    def read():
        with open(files.root / path, "rb") as file:
            value = int(file.read()) * 1e-6
        return Sample(perf_counter_ns(), *((value, None) if is_counter else (None, value)))

    caps = files.find(f"{path.rpartition('/')[0]}/power1_cap*")
    cap_w = max((files.number(cap) or 0 for cap in caps), default=0) * 1e-6
    return Probe(
        id=f"amd:{gpu.index}",
        method="energy_counter" if is_counter else "averaged_power",
        update_period_s=POWER_UPDATE_S,
        averaging_window_s=None if is_counter else POWER_UPDATE_S,
        resolution_j=1e-6 if is_counter else None,
        resolution_w=None if is_counter else 1e-6,
        max_power_w=max(2 * cap_w, MAX_POWER_W),
        reader=read,
        **_role(gpu),
    )


def _role(gpu: AmdGpu) -> dict[str, Any]:
    """What the figure holds, and whether it belongs into a total, and why not."""
    if gpu.is_apu:
        apu = ("cpu", "gpu")
        role: dict[str, Any] = {"scope": "package", "includes": apu, "note": "PPT of the whole APU"}
    elif gpu.is_apu is None:
        note = "nothing tells whether it is a card or shares the CPU's package, not added"
        role = {"scope": "device", "includes": ("gpu",), "note": note, "adds": False}
        role["may_overlap"] = True
    else:
        role = {"scope": "device", "includes": ("gpu", "gpu memory"), "note": "hwmon"}
    if gpu.visible:
        return role
    return {**role, "adds": False, "note": f"{role['note']}, hidden by {gpu.hidden_by}"}


def _from_amdsmi(found):
    """The probes of amdsmi, or those of hwmon with the reason why amdsmi can't help either."""
    try:
        import amdsmi

        amdsmi.amdsmi_init()
        handles = amdsmi.amdsmi_get_processor_handles()
        return [_amdsmi_probe(amdsmi, gpu, index) for index, gpu in enumerate(handles)]
    except (Exception, SystemExit) as error:  # its import raises KeyError without ROCm
        why = f"amdsmi: {type(error).__name__} {error}".strip()
        fix = "install ROCm 6.3 or later with its amdsmi"
        return [
            probe if probe.available else missing(probe.id, f"{probe.reason}; {why}", fix)
            for probe in found
        ]


def _amdsmi_probe(amdsmi, gpu, index):
    def read():
        count = amdsmi.amdsmi_get_energy_count(gpu)
        units = count["energy_accumulator"] if "energy_accumulator" in count else count["power"]
        return Sample(
            energy_j=units * count["counter_resolution"] * 1e-6,  # the resolution is in µJ
            power_w=None,
            t_ns=perf_counter_ns(),
        )

    read()  # raises where there is no counter
    return Probe(
        id=f"amd:{index}",
        scope="device",
        method="energy_counter",
        update_period_s=0.01,
        resolution_j=15.3e-6,
        includes=("gpu", "gpu memory"),
        note="amdsmi",
        reader=read,
    )
