"""The notebook's end of the launcher: one process for each notebook, started when first needed."""

import atexit
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from labkit.cluster.errors import RankError
from labkit.cluster.folder import READY

_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # ranks share the cores among themselves
    "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",  # else restarted ranks meet addresses of dead ones
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONUNBUFFERED": "1",
}
_NO_ROOM_BYTES = 1 << 16
_launchers: dict[tuple[str, int], "LauncherProcess"] = {}
_lock = threading.Lock()


def launcher(warmth: str) -> "LauncherProcess":
    """The living launcher of this process, `warm` or `cold`; a new one if there is none."""
    key = (warmth, os.getpid())  # a forked child must not talk through its parent's pipe
    with _lock:
        if key in _launchers and not _launchers[key].is_alive:
            _launchers.pop(key).close()
        if key not in _launchers:
            _launchers[key] = LauncherProcess(warmth)
        return _launchers[key]


@atexit.register
def close_launchers() -> None:
    """End the launchers of this process and all that they run."""
    for warmth, owner in list(_launchers):
        process = _launchers.pop((warmth, owner))
        if owner == os.getpid():
            process.close()


class LauncherProcess:
    """A running launcher: requests go in through its pipe, and it dies when the pipe closes."""

    def __init__(self, warmth: str):
        self.base = Path(tempfile.mkdtemp(prefix="labkit-ranks-"))
        room = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, (room, os.environ.get("PYTHONPATH"))))
        with open(self.base / "launcher.log", "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "labkit.cluster.launcher", str(self.base), warmth],
                stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=self.base,
                start_new_session=True,  # a Ctrl-C in the terminal is not for the ranks
                env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": path},
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Is it still there, and the folder in which it works?"""
        return self._process.poll() is None and self.base.exists()

    @property
    def is_ready(self) -> bool:
        """Has it loaded what it needs, so that it takes requests? One that is gone is, too."""
        return not self.is_alive or (self.base / READY).exists()

    @property
    def last_words(self) -> str:
        """The end of what it logged."""
        with contextlib.suppress(OSError):
            log = (self.base / "launcher.log").read_text(errors="replace")
            return "\n".join(log.strip().splitlines()[-12:])
        return ""

    def new_folder(self) -> Path:
        """An empty folder for a run."""
        return Path(tempfile.mkdtemp(prefix="run-", dir=self.base))

    def ask(self, request: dict) -> None:
        """Send a request; a launcher that is gone is a RankError."""
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise RankError(self.obituary()) from None

    def obituary(self) -> str:
        """What to say when it is gone, or no longer answers."""
        how = self._how_it_ended()
        has_failed = (self._process.poll() or 0) > 0  # else its log is about earlier runs
        log = f" Its last words:\n{self.last_words}" if has_failed and self.last_words else ""
        return (
            f"The launcher of the ranks {how}, and all ranks ended with it. Run the cell again: "
            f"the next run starts a new launcher.{log}"
        )

    def _how_it_ended(self):
        from labkit.cluster.verdict import signal_name

        status = self._process.poll()
        if status is None and not self.base.exists():
            return f"lost its folder {self.base}, which somebody deleted"
        with contextlib.suppress(OSError):
            if shutil.disk_usage(self.base).free < _NO_ROOM_BYTES:
                return f"ran out of room, because the disk with {self.base} is full"
        if status is None:
            return "did not answer"
        return f"was killed by {signal_name(-status)}" if status < 0 else f"ended (status {status})"

    def close(self) -> None:
        """End it and everything that it runs; returns when it is gone."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.base, ignore_errors=True)
