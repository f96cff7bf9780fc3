"""A systolic matrix unit, cycle by cycle: exact results, exact cycle counts, and their formulas."""

from labkit.systolic.count import Count
from labkit.systolic.state import State
from labkit.systolic.unit import MatrixUnit, Run

__all__ = ["Count", "MatrixUnit", "Run", "State"]
