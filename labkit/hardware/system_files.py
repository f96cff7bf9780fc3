"""Files below one root: `/`, or a directory that holds a fake machine."""

import os
from pathlib import Path, PurePath


class SystemFiles:
    """The files of `/proc`, `/sys` and `/dev`; what is missing or may not be read is None.

    root   another directory than `/`; by default the environment's LABKIT_SYSFS_ROOT, else `/`
    """

    def __init__(self, root: str | os.PathLike | None = None):
        self.root = Path(root or os.environ.get("LABKIT_SYSFS_ROOT") or "/")

    def text(self, path: str | PurePath) -> str | None:
        """The stripped text of a file, or None where it is missing or may not be read."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip()
        except (OSError, ValueError):  # ValueError: a path with a null character
            return None

    def number(self, path: str | PurePath) -> int | None:
        """The integer in a file, or None."""
        try:
            return int(self.text(path) or "")
        except ValueError:
            return None

    def find(self, pattern: str) -> list[str]:
        """Paths below the root that fit the pattern, sorted, as texts that `text` takes.

        A link that leads nowhere is one of them.
        """
        try:
            return sorted(str(path.relative_to(self.root)) for path in self.root.glob(pattern))
        except OSError:
            return []

    def exists(self, path: str | PurePath) -> bool:
        """Whether the file or directory is there, and not just a link that leads nowhere."""
        try:
            return (self.root / path).exists()
        except OSError:
            return False

    @property
    def has_proc(self) -> bool:
        """Whether this is a Linux machine, real or fake; elsewhere psutil and platform answer."""
        return self.exists("proc/cpuinfo")
