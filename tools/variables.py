"""The environment variables that the course's own processes get: no settings meant for others.

What a student set for another Python, pip or Jupyter breaks the course in ways that nobody can
guess from the message. Standard library only.
"""

import os
import tempfile
from pathlib import Path

# They move or break Python, pip and Jupyter; packages.py reads those that say where packages are.
_FOREIGN = ("PYTHON", "PIP_", "JUPYTER", "IPYTHON", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
_FOLDERS = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")


def clean(root):
    """A copy of the environment for the processes of the course in the folder `root`.

    Where nothing can be written to the home folder, `work/.home` stands in for it.
    """
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)
    }
    if not can_write(os.path.expanduser("~")):
        home = root / "work" / ".home"
        home.mkdir(parents=True, exist_ok=True)
        environment["HOME"] = str(home)
    for name in _FOLDERS:
        if name in environment and not can_write(environment[name]):
            del environment[name]
    return environment


def can_write(folder):
    """Whether a file can be made in a folder: tried, because rights alone do not say so."""
    try:
        with tempfile.TemporaryFile(dir=first_existing(folder)):
            return True
    except OSError:
        return False


def first_existing(folder):
    """The folder itself, or the nearest one above it: what is missing can be made there."""
    path = Path(folder)
    if not path.is_absolute():  # "~": this user has no home folder at all
        raise FileNotFoundError(folder)
    return next(each for each in (path, *path.parents) if each.exists())
