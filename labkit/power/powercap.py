"""RAPL counters of Intel and AMD CPUs as probes: which add up, and which hold some of the same.

Packages and their dies add up, DRAM stands apart, `core` and `uncore` are parts of a package,
`psys` contains everything, a domain that two interfaces show counts once, and so do domains that
show one and the same counter. What labkit does not know by name is not added.
"""

import os
import re
from itertools import combinations
from pathlib import Path
from time import perf_counter_ns, sleep
from typing import Any

from labkit.hardware.powercap import (
    FIX,
    HIDDEN,
    HIDDEN_FIX,
    NO_POWERCAP,
    Domain,
    domains,
    is_hidden,
)  # fmt: skip
from labkit.hardware.system_files import SystemFiles
from labkit.power.estimate import DEFAULT_MAX_POWER_W
from labkit.power.probe import Probe, Sample, missing

UPDATE_S = 0.001
PLATFORM_MAX_POWER_W = 10_000.0  # of psys, which may hold several packages
NEAR_UJ, WATCH_NS = 10_000_000, 50_000_000  # two counters that are no further apart are watched
_SUMMED = re.compile(r"(package-\d+)(-die-\d+)?|dram")


def powercap_probes(root: str | os.PathLike | None = None) -> list[Probe]:
    """Every RAPL domain as a Probe, also those that cannot be read; one without `present` if none.

    root   where `sys/class/powercap` is looked for; by default as for `SystemFiles`
    """
    files = SystemFiles(root)
    if is_hidden(files):
        is_sure = bool(files.find("sys/class/powercap/*rapl*"))
        return [missing("rapl", HIDDEN, HIDDEN_FIX, **_CPU, present=is_sure)]
    found = _without_copies(files, domains(files))
    if not found:
        return [missing("rapl", NO_POWERCAP, scope="package", present=False)]
    mirrors, wholes = _mirrors(files, found), [domain.id for domain in found if _is_summed(domain)]
    probes = [_probe(files, domain, mirrors, wholes) for domain in found]
    return probes + _unseen_packages(files, found)


_CPU: dict[str, Any] = {"scope": "package", "includes": ("cpu",)}


def _without_copies(files, found):
    """Each domain once, though several interfaces show it: the one that can be read, MSR first.

    Two domains of one interface that have one name are two: nothing tells them apart, so neither
    hides the other.
    """

    def rank(domain):
        return files.text(f"{domain.path}/energy_uj") is None, domain.control != "intel-rapl"

    kept = {}
    for domain in sorted(found, key=rank):
        same = kept.setdefault(domain.id, [domain])
        if domain is not same[0] and domain.control == same[0].control and domain.name:
            same.append(domain)
    return [domain for domain in found if domain in kept[domain.id]]


def _mirrors(files, found):
    """Id -> id of a domain whose very counter it shows: the first of those that add up.

    Dies of one package are compared, and domains that different interfaces show. While counters
    move, one is read a moment later than the other. So both are watched in turns: they are one if
    what the one showed overlaps what the other showed, for that is a thousandth of a joule or less,
    and counters of their own are joules apart.
    """
    mirrors = {}
    summed = [domain for domain in found if _is_summed(domain) and domain.name != "dram"]
    for first, second in combinations(summed, 2):
        are_dies = "-die-" in first.name and _package(first) == _package(second)
        if first.id in mirrors or not (are_dies or first.control != second.control):
            continue
        if _is_one_counter(files, first, second):
            mirrors.setdefault(second.id, first.id)
    return mirrors


def _is_one_counter(files, *pair):
    """Watches as long as they are as close as one counter is to itself a moment later."""
    shown_uj, until_ns = ([], []), perf_counter_ns() + WATCH_NS
    while True:
        for seen, domain in zip(shown_uj, pair, strict=True):
            seen.append(files.number(f"{domain.path}/energy_uj") or 0)
        if min(map(min, shown_uj)) <= 0:
            return False  # unreadable, or at 0: that tells nothing
        if max(map(min, shown_uj)) <= min(map(max, shown_uj)):
            return True
        apart_uj = abs(shown_uj[0][-1] - shown_uj[1][-1])
        if apart_uj > NEAR_UJ or perf_counter_ns() > until_ns:
            return False
        sleep(0.0005)


