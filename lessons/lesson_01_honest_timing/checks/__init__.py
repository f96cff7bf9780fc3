"""Checks of lesson 01: its two turns, and the exercises."""

from lessons.lesson_01_honest_timing.checks import chances, timers, turns, which_lie
