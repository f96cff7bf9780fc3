"""Time a window, a callable, or two callables against each other."""

from labkit.measure.benchmark import bench, compare
from labkit.measure.timer import Timer
from labkit.measure.timing import Comparison, Timing
from labkit.measure.turns import TimesInTurns, recorded_times, times_in_turns

__all__ = [
    "Comparison",
    "Timer",
    "TimesInTurns",
    "Timing",
    "bench",
    "compare",
    "recorded_times",
    "times_in_turns",
]  # fmt: skip
