"""The progress file: one JSON file outside the repository, which no kill and no neighbour damages.

Every change is read, merged and written under a lock, so two notebooks keep each other's entries.
The new text replaces the file in one step, so a reader sees the old or the new one, never half.
What cannot be written waits in memory, is shown all the same, and is written when that works again.
"""

import contextlib
import datetime
import errno
import json
import math
import os
import stat
import time
from pathlib import Path

import filelock
import platformdirs

try:
    import fcntl
except ImportError:  # Windows, whose locks always work
    fcntl = None

from labkit.teach.line import line, say
from labkit.units import si

VERSION = 1
_LOCK_WAIT_S, _LOCK_POLL_S = 2.0, 0.01
_LOCK_FORGOTTEN_S = 30.0  # far longer than a change takes, which is some milliseconds
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
_DEEPEST = 20  # a file of ours is 4 levels deep
_WORDS = ("todo", "again", "error", "pass")
_REMEDY = (
    "so what you do now is kept only until this notebook stops. "
    "Set LABKIT_PROGRESS to a file that can be written"
)
_waiting = []  # changes that are not in the file yet
_noted = set()


class _DamagedError(Exception):
    """The file isn't a progress file."""


def keep_verdict(name, word):
    """Keep the last verdict on an exercise; that it has passed once is never taken back."""
    at = _now()

    def change(data):
        entry = data["checks"].setdefault(name, {"passed": None, "tries": 0})
        entry |= {"last": word, "last_at": at, "tries": entry["tries"] + 1}
        if word == "pass":
            entry["passed"] = entry["passed"] or at

    _update(change)


def keep_guess(name, value, unit):
    """Keep a guess, `value` in the base unit `unit`, and return the first one as (value, unit)."""
    guess = {"value": value, "unit": unit, "at": _now()}

    def change(data):
        data["predictions"].setdefault(name, {"first": guess})["last"] = guess

    first = _update(change)["predictions"][name]["first"]
    return first["value"], first["unit"]


def load():
    """What is kept: {"version", "checks": {name: entry}, "predictions": {name: entry}}."""
    try:
        is_there = os.path.lexists(_path())
    except OSError:  # then it is in memory
        is_there = False
    return _synced() if _waiting or is_there else _empty()


def _update(change):
    _waiting.append(change)
    return _synced()


def _synced():
    """The data of the file with the waiting changes, written back when there are any."""
    path = None
    try:
        path = _path()
        _refuse_no_file(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_name(f"{path.name}.lock")):
            n_changes = len(_waiting)
            data = _with_waiting(_read(path))
            if n_changes:
                _write(path, data)
                del _waiting[:n_changes]
            return data
    except filelock.Timeout:
        _note(f"another program holds {path}.lock, {_REMEDY}.")
    except (OSError, ValueError) as error:  # the second for a path that can be none
        where = path or "the progress file"
        _note(f"cannot write {where} ({getattr(error, 'strerror', None) or error}), {_REMEDY}.")
    return _with_waiting(_readable(path))


def _locked(path):
    """The lock on the file: the system's, or, on a file system that has none, a file that exists.

    Raises OSError where the folder cannot be written to, filelock.Timeout where another holds it.
    """
    if _has_locks(path):
        lock = filelock.FileLock(path)
    else:
        path = path.with_name(f"{path.name}.soft")
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _LOCK_FORGOTTEN_S:  # its holder was killed
                path.unlink()
        lock = filelock.SoftFileLock(path)
    return lock.acquire(timeout=_LOCK_WAIT_S, poll_interval=_LOCK_POLL_S)


def _has_locks(path):
    _refuse_no_file(path)
    with path.open("ab") as file:
        try:
            if fcntl:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in _NO_LOCKS
    return True


