"""Starting a process that outlives nobody, and waiting until it serves."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from labkit.serving.address import get
from labkit.serving.errors import ServingError

HOST = "127.0.0.1"
READY_WITHIN_S = 60.0
_PATIENCE_S = 5.0
_LOOK_EVERY_S = 0.02
_ROOT = str(Path(__file__).parents[2])
_CHILD = str(Path(__file__).with_name("child.py"))  # by its path: as a module it'd load the package


def free_port() -> int:
    """A port of this machine that nothing listens at just now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def refuse_taken(port: int) -> None:
    """Raise ServingError where something listens at `port` already."""
    if type(port) is not int or not 0 < port < 1 << 16:
        raise ServingError(f"A port is a number from 1 to 65535, not {port!r}.")
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
    except OSError as error:
        raise ServingError(
            f"Port {port} cannot be used ({os.strerror(error.errno or 0)}). Another program has "
            f"it: choose another port, or leave it out, and a free one is found."
        ) from None


class Child:
    """One process of `labkit.serving.child`; what it says goes to a file without a name."""

    def __init__(self, kind: str, settings: dict[str, Any]):
        path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the process)
        # A session of its own: an interrupt in a notebook goes to the whole group of the kernel,
        # and a server should live on when the student stops a cell.
        self._process = subprocess.Popen(
            [sys.executable, "-P", _CHILD, kind, json.dumps(settings)],
            stdin=subprocess.PIPE, stdout=self._log, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": path}, start_new_session=os.name != "nt",
        )  # fmt: skip

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def said(self) -> str:
        """All that the process wrote so far."""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def wait_until_ready(self, url: str, within_s: float = READY_WITHIN_S) -> bool:
        """Wait until /health answers; False where the process ended before, or was too slow."""
        deadline_s = time.monotonic() + within_s
        while self.is_running and time.monotonic() < deadline_s:
            with contextlib.suppress(OSError):
                if get(f"{url}/health", timeout_s=5).status == 200:
                    return True
            time.sleep(_LOOK_EVERY_S)
        return False

    def wait(self) -> int:
        """Wait for the end of the process; an interrupt ends it first. Returns its exit code."""
        try:
            return self._process.wait()
        except BaseException:
            self.stop()
            raise

    def kill(self) -> None:
        """End it as a crash would: SIGKILL, with no time to say goodbye."""
        self._process.kill()
        self.stop()

    def stop(self) -> None:
        """End it; nothing happens where it has ended."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            self._log.close()
