"""NVIDIA Jetson boards: the INA3221 chips that watch their supply rails."""

from time import perf_counter_ns

from labkit.hardware.system_files import SystemFiles
from labkit.power.probe import Probe, Sample, missing

UPDATE_S = 0.01  # of the chip's default conversion times, three channels
_WHOLE = ("VDD_IN", "POM_5V_IN", "VIN_SYS_5V0")  # the board's input: contains the other rails


def jetson_probes(root=None):
    """One Probe for each labelled rail; where the board's input is one, only that adds."""
    files = SystemFiles(root)
    rails = {**_old_rails(files), **_hwmon_rails(files)}
    whole = next((label for label in _WHOLE if label in rails), None)
    probes = [_probe(files, label, paths, whole) for label, paths in sorted(rails.items())]
    return probes or [missing("jetson", "no Jetson board here", scope="board", present=False)]


def _hwmon_rails(files):
    """Label -> files of voltage in mV and current in mA."""
    rails = {}
    for path in files.find("sys/bus/i2c/drivers/ina3221/*/hwmon/hwmon*/in[0-9]_label"):
        channel = path.removesuffix("_label")
        folder, _, name = channel.rpartition("/in")
        volts, amps = f"{channel}_input", f"{folder}/curr{name}_input"
        label = files.text(path)
        if label and files.number(volts) is not None and files.number(amps) is not None:
            rails[label] = (volts, amps)
    return rails


def _old_rails(files):
    """Label -> file of power in mW, as older systems (JetPack 4) show it."""
    rails = {}
    for path in files.find("sys/bus/i2c/drivers/ina3221x/*/iio*/rail_name_[0-9]"):
        power = path.replace("rail_name_", "in_power") + "_input"
        if files.text(path) and files.number(power) is not None:
            rails[files.text(path)] = (power,)
    return rails


def _probe(files, label, paths, whole):
    is_part = whole not in (None, label)

    def read():
        values = [int((files.root / path).read_bytes()) * 1e-3 for path in paths]
        watts = values[0] * values[1] if len(values) == 2 else values[0]
        return Sample(perf_counter_ns(), None, watts)

    return Probe(
        id=f"jetson:{label}",
        scope="board",
        method="instant_power",
        update_period_s=UPDATE_S,
        averaging_window_s=UPDATE_S,
        resolution_w=1e-3,
        includes=_includes(label),
        adds=not is_part,
        note=f"a part of {whole}, not added" if is_part else None,
        reader=read,
    )


def _includes(label):
    if label in _WHOLE:
        return ("board", "cpu", "gpu")
    name = label.lower()
    parts = tuple(part for part in ("cpu", "gpu") if part in name)
    return parts or (label,)