def _refuse_no_file(path):
    """Raise OSError for a folder, a pipe or a device: some of them would wait for ever."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(errno.EINVAL, "it is not a file")


def _with_waiting(data):
    for change in _waiting:
        change(data)
    return data


def _path():
    """Where progress is kept. Raises OSError where this user has no folder for it."""
    chosen = os.environ.get("LABKIT_PROGRESS")
    if not chosen:
        try:
            folder = platformdirs.user_data_dir("warps-and-watts", appauthor=False)
        except (RuntimeError, KeyError) as error:
            raise OSError(errno.ENOENT, "this user has no home folder") from error
        chosen = os.path.join(folder, "progress.json")
    path = os.path.expanduser(chosen)
    if path.startswith("~"):
        raise OSError(errno.ENOENT, "this user has no home folder")
    # The real path, because replacing a symbolic link would part it from its target.
    return Path(os.path.realpath(path))


def _read(path):
    """The data of the file; a damaged one is set aside and reads as empty. Needs the lock."""
    try:
        return _parsed(path)
    except _DamagedError:
        stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
        path.rename(aside)
        _note(f"{path} was damaged; it is now {aside}, and a new file is begun.")
        return _empty()


def _readable(path):
    """The data of a file that is not to be written; empty when it cannot be read either."""
    try:
        _refuse_no_file(path)
        return _parsed(path)
    except (OSError, ValueError, AttributeError, _DamagedError):  # there may be no path at all
        return _empty()


def _parsed(path):
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return _empty()
    except (ValueError, RecursionError) as error:
        raise _DamagedError from error
    version = data.get("version") if isinstance(data, dict) else None
    if type(version) is int and version > VERSION:
        raise OSError("it was written by a newer labkit")
    if not (_is_sound(data) and _is_progress(data)):
        raise _DamagedError
    return data


def _is_sound(tree, depth=0):
    """Can this be written as JSON again, and shown? Not a lone surrogate, infinity or deep nest."""
    if isinstance(tree, str):
        return not any("\ud800" <= character <= "\udfff" for character in tree)
    if isinstance(tree, float):
        return math.isfinite(tree)
    if isinstance(tree, dict):
        tree = [*tree, *tree.values()]
    if isinstance(tree, list):
        return depth < _DEEPEST and all(_is_sound(part, depth + 1) for part in tree)
    return True


def _is_progress(data):
    """Is this {"version", "checks": {name: entry}, "predictions": {name: entry}}?"""
    return (
        isinstance(data, dict)
        and data.get("version") == VERSION
        and _is_count(data["version"])
        and _holds(data.get("checks"), _is_verdict)
        and _holds(data.get("predictions"), _is_guesses)
    )


def _holds(entries, is_entry):
    return isinstance(entries, dict) and all(map(is_entry, entries.values()))


def _is_verdict(entry):
    return (
        isinstance(entry, dict)
        and entry.get("last") in _WORDS
        and _is_count(entry.get("tries"))
        and "passed" in entry
        and (entry["passed"] is None or isinstance(entry["passed"], str))
    )


def _is_guesses(entry):
    return (
        isinstance(entry, dict)
        and _is_guess(entry.get("first"))
        and ("last" not in entry or _is_guess(entry["last"]))
    )


def _is_guess(guess):
    """A number of a unit, both of which can be shown."""
    if not isinstance(guess, dict) or not isinstance(guess.get("unit"), str):
        return False
    value = guess.get("value")
    try:
        return type(value) in (int, float) and bool(si(float(value), guess["unit"]))
    except (ValueError, OverflowError):
        return False


def _is_count(number):
    return type(number) is int and 0 <= number < 10**9


def _write(path, data):
    """Replace the file in one step. Needs the lock, which also guards the one temporary file."""
    fresh = path.with_name(f"{path.name}.tmp")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    with open(fresh, "x", encoding="utf-8") as file:
        json.dump(data, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)


def _empty():
    return {"version": VERSION, "checks": {}, "predictions": {}}


def _now():
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _note(text):
    """Say it on a line of its own, once."""
    if text not in _noted:
        _noted.add(text)
        say(line(f"[note] progress: {text}"))
