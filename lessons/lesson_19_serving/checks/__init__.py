"""Checks of lesson 19: its two turns, and the exercises."""

from lessons.lesson_19_serving.checks import turns, goodput, cache, replicas, retries
