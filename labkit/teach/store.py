"""The progress file: one JSON file outside the repository, which no kill and no neighbour damages.

Every change is read, merged and written under a lock, so two notebooks keep each other's entries.
The new text replaces the file in one step, so a reader sees the old or the new one, never half.
What cannot be written waits in memory, is shown all the same, and is written when that works again.
"""

import datetime
import json
import os
from pathlib import Path

import filelock
import platformdirs

VERSION = 1
_LOCK_WAIT_S, _LOCK_POLL_S = 2.0, 0.01
_REMEDY = (
    "so what you do now is kept only until this notebook stops. "
    "Set LABKIT_PROGRESS to a file that can be written"
)
_waiting = []  # changes that are not in the file yet
_noted = set()


class _DamagedError(Exception):
    """The file is no progress file."""


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
    return _synced() if _waiting or os.path.lexists(_path()) else _empty()


def _update(change):
    _waiting.append(change)
    return _synced()


def _synced():
    """The data of the file with the waiting changes, written back when there are any."""
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f"{path.name}.lock")
        lock.touch()  # says why it cannot be written, where the wait for the lock would only end
        with filelock.FileLock(lock).acquire(timeout=_LOCK_WAIT_S, poll_interval=_LOCK_POLL_S):
            n_changes = len(_waiting)
            data = _with_waiting(_read(path))
            if n_changes:
                _write(path, data)
                del _waiting[:n_changes]
            return data
    except filelock.Timeout:
        _note(f"another program holds {lock}, {_REMEDY}.")
    except OSError as error:
        _note(f"cannot write {path} ({error.strerror or error}), {_REMEDY}.")
    return _with_waiting(_readable(path))


def _with_waiting(data):
    for change in _waiting:
        change(data)
    return data


def _path():
    folder = platformdirs.user_data_dir("warps-and-watts", appauthor=False)
    chosen = os.environ.get("LABKIT_PROGRESS") or os.path.join(folder, "progress.json")
    # The real path, because replacing a symbolic link would part it from its target.
    return Path(os.path.realpath(os.path.expanduser(chosen)))


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
        return _parsed(path)
    except (OSError, _DamagedError):
        return _empty()


def _parsed(path):
    try:
        data = json.loads(path.read_bytes())
        if data["version"] > VERSION:
            raise OSError("it was written by a newer labkit")
        for entry in data["checks"].values():
            _ = entry["last"], entry["passed"], entry["tries"] + 1
        for entry in data["predictions"].values():
            _ = float(entry["first"]["value"]), str(entry["first"]["unit"])
    except FileNotFoundError:
        return _empty()
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise _DamagedError from error
    return data


def _write(path, data):
    """Replace the file in one step. Needs the lock, which also guards the one temporary file."""
    fresh = path.with_name(f"{path.name}.tmp")
    with open(fresh, "w", encoding="utf-8") as file:
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
        print(f"[note] progress: {text}")
