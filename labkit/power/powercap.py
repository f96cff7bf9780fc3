"""RAPL counters of Intel and AMD CPUs, from Linux's powercap files.

A domain is known by its `name` and its parent, not by its directory. Packages and their dies add
up, DRAM stands apart, `core` and `uncore` are parts of a package, `psys` contains everything, and a
domain that MSR and MMIO both show counts once.
"""

import re
from time import perf_counter_ns

from labkit.hardware.system_files import SystemFiles
from labkit.power.counter import DEFAULT_MAX_POWER_W
from labkit.power.probe import Probe, Sample, missing

FOLDER = "sys/class/powercap"
UPDATE_S = 0.001
FIX = "run: sudo chmod a+r /sys/class/powercap/*/energy_uj (until the next boot)"
NO_POWERCAP = "no RAPL counters: Linux shows none, as in a virtual machine or a container"


def powercap_probes(root=None):
    """Every RAPL domain as a Probe, also those that cannot be read; one without `present` if none.

    root   where `sys/class/powercap` is looked for; by default as for `SystemFiles`
    """
    files = SystemFiles(root)
    domains = _without_copies(files, _domains(files))
    mirrors = _mirrors(files, domains)
    found = [_probe(files, domain, mirrors) for domain in domains]
    return found or [missing("rapl", NO_POWERCAP, scope="package", present=False)]


class _Domain:
    """One directory: its name, the name of the package it lies under, whether it is a copy."""

    def __init__(self, files, path):
        self.path = path
        self.zone = path.rsplit("/", 1)[-1]  # intel-rapl:0:1
        self.name = files.text(f"{path}/name")
        self.parent = None
        self.is_mmio = "mmio" in self.zone

    @property
    def id(self):
        if self.name is None:
            return f"rapl:{self.zone.replace(':', '-')}"
        if self.parent and not self.name.startswith(("package", "psys")):
            number = re.search(r"\d+(-die-\d+)?$", self.parent)
            return f"rapl:{self.name}-{number.group() if number else self.parent}"
        return f"rapl:{self.name}"


def _domains(files):
    zone = "*rapl*:*"
    paths = [*files.find(f"{FOLDER}/{zone}"), *files.find(f"{FOLDER}/{zone}/{zone}")]
    by_zone = {domain.zone: domain for domain in (_Domain(files, path) for path in paths)}
    for zone, domain in by_zone.items():
        above = by_zone.get(zone.rpartition(":")[0])
        domain.parent = (above.name or above.zone) if above else None
    return sorted(by_zone.values(), key=lambda domain: _natural(domain.zone))


def _natural(zone):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", zone)]


def _without_copies(files, domains):
    """The same domain through MSR and MMIO counts once: the one that can be read, and MSR first."""

    def rank(domain):
        return files.text(f"{domain.path}/energy_uj") is None, domain.is_mmio

    kept = {}
    for domain in sorted(domains, key=rank):
        kept.setdefault(domain.id, domain)
    return sorted(kept.values(), key=lambda domain: _natural(domain.zone))


def _mirrors(files, domains):
    """Dies that show the very counter of another die of their package: they are that one's mirror.

    Two counters of 61 µJ steps agree in every digit by accident once in billions of times.
    """
    seen, mirrors = {}, {}
    for domain in domains:
        package = re.fullmatch(r"(package-\d+)-die-\d+", domain.name or "")
        count = files.text(f"{domain.path}/energy_uj")
        if package and count and int(count):
            first = seen.setdefault((package.group(1), count), domain.id)
            if first != domain.id:
                mirrors[domain.id] = first
    return mirrors


def _probe(files, domain, mirrors):
    path = files.root / domain.path
    declared = {"scope": _scope(domain), "method": "energy_counter"}
    try:
        if domain.name is None:
            raise ValueError("it has no name, so nothing tells what it holds")
        _count_j(path)
    except PermissionError:
        reason = f"only root may read {path}/energy_uj"
        return missing(
            domain.id, reason, FIX, permission=True, **declared, **_role(domain, mirrors)
        )
    except (OSError, ValueError) as error:
        return missing(domain.id, _in_words(error, path), **declared, **_role(domain, mirrors))
    return Probe(
        id=domain.id,
        **declared,
        **_role(domain, mirrors),
        update_period_s=UPDATE_S,
        resolution_j=1e-6,
        range_j=_micro(files, domain, "max_energy_range_uj"),
        max_power_w=_max_power_w(files, domain),
        reader=lambda: _sample(path),
    )


def _scope(domain):
    if (domain.name or "").startswith("psys"):
        return "system"
    return "dram" if domain.name == "dram" else "package"


def _role(domain, mirrors):
    """What the domain includes, and whether it belongs into a total, and why not."""
    name = domain.name or ""
    if name.startswith("psys"):
        return {
            "includes": ("platform",),
            "adds": False,
            "note": "contains the packages, not added",
        }
    if (domain.parent or "").startswith("psys"):
        return {"includes": (name,), "adds": False, "note": "a part of psys, not added"}
    if domain.id in mirrors:
        note = f"shows the counter of {mirrors[domain.id]}, not added"
        return {"includes": ("cpu",), "adds": False, "note": note}
    if name in ("core", "uncore"):
        return {"includes": (name,), "adds": False, "note": f"a part of {domain.parent}, not added"}
    return {"includes": ("dram",) if name == "dram" else ("cpu",)}


def _max_power_w(files, domain):
    """A bound that short peaks keep too: twice the highest limit that the domain declares."""
    limits = files.find(f"{domain.path}/constraint_*_max_power_uw")
    limits_w = [(files.number(path) or 0) * 1e-6 for path in limits]
    return max(2 * max(limits_w, default=0.0), DEFAULT_MAX_POWER_W)


def _micro(files, domain, name):
    count = files.number(f"{domain.path}/{name}")
    return count * 1e-6 if count else None


def _sample(path):
    return Sample(energy_j=_count_j(path), power_w=None, t_ns=perf_counter_ns())


def _count_j(path):
    """The counter in J. Raises OSError, or ValueError with a sentence."""
    with open(path / "energy_uj", "rb") as file:
        text = file.read(64).strip()
    if not text.isdigit():
        shown = text.decode("ascii", "replace")
        raise ValueError(f"energy_uj holds no number but {shown!r}")
    return int(text) * 1e-6


def _in_words(error, path):
    if isinstance(error, FileNotFoundError):
        return f"{path}/energy_uj is missing"
    return str(error)
