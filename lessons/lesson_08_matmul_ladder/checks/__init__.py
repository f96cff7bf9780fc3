"""Checks of lesson 08: sectors of tiles, a coalesced, a tiled and a square product, what fits."""

from lessons.lesson_08_matmul_ladder.checks import (
    tile_sectors,
    coalesced_product,
    tiled_product,
    largest_tile,
    square_product,
)
