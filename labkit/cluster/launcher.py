"""The launcher: a process beside the notebook that starts agents and leaves nothing behind.

It reads requests, one JSON object a line, from a pipe that closes when the notebook's kernel ends,
however it ends. Warm, it imports torch once and forks each agent; it never touches a GPU, because
a CUDA context does not survive a fork. Everything else it learns from the folder of each run.
"""

import contextlib
import dataclasses
import gc
import importlib
import json
import os
import select
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

import psutil

from labkit.cluster.agent import become_cold_agent, run_agent
from labkit.cluster.folder import OUTCOME, READY, RankFile, rank_files, write_whole
from labkit.cluster.hosts import run_hosts
from labkit.cluster.rank import STACK_SIGNAL
from labkit.lifetime import adopt_orphans, die_with_parent

PRELOAD = (
    "torch.distributed.launcher.api", "torch.distributed.fsdp", "torch.distributed.pipelining",
    "torch.distributed.tensor.parallel", "torch.distributed.checkpoint.state_dict",
    "torch.distributed.optim",
)  # fmt: skip
MAX_PRINTED_BYTES = 64 << 20
GRACE_S = 2.0  # from SIGTERM to SIGKILL
SILENT_S = 3.0  # how long an agent may take to notice that a rank is gone


@dataclasses.dataclass
class Job:
    """A run that has not ended: its agent, and why it is being stopped, if it is."""

    agent: int
    folder: Path
    ends: float
    reason: str | None = None
    killed_after: float | None = None
    silent_since: float | None = None
    silent_rank: int | None = None
    n_lost: int = 0
    sweeps: list[float] = dataclasses.field(default_factory=list)  # when to look for orphans

    def stop(self, reason: str) -> None:
        """Ask the agent to end its ranks and itself; `watch` kills it if it does not."""
        if self.reason is None:
            self.reason, self.killed_after = reason, time.monotonic() + GRACE_S
            self.signal(signal.SIGTERM)

    def watch(self) -> None:
        """Hold the run to its limits."""
        now = time.monotonic()
        if self.killed_after and now > self.killed_after:
            self.signal(signal.SIGKILL)  # its ranks die with it
        elif self.reason is None and now > self.ends:
            self.ask_for_stacks()
            self.stop("timeout")
        elif self.reason is None and _printed_bytes(self.folder) > MAX_PRINTED_BYTES:
            self.stop("printed")
        elif self.reason is None and (silent := self.silent_ranks()):
            self.silent_since, self.silent_rank = self.silent_since or now, silent[0]
            if now > self.silent_since + SILENT_S:
                self.stop("silent")
        else:
            self.silent_since = None

    def silent_ranks(self) -> list[int]:
        """Ranks of this attempt that ended without a word: for such, the agent waits forever."""
        files = list(rank_files(self.folder))
        attempt = max((file.attempt for file in files), default=0)
        files = [file for file in files if file.attempt == attempt]
        told = {file.rank for file in files if file.kind in ("done", "error")}
        began = [file for file in files if file.kind == "pid" and file.rank not in told]
        return [file.rank for file in began if not _is_alive(self.pid_in(file))]

    def may_have_orphans(self) -> bool:
        """Has a rank ended lately? Its threads may take a moment longer to let its children go."""
        files, now = list(rank_files(self.folder)), time.monotonic()
        n_lost = sum(f.kind == "pid" and not _is_alive(self.pid_in(f)) for f in files)
        if n_lost > self.n_lost:
            self.sweeps = [now, now + 0.2, now + 1.0]
        self.n_lost = n_lost
        return bool(self.sweeps) and now >= self.sweeps[0] and self.sweeps.pop(0) > 0

    def pid_in(self, file: RankFile) -> int:
        """The process that a rank's file of kind `pid` names."""
        return json.loads(file.within(self.folder).read_bytes())[0]

    def ask_for_stacks(self) -> None:
        """Have every rank write down where it is, so that a hang can be explained."""
        for file in rank_files(self.folder):
            if file.kind == "pid" and STACK_SIGNAL:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid_in(file), STACK_SIGNAL)
        time.sleep(0.1)

    def signal(self, number: int) -> None:
        """Send a signal to the agent, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.agent, number)


class Launcher:
    """Jobs by folder, and the loop that serves them."""

    def __init__(self, warm: bool):
        self.warm = warm
        self.jobs: dict[str, Job] = {}

    def serve(self) -> None:
        """Take requests until the pipe closes or the parent is gone, then end everything."""
        parent, unread = os.getppid(), b""
        while os.getppid() == parent:
            self.look_after_jobs()
            if not select.select([0], [], [], 0.02 if self.jobs else 0.5)[0]:
                continue
            data = os.read(0, 1 << 16)
            if not data:
                break
            *lines, unread = (unread + data).split(b"\n")
            for line in lines:
                self.take(json.loads(line))
        for job in self.jobs.values():
            job.signal(signal.SIGKILL)
        while self.jobs:
            self.look_after_jobs()
            time.sleep(0.01)

    def take(self, request: dict) -> None:
        """Start a run, or stop one."""
        if "stop" in request:
            job = self.jobs.get(request["stop"])
            if job:
                job.stop("stopped")
            return
        agent = self.fork_agent(request)
        folder = request["folder"]
        self.jobs[folder] = Job(agent, Path(folder), time.monotonic() + request["timeout_s"])

    def fork_agent(self, request: dict) -> int:
        """A child that becomes the agent: at once where torch is here, else as a new Python."""
        launcher, pid = os.getpid(), os.fork()
        if pid:
            return pid
        try:
            die_with_parent(launcher)
            os.setsid()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            become_agent = run_agent if self.warm else become_cold_agent
            if request["has_links"]:
                run_hosts(request, become_agent)
            else:
                become_agent(request)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(0)

    def look_after_jobs(self) -> None:
        """Notice agents that ended, and hold the others to their limits."""
        for folder, job in list(self.jobs.items()):
            pid, status = os.waitpid(job.agent, os.WNOHANG)
            if pid:
                del self.jobs[folder]
                self.sweep()
                outcome = {
                    "reason": job.reason,
                    "status": os.waitstatus_to_exitcode(status),
                    "silent_rank": job.silent_rank,
                }
                write_whole(job.folder / OUTCOME, json.dumps(outcome).encode())
            else:
                job.watch()
                if job.may_have_orphans():
                    self.sweep(job.agent)

    def sweep(self, session: int | None = None) -> None:
        """Kill what ended agents left: their ranks, and whatever those had started.

        session   of an agent that lives: only what its ended ranks left. A forked child keeps the
                  pipe by which torch's agent learns of the end of its rank, which then waits for it
        """
        agents = {job.agent for job in self.jobs.values()}
        while True:
            orphans = [p for p in psutil.Process().children() if p.pid not in agents]
            if session is not None:
                orphans = [p for p in orphans if _session_of(p.pid) == session]
            if not orphans:
                return
            for orphan in orphans:
                with contextlib.suppress(psutil.NoSuchProcess):
                    orphan.kill()
                with contextlib.suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
                    orphan.wait(1)


def _session_of(pid):
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _printed_bytes(folder):
    sizes = (
        f.within(folder).stat().st_size for f in rank_files(folder) if f.kind in ("out", "err")
    )
    return max(sizes, default=0)


def main(base: str, warmth: str) -> None:
    """Serve one notebook; `base` holds the folders of its runs and goes when it goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the notebook, which then says stop
    adopt_orphans()
    if warmth == "warm":
        import torch

        torch.set_num_threads(1)
        for module in PRELOAD:
            importlib.import_module(module)
        gc.freeze()  # a collection in a forked process would copy all of these modules' pages
    (Path(base) / READY).touch()
    Launcher(warmth == "warm").serve()
    shutil.rmtree(base, ignore_errors=True)  # not after an error: the notebook reads its last words


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stderr.flush()
    os._exit(0)  # to take torch down in order takes seconds, and everything has ended
