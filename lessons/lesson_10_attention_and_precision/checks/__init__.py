"""Checks of lesson 10: attention's traffic, online softmax, tiles, int8 with a bound, blocks."""

from lessons.lesson_10_attention_and_precision.checks import (
    attend,
    int8_product,
    merge,
    mxfp4,
    online,
    quantise,
    stepwise_bytes,
)
