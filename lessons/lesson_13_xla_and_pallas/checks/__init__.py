"""Checks of lesson 13: traffic, tiles, rows, HLO's types; an all-reduce, its bytes, Pallas."""

from lessons.lesson_13_xla_and_pallas.checks import (
    less_traffic,
    compute_bound_rows,
    padded_bytes,
    type_bytes,
    mlp_block,
    sent_bytes,
    fetches,
    sum_blocks,
    smallest_block,
)
