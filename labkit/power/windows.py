"""Windows: its energy meter, which an adapter may read for labkit."""

import importlib
import os
import platform

from labkit.power.probe import Probe, missing


def windows_probes() -> list[Probe]:
    """What an adapter finds of Windows' energy meter (EMI), which labkit itself does not read.

    LABKIT_POWER_ADAPTER in the environment names it as `module:function`: a function without
    arguments that returns Probes. What it raises becomes the reason, as for any vendor's library.
    """
    if platform.system() != "Windows":
        return [missing("windows", "not Windows", scope="package", present=False)]
    adapter = os.environ.get("LABKIT_POWER_ADAPTER")
    if not adapter:
        fix = "set LABKIT_POWER_ADAPTER=module:function to a function that returns Probes"
        return [
            missing("windows", "labkit does not read Windows' energy meter", fix, present=False)
        ]
    module, _, function = adapter.partition(":")
    found = list(getattr(importlib.import_module(module), function)())
    if not found or not all(isinstance(probe, Probe) for probe in found):
        raise TypeError(f"{adapter} must return one Probe or more, got {found!r}")
    return found
