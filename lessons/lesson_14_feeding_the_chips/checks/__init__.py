"""Checks of lesson 14: its two turns, and the exercises."""

from lessons.lesson_14_feeding_the_chips.checks import (
    read_sample,
    load_ahead,
    most_accelerators,
    share,
    shuffled,
    batches_left,
)
