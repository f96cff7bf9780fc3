"""Reading what the system says of itself: files below one root, and facts that may be unknown."""

import os
import typing
from pathlib import Path


class Fact(typing.NamedTuple):
    """A value, or None and the words to show instead: `unknown (...)` or `none (...)`."""

    value: object
    why: str | None = None


def unknown(reason):
    return Fact(None, f"unknown ({reason})")


def none(reason):
    return Fact(None, f"none ({reason})")


class SystemFiles:
    """The files of `/proc`, `/sys` and `/dev`; another root than `/` holds a fake machine."""

    def __init__(self, root=None):
        self.root = Path(root or os.environ.get("LABKIT_SYSFS_ROOT") or "/")

    def text(self, path):
        """The stripped text of a file, or None where it is missing or may not be read."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def number(self, path):
        """The integer in a file, or None."""
        try:
            return int(self.text(path) or "")
        except ValueError:
            return None

    def find(self, pattern):
        """Paths below the root that fit the pattern, sorted, as texts that `text` takes."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.glob(pattern))

    def exists(self, path):
        return (self.root / path).exists()

    @property
    def has_proc(self):
        """Whether this is a Linux machine, real or fake; elsewhere psutil and platform answer."""
        return self.exists("proc/cpuinfo")
