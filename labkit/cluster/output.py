"""What ranks print, as lines, from files that grow."""

from collections.abc import Iterator
from pathlib import Path

from labkit.cluster.folder import RankFile, rank_files

MAX_LINE = 2000  # characters: a rank that prints garbage must not flood the notebook
_CHUNK_BYTES = 1 << 18


class Output:
    """Follows the standard output of every rank of a run."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._read: dict[RankFile, int] = {}
        self._unfinished: dict[RankFile, bytes] = {}

    def new_lines(self, at_end: bool = False) -> Iterator[tuple[int, str]]:
        """(rank, line) for each line since the last call; `at_end` also a line without its end."""
        for file in list(rank_files(self.folder)):
            if file.kind == "out":
                for line in self._lines(file, at_end):
                    yield file.rank, _readable(line)

    def _lines(self, file, at_end):
        data = self._unfinished.pop(file, b"")
        with open(file.within(self.folder), "rb") as stream:
            stream.seek(self._read.get(file, 0))
            while new := stream.read(_CHUNK_BYTES):
                *lines, data = (data + new).split(b"\n")
                yield from lines
                if len(data) > MAX_LINE:  # no end in sight
                    yield data
                    data = b""
            self._read[file] = stream.tell()
        if at_end and data:
            yield data
        elif data:
            self._unfinished[file] = data


def _readable(line):
    text = line[: MAX_LINE + 1].decode(errors="replace").rstrip("\r")
    text = "".join(sign if sign.isprintable() or sign == "\t" else "�" for sign in text)
    return text if len(text) <= MAX_LINE else text[:MAX_LINE] + " …"
