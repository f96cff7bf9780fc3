"""What a container may use: CPU quota and memory limit of cgroups, version 1 and 2.

Any group on the path from this process up to the mount may set a limit; the tightest one holds.
"""

import contextlib
from pathlib import PurePosixPath

from labkit.hardware.facts import Fact, none, unknown

_UNLIMITED_BYTES = 2**60  # version 1 writes "no limit" as a huge number of pages


def cpu_quota(files):
    """Fact: CPU time per wall time that the groups allow, as a number of cores such as 1.5."""
    return _tightest(files, "cpu", {"cgroup": _quota_v1, "cgroup2": _quota_v2})


def memory_limit(files):
    """Fact: bytes of memory that the groups allow."""
    return _tightest(files, "memory", {"cgroup": _memory_v1, "cgroup2": _memory_v2})


def _tightest(files, controller, limit_of):
    groups = [
        (limit_of[version], group)
        for version, mount_root, mount in _mounts(files, controller)
        for group in _groups(files, version, controller, mount_root, mount)
    ]
    if not groups:
        return unknown("no cgroup is mounted here")
    limits = [limit(files, group) for limit, group in groups]
    return min((Fact(limit) for limit in limits if limit), default=none("no cgroup sets a limit"))


def _mounts(files, controller):
    """Yield (version, root in the hierarchy, mount point) of each mount that may have the limit."""
    for line in (files.text("proc/self/mountinfo") or "").splitlines():
        left, _, right = line.partition(" - ")
        version, _, options = right.partition(" ")
        if version == "cgroup2" or (
            version == "cgroup" and controller in options.split(" ")[-1].split(",")
        ):
            yield version, *left.split(" ")[3:5]


def _groups(files, version, controller, mount_root, mount):
    """Yield the directories from the group of this process up to the mount point."""
    path = PurePosixPath(_own_path(files, version, controller))
    if ".." in path.parts or not path.is_relative_to(mount_root):
        path = PurePosixPath(mount_root)  # a group outside of what this container may see
    below = path.relative_to(mount_root)
    for part in (below, *below.parents):
        yield PurePosixPath(mount.lstrip("/")) / part


def _own_path(files, version, controller):
    for line in (files.text("proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "" if version == "cgroup2" else controller in controllers.split(","):
            return path
    return "/"


def _quota_v2(files, group):
    quota, _, period = (files.text(group / "cpu.max") or "max").partition(" ")
    return None if quota == "max" else int(quota) / int(period)


def _quota_v1(files, group):
    quota, period = (files.number(group / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    return quota / period if quota and period and quota > 0 else None


def _memory_v2(files, group):
    return files.number(group / "memory.max")  # "max" is no number


def _memory_v1(files, group):
    limit = files.number(group / "memory.limit_in_bytes")
    return limit if limit and limit < _UNLIMITED_BYTES else None


def throttled_ns(root="/sys/fs/cgroup"):
    """How long a CPU quota has held this container back so far, or None where nobody counts it.

    Linux control groups only: `throttled_usec` of version 2, `throttled_time` of version 1.
    """
    for path in ("cpu.stat", "cpu/cpu.stat", "cpu,cpuacct/cpu.stat"):
        with contextlib.suppress(OSError), open(f"{root}/{path}") as lines:
            counts = dict(line.split() for line in lines)
            if "throttled_usec" in counts:
                return 1000 * int(counts["throttled_usec"])
            if "throttled_time" in counts:
                return int(counts["throttled_time"])
    return None
