"""What the storage under a folder gives: in order, at random, from the page cache, in small files.

Everything that is written here is deleted again, whatever happens in between.
"""

import contextlib
import dataclasses
import errno
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from labkit.measure import TimesInTurns, recorded_times

MIB, PAGE = 2**20, 4096
FILE_BYTES, N_FILES, N_ROUNDS = 16 * MIB, 200, 9
N_RANDOM = 256  # pages read at random in a round
IN_ORDER, CACHED, AT_RANDOM = "in order", "in order, cached", "at random"
SHARD, SMALL_FILES = "one shard", "small files"


class NoRoomError(OSError):
    """There is no room for the lesson's data; the message says where, and what to do."""


@dataclasses.dataclass(frozen=True)
class StorageTimes:
    """Seconds for a MiB, by the way it was read; and why they may not be those of a disk.

    cannot   why reads here don't come from a storage but from memory, as a sentence; or ""
    """

    times: TimesInTurns
    cannot: str = ""


@contextlib.contextmanager
def scratch(needed_bytes: int, parent: str | None = None) -> Iterator[Path]:
    """A folder of its own with room for `needed_bytes`, gone at the end. Raises NoRoomError."""
    parent = parent or tempfile.gettempdir()
    free = shutil.disk_usage(parent).free
    if free < 2 * needed_bytes:
        raise NoRoomError(_no_room(parent, needed_bytes, free))
    with tempfile.TemporaryDirectory(prefix="warps-and-watts-", dir=parent) as folder:
        try:
            yield Path(folder)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise NoRoomError(_no_room(parent, needed_bytes, free)) from error


def _no_room(parent, needed_bytes, free):
    return (
        f"{parent} has room for {free / 1e6:,.0f} MB, and this experiment wants twice its "
        f"{needed_bytes / 1e6:,.0f} MB. Free some, or set TMPDIR to a folder on another disk and "
        f"restart the kernel."
    )


def read_times_or_recorded() -> StorageTimes:
    """What reads take here; where nothing can be written, the recorded run, and why."""
    try:
        return read_times()
    except NoRoomError as error:
        why = str(error)
    except OSError as error:
        why = f"Nothing can be written to a temporary folder here: {error.strerror or error}."
    return StorageTimes(recorded_times("storage-reads", "read"), why)


def read_times(parent: str | None = None, n_rounds: int = N_ROUNDS) -> StorageTimes:
    """Read the same storage in five ways, in turns, and time each. Raises NoRoomError."""
    with scratch(2 * FILE_BYTES, parent) as folder:
        big = folder / "big"
        big.write_bytes(random.Random(0).randbytes(FILE_BYTES))
        paths = [folder / f"{number:04}" for number in range(N_FILES)]
        for number, path in enumerate(paths):
            path.write_bytes(bytes([number % 251]) * PAGE)
        shard = folder / "shard"
        shard.write_bytes(b"".join(path.read_bytes() for path in paths))
        everything = [big, shard, *paths]
        for path in everything:
            _to_disk(path)
        samples = {way: [] for way in (IN_ORDER, CACHED, AT_RANDOM, SHARD, SMALL_FILES)}
        cannot = _why_not_cold(big)
        for number in range(n_rounds):
            _forget(*everything)
            samples[IN_ORDER].append(_read_whole(big) / (FILE_BYTES / MIB))
            samples[CACHED].append(_read_whole(big) / (FILE_BYTES / MIB))
            _forget(big)
            samples[AT_RANDOM].append(_read_pages(big, number) / (N_RANDOM * PAGE / MIB))
            samples[SHARD].append(_read_whole(shard) / (N_FILES * PAGE / MIB))
            samples[SMALL_FILES].append(sum(map(_read_whole, paths)) / (N_FILES * PAGE / MIB))
    return StorageTimes(TimesInTurns({way: tuple(s) for way, s in samples.items()}), cannot)


def _to_disk(path):
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _forget(*paths):
    """Ask the system to drop what it keeps of these files in memory."""
    if not hasattr(os, "posix_fadvise"):
        return
    for path in paths:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _read_whole(path):
    start = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        while file.read(MIB):
            pass
    return time.perf_counter() - start


def _read_pages(path, seed):
    rng = random.Random(seed)
    places = [PAGE * rng.randrange(FILE_BYTES // PAGE) for _ in range(N_RANDOM)]
    with path.open("rb", buffering=0) as file:
        if hasattr(os, "posix_fadvise"):  # else the system reads ahead what nobody wants
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        start = time.perf_counter()
        for place in places:
            file.seek(place)
            file.read(PAGE)
        return time.perf_counter() - start


def _why_not_cold(path):
    """Why a read of this file comes from memory even after the system was asked to forget it."""
    if not hasattr(os, "posix_fadvise") or not hasattr(os, "preadv"):
        return "This system has no call that drops a file from memory, so every read is cached."
    _forget(path)
    share = _cached_share(path)
    if share is None:
        return "This file system doesn't say what it keeps in memory: it may be memory itself."
    if share > 0.1:
        return f"{share:.0%} of the file stayed in memory although the system was asked to drop it."
    return ""


def _cached_share(path):
    """The share of a file's MiBs whose first page is in memory; None if nobody can tell."""
    flag = getattr(os, "RWF_NOWAIT", None)
    if flag is None:
        return None
    cached, page = 0, bytearray(PAGE)
    with path.open("rb", buffering=0) as file:
        for place in range(0, FILE_BYTES, MIB):
            try:
                cached += os.preadv(file.fileno(), [page], place, flag) > 0
            except BlockingIOError:
                continue
            except OSError:
                return None
    return cached / (FILE_BYTES // MIB)
