"""`Timer`: how long did these lines take?"""

from time import perf_counter_ns
from typing import Self

from labkit.reading import Origin, Reading


class Timer:
    """Times the lines of a `with` block: `with Timer() as t: work()`, then `t.elapsed_s`.

    It reads the host's monotonic clock and waits for nothing: work that still runs on a GPU when
    the block ends is not in the figure (`bench` waits). A timer can be used again; it keeps the
    last window. Reading a window that has not closed raises RuntimeError.
    """

    # Slots and two bare stores: entering and leaving costs less than half a microsecond.
    __slots__ = ("_start_ns", "_stop_ns")
    _start_ns: int
    _stop_ns: int | None

    def __enter__(self) -> Self:
        self._stop_ns = None
        self._start_ns = perf_counter_ns()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop_ns = perf_counter_ns()

    @property
    def elapsed_ns(self) -> int:
        """Nanoseconds from the first to the last line of the window, as an integer."""
        stop_ns: int | None = getattr(self, "_stop_ns", None)
        if stop_ns is None:
            raise RuntimeError(
                "This timer has no closed window yet. Put the work inside `with Timer() as t:` and "
                "read t.elapsed_s after the block."
            )
        return stop_ns - self._start_ns

    @property
    def elapsed_s(self) -> float:
        """Seconds from the first to the last line of the window."""
        return self.elapsed_ns * 1e-9

    def __repr__(self):
        if getattr(self, "_stop_ns", None) is None:
            return "Timer without a closed window"
        return str(Reading("elapsed", self.elapsed_s, "s", Origin.MEASURED))