def _package(domain):
    match = _SUMMED.fullmatch(domain.name or "")
    return match and match[1]


def _is_summed(domain):
    return bool(_SUMMED.fullmatch(domain.name or "")) and domain.parent != "psys"


def _unseen_packages(files, found):
    """A probe that is missing for each package that the CPU has and RAPL does not show."""
    shown = {_package(domain) for domain in found if _package(domain)}
    pattern = "sys/devices/system/cpu/cpu[0-9]*/topology/physical_package_id"
    numbers = {files.text(path) for path in files.find(pattern)} - {None, "", "-1"}
    if not shown or len(shown) >= len(numbers):
        return []
    unseen = [f"package-{number}" for number in sorted(numbers) if f"package-{number}" not in shown]
    reason = f"the CPU has {len(numbers)} packages, and RAPL shows {len(shown)} of them"
    return [missing(f"rapl:{name}", reason, **_CPU) for name in unseen]


def _probe(files, domain, mirrors, wholes):
    path = files.root / domain.path
    declared = {"method": "energy_counter", **_role(domain, mirrors, wholes)}
    id_ = domain.id
    if wholes.count(id_) > 1:
        reason = f"several domains are called {domain.name}, and nothing tells if they are one"
        return missing(f"{id_}:{domain.zone.replace(':', '-')}", reason, **declared)
    try:
        if domain.name is None:
            raise ValueError("it has no name, so nothing tells what it holds")
        _count_j(path)
    except PermissionError:
        reason = f"only root may read {path}/energy_uj"
        return missing(id_, reason, FIX, permission=True, **declared)
    except (OSError, ValueError) as error:
        return missing(id_, _in_words(error, path), **declared)
    return Probe(
        id=id_,
        **declared,
        update_period_s=UPDATE_S,
        resolution_j=1e-6,
        range_j=_micro(files, domain, "max_energy_range_uj"),
        max_power_w=_max_power_w(files, domain),
        reader=lambda: _sample(path),
    )


def _role(domain, mirrors, wholes):
    """What the domain is and includes, and whether it belongs into a total, and why not."""
    name = domain.name
    if name is None:
        return _CPU
    if name.startswith("psys"):
        others = tuple(wholes)
        note = "contains the packages, not added"
        return _apart("system", "platform", note, overlaps=others)
    if (domain.parent or "").startswith("psys"):
        return _apart("package", name, "a part of psys, not added", (domain.parent_id, *wholes))
    if domain.id in mirrors:
        first = mirrors[domain.id]
        return _apart("package", "cpu", f"shows the counter of {first}, not added", (first,))
    if name in ("core", "uncore"):
        whole = domain.parent or "the package"
        overlaps = (domain.parent_id,) if domain.parent_id else tuple(wholes)
        return _apart("package", name, f"a part of {whole}, not added", overlaps)
    if name == "dram":
        return {"scope": "dram", "includes": ("dram",)}
    if _is_summed(domain):
        return _CPU
    return _apart("package", name, "labkit does not know what it holds, not added", tuple(wholes))


def _apart(scope, held, note, overlaps):
    return {"scope": scope, "includes": (held,), "adds": False, "note": note, "overlaps": overlaps}


def _max_power_w(files, domain):
    """A bound that short peaks keep too: twice the highest limit that the domain declares."""
    limits = files.find(f"{domain.path}/constraint_*_max_power_uw")
    limits_w = [(files.number(path) or 0) * 1e-6 for path in limits]
    is_platform = (domain.name or "").startswith("psys")
    at_least_w = PLATFORM_MAX_POWER_W if is_platform else DEFAULT_MAX_POWER_W
    return max(2 * max(limits_w, default=0.0), at_least_w)


def _micro(files: SystemFiles, domain: Domain, name: str) -> float | None:
    count = files.number(f"{domain.path}/{name}")
    return count * 1e-6 if count and count > 0 else None


def _sample(path):
    return Sample(energy_j=_count_j(path), power_w=None, t_ns=perf_counter_ns())


def _count_j(path: Path) -> float:
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
