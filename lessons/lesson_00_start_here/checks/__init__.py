"""Checks of lesson 00: its two turns, and the exercises."""

from lessons.lesson_00_start_here.checks import counting, limits, turns
