"""Checks of lesson 12: its two turns, and the exercises."""

from lessons.lesson_12_systolic_arrays.checks import (
    turns,
    edges,
    padding,
    layer,
    clock,
    batch,
)
