"""Checks of lesson 11: tiles, fetches, a Pallas kernel, one all-reduce, a block."""

from labkit.teach.checks.lesson_11 import (
    padded_bytes,
    fetches,
    sum_blocks,
    mlp_block,
    smallest_block,
)
