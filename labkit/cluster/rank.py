"""What runs in every rank, whoever started it: the program, and files that tell how it went."""

import contextlib
import faulthandler
import json
import os
import pickle
import signal
import sys
import time
import traceback
from pathlib import Path

from labkit.cluster.folder import FOLDER_VARIABLE, RankFile, pickled, write_whole
from labkit.cluster.program import unpack_and_run
from labkit.lifetime import die_with_parent

MAX_TOLD = 8000  # characters of an error: one with a whole array in it must not flood the notebook
STACK_SIGNAL = getattr(signal, "SIGUSR2", None)  # asks a rank to write down where it is


def run_rank(folder: str, agent: int) -> None:
    """Run the program of this folder as the rank that the environment names."""
    die_with_parent(agent)
    for stop in (signal.SIGTERM, signal.SIGINT):  # a forked rank would inherit the agent's handlers
        signal.signal(stop, signal.SIG_DFL)
    os.environ[FOLDER_VARIABLE] = folder
    rank, attempt = int(os.environ["RANK"]), int(os.environ["TORCHELASTIC_RESTART_COUNT"])

    def place(kind):
        return RankFile(rank, attempt, kind).within(Path(folder))

    _redirect(sys.stdout, place("out"))
    _redirect(sys.stderr, place("err"))
    faulthandler.enable(all_threads=False)  # a crash in C says where it was
    stack = open(place("stack"), "w")  # noqa: SIM115 - open as long as the process lives
    if STACK_SIGNAL:
        faulthandler.register(STACK_SIGNAL, file=stack, all_threads=False)
    write_whole(place("pid"), json.dumps([os.getpid(), time.monotonic()]).encode())
    try:
        result = unpack_and_run(Path(folder))
        write_whole(place("done"), pickled(result, "returned"))
    except BaseException as error:
        if isinstance(error, SystemExit) and error.code in (None, 0):
            write_whole(place("done"), pickle.dumps(None))
        else:
            write_whole(place("error"), json.dumps(_account_of(error)).encode())
            _leave(1)
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()


def _account_of(error):
    """When, what and where, in words; frames of the launcher and of labkit itself are left out."""
    if isinstance(error, SystemExit):
        what = f"called sys.exit({error.code!r})"
    elif isinstance(error, SyntaxError):  # it begins with its file's line, which is no sentence
        what = f"raised {type(error).__name__}: {error}"
    else:
        what = f"raised {''.join(traceback.format_exception_only(error)).strip()}"
    own = [f for f in traceback.extract_tb(error.__traceback__) if not _is_ours(f.filename)]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(own)] if own else []
    text = "".join([*lines, *traceback.format_exception_only(error)]).rstrip()
    return {"time": time.monotonic(), "what": _shortened(what), "traceback": _shortened(text)}


def _shortened(text):
    """Both ends of a text that would flood the notebook."""
    half = MAX_TOLD // 2
    return text if len(text) <= MAX_TOLD else f"{text[:half]}\n ... \n{text[-half:]}"


def _is_ours(filename):
    return filename.startswith((os.path.dirname(__file__), "<frozen runpy>"))


def _redirect(stream, path):
    """Send all that this process writes, C libraries included, into a file, line by line."""
    stream.flush()
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, stream.fileno())
    os.close(file)
    stream.reconfigure(line_buffering=True, errors="backslashreplace")


def _leave(status):
    """End at once: libraries that would wait for a peer in their destructors are not asked."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    run_rank(sys.argv[1], int(sys.argv[2]))
