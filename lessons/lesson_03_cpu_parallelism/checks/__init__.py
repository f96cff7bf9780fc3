"""Checks of lesson 03: its two turns, and the exercises."""

from lessons.lesson_03_cpu_parallelism.checks import (
    turns,
    amdahl,
    threads_for,
    diagnosis,
    quota,
    weak_scaling,
)
