"""Checks of lesson 21: its three turns, and the exercises."""

from lessons.lesson_21_cost_and_carbon.checks import (
    turns,
    purchase,
    fast_enough,
    own_or_rent,
    budget,
    audit,
)
