"""Checks of lesson 02: its three turns, and the exercises."""

from lessons.lesson_02_roofline.checks import (
    turns,
    stencil,
    moved_bytes,
    new_hardware,
    cheapest_chip,
    program_rate,
)
