"""Checks of lesson 18: its three turns, and the exercises."""

from lessons.lesson_18_fault_tolerance.checks import (
    newest_finished,
    young,
    checksum,
    audit,
    no_failure,
    least_waste,
    straggler,
    suspects,
)
