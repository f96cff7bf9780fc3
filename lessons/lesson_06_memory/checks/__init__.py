"""Checks of lesson 06: sectors, wavefronts, a mended access, a stencil in a tile, a transpose."""

from lessons.lesson_06_memory.checks import (
    count_sectors,
    count_wavefronts,
    scale_rows,
    smooth,
    transpose,
)
