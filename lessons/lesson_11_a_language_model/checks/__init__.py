"""Checks of lesson 11: its five turns, and the exercises."""

from lessons.lesson_11_a_language_model.checks import (
    products,
    vectors,
    looking_back,
    traffic,
    small_weights,
    batches,
)
