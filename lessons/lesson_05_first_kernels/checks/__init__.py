"""Checks of lesson 05: its four turns, and the exercises."""

from lessons.lesson_05_first_kernels.checks import (
    turns,
    launch_plan,
    business_logic,
    pooling,
    integral,
    two_crowds,
)
