"""Checks of lesson 13: tiles, fetches, a Pallas kernel, one all-reduce, a block."""

from lessons.lesson_13_xla_and_pallas.checks import (
    padded_bytes,
    fetches,
    sum_blocks,
    mlp_block,
    smallest_block,
)
