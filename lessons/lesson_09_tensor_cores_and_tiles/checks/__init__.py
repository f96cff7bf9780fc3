"""Checks of lesson 09: its three turns, and the exercises."""

from lessons.lesson_09_tensor_cores_and_tiles.checks import (
    attention,
    feeding_tile,
    four_sums,
    softmax_of_rows,
    turns,
)
