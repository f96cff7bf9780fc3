"""`RankRun`: a run of N ranks, seen from the notebook."""

import contextlib
import json
import os
import pickle
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from labkit.cluster.errors import RankError
from labkit.cluster.folder import OUTCOME, RankFile, rank_files, read_records
from labkit.cluster.output import Output
from labkit.cluster.process import LauncherProcess
from labkit.cluster.report import Report
from labkit.cluster.verdict import error_of

_POLL_S = 0.02
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows, where no rank runs, has none
_DEADLY = {signal.SIGINT, signal.SIGTERM, signal.SIGABRT, _KILL}
_LATE_S = 15.0  # how long after the timeout a launcher that stopped looking is believed in


class RankRun:
    """A program that runs as N ranks. `start_ranks` makes it; `run_ranks` also waits for it.

    n_ranks     how many
    reports     what ranks have told by `report` so far, in the order in which it was told
    printed     (rank, line) of all that they have printed so far
    returned    what a rank function returned, by rank, once all have ended
    """

    def __init__(
        self,
        launcher: LauncherProcess,
        folder: Path,
        n_ranks: int,
        n_here: int,
        timeout_s: float,
        show: bool,
    ):
        self.n_ranks = n_ranks
        self.timeout_s = timeout_s
        self.printed: list[tuple[int, str]] = []
        self.began = time.monotonic()
        self._launcher, self._folder, self._show = launcher, folder, show
        self._n_here = n_here  # fewer than n_ranks when other machines have some of them
        self._output = Output(folder)
        self._reports: list[Report] = []
        self._read: dict[RankFile, int] = {}
        self._outcome: dict | None = None
        self._error: RankError | None = None
        self._unread: RankError | None = None  # a value of a rank that doesn't unpickle here
        self._returned: list[Any] = [None] * n_ranks
        self._sent: dict[tuple[int, int], int] = {}  # (attempt, rank): the signal that we sent it
        self._starts: dict[int, dict[int, tuple[int, float]]] = {}  # attempt, rank: (pid, when)

    @property
    def is_running(self) -> bool:
        """Has the run not ended yet?"""
        self._look()
        return self._outcome is None

    @property
    def reports(self) -> list[Report]:
        """What the ranks have reported so far."""
        self._look()
        return self._reports

    @property
    def returned(self) -> list[Any]:
        """What the rank function returned, by rank; None for a script, and before the end."""
        self._look()
        return self._returned

    @property
    def attempt(self) -> int:
        """How often the ranks have been restarted."""
        self._look()
        return max(self._starts, default=0)

    @property
    def pids(self) -> dict[int, int]:
        """The process id of each rank of this attempt that has begun; a rank may have ended."""
        self._look()
        return {rank: pid for rank, (pid, _) in self._starts.get(self.attempt, {}).items()}

    @property
    def start_s(self) -> float | None:
        """Seconds from the call until all ranks here had begun; None while they have not."""
        self._look()
        first = self._starts.get(0, {})
        if len(first) < self._n_here:
            return None
        return max(when for _, when in first.values()) - self.began

    def follow(self) -> Iterator[Report]:
        """Yield reports as they come, until the run has ended; then raise what `wait` raises.

        A loop that is left by `break` leaves the ranks running.
        """
        seen = 0
        with self._stopped_by_interrupt():
            while True:
                running = self.is_running
                yield from self._reports[seen:]
                seen = len(self._reports)
                if not running:
                    break
                time.sleep(_POLL_S)
        self.wait()

    def wait(self) -> Self:
        """Wait until all ranks have ended. Raises RankError when one failed, RankTimeoutError."""
        with self._stopped_by_interrupt():
            while self.is_running:
                time.sleep(_POLL_S)
        if self._error:
            raise self._error
        return self

    def kill(self, *ranks: int, signal_number: int = _KILL) -> None:
        """Send a signal, SIGKILL unless you say otherwise, to these ranks at once.

        Nothing happens to ranks that have ended.
        """
        pids, attempt = self.pids, self.attempt
        unknown = [rank for rank in ranks if rank not in pids]
        if unknown or not ranks:
            asked = f"There is no rank {unknown[0]!r} to kill" if unknown else "Say which ranks"
            raise ValueError(f"{asked}: ranks that have begun are {sorted(pids)}.")
        if signal_number not in signal.valid_signals():
            raise ValueError(f"{signal_number!r} is not a signal: give one such as signal.SIGTERM.")
        if not self.is_running:  # their numbers may belong to other processes by now
            return
        for rank in ranks:
            if signal_number in _DEADLY:
                self._sent[attempt, rank] = int(signal_number)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pids[rank], signal_number)

    def stop(self) -> None:
        """Stop all ranks, and return when nothing of the run is left. It is then not an error.

        A launcher that still loads torch has started none; it then ends the run as it begins.
        """
        if self.is_running:
            with contextlib.suppress(RankError):
                self._launcher.ask({"stop": str(self._folder)})
        while self._launcher.is_ready and self.is_running:
            time.sleep(_POLL_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self):
        state = "running" if self.is_running else "failed" if self._error else "ended"
        return f"<{self.n_ranks} ranks, {state}, {len(self._reports)} reports>"

    @contextlib.contextmanager
    def _stopped_by_interrupt(self):
        """An interrupt of the cell, or an error in it, ends the ranks as well."""
        try:
            yield
        except GeneratorExit:  # a loop over `follow` was left by `break`: that is no error
            raise
        except BaseException:
            self.stop()
            raise

    def _look(self):
        """Read what is new in the folder; see whether the run has ended."""
        if self._outcome is not None:
            return
        outcome = self._end()
        self._read_starts()
        self._read_reports()
        for rank, line in self._output.new_lines(at_end=outcome is not None):
            self.printed.append((rank, line))
            if self._show:
                print(f"[rank {rank}] {line}", flush=True)
        if outcome is not None:
            self._finish(outcome)

    def _end(self):
        """The outcome, when there is one; a launcher that is gone is one, too."""
        alive = self._launcher.is_alive  # asked first: it may write its last word and go
        if (self._folder / OUTCOME).exists():
            return json.loads((self._folder / OUTCOME).read_bytes())
        if alive and time.monotonic() < self.began + self.timeout_s + _LATE_S:
            return None
        words = self._launcher.obituary()
        self._launcher.close()
        return {"reason": "launcher", "words": words}

    def _finish(self, outcome):
        if outcome["reason"] == "launcher":
            self._error = RankError(outcome["words"])
        else:
            self._error = error_of(
                self._folder, self.n_ranks, self._n_here, outcome, self.timeout_s, self._sent
            )
        for file in rank_files(self._folder):
            if file.kind == "done" and file.attempt == max(self._starts, default=0):
                packed = file.within(self._folder).read_bytes()
                self._returned[file.rank] = self._unpacked(packed, file.rank, "returned")
        self._error = self._error or self._unread
        self._outcome = outcome
        shutil.rmtree(self._folder, ignore_errors=True)

    def _unpacked(self, packed, rank, what):
        """A value from a rank; one that doesn't unpickle here becomes the error of the run."""
        try:
            return pickle.loads(packed)
        except Exception as error:
            self._unread = RankError(
                f"What rank {rank} {what} cannot be read in the notebook ({type(error).__name__}: "
                f"{error}). Numbers, strings, lists, dicts, NumPy arrays and tensors can.", rank,
            )  # fmt: skip

    def _read_starts(self):
        for file in rank_files(self._folder):
            attempt = self._starts.setdefault(file.attempt, {}) if file.kind == "pid" else None
            if attempt is not None and file.rank not in attempt:
                attempt[file.rank] = tuple(json.loads(file.within(self._folder).read_bytes()))

    def _read_reports(self):
        new = []
        for file in rank_files(self._folder):
            if file.kind == "reports":
                with open(file.within(self._folder), "rb") as stream:
                    stream.seek(self._read.get(file, 0))
                    for when, packed in read_records(stream):
                        values = self._unpacked(packed, file.rank, "reported")
                        if values is not None:
                            new.append(Report(file.rank, file.attempt, when - self.began, values))
                    self._read[file] = stream.tell()
        self._reports.extend(sorted(new, key=lambda report: report.time_s))
