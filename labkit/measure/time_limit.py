"""A time limit around a call that may never return."""

import contextlib
import signal
import threading
from contextlib import AbstractContextManager
from time import monotonic

_LONGEST_S = 1e8  # three years: what timers take


class OutOfTime(BaseException):
    """Raised inside the call that ran out of time; no Exception, so that the call cannot eat it."""


def time_limit(limit_s: float) -> AbstractContextManager[None]:
    """Raise OutOfTime inside the `with` block once it has lasted `limit_s` seconds.

    On the main thread of Linux and macOS an alarm also ends a sleep and a wait for a lock. On
    Windows and on other threads the block ends at its next Python instruction, so a sleep ends
    late. A call into C that never comes back to Python cannot be ended from inside the process.
    """
    limit_s = min(limit_s, _LONGEST_S)
    on_main = threading.current_thread() is threading.main_thread()
    return _alarm(limit_s) if on_main and hasattr(signal, "setitimer") else _watchdog(limit_s)


@contextlib.contextmanager
def _alarm(limit_s):
    handler = signal.signal(signal.SIGALRM, _ring)
    began_s = monotonic()
    others_s, others_interval_s = signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler or signal.SIG_DFL)
        if others_s:  # somebody else's alarm was running: give it back what is left
            left_s = max(others_s - (monotonic() - began_s), 1e-3)
            signal.setitimer(signal.ITIMER_REAL, left_s, others_interval_s)


def _ring(signal_number, frame):
    raise OutOfTime


@contextlib.contextmanager
def _watchdog(limit_s):
    import ctypes  # dear to import, and seldom needed

    thread = ctypes.c_ulong(threading.get_ident())
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    watchdog = threading.Timer(limit_s, raise_in, (thread, ctypes.py_object(OutOfTime)))
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()
        watchdog.join()
        raise_in(thread, None)  # it may have fired just as the block ended
