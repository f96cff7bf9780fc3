"""Checks of lesson 09: attention's bytes, online softmax, a kernel, int8 with a bound, tiles."""

from labkit.teach.checks.lesson_09 import (
    stepwise_bytes,
    merge,
    column_softmax,
    int8_product,
    attend,
)
