"""Checks of lesson 08: sectors of tiles, a coalesced, a tiled and a square product, what fits."""

from labkit.teach.checks.lesson_08 import (
    tile_sectors,
    coalesced_product,
    tiled_product,
    largest_tile,
    square_product,
)
