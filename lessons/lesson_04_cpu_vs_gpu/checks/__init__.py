"""Checks of lesson 04: its two turns, and the exercises."""

from lessons.lesson_04_cpu_vs_gpu.checks import (
    turns,
    throughput,
    reached_bandwidth,
    best_batch,
    first_win,
    largest_batch,
)
