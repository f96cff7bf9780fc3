"""Checks of lesson 07: which tool orders, ranks in a block, private bins, a sum, a scan."""

from lessons.lesson_07_barriers_and_races.checks import (
    which_tool,
    ranks_in_a_block,
    private_bins,
    total,
    scan,
)
