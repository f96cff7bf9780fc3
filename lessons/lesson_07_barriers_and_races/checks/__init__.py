"""Checks of lesson 07: its three turns, and the exercises."""

from lessons.lesson_07_barriers_and_races.checks import (
    turns,
    which_tool,
    ranks_in_a_block,
    private_bins,
    total,
    scan,
)
