"""A lock on a folder that ends with the process that holds it. Standard library only."""

import contextlib
import os
import time

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

_LOOK_EVERY_S = 0.2


@contextlib.contextmanager
def held(path, waiting):
    """Hold the lock file `path`; prints `waiting` once when another process holds it.

    On a file system that knows no locks there is nothing to hold, and it goes on without.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        if not _taken(file):
            print(waiting)
            while not _taken(file):
                time.sleep(_LOOK_EVERY_S)
        yield


def _taken(file):
    """Whether this process now holds the lock; closing the file gives it back."""
    try:
        if os.name == "nt":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # the second is what Windows says
        return False
    except OSError:
        return True
    return True
