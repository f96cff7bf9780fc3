"""Nobody outlives the process that started it, however that one ended.

A child that runs Python asks the kernel to be killed with its parent, or watches the pipe that its
parent holds. A pipe needs nothing but a thread, so it serves where a thread of the parent started
the child: Linux ends such a child with that *thread*.
"""

import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def die_with_parent(parent: int) -> None:
    """Have this process killed when process `parent`, which started it, ends: by SIGKILL, too.

    On Linux the kernel does it. Elsewhere a thread looks twice a second.
    """
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it ended before this process could ask
        os._exit(1)


def end_with_pipe(child: int | None = None) -> None:
    """Have this process end when its standard input closes, and `child`, a process id, with it.

    Standard input is a pipe whose other end the process that started this one holds.
    """
    threading.Thread(target=_wait_for_pipe, args=(child,), daemon=True).start()


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so that it can be found."""
    if sys.platform == "linux":
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option, value):
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _wait_for_pipe(child):
    while os.read(0, 1):  # not sys.stdin: its lock would stand in the way of this process's exit
        pass
    if child is not None:
        os.kill(child, signal.SIGKILL)
    os._exit(0)


def _watch(parent):
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
