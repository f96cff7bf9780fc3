"""AMD GPUs: the kernel's hwmon files, else the vendor's `amdsmi`."""

from time import perf_counter_ns

from labkit.hardware.system_files import SystemFiles
from labkit.power.probe import Probe, Sample, missing

AMD_VENDOR = "0x1002"
POWER_UPDATE_S = 0.1  # the firmware's own averaging is not documented: taken as one update


def amd_probes(root=None):
    """One Probe for each AMD GPU; one without `present` where there is none."""
    files = SystemFiles(root)
    vendors = files.find("sys/class/drm/card[0-9]*/device/vendor")
    cards = [path.removesuffix("/vendor") for path in vendors if files.text(path) == AMD_VENDOR]
    if not cards:
        return [missing("amd", "no AMD GPU here", present=False)]
    found = [_from_hwmon(files, card, index) for index, card in enumerate(cards)]
    if all(probe.available for probe in found):
        return found
    return _from_amdsmi(found)


def _from_hwmon(files, card, index):
    """energy1_input counts µJ; power1_average and power1_input tell µW (Linux hwmon interface)."""
    for pattern in ("energy1_input", "power1_average", "power1_input"):
        for path in files.find(f"{card}/hwmon/hwmon*/{pattern}"):
            if files.number(path) is not None:
                return _hwmon_probe(files, path, index)
    return missing(f"amd:{index}", "the kernel shows no power of this GPU")


def _hwmon_probe(files, path, index):
    is_counter = path.endswith("energy1_input")

    def read():
        with open(files.root / path, "rb") as file:
            value = int(file.read()) * 1e-6
        return Sample(perf_counter_ns(), *((value, None) if is_counter else (None, value)))

    return Probe(
        id=f"amd:{index}",
        scope="device",
        method="energy_counter" if is_counter else "averaged_power",
        update_period_s=POWER_UPDATE_S,
        averaging_window_s=None if is_counter else POWER_UPDATE_S,
        resolution_j=1e-6 if is_counter else None,
        resolution_w=None if is_counter else 1e-6,
        includes=("gpu", "gpu memory"),
        note="hwmon",
        reader=read,
    )


def _from_amdsmi(found):
    """The probes of amdsmi, or those of hwmon with the reason why amdsmi is no help either."""
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
