"""Time a window, a callable, or two callables against each other."""

from labkit.measure.benchmark import bench, compare
from labkit.measure.timer import Timer
from labkit.measure.timing import Comparison, Timing

__all__ = ["Comparison", "Timer", "Timing", "bench", "compare"]
