"""Checks of lesson 05: how many blocks, a map, a table, a grid stride, less divergence."""

from labkit.teach.checks.lesson_05 import (
    how_many_blocks,
    clamp,
    distances,
    scale_add,
    two_crowds,
)
