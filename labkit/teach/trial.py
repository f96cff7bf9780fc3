"""Running a student's code: within a time limit, without its prints, and without a trace after."""

import atexit
import contextlib
import contextvars
import ctypes
import io
import os
import sys
import threading
import time
import warnings

_LOOK_EVERY_S = 0.1
_PATIENCE = 3  # times the limit, for code that waits, or gets less than a core of a busy machine
_STOP_TRIES, _STOP_WAIT_S = 10, 0.02
_DEEPEST = 10_000  # calls in calls: far more overflow C's own stack, or the memory
_left = []  # the trials that left a thread behind


def outcome(fn, max_time_s):
    """Run `fn()` and return what it raised, or None.

    It runs in a thread of its own: so it can be left behind wherever it hangs, on every system,
    and a KeyboardInterrupt that it raises isn't an interrupt by the user, which still interrupts.
    (`labkit.measure` limits a call on the caller's own thread, which a timing must not leave.)

    Raises TimeoutError when it has not returned after `max_time_s`, of which this process had all
    as CPU time; after three times as long whatever it had.
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

    def run():
        with contextlib.suppress(_Stop):  # one that comes late, after the end
            context.run(work)

    worker = threading.Thread(target=run, name="check", daemon=True)
    with _limited_recursion(ended):
        worker.start()
        try:
            is_over = _limit(max_time_s)
            # Not join: interrupted, it takes a thread that still runs for one that has ended.
            while not ended.is_set() and not is_over():
                ended.wait(min(max_time_s, _LOOK_EVERY_S))  # Windows interrupts between two waits
        finally:
            _stop(worker, ended)
    if not raised or isinstance(raised[0], _Stop):
        raise TimeoutError
    return raised[0]


def _limit(max_time_s):
    """A function that says whether the time of a trial that begins now is over."""
    began_s, used_s = time.monotonic(), time.process_time()

    def is_over():
        passed_s = time.monotonic() - began_s
        if time.process_time() - used_s < max_time_s:
            return passed_s >= _PATIENCE * max_time_s
        return passed_s >= max_time_s

    return is_over


@contextlib.contextmanager
def _limited_recursion(ended):
    """Whatever limit a trial sets, it ends at `_DEEPEST`; the old limit comes back."""
    limit, set_limit = sys.getrecursionlimit(), sys.setrecursionlimit
    set_limit(min(limit, _DEEPEST))
    sys.setrecursionlimit = lambda new: set_limit(min(new, _DEEPEST))
    try:
        yield
    finally:
        sys.setrecursionlimit = set_limit
        if ended.is_set():  # Python aborts where a thread is deeper already than a new limit
            set_limit(limit)


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


@contextlib.contextmanager
def quiet():
    """Drop what trials print and warn; yields the trial, whose `used` says whether it did."""
    _mend()
    trial = _Trial()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial.muted_filters = warnings.filters
            sys.stdout, sys.stderr = _Muted(sys.stdout, trial), _Muted(sys.stderr, trial)
            yield trial
    finally:
        trial.end()


class _Trial:
    """What a trial found in this process, which is put back when it ends.

    One that hangs inside a `redirect_stdout` or the like puts back what *it* found when it ends at
    last, long after. So what it finds lets the rest of the program pass.
    """

    def __init__(self):
        self.used = False
        self._streams = sys.stdout, sys.stderr
        self._filters = self.muted_filters = warnings.filters
        self._threads_before = set(threading.enumerate())
        self._threads_left = None  # none yet: it runs

    def owns(self, thread):
        """Is it the trial's own thread, or one that it started?"""
        if self._threads_left is None:
            return thread not in self._threads_before
        return thread in self._threads_left

    def end(self):
        self.put_back()
        self._threads_left = set(threading.enumerate()) - self._threads_before
        if any(thread.name == "check" for thread in self._threads_left):
            _left.append(self)
            _mend_before_each_cell()
            _exit_without_them()

    def is_left(self):
        return any(thread.is_alive() for thread in self._threads_left)

    def holds_exit_up(self):
        """Did it start threads that still run? Its own one is a daemon, which Python leaves."""
        return any(thread.is_alive() and thread.name != "check" for thread in self._threads_left)

    def put_back(self):
        sys.stdout, sys.stderr = self._streams
        self.put_back_filters()

    def put_back_filters(self):
        if warnings.filters is self.muted_filters is not self._filters:
            warnings.filters = self._filters
            with warnings.catch_warnings():  # on its way out it says that the filters have changed
                pass


class _Muted(io.TextIOBase):
    """A stream without what a trial writes to it; all else reaches the real one through it."""

    def __init__(self, real, trial):
        self.real, self._trial = real, trial

    def write(self, text):
        if not self._trial.owns(threading.current_thread()):
            return self.real.write(text)
        self._trial.used = True
        return len(text)

    def flush(self):
        self.real.flush()

    def close(self):
        """A trial that closes it closes nothing."""

    def __getattr__(self, name):
        if self._trial.owns(threading.current_thread()):
            raise AttributeError(name)
        return getattr(self.real, name)


# What a trial that was left behind may still do


def _mend():
    """Undo what a trial that ended late put back: its own muted streams and filters."""
    for name in ("stdout", "stderr"):
        while isinstance(stream := getattr(sys, name), _Muted):
            setattr(sys, name, stream.real)
    for trial in _left:
        trial.put_back_filters()


def _mend_cell(_cell=None):
    """A notebook's streams stay the same ones, so that before a cell they can be put back whole."""
    for trial in _left:
        trial.put_back()
    _left[:] = [trial for trial in _left if trial.is_left()]
    shell = sys.modules["IPython"].get_ipython()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "set_parent"):  # what was not there when the cell began
            stream.set_parent(shell.parent_header)


def _mend_before_each_cell():
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell:
        with contextlib.suppress(ValueError):  # the first time there is nothing to take away
            shell.events.unregister("pre_run_cell", _mend_cell)
        shell.events.register("pre_run_cell", _mend_cell)


def _exit_without_them():
    """See to it that this process ends though threads do not for which Python would wait."""
    if len(_left) > 1:  # it is seen to
        return
    # Before Python waits for its threads; atexit's turn comes after that.
    register = getattr(threading, "_register_atexit", atexit.register)
    with contextlib.suppress(RuntimeError):  # the process ends already
        register(_exit_at_once)


def _exit_at_once():
    if not any(trial.holds_exit_up() for trial in _left):
        return
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(1 if hasattr(sys, "last_value") else 0)
