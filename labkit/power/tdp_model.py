"""The last resort: a CPU's power from its TDP and its load: modelled, and a factor of two wide.

P = TDP * (IDLE_SHARE + (1 - IDLE_SHARE) * load). Over the 106 public runs in
`data/cpu_load_rapl.csv` (codecarbon, four CPUs, RAPL energy over duration) nine in ten lie within a
factor of 2.01 of this, idle runs included; within 2.30 of TDP * load, for which idle is 0 W.
"""

import csv
import functools
import os
import re
from importlib.resources import files as resources
from time import perf_counter_ns
from typing import Any

from labkit.hardware import Machine
from labkit.hardware.cgroup import cpu_time_clock
from labkit.hardware.system_files import SystemFiles
from labkit.power.probe import Probe, Sample, missing

IDLE_SHARE = 0.15
FACTOR = 2.1  # either way
UPDATE_S = 0.01  # the kernel counts CPU time in ticks
_ENVIRONMENT = "LABKIT_CPU_TDP_W"
_FIX = (
    f"set {_ENVIRONMENT} to the TDP in W of the cores that this system shows (in a virtual "
    f"machine: the chip's TDP times its share of the chip's threads)"
)


def modelled_power_w(tdp_w: float, load: float) -> tuple[float, float, float]:
    """A CPU's power in W as (probable, low, high) at a load of 0 to 1."""
    power_w = tdp_w * (IDLE_SHARE + (1 - IDLE_SHARE) * load)
    return power_w, power_w / FACTOR, power_w * FACTOR


def model_probes(here: Machine, root: str | os.PathLike | None = None) -> list[Probe]:
    """The CPU as one modelled Probe; without a known TDP one that says what to give.

    here   the `Machine`
    """
    n_logical = here.n_logical_cores or 1
    try:
        tdp_w, note = _tdp(here.cpu_model, n_logical)
    except ValueError as error:
        return [missing("model:cpu-tdp", str(error), _FIX, **_DECLARED)]
    busy_s = cpu_time_clock(SystemFiles(root)) if here.cpu_quota_cores else None
    # With a quota its own share of the machine counts, else the machine: idle and busy alike.
    n_idling = min(here.cpu_count_usable or n_logical, n_logical) if busy_s else n_logical
    busy_s = _never_less(busy_s or _busy_time_of_machine)
    tdp_per_core_w = tdp_w / n_logical

    def read():
        now_ns = perf_counter_ns()
        idle_s = IDLE_SHARE * n_idling * now_ns * 1e-9
        energy_j = tdp_per_core_w * (idle_s + (1 - IDLE_SHARE) * busy_s())
        return Sample(now_ns, energy_j, None)

    return [
        Probe(
            id="model:cpu-tdp",
            **_DECLARED,
            update_period_s=UPDATE_S,
            resolution_j=tdp_per_core_w * UPDATE_S,
            max_power_w=2 * FACTOR * tdp_w,
            rel_uncertainty=FACTOR - 1,
            note=f"{note}, times load; a factor of {FACTOR:g} either way",
            reader=read,
        )
    ]


_DECLARED: dict[str, Any] = {"scope": "package", "method": "model", "includes": ("cpu",)}


def _tdp(cpu_model, n_logical):
    """(TDP in W of the logical cores here, words). Raises ValueError where nobody knows it."""
    given = os.environ.get(_ENVIRONMENT)
    if given:
        return _given(given), f"{given} W from {_ENVIRONMENT}"
    row = cpu_tdp(cpu_model)
    if row is None:
        raise ValueError(f"no TDP is known for {cpu_model or 'this CPU'}")
    tdp_w, n_threads = float(row["tdp_w"]), int(row["n_threads"])
    note = f"TDP {tdp_w:g} W of {row['cpu']}"
    if n_logical < n_threads:
        note += f", {n_logical} of its {n_threads} threads"
    return tdp_w * n_logical / n_threads, note


def _given(text):
    try:
        tdp_w = float(text)
    except ValueError:
        tdp_w = 0.0
    if not 0 < tdp_w < 1e6:
        raise ValueError(f"{_ENVIRONMENT} is a power in W above 0, got {text!r}")
    return tdp_w


def cpu_tdp(cpu_model: str | None) -> dict[str, str] | None:
    """The row of `data/cpu_tdp.csv` whose every word is in the CPU's name, or None: no guess."""
    words = _words(cpu_model or "")
    for row in _tdp_table():
        if set(_words(row["cpu"])) <= set(words):
            return row
    return None


def _words(name):
    return re.sub(r"\((R|TM)\)", " ", name, flags=re.IGNORECASE).lower().split()


@functools.cache
def _tdp_table():
    return tuple(read_table("cpu_tdp.csv"))


def read_table(name: str) -> list[dict[str, str]]:
    """Rows of a data file of this room as dicts; lines that begin with # are its source."""
    text = (resources("labkit.power") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


def _never_less(busy_s):
    """The same clock, which stands still where the kernel's count falls.

    Raises OSError once the count can no longer be read.
    """
    most_s = 0.0

    def read_s():
        nonlocal most_s
        now_s = busy_s()
        if now_s is None:
            raise OSError("the CPU time of this control group can no longer be read")
        most_s = max(most_s, now_s)
        return most_s

    return read_s


def _busy_time_of_machine():
    """CPU seconds that anybody on this machine has used."""
    import psutil

    times = psutil.cpu_times()
    idle_s = times.idle + getattr(times, "iowait", 0.0)
    # Guest time is counted in user time already; stolen time ran somebody else.
    more_s = sum(getattr(times, name, 0.0) for name in ("guest", "guest_nice", "steal"))
    return sum(times) - idle_s - more_s
