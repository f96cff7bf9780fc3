"""TPUs, which have no power interface: what is published of them is named instead."""

from labkit.hardware import Machine, chip
from labkit.power.probe import Probe, missing


def tpu_probes(here: Machine) -> list[Probe]:
    """A TPU has no power interface; what Google published of its generation is named.

    here   the `Machine`
    """
    kind = here.tpu
    if not kind:
        return [missing("tpu", "no TPU here", present=False)]
    return [missing("tpu", f"{kind} has no power interface; {_published_mean(kind)}")]


def _published_mean(kind):
    generation = kind.rpartition("TPU ")[2]
    try:
        power = chip(f"tpu-{generation}").power
    except (LookupError, ValueError):
        return "nor is a power published for this generation"
    return f"published, not measured here: {power.figure}"
