"""Checks of lesson 17: its two turns, and the exercises."""

from lessons.lesson_17_planning_a_training_run.checks import (
    turns,
    utilisation,
    bubble,
    audit,
    holdout,
    scaling,
)
