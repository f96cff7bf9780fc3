"""NVIDIA Jetson boards: the INA3221 chips that watch their supply rails."""

import os
from time import perf_counter_ns
from typing import Any

from labkit.hardware.system_files import SystemFiles
from labkit.power.probe import Probe, Sample, missing

UPDATE_S = 0.01  # of the chip's default conversion times, three channels
MAX_POWER_W = 500.0  # no module draws a third of it
# The board's or module's input, which feeds all other rails. VIN_SYS_5V0 is none of these: it is
# the 5 V rail of an AGX Orin, a tenth of its power.
_WHOLE = ("VDD_IN", "VIN", "POM_5V_IN")
_NO_WHOLE = (
    "no rail is the input of this board, and nothing sure is known of which rail feeds which, so "
    "they are not added up"
)
_NO_WHOLE_FIX = "measure one of them: lk.energy(lk.probes()[...])"


def jetson_probes(root: str | os.PathLike | None = None) -> list[Probe]:
    """One Probe for each labelled rail; where the board's input is one, only that adds.

    Where it is not, none adds, and one probe stands for the board and says so.
    """
    files = SystemFiles(root)
    rails = {**_old_rails(files), **_hwmon_rails(files)}
    if not rails:
        return [missing("jetson", "no Jetson board here", scope="board", present=False)]
    whole = next((label for label in _WHOLE if label in rails), None)
    others = [whole] if whole else ["board", *rails]
    probes = [_probe(files, label, paths, whole, others) for label, paths in sorted(rails.items())]
    if whole is None:
        everything: dict[str, Any] = {"scope": "board", "includes": ("board", "cpu", "gpu")}
        probes.append(missing("jetson:board", _NO_WHOLE, _NO_WHOLE_FIX, **everything))
    return probes


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


def _probe(files, label, paths, whole, others):
    is_whole = label == whole

    def read():
        values = [int((files.root / path).read_bytes()) * 1e-3 for path in paths]
        watts = values[0] * values[1] if len(values) == 2 else values[0]
        return Sample(perf_counter_ns(), None, watts)

    note = f"a part of {whole}, not added" if whole else "one rail of the board, not added"
    return Probe(
        id=f"jetson:{label}",
        scope="board" if is_whole else "device",
        method="instant_power",
        update_period_s=UPDATE_S,
        averaging_window_s=UPDATE_S,
        resolution_w=1e-3,
        max_power_w=MAX_POWER_W,
        includes=("board", "cpu", "gpu") if is_whole else _includes(label),
        adds=is_whole,
        overlaps=tuple(f"jetson:{other}" for other in others if other != label),
        rests=not is_whole,
        note=None if is_whole else note,
        reader=read,
    )


def _includes(label):
    name = label.lower()
    parts = tuple(part for part in ("cpu", "gpu") if part in name)
    return parts or (label,)
