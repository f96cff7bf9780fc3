"""Checks of lesson 06: its two turns, and the exercises."""

from lessons.lesson_06_memory.checks import (
    turns,
    records,
    count_wavefronts,
    scale_rows,
    smooth,
    transpose,
)
