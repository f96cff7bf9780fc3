"""Running a student's code: within a time limit, and without its prints."""

import contextlib
import contextvars
import ctypes
import io
import threading
import time
import warnings

_LOOK_EVERY_S = 0.1
_STOP_TRIES, _STOP_WAIT_S = 10, 0.02


def outcome(fn, max_time_s):
    """Run `fn()` and return what it raised, or None.

    It runs in a thread of its own: so it can be left behind wherever it hangs, on every system,
    and a KeyboardInterrupt that it raises is no interrupt by the user, which still interrupts.
    (`labkit.measure` limits a call on the caller's own thread, which a timing must not leave.)

    Raises TimeoutError when it has not returned after `max_time_s`.
    """
    raised, ended = [], threading.Event()

    def work():
        try:
            fn()
        except BaseException as error:
            raised.append(error)
        else:
            raised.append(None)
        finally:
            ended.set()

    context = contextvars.copy_context()
    worker = threading.Thread(target=context.run, args=(work,), name="check", daemon=True)
    worker.start()
    try:
        end_s = time.monotonic() + max_time_s
        # Not join: interrupted, it takes a thread that still runs for one that has ended.
        while not ended.is_set() and (left_s := end_s - time.monotonic()) > 0:
            ended.wait(min(left_s, _LOOK_EVERY_S))  # Windows takes an interrupt between two waits
    finally:
        _stop(worker, ended)
    if not raised or isinstance(raised[0], _Stop):
        raise TimeoutError
    return raised[0]


@contextlib.contextmanager
def quiet():
    """Drop what is printed and warned; yields a sink whose `used` says whether anything was."""
    sink = _Sink()
    with (
        contextlib.redirect_stdout(sink),
        contextlib.redirect_stderr(sink),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield sink


class _Sink(io.TextIOBase):
    used = False

    def write(self, text):
        self.used = True
        return len(text)


class _Stop(SystemExit):
    """Ends a thread; a SystemExit, because a thread dies of that without printing a traceback."""


def _stop(worker, ended):
    """Raise `_Stop` inside the worker, again if it is swallowed; a thread that sleeps is left."""
    for _ in range(_STOP_TRIES):
        if ended.is_set():
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(worker.ident), ctypes.py_object(_Stop)
        )
        ended.wait(_STOP_WAIT_S)
