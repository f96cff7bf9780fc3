"""The folder of a run: how ranks, agent, launcher and notebook tell each other what happened.

Files outlive any process that is killed, work the same under every launcher, and hold whatever a
rank prints. A file that must not be seen half written is put in place by a rename.
"""

import os
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

PROGRAM = "program.pickle"
AGENT = "agent.json"  # what the agent saw: which rank failed first, and how
READY = "ready"  # of the launcher's own folder: torch is loaded
OUTCOME = "outcome.json"  # the launcher's last word: nothing of the run is alive any more

FOLDER_VARIABLE = "LABKIT_RUN_FOLDER"
_NAME = re.compile(r"rank(\d+)\.attempt(\d+)\.(\w+)")


class RankFile(NamedTuple):
    """One file of one rank. Kinds: out, err, pid, reports, stack, error, done."""

    rank: int
    attempt: int
    kind: str

    def within(self, folder: Path) -> Path:
        """Where it stands."""
        return folder / f"rank{self.rank}.attempt{self.attempt}.{self.kind}"


def rank_files(folder: Path) -> Iterator[RankFile]:
    """All files of ranks that are there, in the order of attempt and rank."""
    names = os.listdir(folder) if folder.exists() else ()  # it goes with the launcher
    found = (_NAME.fullmatch(name) for name in names)
    files = (RankFile(int(m[1]), int(m[2]), m[3]) for m in found if m)
    yield from sorted(files, key=lambda file: (file.attempt, file.rank))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that whoever sees it sees all of it."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(data)
    os.replace(unfinished, path)


def pickled(value: Any, what: str) -> bytes:
    """A value that leaves a rank, as bytes; TypeError, a sentence, for one that cannot leave.

    what   the rank did with it: `returned` or `reported`
    """
    import cloudpickle

    try:
        return cloudpickle.dumps(value)
    except Exception as error:
        raise TypeError(
            f"What the rank {what} doesn't pickle: {error}. Numbers, strings, lists, dicts, NumPy "
            f"arrays and tensors do."
        ) from None


def read_records(stream: Any) -> Iterator[Any]:
    """The pickled records that follow in an open file; stops before one that is still written."""
    while True:
        place = stream.tell()
        try:
            yield pickle.load(stream)
        except (EOFError, pickle.UnpicklingError):
            stream.seek(place)
            return
