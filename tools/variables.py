"""The environment variables that the course's own processes get: no settings meant for others.

What a student set for another Python, pip or Jupyter breaks the course in ways that nobody can
guess from the message. Standard library only.
"""

import os
import tempfile
from pathlib import Path

_FOREIGN = ("PYTHON", "PIP_", "JUPYTER", "IPYTHON", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
# What a student, a firm or a cluster may tell pip: where packages come from, never where they go.
_WHERE = {
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_TRUSTED_HOST",
    "PIP_PROXY", "PIP_CERT", "PIP_CLIENT_CERT", "PIP_CACHE_DIR", "PIP_NO_CACHE_DIR",
    "PIP_KEYRING_PROVIDER", "PIP_DISABLE_PIP_VERSION_CHECK",
}  # fmt: skip
_NUMBERS = {"PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES"}
_FOLDERS = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")


def clean(root):
    """A copy of the environment for the processes of the course in the folder `root`.

    Where nothing can be written to the home folder, `work/.home` stands in for it.
    """
    environment = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(_FOREIGN) or says_where(name, text)
    }
    if not can_write(os.path.expanduser("~")):
        home = root / "work" / ".home"
        home.mkdir(parents=True, exist_ok=True)
        environment["HOME"] = str(home)
    for name in _FOLDERS:
        if name in environment and not can_write(environment[name]):
            del environment[name]
    return environment


def says_where(name, text):
    """Is this a variable of pip's that says where packages come from, and can be read?"""
    return bool(text) and (name in _WHERE or (name in _NUMBERS and text.isdigit()))


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
