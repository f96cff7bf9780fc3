"""Checks of lesson 15: its two turns, and the exercises."""

from lessons.lesson_15_collectives.checks import (
    turns,
    bus_bandwidth,
    faster,
    hierarchical,
    backward,
)
