"""Control groups, version 1 and 2: the limits of this process, its CPU time, how it was throttled.

What counts is the group that the process itself is in, as `/proc/self/cgroup` names it. Each group
on the path from there up to the mount may set a limit: the tightest one holds. Where a file
says something else, such as a period of 0, that counts as unlimited, and the reason quotes it.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from labkit.hardware.facts import Fact, none, unknown
from labkit.hardware.system_files import SystemFiles

_UNLIMITED_BYTES = 2**60  # version 1 writes "no limit" as a huge number of pages


class Group(NamedTuple):
    """A group of this process or one above it: its version, 1 or 2, and its directory."""

    version: int
    path: PurePosixPath


def cpu_quota(files: SystemFiles) -> Fact:
    """Fact: CPU time per wall time that the groups allow, as a number of cores such as 1.5."""
    return _tightest(files, "cpu", _quota_cores)


def memory_limit(files: SystemFiles) -> Fact:
    """Fact: bytes of memory that the groups allow."""
    return _tightest(files, "memory", _memory_bytes)


def throttled_ns(files: SystemFiles) -> int | None:
    """How long quotas have held this process back so far, in ns; None where nobody counts it.

    A group counts only what its own quota did, so those above it are added.
    """
    counts = [_throttled_ns(files, group) for group in groups(files, "cpu")]
    counts = [count for count in counts if count is not None]
    return sum(counts) if counts else None


def cpu_time_clock(files: SystemFiles) -> Callable[[], float | None] | None:
    """A function that tells the CPU seconds that this process's own group has used so far.

    Where its own group does not count them, the nearest one above it that does; None where none
    does. The function returns None once the count can no longer be read.
    """
    # Where a controller is mounted as version 1, version 2 counts something else, if anything.
    for group in sorted(groups(files, "cpuacct"), key=lambda group: group.version):
        if _cpu_time_s(files, group) is not None:
            return lambda: _cpu_time_s(files, group)
    return None


def groups(files: SystemFiles, controller: str) -> Iterator[Group]:
    """The groups of this process that `controller` may act in: its own first, then those above."""
    for version, mount_root, mount in _mounts(files, controller):
        path = PurePosixPath(_own_path(files, version, controller))
        if ".." in path.parts or not path.is_relative_to(mount_root):
            path = PurePosixPath(mount_root)  # a group outside of what this container may see
        below = path.relative_to(mount_root)
        for part in (below, *below.parents):
            yield Group(version, PurePosixPath(mount.lstrip("/")) / part)


def _mounts(files, controller):
    """Yield (version, root in the hierarchy, mount point) of each mount with `controller`."""
    for line in (files.text("proc/self/mountinfo") or "").splitlines():
        left, _, right = (part.split() for part in line.partition(" - "))
        if len(left) < 5 or not right or not left[3].startswith("/"):
            continue
        root, mount = map(_unescaped, left[3:5])
        if right[0] == "cgroup2":
            yield 2, root, mount
        elif right[0] == "cgroup" and controller in right[-1].split(","):
            yield 1, root, mount


def _unescaped(path):
    """A path of mountinfo, which writes a space as \\040."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def _own_path(files, version, controller):
    for line in (files.text("proc/self/cgroup") or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, colon, path = rest.partition(":")
        is_own = not controllers if version == 2 else controller in controllers.split(",")
        if colon and is_own:
            return path
    return "/"


def _tightest(files, controller, read_limit):
    """The least of the limits; without one, what was said in place of a limit."""
    facts = [read_limit(files, group) for group in groups(files, controller)]
    limits = [fact for fact in facts if fact and fact.value is not None]
    if limits:
        return min(limits)
    nonsense = [fact for fact in facts if fact]
    if nonsense:
        return nonsense[0]
    return none("no cgroup sets a limit") if facts else unknown("no cgroup is mounted here")


def _quota_cores(files, group):
    """A Fact, or None where the group sets no limit."""
    if group.version == 2:
        name = "cpu.max"
        text = files.text(group.path / name)
        words = ["max"] if text is None else text.split()
        if words in (["max"], ["max", *words[1:]]):
            return None
    else:
        name = "cpu.cfs_quota_us and cpu.cfs_period_us"
        words = [files.text(group.path / f"cpu.cfs_{part}_us") for part in ("quota", "period")]
        if words[0] in (None, "-1"):
            return None
        words = [word or "" for word in words]
    if len(words) == 2 and all(map(_is_count, words)) and all(map(int, words)):
        return Fact(int(words[0]) / int(words[1]))
    return _nonsense(group, name, " ".join(words), "a quota and a period in µs")


def _memory_bytes(files, group):
    """A Fact, or None where the group sets no limit."""
    name = "memory.max" if group.version == 2 else "memory.limit_in_bytes"
    text = files.text(group.path / name)
    if text in (None, "max", "-1") or (_is_count(text) and int(text) >= _UNLIMITED_BYTES):
        return None
    if _is_count(text) and int(text):
        return Fact(int(text))
    return _nonsense(group, name, text, "a number of bytes")


def _nonsense(group, name, text, wanted):
    return unknown(f"{name} of /{group.path} says {text!r}, which is not {wanted}")


def _throttled_ns(files, group):
    """throttled_usec of version 2, throttled_time (in ns) of version 1."""
    counts = _counts(files, group)
    if group.version == 2:
        return None if "throttled_usec" not in counts else 1000 * counts["throttled_usec"]
    return counts.get("throttled_time")


def _cpu_time_s(files, group):
    if group.version == 2:
        used_us = _counts(files, group).get("usage_usec")
        return None if used_us is None else used_us * 1e-6
    text = files.text(group.path / "cpuacct.usage") or ""
    return int(text) * 1e-9 if _is_count(text) else None


def _counts(files, group):
    """Name -> number of each line of `cpu.stat` that holds just these two."""
    lines = (files.text(group.path / "cpu.stat") or "").splitlines()
    pairs = [line.split() for line in lines]
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and _is_count(pair[1])}


def _is_count(text):
    """Whether a text is a number as the kernel writes it: digits only, and not absurdly long."""
    return text.isascii() and text.isdigit() and len(text) <= 20
