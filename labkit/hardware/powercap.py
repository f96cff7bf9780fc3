"""RAPL domains, the energy counters of Intel and AMD CPUs, as Linux's powercap files show them.

A domain is known by its `name` and its parent, not by its directory.
"""

import re
from pathlib import PurePosixPath

from labkit.hardware.facts import Fact, none, unknown
from labkit.hardware.system_files import SystemFiles

FOLDER = "sys/class/powercap"
FIX = "run: sudo chmod a+r /sys/class/powercap/*/energy_uj (until the next boot)"
NO_POWERCAP = "no RAPL counters: Linux shows none, as in a virtual machine or a container"
HIDDEN = "the container hides the counters: Docker masks /sys/devices/virtual/powercap"
HIDDEN_FIX = "start the container with --security-opt systempaths=unconfined, or measure outside"
_MASKED = ("/sys/devices/virtual/powercap", "/sys/class/powercap")


class Domain:
    """One RAPL domain.

    path     its directory, below the root
    zone     the directory's name, such as `intel-rapl:0:1`
    control  what shows it: `intel-rapl` reads the CPU's registers, `intel-rapl-mmio` their copies
    name     what it is: `package-0`, `core`, `uncore`, `dram`, `psys`; None where nothing tells
    parent   the name of the domain that it lies in, or None
    """

    def __init__(self, files: SystemFiles, path: str):
        self.path = path
        self.zone = path.rsplit("/", 1)[-1]
        self.control = self.zone.partition(":")[0]
        self.name = files.text(f"{path}/name") or None
        self.parent: str | None = None
        self.parent_id: str | None = None

    @property
    def id(self) -> str:
        """`rapl:package-0`, `rapl:dram-0`; the same for copies of one domain."""
        if self.name is None:
            return f"rapl:{self.zone.replace(':', '-')}"
        if self.parent and not self.name.startswith(("package", "psys")):
            number = re.search(r"\d+(-die-\d+)?$", self.parent)
            return f"rapl:{self.name}-{number.group() if number else self.parent}"
        return f"rapl:{self.name}"

    @property
    def is_whole(self) -> bool:
        """Whether it lies in no other."""
        return self.zone.count(":") == 1


def domains(files: SystemFiles) -> list[Domain]:
    """All domains, in the order of their numbers."""
    zone = "*rapl*:*"
    paths = [*files.find(f"{FOLDER}/{zone}"), *files.find(f"{FOLDER}/{zone}/{zone}")]
    by_zone = {domain.zone: domain for domain in (Domain(files, path) for path in paths)}
    for zone, domain in by_zone.items():
        above = by_zone.get(zone.rpartition(":")[0])
        if above:
            domain.parent, domain.parent_id = above.name or above.zone, above.id
    return sorted(by_zone.values(), key=lambda domain: _natural(domain.zone))


def is_hidden(files: SystemFiles) -> bool:
    """Whether a container hides counters that the kernel has: links stay, what they lead to not."""
    links = files.find(f"{FOLDER}/*rapl*")
    if links:
        return not any(map(files.exists, links))
    mounts = (files.text("proc/self/mountinfo") or "").splitlines()
    return any(len(words) > 4 and words[4] in _MASKED for words in map(str.split, mounts))


def powercap_fact(files: SystemFiles) -> Fact:
    """Fact: which counters may be read, or why none, and what to do."""
    if is_hidden(files):
        return unknown(f"{HIDDEN}; {HIDDEN_FIX}")
    whole = [domain for domain in domains(files) if domain.is_whole]
    if not whole:
        return none("no powercap, as in a virtual machine, a container, or not on Linux")
    readable = [domain for domain in whole if files.text(f"{domain.path}/energy_uj")]
    if readable:
        names = dict.fromkeys(domain.name or domain.zone for domain in readable)
        return Fact(f"RAPL {', '.join(names)}")
    if any(files.exists(PurePosixPath(domain.path) / "energy_uj") for domain in whole):
        return unknown(f"only root may read the RAPL counters, {FIX}")
    return unknown("the RAPL domains have no counter: energy_uj is missing")


def _natural(zone):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", zone)]
