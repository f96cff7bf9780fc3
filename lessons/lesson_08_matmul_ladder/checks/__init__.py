"""Checks of lesson 08: its three turns, and the exercises."""

from lessons.lesson_08_matmul_ladder.checks import (
    turns,
    tile_sectors,
    best_register_tile,
    turned_product,
    largest_tile,
    square_product,
)
