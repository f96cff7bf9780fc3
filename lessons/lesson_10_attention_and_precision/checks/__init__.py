"""Checks of lesson 10: attention's bytes, online softmax, a kernel, int8 with a bound, tiles."""

from lessons.lesson_10_attention_and_precision.checks import (
    stepwise_bytes,
    merge,
    column_softmax,
    int8_product,
    attend,
)
