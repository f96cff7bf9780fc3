"""Checks of lesson 05: how many blocks, a map, a table, a grid stride, less divergence."""

from lessons.lesson_05_first_kernels.checks import (
    how_many_blocks,
    clamp,
    distances,
    scale_add,
    two_crowds,
)
