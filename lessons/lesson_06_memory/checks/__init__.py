"""Checks of lesson 06: sectors, wavefronts, a mended access, a stencil in a tile, a transpose."""

from labkit.teach.checks.lesson_06 import (
    count_sectors,
    count_wavefronts,
    scale_rows,
    smooth,
    transpose,
)
