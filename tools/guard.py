"""Run a command that outlives nobody: `python guard.py COMMAND ...`, standard input a pipe.

When the pipe closes, because whoever holds its other end has ended, however it ended, the command
is told to end. When the command has ended, however it ended, so does all that it left behind.
Standard library only.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

PATIENCE_S = 15.0  # for the command, once it was told to end
GRACE_S = 2.0  # for what it left behind
_LOOK_EVERY_S = 0.05
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def guarded(command, **options):
    """A Popen of a guard that runs `command`; close its `stdin`, or be killed, to end both."""
    guard = [sys.executable, "-I", str(Path(__file__)), *map(str, command)]
    # Apart from this terminal: Ctrl-C reaches this process alone, which then ends the guard.
    apart = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    apart["start_new_session"] = os.name != "nt"
    return subprocess.Popen(guard, stdin=subprocess.PIPE, **apart, **options)


def wait(guard):
    """Wait for the end of a guard. Returns its exit code."""
    while os.name == "nt" and guard.poll() is None:  # there a plain wait is deaf to Ctrl-C
        time.sleep(_LOOK_EVERY_S)
    return guard.wait()


def stop(guard, patience_s=PATIENCE_S + 2 * GRACE_S):
    """End what a guard runs, and the guard. Returns its exit code."""
    for pipe in filter(None, (guard.stdin, guard.stdout)):
        pipe.close()
    try:
        return guard.wait(patience_s)
    except subprocess.TimeoutExpired:
        guard.kill()
        return guard.wait()


def main(command):
    is_linux = sys.platform == "linux"
    if is_linux:  # orphans of the command become children of this process
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, preexec_fn=_end_with_guard if is_linux else None
    )
    threading.Thread(target=_end_with_pipe, args=(child,), daemon=True).start()
    if is_linux:
        collect_until_ended(child)
        end_children()
    code = child.wait()
    return code if code >= 0 else 128 - code


def collect_until_ended(child):
    """Wait for the command; meanwhile collect the orphans that end, or they stay as zombies."""
    while child.returncode is None:
        pid, status = os.waitpid(-1, 0)
        if pid == child.pid:
            child.returncode = os.waitstatus_to_exitcode(status)


def _prctl(option, value):
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _end_with_guard():
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _end_with_pipe(child):
    """Wait for the pipe to close, then end the command."""
    while os.read(0, 1):  # not sys.stdin: its lock would stand in the way of this process's exit
        pass
    if os.name == "nt":  # it has no way to ask; its kernels are found through their parent
        tree = ["taskkill", "/F", "/T", "/PID", str(child.pid)]
        subprocess.run(tree, capture_output=True)
        return
    _signal(child.pid, signal.SIGTERM)
    time.sleep(PATIENCE_S)  # this thread dies with the process, long before that as a rule
    _signal(child.pid, signal.SIGKILL)


def end_children():
    """End every child of this process, and their children, which this process inherits (Linux).

    They are asked first; what then still runs is killed.
    """
    end_s = time.monotonic() + GRACE_S
    asked = set()
    while children := _running_children():
        is_late = time.monotonic() > end_s
        for pid in children if is_late else children - asked:
            _signal(pid, signal.SIGKILL if is_late else signal.SIGTERM)
        asked |= children
        if time.monotonic() > end_s + GRACE_S:  # what no kill ends waits for a disk
            return
        time.sleep(_LOOK_EVERY_S)


def _running_children():
    """The process ids of the children, the ended ones collected."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            return set()
    me = os.getpid()
    return {pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _parent(pid) == me}


def _parent(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:  # it has just ended
        return None
    return int(stat.rpartition(b")")[2].split()[1])


def _signal(pid, which):
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, which)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
